"""What may go wrong, how often, and for how long.

A run switches most faults off (swarm testing) and draws a rate for each of the rest. A fault
that is in the air comes and goes as weather does: once on it lasts a while, once off it stays
off a while. Otherwise nothing interesting would ever happen, or nothing would ever recover.
At calm all of them end for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from types import MappingProxyType

from rollouts.kube.errors import ClusterError, Conflict, Unavailable, Unknown
from rollouts.simulate.clock import MINUTE, SECOND, Clock
from rollouts.simulate.driver import Call, Verb


class Fault(StrEnum):
    """Everything that can be switched on."""

    CONFLICT = "conflict"
    THROTTLED = "throttled"
    SERVER_ERROR = "server-error"
    LOST_ANSWER = "lost-answer"
    SLOW_CALL = "slow-call"
    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"

    LAGGING_VIEW = "lagging-view"
    BROKEN_WATCH = "broken-watch"
    STALE_LIST = "stale-list"

    CRASH_IDLE = "crash-idle"
    TWO_LEADERS = "two-leaders"
    LONG_STOP = "long-stop"
    LATE_WAKE = "late-wake"
    SPURIOUS_WAKE = "spurious-wake"
    CLOCK_STEP = "clock-step"

    PODS_SLOW = "pods-slow"
    PODS_UNREADY = "pods-unready"
    PODS_ALL_DIE = "pods-all-die"
    PODS_CRASH_LOOP = "pods-crash-loop"

    INGRESS_EDITED = "ingress-edited"
    INGRESS_DELETED = "ingress-deleted"
    SELECTOR_EDITED = "selector-edited"
    SCALED_BY_HAND = "scaled-by-hand"

    MEASURER_DIES = "measurer-dies"
    RUNS_SLOW = "runs-slow"
    RUN_DELETED = "run-deleted"
    RUN_TERMINATED = "run-terminated"
    RUN_FORGED = "run-forged"
    TEMPLATE_CHANGED = "template-changed"
    TEMPLATE_DELETED = "template-deleted"


OF_ANALYSIS = (
    Fault.MEASURER_DIES,
    Fault.RUNS_SLOW,
    Fault.RUN_DELETED,
    Fault.RUN_TERMINATED,
    Fault.RUN_FORGED,
    Fault.TEMPLATE_CHANGED,
    Fault.TEMPLATE_DELETED,
)
"""What can only go wrong where something is measured."""


INCIDENTS: Mapping[Fault, int] = MappingProxyType(
    {
        Fault.CRASH_IDLE: 1 * MINUTE,
        Fault.TWO_LEADERS: 1 * MINUTE,
        Fault.LONG_STOP: 1 * MINUTE,
        Fault.BROKEN_WATCH: 30 * SECOND,
        Fault.SPURIOUS_WAKE: 30 * SECOND,
        Fault.CLOCK_STEP: 1 * MINUTE,
        Fault.PODS_UNREADY: 30 * SECOND,
        Fault.PODS_ALL_DIE: 1 * MINUTE,
        Fault.PODS_CRASH_LOOP: 90 * SECOND,
        Fault.INGRESS_EDITED: 1 * MINUTE,
        Fault.INGRESS_DELETED: 1 * MINUTE,
        Fault.SELECTOR_EDITED: 1 * MINUTE,
        Fault.SCALED_BY_HAND: 1 * MINUTE,
        Fault.MEASURER_DIES: 30 * SECOND,
        Fault.RUN_DELETED: 45 * SECOND,
        Fault.RUN_TERMINATED: 45 * SECOND,
        Fault.RUN_FORGED: 45 * SECOND,
        Fault.TEMPLATE_CHANGED: 45 * SECOND,
        Fault.TEMPLATE_DELETED: 1 * MINUTE,
    }
)
"""Faults that happen by themselves, with their mean distance at rate 1; others strike calls."""

CALL_FAULT_CEILING = 0.35
"""Above this part of failing calls nothing finishes and a run only tests the back-off."""

SKEW_MS_MAX = 3 * SECOND
"""How far a host's clock may be off, either way; oracles allow for exactly this much."""

