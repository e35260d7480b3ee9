"""What a look at a run comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollouts.actions import Create, Delete, Event
from rollouts.analysis.facts import Answer
from rollouts.analysis.results import Result
from rollouts.analysis.schedule import Start
from rollouts.api.refs import Manifest


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to do about a run now, what to report, and when to look again.

    Attributes:
        start: what to measure now or, booked, in a moment; the answers come later.
        cancel: metrics whose measurement, or whose booking, is given up.
        actions: Jobs to create, before status speaks of them.
        status: the whole desired status; None for no news.
        is_written: whether status goes to the server now, or waits in memory for the next write.
        results: what a status that waits says of each metric.
        taken: answers that status has once it is written, and those of no use.
        events: to be recorded after status.
        finish: Jobs that nobody needs, and the run itself once its time is over; after status.
        wake_at: when to plan again unasked; None waits for an answer or a change.
    """

    start: tuple[Start, ...] = ()
    cancel: tuple[str, ...] = ()
    actions: tuple[Create, ...] = ()
    status: Manifest | None = None
    is_written: bool = True
    results: Mapping[str, Result] = field(default_factory=dict)
    taken: tuple[Answer, ...] = ()
    events: tuple[Event, ...] = ()
    finish: tuple[Delete, ...] = ()
    wake_at: datetime | None = None

    @property
    def is_quiet(self) -> bool:
        """Tell whether there is nothing to do before `wake_at`."""
        return self.status is None and not (
            self.start or self.cancel or self.actions or self.taken or self.finish
        )
