"""`simulate`: what a Rollout will do and when, or one history of the simulator again."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rollouts.cli.show import listing, put

if TYPE_CHECKING:
    from rollouts.api.refs import Manifest
    from rollouts.simulate import Outcome
    from rollouts.simulate.forecast import Row
    from rollouts.simulate.scenario import Scenario

COLUMNS = ("ELAPSED", "STEP", "STABLE", "CANARY", "WEIGHT", "WHAT HAPPENS")
USAGE_ERROR = 2
READY_DEFAULT = "2s"
MILLISECOND = timedelta(milliseconds=1)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `simulate`."""
    parser = subparsers.add_parser(
        "simulate",
        help="show what each step of a rollout will do and when, without a cluster",
        description=(
            "With -f: deploy a new revision of a Rollout in virtual time, and print what each"
            " step does and when. With --seed or --scenario: replay one history of the"
            " controller's own tests, and exit 1 when it breaks a safety rule."
        ),
    )
    what = parser.add_argument_group("a Rollout")
    what.add_argument("-f", "--filename", help="file with the Rollout; - for standard input")
    what.add_argument(
        "--ready",
        type=_duration,
        default=READY_DEFAULT,
        metavar="DURATION",
        help="how long pods take to get ready (default: %(default)s)",
    )
    what.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="default: table"
    )
    history = parser.add_argument_group("a history")
    history.add_argument("--seed", type=int, metavar="N", help="all of the history's luck")
    history.add_argument(
        "--scenario", metavar="FILE", help="what happens in it; drawn from the seed without one"
    )
    history.add_argument(
        "--until",
        type=_duration,
        metavar="DURATION",
        help="stop here, such as 6h; without it, run until everything has come to rest",
    )
    history.add_argument(
        "--reduce",
        metavar="FILE",
        help="when a rule is broken, write the smallest scenario found that breaks it still",
    )
    parser.set_defaults(run=run_simulate)


def _duration(text: str) -> timedelta:
    from rollouts.api.times import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error


def run_simulate(args: argparse.Namespace) -> int:
    """Forecast a Rollout, or replay a history."""
    # The log of a simulated controller is no news about the real world.
    logging.getLogger("rollouts").addHandler(logging.NullHandler())
    is_history = args.seed is not None or args.scenario is not None
    if is_history == (args.filename is not None):
        print(
            "error: say what to simulate: either a Rollout, -f rollout.yaml, or a history,"
            " --seed 2090 or --scenario FILE",
            file=sys.stderr,
        )
        return USAGE_ERROR
    return _replay(args) if is_history else _forecast(args)


def _replay(args: argparse.Namespace) -> int:
    from rollouts.simulate import simulate

    scenario, seed = None, args.seed
    if args.scenario is not None:
        try:
            scenario, own_seed = _read_scenario(args.scenario)
        except (OSError, ValueError) as error:
            print(f"error: cannot use {args.scenario}: {error}", file=sys.stderr)
            return 1
        seed = own_seed if seed is None else seed
    until_ms = None if args.until is None else args.until // MILLISECOND
    outcome = simulate(seed=seed, scenario=scenario, until_ms=until_ms)
    for line in outcome.trace:
        print(line)
    elapsed = timedelta(milliseconds=outcome.elapsed_ms)
    print(
        f"\nseed {seed} ({outcome.scenario.name}): {outcome.events} events in"
        f" {str(elapsed).partition('.')[0]} of virtual time, {outcome.calls} calls,"
        f" {outcome.writes} writes"
    )
    if not outcome.violations:
        print("no rule broken")
        return 0
    for violation in outcome.violations:
        print(f"broken: {violation}")
    if args.reduce:
        return _reduce(outcome, args.reduce)
    return 1


