"""Fields that a Rollout or an autoscaler owns are left to it without any configuration."""

import pytest
from shell.gitops_words import declared, key, live, managed, ours, unit

from rollouts.gitops.diff import build_payload
from rollouts.gitops.model import ResourceKey
from rollouts.gitops.owned import HASH_LABEL, MANAGED_BY, Delivery, maker_of_canary, read_delivery
from rollouts.gitops.weights import with_live_weights


def sent(one, there, delivery=Delivery(), **fields):  # noqa: B008  # a frozen value
    return build_payload(unit(**fields), one, there, delivery).manifest


def service(**selector):
    return declared("Service", "web", spec={"selector": {"app": "web", **selector}})


def test_the_pod_hash_in_a_selector_is_sent_with_its_version():
    there = live(service(), spec={"selector": {"app": "web", HASH_LABEL: "abc"}})

    payload = sent(service(), there)

    assert payload["spec"]["selector"] == {"app": "web", HASH_LABEL: "abc"}
    assert payload["metadata"]["resourceVersion"] == "7"


def test_a_changed_selector_keeps_the_hash():
    there = live(service(), spec={"selector": {"app": "old", HASH_LABEL: "abc"}})

    assert sent(service(tier="front"), there)["spec"]["selector"] == {
        "app": "web",
        "tier": "front",
        HASH_LABEL: "abc",
    }


def test_a_hash_in_git_is_never_sent():
    stale = service(**{HASH_LABEL: "committed"})

    assert HASH_LABEL not in sent(stale, live(service()))["spec"]["selector"]
    there = live(service(), spec={"selector": {"app": "web", HASH_LABEL: "abc"}})
    assert sent(stale, there)["spec"]["selector"][HASH_LABEL] == "abc"


def test_a_service_that_git_gives_no_selector_gets_none():
    bare = declared("Service", "web", spec={"ports": []})
    there = live(bare, spec={"ports": [], "selector": {HASH_LABEL: "abc"}})

    assert "selector" not in sent(bare, there)["spec"]


def test_the_managed_by_annotation_of_a_service_is_the_rollouts():
    one = declared("Service", "web", annotations={MANAGED_BY: "git"}, spec={})
    notes = {**one.manifest["metadata"]["annotations"], MANAGED_BY: "web"}
    there = live(one)
    there["metadata"]["annotations"] = notes

    assert sent(one, there)["metadata"]["annotations"][MANAGED_BY] == "web"


def rollout(name="web", **spec):
    return declared("Rollout", name, spec=spec)


def test_a_pause_by_a_person_is_not_undone_by_git():
    one = rollout(paused=False)
    there = live(
        one,
        spec={"paused": True},
        managers=[managed("kubectl-argo-rollouts", {"f:spec": {"f:paused": {}}})],
    )

    payload = build_payload(unit(), one, there, Delivery())

    assert payload.manifest["spec"]["paused"] is True
    assert payload.managed_fields is None


def test_a_pause_that_git_changes_is_applied():
    one = rollout(paused=True)
    before = live(one, spec={"paused": False}, managers=[ours({"f:spec": {"f:paused": {}}})])

    assert sent(one, before)["spec"]["paused"] is True
    assert sent(one, live(one, spec={}))["spec"]["paused"] is True


@pytest.mark.parametrize("name", ["rollouts.dev/promote", "rollout.argoproj.io/revision"])
def test_annotations_of_requests_and_of_the_rollout_are_left_alone(name):
    one = declared("Rollout", "web", annotations={name: "git"}, spec={})
    there = live(one)
    there["metadata"]["annotations"] = {
        **one.manifest["metadata"]["annotations"],
        name: "live",
    }

    assert sent(one, there)["metadata"]["annotations"][name] == "live"
    del there["metadata"]["annotations"][name]
    assert name not in sent(one, there)["metadata"]["annotations"]


def test_a_request_set_with_kubectl_is_not_taken_over():
    one = rollout(replicas=1)
    there = live(
        one,
        managers=[
            managed(
                "kubectl-annotate",
                {"f:metadata": {"f:annotations": {"f:rollouts.dev/promote": {}}}},
            )
        ],
    )
    there["metadata"]["annotations"] = {
        **one.manifest["metadata"]["annotations"],
        "rollouts.dev/promote": "true",
    }

    assert build_payload(unit(), one, there, Delivery()).managed_fields is None


