"""Tell a run line by line as it goes on: each measurement once, and each verdict."""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.analysis.phase import read_phase
from rollouts.analysis.results import Measurement, Result, read_measurement, read_results
from rollouts.api.refs import Manifest
from rollouts.cli.picture import icon_of
from rollouts.cli.plain_text import one_line
from rollouts.cli.run_picture import KIND, VALUE_LENGTH_MAX

METRIC = "Metric"


def tell(before: Manifest | None, after: Manifest) -> Iterator[str]:
    """Yield what has happened between two states of a run.

    Args:
        before: None when nothing was told yet; then what is known already is told first.
    """
    old_status = (before or {}).get("status") or {}
    status = after.get("status") or {}
    old, new = read_results(old_status), read_results(status)
    verdict = () if before is not None and _phase(status) == _phase(old_status) else (_run(after),)
    is_end = read_phase(status.get("phase")).is_finished
    if not is_end:
        yield from verdict
    for name, result in new.items():
        known = old.get(name) or Result(name)
        yield from _measurements(known, result)
        if result.phase.is_finished and known.phase is not result.phase:
            icon = icon_of(result.phase.value, METRIC)
            yield f"{one_line(name)} is {icon} {result.phase}"
    if is_end:
        yield from verdict


def _run(run: Manifest) -> str:
    status = run.get("status") or {}
    phase, message = _phase(status), one_line(status.get("message") or "")
    told = f"{one_line(run['metadata']['name'])} is {icon_of(phase, KIND)} {one_line(phase)}"
    return f"{told}: {message}" if message else told


def _phase(status: Manifest) -> str:
    return str(status.get("phase") or "Pending")


def _measurements(known: Result, result: Result) -> Iterator[str]:
    """Yield a line for each measurement that has ended since."""
    told = {each.started_at for each in _ended(known)}
    for each in _ended(result):
        if each.started_at in told:
            continue
        at = f"{each.finished_at:%H:%M:%SZ}" if each.finished_at else ""
        value, message = one_line(each.value, VALUE_LENGTH_MAX), one_line(each.message)
        icon = icon_of(each.phase.value, METRIC)
        words = (at, f"{one_line(result.name)}: {icon} {each.phase}", value, message)
        yield "  ".join(word for word in words if word)


def _ended(result: Result) -> tuple[Measurement, ...]:
    found = (read_measurement(each) for each in result.measurements)
    return tuple(each for each in found if each.phase.is_finished)
