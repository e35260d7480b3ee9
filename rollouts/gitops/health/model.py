"""The words of health."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rollouts.api.refs import Manifest


class Status(StrEnum):
    """How an object does, best first; the words of an Application's status."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    @property
    def badness(self) -> int:
        """Return the place in the order from best to worst."""
        return _ORDER.index(self)


_ORDER = tuple(Status)


@dataclass(frozen=True, slots=True)
class Health:
    """A status, and why it is so; foreign messages are passed on as they are."""

    status: Status
    message: str = ""


def healthy(message: str = "") -> Health:
    """Return that all is well."""
    return Health(Status.HEALTHY, message)


def progressing(message: str) -> Health:
    """Return that it is not there yet, and nothing speaks against its getting there."""
    return Health(Status.PROGRESSING, message)


def degraded(message: str) -> Health:
    """Return that it failed, or will not get better by waiting."""
    return Health(Status.DEGRADED, message)


def suspended(message: str) -> Health:
    """Return that it waits for a person."""
    return Health(Status.SUSPENDED, message)


def mapping(value: object) -> Manifest:
    """Return a value if it is a mapping, else an empty one: live objects may hold anything."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> tuple[Manifest, ...]:
    """Return the mappings in a list, whatever else is in it."""
    return (
        tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()
    )


def number(value: object) -> int | None:
    """Return a whole number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def count(value: object, default: int = 0) -> int:
    """Return a counter; absent ones are zero, as the API server leaves zeros out."""
    found = number(value)
    return default if found is None else found


def metadata_of(manifest: Manifest) -> Manifest:
    """Return an object's metadata."""
    return mapping(manifest.get("metadata"))


def annotations_of(manifest: Manifest) -> Manifest:
    """Return an object's annotations."""
    return mapping(metadata_of(manifest).get("annotations"))


def spec_of(manifest: Manifest) -> Manifest:
    """Return an object's spec."""
    return mapping(manifest.get("spec"))


def status_of(manifest: Manifest) -> Manifest:
    """Return an object's status."""
    return mapping(manifest.get("status"))


def conditions_of(manifest: Manifest) -> dict[str, Manifest]:
    """Return type → condition; of two of one type the last counts."""
    found = items(status_of(manifest).get("conditions"))
    return {str(each.get("type", "")): each for each in found}


def is_true(condition: Manifest | None) -> bool:
    """Tell whether a condition is there and True."""
    return condition is not None and condition.get("status") == "True"


def is_false(condition: Manifest | None) -> bool:
    """Tell whether a condition is there and False."""
    return condition is not None and condition.get("status") == "False"


def said(condition: Manifest | None, default: str = "") -> str:
    """Return what a condition says in words, else its reason, else the default."""
    if condition is None:
        return default
    text: Any = condition.get("message") or condition.get("reason") or default
    return str(text)


def generation_gap(manifest: Manifest) -> bool:
    """Tell whether the object's controller has not seen its latest spec."""
    generation = count(metadata_of(manifest).get("generation"))
    return count(status_of(manifest).get("observedGeneration")) < generation
