"""Rules about analysis runs: who is asked what, once, and whose answer counts (A1 to A6)."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.simulate.deed import Deed, Report
from rollouts.simulate.ledger import Ledger
from rollouts.simulate.needs import attempt_of, is_measured_beside, need_of, object_beside
from rollouts.simulate.runbook import BACKGROUND, ENDS, REVISION, STEP, Truth
from rollouts.simulate.snapshot import HASH_LABEL, owner_uid, version_of
from rollouts.simulate.step_rules import current_hash

STEP_LABEL = "step-index"
ROLE_LABEL = "rollout-type"
NAMED = {STEP: "currentStepAnalysisRunStatus", BACKGROUND: "currentBackgroundAnalysisRunStatus"}
"""Where status says which run decides."""


class RunRules:
    """Judges writes of runs, and what status makes of them."""

    def __init__(self, ledger: Ledger, report: Report) -> None:
        self._ledger = ledger
        self._report = report

    def judge(self, deed: Deed) -> None:
        """Check one write of a run."""
        if deed.old is None:
            self._judge_start(deed)
        elif deed.new is None:
            self._judge_deletion(deed, deed.old)
        else:
            self._judge_change(deed.old, deed.new)

    def judge_status(self, deed: Deed) -> None:
        """Check what a status write makes of runs."""
        assert deed.old is not None
        assert deed.new is not None
        old, new = deed.old.get("status") or {}, deed.new.get("status") or {}
        is_untouched = str(new.get("message") or "").startswith("InvalidSpec")
        if not (new.get("abort") or is_untouched):
            for role, name in named_runs(new).items():
                self._judge_named(deed, role, name)
        was, is_ = old.get("stableRS"), new.get("stableRS")
        since = deed.asked.background_from
        if was and is_ != was and since is not None and since <= deed.asked.step_count:
            self._judge_promotion(deed)

    def _judge_start(self, deed: Deed) -> None:
        assert deed.new is not None
        metadata = deed.new["metadata"]
        name, labels = metadata["name"], metadata.get("labels") or {}
        if owner_uid(deed.new) != deed.rollout["metadata"]["uid"]:
            self._report("S13", f"run {name} is made without its owner")
        if labels.get(HASH_LABEL) != current_hash(deed):
            self._report("A3", f"run {name} is labelled with another revision than is wanted")
        step = labels.get(STEP_LABEL)
        need = need_of(
            self._ledger, deed, labels.get(ROLE_LABEL, ""), None if step is None else int(step)
        )
        # Edited steps begin anew, and what begins with a later one of them is measured anew.
        is_begun_anew = need.role == BACKGROUND and bool(deed.asked.background_from)
        # A leader that is behind may count another revision, and then its names collide with none.
        revision = (metadata.get("annotations") or {}).get(REVISION, "")
        rivals = [
            each
            for each in self._ledger.runs.of(need)
            if not each.is_gone and (each.revision == revision or each.name in deed.seen.runs)
        ]
        of_steps = attempt_of(self._ledger, deed).of_steps
        for rival in rivals:
            # What could not be named before the steps or the number changed may be asked again.
            is_same_try = (rival.of_steps, rival.revision) == (of_steps, revision)
            if not (rival.has_ended or rival.is_stopped):
                self._report("A3", f"run {name} is made although {rival.name} is open")
            elif is_same_try and rival.is_dropped and not is_begun_anew:
                self._report("A3", f"run {name} is made although {rival.name} was asked the same")
            elif rival.is_bad or (rival.is_proof and not is_begun_anew):
                self._report("A3", f"run {name} is made although {rival.name} is {rival.phase}")
        self._ledger.runs.announce(name, need, of_steps=of_steps)

    def _judge_named(self, deed: Deed, role: str, name: str) -> None:
        """Check that status names no run that answers another question."""
        truths = [each for each in self._ledger.runs.truths.values() if each.name == name]
        needs = {each.need for each in truths}
        index = int(((deed.new or {}).get("status") or {}).get("currentStepIndex") or 0)
        wanted = need_of(self._ledger, deed, role, index if role == STEP else None)
        if wanted not in needs:
            told = ", ".join(str(tuple(need)) if need else "a stranger" for need in needs) or "none"
            self._report("A1", f"{name} ({told}) is named for {tuple(wanted)}")

    def _judge_promotion(self, deed: Deed) -> None:
        if self._ledger.wants_full(deed.asked.image, version_of(deed.rollout)):
            return
        objection = object_beside(self._ledger, deed)
        if objection:
            self._report("A2", f"promoted although {objection}")
        elif not is_measured_beside(self._ledger, deed):
            self._report("A2", "promoted before anything was measured beside the steps")

    def _judge_change(self, old: Manifest, new: Manifest) -> None:
        name = old["metadata"]["name"]
        truth = self._own(old, "changed")
        if truth is None:
            return
        if new["spec"] != {**old["spec"], "terminate": True}:
            self._report("S13", f"more than spec.terminate of run {name} is changed")
        if old.get("status") != new.get("status"):
            self._report("S13", f"the status of run {name} is changed, which is the measurer's")

    def _judge_deletion(self, deed: Deed, old: Manifest) -> None:
        truth = self._own(old, "deleted")
        if truth is None:
            return
        if not truth.has_ended:
            self._report("A6", f"run {truth.name} is deleted although it has not ended")
        # What the pass knew counts: somebody else may have deleted others meanwhile.
        uid = deed.rollout["metadata"]["uid"]
        others = [
            each
            for each in deed.seen.runs.values()
            if owner_uid(each) == uid and _phase(each) in ENDS
            if each["metadata"]["name"] != truth.name
        ]
        kept = min(deed.asked.good_runs_limit, deed.asked.bad_runs_limit)
        if len(others) < kept:
            self._report("A6", f"run {truth.name} is deleted with only {len(others)} others")

    def _own(self, run: Manifest, what: str) -> Truth | None:
        """Return the truth about a run of this Rollout; report one of somebody else."""
        truth = self._ledger.runs.truths.get(run["metadata"]["uid"])
        if truth is None or truth.need is None:
            self._report("S13", f"run {run['metadata']['name']} of somebody else is {what}")
            return None
        return truth


def _phase(run: Manifest) -> str:
    return str((run.get("status") or {}).get("phase") or "")


def named_runs(status: Manifest) -> dict[str, str]:
    """Return the names of the runs that decide according to a status, by role."""
    canary = status.get("canary") or {}
    found = {role: (canary.get(field) or {}).get("name") for role, field in NAMED.items()}
    return {role: name for role, name in found.items() if name}
