"""GitRepository and HelmRepository: what a look at a remote means for their status."""

from __future__ import annotations

from datetime import datetime

from rollouts.api.git_repository import GitRepository
from rollouts.api.helm_repository import HelmRepository
from rollouts.api.refs import Manifest
from rollouts.api.times import format_time
from rollouts.gitops.frontends.documents import condition, condition_list, shorten, without_none
from rollouts.gitops.source import (
    AuthenticationFailed,
    Revision,
    RevisionNotFound,
    RevisionRef,
    SourceError,
    SourceRefused,
)

_OWN = ("Ready", "Reconciling", "Stalled", "ArtifactInStorage", "FetchFailed")


def read_ref(repository: GitRepository) -> RevisionRef:
    """Return which commit a GitRepository wants; without any word, the branch `master`."""
    ref = repository.spec.ref
    return RevisionRef(
        branch=repository.branch,
        tag=ref.tag,
        semver=ref.semver,
        name=ref.name,
        commit=ref.commit,
    )


def reason_of(error: SourceError) -> str:
    """Return Flux's word for a failure."""
    match error:
        case AuthenticationFailed():
            return "AuthenticationFailed"
        case SourceRefused():
            return "URLInvalid"
        case RevisionNotFound():
            return "ReferenceNotFound"
        case _:
            return "GitOperationFailed"


def fetched_git(
    repository: GitRepository, previous: Manifest, revision: Revision, *, now: datetime
) -> Manifest:
    """Return the status after a commit was found and stored."""
    metadata = repository.metadata
    text = f"stored artifact for revision '{revision.flux}'"
    path = f"gitrepository/{metadata.namespace}/{metadata.name}/{revision.commit}"
    artifact = _artifact(previous, revision.flux, path=path, url=repository.spec.url, now=now)
    if repository.spec.ignore is not None:
        previous = {**previous, "observedIgnore": repository.spec.ignore}
    return _stored(previous, artifact, text, generation=metadata.generation, now=now)


def fetched_index(
    repository: HelmRepository, previous: Manifest, checksum: str, *, size: int, now: datetime
) -> Manifest:
    """Return the status after an index of charts was read."""
    metadata = repository.metadata
    revision = f"sha256:{checksum}"
    path = f"helmrepository/{metadata.namespace}/{metadata.name}/index-{checksum}.yaml"
    artifact = _artifact(previous, revision, path=path, url=repository.spec.url, now=now)
    artifact.update({"digest": revision, "size": size})
    text = f"stored artifact: revision '{revision}'"
    return _stored(previous, artifact, text, generation=metadata.generation, now=now)


def failed(
    previous: Manifest, *, reason: str, message: str, generation: int, stalled: bool, now: datetime
) -> Manifest:
    """Return the status after a failure; the artifact of an earlier look keeps serving."""
    conditions = [
        condition("Ready", "False", reason, message, generation=generation),
        condition("FetchFailed", "True", reason, message, generation=generation),
    ]
    if stalled:
        conditions.append(condition("Stalled", "True", reason, message, generation=generation))
    else:
        text = f"trying again: {shorten(message)}"
        conditions.append(
            condition("Reconciling", "True", "ProgressingWithRetry", text, generation=generation)
        )
    if previous.get("artifact"):
        revision = (previous["artifact"] or {}).get("revision", "")
        text = f"stored artifact for revision '{revision}'"
        conditions.append(
            condition("ArtifactInStorage", "True", "Succeeded", text, generation=generation)
        )
    return _with(previous, conditions, generation, now)


def static(previous: Manifest, *, generation: int, now: datetime) -> Manifest:
    """Return the status of a registry, which has nothing to fetch."""
    text = "the repository is a registry: charts are fetched when they are used"
    conditions = [condition("Ready", "True", "Succeeded", text, generation=generation)]
    return _with(previous, conditions, generation, now)


def handled(status: Manifest, requested_at: str) -> Manifest:
    """Return the status with the request that it answers."""
    return {**status, "lastHandledReconcileAt": requested_at} if requested_at else status


def _artifact(previous: Manifest, revision: str, *, path: str, url: str, now: datetime) -> Manifest:
    """Return the artifact; its time is that of its first sight.

    Nothing is served over HTTP, so `url` says where the content comes from.
    """
    before = previous.get("artifact") or {}
    since = before.get("lastUpdateTime") if before.get("revision") == revision else None
    return {
        "revision": revision,
        "path": path,
        "url": url,
        "lastUpdateTime": since or format_time(now),
    }


def _stored(
    previous: Manifest, artifact: Manifest, text: str, *, generation: int, now: datetime
) -> Manifest:
    conditions = [
        condition("Ready", "True", "Succeeded", text, generation=generation),
        condition("ArtifactInStorage", "True", "Succeeded", text, generation=generation),
    ]
    return {**_with(previous, conditions, generation, now), "artifact": artifact}


def _with(
    previous: Manifest, conditions: list[Manifest], generation: int, now: datetime
) -> Manifest:
    """Return a status with our conditions renewed; those of other writers stay."""
    known = [each for each in previous.get("conditions") or [] if isinstance(each, dict)]
    foreign = [each for each in known if each.get("type") not in _OWN]
    return without_none(
        {
            **previous,
            "observedGeneration": generation,
            "conditions": [*condition_list(known, conditions, now), *foreign],
        }
    )
