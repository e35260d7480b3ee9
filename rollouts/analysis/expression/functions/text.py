"""Functions on strings."""

from __future__ import annotations

from typing import Any, Final

from rollouts.analysis.expression.bounds import LIST_LENGTH_MAX
from rollouts.analysis.expression.kinds import BOOL, INT, STRING, ListOf
from rollouts.analysis.expression.problems import Fault
from rollouts.analysis.expression.signatures import LISTS, TEXT, WHOLE, Function, gives
from rollouts.analysis.expression.values import Run, show

_PRODUCT_PER_STEP: Final = 1_000
"""What Python compares in one step where it may look at every pair of two texts' characters."""

_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B)
)


def _trim(run: Run, text: str, characters: str = _SPACES) -> str:
    run.spend(1 + len(text) * len(characters) // _PRODUCT_PER_STEP)
    return text.strip(characters) if characters else text


def _trim_prefix(run: Run, text: str, prefix: str = " ") -> str:
    run.spend_text(len(text))
    return text.removeprefix(prefix)


def _trim_suffix(run: Run, text: str, suffix: str = " ") -> str:
    run.spend_text(len(text))
    return text.removesuffix(suffix)


def _upper(run: Run, text: str) -> str:
    run.check_text(len(text))
    return text.upper()


def _lower(run: Run, text: str) -> str:
    run.check_text(len(text))
    return text.lower()


def _split(run: Run, text: str, delimiter: str, limit: int = -1) -> tuple[str, ...]:
    """Split as Go's `strings.SplitN` does: at most `limit` parts, all of them below zero."""
    if limit == 0:
        return ()
    run.spend_text(len(text))
    possible = text.count(delimiter) + 1 if delimiter else len(text)
    run.check_list(possible if limit < 0 else min(possible, limit))
    most = LIST_LENGTH_MAX if limit < 0 else limit
    if delimiter:
        return tuple(text.split(delimiter, most - 1))
    return (*text[: most - 1], text[most - 1 :]) if most <= len(text) else tuple(text)


def _split_after(run: Run, text: str, delimiter: str, limit: int = -1) -> tuple[str, ...]:
    parts = _split(run, text, delimiter, limit)
    return tuple(part + delimiter for part in parts[:-1]) + parts[-1:]


def _replace(run: Run, text: str, old: str, *rest: Any) -> str:
    """Replace the first `count` occurrences, all of them below zero."""
    new, count, *_ = (*rest, -1)
    run.spend_text(len(text))
    found = text.count(old)
    replaced = found if count < 0 else min(count, found)
    run.check_text(len(text) + replaced * (len(new) - len(old)))
    return text.replace(old, new, replaced)


def _repeat(run: Run, text: str, count: int) -> str:
    if count < 0:
        raise Fault(f"repeat takes a count of zero or more, not {count}")
    run.check_text(len(text) * count)
    return text * count


def _index(run: Run, text: str, part: str) -> int:
    run.spend_text(len(text))
    return text.find(part)


def _last_index(run: Run, text: str, part: str) -> int:
    run.spend(1 + len(text) * len(part) // _PRODUCT_PER_STEP)
    return text.rfind(part)


def _has_prefix(run: Run, text: str, prefix: str) -> bool:
    run.spend_text(len(prefix))
    return text.startswith(prefix)


def _has_suffix(run: Run, text: str, suffix: str) -> bool:
    run.spend_text(len(suffix))
    return text.endswith(suffix)


def _join(run: Run, parts: tuple[object, ...], glue: str = "") -> str:
    run.spend(len(parts))
    texts = []
    for part in parts:
        if not isinstance(part, str):
            raise Fault(f"join takes a list of strings; {show(part)} is in it")
        texts.append(part)
    run.check_text(sum(map(len, texts)) + len(glue) * max(0, len(texts) - 1))
    return glue.join(texts)


_STRINGS = gives(ListOf(STRING))

FUNCTIONS: Final = (
    Function("trim", (TEXT, TEXT), gives(STRING), _trim, 1),
    Function("trimPrefix", (TEXT, TEXT), gives(STRING), _trim_prefix, 1),
    Function("trimSuffix", (TEXT, TEXT), gives(STRING), _trim_suffix, 1),
    Function("upper", (TEXT,), gives(STRING), _upper),
    Function("lower", (TEXT,), gives(STRING), _lower),
    Function("split", (TEXT, TEXT, WHOLE), _STRINGS, _split, 2),
    Function("splitAfter", (TEXT, TEXT, WHOLE), _STRINGS, _split_after, 2),
    Function("replace", (TEXT, TEXT, TEXT, WHOLE), gives(STRING), _replace, 3),
    Function("repeat", (TEXT, WHOLE), gives(STRING), _repeat),
    Function("indexOf", (TEXT, TEXT), gives(INT), _index),
    Function("lastIndexOf", (TEXT, TEXT), gives(INT), _last_index),
    Function("hasPrefix", (TEXT, TEXT), gives(BOOL), _has_prefix),
    Function("hasSuffix", (TEXT, TEXT), gives(BOOL), _has_suffix),
    Function("join", (LISTS, TEXT), gives(STRING), _join, 1),
)
