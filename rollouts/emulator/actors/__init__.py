"""The controllers of the emulated cluster, played as the real ones behave.

The law of this room: an actor reads what happened through watches, writes through the server
like any client, and says when it wants to be woken. Time is the `now` it is given; luck is a
generator it is given; names come from content. No clock, no thread, no network, no log.

Played: ReplicaSets, Deployments, Jobs, pods on one node, Endpoints and EndpointSlices, garbage
collection in its three forms, namespaces, addresses of Ingresses and load balancers.
Not played: StatefulSets, DaemonSets, CronJobs, autoscalers, volumes, quotas, admission and RBAC.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rollouts.emulator.actors.actor import Actor, KeyedActor, run_actors, run_round
from rollouts.emulator.actors.behaviour import (
    COMPLETES,
    CRASH_LOOP,
    NEVER_READY,
    PULL_ERROR,
    READY,
    Behaviour,
    Evicted,
    Exits,
    Luck,
    PullFails,
    Runs,
)
from rollouts.emulator.actors.deployment import DeploymentController
from rollouts.emulator.actors.endpoints import EndpointsController
from rollouts.emulator.actors.events import Recorder
from rollouts.emulator.actors.garbage import GarbageCollector
from rollouts.emulator.actors.ingress import IngressController
from rollouts.emulator.actors.job import JobController
from rollouts.emulator.actors.kubelet import Kubelet
from rollouts.emulator.actors.replicaset import ReplicaSetController

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollouts.emulator.server import ApiServer

__all__ = [
    "COMPLETES",
    "CRASH_LOOP",
    "NEVER_READY",
    "PULL_ERROR",
    "READY",
    "Actor",
    "Behaviour",
    "DeploymentController",
    "EndpointsController",
    "Evicted",
    "Exits",
    "GarbageCollector",
    "IngressController",
    "JobController",
    "KeyedActor",
    "Kubelet",
    "Luck",
    "PullFails",
    "Recorder",
    "ReplicaSetController",
    "Runs",
    "all_actors",
    "run_actors",
    "run_round",
]


def all_actors(
    server: ApiServer,
    behaviours: Mapping[str, Behaviour] | None = None,
    *,
    default: Behaviour = READY,
    termination: timedelta = timedelta(0),
    luck: Luck | None = None,
    events: bool = False,
) -> tuple[Actor, ...]:
    """Return one of each actor, in the order in which work flows from one to the next.

    Args:
        behaviours: how images behave, see `Kubelet`.
        default: how images behave that `behaviours` does not name.
        termination: how long pods take to end.
        luck: makes jitter; without it there is none.
        events: write Events for people to read.
    """
    recorder = Recorder(server) if events else None
    kubelet = Kubelet(
        server,
        behaviours,
        default=default,
        termination=termination,
        luck=luck,
        recorder=recorder,
    )
    return (
        GarbageCollector(server),
        DeploymentController(server, recorder=recorder),
        JobController(server, recorder=recorder),
        ReplicaSetController(server, recorder=recorder),
        kubelet,
        EndpointsController(server),
        IngressController(server),
    )
