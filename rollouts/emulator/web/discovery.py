"""Discovery documents: which groups, versions and resources are served, in both forms."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from rollouts.emulator.resources import ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollouts.emulator.resources import Manifest

SERVER_VERSION = "v1.33.0"
"""Within one minor version of kubectl 1.32 to 1.34, so that none of them warns of a skew."""

CREATE_ONLY = ("create",)
SUBRESOURCE_VERBS = ("get", "patch", "update")


def _review(group: str, kind: str, plural: str, *, namespaced: bool = False) -> ResourceType:
    return ResourceType(
        group, "v1", kind, plural, kind.lower(), namespaced=namespaced, verbs=CREATE_ONLY
    )


REVIEWS: tuple[ResourceType, ...] = (
    _review("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
    _review("authentication.k8s.io", "TokenReview", "tokenreviews"),
    _review(
        "authorization.k8s.io",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        namespaced=True,
    ),
    _review("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    _review("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    _review("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews"),
)
"""Questions that are answered and not stored."""


def version_document(version: str) -> Manifest:
    """Return the answer of `/version` of a server of that version."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    return {
        "major": major,
        "minor": minor,
        "gitVersion": version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "embedded",
    }


def core_versions() -> Manifest:
    """Return the plain answer of `/api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(types: Iterable[ResourceType]) -> Manifest:
    """Return the plain answer of `/apis`."""
    groups = [_group(group, versions) for group, versions in _by_group(types).items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group_document(types: Iterable[ResourceType], group: str) -> Manifest | None:
    """Return the answer of `/apis/GROUP`, or None when it is not served."""
    versions = _by_group(types).get(group)
    if versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}


def resource_list(types: Iterable[ResourceType], group: str, version: str) -> Manifest | None:
    """Return the plain list of the resources of a version, or None when it is not served."""
    served = _by_group(types).get(group, {}).get(version)
    if served is None:
        return None
    resources: list[Manifest] = []
    for rt in served:
        resources.append(_plain_resource(rt))
        resources += [_plain_subresource(rt, name) for name in _subresources(rt)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def aggregated(types: Iterable[ResourceType], *, core: bool) -> Manifest:
    """Return the aggregated answer of `/api` (`core`) or `/apis`."""
    groups = {
        group: versions for group, versions in _by_group(types).items() if (not group) is core
    }
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated_resource(rt) for rt in served],
                        "freshness": "Current",
                    }
                    for version, served in versions.items()
                ],
            }
            for group, versions in groups.items()
        ],
    }


def _by_group(types: Iterable[ResourceType]) -> dict[str, dict[str, list[ResourceType]]]:
    """Sort types into groups and versions; the preferred version comes first."""
    groups: dict[str, dict[str, list[ResourceType]]] = {}
    for rt in (*types, *REVIEWS):
        groups.setdefault(rt.group, {}).setdefault(rt.version, []).append(rt)
    return {
        group: dict(sorted(versions.items(), key=lambda pair: _priority(pair[0])))
        for group, versions in groups.items()
    }


_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STAGES = {None: 0, "beta": 1, "alpha": 2}


def _priority(version: str) -> tuple[int, int, int, str]:
    """Order versions as the API does: final ones first, higher numbers first, then the odd."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (3, 0, 0, version)
    return (_STAGES[found[2]], -int(found[1]), -int(found[3] or 0), "")


def _group(group: str, versions: Iterable[str]) -> Manifest:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _subresources(rt: ResourceType) -> list[str]:
    names = set(rt.subresources)
    if (rt.group, rt.plural) == ("", "pods"):
        names |= {"binding", "eviction", "log"}
    return sorted(names)


def _subresource_kind(rt: ResourceType, name: str) -> tuple[str, str, str]:
    """Return group, version and kind of what a subresource speaks."""
    match name:
        case "scale":
            return "autoscaling", "v1", "Scale"
        case "eviction":
            return "policy", "v1", "Eviction"
        case "binding":
            return "", "v1", "Binding"
    return rt.group, rt.version, rt.kind


def _subresource_verbs(name: str) -> list[str]:
    match name:
        case "log":
            return ["get"]
        case "eviction" | "binding":
            return ["create"]
        case "finalize":
            return ["update"]
    return list(SUBRESOURCE_VERBS)


def _plain_resource(rt: ResourceType) -> Manifest:
    resource: Manifest = {
        "name": rt.plural,
        "singularName": rt.singular,
        "namespaced": rt.namespaced,
        "kind": rt.kind,
        "verbs": sorted(rt.verbs),
    }
    if rt.verbs != CREATE_ONLY:
        resource["storageVersionHash"] = _storage_hash(rt)
    if rt.short_names:
        resource["shortNames"] = list(rt.short_names)
    if rt.categories:
        resource["categories"] = list(rt.categories)
    return resource


def _storage_hash(rt: ResourceType) -> str:
    """Return what tells clients that objects are stored in another form than before."""
    text = f"{rt.group}/{rt.storage_version}/{rt.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _plain_subresource(rt: ResourceType, name: str) -> Manifest:
    group, version, kind = _subresource_kind(rt, name)
    resource: Manifest = {
        "name": f"{rt.plural}/{name}",
        "singularName": "",
        "namespaced": rt.namespaced,
        "kind": kind,
        "verbs": _subresource_verbs(name),
    }
    if (group, version) != (rt.group, rt.version):
        resource |= {"group": group, "version": version}
    return resource


def _aggregated_resource(rt: ResourceType) -> Manifest:
    resource: Manifest = {
        "resource": rt.plural,
        "responseKind": {"group": rt.group, "version": rt.version, "kind": rt.kind},
        "scope": "Namespaced" if rt.namespaced else "Cluster",
        "singularResource": rt.singular,
        "verbs": sorted(rt.verbs),
    }
    if rt.short_names:
        resource["shortNames"] = list(rt.short_names)
    if rt.categories:
        resource["categories"] = list(rt.categories)
    names = _subresources(rt)
    if names:
        resource["subresources"] = [_aggregated_subresource(rt, name) for name in names]
    return resource


def _aggregated_subresource(rt: ResourceType, name: str) -> Manifest:
    group, version, kind = _subresource_kind(rt, name)
    return {
        "subresource": name,
        "responseKind": {"group": group, "version": version, "kind": kind},
        "verbs": _subresource_verbs(name),
    }
