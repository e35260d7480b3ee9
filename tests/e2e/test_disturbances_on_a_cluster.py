"""A canary ends as promised whatever happens between the controller and the API server."""

from __future__ import annotations

import threading
import time

import pytest
from e2e.controller import SHORT_LEASE
from e2e.proxies import FaultProxy, Faults, TcpProxy, through
from e2e.world import FIRST, SECOND, STEPS

pytestmark = pytest.mark.real

TAKEOVER_SECONDS_MAX = 15.0
STALL_SECONDS = 20.0


def start_canary(world, *, pause="{duration: 2s}"):
    world.deploy(pause=pause)
    world.set_image(SECOND)


def the_leader_is_killed_and_the_other_goes_on(scene):
    with (
        scene.controller(flags=SHORT_LEASE) as one,
        scene.controller(flags=SHORT_LEASE) as other,
    ):
        two = (one, other)
        world = scene.world()
        world.deploy(change=wait_at_30)
        world.set_image(SECOND)
        # In mid-pause, and then at the very moment of a write.
        world.wait_for_weight(10)
        first = kill_leader(two)
        wait_for_takeover(world, 30)
        first.start()
        world.annotate("promote")
        world.until(lambda: world.weight == 50, what="half of the traffic")
        kill_leader(two)
        wait_for_takeover(world, 100)
        world.wait_for_end(SECOND)

        world.check_traffic(STEPS, SECOND)


def wait_at_30(rollout):
    """Give the one that was killed time to come back: a stand-by must have seen the Lease."""
    rollout["spec"]["strategy"]["canary"]["steps"][3] = {"pause": {}}


def kill_leader(controllers):
    """Kill the one that leads, and return it."""
    (leader,) = (each for each in controllers if each.is_leading)
    leader.kill()
    return leader


def wait_for_takeover(world, weight):
    killed = time.monotonic()
    world.until(lambda: weight in world.weights(), what=f"another one to go on with {weight}")

    assert time.monotonic() - killed < TAKEOVER_SECONDS_MAX


def the_network_stalls(scene):
    with TcpProxy(scene.cluster.site.address) as proxy, scene.controller(proxy) as running:
        world = scene.world(check=running.check)
        start_canary(world)
        world.wait_for_weight(10)
        proxy.stall()
        time.sleep(STALL_SECONDS)
        assert world.weights() == [10]
        proxy.flow()
        world.wait_for_end(SECOND)

        world.check_traffic(STEPS, SECOND)


def the_network_stalls_while_somebody_aborts(scene):
    with TcpProxy(scene.cluster.site.address) as proxy, scene.controller(proxy) as running:
        world = scene.world(check=running.check)
        start_canary(world)
        world.wait_for_weight(10)
        proxy.stall()
        world.annotate("abort", "while nobody listened")
        time.sleep(STALL_SECONDS / 2)
        proxy.cut()
        proxy.flow()
        world.wait_for("Degraded")
        world.until(lambda: world.images() == {FIRST: 5}, what="pods of the old image alone")

        world.check_traffic([10, 0], FIRST)


def every_connection_is_cut_again_and_again(scene):
    with TcpProxy(scene.cluster.site.address) as proxy, scene.controller(proxy) as running:
        world = scene.world(check=running.check)
        world.deploy()
        with repeatedly(proxy.cut, seconds=0.7):
            world.set_image(SECOND)
            world.wait_for_end(SECOND)

        world.check_traffic(STEPS, SECOND)


def watches_expire_again_and_again(scene):
    with FaultProxy(scene.cluster) as proxy, scene.controller(proxy) as running:
        world = scene.world(check=running.check)
        world.deploy()
        with repeatedly(proxy.expire_watches, seconds=1.3):
            world.set_image(SECOND)
            world.wait_for_end(SECOND)

        assert proxy.counts["expired"] > 20
        world.check_traffic(STEPS, SECOND)


def a_third_of_all_requests_fails(scene):
    faults = Faults(too_many=10, broken=8, bad_gateway=5, overloaded=5, lost=10)
    with FaultProxy(scene.cluster, seed=1) as proxy, scene.controller(proxy) as running:
        world = scene.world(check=running.check)
        world.deploy()
        proxy.faults = faults
        world.set_image(SECOND)
        world.wait_for_end(SECOND, at_most=90)
        proxy.faults = Faults()

        assert set(proxy.counts) >= {"too_many", "broken", "bad_gateway", "overloaded", "lost"}
        world.check_traffic(STEPS, SECOND)


def somebody_else_is_always_faster(scene):
    with FaultProxy(scene.cluster) as proxy, scene.controller(proxy) as running:
        world = scene.world(check=running.check)
        proxy.outrun = True
        start_canary(world)
        world.wait_for_end(SECOND)

        kinds = {"rollouts", "replicasets", "services", "ingresses"}
        assert {kind for kind in kinds if proxy.counts[f"outran {kind}"]} == kinds
        world.check_traffic(STEPS, SECOND)


class repeatedly:  # noqa: N801  # reads as a statement
    """Does something every so many seconds, in a thread of its own, while its block runs."""

    def __init__(self, action, *, seconds):
        self._action, self._seconds = action, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(self._seconds):
            self._action()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


class Scene:
    """What one story has: an instance id of its own, so that its controllers are alone with it."""

    def __init__(self, instance, cluster, make_world, make_controller, accounts):
        self.instance = instance
        self.cluster = cluster
        self._make_world = make_world
        self._make_controller = make_controller
        self._accounts = accounts

    def world(self, **options):
        return self._make_world(self.instance, instance=self.instance, **options)

    def controller(self, proxy=None, **options):
        """Run a controller, behind a proxy if there is one."""
        kubeconfig = self._accounts.kubeconfig(self.instance)
        if proxy is not None:
            path = kubeconfig.with_name(f"{self.instance}-behind-proxy.kubeconfig")
            kubeconfig = through(proxy.url, kubeconfig, path)
        return self._make_controller(self.instance, kubeconfig=kubeconfig, **options)


def performer(fixture):
    cast = [
        fixture(each) for each in ("control_plane", "make_world", "make_controller", "accounts")
    ]

    def run(story):
        instance = story.__name__.replace("_", "-")[:30].strip("-")
        story(Scene(instance, *cast))

    return run


@pytest.mark.parametrize(
    "story",
    [
        the_leader_is_killed_and_the_other_goes_on,
        the_network_stalls,
        the_network_stalls_while_somebody_aborts,
        every_connection_is_cut_again_and_again,
        watches_expire_again_and_again,
        a_third_of_all_requests_fails,
        somebody_else_is_always_faster,
    ],
    ids=lambda story: story.__name__,
)
def test_disturbances(play, story):
    play(story)
