"""What the peer leaves in a cluster: Rollouts in the middle of something, and all that is theirs.

Source: its labels, annotations, names and status fields, as docs/compatibility.md lists them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rollouts.api.pod_template import pod_template_hash, steps_hash

HASH = "rollouts-pod-template-hash"
REVISION = "rollout.argoproj.io/revision"
DESIRED = "rollout.argoproj.io/desired-replicas"
MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"
CONTROLLER = "rollouts-controller"
"""The field manager that the peer's writes bear."""

STEPS: list[dict[str, Any]] = [
    {"setWeight": 20},
    {"pause": {"duration": "1h"}},
    {"setWeight": 40},
    {"pause": {}},
    {"setWeight": 60},
    {"pause": {}},
]
REPLICAS = 5
DELAY_SECONDS = 4
"""How long former pods stay after a promotion: not the default, so that a test can wait for it."""


def stamp(ago=timedelta(0)):
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def template(image):
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": {"team": "shop"}},
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "image": image,
                    "ports": [{"containerPort": 8080}],
                    "resources": {"requests": {"cpu": "0.1", "memory": "64Mi"}},
                }
            ]
        },
    }


def condition(kind, status, reason, message):
    at = stamp(timedelta(minutes=20))
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": at, "lastUpdateTime": at,
    }  # fmt: skip


@dataclass
class Set:
    """One ReplicaSet of a Rollout; `deadline` is when the peer would scale it down."""

    image: str
    revision: int
    replicas: int
    pod_hash: str = ""
    deadline: str = ""

    def __post_init__(self):
        self.pod_hash = self.pod_hash or pod_template_hash(template(self.image))


@dataclass
class Left:
    """One Rollout as the peer left it.

    Attributes:
        sets: its ReplicaSets, oldest first; the last one is of the template in spec.
        stable: index in `sets` of the stable one.
        weight: of the canary Ingress.
        status: fields beside hashes, counters and weights.
        replicas: of the Rollout; the peer's record on the sets is always REPLICAS.
    """

    name: str
    sets: list[Set]
    stable: int
    weight: int = 0
    status: dict[str, Any] = field(default_factory=dict)
    replicas: int = REPLICAS
    steps: list[dict[str, Any]] = field(default_factory=lambda: copy.deepcopy(STEPS))

    @property
    def stable_set(self):
        return self.sets[self.stable]

    @property
    def canary_set(self):
        """What the canary Service selects: the newest set, unless nothing of it is left."""
        return self.sets[-1] if self.sets[-1].replicas else self.stable_set

    def rollout(self):
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "web", "annotations": {REVISION: str(self.sets[-1].revision)}},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": template(self.sets[-1].image),
                "strategy": {
                    "canary": {
                        "stableService": "web",
                        "canaryService": "web-canary",
                        "trafficRouting": {"nginx": {"stableIngress": "web"}},
                        "scaleDownDelaySeconds": DELAY_SECONDS,
                        "steps": self.steps,
                    }
                },
            },
        }

    def replica_sets(self, owner):
        for each in self.sets:
            labels = {"app": "web", HASH: each.pod_hash}
            wanted = template(each.image)
            wanted["metadata"]["labels"] = labels
            annotations = {REVISION: str(each.revision), DESIRED: str(REPLICAS)}
            if each.deadline:
                annotations["scale-down-deadline"] = each.deadline
            yield {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"web-{each.pod_hash}",
                    "labels": labels,
                    "annotations": annotations,
                    "ownerReferences": [owner],
                },
                "spec": {
                    "replicas": each.replicas,
                    "selector": {"matchLabels": labels},
                    "template": wanted,
                },
            }

    def network(self, owner):
        for name, chosen in (("web", self.stable_set), ("web-canary", self.canary_set)):
            yield {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "annotations": {MANAGED_BY: "web"}},
                "spec": {
                    "selector": {"app": "web", HASH: chosen.pod_hash},
                    "ports": [{"port": 80, "targetPort": 8080}],
                },
            }
        yield self._ingress("web", "web", {})
        canary = {"canary": "true", "canary-weight": str(self.weight)}
        prefix = "nginx.ingress.kubernetes.io"
        made = self._ingress(
            "web-web-canary", "web-canary", {f"{prefix}/{key}": canary[key] for key in canary}
        )
        made["metadata"]["ownerReferences"] = [owner]
        yield made

    def _ingress(self, name, service, annotations):
        path = {
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"number": 80}}},
        }  # fmt: skip
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "ingressClassName": "nginx",
                "rules": [{"host": "web.example.com", "http": {"paths": [path]}}],
            },
        }

    def whole_status(self, generation):
        total = sum(each.replicas for each in self.sets)
        weights = {
            side: {"weight": weight, "serviceName": service, "podTemplateHash": chosen.pod_hash}
            for side, weight, service, chosen in (
                ("canary", self.weight, "web-canary", self.canary_set),
                ("stable", 100 - self.weight, "web", self.stable_set),
            )
        }
        return {
            "HPAReplicas": total,
            "availableReplicas": total,
            "blueGreen": {},
            "canary": {"weights": weights},
            "currentPodHash": self.sets[-1].pod_hash,
            "currentStepHash": steps_hash(self.steps),
            "observedGeneration": str(generation),
            "readyReplicas": total,
            "replicas": total,
            "selector": "app=web",
            "stableRS": self.stable_set.pod_hash,
            "updatedReplicas": self.sets[-1].replicas,
        } | self.status
