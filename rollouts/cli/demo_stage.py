"""Where the demo's stories play: what is deployed, what is looked at, and what was promised."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rollouts
from rollouts.api.refs import (
    APPLICATION,
    INGRESS,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Manifest,
    ObjectRef,
)
from rollouts.cli.demo_repository import DemoRepository
from rollouts.cli.demo_timeline import WEIGHT
from rollouts.cli.tree import HASH, phase_of
from rollouts.controller.settings import INSTANCE_LABEL
from rollouts.kube.errors import NotFound
from rollouts.kube.rest import KubeCluster

if TYPE_CHECKING:
    from rollouts.cli.demo_gate import Gate

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
    `gate` is what is measured in stories in which metrics decide.
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
    gate: Gate | None = None

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


def example_file(name: str, example: str = EXAMPLE) -> str:
    """Return a file of an example, which ships with the package."""
    package = Path(rollouts.__file__).parent
    for root in (package / "examples", package.parent / "examples"):
        path = root / example / name
        if path.is_file():
            return path.read_text()
    raise PromiseBroken(f"examples/{example}/{name} ships with the product: reinstall it")


async def deploy_first_version(stage: Stage) -> None:
    """Commit the example, declare an Application for it, and wait until it is healthy."""
    for name in FILES:
        text = example_file(name)
        if name == "rollout.yaml":
            text = mark(shorten(text, stage.pause), stage.instance)
        stage.repository.write(f"deploy/{name}", text)
    commit = stage.repository.push("Deploy myapp 1.0.0")
    stage.say(f"commit {commit[:7]}: Deploy myapp 1.0.0")
    for name in (stage.production, stage.control):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await stage.kube.create(manifest, NAMESPACE)
    await stage.kube.create(_application(stage), APPLICATION)
    await until(stage, "the first version is healthy and synced", is_settled(stage, OLD_IMAGE))


def shorten(text: str, pause: str) -> str:
    """Replace the example's pauses, and let scale-down delays follow them."""
    text = re.sub(r"duration: 10m", f"duration: {pause}", text)
    delays = "      scaleDownDelaySeconds: 2\n      abortScaleDownDelaySeconds: 2\n      steps:\n"
    return text.replace("      steps:\n", delays)


def mark(text: str, instance: str) -> str:
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


async def push_new_image(stage: Stage) -> None:
    """Commit another image, as a person would: one line."""
    stage.repository.set_image(ROLLOUT_FILE, NEW_IMAGE)
    commit = stage.repository.push("Release myapp 1.1.0")
    stage.say(f"commit {commit[:7]}: Release myapp 1.1.0")


def is_settled(stage: Stage, image: str) -> Callable[[], Awaitable[bool]]:
    """Return the question whether one image is all there is, healthy and synced."""

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
        return is_synced and is_healthy and await live_images(stage) == {image}

    return check


async def weight_of(stage: Stage) -> str:
    """Return the canary's weight as the Ingress states it."""
    ingress = await stage.kube.get(stage.canary_ingress)
    return str(ingress["metadata"]["annotations"].get(WEIGHT, ""))


async def live_images(stage: Stage) -> set[str]:
    """Return the images of all pods that are there and not on their way out."""
    pods = await stage.kube.list(POD, stage.production, label_selector="app=myapp")
    return {
        container["image"]
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        for container in pod["spec"]["containers"]
    }


async def set_of(stage: Stage, image: str) -> Manifest:
    """Return the ReplicaSet of an image."""
    for each in await stage.kube.list(REPLICA_SET, stage.production):
        if each["spec"]["template"]["spec"]["containers"][0]["image"] == image:
            return each
    raise PromiseBroken(f"there is no ReplicaSet of {image}")


async def check_traffic(stage: Stage, image: str) -> None:
    """Check that the stable Service selects pods of this image, and the weight is zero."""
    owner = await set_of(stage, image)
    wanted = owner["metadata"]["labels"][HASH]
    service = await stage.kube.get(stage.stable_service)
    promise(service["spec"]["selector"].get(HASH) == wanted, f"{image} serves the stable Service")
    promise(await weight_of(stage) == "0", "the canary weight is 0")


async def until(stage: Stage, what: str, check: Callable[[], Awaitable[bool]]) -> None:
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


def promise(holds: bool, what: str) -> None:
    """Hold the story to its word.

    Raises:
        PromiseBroken: it was not kept.
    """
    if not holds:
        raise PromiseBroken(what)
