"""`{{args.name}}` in texts of a metric: where arguments are wanted, and what is no such thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from rollouts.api.spot import Spot

_PLACEHOLDER = re.compile(r"\{\{\s*args\.([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)\s*\}\}")
_BRACES = re.compile(r"\{\{[^{}]*\}\}")
_ARGUMENT_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")

ARGUMENT_NAME_MAX = 253
"""Longest name of an argument: as long as any name in a cluster."""


def is_argument_name(text: str) -> bool:
    """Return whether text can name an argument, so that `{{args.name}}` can refer to it."""
    return len(text) <= ARGUMENT_NAME_MAX and _ARGUMENT_NAME.fullmatch(text) is not None


def wanted_arguments(text: str) -> tuple[str, ...]:
    """Return the names of the arguments that a text refers to, in its order."""
    return tuple(match[1] for match in _PLACEHOLDER.finditer(text)) if "{{" in text else ()


def placeholder_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return where each placeholder of a text begins and ends."""
    return tuple(match.span() for match in _PLACEHOLDER.finditer(text)) if "{{" in text else ()


def malformed_placeholders(text: str) -> tuple[str, ...]:
    """Return the pieces `{{…}}` of a text that refer to no argument."""
    if "{{" not in text:
        return ()
    return tuple(_BRACES.findall(_PLACEHOLDER.sub("", text)))


def fill(text: str, value_of: Callable[[str, int], str]) -> str:
    """Return a text with its placeholders replaced.

    Args:
        value_of: given the name of an argument and the offset of the placeholder, what to write.
    """
    if "{{" not in text:
        return text
    return _PLACEHOLDER.sub(lambda match: value_of(match[1], match.start()), text)


def texts_in(spot: Spot) -> Iterator[Spot]:
    """Yield every text below a place, keys of maps included.

    A key's spot holds the key and the path of what stands at it.
    """
    if isinstance(spot.value, str):
        yield spot
    elif isinstance(spot.value, dict):
        for entry in spot.entries():
            if "{{" in entry.key:
                yield Spot(entry.key, entry.path)
            yield from texts_in(entry)
    else:
        for item in spot.each():
            yield from texts_in(item)


def fill_all(
    content: Any,
    replace: Callable[[str, tuple[str | int, ...]], str],
    path: tuple[str | int, ...] = (),
) -> Any:
    """Return JSON with every text replaced that holds a placeholder, keys of maps included.

    Args:
        replace: given a text and its path, the text to write.
    """
    if isinstance(content, str):
        return replace(content, path) if "{{" in content else content
    if isinstance(content, dict):
        return {
            replace(key, (*path, key)) if "{{" in key else key: fill_all(
                value, replace, (*path, key)
            )
            for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [fill_all(item, replace, (*path, index)) for index, item in enumerate(content)]
    return content
