"""What is wrong with a manifest, said so that a person can mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from rollouts.api.refs import Manifest

Path: TypeAlias = tuple[str | int, ...]
"""A place in a manifest: keys and list positions from the top."""

SHOWN_VALUE_MAX = 80
"""Longest piece of an offending value that a message repeats: enough to recognise it."""

PROBLEMS_MAX = 100
"""Most problems said of one manifest: more would drown the reader and swell the status."""

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s\"]*@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place.

    Attributes:
        path: the field, such as `spec.strategy.canary.steps[2].pause.duration`.
        message: what is wrong and what to do, without path and value.
        value: what stands there; None when the field is missing.
    """

    path: str
    message: str
    value: Any = None

    def __str__(self) -> str:
        found = "" if self.value is None else f" (found {show_value(self.value)})"
        return f"{self.path}: {self.message}{found}"

    @property
    def peer_text(self) -> str:
        """Return the problem in the words of Kubernetes: `path: Invalid value: v: message`."""
        if self.value is None:
            return f"{self.path}: Required value: {self.message}"
        return f"{self.path}: Invalid value: {show_value(self.value)}: {self.message}"


class InvalidSpec(Exception):
    """A manifest is not fit for use; `problems` says all that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem whose path is not rendered yet, so that findings can be put in order."""

    path: Path
    message: str
    value: Any = None


def show_value(value: Any) -> str:
    """Return an offending value in short, fit for a status that many people can read.

    Of a map only the keys are shown and of a list only the length: what is in them may be
    secret, and is not what is wrong. Credentials in addresses are blotted out.
    """
    if isinstance(value, dict):
        text = "{" + ", ".join(str(key) for key in islice(value, SHOWN_VALUE_MAX)) + "}"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)}"
    else:
        text = _scalar_text(value)
    return text if len(text) <= SHOWN_VALUE_MAX else text[: SHOWN_VALUE_MAX - 1] + "…"


def _scalar_text(value: Any) -> str:
    """Return a scalar as JSON, without credentials."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python refuses to write out numbers of more than 4300 digits.
        return "a number of thousands of digits"
    return _CREDENTIALS.sub("***@", text)


def render_path(path: Path) -> str:
    """Return `a.b[2].c`; a key that is no plain word stands in brackets, as in Kubernetes."""
    text = ""
    for part in path:
        if isinstance(part, int) or not _PLAIN_KEY.fullmatch(part):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def in_order(manifest: Manifest, findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Return findings as problems, in the order of their places in the manifest, each once.

    A missing field comes after its siblings that are there; several findings at one place keep
    the order in which they were made. Of more than `PROBLEMS_MAX` the last says how many more.
    """
    ranks: dict[int, dict[Any, int]] = {}
    placed = sorted(findings, key=lambda finding: _position(manifest, finding.path, ranks))
    kept: dict[tuple[str, str], Problem] = {}
    for each in placed:
        problem = Problem(render_path(each.path), each.message, each.value)
        kept.setdefault((problem.path, problem.message), problem)
    problems = tuple(kept.values())
    if len(problems) <= PROBLEMS_MAX:
        return problems
    shown = problems[: PROBLEMS_MAX - 1]
    rest = len(problems) - len(shown)
    return (*shown, Problem("", f"{rest} more problems are not listed; mend these first"))


def _position(
    manifest: Any, path: Path, ranks: dict[int, dict[Any, int]]
) -> tuple[tuple[int, str], ...]:
    """Return where a path lies in a manifest, as something that sorts.

    Args:
        ranks: the order of the keys of each map met so far, by the map's identity.
    """
    place, here = [], manifest
    for part in path:
        if isinstance(here, dict) and part in here:
            if id(here) not in ranks:
                ranks[id(here)] = {key: index for index, key in enumerate(here)}
            place.append((ranks[id(here)][part], ""))
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            place.append((part, ""))
            here = here[part]
        else:
            # Not there: behind all siblings; two missing ones stand in the order of names.
            behind = len(here) if isinstance(here, dict | list) else 0
            place.append((behind, str(part)))
            here = None
    return tuple(place)
