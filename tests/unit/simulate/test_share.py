"""Which part of the requests reaches which revision: the number everything hangs on."""

from __future__ import annotations

from fractions import Fraction

from unit.simulate.builders import canary_ingress, replica_set, selecting, snapshot

from rollouts.simulate.share import Names, Weight, traffic_of, weight_of
from rollouts.simulate.snapshot import ready_of

ROUTED = Names("web", "web-stable", "web-canary", "web-web-canary")
PLAIN = Names("web", "web")


def routed(weight, *, stable_ready=2, canary_ready=1, total=None):
    return snapshot(
        selecting("web-stable", "web:1"),
        selecting("web-canary", "web:2"),
        canary_ingress(weight, total),
        replica_set("web:1", replicas=2, ready=stable_ready),
        replica_set("web:2", replicas=1, ready=canary_ready),
    )


def test_the_weight_splits_between_what_the_two_services_select():
    traffic = traffic_of(routed(20), ROUTED, ready_of)

    assert traffic.share("web1") == Fraction(4, 5)
    assert traffic.share("web2") == Fraction(1, 5)
    assert traffic.lost == 0


def test_requests_to_a_service_without_ready_pods_are_lost():
    traffic = traffic_of(routed(20, canary_ready=0), ROUTED, ready_of)

    assert traffic.lost == Fraction(1, 5)
    assert traffic.share("web2") == 0


def test_a_weight_of_zero_sends_nothing_and_loses_nothing():
    traffic = traffic_of(routed(0, canary_ready=0), ROUTED, ready_of)

    assert traffic.shares == {"web1": 1}
    assert traffic.lost == 0


def test_the_total_scales_the_weight():
    assert traffic_of(routed(50, total=200), ROUTED, ready_of).share("web2") == Fraction(1, 4)


def test_without_a_canary_ingress_everything_goes_to_stable():
    world = routed(20)
    world.ingresses.clear()

    assert weight_of(world, ROUTED) == Weight(0, 100)
    assert traffic_of(world, ROUTED, ready_of).shares == {"web1": 1}


def test_an_ingress_that_is_not_marked_as_canary_splits_nothing():
    world = routed(20)
    world.ingresses["web-web-canary"]["metadata"]["annotations"].pop(
        "nginx.ingress.kubernetes.io/canary"
    )

    assert weight_of(world, ROUTED).canary == 0


def test_a_service_that_selects_all_pods_spreads_by_their_number():
    world = snapshot(
        selecting("web"), replica_set("web:1", replicas=3), replica_set("web:2", replicas=1)
    )

    traffic = traffic_of(world, PLAIN, ready_of)

    assert traffic.share("web1") == Fraction(3, 4)
    assert traffic.share("web2") == Fraction(1, 4)


def test_without_any_pod_everything_is_lost():
    assert traffic_of(snapshot(selecting("web")), PLAIN, ready_of).lost == 1