_CLEAR_MS_MEAN = 40 * SECOND
_STORM_MS_MEAN = 25 * SECOND
_WEATHERLESS = frozenset(
    {*INCIDENTS, Fault.STALE_LIST, Fault.LATE_WAKE, Fault.PODS_SLOW, Fault.RUNS_SLOW}
)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each fault strikes, between 0 (off, and absent) and 1."""

    of: Mapping[Fault, float] = field(default_factory=dict)

    def __str__(self) -> str:
        listed = " ".join(f"{fault}={rate:.2f}" for fault, rate in sorted(self.of.items()))
        return listed or "none"


def draw_rates(random: Random) -> Rates:
    """Draw which faults a run has: none in a tenth of them, nearly all in another tenth."""
    luck = random.random()
    if luck < 0.1:
        return Rates()
    if luck < 0.5:
        chance, strength = 0.2, 0.35
    elif luck < 0.9:
        chance, strength = 0.35, 0.7
    else:
        chance, strength = 0.7, 1.0
    return Rates(
        {
            fault: round(strength * random.uniform(0.3, 1.0), 2)
            for fault in Fault
            if fault not in OF_ANALYSIS and random.random() < chance
        }
    )


def draw_rates_of_analysis(random: Random) -> Rates:
    """Draw which faults of measuring a run has, beside the others."""
    chance = random.choice((0.15, 0.3, 0.6))
    return Rates(
        {
            fault: round(random.uniform(0.2, 1.0), 2)
            for fault in OF_ANALYSIS
            if random.random() < chance
        }
    )


class Weather:
    """Whether each fault is in the air now."""

    def __init__(self, rates: Rates, clock: Clock, random: Random) -> None:
        self.struck: dict[Fault, int] = {}
        self.is_calm = not rates.of
        self._rates = dict(rates.of)
        self._clock = clock
        self._random = random
        self._changes: dict[Fault, int] = {}
        self._stormy: dict[Fault, bool] = {}

    def calm(self) -> None:
        """End all faults for good."""
        self.is_calm = True
        self._rates.clear()

    def rate(self, fault: Fault) -> float:
        """Return a fault's rate now; 0 while it is switched off or not in the air."""
        rate = self._rates.get(fault)
        if rate is None:
            return 0.0
        if fault in _WEATHERLESS or self._is_stormy(fault):
            return rate
        return 0.0

    def strikes(self, fault: Fault) -> bool:
        """Decide whether a fault strikes this one time, and count it if it does."""
        rate = self.rate(fault)
        if rate == 0.0 or self._random.random() >= rate:
            return False
        self.note(fault)
        return True

    def note(self, fault: Fault) -> None:
        """Count a fault that struck."""
        self.struck[fault] = self.struck.get(fault, 0) + 1

    def next_incident_ms(self, fault: Fault) -> int | None:
        """Return the delay to the next incident of this fault; None when it is switched off."""
        rate = self._rates.get(fault)
        if rate is None:
            return None
        return 1 + int(self._random.expovariate(rate / INCIDENTS[fault]))

    def judge(self, call: Call) -> Verdict:
        """Decide what happens to a call."""
        if self.is_calm:
            return SERVED
        if not call.is_write:
            if self._hits(Fault.SERVER_ERROR):
                return Verdict(refused=Unavailable("503: cannot answer"), is_performed=False)
            return SERVED
        if self._hits(Fault.CRASH_BEFORE):
            return Verdict(crashes=True, is_performed=False)
        if self._hits(Fault.CRASH_AFTER):
            return Verdict(crashes=True)
        return self._judge_answer(call)

    def _judge_answer(self, call: Call) -> Verdict:
        if call.verb in {Verb.PATCH, Verb.UPDATE} and self._hits(Fault.CONFLICT):
            return Verdict(refused=Conflict(f"409: {call} was modified"), is_performed=False)
        if self._hits(Fault.THROTTLED):
            error = Unavailable("429: too many requests", retry_after_seconds=1)
            return Verdict(refused=error, is_performed=False)
        if self._hits(Fault.SERVER_ERROR):
            return Verdict(refused=Unavailable("500: internal error"), is_performed=False)
        if self._hits(Fault.LOST_ANSWER):
            performed = self._random.random() < 0.6
            return Verdict(refused=Unknown(f"answer to {call} was lost"), is_performed=performed)
        return SERVED

    def latency_ms(self) -> int:
        """Return how long a call takes."""
        if not self.is_calm and self._hits(Fault.SLOW_CALL):
            return self._random.randrange(500, 15 * SECOND)
        return self._random.randrange(2, 12)

    def _hits(self, fault: Fault) -> bool:
        rate = self.rate(fault)
        if rate == 0.0 or self._random.random() >= rate * CALL_FAULT_CEILING:
            return False
        self.note(fault)
        return True

    def _is_stormy(self, fault: Fault) -> bool:
        now = self._clock.ms
        changes_at = self._changes.get(fault)
        if changes_at is None:
            self._stormy[fault] = self._random.random() < 0.4
            changes_at = now + self._spell_ms(fault)
        while changes_at <= now:
            self._stormy[fault] = not self._stormy[fault]
            changes_at += self._spell_ms(fault)
        self._changes[fault] = changes_at
        return self._stormy[fault]

    def _spell_ms(self, fault: Fault) -> int:
        mean = _STORM_MS_MEAN if self._stormy[fault] else _CLEAR_MS_MEAN
        return 1 + int(self._random.expovariate(1 / mean))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one call: performed or not, answered or refused, or the caller dies."""

    refused: ClusterError | None = None
    is_performed: bool = True
    crashes: bool = False


SERVED = Verdict()
