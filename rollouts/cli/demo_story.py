"""The demo's scenarios: what is done, and what the API of any cluster must show in the end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import rollouts
from rollouts.api.refs import (
    APPLICATION,
    INGRESS,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kind,
    Manifest,
    ObjectRef,
)
from rollouts.cli.demo_repository import DemoRepository
from rollouts.cli.demo_timeline import WEIGHT
from rollouts.cli.tree import HASH, phase_of
from rollouts.controller.settings import INSTANCE_LABEL
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import NotFound
from rollouts.kube.rest import KubeCluster

PRODUCTION, CONTROL = "production", "argocd"
NAME = "myapp"
ROLLOUT_FILE = "deploy/rollout.yaml"
OLD_IMAGE, NEW_IMAGE = "myorg/myapp:1.0.0", "myorg/myapp:1.1.0"
EXAMPLE = "01-first-canary"
FILES = ("rollout.yaml", "services.yaml", "ingress.yaml")

POLL_SECONDS = 0.05
WAIT_SECONDS_MAX = 60.0
"""Longest wait for any one thing the demo promises, pauses apart."""


class PromiseBroken(Exception):
    """The API does not show what the scenario promises."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a story plays.

    `say` writes a line of the timeline; `pause` is what stands for the example's ten minutes;
    `restart` kills the controller's process and starts it anew. The Rollout lives in the namespace
    `production`, its Application in `control`; `instance` says which controller they are for.
    """

    kube: KubeCluster
    repository: DemoRepository
    say: Callable[[str], None]
    check: Callable[[], None]
    pause: str
    patience: float
    restart: Callable[[], Awaitable[None]]
    production: str = PRODUCTION
    control: str = CONTROL
    instance: str = ""

    @property
    def rollout(self) -> ObjectRef:
        """Return the name of the Rollout that the story is about."""
        return ObjectRef(ROLLOUT, self.production, NAME)

    @property
    def application(self) -> ObjectRef:
        """Return the name of the Application that deploys it."""
        return ObjectRef(APPLICATION, self.control, NAME)

    @property
    def canary_ingress(self) -> ObjectRef:
        """Return the name of the Ingress that carries the canary's weight."""
        return ObjectRef(INGRESS, self.production, f"{NAME}-{NAME}-ingress-canary")

    @property
    def stable_service(self) -> ObjectRef:
        """Return the name of the Service whose selector follows the stable revision."""
        return ObjectRef(SERVICE, self.production, f"{NAME}-stable")


def example_file(name: str) -> str:
    """Return a file of the first example, which ships with the package."""
    package = Path(rollouts.__file__).parent
    for root in (package / "examples", package.parent / "examples"):
        path = root / EXAMPLE / name
        if path.is_file():
            return path.read_text()
    raise PromiseBroken(f"examples/{EXAMPLE}/{name} ships with the product: reinstall it")


async def deploy_first_version(stage: Stage) -> None:
    """Commit the example, declare an Application for it, and wait until it is healthy."""
    for name in FILES:
        text = example_file(name)
        if name == "rollout.yaml":
            text = _label(_shorten(text, stage.pause), stage.instance)
        stage.repository.write(f"deploy/{name}", text)
    commit = stage.repository.push("Deploy myapp 1.0.0")
    stage.say(f"commit {commit[:7]}: Deploy myapp 1.0.0")
    for name in (stage.production, stage.control):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await stage.kube.create(manifest, NAMESPACE)
    await stage.kube.create(_application(stage), APPLICATION)
    await _until(stage, "the first version is healthy and synced", _is_settled(stage, OLD_IMAGE))


async def promote(stage: Stage) -> None:
    """A new image goes through all weights by its timed pauses."""
    seen = asyncio.create_task(_record_weights(stage))
    await _push_new_image(stage)
    await _until(stage, "the new version is healthy and synced", _is_settled(stage, NEW_IMAGE))
    seen.cancel()
    weights = await _finished(seen)
    _promise(weights == [10, 30, 50, 100, 0], f"weights moved 10, 30, 50, 100, 0: saw {weights}")
    await _check_traffic(stage, NEW_IMAGE)


