"""Rules about pods: S7 to S9, S12 and S17."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.simulate.clock import SECOND
from rollouts.simulate.deed import CLOCKS_MS, TRUNCATION_MS, Deed, Report
from rollouts.simulate.ledger import Ledger
from rollouts.simulate.share import Names, selected_hash, traffic_of, weight_of
from rollouts.simulate.snapshot import hash_of, owner_uid, pods_of, ready_of, replicas_of
from rollouts.simulate.step_rules import StepRules, current_hash

REVISION = "rollout.argoproj.io/revision"


class CapacityRules:
    """Judges writes of ReplicaSets."""

    def __init__(self, names: Names, ledger: Ledger, steps: StepRules, report: Report) -> None:
        self._names = names
        self._ledger = ledger
        self._steps = steps
        self._report = report

    def judge(self, deed: Deed) -> None:
        """Check a ReplicaSet that was created, changed or deleted."""
        if deed.new is None:
            self._judge_forgotten(deed)
            return
        if deed.old is None:
            self._judge_created(deed, deed.new)
            return
        before, after = replicas_of(deed.old), replicas_of(deed.new)
        if after > before:
            self._judge_growth(deed, deed.new)
        elif after < before and self._names.is_routed:
            self._judge_routed_shrinking(deed, hash_of(deed.new), after)
        elif after < before:
            self._judge_shrinking(deed, hash_of(deed.new), after)
        if _revision(deed.old) != _revision(deed.new):
            self._judge_number(deed, deed.new)

    def _judge_created(self, deed: Deed, new: Manifest) -> None:
        pod_hash = hash_of(new)
        for each in deed.live.sets.values():
            if hash_of(each) == pod_hash and "deletionTimestamp" not in each["metadata"]:
                self._report("S12", f"a second ReplicaSet of {pod_hash}")
        self._judge_number(deed, new)
        self._judge_growth(deed, new)

    def _judge_number(self, deed: Deed, new: Manifest) -> None:
        name, number = new["metadata"]["name"], _revision(new)
        owner = owner_uid(new)
        others = [
            _revision(each)
            for key, each in deed.seen.sets.items()
            if key != name and owner_uid(each) == owner
        ]
        if number <= max(others, default=0):
            self._report("S12", f"revision number {number} is used or too low: {sorted(others)}")

    def _judge_growth(self, deed: Deed, new: Manifest) -> None:
        stable = deed.status.get("stableRS")
        if self._names.is_routed or not stable or stable == current_hash(deed):
            return  # A first deployment and the way back to stable take their full size at once.
        before = sum(replicas_of(each) for each in deed.seen.sets.values())
        after = sum(replicas_of(each) for each in deed.after.sets.values())
        limit = deed.asked.replicas + deed.asked.surge
        if after > max(limit, before):
            self._report("S9", f"{after} pods are wanted in all, {limit} is the limit")
        if hash_of(new) == current_hash(deed) and not self._steps.skips_all(deed):
            reached = range(max(deed.index - 1, 0), self._steps.frontier(deed) + 1)
            allowed = max(deed.asked.rounded_canary(index) for index in reached)
            if replicas_of(new) > allowed:
                text = f"{replicas_of(new)} canary pods where step {deed.index} allows {allowed}"
                self._report("S4", text)

    def _judge_shrinking(self, deed: Deed, pod_hash: str, size: int) -> None:
        if size >= deed.ready(pod_hash):
            return
        left = sum(min(ready_of(each), replicas_of(each)) for each in deed.after.sets.values())
        least = deed.asked.replicas - deed.asked.unavailable
        if left < least:
            self._report(
                "S9",
                f"{pod_hash} shrinks to {size}, which leaves {left} ready pods "
                f"where {least} is the least",
            )

    def _judge_routed_shrinking(self, deed: Deed, pod_hash: str, size: int) -> None:
        ready, replicas = deed.ready(pod_hash), deed.asked.replicas
        load = traffic_of(deed.seen, self._names, replicas_of).share(pod_hash)
        if size < ready and size < load * self._needed_for_all(deed):
            self._report("S8", f"{pod_hash} shrinks to {size} pods under {load} of the traffic")
        stable = deed.status.get("stableRS")
        if pod_hash == stable:
            if size < replicas:
                self._report("S8", f"stable shrinks to {size} of {replicas} pods")
        elif pod_hash != current_hash(deed):
            delay_ms = deed.asked.delay_ms
            if pod_hash in self._ledger.aborted and deed.asked.abort_delay_ms is not None:
                delay_ms = min(delay_ms, deed.asked.abort_delay_ms)  # Either delay will do.
            self._judge_delay(deed, pod_hash, "S8", delay_ms)
        elif deed.is_aborted:
            self._judge_delay(deed, pod_hash, "S7", deed.asked.abort_delay_ms)

    def _judge_delay(self, deed: Deed, pod_hash: str, rule: str, delay_ms: int | None) -> None:
        """Check that a set that lost its traffic kept its pods for the delay."""
        if not deed.ready(pod_hash) or deed.asked.replicas == 0:
            return
        idle_since = self._ledger.idle_since.get(pod_hash)
        if delay_ms is None:
            self._report(rule, "an aborted canary shrinks although its pods are to be kept")
        elif idle_since is not None:
            waited = deed.now_ms - idle_since
            if waited + TRUNCATION_MS + CLOCKS_MS < delay_ms:
                self._report(rule, f"{pod_hash} shrinks {waited / SECOND} s after its last request")

    def _needed_for_all(self, deed: Deed) -> int:
        """Return how many pods all of the traffic needs; fewer where a step asked for fewer."""
        asked, weight = deed.asked, weight_of(deed.seen, self._names)
        if not weight.canary or deed.is_aborted:
            return asked.replicas
        reached = range(max(deed.index - 1, 0), self._steps.frontier(deed) + 1)
        sizes = [asked.canary_size(weight.canary, index) for index in reached]
        return min(asked.replicas, min(sizes) * weight.total // weight.canary)

    def _judge_forgotten(self, deed: Deed) -> None:
        assert deed.old is not None
        pod_hash = hash_of(deed.old)
        parts = {deed.status.get("stableRS"), current_hash(deed)}
        if pod_hash in parts or pod_hash == selected_hash(deed.seen, self._names.stable_service):
            self._report("S17", f"deletes {pod_hash}, which is in use")
        seen = deed.seen.sets.get(deed.old["metadata"]["name"], deed.old)
        if replicas_of(seen) or pods_of(seen):
            self._report("S17", f"deletes {pod_hash}, which has pods")
        former = [each for each in deed.seen.sets.values() if hash_of(each) not in parts]
        if len(former) <= deed.asked.history_limit:
            self._report("S17", f"deletes {pod_hash} although only {len(former)} are kept")


def _revision(replica_set: Manifest) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, 0))
