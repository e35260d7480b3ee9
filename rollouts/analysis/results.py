"""Read and write `status.metricResults`: counters and measurements of one metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rollouts.analysis.phase import Phase, read_phase
from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time

TEXT_LENGTH_MAX = 1024
"""Longest value or message that status keeps: it is read by people, and etcd is small."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement; `finished_at` is None while it is being taken."""

    phase: Phase
    started_at: datetime | None
    finished_at: datetime | None = None
    value: str = ""
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def to_manifest(self) -> Manifest:
        """Return it as status holds it."""
        manifest: Manifest = {"phase": self.phase.value}
        if self.message:
            manifest["message"] = cut(self.message)
        if self.started_at is not None:
            manifest["startedAt"] = exact_time(self.started_at)
        if self.finished_at is not None:
            manifest["finishedAt"] = exact_time(self.finished_at)
        if self.value:
            manifest["value"] = cut(self.value)
        if self.metadata:
            manifest["metadata"] = {key: cut(text) for key, text in self.metadata.items()}
        return manifest


@dataclass(frozen=True)  # without slots, so that what is derived can be kept
class Result:
    """All that is remembered of one metric.

    Attributes:
        count: measurements that ended with an answer; errors are not among them.
        measurements: the latest, oldest first, as status holds them.
    """

    name: str
    phase: Phase = Phase.PENDING
    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0
    consecutive_error: int = 0
    consecutive_success: int = 0
    measurements: tuple[Manifest, ...] = ()
    message: str = ""
    is_dry_run: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def last(self) -> Measurement | None:
        """Return the latest measurement."""
        # Not by functools.cached_property, which takes a lock.
        kept: Measurement | None = self.__dict__.get("_last")
        if kept is None and self.measurements:
            kept = self.__dict__["_last"] = read_measurement(self.measurements[-1])
        return kept

    @property
    def is_open(self) -> bool:
        """Tell whether status says that a measurement is being taken."""
        kept: bool | None = self.__dict__.get("_is_open")
        if kept is None:
            kept = bool(self.measurements) and not is_over(self.measurements[-1])
            self.__dict__["_is_open"] = kept
        return kept

    @property
    def open(self) -> Measurement | None:
        """Return the measurement that status says is being taken."""
        return self.last if self.is_open else None

    def put(self, measurement: Measurement, *, retention: int | None = None) -> Result:
        """Return it with one more measurement; one that was being taken is replaced.

        Args:
            retention: how many are kept; None for all.
        """
        kept = self.measurements[:-1] if self.is_open else self.measurements
        if retention is not None and len(kept) >= retention:
            kept = kept[len(kept) - retention + 1 :]
        phase = measurement.phase
        is_good, is_error = phase is Phase.SUCCESSFUL, phase is Phase.ERROR
        is_answer = phase.is_finished and not is_error
        errors = self.consecutive_error + 1 if is_error else 0
        result = Result(
            name=self.name,
            phase=self.phase,
            count=self.count + is_answer,
            successful=self.successful + is_good,
            failed=self.failed + (phase is Phase.FAILED),
            inconclusive=self.inconclusive + (phase is Phase.INCONCLUSIVE),
            error=self.error + is_error,
            consecutive_error=errors if phase.is_finished else self.consecutive_error,
            consecutive_success=self._streak(phase),
            measurements=(*kept, measurement.to_manifest()),
            message=self.message,
            is_dry_run=self.is_dry_run,
            metadata=self.metadata,
        )
        result.__dict__["_last"] = measurement
        return result

    def _streak(self, phase: Phase) -> int:
        if not phase.is_finished:
            return self.consecutive_success
        return self.consecutive_success + 1 if phase is Phase.SUCCESSFUL else 0

    def drop_open(self) -> Result:
        """Return it without a measurement that nobody is taking any more."""
        return replace(self, measurements=self.measurements[:-1]) if self.is_open else self

    def to_manifest(self) -> Manifest:
        """Return it as status holds it; zeros and empty texts are left out, as the peer does."""
        manifest: Manifest = {"name": self.name, "phase": self.phase.value}
        if self.measurements:
            manifest["measurements"] = list(self.measurements)
        if self.message:
            manifest["message"] = cut(self.message)
        for word, number in (
            ("count", self.count),
            ("successful", self.successful),
            ("failed", self.failed),
            ("inconclusive", self.inconclusive),
            ("error", self.error),
            ("consecutiveError", self.consecutive_error),
            ("consecutiveSuccess", self.consecutive_success),
        ):
            if number:
                manifest[word] = number
        if self.is_dry_run:
            manifest["dryRun"] = True
        if self.metadata:
            manifest["metadata"] = dict(self.metadata)
        return manifest


def read_results(status: Manifest) -> dict[str, Result]:
    """Return the results that a status holds, by metric."""
    return {
        each["name"]: _read_result(each)
        for each in status.get("metricResults") or ()
        if each.get("name")
    }


def _read_result(manifest: Manifest) -> Result:
    return Result(
        name=manifest["name"],
        phase=read_phase(manifest.get("phase")),
        count=manifest.get("count") or 0,
        successful=manifest.get("successful") or 0,
        failed=manifest.get("failed") or 0,
        inconclusive=manifest.get("inconclusive") or 0,
        error=manifest.get("error") or 0,
        consecutive_error=manifest.get("consecutiveError") or 0,
        consecutive_success=manifest.get("consecutiveSuccess") or 0,
        measurements=tuple(manifest.get("measurements") or ()),
        message=manifest.get("message") or "",
        is_dry_run=bool(manifest.get("dryRun")),
        metadata=manifest.get("metadata") or {},
    )


def is_over(measurement: Manifest) -> bool:
    """Tell whether a measurement, as status holds it, has ended."""
    return read_phase(measurement.get("phase")).is_finished


def read_measurement(manifest: Manifest) -> Measurement:
    """Read a measurement as status holds it."""
    return Measurement(
        phase=read_phase(manifest.get("phase")),
        started_at=read_time(manifest.get("startedAt")),
        finished_at=read_time(manifest.get("finishedAt")),
        value=manifest.get("value") or "",
        message=manifest.get("message") or "",
        metadata=manifest.get("metadata") or {},
    )


def read_time(text: object) -> datetime | None:
    """Return a stored time; None for none and for one that nobody could have meant."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        return None


def exact_time(time: datetime) -> str:
    """Return a time with microseconds: whole seconds would make an interval of one start early."""
    utc = time if time.tzinfo is UTC else time.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def cut(text: str) -> str:
    """Return a text that is not too long for status."""
    return text if len(text) <= TEXT_LENGTH_MAX else text[: TEXT_LENGTH_MAX - 1] + "…"
