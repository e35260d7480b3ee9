"""A sync in the middle of a canary drops no pod hash, resets no weight, resumes no pause."""

import pytest
from shell.gitops_world import dumped

from rollouts.api.refs import APPLICATION, INGRESS, ROLLOUT, SERVICE

HASH = "rollouts-pod-template-hash"
MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"
WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"


def service(name, **labels):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels} if labels else {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def ingress(host="web.example", **annotations):
    backend = {"service": {"name": "stable", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    metadata = {"name": "front"}
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"rules": [{"host": host, "http": {"paths": paths}}]},
    }


def rollout(image="web:1", **spec):
    labels = {"app": "web"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
            "strategy": {
                "canary": {
                    "canaryService": "canary",
                    "stableService": "stable",
                    "trafficRouting": {"nginx": {"stableIngress": "front"}},
                    "steps": [{"setWeight": 10}, {"pause": {}}],
                }
            },
            **spec,
        },
    }


def files(extra=(), **changes):
    objects = {
        "stable": service("stable"),
        "canary": service("canary"),
        "front": ingress(),
        "web": rollout(),
        **changes,
    }
    return {"deploy/a.yaml": [*objects.values(), *extra]}


def steer(world, weight, stable="aaa", canary="bbb"):
    """Write what the rollout controller writes in a canary."""
    for name, pod_hash in (("stable", stable), ("canary", canary)):
        body = {
            "metadata": {"annotations": {MANAGED_BY: "web"}},
            "spec": {"selector": {HASH: pod_hash}},
        }
        world.patch(SERVICE, name, body, manager="rollouts")
    known = world.get(INGRESS, "web-front-canary")
    if known is None:
        made = ingress()
        owner = world.get(ROLLOUT, "web")["metadata"]
        made["metadata"] = {
            "name": "web-front-canary",
            "namespace": "shop",
            "annotations": {WEIGHT: str(weight)},
            "ownerReferences": [
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Rollout",
                    "name": "web",
                    "uid": owner["uid"],
                    "controller": True,
                }
            ],
        }
        world.create(made, INGRESS, manager="rollouts")
    else:
        body = {"metadata": {"annotations": {WEIGHT: str(weight)}}}
        world.patch(INGRESS, "web-front-canary", body, manager="rollouts")
    status = {"phase": "Paused", "currentStepIndex": 1, "observedGeneration": "1"}
    world.patch(ROLLOUT, "web", {"status": status}, subresource="status", manager="rollouts")
    world.settle()


@pytest.fixture
def canary(world):
    """A world in the middle of a canary, with the history of its objects from here on."""
    world.git.commit(files())
    world.application()
    world.settle()
    steer(world, 10)
    world.wait(30)
    world.history.clear()
    return world


def selectors(world, name):
    """Return every selector that a Service has had."""
    seen = [state["spec"]["selector"] for state in world.writes_to(SERVICE, name)]
    return [*seen, world.get(SERVICE, name)["spec"]["selector"]]


def assert_untouched(world):
    assert all(each[HASH] == "aaa" for each in selectors(world, "stable"))
    assert all(each[HASH] == "bbb" for each in selectors(world, "canary"))
    weights = [
        state["metadata"]["annotations"][WEIGHT]
        for state in world.writes_to(INGRESS, "web-front-canary")
    ]
    assert set(weights) <= {"10"}
    assert world.get(INGRESS, "web-front-canary")["metadata"]["annotations"][WEIGHT] == "10"


def operate(world, **sync):
    world.patch(APPLICATION, "web", {"operation": {"sync": sync}}, namespace="argocd")
    world.settle()


def test_a_whole_canary_is_never_out_of_sync(world):
    world.git.commit(files())
    world.application()
    world.settle()
    world.history.clear()
    for weight in range(0, 101, 20):
        steer(world, weight)
        world.wait(70)

    words = [state["status"]["sync"]["status"] for state in world.writes_to(APPLICATION, "web")]
    assert set(words) <= {"Synced"}
    assert world.status()["sync"]["status"] == "Synced"
    by_us = [
        record
        for record in world.history
        if record.field_manager == "rollouts-gitops" and record.rt.kind in ("Service", "Ingress")
    ]
    assert by_us == []


def test_a_forced_sync_changes_no_selector_and_no_weight(canary):
    operate(canary, prune=True)

    assert_untouched(canary)
    assert canary.status()["operationState"]["phase"] == "Succeeded"


def test_a_hard_refresh_changes_nothing(canary):
    note = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}
    canary.patch(APPLICATION, "web", note, namespace="argocd")
    canary.settle()

    assert_untouched(canary)


def test_a_commit_that_changes_the_services_keeps_their_hashes(canary):
    canary.git.commit(files(stable=service("stable", team="x"), canary=service("canary", team="x")))
    canary.wait(70)

    assert canary.get(SERVICE, "stable")["metadata"]["labels"] == {"team": "x"}
    assert_untouched(canary)


