"""Virtual time: the world's clock, and the clocks of hosts that are wrong by a little."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

EPOCH = datetime(2026, 3, 1, 6, 0, 0, tzinfo=UTC)
"""The instant zero of every world; any date will do as long as it is always the same."""


class Clock:
    """The world's time in whole milliseconds; only the scheduler moves it."""

    __slots__ = ("_at", "_wall", "ms")

    def __init__(self, start_ms: int = 0) -> None:
        self.ms = start_ms
        self._at = -1
        self._wall = EPOCH

    def now(self) -> datetime:
        """Return the wall clock, UTC."""
        if self._at != self.ms:
            self._at = self.ms
            self._wall = to_wall(self.ms)
        return self._wall

    def move_to(self, ms: int) -> None:
        """Advance; time never runs backwards for the world."""
        assert ms >= self.ms, f"the world's clock would step back from {self.ms} to {ms}"
        self.ms = ms


class HostClock:
    """The clock of one host: the world's time plus an offset that faults may change."""

    __slots__ = ("offset_ms", "world")

    def __init__(self, world: Clock, offset_ms: int = 0) -> None:
        self.world = world
        self.offset_ms = offset_ms

    def now(self) -> datetime:
        """Return what this host believes the time is."""
        if self.offset_ms == 0:
            return self.world.now()
        return to_wall(self.world.ms + self.offset_ms)

    def to_world_ms(self, wall: datetime) -> int:
        """Return the world time at which this host's clock will show `wall`, rounded up."""
        return to_ms(wall) - self.offset_ms


def to_wall(ms: int) -> datetime:
    """Return the wall time of a world time."""
    return EPOCH + timedelta(milliseconds=ms)


def to_ms(wall: datetime) -> int:
    """Return the world time of a wall time, rounded up to a whole millisecond."""
    microseconds = (wall - EPOCH) // timedelta(microseconds=1)
    return -(-microseconds // 1000)


def format_elapsed(ms: int) -> str:
    """Return a world time as h:mm:ss.mmm."""
    seconds, milliseconds = divmod(ms, SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
