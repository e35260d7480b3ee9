"""Where the demo's users go, by what an ingress-nginx would read."""

from __future__ import annotations

from collections import Counter

import pytest

from rollouts.cli.demo_traffic import Routes, Tally, read_routes

HASH = "rollouts-pod-template-hash"
CANARY = "nginx.ingress.kubernetes.io/canary"


def ingress(name, service, **annotations):
    path = {"path": "/", "backend": {"service": {"name": service, "port": {"number": 80}}}}
    return {
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"rules": [{"host": "shop.example.com", "http": {"paths": [path]}}]},
    }


def canary_ingress(weight):
    return ingress("shop-canary", "canary", **{CANARY: "true", f"{CANARY}-weight": weight})


def service(name, revision=""):
    selector = {"app": "shop"} | ({HASH: revision} if revision else {})
    return {"metadata": {"name": name}, "spec": {"selector": selector}}


def pod(name, revision, *, ready="True", leaving=False):
    labels = {"app": "shop", HASH: revision}
    gone = {"deletionTimestamp": "2026-03-01T12:00:00Z"} if leaving else {}
    return {
        "metadata": {"name": name, "labels": labels, **gone},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


MAIN = ingress("shop", "stable")
SERVICES = (service("stable", "old"), service("canary", "new"))


def shares(routes, count=1000):
    """To how many of a row of requests pods of which revisions answer."""
    return Counter(revision for number in range(count) for revision in set(routes.side(number)))


def test_the_weight_and_the_pods_behind_both_services_are_read():
    pods = [pod("a", "old"), pod("b", "old"), pod("c", "new")]
    routes = read_routes([MAIN, canary_ingress("20")], SERVICES, pods)

    assert routes == Routes(20, ("old", "old"), ("new",))


@pytest.mark.parametrize("weight", [0, 1, 20, 50, 99, 100])
def test_requests_are_split_by_the_weight_to_the_single_one(weight):
    routes = Routes(weight, ("old",), ("new",))

    assert shares(routes)["new"] == 10 * weight
    assert shares(routes)["old"] == 1000 - 10 * weight


def test_the_first_of_any_hundred_requests_are_split_evenly_too():
    routes = Routes(20, ("old",), ("new",))

    assert all(
        sum(routes.side(number) == ("new",) for number in range(first, first + 5)) == 1
        for first in range(100)
    )


def test_without_a_canary_ingress_everything_goes_to_the_stable_service():
    routes = read_routes([MAIN], SERVICES, [pod("a", "old"), pod("c", "new")])

    assert routes == Routes(0, ("old",), ())


def test_a_service_without_a_hash_reaches_every_revision():
    pods = [pod("a", "old"), pod("c", "new")]
    routes = read_routes([MAIN], [service("stable")], pods)

    assert routes.stable == ("new", "old")


@pytest.mark.parametrize("away", [{"ready": "False"}, {"leaving": True}])
def test_a_pod_that_takes_no_requests_gets_none(away):
    routes = read_routes([MAIN], SERVICES, [pod("a", "old"), pod("b", "old", **away)])

    assert routes.stable == ("old",)


def test_a_pod_of_another_application_gets_none():
    stranger = pod("x", "old")
    stranger["metadata"]["labels"]["app"] = "other"

    assert read_routes([MAIN], SERVICES, [stranger]).stable == ()


def test_a_backend_that_does_not_exist_or_selects_nothing_reaches_nobody():
    empty = {"metadata": {"name": "stable"}, "spec": {}}

    assert read_routes([MAIN], [], [pod("a", "old")]).stable == ()
    assert read_routes([MAIN], [empty], [pod("a", "old")]).stable == ()


@pytest.mark.parametrize("weight", [None, ""])
def test_a_canary_without_a_weight_gets_nothing(weight):
    found = ingress("shop-canary", "canary", **{CANARY: "true", f"{CANARY}-weight": weight})

    assert read_routes([MAIN, found], SERVICES, [pod("c", "new")]).weight == 0


def test_what_came_since_a_count_is_told_in_words():
    before = Tally(Counter(new=10), Counter(new=1))
    after = Tally(Counter(new=30), Counter(new=11))
    fresh = after.of("new").since(before.of("new"))

    assert str(fresh) == "20 requests, 10 errors (50 %)"
    assert str(after.of("old")) == "no requests"


def test_a_copied_count_stays_as_it_was():
    tally = Tally()
    copied = tally.copy()
    tally.answered["new"] += 1

    assert copied.of("new").requests == 0
