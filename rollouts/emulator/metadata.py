"""Object metadata: what the server fills in, keeps and refuses, the same for every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import Cause, bad_request, forbidden_field, invalid
from rollouts.emulator.names import label_value_problems, qualified_name_problems
from rollouts.emulator.patches import equal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rollouts.emulator.engine import Request
    from rollouts.emulator.resources import ResourceType

ANNOTATIONS_SIZE_MAX = 256 * 1024
ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_SYSTEM = ("uid", "creationTimestamp", "selfLink", "resourceVersion")
_DELETION = ("deletionTimestamp", "deletionGracePeriodSeconds")


def format_time(now: datetime) -> str:
    """Return an RFC 3339 time in whole seconds, as metadata holds it."""
    return (
        f"{now.year:04}-{now.month:02}-{now.day:02}T{now.hour:02}:{now.minute:02}:{now.second:02}Z"
    )


def read_metadata(manifest: Any) -> dict[str, Any]:
    """Return `metadata` of something a client sent.

    Raises:
        ApiError: 400, the object or its metadata is not a JSON object.
    """
    if not isinstance(manifest, dict):
        raise bad_request("the object provided is unrecognized (must be of type Object)")
    metadata = manifest.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise bad_request("json: cannot unmarshal value into Go struct field .metadata")
    return metadata


def unique_owners(request: Request, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata that names each owner once, and tell a client that named one twice."""
    owners = metadata.get("ownerReferences")
    if not isinstance(owners, list) or len(owners) < 2:
        return metadata
    kept: dict[Any, Any] = {}
    twice = []
    for owner in owners:
        uid = owner.get("uid") if isinstance(owner, dict) else None
        if uid in kept:
            twice.append(str(uid))
        else:
            kept[uid] = owner
    if not twice:
        return metadata
    request.warn(
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references "
        "in 1.20+, and may reject such requests as early as 1.24; please fix your requests; "
        f"duplicate UID(s) observed: {', '.join(twice)}"
    )
    return {**metadata, "ownerReferences": list(kept.values())}


def check_name(metadata: dict[str, Any], name: str) -> None:
    """Refuse an object of another name than the one in the request.

    Raises:
        ApiError: 400.
    """
    given = metadata.get("name")
    if given and given != name:
        raise bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name})"
        )


def check_namespace(rt: ResourceType, metadata: dict[str, Any], namespace: str) -> None:
    """Refuse an object whose own namespace contradicts the one in the request.

    Raises:
        ApiError: 400.
    """
    given = metadata.get("namespace") or ""
    expected = namespace if rt.namespaced else ""
    if given and given != expected:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def fresh_metadata(
    metadata: dict[str, Any], *, namespace: str, name: str, uid: str, now: str
) -> dict[str, Any]:
    """Return the metadata of a new object: the client's wishes, the server's facts."""
    result = {
        key: value
        for key, value in metadata.items()
        if value is not None and key not in _SYSTEM and key not in _DELETION
    }
    result["name"] = name
    if namespace:
        result["namespace"] = namespace
    else:
        result.pop("namespace", None)
    result["uid"] = uid
    result["creationTimestamp"] = now
    return _drop_empty(result)


