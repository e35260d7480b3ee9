"""What this version does not execute is refused, or said to have no effect; never half-done."""

import pytest

from rollouts.api.checks import check_rollout
from rollouts.api.support import unsupported, without_effect

STEPS = "spec.strategy.canary.steps"


def _said(manifest):
    return {problem.path: problem.message for problem in check_rollout(manifest)}


class TestUnsupported:
    @pytest.mark.parametrize(
        "step",
        [
            {"experiment": {"templates": [{"name": "a", "specRef": "canary"}]}},
            {"setHeaderRoute": {"name": "r"}},
            {"setMirrorRoute": {"name": "r"}},
            {"plugin": {"name": "a/b"}},
        ],
    )
    def test_a_step_that_would_be_skipped_is_refused(self, routed, step):
        (kind,) = step
        problems = {problem.path: problem for problem in unsupported(routed(steps=[step]))}

        assert [f"{STEPS}[0].{kind}"] == list(problems)
        assert "is not supported by this version; " in problems[f"{STEPS}[0].{kind}"].message
        assert f"{STEPS}[0].{kind}" in _said(routed(steps=[step]))

    @pytest.mark.parametrize(
        "router",
        [
            {"istio": {"virtualService": {"name": "v"}}},
            {"alb": {"ingress": "i", "servicePort": 80}},
            {"smi": {}},
            {"ambassador": {"mappings": ["m"]}},
            {"appMesh": {"virtualService": {"name": "v"}}},
            {"traefik": {"weightedTraefikServiceName": "t"}},
            {"apisix": {"route": {"name": "r"}}},
            {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "r"}}},
        ],
    )
    def test_another_router_is_refused(self, routed, router):
        (name,) = router

        assert [f"spec.strategy.canary.trafficRouting.{name}"] == list(
            _said(routed(trafficRouting=router))
        )

    def test_analysis_beside_the_steps_and_in_them_is_accepted(self, canary):
        manifest = canary(
            steps=[{"setWeight": 10}, {"analysis": {"templates": [{"templateName": "x"}]}}],
            analysis={"templates": [{"templateName": "x"}], "startingStep": 1},
        )

        assert list(_said(manifest)) == []

    def test_blue_green_is_refused(self, rollout):
        manifest = rollout(strategy={"blueGreen": {"activeService": "web"}})

        assert list(_said(manifest)) == ["spec.strategy.blueGreen"]

    def test_a_template_from_elsewhere_is_refused(self, rollout):
        manifest = rollout(
            selector=..., template=..., workloadRef={"kind": "Deployment", "name": "web"}
        )

        assert list(_said(manifest)) == ["spec.workloadRef"]

    def test_services_that_take_turns_are_refused(self, routed):
        problems = unsupported(routed(pingPong={"pingService": "a", "pongService": "b"}))

        assert [problem.path for problem in problems] == ["spec.strategy.canary.pingPong"]

    def test_what_is_executed_is_not_refused(self, routed):
        steps = [{"setWeight": 1}, {"pause": {}}, {"setCanaryScale": {"replicas": 1}}]

        assert unsupported(routed(steps=steps)) == ()


class TestWithoutEffect:
    def test_fields_that_do_nothing_are_named(self, routed):
        manifest = routed(dynamicStableScale=True, canaryMetadata={"labels": {"role": "canary"}})

        assert check_rollout(manifest) == ()
        assert [problem.path for problem in without_effect(manifest)] == [
            "spec.strategy.canary.dynamicStableScale",
            "spec.strategy.canary.canaryMetadata",
        ]

    def test_an_unknown_field_is_named_with_the_nearest_known_one(self, canary):
        (problem,) = without_effect(canary(maxsurge=1))

        assert problem.path == "spec.strategy.canary.maxsurge"
        assert "did you mean maxSurge?" in problem.message

    def test_free_maps_have_no_unknown_fields(self, routed):
        nginx = {"stableIngress": "a", "additionalIngressAnnotations": {"anything": "x"}}

        assert without_effect(routed(trafficRouting={"nginx": nginx})) == ()

    def test_a_switch_that_is_off_is_not_worth_a_word(self, routed):
        assert without_effect(routed(dynamicStableScale=False)) == ()