def test_a_commit_that_changes_the_ingress_leaves_the_canary_one(canary):
    canary.git.commit(files(front=ingress(host="new.example", note="x")))
    canary.wait(70)

    assert canary.get(INGRESS, "front")["spec"]["rules"][0]["host"] == "new.example"
    assert_untouched(canary)


def test_a_selector_that_is_healed_keeps_its_hash(canary):
    canary.patch(SERVICE, "stable", {"spec": {"selector": {"app": "hacked"}}})
    canary.wait(5)

    assert canary.get(SERVICE, "stable")["spec"]["selector"] == {"app": "web", HASH: "aaa"}
    assert_untouched(canary)


def test_a_hash_that_appears_between_the_look_and_the_write_is_not_dropped(world):
    """The first canary begins just when a commit changes the Service."""
    world.git.commit(files())
    world.application()
    world.settle()
    switch_before_write(world, "stable", "aaa")
    world.history.clear()

    world.git.commit(files(stable=service("stable", team="x")))
    world.wait(70)

    hashes = [each.get(HASH) for each in selectors(world, "stable")]
    assert set(hashes) == {"aaa"}
    assert world.get(SERVICE, "stable")["metadata"]["labels"] == {"team": "x"}


def switch_before_write(world, name, pod_hash):
    """Let the rollout switch a Service after we have read it and just before we write it."""
    original = world.cluster.apply
    switched = []

    async def apply(ref, manifest, *, field_manager, force=True, dry_run=False):
        if ref.name == name and not dry_run and not switched:
            switched.append(ref)
            body = {"spec": {"selector": {HASH: pod_hash}}}
            world.patch(SERVICE, name, body, manager="rollouts")
        return await original(
            ref, manifest, field_manager=field_manager, force=force, dry_run=dry_run
        )

    world.cluster.apply = apply
    return switched


def test_a_hash_that_changes_between_the_look_and_the_write_is_not_reset(canary):
    switched = switch_before_write(canary, "stable", "bbb")
    canary.git.commit(files(stable=service("stable", team="x")))
    canary.wait(70)

    assert switched
    hashes = [each[HASH] for each in selectors(canary, "stable")]
    first = hashes.index("bbb")
    assert set(hashes[first:]) == {"bbb"}
    assert canary.get(SERVICE, "stable")["metadata"]["labels"] == {"team": "x"}


def test_a_pause_and_a_request_by_a_person_survive_a_forced_sync(canary):
    canary.patch(ROLLOUT, "web", {"spec": {"paused": True}}, manager="kubectl-argo-rollouts")
    note = {"metadata": {"annotations": {"rollouts.dev/promote": "true"}}}
    canary.patch(ROLLOUT, "web", note, manager="kubectl-annotate")
    canary.settle()
    operate(canary)
    canary.wait(600)

    kept = canary.get(ROLLOUT, "web")
    assert kept["spec"]["paused"] is True
    assert kept["metadata"]["annotations"]["rollouts.dev/promote"] == "true"
    assert canary.status()["sync"]["status"] == "Synced"


def test_a_pause_by_a_person_is_kept_although_git_says_otherwise(world):
    world.git.commit(files(web=rollout(paused=False)))
    world.application()
    world.settle()

    world.patch(ROLLOUT, "web", {"spec": {"paused": True}}, manager="kubectl-argo-rollouts")
    world.wait(70)

    assert world.get(ROLLOUT, "web")["spec"]["paused"] is True
    assert world.status()["sync"]["status"] == "Synced"

    world.git.commit(files(web=rollout(image="web:2", paused=False)))
    world.wait(70)
    kept = world.get(ROLLOUT, "web")
    assert kept["spec"]["paused"] is True
    assert kept["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"


def test_a_new_image_in_the_middle_of_a_canary_touches_only_the_rollout(canary):
    canary.git.commit(files(web=rollout(image="web:2")))
    canary.wait(70)

    written = {
        record.rt.kind for record in canary.history if record.field_manager == "rollouts-gitops"
    }
    assert written == {"Rollout"}
    assert_untouched(canary)


def test_quantities_of_a_rollout_may_be_spelled_anyhow(world):
    def limited(cpu):
        made = rollout()
        container = made["spec"]["template"]["spec"]["containers"][0]
        container["resources"] = {"limits": {"cpu": cpu}}
        return made

    world.git.commit(files(web=limited("1000m")))
    world.application()
    world.settle()
    world.history.clear()

    world.git.commit(files(web=limited("1")))
    world.wait(70)

    assert [record for record in world.history if record.rt.kind == "Rollout"] == []
    assert world.status()["sync"]["status"] == "Synced"
    assert "web:1" in dumped(world.get(ROLLOUT, "web"))
