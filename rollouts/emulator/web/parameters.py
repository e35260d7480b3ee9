"""Query parameters and options bodies of requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import (
    Cause,
    bad_request,
    forbidden_field,
    invalid,
    invalid_options,
    required,
    too_long,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import MultiMapping

TIMEOUT_SECONDS_MAX = 3600
"""Watches without a timeout of their own end after this, and clients open them again."""

VALIDATIONS = ("", "Ignore", "Strict", "Warn")
MANAGER_LENGTH_MAX = 128


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a write is to be carried out."""

    field_manager: str
    field_validation: str
    dry_run: bool
    force: bool


@dataclass(frozen=True, slots=True)
class DeletionOptions:
    """How a deletion is to be carried out; empty parts leave it to the type."""

    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    grace_seconds: int | None = None
    dry_run: bool = False


def read_write_options(
    query: MultiMapping[str], user_agent: str, kind: str, *, is_apply: bool = False
) -> WriteOptions:
    """Read the options of a create, update or patch.

    Args:
        kind: what they are called when something is wrong with them: `PatchOptions` say.

    Raises:
        ApiError: 422, with everything that is wrong.
    """
    validation, manager = query.get("fieldValidation", ""), query.get("fieldManager", "")
    dry_run, force = query.getall("dryRun", []), "force" in query
    causes = dry_run_causes(dry_run)
    if is_apply and not manager:
        causes.append(required("fieldManager", "is required for apply patch"))
    if force and kind == "PatchOptions" and not is_apply:
        causes.append(forbidden_field("force", "may not be specified for non-apply patch"))
    causes += manager_causes(manager)
    if validation not in VALIDATIONS:
        causes.append(unsupported("fieldValidation", validation, VALIDATIONS))
    if causes:
        raise invalid_options(kind, causes)
    return WriteOptions(
        # The part of the user agent before the slash, as the real server does it.
        field_manager=manager or user_agent.partition("/")[0] or "unknown",
        field_validation=validation or "Warn",
        dry_run=any(dry_run),
        force=read_flag(query, "force"),
    )


def dry_run_causes(values: Any) -> list[Cause]:
    """Return what is wrong with `dryRun`, which may only be `All`."""
    given = [value for value in values or () if value]
    wrong = any(value != "All" for value in given)
    return [unsupported("dryRun", given, ("All",))] if wrong else []


def manager_causes(manager: str) -> list[Cause]:
    """Return what is wrong with the name of a field manager."""
    causes = []
    if len(manager) > MANAGER_LENGTH_MAX:
        causes.append(too_long("fieldManager", MANAGER_LENGTH_MAX))
    for position, character in enumerate(manager):
        if not character.isprintable():
            why = f"invalid character U+{ord(character):04X} (at position {position})"
            causes.append(invalid("fieldManager", manager, why))
            break
    return causes


def check_list_options(query: Mapping[str, str], *, watching: bool) -> None:
    """Refuse parameters of a list or a watch that do not go together.

    Raises:
        ApiError: 422, with everything that is wrong.
    """
    version, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    has_initial = "sendInitialEvents" in query
    if watching and not has_initial and not match and version in {"", "0"}:
        # What such a watch begins with are initial events, whatever it calls them.
        has_initial, match = True, "NotOlderThan"
    causes = _watch_causes(match, has_initial=has_initial) if watching else []
    if not watching:
        causes += _list_causes(match, version, has_initial=has_initial)
    if match and query.get("continue"):
        causes.append(_forbidden_match("is forbidden when continue is provided"))
    if causes:
        raise invalid_options("ListOptions", causes)


def _watch_causes(match: str, *, has_initial: bool) -> list[Cause]:
    causes = []
    if match and not has_initial:
        why = "is forbidden for watch unless sendInitialEvents is provided"
        causes.append(_forbidden_match(why))
    if has_initial and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(forbidden_field(_MATCH, why))
    if match not in {"", "NotOlderThan"}:
        causes.append(unsupported(_MATCH, match, ("NotOlderThan",)))
    return causes


def _list_causes(match: str, version: str, *, has_initial: bool) -> list[Cause]:
    causes = []
    if match and not version:
        causes.append(_forbidden_match("is forbidden unless resourceVersion is provided"))
    if match not in {"", "Exact", "NotOlderThan"}:
        causes.append(unsupported(_MATCH, match, ("Exact", "NotOlderThan", "")))
    if match == "Exact" and version == "0":
        causes.append(_forbidden_match('"exact" is forbidden for resourceVersion "0"'))
    if has_initial:
        why = "sendInitialEvents is forbidden for list"
        causes.append(forbidden_field("sendInitialEvents", why))
    return causes


_MATCH = "resourceVersionMatch"


def _forbidden_match(why: str) -> Cause:
    return forbidden_field(_MATCH, f"{_MATCH} {why}")


def read_flag(query: Mapping[str, str], name: str) -> bool:
    """Read a boolean parameter; one without a value is true, as `?watch` is."""
    value = query.get(name)
    return value is not None and value.lower() not in {"false", "0"}


def read_count(query: Mapping[str, str], name: str, default: int) -> int:
    """Read a number.

    Raises:
        ApiError: 400, it is none.
    """
    text = query.get(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def read_deletion(body: Any, query: MultiMapping[str]) -> DeletionOptions:
    """Read DeleteOptions from the body, and what the query says where the body is silent.

    Raises:
        ApiError: 400 or 422.
    """
    options: Mapping[str, Any] = body if isinstance(body, dict) else {}
    kind = options.get("kind", "DeleteOptions")
    if kind != "DeleteOptions":
        version = options.get("apiVersion", "v1")
        raise bad_request(
            f'no kind "{kind}" is registered for version "{version}" '
            'in scheme "pkg/runtime/scheme.go:111"'
        )
    propagation = options.get("propagationPolicy") or query.get("propagationPolicy") or ""
    orphans = options.get("orphanDependents")
    dry_run = options.get("dryRun") or query.getall("dryRun", [])
    causes = dry_run_causes(dry_run)
    if orphans is not None and propagation:
        why = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(invalid("propagationPolicy", propagation, why))
    if causes:
        raise invalid_options("DeleteOptions", causes)
    if orphans is not None:
        propagation = "Orphan" if orphans else "Background"
    preconditions = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds")
    if grace is None and query.get("gracePeriodSeconds"):
        grace = read_count(query, "gracePeriodSeconds", 0)
    if grace is not None and not isinstance(grace, int):
        raise bad_request(f"gracePeriodSeconds must be a number, not {grace!r}")
    return DeletionOptions(
        propagation=propagation,
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        grace_seconds=grace,
        dry_run=any(dry_run or ()),
    )
