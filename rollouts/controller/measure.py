"""Take measurements beside the passes: many at once, each under a deadline, none for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from rollouts.analysis.facts import Answer, Flight, Metric, RunFacts, SecretRef
from rollouts.analysis.sample import MeasurementError, Sample
from rollouts.analysis.substitute import fill_metric
from rollouts.api.analysis_metric import provider_settings
from rollouts.api.refs import ANALYSIS_RUN, Manifest
from rollouts.kube.errors import ClusterError
from rollouts.metric_providers.masking import blot_out, mask
from rollouts.metric_providers.provider import MetricProvider, Query

log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str, str]

FLIGHT_COUNT_MAX = 1000
"""Measurements under way at once; the others wait, and their deadline goes on."""

DEADLINE_SECONDS = 30.0
"""For a provider that is given no time of its own."""

DEADLINE_SECONDS_MAX = 3600.0
"""Of a measurement, whatever its provider is given."""

GRACE_SECONDS = 0.25
"""After its deadline, for a provider to say in its own words what it waited for in vain."""

EARLY_MAX = timedelta(milliseconds=100)
"""A timer that rings earlier than that by the wall clock tells that this clock was set back."""


class ReadSecrets(Protocol):
    """Reads Secrets; raises MeasurementError for what is missing."""

    async def read_arguments(self, run: RunFacts, names: tuple[str, ...]) -> Mapping[str, str]:
        """Return the values of a run's secret arguments."""
        ...

    async def read(self, namespace: str, ref: SecretRef) -> str:
        """Return one value."""
        ...


@dataclass(slots=True)
class _Taking:
    """One measurement under way."""

    key: Key
    flight: Flight
    task: asyncio.Task[None] | None = None
    alarm: asyncio.TimerHandle | None = None


