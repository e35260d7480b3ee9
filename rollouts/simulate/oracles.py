"""The safety rules, checked at every write of every controller; and whose objects they are.

What judges is small and reads top down: `share` says where requests go, `ledger` remembers what
people asked for, `runbook` how runs ended, `asked` reads the spec, and the rules are in
`traffic_rules`, `capacity_rules`, `step_rules`, `status_rules` and `run_rules`. None of them
imports a planner. They believe the store, what the writing pass had been told, and status only
where a rule is about status.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rollouts.api.refs import (
    ANALYSIS_RUN,
    EVENT,
    INGRESS,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Manifest,
)
from rollouts.simulate.capacity_rules import REVISION, CapacityRules
from rollouts.simulate.deed import Deed, Report
from rollouts.simulate.ledger import PREFIX, Ledger
from rollouts.simulate.run_rules import RunRules
from rollouts.simulate.share import Names
from rollouts.simulate.snapshot import HASH_LABEL
from rollouts.simulate.status_rules import StatusRules
from rollouts.simulate.step_rules import StepRules
from rollouts.simulate.traffic_rules import TrafficRules

MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"


class Oracles:
    """Judges each write of a controller by all rules that it could break."""

    def __init__(self, names: Names, ledger: Ledger, report: Report) -> None:
        steps = StepRules(names, ledger)
        self._names = names
        self._ledger = ledger
        self._report = report
        self._traffic = TrafficRules(names, steps, report)
        self._capacity = CapacityRules(names, ledger, steps, report)
        self._status = StatusRules(names, steps, report)
        self._runs = RunRules(ledger, report)

    def judge(self, deed: Deed) -> None:
        """Check one write."""
        if deed.kind == REPLICA_SET:
            self._own_set(deed)
            self._capacity.judge(deed)
        elif deed.kind == ROLLOUT:
            if self._own_rollout(deed) and deed.is_status:
                self._status.judge(deed)
                self._runs.judge_status(deed)
        elif deed.kind == SERVICE:
            if self._own_service(deed):
                self._traffic.judge_service(deed)
        elif deed.kind == INGRESS:
            if self._own_ingress(deed):
                self._traffic.judge_ingress(deed)
        elif deed.kind == ANALYSIS_RUN:
            self._runs.judge(deed)
        elif deed.kind != EVENT:
            self._report("S13", f"wrote {deed.kind}, which is none of its business")

    def _own_rollout(self, deed: Deed) -> bool:
        """Check that of the Rollout only status, our annotations and what people asked change."""
        if deed.new is None or deed.old is None:
            self._report("S13", "created or deleted a Rollout")
            return False
        allowed = {"paused"} if self._ledger.may_pause else set()
        if (
            self._ledger.may_restore
            and deed.old["spec"]["template"] != deed.new["spec"]["template"]
        ):
            self._ledger.may_restore -= 1
            allowed.add("template")
        ours = (
            name
            for side in (deed.old, deed.new)
            for name in side["metadata"].get("annotations") or ()
            if name.startswith(PREFIX) or name == REVISION
        )
        self._check_fields(deed, allowed, ours)
        return True

    def _own_set(self, deed: Deed) -> None:
        self._check_owner(deed.new or deed.old or {})
        if deed.old is not None and deed.new is not None:
            inherited = (
                name
                for side in (deed.old, deed.new)
                for name in side["metadata"].get("annotations") or ()
            )
            self._check_fields(deed, {"replicas", "minReadySeconds"}, inherited)

    def _own_service(self, deed: Deed) -> bool:
        if deed.new is None or deed.old is None:
            self._report("S13", "created or deleted a Service")
            return False
        name = deed.new["metadata"]["name"]
        if name not in {self._names.stable_service, self._names.canary_service}:
            self._report("S13", f"wrote Service {name}, which the Rollout does not name")
            return False
        self._check_fields(deed, {"selector"}, (MANAGED_BY,))
        sides = (
            {**(side["spec"].get("selector") or {}), HASH_LABEL: ""}
            for side in (deed.old, deed.new)
        )
        if next(sides) != next(sides):
            self._report("S13", f"changed more of the selector of Service {name} than the hash")
        return True

    def _own_ingress(self, deed: Deed) -> bool:
        if deed.new is None or deed.new["metadata"]["name"] != self._names.canary_ingress:
            self._report("S13", "wrote an Ingress that is not the canary Ingress")
            return False
        self._check_owner(deed.new)
        return True

    def _check_fields(self, deed: Deed, fields: set[str], annotations: Iterable[str]) -> None:
        assert deed.old is not None
        assert deed.new is not None
        for name in _differing(deed.old.get("spec") or {}, deed.new.get("spec") or {}):
            if name not in fields:
                self._report("S13", f"changed spec.{name} of a {deed.kind.kind}")
        old = deed.old["metadata"].get("annotations") or {}
        new = deed.new["metadata"].get("annotations") or {}
        if old == new:
            return
        allowed = tuple(annotations)
        for name in _differing(old, new):
            if name not in allowed:
                self._report("S13", f"changed annotation {name} of a {deed.kind.kind}")

    def _check_owner(self, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        for owner in metadata.get("ownerReferences") or ():
            if owner.get("controller") and owner["name"] == self._names.rollout:
                return
        self._report("S13", f"wrote {metadata['name']}, which the Rollout does not own")


def _differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    if old == new:
        return []
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
