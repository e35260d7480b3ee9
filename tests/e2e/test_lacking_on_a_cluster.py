"""A right that is missing is named, holds what needs it and nothing else, and is waited for."""

from __future__ import annotations

import json

import pytest
import yaml
from e2e.jobs import ask, template_of
from e2e.world import FIRST, SECOND, STEPS

from tests.cluster.rights import documents_of

pytestmark = pytest.mark.real

INSTANCE = "lacking"
RUNS = "analysisruns"


def without(role, resource):
    """Return a role that does not speak of a resource any more."""
    left = [
        {**rule, "resources": [each for each in rule["resources"] if each != resource]}
        for rule in role["rules"]
    ]
    return {**role, "rules": [rule for rule in left if rule["resources"]]}


def roles_with(rendered, resource):
    """Return the roles of a release that speak of a resource."""
    return [
        each
        for each in documents_of(rendered)
        if any(resource in rule.get("resources", ()) for rule in each.get("rules") or ())
    ]


def test_a_missing_right_holds_what_is_guarded_until_it_is_granted(
    accounts, make_world, make_controller
):
    kubeconfig = accounts.kubeconfig(INSTANCE)
    roles = roles_with(accounts.rendered[INSTANCE], RUNS)
    stripped = [without(role, RUNS) for role in roles]
    accounts.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(stripped))
    guarded, plain = (
        make_world(f"{word}-{INSTANCE}", instance=INSTANCE) for word in ("guarded", "plain")
    )
    with make_controller(INSTANCE, kubeconfig=kubeconfig) as running:
        guarded.check = plain.check = running.check
        guarded.kubectl("kubectl apply -f -", stdin=json.dumps(template_of("check")))
        guarded.deploy(pause="{duration: 1s}", change=lambda rollout: ask(rollout, "check"))
        plain.deploy(pause="{duration: 1s}")
        for world in (guarded, plain):
            world.set_image(SECOND)
        plain.wait_for_end(SECOND)
        said = guarded.until(
            lambda: (
                "InvalidSpec" in (guarded.status.get("message") or "") and guarded.status["message"]
            ),
            what="a word about the missing right",
        )

        assert "what is measured cannot be seen" in said
        assert f"grant get, list and watch on {RUNS}.argoproj.io in all namespaces" in said
        assert set(guarded.images()) == {FIRST}

        accounts.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(roles))
        guarded.wait_for_end(SECOND, at_most=120)
        for world in (guarded, plain):
            world.check_traffic(STEPS, SECOND)
