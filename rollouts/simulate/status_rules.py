"""Rules about status: S5, S6, S10 and S14, and A1 for the steps of analysis."""

from __future__ import annotations

from dataclasses import replace

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time
from rollouts.simulate.clock import SECOND, to_ms
from rollouts.simulate.deed import TRUNCATION_MS, Deed, Report
from rollouts.simulate.share import Names, weight_of
from rollouts.simulate.step_rules import StepRules, current_hash, pause_start_ms

TIMES = ("abortedAt", "promotedAt", "restartedAt")


class StatusRules:
    """Judges writes of a Rollout's status."""

    def __init__(self, names: Names, steps: StepRules, report: Report) -> None:
        self._names = names
        self._steps = steps
        self._report = report

    def judge(self, deed: Deed) -> None:
        """Check a status write against the status it replaced."""
        assert deed.old is not None
        assert deed.new is not None
        old, new = deed.old.get("status") or {}, deed.new.get("status") or {}
        if old == new:
            return
        self._judge_index(deed, old, new)
        self._judge_pause(deed, old, new)
        self._judge_stable(deed, old, new)
        self._judge_honesty(deed, old, new)

    def _judge_index(self, deed: Deed, old: Manifest, new: Manifest) -> None:
        was, is_ = old.get("currentStepIndex"), new.get("currentStepIndex")
        if was == is_ or is_ is None:
            return
        count = deed.asked.step_count
        hashes = ("currentPodHash", "currentStepHash")
        has_new_goal = any(deed.status.get(name) != new.get(name) for name in hashes)
        is_promoted = new.get("stableRS") in {"", None, new.get("currentPodHash")}
        if has_new_goal:
            if not (is_ == count and is_promoted):
                self._judge_leaving(deed, is_)
        elif is_ == 0 and new.get("abort"):
            return
        elif old.get("abort") or old.get("abortedAt"):
            self._judge_leaving(replace(deed, recorded=None), is_)  # A retry starts over.
        elif is_ < deed.index:
            self._report("S5", f"the step index goes back from {deed.index} to {is_}")
        else:
            self._judge_leaving(deed, is_)

    def _judge_leaving(self, deed: Deed, until: int) -> None:
        if not self._steps.skips_all(deed):
            objection = self._steps.leave(deed, until)
            if objection:
                rules = {"its pause": "S6", "its analysis": "A1", "beside the steps": "A2"}
                found = (rule for words, rule in rules.items() if words in objection)
                self._report(next(found, "S5"), objection)

    def _judge_pause(self, deed: Deed, old: Manifest, new: Manifest) -> None:
        index = int(new.get("currentStepIndex") or 0)
        started = pause_start_ms(new, index)
        if started is None or started == pause_start_ms(old, index):
            return
        before = pause_start_ms(old, index)
        is_kept = not (deed.is_new_goal or old.get("abort"))
        if before is not None and is_kept and old.get("currentStepIndex") == index:
            self._report("S6", f"the pause of step {index} begins anew {started - before} ms later")
        earliest = deed.planned_ms - TRUNCATION_MS
        if started < earliest:
            self._report("S6", f"the pause of step {index} is dated {earliest - started} ms early")

    def _judge_stable(self, deed: Deed, old: Manifest, new: Manifest) -> None:
        was, is_ = old.get("stableRS") or "", new.get("stableRS") or ""
        if was == is_:
            return
        asked = deed.asked
        if is_ != current_hash(deed):
            self._report("S10", f"{is_} becomes stable, which is not the wanted revision")
        if deed.ready(is_) < asked.replicas:
            self._report("S10", f"{is_} becomes stable with {deed.ready(is_)} of {asked.replicas}")
        if not was:
            return
        if deed.is_aborted or new.get("abort"):
            self._report("S10", f"{is_} becomes stable although the update is aborted")
        index = int(new.get("currentStepIndex") or 0)
        if index < asked.step_count:
            self._report("S10", f"{is_} becomes stable at step {index} of {asked.step_count}")
        weight = weight_of(deed.seen, self._names)
        if self._names.is_routed and weight.canary < weight.total and asked.replicas > 0:
            self._report("S10", f"{is_} becomes stable with weight {weight.canary}")

    def _judge_honesty(self, deed: Deed, old: Manifest, new: Manifest) -> None:
        assert deed.new is not None
        generation = int(deed.new["metadata"].get("generation") or 0)
        observed = int(new.get("observedGeneration") or 0)
        if observed > generation:
            self._report("S14", f"observedGeneration {observed} is above {generation}")
        if new.get("phase") == "Healthy":
            self._judge_healthy(deed, new)
        latest_ms = deed.planned_ms + SECOND
        for name in TIMES:
            text = new.get(name)
            if text and text != old.get(name) and to_ms(parse_time(text)) > latest_ms:
                self._report("S14", f"{name} {text} is in the future")
        known = {each["type"]: each for each in old.get("conditions") or ()}
        for condition in new.get("conditions") or ():
            before = known.get(condition["type"])
            if (
                before is not None
                and before["status"] == condition["status"]
                and before.get("lastTransitionTime") != condition.get("lastTransitionTime")
            ):
                self._report(
                    "S14",
                    f"condition {condition['type']} has a new transition time and no new value",
                )

    def _judge_healthy(self, deed: Deed, new: Manifest) -> None:
        goal, stable = current_hash(deed), new.get("stableRS")
        if stable != goal or new.get("currentPodHash") != goal:
            self._report("S14", f"Healthy, but stable is {stable} and {goal} is wanted")
        if deed.ready(goal) < deed.asked.replicas:
            self._report(
                "S14", f"Healthy with {deed.ready(goal)} of {deed.asked.replicas} ready pods"
            )
