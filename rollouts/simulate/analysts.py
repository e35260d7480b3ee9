"""People who handle templates and runs: they change, delete, end, and forge them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rollouts.api.refs import ANALYSIS_RUN, ANALYSIS_TEMPLATE, ROLLOUT, Kind, Manifest
from rollouts.emulator.errors import ApiError
from rollouts.kube.cluster import PatchType
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.runbook import ENDS, STEP
from rollouts.simulate.snapshot import HASH_LABEL

STRANGER = "stranger"
STRANGE_OWNER = "another"
"""The uid of an owner of forged runs that is not there."""


def template_named(name: str) -> Manifest:
    """Return a template with one metric that is called like it."""
    prometheus = {"address": "http://prometheus.monitoring:9090", "query": "vector(0)"}
    metric = {
        "name": name,
        "interval": "5s",
        "count": 3,
        "failureLimit": 1,
        "provider": {"prometheus": prometheus},
    }
    return {
        "apiVersion": ANALYSIS_TEMPLATE.api_version,
        "kind": ANALYSIS_TEMPLATE.kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"metrics": [metric]},
    }


class Analysts:
    """Does to templates and runs what a scenario's acts say; `deeds` are its words."""

    def __init__(self, cluster: SimCluster, rollout: str) -> None:
        self._cluster = cluster
        self._rollout = rollout
        self._forged_count = 0
        self.deeds: Mapping[str, Callable[[Any], None]] = {
            "create-template": lambda name: self._create(
                ANALYSIS_TEMPLATE, template_named(str(name))
            ),
            "change-template": lambda name: self._change(str(name)),
            "delete-template": lambda name: self._delete(ANALYSIS_TEMPLATE, str(name)),
            "delete-run": lambda _: self._delete(ANALYSIS_RUN, self._newest()["metadata"]["name"]),
            "terminate-run": lambda _: self._terminate(),
            "forge-run": lambda _: self._forge(),
        }

    def _create(self, kind: Kind, manifest: Manifest) -> None:
        rt = self._cluster.type_of(kind)
        self._cluster.server.create(rt, NAMESPACE, manifest, field_manager=STRANGER)

    def _edit(self, kind: Kind, name: str, body: Manifest) -> None:
        rt, merge = self._cluster.type_of(kind), str(PatchType.MERGE)
        self._cluster.server.patch(rt, NAMESPACE, name, body, merge, field_manager=STRANGER)

    def _delete(self, kind: Kind, name: str) -> None:
        self._cluster.server.delete(self._cluster.type_of(kind), NAMESPACE, name)

    def _change(self, name: str) -> None:
        """Let a template ask for one measurement more."""
        rt = self._cluster.type_of(ANALYSIS_TEMPLATE)
        (metric,) = self._cluster.server.get(rt, NAMESPACE, name)["spec"]["metrics"]
        changed = {**metric, "count": metric["count"] + 1}
        self._edit(ANALYSIS_TEMPLATE, name, {"spec": {"metrics": [changed]}})

    def _newest(self, *, is_open: bool = False) -> Manifest:
        found = [
            each
            for each in self._cluster.find_all(ANALYSIS_RUN)
            if not (is_open and (each.get("status") or {}).get("phase") in ENDS)
        ]
        if not found:
            raise ApiError(404, "NotFound", "there is no such run")
        return max(found, key=lambda each: int(each["metadata"]["resourceVersion"]))

    def _terminate(self) -> None:
        name = self._newest(is_open=True)["metadata"]["name"]
        self._edit(ANALYSIS_RUN, name, {"spec": {"terminate": True}})

    def _forge(self) -> None:
        """Create a run that looks like the one that is wanted now, and says that all is well."""
        rt = self._cluster.type_of(ROLLOUT)
        rollout = self._cluster.server.get(rt, NAMESPACE, self._rollout)
        status, metadata = rollout.get("status") or {}, rollout["metadata"]
        annotations = metadata.get("annotations") or {}
        revision = annotations.get("rollout.argoproj.io/revision", "1")
        pod_hash, index = status.get("currentPodHash", ""), status.get("currentStepIndex") or 0
        self._forged_count += 1
        is_twin = self._forged_count % 2 == 1
        name = f"{self._rollout}-{pod_hash}-{revision}-{index}" if is_twin else f"{STRANGER}-"
        labels = {HASH_LABEL: pod_hash, "rollout-type": STEP, "step-index": str(index)}
        owner = {
            "apiVersion": ROLLOUT.api_version,
            "kind": ROLLOUT.kind,
            "name": self._rollout,
            "uid": STRANGE_OWNER,
            "controller": True,
        }
        results = [{"name": "forged", "phase": "Successful", "count": 1, "successful": 1}]
        self._create(
            ANALYSIS_RUN,
            {
                "apiVersion": ANALYSIS_RUN.api_version,
                "kind": ANALYSIS_RUN.kind,
                "metadata": {
                    "name": name if is_twin else f"{name}{self._forged_count}",
                    "namespace": NAMESPACE,
                    "labels": labels,
                    "annotations": {"rollout.argoproj.io/revision": revision},
                    "ownerReferences": [] if is_twin else [owner],
                },
                "spec": {"metrics": [{"name": "forged", "provider": {"web": {}}}]},
                "status": {"phase": "Successful", "metricResults": results},
            },
        )
