"""Plug Rollouts into the hub: what to follow for them, whom to wake, what to say of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rollouts.actions import Event
from rollouts.analysis.expression import check_metric_condition
from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    INGRESS,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kind,
    ObjectRef,
)
from rollouts.controller.events import Subject
from rollouts.controller.follower import describe_standing
from rollouts.controller.reconcile import reconcile_rollout
from rollouts.controller.views import Views
from rollouts.core.facts import HASH_LABEL
from rollouts.kube.errors import Forbidden, Unserved
from rollouts.telemetry.metrics import RolloutSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from rollouts.api.refs import Manifest
    from rollouts.controller.hub import Hub
    from rollouts.controller.queue import Key
    from rollouts.core.facts import RolloutFacts
    from rollouts.kube.standing import Standing
    from rollouts.kube.store import Change

LANE = "rollouts"


class RolloutLoop:
    """Works on Rollouts."""

    def __init__(self, hub: Hub) -> None:
        self.views = Views(check_metric_condition, lambda: hub.providers)
        self._hub = hub

    def install(self) -> None:
        """Follow what Rollouts depend on and serve them."""
        hub, views = self._hub, self.views
        hub.serve(
            ROLLOUT.kind,
            self._reconcile,
            lane=LANE,
            workers=hub.settings.workers,
            keys=self._keys,
        )
        hub.follow_own(ROLLOUT, views.rollouts, self._waker(ROLLOUT), needed_by=LANE)
        hub.follow(
            REPLICA_SET,
            views.replica_sets,
            self._waker(REPLICA_SET),
            label_selector=HASH_LABEL,
            needed_by=LANE,
        )
        # Rollouts that name none of these are served without them.
        for kind, store in ((SERVICE, views.services), (INGRESS, views.ingresses)):
            hub.follow(kind, store, self._waker(kind), on_standing=self._sight(kind))
        analysis = views.analysis
        hub.listen(ANALYSIS_RUN, self._take_run, self._measure_sight(ANALYSIS_RUN))
        hub.follow(
            ANALYSIS_TEMPLATE,
            analysis.templates,
            self._waker(ANALYSIS_TEMPLATE),
            on_standing=self._measure_sight(ANALYSIS_TEMPLATE),
        )
        if hub.settings.namespace:
            # Who works in one namespace has no rights on what belongs to the cluster.
            analysis.unseen[CLUSTER_ANALYSIS_TEMPLATE.kind] = (
                f"this controller works in namespace {hub.settings.namespace} alone; "
                f"use an {ANALYSIS_TEMPLATE.kind}"
            )
        else:
            hub.follow(
                CLUSTER_ANALYSIS_TEMPLATE,
                analysis.cluster_templates,
                self._waker(CLUSTER_ANALYSIS_TEMPLATE),
                on_standing=self._measure_sight(CLUSTER_ANALYSIS_TEMPLATE),
            )

    def samples(self) -> Iterator[RolloutSample]:
        """Describe all Rollouts for the metrics."""
        for rollout in self.views.rollouts.items():
            yield sample(rollout)

    def _take_run(self, event_type: str, manifest: Manifest) -> None:
        """Take news of an analysis run from the loop that works on it."""
        runs = self.views.analysis.runs
        if event_type == "DELETED":
            metadata = manifest["metadata"]
            change = runs.forget(metadata.get("namespace", ""), metadata["name"])
        else:
            change = runs.observe(event_type, manifest)
        if change is not None:
            self._waker(ANALYSIS_RUN)(change)

    def _keys(self) -> Iterator[Key]:
        for rollout in self.views.rollouts.items():
            yield (ROLLOUT.kind, rollout.namespace, rollout.name)

    def _sight(self, kind: Kind) -> Callable[[Standing], None]:
        """Have Rollouts know that a kind cannot be read, or can be again."""

        def changed(standing: Standing) -> None:
            if self.views.unseen.get(kind.kind, False) == standing.blocked:
                return
            self.views.unseen[kind.kind] = standing.blocked
            for key in self._keys():
                self._hub.wake(key)

        return changed

    def _measure_sight(self, kind: Kind) -> Callable[[Standing], None]:
        """Have Rollouts that measure know why a kind of analysis cannot be read, or can again."""
        unseen = self.views.analysis.unseen

        def changed(standing: Standing) -> None:
            is_unseen = standing.blocked or standing.missing
            namespace = self._hub.settings.namespace if kind.namespaced else ""
            why = describe_standing(kind, namespace, standing) if is_unseen else ""
            if unseen.get(kind.kind, "") == why:
                return
            unseen[kind.kind] = why
            for key in self.views.measuring():
                self._hub.wake(key)

        return changed

    def _waker(self, kind: Kind) -> Callable[[Change[Any]], None]:
        def wake(change: Change[Any]) -> None:
            for key in self.views.keys_for(kind, change):
                self._hub.wake(key)
            if kind == ROLLOUT and change.new is None:
                self._hub.refusals.pop((ROLLOUT.kind, change.namespace, change.name), None)
                self._hub.metrics.forget(change.namespace, change.name)

        return wake

    async def _reconcile(self, key: Key) -> datetime | None:
        loop = asyncio.get_running_loop()
        started, failed = loop.time(), True
        try:
            wake_at = await reconcile_rollout(key, self.views, self._hub.cluster, self._hub.clock)
            failed = False
            self._hub.refusals.pop(key, None)
        except (Forbidden, Unserved) as error:
            self._tell_refusal(key, error)
            raise
        finally:
            _, namespace, name = key
            # A deleted Rollout has one last pass, which must not bring its metrics back.
            if self.views.rollouts.get(namespace, name) is not None:
                seconds = loop.time() - started
                self._hub.metrics.observe_pass(namespace, name, seconds, failed=failed)
        return wake_at

    def _tell_refusal(self, key: Key, error: Forbidden | Unserved) -> None:
        """Have people hear, at the Rollout itself, what keeps it from being worked on."""
        text = str(error)
        if isinstance(error, Forbidden):
            text += "; grant this right to the controller's account"
        self._hub.refusals[key] = text
        _, namespace, name = key
        rollout = self.views.rollouts.get(namespace, name)
        if rollout is not None:
            subject = Subject(
                ObjectRef(ROLLOUT, namespace, name), rollout.uid, rollout.resource_version
            )
            self._hub.recorder.record(subject, Event("RolloutRefused", text, warning=True))


def sample(rollout: RolloutFacts) -> RolloutSample:
    """Describe one Rollout in the peer's words."""
    status, spec = rollout.status, rollout.spec
    replicas = int(status.get("replicas") or 0)
    available = int(status.get("availableReplicas") or 0)
    return RolloutSample(
        namespace=rollout.namespace,
        name=rollout.name,
        strategy="canary" if spec is not None else "none",
        traffic_router="Nginx" if spec is not None and spec.is_routed else "",
        phase=_phase(rollout),
        desired=spec.replicas if spec is not None else 0,
        available=available,
        unavailable=max(0, replicas - available),
        updated=int(status.get("updatedReplicas") or 0),
    )


def _phase(rollout: RolloutFacts) -> str:
    """Return the phase in the words of `rollout_info`, which are not those of `status.phase`."""
    if rollout.spec is None:
        return "InvalidSpec"
    conditions = rollout.status.get("conditions") or ()
    reason = next((each.get("reason") for each in conditions if each["type"] == "Progressing"), "")
    match reason:
        case "RolloutAborted":
            return "Abort"
        case "ProgressDeadlineExceeded":
            return "Timeout"
        case "ReplicaSetCreateError":
            return "Error"
    match rollout.status.get("phase"):
        case "Healthy":
            return "Completed"
        case "Paused":
            return "Paused"
        case "Degraded":
            return "Error"
        case _:
            return "Progressing"
