"""Measure with Jobs: which Job is wanted, and what a Job and its pods say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from rollouts.actions import Delete
from rollouts.analysis.facts import (
    JOB_PROVIDER,
    RUN_UID,
    JobFacts,
    Metric,
    ObservedRun,
    RunFacts,
)
from rollouts.analysis.phase import Phase, read_phase
from rollouts.analysis.results import Result
from rollouts.api.refs import ANALYSIS_RUN, JOB, Manifest, ObjectRef

JOB_NAME = "job-name"
JOB_NAMESPACE = "job-namespace"
"""Keys of a measurement's metadata: where its Job is."""

RUN_NAME_ANNOTATION = "analysisrun.argoproj.io/name"
RUN_NAMESPACE_ANNOTATION = "analysisrun.argoproj.io/namespace"
METRIC_ANNOTATION = "analysisrun.argoproj.io/metric-name"

NAME_LENGTH_MAX = 63
"""Of a Job: its name becomes a label of its pods."""

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
"""What a container waits for whose image cannot be had: says nothing about the version."""


_UNFIT = re.compile(r"[^a-z0-9.-]+")


def is_job(metric: Metric) -> bool:
    """Tell whether a metric is measured by Jobs."""
    return metric.provider == JOB_PROVIDER


def job_name(run_uid: str, metric: str, number: int) -> str:
    """Return the name of the Job of a measurement, counted from 1.

    Differs from the peer, which cuts `<uid>.<metric>.<n>` at its end: the number must not be
    lost, or the second measurement would find the Job of the first one.
    """
    fit = _UNFIT.sub("-", metric.lower())
    name = f"{run_uid}.{fit}.{number}"
    if fit == metric and len(name) <= NAME_LENGTH_MAX:
        return name
    digest = hashlib.sha256(metric.encode()).hexdigest()[:6]
    room = NAME_LENGTH_MAX - len(f"{run_uid}.-{digest}.{number}")
    return f"{run_uid}.{fit[: max(room, 0)]}-{digest}.{number}"


def next_number(result: Result) -> int:
    """Return which measurement comes next, errors included."""
    return result.count + result.error + 1


def job_manifest(run: RunFacts, metric: Metric, number: int) -> Manifest:
    """Return the Job that takes one measurement.

    It belongs to the run and goes with it. Retries are the Job's own business: without a
    `backoffLimit` those of the server (six).
    """
    wanted = metric.query
    labels = {RUN_UID: run.uid}
    annotations = {
        RUN_NAME_ANNOTATION: run.name,
        RUN_NAMESPACE_ANNOTATION: run.namespace,
        METRIC_ANNOTATION: metric.name,
    }
    extra = wanted.get("metadata") or {}
    spec: Manifest = dict(wanted.get("spec") or {})
    template: Manifest = dict(spec.get("template") or {})
    metadata: Manifest = dict(template.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    spec["template"] = {**template, "metadata": metadata}
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": {
            "name": job_name(run.uid, metric.name, number),
            "namespace": run.namespace,
            "labels": {**(extra.get("labels") or {}), **labels},
            "annotations": {**(extra.get("annotations") or {}), **annotations},
            "ownerReferences": [
                {
                    "apiVersion": ANALYSIS_RUN.api_version,
                    "kind": ANALYSIS_RUN.kind,
                    "name": run.name,
                    "uid": run.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": spec,
    }


def read_job(manifest: Manifest) -> JobFacts:
    """Reduce a Job to how it went."""
    metadata = manifest["metadata"]
    phase, message = Phase.RUNNING, ""
    for condition in (manifest.get("status") or {}).get("conditions") or ():
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "Complete":
            phase = Phase.SUCCESSFUL
        elif condition.get("type") == "Failed":
            phase, message = Phase.FAILED, condition.get("message") or ""
    return JobFacts(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        run_uid=(metadata.get("labels") or {}).get(RUN_UID, ""),
        phase=phase,
        message=message,
    )


def pull_problem(pod: Manifest) -> str:
    """Return why an image of a pod cannot be had; empty for none."""
    status = pod.get("status") or {}
    for words in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(words) or ():
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") in PULL_REASONS:
                return f"container {container.get('name', '')!r}: {waiting['reason']}"
    return ""


def find_job(jobs: Iterable[JobFacts], metadata: Mapping[str, str]) -> JobFacts | None:
    """Return the Job that a measurement names."""
    wanted = (metadata.get(JOB_NAMESPACE, ""), metadata.get(JOB_NAME, ""))
    return next((each for each in jobs if (each.namespace, each.name) == wanted), None)


def job_outcome(job: JobFacts | None, metadata: Mapping[str, str]) -> tuple[Phase, str]:
    """Return the phase of a measurement by its Job, and why.

    Completion goes first: a pod whose image could not be had for a while may have been followed
    by one that ran.
    """
    if job is None:
        return Phase.ERROR, f"the Job {metadata.get(JOB_NAME, '')!r} is gone"
    if job.phase is not Phase.RUNNING:
        return job.phase, job.message
    if job.pull_problem:
        return Phase.INCONCLUSIVE, f"the Job {job.name!r} cannot run: {job.pull_problem}"
    return Phase.RUNNING, ""


def spare_jobs(observed: ObservedRun, status: Manifest) -> tuple[Delete, ...]:
    """Return the Jobs of a run that measure for nothing that status holds.

    Those of measurements that status no longer keeps go, and those that still run although their
    measurement has ended.
    """
    kept = _jobs_of(status) if observed.jobs else {}
    spare: list[Delete] = []
    for job in observed.jobs:
        phase = kept.get((job.namespace, job.name))
        if phase is None or (phase.is_finished and job.phase is Phase.RUNNING):
            ref = ObjectRef(JOB, job.namespace, job.name)
            spare.append(Delete(ref, job.uid, why="no measurement needs it"))
    return tuple(spare)


def _jobs_of(status: Manifest) -> Mapping[tuple[str, str], Phase]:
    found: dict[tuple[str, str], Phase] = {}
    for result in status.get("metricResults") or ():
        for measurement in result.get("measurements") or ():
            metadata = measurement.get("metadata") or {}
            if JOB_NAME in metadata:
                where = (metadata.get(JOB_NAMESPACE, ""), metadata[JOB_NAME])
                found[where] = read_phase(measurement.get("phase"))
    return found
