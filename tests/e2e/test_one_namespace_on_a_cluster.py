"""The chart's mode for one namespace: Roles instead of ClusterRoles are enough for a canary."""

from __future__ import annotations

import pytest
from e2e.world import SECOND, STEPS

pytestmark = pytest.mark.real

INSTANCE = "one-namespace"


def test_a_canary_with_rights_in_its_own_namespace_alone(accounts, make_world, make_controller):
    world = make_world(INSTANCE, instance=INSTANCE)
    kubeconfig = accounts.kubeconfig(INSTANCE, namespace=world.name, namespaced=True)
    flags = {"--namespace": world.name, "--lease-namespace": world.name}
    with make_controller(INSTANCE, kubeconfig=kubeconfig, flags=flags) as running:
        world.check = running.check
        world.deploy(pause="{duration: 1s}")
        world.set_image(SECOND)
        world.wait_for_end(SECOND)

        world.check_traffic(STEPS, SECOND)
        assert "orbidden" not in running.text()