class Measurements:
    """Measurements under way and answers that status does not have yet, by run.

    Both live in memory alone: what is lost with the process is measured again.
    """

    def __init__(
        self,
        providers: Mapping[str, MetricProvider],
        read_secrets: ReadSecrets,
        *,
        clock: Callable[[], datetime],
        on_answer: Callable[[Key], None],
        on_lateness: Callable[[float], None] = lambda _seconds: None,
        flight_count_max: int = FLIGHT_COUNT_MAX,
    ) -> None:
        """Prepare.

        Args:
            providers: by the name under `provider` in a metric.
            on_answer: told of the run for which something was measured.
            on_lateness: told how many seconds after its time a booked measurement began.
        """
        self._providers = providers
        self._read_secrets = read_secrets
        self._clock = clock
        self._on_answer = on_answer
        self._on_lateness = on_lateness
        self._slots = asyncio.Semaphore(flight_count_max)
        self._taking: dict[str, dict[str, _Taking]] = {}
        self._answers: dict[str, tuple[Answer, ...]] = {}
        self._uids: dict[Key, str] = {}

    def __len__(self) -> int:
        return sum(len(each) for each in self._taking.values())

    def crowd(self) -> int:
        """Return for how many runs something is being measured, or is about to be.

        Those whose answers wait for a pass are among them; one that has both counts twice.
        """
        return len(self._taking) + len(self._answers)

    def flights(self, run_uid: str) -> tuple[Flight, ...]:
        """Return the measurements that are being taken for a run, or are about to be."""
        return tuple(each.flight for each in self._taking.get(run_uid, {}).values())

    def answers(self, run_uid: str) -> tuple[Answer, ...]:
        """Return what has been measured for a run and not been forgotten."""
        return self._answers.get(run_uid, ())

    def start(self, run: RunFacts, metric: Metric, at: datetime) -> None:
        """Begin to measure now or, where that time is still to come, by itself at that time."""
        key = (ANALYSIS_RUN.kind, run.namespace, run.name)
        before = self._uids.get(key)
        if before is not None and before != run.uid:
            self._drop(before)
        self._uids[key] = run.uid
        is_booked = at > self._clock()
        taking = _Taking(key, Flight(metric.name, metric.fingerprint, at, is_booked))
        self._taking.setdefault(run.uid, {})[metric.name] = taking
        if is_booked:
            self._book(run, metric, taking, at)
        else:
            self._begin(run, metric, taking)

    def _book(self, run: RunFacts, metric: Metric, taking: _Taking, at: datetime) -> None:
        seconds = max((at - self._clock()).total_seconds(), 0.0)
        taking.alarm = asyncio.get_running_loop().call_later(
            seconds, self._ring, run, metric, taking, at
        )

    def _ring(self, run: RunFacts, metric: Metric, taking: _Taking, at: datetime) -> None:
        """Begin what was booked; a timer may be early by the little that clocks differ."""
        early = at - self._clock()
        if timedelta(0) < early < EARLY_MAX:
            self._book(run, metric, taking, at)
        else:
            self._on_lateness(max(-early.total_seconds(), 0.0))
            self._begin(run, metric, taking)

    def _begin(self, run: RunFacts, metric: Metric, taking: _Taking) -> None:
        now = self._clock()
        taking.flight = Flight(metric.name, metric.fingerprint, now)
        seconds = deadline_seconds(metric.query)
        loop = asyncio.get_running_loop()
        taking.alarm = loop.call_later(
            seconds + GRACE_SECONDS, self._expire, run.uid, taking, seconds
        )
        deadline = now + timedelta(seconds=seconds)
        taking.task = loop.create_task(
            self._take(run, metric, taking, deadline), name=f"measure {run.name} {metric.name}"
        )

    def cancel(self, run_uid: str, metric: str) -> None:
        """Give a measurement up; it brings no answer any more."""
        taking = self._remove(run_uid, metric)
        if taking is not None and taking.task is not None:
            taking.task.cancel()

    def report(self, run_uid: str, answer: Answer) -> None:
        """Add an answer that came another way."""
        self._answers[run_uid] = (*self._answers.get(run_uid, ()), answer)

    def forget(self, run_uid: str, answers: tuple[Answer, ...]) -> None:
        """Drop answers that status has now, or that nobody wants."""
        if not answers:
            return
        left = tuple(each for each in self._answers.get(run_uid, ()) if each not in answers)
        if left:
            self._answers[run_uid] = left
        else:
            self._answers.pop(run_uid, None)

    def drop(self, key: Key) -> None:
        """Give up everything for a run that is gone."""
        uid = self._uids.pop(key, None)
        if uid is not None:
            self._drop(uid)

    async def close(self) -> None:
        """Give everything up."""
        tasks = [each.task for taken in self._taking.values() for each in taken.values()]
        for uid in tuple(self._taking):
            self._drop(uid)
        self._answers.clear()
        await asyncio.gather(*(each for each in tasks if each), return_exceptions=True)

    def _drop(self, run_uid: str) -> None:
        for metric in tuple(self._taking.get(run_uid, ())):
            self.cancel(run_uid, metric)
        self._answers.pop(run_uid, None)

    async def _take(
        self, run: RunFacts, metric: Metric, taking: _Taking, deadline: datetime
    ) -> None:
        outcome: Sample | str
        secrets: dict[str, str] = {}
        try:
            async with self._slots:
                if metric.secret_args:
                    secrets.update(await self._read_secrets.read_arguments(run, metric.secret_args))
                outcome = await self._provider(metric).sample(
                    self._query(run, metric, secrets, deadline)
                )
        except (MeasurementError, ClusterError) as error:
            outcome = str(error)
        except Exception as error:  # noqa: BLE001  # see below
            # Providers are anybody's code: what one raises is an error of this measurement, and
            # must not end more than that.
            # The text of the error is not repeated: nobody knows what it holds.
            facts = {"provider": metric.provider, "metric": metric.name, "at": _place(error)}
            log.error("provider broke", extra=facts | {"error": type(error).__name__})  # noqa: TRY400  # see above
            outcome = f"the provider {metric.provider} broke: {type(error).__name__}"
        self._land(run.uid, taking, without_secrets(outcome, secrets))

    def _provider(self, metric: Metric) -> MetricProvider:
        found = self._providers.get(metric.provider)
        if found is None:
            known = ", ".join(sorted(self._providers)) or "none"
            raise MeasurementError(
                f"no provider {metric.provider!r} is installed; there is {known}"
            )
        return found

    def _query(
        self, run: RunFacts, metric: Metric, secrets: dict[str, str], deadline: datetime
    ) -> Query:
        given = dict(secrets)

        async def read_secret(name: str, key: str) -> str:
            value = await self._read_secrets.read(run.namespace, SecretRef(name, key))
            # What a provider reads by itself is kept out of what it brings home, too.
            secrets[f"{name}/{key}"] = value
            return value

        return Query(
            metric=metric.name,
            namespace=run.namespace,
            config=with_secrets(metric, given),
            now=self._clock(),
            deadline=deadline,
            secrets=tuple(given.values()),
            read_secret=read_secret,
        )

    def _expire(self, run_uid: str, taking: _Taking, seconds: float) -> None:
        """Answer for a measurement that is late; whatever it still does is of no interest."""
        if taking.task is not None:
            taking.task.cancel()
        self._land(run_uid, taking, f"no answer within {seconds:g}s")

    def _land(self, run_uid: str, taking: _Taking, outcome: Sample | str) -> None:
        flight = taking.flight
        if self._taking.get(run_uid, {}).get(flight.metric) is not taking:
            return  # Given up, or late and answered for.
        self._remove(run_uid, flight.metric)
        self.report(
            run_uid,
            Answer(flight.metric, flight.fingerprint, flight.started_at, self._clock(), outcome),
        )
        self._on_answer(taking.key)

    def _remove(self, run_uid: str, metric: str) -> _Taking | None:
        taken = self._taking.get(run_uid, {})
        taking = taken.pop(metric, None)
        if not taken:
            self._taking.pop(run_uid, None)
        if taking is not None and taking.alarm is not None:
            taking.alarm.cancel()
        return taking


def _place(error: Exception) -> str:
    """Return the line of code in which an error arose."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def deadline_seconds(config: Manifest) -> float:
    """Return how long a measurement may take: what its provider is given, within bounds."""
    for word in ("timeoutSeconds", "timeout"):
        value = config.get(word)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return min(float(value), DEADLINE_SECONDS_MAX)
    return DEADLINE_SECONDS


def with_secrets(metric: Metric, secrets: Mapping[str, str]) -> Manifest:
    """Return a provider's settings with the arguments filled in that are secret.

    Raises:
        MeasurementError: a value would change what is asked.
    """
    if not secrets:
        return metric.query
    filled = fill_metric(metric.source, {}, secrets)
    if filled.findings:
        raise MeasurementError("; ".join(finding.message for finding in filled.findings))
    return provider_settings(filled.metric, metric.provider)


def without_secrets(outcome: Sample | str, secrets: Mapping[str, str]) -> Sample | str:
    """Return what is to be stored and shown, with every secret masked."""
    hidden = tuple(secrets.values())
    if not hidden:
        return outcome
    if isinstance(outcome, str):
        return mask(outcome, hidden)
    of_provider = outcome.hide
    return replace(
        outcome,
        text=mask(outcome.text, hidden),
        metadata={key: mask(text, hidden) for key, text in outcome.metadata.items()},
        warnings=tuple(mask(text, hidden) for text in outcome.warnings),
        hide=lambda text: blot_out(of_provider(text), hidden),
    )
