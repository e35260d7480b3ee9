"""The demo's scenarios: what is done, and what the API of any cluster must show in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rollouts.api.refs import INGRESS, POD, REPLICA_SET, ROLLOUT, SERVICE, Kind, Manifest, ObjectRef
from rollouts.cli.demo_gate_story import bad_version, good_version
from rollouts.cli.demo_stage import (
    NEW_IMAGE,
    OLD_IMAGE,
    Stage,
    check_traffic,
    is_settled,
    live_images,
    promise,
    push_new_image,
    set_of,
    until,
    weight_of,
)
from rollouts.cli.demo_timeline import WEIGHT
from rollouts.cli.tree import HASH, phase_of
from rollouts.kube.cluster import PatchType


async def promote(stage: Stage) -> None:
    """A new image goes through all weights by its timed pauses."""
    seen = asyncio.create_task(_record_weights(stage))
    await push_new_image(stage)
    await until(stage, "the new version is healthy and synced", is_settled(stage, NEW_IMAGE))
    seen.cancel()
    weights = await _finished(seen)
    promise(weights == [10, 30, 50, 100, 0], f"weights moved 10, 30, 50, 100, 0: saw {weights}")
    await check_traffic(stage, NEW_IMAGE)


async def abort(stage: Stage) -> None:
    """Somebody stops the canary at 30 %; everything returns to the old version."""
    await push_new_image(stage)
    await until(stage, "the canary takes 30 %", _has_weight(stage, "30"))
    stage.say("$ kubectl annotate rollout myapp rollouts.dev/abort='checkout errors went up'")
    await _annotate(stage, "abort", "checkout errors went up")

    async def is_back() -> bool:
        rollout = await stage.kube.get(stage.rollout)
        phase, message = phase_of(rollout)
        is_told = phase == "Degraded" and "checkout errors went up" in message
        return is_told and await weight_of(stage) == "0" and await live_images(stage) == {OLD_IMAGE}

    await until(stage, "all traffic and pods are back on the old version", is_back)
    await check_traffic(stage, OLD_IMAGE)
    annotations = (await stage.kube.get(stage.rollout))["metadata"].get("annotations") or {}
    left = [key for key in annotations if key.startswith("rollouts.dev/")]
    promise(not left, f"the request was taken off the object: {left}")


async def drift(stage: Stage) -> None:
    """Somebody edits live objects in mid-canary; each is healed and the canary goes on."""
    await push_new_image(stage)
    await until(stage, "the canary takes 10 %", _has_weight(stage, "10"))
    stage.say("somebody edits the live objects by hand:")
    stage.say("$ kubectl patch service myapp-stable (targetPort 8080 -> 9999)")
    ports = [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}]
    await stage.kube.patch(stage.stable_service, ports, PatchType.JSON)
    stage.say("$ kubectl annotate ingress ...-canary canary-weight=90")
    await stage.kube.patch(stage.canary_ingress, {"metadata": {"annotations": {WEIGHT: "90"}}})
    stable = await set_of(stage, OLD_IMAGE)
    stage.say(f"$ kubectl scale replicaset {stable['metadata']['name']} --replicas=2")
    ref = ObjectRef(REPLICA_SET, stage.production, stable["metadata"]["name"])
    await stage.kube.patch(ref, {"spec": {"replicas": 2}})

    async def is_healed() -> bool:
        service = await stage.kube.get(stage.stable_service)
        size = (await stage.kube.get(ref))["spec"]["replicas"]
        weight = await weight_of(stage)
        is_hashed = HASH in service["spec"]["selector"]
        is_port = service["spec"]["ports"][0]["targetPort"] == 8080
        return is_port and size != 2 and weight != "90" and is_hashed

    await until(stage, "every edit is healed", is_healed)
    stage.say("healed: port, weight and size are as declared")
    await until(stage, "the canary was completed", is_settled(stage, NEW_IMAGE))
    await check_traffic(stage, NEW_IMAGE)


async def bad_commit(stage: Stage) -> None:
    """Broken YAML is pushed: it is named, nothing is lost, and the next commit mends it."""
    before = await _names(stage)
    good = stage.repository.read("deploy/services.yaml")
    stage.repository.write("deploy/services.yaml", good.replace("spec:", "spec: [broken", 1))
    commit = stage.repository.push("Tidy services")
    stage.say(f"commit {commit[:7]}: Tidy services (breaks the YAML)")

    async def is_named() -> bool:
        status = (await stage.kube.get(stage.application)).get("status") or {}
        messages = [each.get("message", "") for each in status.get("conditions") or ()]
        return any("services.yaml" in message for message in messages)

    await until(stage, "the broken file is named on the Application", is_named)
    after = await _names(stage)
    promise(before == after, f"nothing was lost: {sorted(before - after)}")
    promise(phase_of(await stage.kube.get(stage.rollout))[0] == "Healthy", "still healthy")
    stage.repository.write("deploy/services.yaml", good)
    commit = stage.repository.push("Mend services")
    stage.say(f"commit {commit[:7]}: Mend services")

    async def is_synced() -> bool:
        status = (await stage.kube.get(stage.application)).get("status") or {}
        sync = status.get("sync") or {}
        return bool(sync.get("status") == "Synced" and sync.get("revision") == commit)

    await until(stage, "the mended commit is synced", is_synced)
    await check_traffic(stage, OLD_IMAGE)


async def crash(stage: Stage) -> None:
    """The controller is killed with -9 in every pause; it goes on at the same step and time."""
    await push_new_image(stage)
    for weight in ("10", "30", "50"):
        await until(stage, f"the canary takes {weight} %", _has_weight(stage, weight))
        await until(stage, "the pause is recorded", _is_paused(stage))
        before = _position(await stage.kube.get(stage.rollout))
        stage.say("$ kill -9 (the controller)")
        await stage.restart()
        after = _position(await stage.kube.get(stage.rollout))
        promise(before == after, f"step and pause are as before: {before}, {after}")
        stage.say(f"started again, still at step {before[0]}, paused since {before[1]}")
    await until(stage, "the new version is healthy and synced", is_settled(stage, NEW_IMAGE))
    await check_traffic(stage, NEW_IMAGE)


STORIES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "promote": promote,
    "abort": abort,
    "drift": drift,
    "bad-commit": bad_commit,
    "crash": crash,
    "bad-version": bad_version,
    "good-version": good_version,
}


async def _annotate(stage: Stage, verb: str, value: str) -> None:
    body = {"metadata": {"annotations": {f"rollouts.dev/{verb}": value}}}
    await stage.kube.patch(stage.rollout, body)


def _has_weight(stage: Stage, weight: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await weight_of(stage) == weight

    return check


def _is_paused(stage: Stage) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return phase_of(await stage.kube.get(stage.rollout))[0] == "Paused"

    return check


def _position(rollout: Manifest) -> tuple[int, str]:
    """Return the step and when its pause began."""
    status = rollout.get("status") or {}
    pauses = status.get("pauseConditions") or [{}]
    return int(status.get("currentStepIndex") or 0), str(pauses[0].get("startTime", ""))


async def _record_weights(stage: Stage) -> list[int]:
    """Follow the canary Ingress and return the weights it had, in order, once cancelled."""
    seen: list[int] = []
    version = (await stage.kube.get(stage.canary_ingress))["metadata"]["resourceVersion"]
    try:
        async for _, ingress in stage.kube.watch(INGRESS, stage.production, "", version):
            if ingress["metadata"].get("name") != stage.canary_ingress.name:
                continue
            weight = int(ingress["metadata"]["annotations"].get(WEIGHT, "0"))
            if not seen or seen[-1] != weight:
                seen.append(weight)
    except asyncio.CancelledError:
        return seen
    return seen


async def _finished(task: asyncio.Task[list[int]]) -> list[int]:
    return await task


async def _names(stage: Stage) -> set[str]:
    kinds: tuple[Kind, ...] = (ROLLOUT, SERVICE, INGRESS, REPLICA_SET, POD)
    found: set[str] = set()
    for kind in kinds:
        for each in await stage.kube.list(kind, stage.production):
            found.add(f"{kind.kind}/{each['metadata']['name']}")
    return found
