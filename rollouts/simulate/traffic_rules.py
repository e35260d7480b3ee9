"""Rules about traffic: S1 to S4, S7 and S11."""

from __future__ import annotations

from rollouts.simulate.deed import Deed, Report
from rollouts.simulate.share import (
    CANARY_WEIGHT,
    Names,
    Weight,
    selected_hash,
    traffic_of,
    weight_of,
)
from rollouts.simulate.snapshot import ready_of
from rollouts.simulate.step_rules import StepRules


class TrafficRules:
    """Judges writes of the canary Ingress and of the two Services."""

    def __init__(self, names: Names, steps: StepRules, report: Report) -> None:
        self._names = names
        self._steps = steps
        self._report = report

    def judge_ingress(self, deed: Deed) -> None:
        """Check a new weight: its range, who carries it, who allowed it."""
        assert deed.new is not None
        text = (deed.new["metadata"].get("annotations") or {}).get(CANARY_WEIGHT, "")
        before, after = weight_of(deed.seen, self._names), weight_of(deed.after, self._names)
        if not text.isdigit() or not after.canary <= after.total == deed.asked.total:
            self._report("S1", f"weight {text!r} is not within 0..{deed.asked.total}")
        elif after.canary > before.canary:
            self._judge_raise(deed, after)
        elif after.canary < before.canary:
            self._judge_lowering(deed, before, after)
        self._judge_lost(deed)

    def _judge_raise(self, deed: Deed, after: Weight) -> None:
        asked = deed.asked
        ready = deed.ready(selected_hash(deed.seen, self._names.canary_service))
        frontier = self._steps.frontier(deed)
        reached = range(max(deed.index - 1, 0), frontier + 1)
        needed = min(asked.canary_size(after.canary, index) for index in reached)
        if ready < max(needed, 1) and asked.replicas > 0:
            self._report(
                "S2", f"weight {after.canary} needs {needed} ready canary pods, {ready} were seen"
            )
        if deed.is_aborted:
            self._report("S7", f"weight rises to {after.canary} although the update is aborted")
        allowed = max(asked.weight_at(index) for index in reached)
        if after.canary > allowed and not self._steps.skips_all(deed):
            self._report(
                "S4", f"weight {after.canary} is above the {allowed} that step {deed.index} allows"
            )

    def _judge_lowering(self, deed: Deed, before: Weight, after: Weight) -> None:
        stable = selected_hash(deed.seen, self._names.stable_service)
        canary = selected_hash(deed.seen, self._names.canary_service)
        wanted, total = deed.asked.replicas, after.total
        is_carried = deed.ready(stable) * total >= wanted * (total - after.canary)
        is_canary_short = deed.ready(canary) * total < wanted * before.canary
        if stable != canary and not is_carried and not is_canary_short:
            self._report(
                "S2",
                f"weight falls to {after.canary}, but stable has only "
                f"{deed.ready(stable)} of {wanted} pods ready",
            )
        promoted = deed.status.get("stableRS")
        is_served = deed.asked.replicas > 0 and deed.ready(canary)
        if promoted and stable and stable != promoted and is_served:
            self._report(
                "S11", "weight falls while the stable Service still selects the former revision"
            )

    def judge_service(self, deed: Deed) -> None:
        """Check a Service that was pointed somewhere else."""
        assert deed.new is not None
        name = deed.new["metadata"]["name"]
        before, after = selected_hash(deed.seen, name), selected_hash(deed.after, name)
        if before == after:
            return
        if deed.asked.replicas > 0 and not deed.ready(after):
            self._report("S3", f"Service {name} is pointed at {after}, which has no ready pod")
        self._judge_lost(deed)
        if not self._names.is_routed:
            return
        weight = weight_of(deed.seen, self._names)
        is_stable = name == self._names.stable_service
        part = weight.total - weight.canary if is_stable else weight.canary
        needed = deed.asked.replicas * part
        can_carry = deed.ready(after) * weight.total >= needed
        is_repaired = is_stable and after == deed.status.get("stableRS") and not weight.canary
        if is_repaired:
            return  # The promotion had its pods; what disagrees with it is repaired first (S11).
        if before and 0 < needed <= deed.ready(before) * weight.total and not can_carry:
            self._report(
                "S2",
                f"Service {name} with {part} of {weight.total} of the traffic moves to {after} "
                f"with {deed.ready(after)} of {deed.asked.replicas} pods ready",
            )

    def _judge_lost(self, deed: Deed) -> None:
        before = traffic_of(deed.seen, self._names, ready_of).lost
        after = traffic_of(deed.after, self._names, ready_of).lost
        if after > before and deed.asked.replicas > 0:
            self._report("S3", f"lost requests rise from {before} to {after}")
