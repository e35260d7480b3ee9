"""Readiness as Flux reads it, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rollouts.gitops.health import Readiness, flux_status

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CURRENT, BUSY, FAILED = Readiness.CURRENT, Readiness.IN_PROGRESS, Readiness.FAILED


def obj(api_version, kind, spec=None, status=None, **metadata):
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "generation": 2, **metadata},
        "spec": spec or {},
        "status": status or {},
    }


def when(type_, status="True", reason="", message="", ago=0):
    since = (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "conditions": [
            {
                "type": type_,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": since,
            }
        ]
    }


def deployment(status, **spec):
    full = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    return obj("apps/v1", "Deployment", {"replicas": 1, **spec}, full | status)


def rollout(phase, observed="2"):
    return obj(
        "argoproj.io/v1alpha1", "Rollout", {}, {"observedGeneration": observed, "phase": phase}
    )


def pod(phase, **status):
    return obj("v1", "Pod", {}, {"phase": phase, **status})


CRASHING = {
    "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
}

CASES = [
    (obj("v1", "ConfigMap"), CURRENT),
    (obj("example.com/v1", "Widget"), CURRENT),
    (obj("example.com/v1", "Widget", {}, {"observedGeneration": 1}), BUSY),
    (obj("example.com/v1", "Widget", {}, {"observedGeneration": 2}), CURRENT),
    (obj("example.com/v1", "Widget", {}, when("Ready")), CURRENT),
    (obj("example.com/v1", "Widget", {}, when("Ready", "False")), BUSY),
    (obj("example.com/v1", "Widget", {}, when("Reconciling")), BUSY),
    (obj("example.com/v1", "Widget", {}, when("Stalled")), FAILED),
    (obj("v1", "ConfigMap", deletionTimestamp="x"), Readiness.TERMINATING),
    (rollout("Healthy"), CURRENT),
    (rollout("Paused"), BUSY),
    (rollout("Progressing"), BUSY),
    (rollout("Degraded"), FAILED),
    (rollout("Healthy", observed="1"), BUSY),
    (deployment(when("Available")), CURRENT),
    (deployment({}), BUSY),
    (deployment(when("Available", "False")), BUSY),
    (deployment(when("Available"), paused=True), CURRENT),
    (deployment(when("Progressing", "False", "ProgressDeadlineExceeded")), FAILED),
    (deployment({"availableReplicas": 0}), BUSY),
    (pod("Running"), BUSY),
    (pod("Running", **when("Ready")), CURRENT),
    (pod("Succeeded"), CURRENT),
    (pod("Failed"), CURRENT),
    (pod("Running", **CRASHING), FAILED),
    (pod("Pending", **when("PodScheduled", "False", "Unschedulable", ago=15)), BUSY),
    (pod("Pending", **when("PodScheduled", "False", "Unschedulable", ago=16)), FAILED),
    (obj("batch/v1", "Job"), BUSY),
    (obj("batch/v1", "Job", {}, when("Complete")), CURRENT),
    (obj("batch/v1", "Job", {}, when("Failed")), FAILED),
    (obj("batch/v1", "Job", {"suspend": True}), CURRENT),
    (obj("batch/v1", "CronJob"), CURRENT),
    (obj("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}), CURRENT),
    (obj("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"}), BUSY),
    (obj("v1", "Service"), CURRENT),
    (obj("v1", "Service", {"type": "LoadBalancer"}), BUSY),
    (obj("v1", "Service", {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}), CURRENT),
    (obj("networking.k8s.io/v1", "Ingress"), CURRENT),
    (obj("policy/v1", "PodDisruptionBudget"), CURRENT),
    (obj("apiextensions.k8s.io/v1", "CustomResourceDefinition"), BUSY),
    (obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, when("Established")), CURRENT),
]


@pytest.mark.parametrize(("manifest", "readiness"), CASES)
def test_readiness(manifest, readiness):
    assert flux_status(manifest, NOW).readiness == readiness


def test_readiness_counts_only_once_it_is_about_what_was_applied():
    assert flux_status(rollout("Healthy"), NOW, applied_generation=3).readiness == BUSY
    assert flux_status(rollout("Healthy"), NOW, applied_generation=2).readiness == CURRENT


@pytest.mark.parametrize("rubbish", [None, "text", 7, [1], {"conditions": [None]}])
def test_a_field_of_the_wrong_shape_is_no_crash(rubbish):
    for manifest, _ in CASES:
        flux_status({**manifest, "spec": rubbish, "status": rubbish, "metadata": rubbish}, NOW)
