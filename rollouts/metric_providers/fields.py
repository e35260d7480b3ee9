"""Reads the settings of a metric, which people wrote, with the field's path in every error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollouts.analysis.sample import MeasurementError

_CONTROL = frozenset(chr(code) for code in (*range(32), 127)) - {"\t"}


class Fields:
    """The mapping under `provider.<name>`, or one inside it."""

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        """Read below a path such as `provider.web`."""
        self._values = values
        self.path = path

    def __bool__(self) -> bool:
        return bool(self._values)

    def has(self, name: str) -> bool:
        """Tell whether a field is given."""
        return self._values.get(name) is not None

    def raw(self, name: str) -> Any:
        """Return a field as it is, None when absent."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        """Return a text field, its default when absent or empty.

        Raises:
            MeasurementError: it is no text.
        """
        value = self._values.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            raise self.wrong(name, f"must be text, not {_kind(value)}")
        return value

    def needed(self, name: str) -> str:
        """Return a text field that has to be there.

        Raises:
            MeasurementError: it is absent or empty.
        """
        value = self.text(name).strip()
        if not value:
            raise self.wrong(name, "is required")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value, false when absent."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, f"must be true or false, not {_kind(value)}")
        return bool(value)

    def seconds(self, name: str, default: float) -> float:
        """Return a limit in seconds, its default when absent or 0.

        Raises:
            MeasurementError: it is no positive number.
        """
        value = self._values.get(name)
        if value is None or value == 0:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise self.wrong(name, "must be a positive number of seconds")
        return float(value)

    def inside(self, name: str) -> Fields:
        """Return the fields of a mapping, none when it is absent."""
        value = self._values.get(name)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise self.wrong(name, f"must be a mapping, not {_kind(value)}")
        return Fields(value, f"{self.path}.{name}")

    def items(self, name: str) -> tuple[Any, ...]:
        """Return the items of a list, none when it is absent."""
        value = self._values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.wrong(name, f"must be a list, not {_kind(value)}")
        return tuple(value)

    def headers(self, name: str = "headers") -> tuple[tuple[str, str], ...]:
        """Return a list of `{key, value}` as pairs.

        Raises:
            MeasurementError: one has no key, or a line break, which would begin another header.
        """
        pairs: list[tuple[str, str]] = []
        for index, item in enumerate(self.items(name)):
            where = f"{name}[{index}]"
            if not isinstance(item, Mapping):
                raise self.wrong(where, f"must be a key with a value, not {_kind(item)}")
            fields = Fields(item, f"{self.path}.{where}")
            key, value = fields.needed("key"), fields.text("value")
            if _CONTROL.intersection(key + value):
                raise self.wrong(where, "holds a line break or another control character")
            pairs.append((key, value))
        return tuple(pairs)

    def wrong(self, name: str, why: str) -> MeasurementError:
        """Return the error about a field; values are not shown, because they may be secret."""
        return MeasurementError(f"{self.path}.{name} {why}")


def _kind(value: Any) -> str:
    """Return what JSON calls a value."""
    match value:
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"