def _reduce(outcome: Outcome, name: str) -> int:
    """Write the smallest scenario found that breaks the first broken rule again."""
    from rollouts.simulate.reduce import reduce_scenario
    from rollouts.simulate.scenario import write_scenario

    violation = outcome.violations[0]
    small = reduce_scenario(outcome.seed, outcome.scenario, violation.rule)
    try:
        Path(name).write_text(write_scenario(small, outcome.seed, str(violation)), encoding="utf-8")
    except OSError as error:
        print(f"error: cannot write {name}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"reduced to {name}; replay: rollouts simulate --scenario {name}")
    return 1


def _read_scenario(name: str) -> tuple[Scenario, int]:
    """Read a scenario file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no scenario.
    """
    import yaml

    from rollouts.simulate.scenario import read_scenario

    try:
        return read_scenario(Path(name).read_text(encoding="utf-8"))
    except KeyError as error:
        raise ValueError(f"an act lacks {error}") from error
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no scenario: {error}") from error


def _forecast(args: argparse.Namespace) -> int:
    from rollouts.api.documents import read_objects
    from rollouts.api.lint import lint_text
    from rollouts.api.refs import ROLLOUT

    try:
        text, source = _read(args.filename)
    except OSError as error:
        print(f"error: cannot read {args.filename}: {error.strerror}", file=sys.stderr)
        return 1
    findings = [each for each in lint_text(text, source) if each.severity == "error"]
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        return 1
    manifests = [each.manifest for each in read_objects(text, source)]
    rollouts = [
        each
        for each in manifests
        if each.get("kind") == ROLLOUT.kind and each.get("apiVersion") == ROLLOUT.api_version
    ]
    if not rollouts:
        print(f"error: {source} holds no Rollout of {ROLLOUT.api_version}", file=sys.stderr)
        return 1
    show_all = _show_json if args.output == "json" else _show_tables
    return show_all(rollouts, args.ready)


def _read(name: str) -> tuple[bytes, str]:
    if name == "-":
        return sys.stdin.buffer.read(), "standard input"
    return Path(name).read_bytes(), name


def _show_tables(rollouts: Sequence[Manifest], ready: timedelta) -> int:
    from rollouts.cli.picture import say_duration

    for position, rollout in enumerate(rollouts):
        rows = _rows(rollout, ready)
        if position:
            print()
        name, wanted = rollout["metadata"].get("name", ""), rollout["spec"].get("replicas")
        replicas = "1 replica" if wanted in {None, 1} else f"{wanted} replicas"
        print(f"Rollout {name}, {replicas}; pods are ready after {say_duration(ready)}")
        put(listing(COLUMNS, [_cells(row) for row in rows]))
    return 0


def _cells(row: Row) -> tuple[str, ...]:
    return (
        _say_elapsed(row.elapsed),
        f"{row.step}/{row.step_count}" if row.step_count else "-",
        str(row.stable_pods),
        str(row.canary_pods),
        "-" if row.weight is None else str(row.weight),
        f"{row.what} ({row.note})" if row.note else row.what,
    )


def _say_elapsed(elapsed: timedelta) -> str:
    """Return a time as h:mm:ss, with the days in hours so that a column of them lines up."""
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def _show_json(rollouts: Sequence[Manifest], ready: timedelta) -> int:
    import json

    print(json.dumps([_document(each, _rows(each, ready)) for each in rollouts], indent=2))
    return 0


def _document(rollout: Manifest, rows: Sequence[Row]) -> Manifest:
    return {
        "rollout": rollout["metadata"].get("name", ""),
        "rows": [
            {
                "elapsedSeconds": int(row.elapsed.total_seconds()),
                "step": row.step,
                "stepCount": row.step_count,
                "what": row.what,
                "note": row.note,
                "stablePods": row.stable_pods,
                "canaryPods": row.canary_pods,
                "weight": row.weight,
            }
            for row in rows
        ],
    }


def _rows(rollout: Manifest, ready: timedelta) -> tuple[Row, ...]:
    from rollouts.simulate.forecast import forecast

    start = datetime.now(UTC)
    return forecast(rollout, start=start, ready_seconds=ready.total_seconds())