async def abort(stage: Stage) -> None:
    """Somebody stops the canary at 30 %; everything returns to the old version."""
    await _push_new_image(stage)
    await _until(stage, "the canary takes 30 %", _has_weight(stage, "30"))
    stage.say("$ kubectl annotate rollout myapp rollouts.dev/abort='checkout errors went up'")
    await _annotate(stage, "abort", "checkout errors went up")

    async def is_back() -> bool:
        rollout = await stage.kube.get(stage.rollout)
        phase, message = phase_of(rollout)
        is_told = phase == "Degraded" and "checkout errors went up" in message
        return is_told and await _weight(stage) == "0" and await _live_images(stage) == {OLD_IMAGE}

    await _until(stage, "all traffic and pods are back on the old version", is_back)
    await _check_traffic(stage, OLD_IMAGE)
    annotations = (await stage.kube.get(stage.rollout))["metadata"].get("annotations") or {}
    left = [key for key in annotations if key.startswith("rollouts.dev/")]
    _promise(not left, f"the request was taken off the object: {left}")


async def drift(stage: Stage) -> None:
    """Somebody edits live objects in mid-canary; each is healed and the canary goes on."""
    await _push_new_image(stage)
    await _until(stage, "the canary takes 10 %", _has_weight(stage, "10"))
    stage.say("somebody edits the live objects by hand:")
    stage.say("$ kubectl patch service myapp-stable (targetPort 8080 -> 9999)")
    ports = [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}]
    await stage.kube.patch(stage.stable_service, ports, PatchType.JSON)
    stage.say("$ kubectl annotate ingress ...-canary canary-weight=90")
    await stage.kube.patch(stage.canary_ingress, {"metadata": {"annotations": {WEIGHT: "90"}}})
    stable = await _set_of(stage, OLD_IMAGE)
    stage.say(f"$ kubectl scale replicaset {stable['metadata']['name']} --replicas=2")
    ref = ObjectRef(REPLICA_SET, stage.production, stable["metadata"]["name"])
    await stage.kube.patch(ref, {"spec": {"replicas": 2}})

    async def is_healed() -> bool:
        service = await stage.kube.get(stage.stable_service)
        size = (await stage.kube.get(ref))["spec"]["replicas"]
        weight = await _weight(stage)
        is_hashed = HASH in service["spec"]["selector"]
        is_port = service["spec"]["ports"][0]["targetPort"] == 8080
        return is_port and size != 2 and weight != "90" and is_hashed

    await _until(stage, "every edit is healed", is_healed)
    stage.say("healed: port, weight and size are as declared")
    await _until(stage, "the canary was completed", _is_settled(stage, NEW_IMAGE))
    await _check_traffic(stage, NEW_IMAGE)


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

    await _until(stage, "the broken file is named on the Application", is_named)
    after = await _names(stage)
    _promise(before == after, f"nothing was lost: {sorted(before - after)}")
    _promise(phase_of(await stage.kube.get(stage.rollout))[0] == "Healthy", "still healthy")
    stage.repository.write("deploy/services.yaml", good)
    commit = stage.repository.push("Mend services")
    stage.say(f"commit {commit[:7]}: Mend services")

    async def is_synced() -> bool:
        status = (await stage.kube.get(stage.application)).get("status") or {}
        sync = status.get("sync") or {}
        return bool(sync.get("status") == "Synced" and sync.get("revision") == commit)

    await _until(stage, "the mended commit is synced", is_synced)
    await _check_traffic(stage, OLD_IMAGE)


async def crash(stage: Stage) -> None:
    """The controller is killed with -9 in every pause; it goes on at the same step and time."""
    await _push_new_image(stage)
    for weight in ("10", "30", "50"):
        await _until(stage, f"the canary takes {weight} %", _has_weight(stage, weight))
        await _until(stage, "the pause is recorded", _is_paused(stage))
        before = _position(await stage.kube.get(stage.rollout))
        stage.say("$ kill -9 (the controller)")
        await stage.restart()
        after = _position(await stage.kube.get(stage.rollout))
        _promise(before == after, f"step and pause are as before: {before}, {after}")
        stage.say(f"started again, still at step {before[0]}, paused since {before[1]}")
    await _until(stage, "the new version is healthy and synced", _is_settled(stage, NEW_IMAGE))
    await _check_traffic(stage, NEW_IMAGE)


STORIES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "promote": promote,
    "abort": abort,
    "drift": drift,
    "bad-commit": bad_commit,
    "crash": crash,
}


