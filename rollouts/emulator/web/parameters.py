"""Query parameters and options bodies of requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import ApiError, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import MultiMapping

TIMEOUT_SECONDS_MAX = 3600
"""Watches without a timeout of their own end after this, and clients open them again."""

VALIDATIONS = ("Ignore", "Strict", "Warn")


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


def read_write_options(query: MultiMapping[str], user_agent: str) -> WriteOptions:
    """Read the options of a create, update or patch.

    Raises:
        ApiError: 422, a value is none of those there are.
    """
    validation = query.get("fieldValidation") or "Warn"
    if validation not in VALIDATIONS:
        names = ", ".join(f'"{each}"' for each in VALIDATIONS)
        raise invalid_option(
            "fieldValidation", f'Unsupported value: "{validation}": supported values: {names}'
        )
    return WriteOptions(
        # The part of the user agent before the slash, as the real server does it.
        field_manager=query.get("fieldManager") or user_agent.partition("/")[0] or "unknown",
        field_validation=validation,
        dry_run=read_dry_run(query.getall("dryRun", [])),
        force=read_flag(query, "force"),
    )


def read_dry_run(values: Any) -> bool:
    """Read `dryRun`, which may only be `All`.

    Raises:
        ApiError: 422.
    """
    for value in values or ():
        if value and value != "All":
            raise invalid_option("dryRun", f'Unsupported value: "{value}": supported values: "All"')
    return any(values or ())


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
        raise bad_request(
            f'strconv.ParseInt: parsing "{text}": invalid syntax in parameter {name}'
        ) from None


def read_deletion(body: Any, query: MultiMapping[str]) -> DeletionOptions:
    """Read DeleteOptions from the body, and what the query says where the body is silent.

    Raises:
        ApiError: 400 or 422.
    """
    options: Mapping[str, Any] = body if isinstance(body, dict) else {}
    kind = options.get("kind", "DeleteOptions")
    if kind != "DeleteOptions":
        raise bad_request(f"the body of a deletion must be DeleteOptions, not {kind}")
    propagation = options.get("propagationPolicy") or query.get("propagationPolicy") or ""
    orphans = options.get("orphanDependents")
    if orphans is not None and not propagation:
        propagation = "Orphan" if orphans else "Background"
    preconditions = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds")
    if grace is None and query.get("gracePeriodSeconds"):
        grace = read_count(query, "gracePeriodSeconds", 0)
    if grace is not None and not isinstance(grace, int):
        raise bad_request(f"gracePeriodSeconds must be a number, not {grace!r}")
    dry_run = options.get("dryRun") or query.getall("dryRun", [])
    return DeletionOptions(
        propagation=propagation,
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        grace_seconds=grace,
        dry_run=read_dry_run(dry_run),
    )


def invalid_option(field: str, problem: str) -> ApiError:
    """Return the 422 of a wrong option."""
    message = f' "" is invalid: {field}: {problem}'
    return ApiError(422, "Invalid", message.strip())
