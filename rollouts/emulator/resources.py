"""What a served resource type is, and the registry that finds one by path or by kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.emulator.errors import ApiError, no_such_resource

if TYPE_CHECKING:
    from collections.abc import Iterator

Manifest: TypeAlias = dict[str, Any]
"""One object as JSON. Stored objects are shared: never change one in place."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a custom resource keeps what its scale subresource shows, as `.spec.replicas` paths."""

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    label_selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """One resource in one served version.

    `schema` is the OpenAPI schema of a custom resource (None for built-in types), `storage_version`
    the version objects are kept in, `stored_as` the table that all versions of a type share. Two
    lookups of a type that did not change give the same object, so identity is equality.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    list_kind: str = ""
    schema: dict[str, Any] | None = None
    printer_columns: tuple[dict[str, Any], ...] = ()
    storage_version: str = ""
    served_versions: tuple[str, ...] = ()
    custom: bool = False
    scale: ScalePaths | None = None
    selectable_fields: tuple[str, ...] = ()
    verbs: tuple[str, ...] = (
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    )
    api_version: str = field(init=False)
    group_resource: str = field(init=False)
    key: str = field(init=False)
    stored_as: str = ""

    def __post_init__(self) -> None:
        computed = {
            "api_version": f"{self.group}/{self.version}" if self.group else self.version,
            "group_resource": f"{self.plural}.{self.group}" if self.group else self.plural,
            "key": f"{self.group}/{self.version}/{self.plural}",
            "list_kind": self.list_kind or f"{self.kind}List",
            "storage_version": self.storage_version or self.version,
            "stored_as": self.stored_as
            or (f"{self.plural}.{self.group}" if self.group else self.plural),
        }
        for name, value in computed.items():
            object.__setattr__(self, name, value)

    def has_subresource(self, name: str) -> bool:
        """Tell whether `/<name>` of an object of this type is served."""
        return name in self.subresources


class Registry:
    """All served types, found by URL path (group, version, plural) or by kind."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], ResourceType] = {}
        self._by_kind: dict[tuple[str, str], ResourceType] = {}

    def install(self, rt: ResourceType) -> None:
        """Serve a type, in place of an older definition of it."""
        old = self._by_path.get((rt.group, rt.version, rt.plural))
        if old is not None:
            self.uninstall(old)
        self._by_path[(rt.group, rt.version, rt.plural)] = rt
        self._by_kind[(rt.api_version, rt.kind)] = rt

    def uninstall(self, rt: ResourceType) -> None:
        """Stop serving a type."""
        self._by_path.pop((rt.group, rt.version, rt.plural), None)
        self._by_kind.pop((rt.api_version, rt.kind), None)

    def by_path(self, group: str, version: str, plural: str) -> ResourceType:
        """Return the type behind a URL.

        Raises:
            ApiError: 404, nothing is served there.
        """
        found = self._by_path.get((group, version, plural))
        if found is None:
            raise no_such_resource(custom=not self._has_builtin(group))
        return found

    def _has_builtin(self, group: str) -> bool:
        return any(rt.group == group and not rt.custom for rt in self._by_path.values())

    def by_kind(self, api_version: str, kind: str) -> ResourceType:
        """Return the type of a manifest.

        Raises:
            ApiError: 404; the message is the one kubectl shows for an unknown kind.
        """
        found = self._by_kind.get((api_version, kind))
        if found is None:
            message = f'no matches for kind "{kind}" in version "{api_version}"'
            raise ApiError(404, "NotFound", message)
        return found

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(tuple(self._by_path.values()))
