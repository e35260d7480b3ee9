"""Which Job is wanted, and what a Job and its pods say."""

from __future__ import annotations

import pytest
from analysis_runs import facts, job_metric, run_manifest

from rollouts.analysis.jobs import job_manifest, job_name, job_outcome, pull_problem, read_job
from rollouts.analysis.phase import Phase

UID = "e45f2b0b-f898-4146-a7e8-6675c99c0ed8"


@pytest.mark.parametrize(
    ("metric", "number", "name"),
    [
        ("load", 1, f"{UID}.load.1"),
        ("load", 120, f"{UID}.load.120"),
        ("a" * 24, 1, f"{UID}.{'a' * 24}.1"),  # 63 characters, the most there may be
    ],
)
def test_a_job_is_named_as_with_the_peer(metric, number, name):
    assert name == job_name(UID, metric, number)


def test_a_name_that_would_be_too_long_keeps_its_number_and_tells_metrics_apart():
    long = "x" * 80
    names = [job_name(UID, f"{long}{end}", number) for end in "ab" for number in (1, 2, 1000)]

    assert 6 == len(set(names))
    assert all(len(name) <= 63 for name in names)
    assert names[2].endswith(".1000")


def test_a_metric_with_odd_letters_gets_a_name_that_a_label_can_hold():
    assert job_name(UID, "P99 Latency", 1).startswith(f"{UID}.p99-latency-")
    assert job_name(UID, "p99 latency", 1) != job_name(UID, "P99 Latency", 1)


def test_a_job_belongs_to_its_run_and_its_pods_are_known_by_a_label():
    run = facts(run_manifest(job_metric()))
    made = job_manifest(run, run.program.metrics[0], 1)

    assert [("AnalysisRun", "uid-canary", True)] == [
        (each["kind"], each["uid"], each["controller"])
        for each in made["metadata"]["ownerReferences"]
    ]
    label = {"analysisrun.argoproj.io/uid": "uid-canary"}
    assert label == made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"]
    expected = {"name": "canary", "namespace": "shop", "metric-name": "load"}
    assert {f"analysisrun.argoproj.io/{key}": text for key, text in expected.items()} == made[
        "metadata"
    ]["annotations"]
    assert "backoffLimit" not in made["spec"]


def test_a_job_carries_the_metadata_and_the_spec_of_its_metric():
    metric = job_metric()
    job = metric["provider"]["job"]
    job["metadata"] = {"labels": {"team": "shop"}, "annotations": {"sidecar": "no"}}
    job["spec"] |= {"backoffLimit": 2, "activeDeadlineSeconds": 60}
    job["spec"]["template"]["metadata"] = {"labels": {"app": "load"}, "annotations": {"a": "b"}}
    run = facts(run_manifest(metric))
    made = job_manifest(run, run.program.metrics[0], 1)
    pods = made["spec"]["template"]

    assert made["metadata"]["labels"]["team"] == "shop"
    assert made["metadata"]["annotations"]["sidecar"] == "no"
    assert (made["spec"]["backoffLimit"], made["spec"]["activeDeadlineSeconds"]) == (2, 60)
    assert (pods["metadata"]["labels"]["app"], pods["metadata"]["annotations"]) == (
        "load",
        {"a": "b"},
    )
    assert pods["spec"] == job["spec"]["template"]["spec"]


def test_a_secret_argument_is_refused_in_a_job():
    secret = {"name": "token", "valueFrom": {"secretKeyRef": {"name": "web", "key": "token"}}}
    metric = job_metric()
    pod = metric["provider"]["job"]["spec"]["template"]["spec"]
    pod["containers"] = [{"name": "load", "image": "load:1", "args": ["{{args.token}}"]}]

    problems = facts(run_manifest(metric, args=[secret])).program.problems

    assert ["spec.metrics[0].provider.job"] == [each.path for each in problems]


@pytest.mark.parametrize(
    ("conditions", "phase"),
    [
        ([], Phase.RUNNING),
        ([("Suspended", "True")], Phase.RUNNING),
        ([("Complete", "False")], Phase.RUNNING),
        ([("SuccessCriteriaMet", "True"), ("Complete", "True")], Phase.SUCCESSFUL),
        ([("FailureTarget", "True"), ("Failed", "True")], Phase.FAILED),
    ],
)
def test_a_job_is_read_by_its_conditions(conditions, phase):
    status = {"conditions": [{"type": word, "status": value} for word, value in conditions]}

    assert phase is read_job({"metadata": {"name": "load"}, "status": status}).phase


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("ErrImagePull", True),
        ("ImagePullBackOff", True),
        ("InvalidImageName", True),
        ("ContainerCreating", False),
        ("CrashLoopBackOff", False),
    ],
)
def test_an_image_that_cannot_be_had_is_seen_in_any_container(reason, found):
    waiting = {"name": "load", "state": {"waiting": {"reason": reason}}}

    for words in ("initContainerStatuses", "containerStatuses"):
        assert found == bool(pull_problem({"status": {words: [waiting]}}))
    assert "" == pull_problem({})


def test_completion_goes_before_an_image_that_could_not_be_had_for_a_while():
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    job = read_job({"metadata": {"name": "load"}, "status": done})

    assert (Phase.SUCCESSFUL, "") == job_outcome(job, {})
