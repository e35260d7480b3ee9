"""The health of every kind, case by case: object in, status and words out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rollouts.gitops.health import Health, Status, assess

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HEALTHY, PROGRESSING, DEGRADED, SUSPENDED, UNKNOWN = (
    Status.HEALTHY,
    Status.PROGRESSING,
    Status.DEGRADED,
    Status.SUSPENDED,
    Status.UNKNOWN,
)

APPS, CORE, ROLLOUT = "apps/v1", "v1", "argoproj.io/v1alpha1"


def obj(api_version, kind, spec=None, status=None, **metadata):
    found = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", **metadata}}
    if spec is not None:
        found["spec"] = spec
    if status is not None:
        found["status"] = status
    return found


def condition(type_, status="True", reason="", message=""):
    return {"type": type_, "status": status, "reason": reason, "message": message}


def conditions(*found, **more):
    return {"conditions": list(found), **more}


def counters(replicas, updated, available, **more):
    return {
        "observedGeneration": 2,
        "replicas": replicas,
        "updatedReplicas": updated,
        "availableReplicas": available,
        **more,
    }


def deployment(status, *, generation=2, **spec):
    return obj(APPS, "Deployment", {"replicas": 3, **spec}, status, generation=generation)


def stateful_set(status, **spec):
    return obj(APPS, "StatefulSet", {"replicas": 3, **spec}, status, generation=1)


def daemon_set(status, **spec):
    return obj(APPS, "DaemonSet", spec, {"observedGeneration": 1, **status}, generation=1)


def rollout(status=None, *, spec=None, **metadata):
    return obj(
        ROLLOUT, "Rollout", spec or {"replicas": 3}, status, **({"generation": 4} | metadata)
    )


def old_rollout(status, **spec):
    return rollout({"observedGeneration": "4", **status}, spec={"replicas": 3, **spec})


def pod(phase, *, policy="Always", ready=None, containers=(), annotations=None, **status):
    found = {"phase": phase, "containerStatuses": list(containers), **status}
    if ready is not None:
        found["conditions"] = [condition("Ready", "True" if ready else "False")]
    return obj(CORE, "Pod", {"restartPolicy": policy}, found, annotations=annotations or {})


def waiting(reason, message=""):
    return {"name": "web", "state": {"waiting": {"reason": reason, "message": message}}}


def ended(**terminated):
    return {"name": "web", "state": {"terminated": terminated}}


def job(*found, **status):
    return obj("batch/v1", "Job", {}, conditions(*found, **status))


def cron_job(status, **spec):
    return obj("batch/v1", "CronJob", spec, status)


def aged(seconds, api_version, kind, spec=None, status=None):
    created = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return obj(api_version, kind, spec or {}, status, creationTimestamp=created)


def autoscaler(*found):
    return obj("autoscaling/v2", "HorizontalPodAutoscaler", {}, conditions(*found))


def crd(*found):
    return obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, conditions(*found))


def flux(*found, kind="Kustomization", spec=None, **status):
    return obj(
        "kustomize.toolkit.fluxcd.io/v1",
        kind,
        spec or {},
        conditions(*found, **status),
        generation=2,
    )


def unknown(*found, **status):
    return obj("example.com/v1", "Widget", {}, conditions(*found, **status), generation=2)


LOAD_BALANCER = {"type": "LoadBalancer"}
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
V1_AUTOSCALER = obj("autoscaling/v1", "HorizontalPodAutoscaler", {}, {}) | {
    "metadata": {
        "name": "x",
        "annotations": {
            "autoscaling.alpha.kubernetes.io/conditions": (
                '[{"type":"AbleToScale","status":"False","reason":"FailedGetScale","message":"no"}]'
            )
        },
    }
}

CASES = [
    # Common to all kinds.
    (deployment(counters(3, 3, 3)) | {"metadata": {"deletionTimestamp": "x"}}, PROGRESSING, "del"),
    (obj(CORE, "ConfigMap", deletionTimestamp="x"), PROGRESSING, "pending deletion"),
    (
        job(condition("Failed", message="boom"))
        | {
            "metadata": {
                "deletionTimestamp": "x",
                "finalizers": ["argocd.argoproj.io/hook-finalizer"],
            }
        },
        DEGRADED,
        "boom",
    ),
    # Deployment.
    (deployment(counters(3, 3, 3)), HEALTHY, ""),
    (deployment(counters(3, 3, 3), paused=True), SUSPENDED, "paused"),
    (deployment(counters(3, 3, 3), generation=3), PROGRESSING, "not observed"),
    (deployment({}, generation=1), PROGRESSING, "not observed"),
    (obj(APPS, "Deployment", {}, None, generation=1), PROGRESSING, "not observed"),
    (
        deployment(
            counters(3, 1, 1)
            | conditions(condition("Progressing", "False", "ProgressDeadlineExceeded", "late"))
        ),
        DEGRADED,
        "late",
    ),
    (deployment(counters(3, 2, 2)), PROGRESSING, "2 of 3 replicas are updated"),
    (deployment(counters(4, 3, 3)), PROGRESSING, "1 old replicas"),
    (deployment(counters(3, 3, 2)), PROGRESSING, "2 of 3 updated replicas are available"),
    (deployment({"observedGeneration": 2}, replicas=0), HEALTHY, ""),
    (deployment(counters(1, 1, 1), replicas=None), HEALTHY, ""),
    # ReplicaSet.
    (obj(APPS, "ReplicaSet", {"replicas": 2}, {"availableReplicas": 2}), HEALTHY, ""),
    (obj(APPS, "ReplicaSet", {"replicas": 2}, {"availableReplicas": 1}), PROGRESSING, "1 of 2"),
    (obj(APPS, "ReplicaSet", {"replicas": 0}, {}), HEALTHY, ""),
    (obj(APPS, "ReplicaSet", {}, {}, generation=1), PROGRESSING, "not observed"),
    (
        obj(APPS, "ReplicaSet", {}, conditions(condition("ReplicaFailure", message="quota"))),
        DEGRADED,
        "quota",
    ),
    # StatefulSet.
    (stateful_set({}), PROGRESSING, "not observed"),
    (stateful_set({"observedGeneration": 1, "readyReplicas": 2}), PROGRESSING, "2 of 3"),
    (
        stateful_set(
            {
                "observedGeneration": 1,
                "readyReplicas": 3,
                "updateRevision": "b",
                "currentRevision": "a",
            }
        ),
        PROGRESSING,
        "revision b",
    ),
    (stateful_set({"observedGeneration": 1, "readyReplicas": 3}), HEALTHY, ""),
    (
        stateful_set(
            {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 0},
            updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
        ),
        PROGRESSING,
        "0 of 1",
    ),
    (
        stateful_set(
            {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 1},
            updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
        ),
        HEALTHY,
        "partition",
    ),
    (
        stateful_set(
            {"observedGeneration": 1, "readyReplicas": 3, "updateRevision": "b"},
            updateStrategy={"type": "OnDelete"},
        ),
        HEALTHY,
        "deletion",
    ),
    # DaemonSet.
    (
        daemon_set({"desiredNumberScheduled": 2, "updatedNumberScheduled": 1}),
        PROGRESSING,
        "updated",
    ),
    (
        daemon_set(
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}
        ),
        PROGRESSING,
        "1 of 2 pods are available",
    ),
    (
        daemon_set(
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
        ),
        HEALTHY,
        "",
    ),
    (daemon_set({}), HEALTHY, ""),
    (
        daemon_set({"desiredNumberScheduled": 2}, updateStrategy={"type": "OnDelete"}),
        HEALTHY,
        "deletion",
    ),
    # What runs to its end.
    *(
        (obj(ROLLOUT, kind, status={"phase": phase}), expected, words)
        for kind, phase, expected, words in (
            ("AnalysisRun", "", PROGRESSING, "has not ended yet"),
            ("AnalysisRun", "Running", PROGRESSING, "has not ended yet"),
            ("AnalysisRun", "Successful", HEALTHY, ""),
            ("AnalysisRun", "Failed", DEGRADED, "ended as Failed"),
            ("AnalysisRun", "Inconclusive", DEGRADED, "ended as Inconclusive"),
            ("Workflow", "Pending", PROGRESSING, "has not ended yet"),
            ("Workflow", "Succeeded", HEALTHY, ""),
            ("Workflow", "Error", DEGRADED, "ended as Error"),
        )
    ),
    # Rollout.
    (rollout(), PROGRESSING, "waiting for rollout spec update to be observed"),
    (rollout({}), PROGRESSING, "spec update"),
    (rollout({"observedGeneration": "3", "phase": "Healthy"}), PROGRESSING, "spec update"),
    (rollout({"observedGeneration": "4", "phase": "Healthy"}), HEALTHY, ""),
    (rollout({"observedGeneration": 4, "phase": "Healthy"}), HEALTHY, ""),
    (rollout({"observedGeneration": "5", "phase": "Healthy"}), HEALTHY, ""),
    (rollout({"observedGeneration": "5f79b78d7f", "phase": "Healthy"}), HEALTHY, ""),
    (
        rollout({"observedGeneration": "4", "phase": "Paused", "message": "CanaryPauseStep"}),
        SUSPENDED,
        "CanaryPauseStep",
    ),
    (
        rollout({"observedGeneration": "4", "phase": "Degraded", "message": "RolloutAborted: x"}),
        DEGRADED,
        "RolloutAborted: x",
    ),
    (
        rollout({"observedGeneration": "4", "phase": "Progressing", "message": "more replicas"}),
        PROGRESSING,
        "more replicas",
    ),
    (rollout({"observedGeneration": "4", "phase": "Odd"}), UNKNOWN, ""),
    (
        rollout(
            {"observedGeneration": "4", "phase": "Healthy", "workloadObservedGeneration": "6"},
            spec={"workloadRef": {"kind": "Deployment", "name": "x"}},
            annotations={"rollout.argoproj.io/workload-generation": "7"},
        ),
        PROGRESSING,
        "workload",
    ),
    (
        rollout(
            {"observedGeneration": "4", "phase": "Healthy", "workloadObservedGeneration": "7"},
            spec={"workloadRef": {"kind": "Deployment", "name": "x"}},
            annotations={"rollout.argoproj.io/workload-generation": "7"},
        ),
        HEALTHY,
        "",
    ),
    (old_rollout(conditions(condition("InvalidSpec", message="bad"))), DEGRADED, "bad"),
    (
        old_rollout(conditions(condition("Progressing", "False", "RolloutAborted", "aborted"))),
        DEGRADED,
        "aborted",
    ),
    (
        old_rollout(conditions(condition("Progressing", "False", "ProgressDeadlineExceeded"))),
        DEGRADED,
        "ProgressDeadlineExceeded",
    ),
    (old_rollout({"pauseConditions": [{"reason": "CanaryPauseStep"}]}), SUSPENDED, "paused"),
    (old_rollout({}, paused=True), SUSPENDED, "paused"),
    (old_rollout({"updatedReplicas": 2}), PROGRESSING, "need to be updated"),
    (old_rollout({"updatedReplicas": 3, "availableReplicas": 2}), PROGRESSING, "available"),
    (
        old_rollout({"updatedReplicas": 3, "availableReplicas": 3, "replicas": 4}),
        PROGRESSING,
        "old replicas",
    ),
    (
        old_rollout({"updatedReplicas": 3, "availableReplicas": 3, "currentPodHash": "b"}),
        PROGRESSING,
        "all steps",
    ),
    (
        old_rollout(
            {"updatedReplicas": 3, "availableReplicas": 3, "currentPodHash": "b", "stableRS": "b"}
        ),
        HEALTHY,
        "",
    ),
    (
        old_rollout(
            {
                "updatedReplicas": 3,
                "availableReplicas": 3,
                "currentPodHash": "b",
                "blueGreen": {"activeSelector": "a"},
            },
            strategy={"blueGreen": {}},
        ),
        PROGRESSING,
        "cutover",
    ),
    (
        old_rollout(
            {
                "updatedReplicas": 3,
                "availableReplicas": 3,
                "currentPodHash": "b",
                "blueGreen": {"activeSelector": "b"},
            },
            strategy={"blueGreen": {"activeService": "web"}},
        ),
        HEALTHY,
        "",
    ),
    # Service and Ingress.
    (aged(0, CORE, "Service"), HEALTHY, ""),
    (aged(0, CORE, "Service", LOAD_BALANCER), PROGRESSING, "address"),
    (aged(119, CORE, "Service", LOAD_BALANCER), PROGRESSING, "address"),
    (aged(120, CORE, "Service", LOAD_BALANCER), HEALTHY, "no address"),
    (aged(0, CORE, "Service", LOAD_BALANCER, ADDRESS), HEALTHY, ""),
    (aged(0, "networking.k8s.io/v1", "Ingress"), PROGRESSING, "address"),
    (aged(120, "networking.k8s.io/v1", "Ingress"), HEALTHY, "no address"),
    (aged(0, "networking.k8s.io/v1", "Ingress", {}, ADDRESS), HEALTHY, ""),
    (obj("networking.k8s.io/v1", "Ingress", {}, {}), PROGRESSING, "address"),
    # Claims.
    (obj(CORE, "PersistentVolumeClaim", {}, {"phase": "Bound"}), HEALTHY, ""),
    (obj(CORE, "PersistentVolumeClaim", {}, {"phase": "Pending"}), PROGRESSING, "bound"),
    (obj(CORE, "PersistentVolumeClaim", {}, {"phase": "Lost"}), DEGRADED, "lost"),
    (obj(CORE, "PersistentVolumeClaim", {}, {}), UNKNOWN, ""),
    (
        obj(CORE, "PersistentVolumeClaim", {"storageClassName": "local"}, {"phase": "Pending"}),
        HEALTHY,
        "first pod",
    ),
    (
        obj(
            CORE,
            "PersistentVolumeClaim",
            {"storageClassName": "local"},
            {"phase": "Pending"},
            annotations={"volume.kubernetes.io/selected-node": "n1"},
        ),
        PROGRESSING,
        "bound",
    ),
    # Job.
    (job(), PROGRESSING, "0 pods"),
    (job(active=2), PROGRESSING, "2 pods"),
    (job(condition("Complete")), HEALTHY, ""),
    (job(condition("Failed", message="backoff")), DEGRADED, "backoff"),
    (job(condition("Suspended")), SUSPENDED, ""),
    (job(condition("Suspended", "False", "JobResumed"), active=1), PROGRESSING, "1 pods"),
    (job(condition("Suspended", "False"), condition("Complete")), HEALTHY, ""),
    (job(condition("Complete"), condition("Failed", message="x")), DEGRADED, "x"),
    # CronJob.
    (cron_job(None), PROGRESSING, "not seen"),
    (cron_job({}), HEALTHY, "not been due"),
    (cron_job({}, suspend=True), SUSPENDED, ""),
    (cron_job({"lastScheduleTime": "2026-01-01T00:00:00Z"}), HEALTHY, "no run"),
    (
        cron_job(
            {
                "lastScheduleTime": "2026-01-02T00:00:00Z",
                "lastSuccessfulTime": "2026-01-01T00:00:09Z",
            }
        ),
        DEGRADED,
        "did not succeed",
    ),
    (
        cron_job(
            {
                "lastScheduleTime": "2026-01-02T00:00:00Z",
                "lastSuccessfulTime": "2026-01-01T00:00:09Z",
                "active": [{"name": "run"}],
            }
        ),
        HEALTHY,
        "under way",
    ),
    (
        cron_job(
            {
                "lastScheduleTime": "2026-01-02T00:00:00Z",
                "lastSuccessfulTime": "2026-01-02T00:00:09Z",
            }
        ),
        HEALTHY,
        "",
    ),
    (cron_job({"lastScheduleTime": "x", "lastSuccessfulTime": "y"}), UNKNOWN, "cannot be read"),
    # Pod.
    (pod("Pending"), PROGRESSING, "pending"),
    (pod("Pending", containers=[waiting("ErrImagePull", "no image")]), DEGRADED, "no image"),
    (pod("Pending", containers=[waiting("CreateContainerConfigError")]), DEGRADED, "ConfigError"),
    (pod("Pending", containers=[waiting("ContainerCreating")]), PROGRESSING, ""),
    (pod("Running", containers=[waiting("CrashLoopBackOff")]), DEGRADED, "CrashLoopBackOff"),
    (pod("Pending", initContainerStatuses=[waiting("ImagePullBackOff")]), DEGRADED, "BackOff"),
    (pod("Running", ready=True), HEALTHY, ""),
    (pod("Running", ready=False), PROGRESSING, "not ready"),
    (
        pod(
            "Running",
            ready=False,
            containers=[{"name": "w", "lastState": {"terminated": {"x": 1}}}],
        ),
        DEGRADED,
        "restarts",
    ),
    (pod("Running", policy="Never", ready=True), PROGRESSING, "to its end"),
    (
        pod(
            "Running",
            policy="OnFailure",
            ready=True,
            annotations={"argocd.argoproj.io/ignore-restart-policy": "true"},
        ),
        HEALTHY,
        "",
    ),
    (pod("Succeeded", policy="Never"), HEALTHY, ""),
    (pod("Failed", policy="Never", message="evicted"), DEGRADED, "evicted"),
    (pod("Failed", policy="Never", containers=[ended(message="oops")]), DEGRADED, "oops"),
    (pod("Failed", policy="Never", containers=[ended(reason="OOMKilled")]), DEGRADED, "OOMKilled"),
    (pod("Failed", policy="Never", containers=[ended(exitCode=7)]), DEGRADED, "exit code 7"),
    (pod("Failed", policy="Never"), DEGRADED, "failed"),
    (pod("Unknown"), UNKNOWN, "Unknown"),
    # Autoscalers.
    (autoscaler(), PROGRESSING, "first decision"),
    (autoscaler(condition("AbleToScale", "False", "FailedGetScale", "no")), DEGRADED, "no"),
    (
        autoscaler(
            condition("AbleToScale"), condition("ScalingActive", "False", "FailedGetResourceMetric")
        ),
        DEGRADED,
        "FailedGetResourceMetric",
    ),
    (
        autoscaler(
            condition("AbleToScale"), condition("ScalingActive", "False", "ScalingDisabled")
        ),
        HEALTHY,
        "",
    ),
    (autoscaler(condition("AbleToScale", message="ready")), HEALTHY, "ready"),
    (autoscaler(condition("ScalingLimited", message="at most")), HEALTHY, "at most"),
    (V1_AUTOSCALER, DEGRADED, "no"),
    # Definitions and API services.
    (crd(), PROGRESSING, "not seen"),
    (crd(condition("Established", "False", "Installing")), PROGRESSING, "Installing"),
    (crd(condition("Established")), HEALTHY, ""),
    (crd(condition("Established"), condition("Terminating")), PROGRESSING, ""),
    (crd(condition("NamesAccepted", "False", message="taken")), DEGRADED, "taken"),
    (
        crd(condition("Established"), condition("NonStructuralSchema", message="loose")),
        DEGRADED,
        "loo",
    ),
    (crd(condition("Established", "False", "Other")), DEGRADED, "Other"),
    (
        obj("apiregistration.k8s.io/v1", "APIService", {}, conditions(condition("Available"))),
        HEALTHY,
        "",
    ),
    (obj("apiregistration.k8s.io/v1", "APIService", {}, {}), PROGRESSING, "waiting"),
    # Applications and Flux.
    (obj(ROLLOUT, "Application", {}, {"health": {"status": "Healthy"}}), HEALTHY, ""),
    (
        obj(ROLLOUT, "Application", {}, {"health": {"status": "Degraded", "message": "x"}}),
        DEGRADED,
        "x",
    ),
    (obj(ROLLOUT, "Application", {}, {"health": {"status": "Missing"}}), Status.MISSING, ""),
    (obj(ROLLOUT, "Application", {}, {}), PROGRESSING, "waiting"),
    (flux(), PROGRESSING, "first"),
    (flux(spec={"suspend": True}), SUSPENDED, "suspended"),
    (flux(condition("Ready", message="Applied revision")), HEALTHY, "Applied revision"),
    (flux(condition("Ready", "Unknown", "Progressing", "now")), PROGRESSING, "now"),
    (flux(condition("Ready", "False", "BuildFailed", "bad")), DEGRADED, "bad"),
    (flux(condition("Ready"), observedGeneration=1), PROGRESSING, "not observed"),
    (flux(condition("Ready", "False"), condition("Stalled", message="stuck")), DEGRADED, "stuck"),
    # Kinds nobody knows.
    (unknown(condition("Ready")), HEALTHY, ""),
    (unknown(condition("Ready", "False", "Issuing", "later")), PROGRESSING, "later"),
    (unknown(condition("Available", "Unknown")), PROGRESSING, "Available"),
    (unknown(condition("Ready"), condition("Stalled", message="stuck")), DEGRADED, "stuck"),
    (unknown(condition("Degraded", message="bad")), DEGRADED, "bad"),
    (unknown(condition("Ready"), condition("Reconciling", message="busy")), PROGRESSING, "busy"),
    (unknown(condition("Ready"), observedGeneration=1), PROGRESSING, "not observed"),
    (unknown(condition("Ready"), observedGeneration=2), HEALTHY, ""),
]


def label(case):
    manifest, status, message = case
    return f"{manifest['kind']}-{status}-{message}".replace(" ", "_")


@pytest.mark.parametrize(("manifest", "status", "words"), CASES, ids=map(label, CASES))
def test_health(manifest, status, words):
    found = assess(manifest, NOW, first_consumer_classes=("local",))

    assert found is not None
    assert found.status == status, found
    assert words in found.message


@pytest.mark.parametrize(
    "manifest",
    [
        obj(CORE, "ConfigMap"),
        obj(CORE, "Secret"),
        obj("rbac.authorization.k8s.io/v1", "Role"),
        obj("example.com/v1", "Widget", {}, {"phase": "Fine"}),
        obj("example.com/v1", "Widget", {}, conditions(condition("Synced", "False"))),
        {},
    ],
)
def test_a_kind_that_says_nothing_has_no_health(manifest):
    assert assess(manifest, NOW) is None


def test_a_strict_reader_waits_for_an_address_for_ever():
    found = assess(aged(10_000, "networking.k8s.io/v1", "Ingress"), NOW, strict=True)

    assert found == Health(Status.PROGRESSING, "waiting for an address")


@pytest.mark.parametrize("rubbish", [None, "text", 7, [], [1], {"conditions": "x"}, True])
@pytest.mark.parametrize("kind", sorted({(c[0]["apiVersion"], c[0]["kind"]) for c in CASES}))
def test_a_field_of_the_wrong_shape_is_no_crash(kind, rubbish):
    manifest = {"apiVersion": kind[0], "kind": kind[1], "metadata": rubbish}

    assess(manifest | {"spec": rubbish, "status": rubbish}, NOW, applied_generation=1)
    assess(manifest | {"status": {"conditions": [rubbish], "phase": rubbish}}, NOW)


@pytest.mark.parametrize(
    ("manifest", "applied", "waits"),
    [
        (rollout({"observedGeneration": "4", "phase": "Healthy"}), 4, False),
        (rollout({"observedGeneration": "3", "phase": "Healthy"}, generation=3), 4, True),
        (rollout({"observedGeneration": "4", "phase": "Healthy"}, generation=3), 4, True),
        (rollout({"observedGeneration": "5", "phase": "Healthy"}, generation=5), 4, False),
        (rollout({"observedGeneration": "5f79b78d7f", "phase": "Healthy"}), 4, False),
        (deployment(counters(3, 3, 3)), 2, False),
        (deployment(counters(3, 3, 3)), 3, True),
        (deployment(counters(3, 3, 3) | {"observedGeneration": None}), 2, True),
        (unknown(condition("Ready")), 2, False),
        (unknown(condition("Ready")), 3, True),
        (obj(CORE, "Pod", {}, {"phase": "Succeeded"}), 1, False),
    ],
)
def test_health_counts_only_once_it_is_about_what_was_applied(manifest, applied, waits):
    found = assess(manifest, NOW, applied_generation=applied)

    assert (found.status is Status.PROGRESSING) == waits
    assert (f"generation {applied}" in found.message) == waits
