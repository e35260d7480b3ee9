"""One pass over one Rollout: observe, plan, carry out, write status, say when to look again.

Awaits nothing but the `Cluster`, so that the simulator can drive it call by call and stop it
after any of them. Status is written last: it never promises what was not done.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from rollouts.actions import Event, Plan
from rollouts.api.refs import EVENT, POD, ROLLOUT, Manifest
from rollouts.api.times import format_time
from rollouts.controller.execute import Execution, NameTaken, Overtaken
from rollouts.controller.observe import observe, slim_pod
from rollouts.controller.views import Key, Views
from rollouts.core.facts import Observed, RolloutFacts
from rollouts.core.invariants import check_plan
from rollouts.core.planner import plan_rollout
from rollouts.core.progress import read_progress
from rollouts.core.restart import is_restart_due
from rollouts.core.status import label_selector
from rollouts.kube.cluster import Cluster
from rollouts.kube.errors import AlreadyExists, ClusterError

log = logging.getLogger(__name__)

PASS_COUNT_MAX = 20
"""Passes in a row before other Rollouts get their turn; a quiet rollout needs two."""

COUNTER_DELAY = timedelta(seconds=2)
"""How long a write of mere counters waits for more of them."""


class BrokenRule(Exception):
    """A plan breaks a safety rule. That is our bug: nothing of it is carried out."""


async def reconcile_rollout(
    key: Key, views: Views, cluster: Cluster, clock: Callable[[], datetime]
) -> datetime | None:
    """Plan and carry out until there is nothing to do; return when to look again unasked.

    May stop after any call and be run again from the top.

    Raises:
        ClusterError: a call failed in a way that only time can mend.
        BrokenRule: the planner is wrong; the message names the rules.
    """
    for _ in range(PASS_COUNT_MAX):
        now = clock()
        observed = observe(views, key)
        if observed is None:
            views.held.pop(key, None)
            return None
        observed = await _with_pods(observed, cluster, now)
        plan = plan_rollout(observed, now)
        broken = check_plan(observed, plan)
        if broken:
            raise BrokenRule(f"{'/'.join(key)}: {'; '.join(broken)}")
        if _is_quiet(plan):
            views.held.pop(key, None)
            return plan.wake_at
        if plan.counters_only and not plan.finish:
            due = views.held.setdefault(key, now + COUNTER_DELAY)
            if now < due and not plan.actions and not plan.events:
                return due if plan.wake_at is None else min(due, plan.wake_at)
            if now < due:
                plan = replace(plan, status=None)
        if plan.status is not None:
            views.held.pop(key, None)
        try:
            await _carry_out(observed, plan, views=views, cluster=cluster, now=now)
        except Overtaken:
            continue
    return clock()


def _is_quiet(plan: Plan) -> bool:
    return plan.status is None and not plan.actions and not plan.finish and not plan.events


async def _carry_out(
    observed: Observed, plan: Plan, *, views: Views, cluster: Cluster, now: datetime
) -> None:
    rollout = observed.rollout
    execution = Execution(cluster, views, rollout, rollout.resource_version)
    try:
        for action in plan.actions:
            await execution.perform(action)
    except NameTaken as taken:
        await _count_collision(execution, taken)
        return
    if plan.status is not None:
        await execution.write_status(rollout.status, plan.status)
    for event in plan.events:
        await record(cluster, rollout, event, now)
    for action in plan.finish:
        await execution.perform(action)
    log.info(
        "pass rollout=%s/%s actions=%d status=%s wake=%s",
        rollout.namespace,
        rollout.name,
        len(plan.actions) + len(plan.finish),
        "written" if plan.status is not None else "unchanged",
        plan.wake_at.isoformat() if plan.wake_at else "-",
    )


async def _count_collision(execution: Execution, taken: NameTaken) -> None:
    """Make the next hash differ, because the name that this one gives is taken."""
    status = execution.rollout.status
    count = int(status.get("collisionCount") or 0) + 1
    log.warning("name taken object=%s collisions=%d", taken, count)
    await execution.write_status(status, {**status, "collisionCount": count})


async def _with_pods(observed: Observed, cluster: Cluster, now: datetime) -> Observed:
    """Read the pods while a restart is under way; nothing else needs them."""
    rollout = observed.rollout
    if rollout.spec is None or rollout.spec.restart_at is None or rollout.is_deleted:
        return observed
    if not is_restart_due(rollout.spec.restart_at, read_progress(rollout.status), now):
        return observed
    selector = label_selector(rollout.spec.selector)
    pods = await cluster.list(POD, rollout.namespace, label_selector=selector)
    hashes = {each.pod_hash for each in observed.replica_sets}
    facts = (slim_pod(each) for each in pods)
    return replace(observed, pods=tuple(each for each in facts if each.pod_hash in hashes))


async def record(cluster: Cluster, rollout: RolloutFacts, event: Event, now: datetime) -> None:
    """Create a Kubernetes Event. Events are a courtesy: a failure never fails a pass."""
    try:
        await cluster.create(event_manifest(rollout, event, now), EVENT)
    except AlreadyExists:
        return  # Recorded by an earlier try of the same pass.
    except ClusterError as error:
        log.warning("event not recorded reason=%s error=%s", event.reason, error)


def event_manifest(rollout: RolloutFacts, event: Event, now: datetime) -> Manifest:
    """Return the Event object. Its name follows from its content, so a repeat is no second one."""
    content = f"{rollout.uid} {rollout.resource_version} {event.reason} {event.message}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    stamp = format_time(now)
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{rollout.name[:200]}.{digest}", "namespace": rollout.namespace},
        "involvedObject": {
            "apiVersion": ROLLOUT.api_version,
            "kind": ROLLOUT.kind,
            "namespace": rollout.namespace,
            "name": rollout.name,
            "uid": rollout.uid,
            "resourceVersion": rollout.resource_version,
        },
        "reason": event.reason,
        "message": event.message[:1024],
        "type": "Warning" if event.warning else "Normal",
        "source": {"component": "rollouts-controller"},
        "reportingComponent": "rollouts-controller",
        "reportingInstance": "",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
