"""Tables: objects as rows and columns, the way `kubectl get` asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.web.ages import age_of
from rollouts.emulator.web.columns import Printer, printer_of
from rollouts.emulator.web.jsonpath import BadPath, find, parse_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rollouts.emulator.resources import Manifest, ResourceType

NAME_COLUMN = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name of the object, unique among its kind in a namespace.",
    "priority": 0,
}
AGE_COLUMN = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def make_table(
    rt: ResourceType,
    items: Iterable[Manifest],
    now: datetime,
    *,
    metadata: Manifest,
    include: str = "Metadata",
    headers: bool = True,
) -> Manifest:
    """Return objects as a meta.k8s.io/v1 Table.

    Args:
        metadata: the list metadata of the table.
        include: what each row carries of its object: None, Metadata or Object.
        headers: give the column definitions; a watch sends them only once.
    """
    if rt.custom:
        definitions, rows = _custom_columns(rt), [_custom_cells(rt, item, now) for item in items]
        pairs = zip(items, rows, strict=True)
    else:
        printer = printer_of(rt)
        definitions = _definitions(printer)
        pairs = zip(items, [printer.cells(item, now) for item in items], strict=True)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions if headers else None,
        "rows": [{"cells": cells, "object": _part(item, include)} for item, cells in pairs],
    }


def partial_metadata(manifest: Manifest) -> Manifest:
    """Return an object without all but its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": manifest["metadata"],
    }


def _part(manifest: Manifest, include: str) -> Manifest | None:
    if include == "None":
        return None
    return manifest if include == "Object" else partial_metadata(manifest)


def _definitions(printer: Printer) -> list[Manifest]:
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": "name" if column.name == "Name" else "",
            "description": column.description,
            "priority": 1 if column.wide else 0,
        }
        for column in printer.columns
    ]


def _printer_columns(rt: ResourceType) -> tuple[dict[str, Any], ...]:
    return rt.printer_columns or (AGE_COLUMN,)


def _custom_columns(rt: ResourceType) -> list[Manifest]:
    return [
        NAME_COLUMN,
        *(
            {
                "name": column["name"],
                "type": column["type"],
                "format": column.get("format", ""),
                "description": column.get("description")
                or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
                "priority": column.get("priority", 0),
            }
            for column in _printer_columns(rt)
        ),
    ]


def _custom_cells(rt: ResourceType, manifest: Manifest, now: datetime) -> list[Any]:
    cells: list[Any] = [manifest["metadata"]["name"]]
    for column in _printer_columns(rt):
        try:
            found = find(parse_path(column["jsonPath"]), manifest)
        except BadPath:
            found = []  # The CRD was accepted with it; the column stays empty.
        cells.append(_cell(column["type"], found[0], now) if found else None)
    return cells


def _cell(kind: str, value: Any, now: datetime) -> Any:
    """Return a value as its column's type shows it; None where it does not fit."""
    match kind:
        case "integer" if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value)
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "date" if isinstance(value, str):
            return age_of(value, now)
        case "string":
            return _text(value)
    return None


def _text(value: Any) -> str:
    """Write a value as kubectl's JSONPath printer does."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case dict():
            inner = " ".join(f"{key}:{_text(each)}" for key, each in sorted(value.items()))
            return f"map[{inner}]"
        case list():
            return f"[{' '.join(_text(each) for each in value)}]"
        case None:
            return "<nil>"
    return str(value)
