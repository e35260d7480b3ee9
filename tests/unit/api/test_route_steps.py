"""Header and mirror routes are not executed yet; their mistakes are named all the same."""

from rollouts.api.problems import in_order
from rollouts.api.spot import Spot
from rollouts.api.traffic_rules import route_step_findings, traffic_findings

ISTIO = {"istio": {"virtualService": {"name": "v"}}, "managedRoutes": [{"name": "known"}]}


def _said(canary, rules=route_step_findings):
    return [problem.path for problem in in_order(canary, rules(Spot(canary)))]


def _header_step(name="known", value=None):
    match = [{"headerName": "x", "headerValue": value or {"exact": "1"}}]
    return {"setHeaderRoute": {"name": name, "match": match}}


def test_a_good_header_route():
    assert _said({"trafficRouting": ISTIO, "steps": [_header_step()]}) == []


def test_a_route_that_is_not_managed():
    canary = {"trafficRouting": ISTIO, "steps": [_header_step(name="other")]}

    assert _said(canary) == ["steps[0].setHeaderRoute.name"]


def test_a_header_route_without_an_able_router():
    canary = {
        "trafficRouting": {"nginx": {}, "managedRoutes": [{"name": "known"}]},
        "steps": [_header_step()],
    }

    assert _said(canary) == ["steps[0].setHeaderRoute"]


def test_a_match_in_two_ways():
    step = _header_step(value={"exact": "1", "prefix": "2"})

    assert _said({"trafficRouting": ISTIO, "steps": [step]}) == [
        "steps[0].setHeaderRoute.match[0].headerValue"
    ]


def test_a_mirror_match_in_no_way():
    match = [{"path": {}, "headers": {"x": {"regex": "a"}}}]
    step = {"setMirrorRoute": {"name": "known", "match": match}}

    assert _said({"trafficRouting": ISTIO, "steps": [step]}) == [
        "steps[0].setMirrorRoute.match[0].path"
    ]


def test_services_that_take_turns_need_an_able_router_and_two_names():
    canary = {"trafficRouting": {"nginx": {"stableIngress": "a"}}, "pingPong": {"pingService": "a"}}

    assert sorted(_said(canary, traffic_findings), reverse=True) == [
        "pingPong.pongService",
        "pingPong",
    ]


def test_services_that_take_turns_need_a_root_service_with_alb():
    canary = {
        "trafficRouting": {"alb": {"ingress": "a"}},
        "pingPong": {"pingService": "a", "pongService": "a"},
    }

    assert _said(canary, traffic_findings) == [
        "trafficRouting.alb.rootService",
        "pingPong.pongService",
    ]


def test_istio_by_subsets_needs_no_services():
    by_subset = {"virtualService": {"name": "v"}, "destinationRule": {"name": "d"}}

    assert _said({"trafficRouting": {"istio": by_subset}}, traffic_findings) == []
