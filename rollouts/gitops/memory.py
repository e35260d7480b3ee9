"""What a process remembers between two passes of a unit; losing it costs calls, never safety."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from rollouts.api.refs import ObjectRef
from rollouts.gitops.model import Attempt, ResourceKey

_DOUBLINGS_MAX = 16  # A second doubled so often is most of a day, beyond every limit here.

SCALER_KEPT = timedelta(minutes=5)
"""How long an autoscaler that was found for an object is taken to be there still."""


@dataclass(slots=True)
class UnitMemory:
    """The memory of one unit.

    Attributes:
        clean: per object, the digests of payload and live content that were found in sync.
        scaled: when an autoscaler was last seen to target the object.
        commits: what served last, one per source.
        settled: what the last pass found when it left nothing to do and nothing to wait for:
            the commits of an Application, commit and object version of a source.
        spec: the unit's object as it was last read, and the resourceVersion it was read at.
        failing_since: since when a repository has been out of reach.
        hook_retry_at: when a failed hook of a deletion is made again.
        refusal: why a request came to nothing while another operation ran.
        held: instances of hooks that our finalizer keeps.
        attempt: the last sync, for a dialect whose status has no place for it.
        dirty: something that matters has changed since the last pass began.
        seen_version: resourceVersion of the unit's own object after the last pass.
        wake_at: when the next pass is due unless something changes.
        errors: passes in a row that the API server kept from ending.
    """

    clean: dict[ResourceKey, tuple[str, str]] = field(default_factory=dict)
    scaled: dict[ResourceKey, datetime] = field(default_factory=dict)
    commits: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    spec: tuple[str, Any] | None = None
    failing_since: datetime | None = None
    failures: int = 0
    failure: str = ""
    retry_at: datetime | None = None
    hook_retry_at: datetime | None = None
    refusal: str = ""
    held: tuple[ObjectRef, ...] = ()
    attempt: Attempt | None = None
    dirty: bool = True
    seen_version: str = ""
    wake_at: datetime | None = None
    errors: int = 0

    def forget_comparisons(self) -> None:
        """Compare everything anew: a person asked for it."""
        self.clean.clear()
        self.scaled.clear()
        self.settled = ()

    @contextmanager
    def being_looked_at(self) -> Iterator[bool]:
        """Run a pass inside; yields whether something had changed since the last one.

        What changes from here on is for the next pass, and so is everything when this one fails.
        """
        was_dirty, self.dirty = self.dirty, False
        try:
            yield was_dirty
        except BaseException:
            self.dirty = True
            raise

    def scaled_at(self, now: datetime) -> tuple[ResourceKey, ...]:
        """Return the objects known to have an autoscaler."""
        self.scaled = {k: at for k, at in self.scaled.items() if now - at < SCALER_KEPT}
        return tuple(self.scaled)


def doubled(delay: timedelta, times: int, limit: timedelta) -> timedelta:
    """Return a wait that doubles with every failure, up to a limit."""
    longer: timedelta = delay * 2 ** min(times, _DOUBLINGS_MAX)
    return min(longer, limit)


def digest(value: Any) -> str:
    """Return a short text that is equal for equal JSON values, whatever the order of keys."""
    packed = orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(packed).hexdigest()