def kept_metadata(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of an update: facts that a client may leave out or may not change."""
    if new is old:
        return new
    result = dict(new)
    for key in ("generation", "creationTimestamp", "deletionTimestamp", "selfLink"):
        if old.get(key) is not None:
            result[key] = old[key]
        elif key != "deletionTimestamp" and key in result:
            del result[key]
    for key in ("uid", "namespace", "deletionGracePeriodSeconds"):
        # Clients that speak Protobuf send what they leave out as an empty string.
        if result.get(key) in (None, "") and old.get(key) is not None:
            result[key] = old[key]
    result["resourceVersion"] = old["resourceVersion"]
    if "name" not in result:
        result["name"] = old["name"]
    return _drop_empty(result)


def _drop_empty(metadata: dict[str, Any]) -> dict[str, Any]:
    empty = [key for key, value in metadata.items() if value is None or value in ({}, [], "")]
    for key in empty:
        del metadata[key]
    return metadata


def metadata_causes(metadata: dict[str, Any], known: dict[str, Any] | None) -> list[Cause]:
    """Return everything wrong with labels, annotations, owners and finalizers.

    Parts that are the very objects of `known` were checked when they came in.
    """
    known = known or {}
    causes: list[Cause] = []
    for key, check in _CHECKS.items():
        value = metadata.get(key)
        if value is not None and value is not known.get(key):
            causes += check(value, f"metadata.{key}")
    return causes


def name_causes(metadata: dict[str, Any], check: Callable[[str], list[str]]) -> list[Cause]:
    """Return what is wrong with a new object's name, and with the prefix it was made from."""
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    # A prefix may end with the dash that comes before what is added.
    shown = f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix
    causes = [invalid("metadata.generateName", prefix, each) for each in check(shown) if prefix]
    return causes + [invalid("metadata.name", name, each) for each in check(name) if name]


def label_causes(labels: dict[str, Any], path: str) -> list[Cause]:
    """Return everything wrong with a map of labels."""
    return _label_causes(labels, path)


def _label_causes(labels: dict[str, Any], path: str) -> list[Cause]:
    causes = []
    for key, value in sorted(labels.items()):
        causes += [invalid(path, key, problem) for problem in qualified_name_problems(key)]
        causes += [invalid(path, value, problem) for problem in label_value_problems(str(value))]
    return causes


def _annotation_causes(annotations: dict[str, Any], path: str) -> list[Cause]:
    causes = []
    size = 0
    for key, value in sorted(annotations.items()):
        # Annotation keys may be in upper case, unlike label keys.
        causes += [invalid(path, key, problem) for problem in qualified_name_problems(key.lower())]
        size += len(key.encode()) + len(str(value).encode())
    if size > ANNOTATIONS_SIZE_MAX:
        message = f"Too long: may not be more than {ANNOTATIONS_SIZE_MAX} bytes"
        causes.append(Cause("FieldValueTooLong", path, message))
    return causes


def _owner_causes(owners: list[dict[str, Any]], path: str) -> list[Cause]:
    causes = []
    controllers: list[str] = []
    for owner in owners:
        if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
            why = "/v1, Kind=Event is disallowed from being an owner"
            causes.append(invalid(path, owner, why))
        if not owner.get("apiVersion"):
            causes.append(invalid(f"{path}.apiVersion", "", "version must not be empty"))
        causes += [
            invalid(f"{path}.{key}", "", "must not be empty")
            for key in ("kind", "name", "uid")
            if not owner.get(key)
        ]
        if owner.get("controller"):
            controllers.append(f"{owner.get('kind')}/{owner.get('name')}")
    causes += [
        invalid(
            path,
            owners,
            "Only one reference can have Controller set to true. "
            f'Found "true" in references for {controllers[0]} and {other}',
        )
        for other in controllers[1:]
    ]
    return causes


def _finalizer_causes(finalizers: list[str], path: str) -> list[Cause]:
    causes = [
        invalid(path, finalizer, problem)
        for finalizer in finalizers
        for problem in qualified_name_problems(finalizer)
    ]
    if ORPHAN in finalizers and FOREGROUND in finalizers:
        detail = f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"
        causes.append(invalid(path, finalizers, detail))
    return causes


_STANDARD_FINALIZERS = (ORPHAN, FOREGROUND, "kubernetes")

_CHECKS: dict[str, Callable[[Any, str], list[Cause]]] = {
    "labels": _label_causes,
    "annotations": _annotation_causes,
    "ownerReferences": _owner_causes,
    "finalizers": _finalizer_causes,
}


def unqualified_finalizer_causes(metadata: dict[str, Any]) -> list[Cause]:
    """Return what is wrong with the finalizers of a builtin kind beside their form."""
    return [
        invalid(
            f"metadata.finalizers[{position}]",
            finalizer,
            "name is neither a standard finalizer name nor is it fully qualified",
        )
        for position, finalizer in enumerate(metadata.get("finalizers") or ())
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS
    ]


def immutable_causes(new: dict[str, Any], old: dict[str, Any]) -> list[Cause]:
    """Return what an update tried to change that never changes."""
    causes = []
    if old.get("deletionTimestamp"):
        known = old.get("finalizers") or []
        if extra := sorted(set(new.get("finalizers") or []) - set(known)):
            listed = ", ".join(f'"{each}"' for each in extra)
            detail = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            causes.append(forbidden_field("metadata.finalizers", detail))
    causes += [
        invalid(f"metadata.{key}", new.get(key), "field is immutable")
        for key in ("name", "namespace", "uid", *_DELETION)
        if not equal(new.get(key), old.get(key))
    ]
    return causes
