"""The number everything hangs on: which part of the requests reaches which revision.

`share` of a revision is the part of user requests that reaches its ready pods; `lost` is the
part that reaches none. With a router it follows from the weight in the live canary Ingress,
the selectors of the live Services and the ready pods; without one, from the ready pods alone.
It never reads a Rollout's status and knows nothing of plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from rollouts.api.refs import Manifest
from rollouts.simulate.snapshot import HASH_LABEL, Snapshot, hash_of

CANARY = "nginx.ingress.kubernetes.io/canary"
CANARY_WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
CANARY_WEIGHT_TOTAL = "nginx.ingress.kubernetes.io/canary-weight-total"

Endpoints: TypeAlias = tuple[tuple[str, int], ...]
"""The ready pods behind a Service: hash and count, sorted by hash, none of them zero."""

Ready: TypeAlias = Callable[[Manifest], int]
"""How many pods of a ReplicaSet are ready, in somebody's opinion."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the objects of one Rollout are called; empty where it has none.

    Without a router `stable_service` is the one Service in front of all pods.
    """

    rollout: str
    stable_service: str
    canary_service: str = ""
    canary_ingress: str = ""

    @property
    def is_routed(self) -> bool:
        """Tell whether a router splits the traffic."""
        return bool(self.canary_ingress)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Where requests go: to ready pods of each revision, by hash, or nowhere."""

    shares: Mapping[str, Fraction]
    lost: Fraction

    def share(self, pod_hash: str) -> Fraction:
        """Return the part that one revision answers."""
        return self.shares.get(pod_hash, _NOTHING)


@dataclass(frozen=True, slots=True)
class Weight:
    """The canary weight in force, and the total it is a part of."""

    canary: int
    total: int


_NOTHING = Fraction(0)
_NO_CANARY = Weight(0, 100)


def weight_of(snapshot: Snapshot, names: Names) -> Weight:
    """Return the weight of the canary Ingress; zero when there is none in force."""
    ingress = snapshot.ingresses.get(names.canary_ingress)
    if ingress is None:
        return _NO_CANARY
    annotations = ingress["metadata"].get("annotations") or {}
    total = _whole(annotations.get(CANARY_WEIGHT_TOTAL), 100)
    if annotations.get(CANARY) != "true":
        return Weight(0, total)
    return Weight(_whole(annotations.get(CANARY_WEIGHT), 0), total)


def traffic_of(snapshot: Snapshot, names: Names, ready: Ready) -> Traffic:
    """Return where requests go, given an opinion about which pods are ready."""
    stable = endpoints_of(snapshot, names.stable_service, ready)
    if not names.is_routed:
        return split(_NO_CANARY, stable, ())
    canary = endpoints_of(snapshot, names.canary_service, ready)
    return split(weight_of(snapshot, names), stable, canary)


def endpoints_of(snapshot: Snapshot, service_name: str, ready: Ready) -> Endpoints:
    """Return the ready pods behind a Service."""
    service = snapshot.services.get(service_name)
    if service is None:
        return ()
    selector: Mapping[str, str] = service["spec"].get("selector") or {}
    return _endpoints(selector, snapshot.sets.values(), ready)


def selected_hash(snapshot: Snapshot, service_name: str) -> str:
    """Return the pod template hash a Service selects; empty when it does not select one."""
    service = snapshot.services.get(service_name)
    if service is None:
        return ""
    found: str = (service["spec"].get("selector") or {}).get(HASH_LABEL, "")
    return found


def _endpoints(selector: Mapping[str, str], sets: Iterable[Manifest], ready: Ready) -> Endpoints:
    if not selector:
        return ()
    wanted = selector.items()
    found = []
    for replica_set in sets:
        labels = replica_set["spec"]["template"]["metadata"]["labels"]
        if wanted <= labels.items():
            count = ready(replica_set)
            if count:
                found.append((hash_of(replica_set), count))
    found.sort()
    return tuple(found)


@lru_cache(maxsize=4096)  # pure, and the same few splits recur thousands of times
def split(weight: Weight, stable: Endpoints, canary: Endpoints) -> Traffic:
    """Return where requests go for one weight and the ready pods on either side."""
    shares: dict[str, Fraction] = {}
    lost = Fraction(0)
    to_canary = Fraction(min(weight.canary, weight.total), weight.total)
    for part, endpoints in ((to_canary, canary), (1 - to_canary, stable)):
        pods = sum(count for _hash, count in endpoints)
        if not pods:
            lost += part
        for pod_hash, count in endpoints if part else ():
            shares[pod_hash] = shares.get(pod_hash, _NOTHING) + part * Fraction(count, pods)
    return Traffic(shares, lost)


def _whole(text: object, default: int) -> int:
    try:
        return int(str(text))
    except ValueError:
        return default
