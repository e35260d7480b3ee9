"""One line per thing worth telling: a constant message and key=value facts, or JSON.

Facts are given as `extra`: `log.info("synced", extra={"objects": 3})`.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from rollouts.telemetry.redact import MASK, is_secret, redact

if TYPE_CHECKING:
    from typing import TextIO

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

LINE_LENGTH_MAX = 8000
"""A line that a log collector would cut is cut by us, after redaction."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_NOISY = {
    # Reports every retry of a request as an error, and each end of a watch with a traceback; what
    # matters of it is reported by our own supervision. What our handlers raise is our bug.
    "kopf": logging.CRITICAL,
    "kopf.objects": logging.ERROR,
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
    "kubernetes": logging.WARNING,
    "tenacity": logging.WARNING,
}


def set_up(*, level: str = "info", log_format: str = "text", stream: TextIO | None = None) -> None:
    """Send all log records of the process to `stream` (standard error), replacing what was set."""
    if log_format not in FORMATS:
        raise ValueError(f"log format must be one of {', '.join(FORMATS)}, not {log_format!r}")
    if level not in LEVELS:
        raise ValueError(f"log level must be one of {', '.join(LEVELS)}, not {level!r}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _NOISY.items():
        # Debugging the controller means seeing what the libraries see, too.
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else least)


class TextFormatter(logging.Formatter):
    """`2026-01-01T00:00:00.000Z info  kube.informer synced scope=… objects=3`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, or several for a traceback, without secrets."""
        facts = " ".join(f"{name}={_quote(value)}" for name, value in _facts(record).items())
        message = _one_line(record.getMessage())
        head = f"{_time(record)} {record.levelname.lower():<7} {_source(record)} {message}"
        line = _cut(redact(f"{head} {facts}" if facts else head))
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, source, message, facts, and a traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line without secrets."""
        document: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "source": _source(record),
            "message": redact(_one_line(record.getMessage()))[:LINE_LENGTH_MAX],
        }
        for name, value in _facts(record).items():
            plain = isinstance(value, int | float | bool) or value is None
            document[name] = value if plain else _cut(redact(str(value)))
        trace = _trace(self, record)
        if trace:
            document["trace"] = trace
        return orjson.dumps(document).decode()


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: MASK if is_secret(name) else value
        for name, value in vars(record).items()
        if name not in _STANDARD and not name.startswith("_")
    }


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _source(record: logging.LogRecord) -> str:
    return record.name.removeprefix("rollouts.")


def _quote(value: object) -> str:
    text = _one_line(str(value))
    if text and not any(character in text for character in ' "='):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _one_line(text: str) -> str:
    """Keep foreign text from starting a line of its own, or steering a terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def _cut(text: str) -> str:
    return text if len(text) <= LINE_LENGTH_MAX else f"{text[:LINE_LENGTH_MAX]}…"


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return redact(formatter.formatException(record.exc_info))
