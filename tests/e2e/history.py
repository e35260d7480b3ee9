"""What a recorded history says about traffic: how it moved, and if pods could take it. Pure."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from rollouts.api.refs import INGRESS, REPLICA_SET, ROLLOUT, SERVICE
from rollouts.simulate.share import Names, traffic_of, weight_of
from rollouts.simulate.snapshot import Snapshot, ready_of, replicas_of

KINDS = {kind.kind: kind for kind in (INGRESS, REPLICA_SET, ROLLOUT, SERVICE)}
NAMES = Names("myapp", "myapp-stable", "myapp-canary", "myapp-myapp-ingress-canary")


def snapshots(history):
    """Return the world after each version that is about traffic, and that version."""
    world = Snapshot()
    for version in history:
        kind = KINDS.get(version.kind)
        if kind is None:
            continue
        world = world.copy()
        if version.is_gone:
            world.drop(kind, version.manifest["metadata"]["name"])
        else:
            world.put(kind, version.manifest)
        yield world, version


def moves(history, of):
    """Return the values that something had, each once for as long as it stayed."""
    seen = []
    for world, _ in snapshots(history):
        value = of(world)
        if not seen or seen[-1] != value:
            seen.append(value)
    return seen


def weights(history):
    """Return the weights of the canary Ingress in order, without the zero at the beginning."""
    seen = moves(history, lambda world: weight_of(world, NAMES).canary)
    return seen[1:] if seen[:1] == [0] else seen


def without_falling(seen, weight):
    """Leave out the falling weights by which one that somebody set was taken back."""
    if weight not in seen:
        return seen
    begin = end = seen.index(weight) + 1
    while end + 1 < len(seen) and seen[end - 1] > seen[end] > seen[end + 1]:
        end += 1
    return seen[:begin] + seen[end:]


def selectors(history, service):
    """Return the pod template hashes that a Service has selected, in order."""

    def selected(world):
        found = world.services.get(service)
        selector = (found or {}).get("spec", {}).get("selector") or {}
        return selector.get("rollouts-pod-template-hash", "")

    return [each for each in moves(history, selected) if each]


def overloads(history):
    """Return each write that sent a revision more requests than its available pods can take.

    Only traffic that grows counts: what pods do after it was sent is not the writer's doing.
    """
    found = []
    before = {}
    for world, version in snapshots(history):
        rollout = world.rollouts.get(NAMES.rollout)
        if rollout is None:
            continue
        traffic = traffic_of(world, NAMES, ready_of)
        shares = dict(traffic.shares)
        if version.kind in {"Ingress", "Service"} and before:
            available = {
                each["metadata"]["labels"]["rollouts-pod-template-hash"]: ready_of(each)
                for each in world.sets.values()
            }
            for pod_hash, share in shares.items():
                needed = ceil(Fraction(replicas_of(rollout)) * share)
                if share > before.get(pod_hash, 0) and available[pod_hash] < needed:
                    found.append(
                        f"{share} to {pod_hash} with {available[pod_hash]} of {needed} pods"
                    )
            if traffic.lost > before.get("lost", 0):
                found.append(f"{traffic.lost} to nobody after {version.key}")
        if traffic.shares:
            before = {**shares, "lost": traffic.lost}
    return found
