"""The canary Ingress beside a stable one: manifests in, manifests out."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from builders import ingress_manifest

from rollouts.traffic import nginx

PREFIX = "nginx.ingress.kubernetes.io"


def target(**facts: Any) -> nginx.Target:
    defaults: dict[str, Any] = {
        "namespace": "shop",
        "name": "shop",
        "uid": "rollout-uid",
        "stable_service": "shop-stable",
        "canary_service": "shop-canary",
        "stable_ingresses": ("shop",),
        "prefix": PREFIX,
        "additional_annotations": {},
        "canary_annotations": {},
        "max_weight": None,
    }
    return nginx.Target(**(defaults | facts))


def created(wanted: nginx.Target, weight: int, live: dict[str, Any]) -> dict[str, Any]:
    (write,) = nginx.render(wanted, weight, live)
    assert write.resource_version == ""
    made = copy.deepcopy(write.body)
    made["metadata"]["resourceVersion"] = "5"
    return made


def test_a_canary_ingress_leads_the_same_paths_to_the_canary_service() -> None:
    stable = ingress_manifest()
    stable["spec"]["tls"] = [{"hosts": ["shop.example"], "secretName": "cert"}]
    made = created(target(), 10, {"shop": stable})

    assert made["metadata"]["name"] == "shop-shop-canary"
    assert made["metadata"]["annotations"][f"{PREFIX}/canary"] == "true"
    assert made["metadata"]["annotations"][f"{PREFIX}/canary-weight"] == "10"
    assert f"{PREFIX}/canary-weight-total" not in made["metadata"]["annotations"]
    assert made["metadata"]["ownerReferences"][0]["uid"] == "rollout-uid"
    assert made["spec"]["ingressClassName"] == "nginx"
    assert made["spec"]["tls"] == stable["spec"]["tls"]
    path = made["spec"]["rules"][0]["http"]["paths"][0]
    assert path["backend"]["service"] == {"name": "shop-canary", "port": {"number": 80}}
    assert path["pathType"] == "Prefix"


def test_the_stable_ingress_is_only_read() -> None:
    stable = ingress_manifest()
    before = copy.deepcopy(stable)
    nginx.render(target(), 10, {"shop": stable})

    assert stable == before


def test_only_paths_that_lead_to_the_stable_service_are_copied() -> None:
    """argo-rollouts#3541: two applications on one host must not share a canary."""
    stable = ingress_manifest()
    rules = stable["spec"]["rules"]
    other = copy.deepcopy(rules[0]["http"]["paths"][0])
    other["path"], other["backend"]["service"]["name"] = "/cart", "cart"
    rules[0]["http"]["paths"].append(other)
    rules.append({"host": "cart.example", "http": {"paths": [copy.deepcopy(other)]}})
    rules.append({"host": "empty.example"})
    rules.append({"host": "bucket", "http": {"paths": [{"backend": {"resource": {"name": "b"}}}]}})
    made = created(target(), 10, {"shop": stable})

    assert [rule["host"] for rule in made["spec"]["rules"]] == ["shop.example"]
    assert [path["path"] for path in made["spec"]["rules"][0]["http"]["paths"]] == ["/"]


def test_a_change_of_weight_is_a_patch_of_one_annotation() -> None:
    live = {"shop": ingress_manifest()}
    live["shop-shop-canary"] = created(target(), 10, live)
    (write,) = nginx.render(target(), 30, live)

    assert write.body == {"metadata": {"annotations": {f"{PREFIX}/canary-weight": "30"}}}
    assert write.resource_version == "5"


def test_nothing_is_written_when_nothing_differs() -> None:
    live = {"shop": ingress_manifest()}
    live["shop-shop-canary"] = created(target(), 10, live)

    assert nginx.render(target(), 10, live) == ()
    assert nginx.observe(target(), live) == nginx.InForce(10, is_uniform=True, is_in_sync=True)


def test_many_stable_ingresses_each_get_a_canary() -> None:
    live = {"a": ingress_manifest("a"), "b": ingress_manifest("b")}
    wanted = target(stable_ingresses=("a", "b"))
    names = [write.body["metadata"]["name"] for write in nginx.render(wanted, 10, live)]

    assert names == ["shop-a-canary", "shop-b-canary"]


