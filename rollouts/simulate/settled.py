"""What must hold while a controller has seen everything, planned it, and waits.

These rules make "within one pass" precise: as soon as a controller is settled, nothing that it
could have done may still be undone. They catch what a rule about writes cannot: the write that
never came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rollouts.api.refs import Manifest
from rollouts.simulate.asked import Asked, pause_ms
from rollouts.simulate.clock import SECOND, to_ms
from rollouts.simulate.deed import Report
from rollouts.simulate.faults import SKEW_MS_MAX
from rollouts.simulate.ledger import ACCEPTED, REQUESTS, Ledger, doubts
from rollouts.simulate.settled_runs import SettledRuns
from rollouts.simulate.share import Names, selected_hash, weight_of
from rollouts.simulate.snapshot import (
    Snapshot,
    hash_of,
    pods_of,
    ready_of,
    replicas_of,
    set_of,
    set_with_hash,
)
from rollouts.simulate.step_rules import pause_start_ms

SETTLE_MS = 3 * SECOND + SKEW_MS_MAX
"""What may wait for a wake-up this near: proxies learn a switched Service, objects that belong
together arrive one after the other."""

WAKE_SLACK_MS = 1 * SECOND
"""How late a pass may begin after its wake-up while nothing disturbs the process."""


class Settled:
    """Judges the world at rest."""

    def __init__(self, names: Names, ledger: Ledger, report: Report) -> None:
        self._names = names
        self._ledger = ledger
        self._report = report
        self._runs = SettledRuns(ledger, report)

    def judge(
        self, live: Snapshot, asked: Asked, *, host_ms: int, wake_at: datetime | None
    ) -> None:
        """Check what a settled controller leaves behind.

        Args:
            host_ms: the time by the controller's own clock.
            wake_at: when it will look again unasked.
        """
        rollout = live.rollouts.get(self._names.rollout)
        if rollout is None or "deletionTimestamp" in rollout["metadata"]:
            return
        status = rollout.get("status") or {}
        if status.get("message", "").startswith("InvalidSpec"):
            return  # What is invalid is not touched until somebody repairs it.
        if wake_at is not None and to_ms(wake_at) <= host_ms:
            return  # It oversleeps, and what is overdue will be done when it wakes.
        self._judge_pause(asked, status, host_ms, wake_at)
        self._runs.judge(rollout, asked)
        if wake_at is not None and to_ms(wake_at) <= host_ms + SETTLE_MS:
            return  # It looks again in a moment: what can wait that long may be undone until then.
        self._judge_observed(rollout, status)
        self._judge_requests(rollout)
        if self._names.is_routed:
            self._judge_traffic(live, asked, status, wake_at)
        if wake_at is None:
            self._judge_waiting(live, asked, rollout)

    def _judge_requests(self, rollout: Manifest) -> None:
        annotations: Mapping[str, str] = rollout["metadata"].get("annotations") or {}
        for name in (*REQUESTS, ACCEPTED):
            if name in annotations:
                self._report("L3", f"{name}={annotations[name]!r} is still there")
        for debt in self._ledger.debts:
            self._report("L3", f"the request to {debt.verb} was taken away and has no effect")

    def _judge_observed(self, rollout: Manifest, status: Manifest) -> None:
        generation = str(rollout["metadata"].get("generation"))
        if status.get("observedGeneration") != generation:
            self._report("L6", f"generation {generation} is not recorded as observed")

    def _judge_pause(
        self, asked: Asked, status: Manifest, host_ms: int, wake_at: datetime | None
    ) -> None:
        index = int(status.get("currentStepIndex") or 0)
        if asked.is_paused or status.get("abort") or index >= asked.step_count or doubts(status):
            return
        step = asked.steps[index]
        duration = pause_ms(step) if "pause" in step else None
        started = pause_start_ms(status, index)
        if duration is None or started is None:
            return
        ends_ms = started + duration
        if host_ms > ends_ms + WAKE_SLACK_MS:
            self._report("L4", f"the pause of step {index} ended {host_ms - ends_ms} ms ago")
        elif wake_at is None or to_ms(wake_at) > ends_ms + WAKE_SLACK_MS:
            self._report("L4", f"nobody wakes when the pause of step {index} ends")

    def _judge_traffic(
        self, live: Snapshot, asked: Asked, status: Manifest, wake_at: datetime | None
    ) -> None:
        weight = weight_of(live, self._names)
        stable = selected_hash(live, self._names.stable_service)
        canary = selected_hash(live, self._names.canary_service)
        is_whole = _ready(live, stable) >= asked.replicas > 0
        if not weight.canary or not is_whole:
            return
        if status.get("abort") and status.get("stableRS") == stable != canary:
            self._report("S7", f"weight is {weight.canary} after abort and stable is whole")
        elif stable != canary and not _ready(live, canary):
            self._report("L4", f"weight {weight.canary} goes to {canary}, which has no ready pod")
        elif status.get("stableRS") == status.get("currentPodHash") and wake_at is None:
            self._report("S11", f"weight stays at {weight.canary} after promotion")

    def _judge_waiting(self, live: Snapshot, asked: Asked, rollout: Manifest) -> None:
        """Check that an unfinished rollout without a wake-up waits for somebody."""
        status = rollout.get("status") or {}
        goal = set_of(live, rollout, asked.image)
        if goal is None:
            self._report("L6", f"{asked.image} has no ReplicaSet and nobody makes one")
            return
        are_pods_up = all(
            ready_of(each) == replicas_of(each) == pods_of(each) for each in live.sets.values()
        )
        is_done = status.get("stableRS") == hash_of(goal)
        if status.get("abort") or asked.is_paused or not are_pods_up:
            return
        index = int(status.get("currentStepIndex") or 0)
        if is_done:
            if status.get("phase") != "Healthy":
                self._report("L1", f"all is done, but the phase is {status.get('phase')}")
        elif doubts(status) or self._runs.waits(rollout, asked):
            return
        elif asked.replicas == 0 and asked.background_from is not None:
            return  # Without pods there is nothing to measure: somebody has to scale up.
        elif index >= asked.step_count or "pause" not in asked.steps[index]:
            self._report("L6", f"step {index} waits for nothing and has no wake-up")


def _ready(live: Snapshot, pod_hash: str) -> int:
    replica_set = set_with_hash(live, pod_hash)
    return ready_of(replica_set) if replica_set else 0
