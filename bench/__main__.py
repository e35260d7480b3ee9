"""`python -m bench [NAME ...] [--quick] [--json FILE]`: run benches and print one table."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Figure, Report, render_table
from bench.laboratory import LaboratoryError
from bench.processes import Busyness, describe_machine

BENCHES = (
    "writes",
    "storm",
    "lateness",
    "analysis",
    "gate",
    "idle",
    "cold",
    "planner",
    "conditions",
    "simulator",
    "events",
    "real",
)
"""In the order in which they run; each is a module with a `run`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benches, all without a name; 1 when one could not be carried out.

    A missed target is a finding, not a failure: the table says so, and the exit code does not.
    """
    args = _parser().parse_args(arguments)
    results = Results(is_quick=args.quick)
    for name in args.names or BENCHES:
        _run(name, results)
    print(*results.lines(), sep="\n")
    if args.json:
        args.json.write_text(json.dumps(results.as_json(), indent=2) + "\n")
    return 1 if results.failures else 0


@dataclass(slots=True)
class Results:
    """Everything that was found, on what, and beside what."""

    is_quick: bool
    machine: dict[str, str] = field(default_factory=describe_machine)
    figures: list[Figure] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    others_percent: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, report: Report, *, seconds: float, others_percent: float) -> str:
        """Add what a bench found; return a line that says how it ran."""
        self.figures += report.figures
        self.others_percent[name] = round(others_percent, 1)
        line = f"{name}: took {seconds:.0f} s; other work had {others_percent:.0f} % of the cores"
        self.details += [*report.details, f"  {line.partition(': ')[2]}"]
        return line

    def lines(self) -> tuple[str, ...]:
        """Return what is printed: the table, what stands behind it, and the machine."""
        machine = "; ".join(f"{what}: {value}" for what, value in self.machine.items())
        return (*render_table(self.figures), "", *self.details, "", machine)

    def as_json(self) -> dict[str, Any]:
        """Return what is written to a file."""
        return {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": self.is_quick,
            "machine": self.machine,
            "figures": [figure.as_json() for figure in self.figures],
            "failures": self.failures,
            "others_percent": self.others_percent,
        }


def _run(name: str, results: Results) -> None:
    before = Busyness.now()
    try:
        report = importlib.import_module(f"bench.{name}").run(quick=results.is_quick)
    except LaboratoryError as error:
        words = "\n".join([str(error), *getattr(error, "__notes__", ())])
        results.failures[name] = words
        print(f"{name}: could not be carried out: {words}", file=sys.stderr, flush=True)
        return
    after = Busyness.now()
    line = results.take(
        name,
        report,
        seconds=after.at - before.at,
        others_percent=after.strangers_percent(before),
    )
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    # Not `choices`: argparse would hold an empty list against them.
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_bench, help=f"of {', '.join(BENCHES)}"
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    return parser


def _bench(name: str) -> str:
    if name not in BENCHES:
        raise argparse.ArgumentTypeError(f"there is no bench {name!r}; use {', '.join(BENCHES)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