def test_the_highest_weight_counts_while_ingresses_disagree() -> None:
    live = {"a": ingress_manifest("a"), "b": ingress_manifest("b")}
    wanted = target(stable_ingresses=("a", "b"))
    first, second = nginx.render(wanted, 30, live)
    live["shop-a-canary"] = first.body

    in_force = nginx.observe(wanted, live)

    assert (in_force.weight, in_force.is_uniform) == (30, False)
    assert [write.ref.name for write in nginx.render(wanted, 30, live)] == [second.ref.name]


def test_prefix_total_and_additional_annotations_are_honoured() -> None:
    wanted = target(
        prefix="custom.ingress",
        max_weight=1000,
        additional_annotations={"canary-by-header": "X-Canary"},
        canary_annotations={"example.com/team": "shop"},
    )
    annotations = created(wanted, 5, {"shop": ingress_manifest()})["metadata"]["annotations"]

    assert annotations["custom.ingress/canary-by-header"] == "X-Canary"
    assert annotations["custom.ingress/canary-weight-total"] == "1000"
    assert annotations["example.com/team"] == "shop"


def test_the_ingress_class_annotation_is_copied() -> None:
    stable = ingress_manifest()
    stable["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "nginx", "other": "x"}
    annotations = created(target(), 5, {"shop": stable})["metadata"]["annotations"]

    assert annotations["kubernetes.io/ingress.class"] == "nginx"
    assert "other" not in annotations


def test_stale_annotations_of_ours_go_and_foreign_ones_stay() -> None:
    live = {"shop": ingress_manifest()}
    before = target(additional_annotations={"canary-by-header": "X-Canary"})
    canary = created(before, 10, live)
    canary["metadata"]["annotations"]["cert-manager.io/issuer"] = "somebody"
    live["shop-shop-canary"] = canary
    (write,) = nginx.render(target(), 10, live)
    changed = write.body["metadata"]["annotations"]

    assert changed[f"{PREFIX}/canary-by-header"] is None
    assert "cert-manager.io/issuer" not in changed
    assert json.loads(changed[nginx.OUR_ANNOTATIONS]) == [
        f"{PREFIX}/canary",
        f"{PREFIX}/canary-weight",
    ]


@pytest.mark.parametrize("weight", ["", "ten", "-5", "1e1", "١"])
def test_a_weight_that_nginx_cannot_read_counts_as_zero(weight: str) -> None:
    live = {"shop": ingress_manifest()}
    canary = created(target(), 10, live)
    canary["metadata"]["annotations"][f"{PREFIX}/canary-weight"] = weight
    live["shop-shop-canary"] = canary

    assert nginx.observe(target(), live).weight == 0


def test_changed_rules_of_the_stable_ingress_are_followed() -> None:
    live = {"shop": ingress_manifest()}
    live["shop-shop-canary"] = created(target(), 10, live)
    live["shop"]["spec"]["rules"][0]["host"] = "new.example"

    in_force = nginx.observe(target(), live)
    (write,) = nginx.render(target(), 10, live)

    assert not in_force.is_in_sync
    assert write.body["spec"]["rules"][0]["host"] == "new.example"


def test_missing_unfit_and_foreign_ingresses_are_problems_all_at_once() -> None:
    unfit = ingress_manifest("unfit", service="elsewhere")
    foreign = ingress_manifest("shop-c-canary")
    live = {"unfit": unfit, "c": ingress_manifest("c"), "shop-c-canary": foreign}
    problems = nginx.check(target(stable_ingresses=("gone", "unfit", "c")), live)
    base = "spec.strategy.canary.trafficRouting.nginx.stableIngresses"

    assert [problem.path for problem in problems] == [f"{base}[0]", f"{base}[1]", f"{base}[2]"]
    assert 'ingress "gone" was not found' in problems[0].message
    assert "no rule with a path to the stable service" in problems[1].message
    assert "not controlled by this Rollout" in problems[2].message


def test_a_canary_ingress_of_the_peer_is_not_written_until_its_weight_changes() -> None:
    """It lacks nothing but our record of the keys that we set: taking over is no write."""
    stable = ingress_manifest()
    peers = created(target(), 40, {"shop": stable})
    del peers["metadata"]["annotations"][nginx.OUR_ANNOTATIONS]
    live = {"shop": stable, "shop-shop-canary": peers}

    assert nginx.render(target(), 40, live) == ()
    assert nginx.observe(target(), live) == nginx.InForce(40, is_uniform=True, is_in_sync=True)
    (write,) = nginx.render(target(), 60, live)
    assert set(write.body["metadata"]["annotations"]) == {
        f"{PREFIX}/canary-weight",
        nginx.OUR_ANNOTATIONS,
    }