def _shorten(text: str, pause: str) -> str:
    """Replace the example's pauses, and let scale-down delays follow them."""
    text = re.sub(r"duration: 10m", f"duration: {pause}", text)
    delays = "      scaleDownDelaySeconds: 2\n      abortScaleDownDelaySeconds: 2\n      steps:\n"
    return text.replace("      steps:\n", delays)


def _label(text: str, instance: str) -> str:
    """Mark a manifest as one controller's own."""
    labels = f"metadata:\n  labels: {{{INSTANCE_LABEL}: {instance}}}\n"
    return text.replace("metadata:\n", labels, 1) if instance else text


def _application(stage: Stage) -> Manifest:
    url, destination = stage.repository.url, "https://kubernetes.default.svc"
    labels = {"labels": {INSTANCE_LABEL: stage.instance}} if stage.instance else {}
    return {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.kind,
        "metadata": {"name": NAME, "namespace": stage.control, **labels},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "targetRevision": "main", "path": "deploy"},
            "destination": {"server": destination, "namespace": stage.production},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True, "allowEmpty": False}},
        },
    }


async def _push_new_image(stage: Stage) -> None:
    stage.repository.set_image(ROLLOUT_FILE, NEW_IMAGE)
    commit = stage.repository.push("Release myapp 1.1.0")
    stage.say(f"commit {commit[:7]}: Release myapp 1.1.0")


async def _annotate(stage: Stage, verb: str, value: str) -> None:
    body = {"metadata": {"annotations": {f"rollouts.dev/{verb}": value}}}
    await stage.kube.patch(stage.rollout, body)


def _is_settled(stage: Stage, image: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        rollout = await stage.kube.get(stage.rollout)
        status = rollout.get("status") or {}
        is_stable = status.get("stableRS") == status.get("currentPodHash") is not None
        wanted = rollout["spec"]["template"]["spec"]["containers"][0]["image"]
        if phase_of(rollout)[0] != "Healthy" or not is_stable or wanted != image:
            return False
        application = (await stage.kube.get(stage.application)).get("status") or {}
        is_synced = (application.get("sync") or {}).get("status") == "Synced"
        is_healthy = (application.get("health") or {}).get("status") == "Healthy"
        return is_synced and is_healthy and await _live_images(stage) == {image}

    return check


def _has_weight(stage: Stage, weight: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await _weight(stage) == weight

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


async def _weight(stage: Stage) -> str:
    ingress = await stage.kube.get(stage.canary_ingress)
    return str(ingress["metadata"]["annotations"].get(WEIGHT, ""))


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


async def _live_images(stage: Stage) -> set[str]:
    """Return the images of all pods that are there and not on their way out."""
    pods = await stage.kube.list(POD, stage.production, label_selector="app=myapp")
    return {
        container["image"]
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        for container in pod["spec"]["containers"]
    }


async def _set_of(stage: Stage, image: str) -> Manifest:
    for each in await stage.kube.list(REPLICA_SET, stage.production):
        if each["spec"]["template"]["spec"]["containers"][0]["image"] == image:
            return each
    raise PromiseBroken(f"there is no ReplicaSet of {image}")


async def _check_traffic(stage: Stage, image: str) -> None:
    """Check that the stable Service selects pods of this image, and the weight is zero."""
    owner = await _set_of(stage, image)
    wanted = owner["metadata"]["labels"][HASH]
    service = await stage.kube.get(stage.stable_service)
    _promise(service["spec"]["selector"].get(HASH) == wanted, f"{image} serves the stable Service")
    _promise(await _weight(stage) == "0", "the canary weight is 0")


async def _names(stage: Stage) -> set[str]:
    kinds: tuple[Kind, ...] = (ROLLOUT, SERVICE, INGRESS, REPLICA_SET, POD)
    found: set[str] = set()
    for kind in kinds:
        for each in await stage.kube.list(kind, stage.production):
            found.add(f"{kind.kind}/{each['metadata']['name']}")
    return found


async def _until(stage: Stage, what: str, check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a promise holds; an object that is not there yet does not."""
    try:
        async with asyncio.timeout(WAIT_SECONDS_MAX + stage.patience):
            while True:
                stage.check()
                try:
                    if await check():
                        return
                except NotFound:
                    pass  # Not there yet; the time-out bounds how long that may be.
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise PromiseBroken(f"in time: {what}") from None


def _promise(holds: bool, what: str) -> None:
    if not holds:
        raise PromiseBroken(what)
