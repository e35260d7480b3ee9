"""What a measurement, a metric or a run has come to."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Of a measurement, a metric or a run; the words are the peer's."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"

    @property
    def is_finished(self) -> bool:
        """Tell whether it never changes again."""
        return self not in _OPEN

    @property
    def is_bad(self) -> bool:
        """Tell whether it ends a run."""
        return self in _BAD


def read_phase(text: object) -> Phase:
    """Read a stored phase; one that we do not know was not written by a controller: pending."""
    return _PHASES.get(text, Phase.PENDING) if isinstance(text, str) else Phase.PENDING


_PHASES = {phase.value: phase for phase in Phase}

# Tuples: the hash of an enum's member is computed in Python, and every pass asks a dozen times.
_OPEN = (Phase.PENDING, Phase.RUNNING)
_BAD = (Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE)
