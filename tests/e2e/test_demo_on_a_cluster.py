"""The demo's scenarios on a true API server: the same stories, told by the same code."""

from __future__ import annotations

import asyncio

import pytest
from e2e.world import STEPS

from rollouts.api.times import parse_duration
from rollouts.cli.demo_story import STORIES, Stage, deploy_first_version
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
}


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
        await deploy_first_version(stage)
        await STORIES[story](stage)
    return stage


@pytest.fixture(scope="module")
def perform(make_world, controller, make_controller):
    def run(story):
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


@pytest.mark.parametrize("story", tuple(STORIES))
def test_a_story_ends_as_promised_and_traffic_moved_as_told(play, story):
    world = play(story)

    image = "myorg/myapp:1.0.0" if story in {"abort", "bad-commit"} else "myorg/myapp:1.1.0"
    world.check_traffic(WEIGHTS[story], image, by_hand=BY_HAND if story == "drift" else 0)
