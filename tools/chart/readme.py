# ruff: noqa: INP001  # a script, not a package
"""Writes the table of values into the chart's README: keys, defaults and their comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts" / "rollouts"
BEGIN = "<!-- values: written by `make chart` -->"
END = "<!-- end of values -->"
DEFAULT_LENGTH_MAX = 60

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w.]*):(?P<rest>.*)$")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the chart: its path, the comment above it, and its default."""

    path: str
    comment: str
    default: Any


def read_values(text: str) -> Iterator[Value]:
    """Return each value that bears a comment, in the order of the file."""
    defaults = yaml.safe_load(text)
    comment: list[str] = []
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        found = _KEY.match(line)
        if found is not None:
            indent = len(found["indent"])
            above = [each for each in above if each[0] < indent]
            above.append((indent, found["key"]))
            path = [key for _, key in above]
            if comment:
                yield Value(".".join(path), " ".join(comment), _lookup(defaults, path))
        comment = []


def leaves(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Return the path of every value that the schema does not divide further."""
    for key, value in values.items():
        below = schema["properties"][key]
        if below.get("properties") and isinstance(value, dict) and key != "resources":
            yield from leaves(value, below, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def table(text: str) -> str:
    """Return the table as Markdown."""
    rows = [
        f"| `{each.path}` | {_cell(each.default)} | {each.comment} |" for each in read_values(text)
    ]
    return "\n".join(("| Value | Default | What it does |", "| --- | --- | --- |", *rows))


def render(readme: str, values: str) -> str:
    """Return the README with a fresh table."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(values)}\n{END}{tail}"


def _lookup(defaults: Any, path: list[str]) -> Any:
    for key in path:
        defaults = defaults[key]
    return defaults


def _cell(default: Any) -> str:
    text = json.dumps(default)
    if len(text) > DEFAULT_LENGTH_MAX:
        return "see values.yaml"
    return f"`{text}`"


def main() -> None:
    """Write the README."""
    path = CHART / "README.md"
    path.write_text(render(path.read_text(), (CHART / "values.yaml").read_text()))


if __name__ == "__main__":
    main()
