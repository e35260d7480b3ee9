"""Short words for the few objects that judges look at."""

from __future__ import annotations

from rollouts.api.refs import INGRESS, REPLICA_SET, ROLLOUT, SERVICE
from rollouts.simulate.scenario import Scenario, service
from rollouts.simulate.share import CANARY, CANARY_WEIGHT
from rollouts.simulate.snapshot import HASH_LABEL, Snapshot

OWNER = {"controller": True, "name": "web", "uid": "web-uid"}


def replica_set(image, *, replicas, ready=None, number=1, pods=None):
    pod_hash = image.replace(":", "")
    ready = replicas if ready is None else ready
    labels = {"app": "web", HASH_LABEL: pod_hash}
    return {
        "metadata": {
            "name": f"web-{pod_hash}",
            "labels": labels,
            "annotations": {"rollout.argoproj.io/revision": str(number)},
            "ownerReferences": [OWNER],
            "resourceVersion": "1",
        },
        "spec": {
            "replicas": replicas,
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"image": image}]},
            },
        },
        "status": {"replicas": replicas if pods is None else pods, "availableReplicas": ready},
    }


def canary_ingress(weight, total=None):
    annotations = {CANARY: "true", CANARY_WEIGHT: str(weight)}
    if total is not None:
        annotations["nginx.ingress.kubernetes.io/canary-weight-total"] = str(total)
    return {
        "metadata": {
            "name": "web-web-canary",
            "annotations": annotations,
            "ownerReferences": [OWNER],
            "resourceVersion": "1",
        },
        "spec": {},
    }


def selecting(name, image=""):
    made = service(name)
    made["metadata"]["resourceVersion"] = "1"
    if image:
        made["spec"]["selector"] = {"app": "web", HASH_LABEL: image.replace(":", "")}
    return made


def rollout(scenario=None, *, image="web:2", generation=1, version=1, **status):
    made = (scenario or Scenario()).rollout(image)
    made["metadata"] |= {
        "uid": "web-uid",
        "generation": generation,
        "resourceVersion": str(version),
    }
    made["status"] = status
    return made


def snapshot(*manifests, rollout=None):
    made = Snapshot()
    for manifest in manifests:
        metadata, spec = manifest["metadata"], manifest["spec"]
        if "template" in spec:
            made.put(REPLICA_SET, manifest)
        elif "selector" in spec:
            made.put(SERVICE, manifest)
        else:
            assert metadata["name"]
            made.put(INGRESS, manifest)
    if rollout is not None:
        made.put(ROLLOUT, rollout)
    return made
