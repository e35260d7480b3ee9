"""Jobs: runs pods to their end and says how it went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rollouts.emulator.actors.actor import KeyedActor
from rollouts.emulator.actors.behaviour import BACK_OFF_FIRST
from rollouts.emulator.actors.facts import (
    CONTROLLER_MANAGER,
    MERGE_PATCH,
    condition,
    controller_ref,
    controller_uid,
    name_suffix,
    owner_reference,
    parse_time,
    status_patch,
)
from rollouts.emulator.actors.job_status import Progress, count_job, job_status
from rollouts.emulator.actors.view import Change, Key, Manifest, View, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollouts.emulator.actors.events import Recorder
    from rollouts.emulator.server import ApiServer

COMPONENT = "job-controller"
BACK_OFF_LAST = timedelta(minutes=10)


class JobController(KeyedActor):
    """Completions, parallelism, back-off, deadlines, suspension and clean-up after a time.

    Indexed completion, pod failure policies and per-index limits are not played.
    """

    def __init__(self, server: ApiServer, *, recorder: Recorder | None = None) -> None:
        self._server = server
        self._recorder = recorder
        self._made: dict[str, int] = {}
        self._jobs = View(server, server.resource("batch", "v1", "jobs"))
        self._pods = View(server, server.resource("", "v1", "pods"), index=controller_uid)
        super().__init__(self._jobs, self._pods)

    def keys(self, view: View, change: Change) -> Iterable[Key]:
        """Name the Job that changed, or whose pod did."""
        latest = change.latest
        if view is self._jobs:
            if change.new is None:
                self._made.pop(latest["metadata"]["uid"], None)
            return (key_of(latest),)
        ref = controller_ref(latest)
        if ref is None or ref["kind"] != "Job":
            return ()
        return ((key_of(latest)[0], ref["name"]),)

    def reconcile(self, key: Key, now: datetime) -> datetime | None:
        """Start, stop or count pods, and write status."""
        job = self._jobs.get(key)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        if is_finished(job):
            return self._clean_up(job, now)
        pods = self._pods.indexed(job["metadata"]["uid"])
        progress = count_job(job, pods, now)
        wake = progress.deadline
        if progress.outcome is not None or progress.suspended:
            self._stop(progress.running)
        elif progress.running_surplus:
            self._stop(progress.running[-progress.running_surplus :])
        elif progress.missing:
            starts_at = self._next_start(progress)
            if starts_at is not None and now < starts_at:
                wake = min(wake, starts_at) if wake is not None else starts_at
            else:
                for _ in range(progress.missing):
                    self._create_pod(job, now)
        patch = status_patch(job, job_status(job, progress, now))
        if patch:
            self._server.patch(
                self._jobs.resource,
                *key,
                {"status": patch},
                MERGE_PATCH,
                subresource="status",
                field_manager=CONTROLLER_MANAGER,
            )
        if progress.outcome is not None:
            self._tell(job, progress, now)
        return wake

    def _next_start(self, progress: Progress) -> datetime | None:
        """Return when the delay after the last failure is over; None without failures."""
        if progress.last_failure is None:
            return None
        delay = min(BACK_OFF_FIRST * (1 << min(progress.failed - 1, 10)), BACK_OFF_LAST)
        return progress.last_failure + delay

    def _create_pod(self, job: Manifest, now: datetime) -> None:
        metadata, template = job["metadata"], job["spec"]["template"]
        uid, name = metadata["uid"], metadata["name"]
        count = self._made[uid] = self._made.get(uid, 0) + 1
        template_metadata = template.get("metadata") or {}
        labels = {
            **(template_metadata.get("labels") or {}),
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
            "controller-uid": uid,
            "job-name": name,
        }
        pod_metadata: Manifest = {
            "name": f"{name}-{name_suffix(5, uid, count)}",
            "generateName": f"{name}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(job)],
        }
        if template_metadata.get("annotations"):
            pod_metadata["annotations"] = template_metadata["annotations"]
        spec = template["spec"]
        if spec.get("restartPolicy") not in {"Never", "OnFailure"}:
            spec = {**spec, "restartPolicy": "Never"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": pod_metadata, "spec": spec}
        created = self._server.create(
            self._pods.resource, metadata["namespace"], pod, field_manager=CONTROLLER_MANAGER
        )
        if self._recorder is not None:
            message = f"Created pod: {created['metadata']['name']}"
            self._recorder.record(job, "SuccessfulCreate", message, now=now, component=COMPONENT)

    def _stop(self, pods: Sequence[Manifest]) -> None:
        for pod in pods:
            if "deletionTimestamp" not in pod["metadata"]:
                uid = pod["metadata"]["uid"]
                self._server.delete(self._pods.resource, *key_of(pod), uid=uid)

    def _clean_up(self, job: Manifest, now: datetime) -> datetime | None:
        """Delete a finished Job once its time to live is over."""
        limit = job["spec"].get("ttlSecondsAfterFinished")
        if limit is None:
            return None
        ended = condition(job, "Complete") or condition(job, "Failed")
        assert ended is not None
        due = parse_time(ended["lastTransitionTime"]) + timedelta(seconds=limit)
        if now < due:
            return due
        self._server.delete(self._jobs.resource, *key_of(job), uid=job["metadata"]["uid"])
        return None

    def _tell(self, job: Manifest, progress: Progress, now: datetime) -> None:
        if self._recorder is None or progress.outcome is None:
            return
        succeeded = progress.outcome.kind == "Complete"
        self._recorder.record(
            job,
            "Completed" if succeeded else progress.outcome.reason,
            progress.outcome.message,
            now=now,
            component=COMPONENT,
            kind="Normal" if succeeded else "Warning",
        )


def is_finished(job: Manifest) -> bool:
    """Tell whether a Job has completed or failed for good."""
    return any(
        entry is not None and entry["status"] == "True"
        for entry in (condition(job, "Complete"), condition(job, "Failed"))
    )
