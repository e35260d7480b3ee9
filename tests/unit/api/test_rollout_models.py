"""A Rollout reads into a frozen model that loses nothing and knows the defaults."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from rollouts.api.base import resolve_int_or_percent
from rollouts.api.checks import read_rollout
from rollouts.api.problems import InvalidSpec
from rollouts.api.rollout import Rollout
from rollouts.api.steps import CanaryStep, Pause


def test_the_dump_is_what_was_read(routed):
    manifest = routed(steps=[{"setWeight": 10}, {"pause": {"duration": "10m"}}, {"pause": {}}])

    assert manifest == Rollout.model_validate(manifest).manifest()


def test_the_plain_dump_of_pydantic_is_what_was_read(routed):
    manifest = routed(steps=[{"setWeight": 10}])

    assert manifest == Rollout.model_validate(manifest).model_dump(
        by_alias=True, exclude_unset=True
    )


def test_unknown_fields_are_kept_wherever_they_stand(canary):
    manifest = canary(steps=[{"setWeight": 1, "note": {"a": [1, None]}}], later={"b": 1.5})
    manifest["spec"]["future"] = [1, {"x": None}]
    manifest["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    manifest["extra"] = True

    assert manifest == Rollout.model_validate(manifest).manifest()


def test_the_pod_template_is_opaque(rollout):
    template = {
        "metadata": {"creationTimestamp": None, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "resources": {}, "newField": [None, 0.5, {}]}]},
    }
    manifest = rollout(template=template)

    assert template == Rollout.model_validate(manifest).manifest()["spec"]["template"]


def test_a_null_field_is_an_absent_field(rollout):
    manifest = rollout(replicas=None, paused=None, strategy={"canary": {"steps": None}})
    read = Rollout.model_validate(manifest)

    assert read.desired_replicas == 1
    assert read.steps == ()
    assert "replicas" not in read.manifest()["spec"]


def test_defaults_are_visible_and_not_dumped(rollout):
    manifest = rollout(replicas=...)
    read = Rollout.model_validate(manifest)

    assert read.desired_replicas == 1
    assert read.spec.progress_deadline_seconds == 600
    assert read.spec.revision_history_limit == 10
    assert read.spec.min_ready_seconds == 0
    assert (read.canary.max_surge, read.canary.max_unavailable) == ("25%", "25%")
    assert read.canary.scale_down_delay == 0
    assert read.canary.abort_scale_down_delay == 30
    assert read.canary.weight_max == 100
    assert manifest == read.manifest()


def test_with_a_router_former_pods_stay_30_seconds(routed):
    assert Rollout.model_validate(routed()).canary.scale_down_delay == 30


def test_explicit_delays_are_taken(routed):
    read = Rollout.model_validate(routed(scaleDownDelaySeconds=0, abortScaleDownDelaySeconds=5))

    assert read.canary.scale_down_delay == 0
    assert read.canary.abort_scale_down_delay == 5


def test_an_abort_delay_of_zero_keeps_the_canary_for_good(routed):
    read = Rollout.model_validate(routed(abortScaleDownDelaySeconds=0))

    assert read.canary.abort_scale_down_delay is None


def test_zero_replicas_are_zero(rollout):
    assert Rollout.model_validate(rollout(replicas=0)).desired_replicas == 0


def test_one_or_several_ingresses_read_the_same(routed):
    one = Rollout.model_validate(routed())
    nginx = {"nginx": {"stableIngresses": ["a", "b"], "annotationPrefix": ""}}
    several = Rollout.model_validate(routed(trafficRouting=nginx))

    assert one.canary.traffic_routing.nginx.ingresses == ("web",)
    assert several.canary.traffic_routing.nginx.ingresses == ("a", "b")
    assert several.canary.traffic_routing.nginx.prefix == "nginx.ingress.kubernetes.io"


def test_a_model_cannot_be_changed(rollout):
    read = Rollout.model_validate(rollout())

    with pytest.raises(ValidationError, match="frozen"):
        read.spec.replicas = 3


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ({"setWeight": 0}, "setWeight"),
        ({"pause": {}}, "pause"),
        ({"setCanaryScale": {"replicas": 1}}, "setCanaryScale"),
        ({"analysis": {"templates": [{"templateName": "x"}]}}, "analysis"),
        ({"experiment": {"templates": []}}, "experiment"),
        ({"setHeaderRoute": {"name": "x"}}, "setHeaderRoute"),
        ({"setMirrorRoute": {"name": "x"}}, "setMirrorRoute"),
        ({"plugin": {"name": "a/b", "config": {"x": 1}}}, "plugin"),
        ({}, ""),
        ({"pause": None}, ""),
    ],
)
def test_a_step_knows_its_kind(step, kind):
    assert kind == CanaryStep.model_validate(step).kind


@pytest.mark.parametrize(
    ("pause", "delay"),
    [
        ({}, None),
        ({"duration": None}, None),
        ({"duration": "10m"}, timedelta(minutes=10)),
        ({"duration": "90"}, timedelta(seconds=90)),
        ({"duration": 90}, timedelta(seconds=90)),
    ],
)
def test_a_pause_knows_how_long_it_is(pause, delay):
    assert delay == Pause.model_validate(pause).delay


@pytest.mark.parametrize(
    ("value", "total", "round_up", "count"),
    [
        (3, 10, True, 3),
        ("25%", 10, True, 3),
        ("25%", 10, False, 2),
        ("0%", 10, True, 0),
        ("100%", 7, False, 7),
        ("30%", 0, True, 0),
        ("1%", 1, True, 1),
        ("29%", 100, True, 29),
    ],
)
def test_a_percentage_rounds_the_way_it_is_told(value, total, round_up, count):
    assert count == resolve_int_or_percent(value, total, round_up=round_up)


@pytest.mark.parametrize("value", ["25", "%", "-5%", "2.5%", "٢%", "25 %", "1234567890%"])
def test_other_text_is_no_percentage(value):
    with pytest.raises(ValueError, match="percentage"):
        resolve_int_or_percent(value, 10, round_up=True)


def test_reading_a_bad_rollout_raises_all_its_problems(canary):
    with pytest.raises(InvalidSpec) as caught:
        read_rollout(canary(steps=[{"setWeight": 101}, {"pause": {"duration": 0}}]))

    assert len(caught.value.problems) == 2


def test_a_status_of_another_shape_does_not_stop_a_rollout(rollout):
    manifest = rollout() | {"status": {"conditions": "what?", "observedGeneration": 7}}

    assert read_rollout(manifest).status.observed_generation == ""


def test_the_status_of_the_peer_is_read(rollout):
    status = {
        "observedGeneration": "7",
        "HPAReplicas": 5,
        "stableRS": "abc",
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-31T12:00:00Z"}],
        "canary": {"weights": {"canary": {"weight": 10}, "stable": {"weight": 90}}},
        "scaleDownDeadlines": {"def": "2026-01-31T12:00:00Z"},
        "lastRequest": "r1",
        "promotedAt": "2026-01-31T12:00:00Z",
        "futureField": [1],
    }
    manifest = rollout() | {"status": status}
    read = read_rollout(manifest)

    assert (
        read.status.observed_generation,
        read.status.hpa_replicas,
        read.status.stable_rs,
    ) == ("7", 5, "abc")
    assert read.status.canary.weights.canary.weight == 10
    assert read.status.scale_down_deadlines == {"def": "2026-01-31T12:00:00Z"}
    assert manifest == read.manifest()