def scaler(kind="Rollout", api_version="argoproj.io/v1alpha1", name="web"):
    hpa = ResourceKey("autoscaling", "HorizontalPodAutoscaler", "shop", "web")
    target = {"apiVersion": api_version, "kind": kind, "name": name}
    return hpa, {"spec": {"scaleTargetRef": target}}


def test_replicas_belong_to_the_autoscaler_that_targets_the_object():
    one = rollout(replicas=2)
    there = live(one, spec={"replicas": 8})

    assert sent(one, there, read_delivery([scaler()]))["spec"]["replicas"] == 8
    assert sent(one, there, read_delivery([scaler(name="other")]))["spec"]["replicas"] == 2
    assert sent(one, there)["spec"]["replicas"] == 2


def test_replicas_of_a_referenced_deployment_belong_to_the_rollout():
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    web = rollout(workloadRef=reference)
    deployment = declared("Deployment", "web", spec={"replicas": 3})
    there = live(deployment, spec={"replicas": 0})

    delivery = read_delivery([(web.key, web.manifest)])

    assert sent(deployment, there, delivery)["spec"]["replicas"] == 0


def with_nginx(*ingresses):
    return rollout(
        strategy={"canary": {"trafficRouting": {"nginx": {"stableIngresses": list(ingresses)}}}}
    )


def test_a_declared_canary_ingress_is_known_by_its_name():
    web = with_nginx("front")
    delivery = read_delivery([(web.key, web.manifest)])

    assert maker_of_canary(key("Ingress", "web-front-canary"), None, delivery) == "web"
    assert maker_of_canary(key("Ingress", "front"), None, delivery) == ""
    assert maker_of_canary(key("Ingress", "web-front-canary"), None, Delivery()) == ""


def test_a_live_canary_ingress_is_known_by_its_owner():
    one = declared("Ingress", "anything")
    there = live(one)
    there["metadata"]["ownerReferences"] = [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}
    ]

    assert maker_of_canary(one.key, there, Delivery()) == "web"


def virtual_service(*routes):
    return {"spec": {"http": [{"name": "main", "route": list(routes)}]}}


def to(host, weight):
    return {"destination": {"host": host}, "weight": weight}


def test_weights_follow_their_destination_not_their_place():
    git = virtual_service(to("canary", 0), to("stable", 100), to("extra", 5))
    there = virtual_service(to("stable", 70), to("canary", 30))

    merged = with_live_weights(git, there)

    assert merged == virtual_service(to("canary", 30), to("stable", 70), to("extra", 5))


def test_weights_of_unnamed_rules_are_kept_while_no_rule_was_added():
    git = {"spec": {"rules": [{"backendRefs": [{"name": "a", "weight": 100}]}]}}
    there = {"spec": {"rules": [{"backendRefs": [{"name": "a", "kind": "Service", "weight": 40}]}]}}
    more = {"spec": {"rules": [{}, *git["spec"]["rules"]]}}

    assert with_live_weights(git, there)["spec"]["rules"][0]["backendRefs"][0]["weight"] == 40
    assert with_live_weights(more, there) == more


def test_routes_are_named_by_the_rollout_that_steers_them():
    web = rollout(
        strategy={
            "canary": {
                "trafficRouting": {
                    "istio": {"virtualServices": [{"name": "vs"}, {"name": "far.mesh"}]},
                    "plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "route"}},
                }
            }
        }
    )

    assert read_delivery([(web.key, web.manifest)]).routes == (
        ResourceKey("networking.istio.io", "VirtualService", "shop", "vs"),
        ResourceKey("networking.istio.io", "VirtualService", "mesh", "far"),
        ResourceKey("gateway.networking.k8s.io", "HTTPRoute", "shop", "route"),
    )


@pytest.mark.parametrize("spec", [None, {}, {"strategy": None}, {"strategy": {"canary": []}}])
def test_a_rollout_of_any_shape_is_read_without_a_crash(spec):
    one = declared("Rollout", "web", spec=spec)

    assert read_delivery([(one.key, one.manifest)]) == Delivery()
