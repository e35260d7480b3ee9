"""What is known of an AnalysisRun: its metrics compiled once, its status as stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from rollouts.analysis.phase import Phase, read_phase
from rollouts.analysis.results import Result
from rollouts.analysis.sample import Sample, Value
from rollouts.api.problems import Problem
from rollouts.api.refs import Manifest

JOB_PROVIDER = "job"
"""The one provider whose measurements outlive a controller: they are Jobs."""

RUN_UID = "analysisrun.argoproj.io/uid"
"""Label of a Job and of its pods: which run they measure for."""


class NoData(StrEnum):
    """What a sample counts as that is no plain data."""

    INCONCLUSIVE = "inconclusive"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    CONDITION = "condition"
    """As the peer does: the conditions see whatever came, and decide."""


class ConditionError(Exception):
    """A condition could not be evaluated on what was measured; it counts as an error."""


class Condition(Protocol):
    """A compiled condition."""

    @property
    def reads_only_first(self) -> bool:
        """Tell whether it looks at the first of several series and at no other."""
        ...

    def evaluate(self, result: Value, *, now: datetime) -> bool:
        """Decide about a measured value.

        Args:
            now: when the value was measured; what the condition calls `now()`.

        Raises:
            ConditionError: it cannot be decided for this value.
        """
        ...


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a run, all arguments but secret ones filled in.

    Attributes:
        provider: its name, such as prometheus.
        query: what stands under the provider's name.
        source: the whole metric as the wire has it, with what is filled in.
        secret_args: arguments that `source` still holds as `{{args.<name>}}`.
        count: measurements to take; None for as many as there is time for.
        interval: from the end of one measurement to the beginning of the next; None where there
            is only one.
        failure_limit: negative when failures do not count.
        consecutive_success_limit: successes in a row that end it; None when it is not used.
        retention: measurements that status keeps.
        fingerprint: differs when anything about how it is measured or judged differs.
    """

    name: str
    provider: str
    query: Manifest
    source: Manifest = field(default_factory=dict)
    fingerprint: str = ""
    count: int | None = 1
    interval: timedelta | None = None
    initial_delay: timedelta = timedelta(0)
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    consecutive_success_limit: int | None = None
    success: Condition | None = None
    failure: Condition | None = None
    no_data: NoData = NoData.INCONCLUSIVE
    is_dry_run: bool = False
    retention: int = 10
    secret_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A key of a Secret in the run's namespace, and where in the run it is asked for."""

    name: str
    key: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """How long a finished run stays; None for ever. The special ones go before the general one."""

    after_completion: timedelta | None = None
    after_success: timedelta | None = None
    after_failure: timedelta | None = None

    def of(self, phase: Phase) -> timedelta | None:
        """Return how long a run stays that has ended so."""
        special = None
        if phase is Phase.SUCCESSFUL:
            special = self.after_success
        elif phase is Phase.FAILED:
            special = self.after_failure
        return self.after_completion if special is None else special


@dataclass(frozen=True, slots=True)
class Program:
    """What follows from one generation of a run's spec alone.

    Attributes:
        problems: why it cannot be measured; then `metrics` is empty.
        secrets: where the values of secret arguments are.
    """

    metrics: tuple[Metric, ...] = ()
    problems: tuple[Problem, ...] = ()
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    ttl: TimeToLive = TimeToLive()
    terminate: bool = False


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What is stored of a run of which more is known.

    Attributes:
        since: when the first of what is not stored was left to wait.
        status: as stored.
        results: as stored.
    """

    since: datetime
    status: Manifest
    results: Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One AnalysisRun.

    Attributes:
        status: as known, which is as stored where nothing waits; never changed, only replaced.
        results: what status holds of each metric, by its name.
        unsaved: what is stored, where more is known.
        subject: whose run it is, for people and figures: a Rollout, else the template.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    program: Program
    status: Manifest = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict, compare=False, repr=False)
    subject: str = ""
    is_deleted: bool = False
    unsaved: Unsaved | None = None

    @property
    def unsaved_since(self) -> datetime | None:
        """Return since when something waits to be written; None for nothing."""
        return None if self.unsaved is None else self.unsaved.since

    @property
    def saved_status(self) -> Manifest:
        """Return the status as stored."""
        return self.status if self.unsaved is None else self.unsaved.status

    @property
    def saved_results(self) -> Mapping[str, Result]:
        """Return the results as stored."""
        return self.results if self.unsaved is None else self.unsaved.results

    @property
    def phase(self) -> Phase:
        """Return the known phase; a run that nobody has looked at is pending."""
        return read_phase(self.status.get("phase"))


@dataclass(frozen=True, slots=True)
class Flight:
    """A measurement that this process is taking.

    Attributes:
        is_booked: it begins at `started_at`, which is still to come.
    """

    metric: str
    fingerprint: str
    started_at: datetime
    is_booked: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A measurement that this process has taken and that status does not have yet.

    Attributes:
        outcome: what the provider brought home, or why it did not.
    """

    metric: str
    fingerprint: str
    started_at: datetime
    finished_at: datetime
    outcome: Sample | str


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A Job that measures, and what its pods say.

    Attributes:
        phase: RUNNING until it is complete or has failed.
        pull_problem: why an image of it cannot be had; empty for none.
    """

    namespace: str
    name: str
    uid: str
    run_uid: str
    phase: Phase
    message: str = ""
    pull_problem: str = ""


@dataclass(frozen=True, slots=True)
class ObservedRun:
    """One look at a run and at everything that measures for it.

    Attributes:
        crowd: how many runs are being measured, or are about to be.
    """

    run: RunFacts
    flights: tuple[Flight, ...] = ()
    answers: tuple[Answer, ...] = ()
    jobs: tuple[JobFacts, ...] = ()
    crowd: int = 1
