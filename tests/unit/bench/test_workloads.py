"""What is deployed."""

from __future__ import annotations

import importlib

import pytest

from bench.__main__ import BENCHES, Results, main
from bench.figures import Figure, Report, Target
from bench.planner import record_looks
from bench.records import call_of, facts_of, is_healthy
from bench.workloads import copy_into, example
from rollouts.api.checks import check_rollout
from rollouts.api.refs import REPLICA_SET, ROLLOUT, SERVICE
from rollouts.emulator.http import RequestRecord


def rollout_of(manifests):
    return next(each for each in manifests if each["kind"] == "Rollout")


def steps_of(manifests):
    return rollout_of(manifests)["spec"]["strategy"]["canary"]["steps"]


def test_the_example_is_deployed_in_its_namespace_with_its_waits_shortened():
    manifests = example("n", pause_seconds=1.5, scale_down_seconds=5)

    assert manifests[0]["kind"] == "Namespace"
    assert manifests[-1]["kind"] == "Rollout"
    assert {each["metadata"].get("namespace", "n") for each in manifests} == {"n"}
    assert [step for step in steps_of(manifests) if "pause" in step] == [
        {"pause": {"duration": "1.5s"}}
    ] * 3
    assert [step["setWeight"] for step in steps_of(manifests) if "setWeight" in step] == [
        10,
        30,
        50,
        100,
    ]


def test_what_is_deployed_is_valid():
    manifest = rollout_of(example("n", pause_seconds=1, scale_down_seconds=5))

    assert check_rollout(manifest) == ()


def test_a_pause_for_a_person_stays_one():
    manifests = example("n", pause_seconds=1, scale_down_seconds=5, steps=[{"pause": {}}])

    assert steps_of(manifests) == [{"pause": {}}]


def test_two_deployments_share_nothing():
    one, two = (example(name, pause_seconds=1, scale_down_seconds=5) for name in "ab")
    rollout_of(one)["spec"]["replicas"] = 99

    assert rollout_of(two)["spec"]["replicas"] == 5


def test_a_copy_has_nothing_that_a_server_sets_and_keeps_its_status():
    manifest = {
        "metadata": {
            "name": "web",
            "namespace": "old",
            "uid": "1",
            "resourceVersion": "7",
            "generation": 2,
            "annotations": {"revision": "2"},
        },
        "status": {
            "observedGeneration": "2",
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "then"}],
        },
    }

    ((kind, made),) = copy_into("new", [(ROLLOUT, manifest)], pause_started_at="now")

    assert kind == ROLLOUT
    assert made["metadata"] == {
        "name": "web",
        "namespace": "new",
        "annotations": {"revision": "2"},
    }
    assert made["status"]["observedGeneration"] == "1"
    assert made["status"]["pauseConditions"][0]["startTime"] == "now"
    assert manifest["metadata"]["namespace"] == "old"
    assert manifest["status"]["pauseConditions"][0]["startTime"] == "then"


def test_a_pause_keeps_its_start_unless_another_is_given():
    status = {"pauseConditions": [{"startTime": "then"}]}
    manifest = {"metadata": {"name": "web"}, "status": status}

    ((_, made),) = copy_into("new", [(ROLLOUT, manifest)])

    assert made["status"]["pauseConditions"][0]["startTime"] == "then"


def test_addresses_of_services_are_not_copied():
    manifest = {"metadata": {"name": "s"}, "spec": {"clusterIP": "10.0.0.1", "ports": []}}

    ((_, made),) = copy_into("new", [(SERVICE, manifest)])

    assert made["spec"] == {"ports": []}


def test_a_copied_replica_set_has_observed_its_first_generation():
    manifest = {"metadata": {"name": "s"}, "status": {"observedGeneration": 4, "replicas": 1}}

    ((_, made),) = copy_into("new", [(REPLICA_SET, manifest)])

    assert made["status"] == {"observedGeneration": 1, "replicas": 1}


def record(**words):
    given = {"verb": "patch", "resource": "rollouts.argoproj.io", "subresource": "status"}
    given |= {"namespace": "n", "name": "web", "user": "admin", "user_agent": "rollouts/0"}
    return RequestRecord(code=200, **(given | words))


def test_a_request_is_counted_under_its_plural_without_the_group():
    assert call_of(None, record()).subject == "rollouts/status"
    assert call_of(None, record(resource="services", subresource="")).subject == "services"


def test_what_names_no_resource_is_discovery():
    call = call_of(None, record(verb="get", resource="", subresource="", name="/version"))

    assert (call.verb, call.resource, call.is_read) == ("discover", "/version", True)


def test_a_rollout_is_healthy_only_for_the_generation_that_was_observed():
    manifest = {
        "metadata": {"generation": 3},
        "status": {"phase": "Healthy", "observedGeneration": "2"},
    }
    fresh = manifest | {"status": {"phase": "Healthy", "observedGeneration": "3"}}

    assert not is_healthy(facts_of("rollouts", manifest))
    assert is_healthy(facts_of("rollouts", fresh))


def test_facts_of_an_object_without_status_are_empty_not_errors():
    assert facts_of("rollouts", {})["phase"] is None
    assert facts_of("replicasets", {}) == {"wanted": None, "pods": 0}
    assert facts_of("ingresses", {}) == {"weight": None}


def test_an_unknown_bench_is_named_in_the_refusal(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["lightness"])

    assert ended.value.code == 2
    assert "there is no bench 'lightness'" in capsys.readouterr().err


def test_results_are_printed_as_a_table_and_written_with_what_ran_beside_them():
    results = Results(is_quick=True, machine={"cores": "2"})
    report = Report((Figure("idle", "calls", 0, "", Target("=", 0)),), ("idle: nothing moved",))

    line = results.take("idle", report, seconds=61.4, others_percent=12.34)

    assert line == "idle: took 61 s; other work had 12 % of the cores"
    assert results.lines()[-4:] == (
        "idle: nothing moved",
        "  took 61 s; other work had 12 % of the cores",
        "",
        "cores: 2",
    )
    assert results.as_json()["figures"] == [report.figures[0].as_json()]
    assert results.as_json()["others_percent"] == {"idle": 12.3}


def test_every_bench_is_a_module_that_can_be_run():
    modules = [importlib.import_module(f"bench.{name}") for name in BENCHES]

    assert all(callable(module.run) for module in modules)


def test_the_planner_is_measured_on_every_state_of_a_canary():
    looks = record_looks()

    phases = {seen.rollout.status.get("phase") for seen, _ in looks}
    weights = {seen.route.weight for seen, _ in looks if seen.route}

    assert {"Paused", "Progressing", "Healthy"} <= phases
    assert {0, 10, 30, 50, 100} <= weights
