"""The demo's scenarios on a true API server: the same stories, told by the same code."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from e2e.world import STEPS
from real_prometheus import BINARY, needs_prometheus

from rollouts.api.times import parse_duration
from rollouts.cli.demo import GATED
from rollouts.cli.demo_gate import open_gate
from rollouts.cli.demo_stage import NEW_IMAGE, OLD_IMAGE, Stage, deploy_first_version
from rollouts.cli.demo_story import STORIES
from rollouts.kube.client import connect

pytestmark = pytest.mark.real

PAUSE = "2s"
BY_HAND = 90
"""What somebody sets in `drift`; the rest is the controller's."""
WEIGHTS = {
    "promote": STEPS,
    "abort": [10, 30, 0],
    "drift": [10, BY_HAND, 10, 30, 50, 100, 0],
    "bad-commit": [],
    "crash": STEPS,
    "bad-version": [20, 0],
    "good-version": [20, 50, 100, 0],
}
OLD_IMAGE_STAYS = {"abort", "bad-commit", "bad-version"}


async def tell(story, world, restart):
    """Tell one story of the demo on this cluster; PromiseBroken says what the API did not show."""
    repository = world.repository()
    control = f"{world.name}-control"
    world.cluster.owns("namespace", control)
    async with await connect(kubeconfig=str(world.kubeconfig)) as kube:
        stage = Stage(
            kube=kube,
            repository=repository,
            say=lambda _: None,
            check=world.check,
            pause=PAUSE,
            restart=restart,
            patience=4 * parse_duration(PAUSE).total_seconds(),
            production=world.name,
            control=control,
            instance=world.instance,
        )
        async with measured(stage, story, world) as staged:
            await deploy_first_version(staged)
            await STORIES[story](staged)
    return stage


@contextlib.asynccontextmanager
async def measured(stage, story, world):
    """Let a story in which metrics decide have what it measures."""
    if story not in GATED:
        yield stage
        return
    async with open_gate(
        stage.kube,
        stage.production,
        world.folder,
        scenario=story,
        pause=PAUSE,
        prometheus=BINARY,
        say=stage.say,
        as_written=world.cluster.placed,
    ) as gate:
        yield replace(stage, gate=gate)


def performer(fixture):
    make_world, controller = fixture("make_world"), fixture("controller")
    make_controller = fixture("make_controller")

    def run(story):
        if story in GATED and BINARY is None:
            return None
        name = f"demo-{story}"
        if story != "crash":
            world = make_world(name, check=controller.check, is_new=False)
            asyncio.run(tell(story, world, restart=None))
        else:
            with make_controller("demo-crash") as mortal:

                async def restart():
                    mortal.kill()
                    await asyncio.to_thread(mortal.start)

                world = make_world(name, instance="demo-crash", is_new=False)
                asyncio.run(tell(story, world, restart))
        return world

    return run


@pytest.mark.parametrize(
    "story",
    [pytest.param(each, marks=[needs_prometheus] if each in GATED else []) for each in STORIES],
)
def test_a_story_ends_as_promised_and_traffic_moved_as_told(play, story):
    world = play(story)

    image = OLD_IMAGE if story in OLD_IMAGE_STAYS else NEW_IMAGE
    world.check_traffic(WEIGHTS[story], image, by_hand=BY_HAND if story == "drift" else 0)
