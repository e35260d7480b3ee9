"""URL paths of the API: which resource a request is about, and with which verb."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names. Empty parts are those that it leaves out."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def group_version(self) -> str:
        """Return `group/version`, or the bare version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


def read_path(path: str) -> Target | None:
    """Read `/api/v1/...` and `/apis/group/version/...`; None when it names no resource."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    match parts:
        case ["api", version, plural, *rest]:
            group = ""
        case ["apis", group, version, plural, *rest] if group:
            pass
        case _:
            return None
    if not all((version, plural, *rest)):
        return None
    return _read_rest(group, version, plural, rest)


def _read_rest(group: str, version: str, plural: str, rest: list[str]) -> Target:
    # `namespaces/x` is an object and `namespaces/x/status` a part of it; with any other word
    # behind it the namespace is only where the resource is.
    namespace = ""
    if plural == "namespaces" and len(rest) > 1:
        own_part = not group and rest[1] in {"status", "finalize"} and len(rest) == 2
        if not own_part:
            namespace, plural, *rest = rest
    name = rest[0] if rest else ""
    return Target(group, version, plural, namespace, name, "/".join(rest[1:]))


_OBJECT_VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_COLLECTION_VERBS = {
    "GET": "list",
    "HEAD": "list",
    "POST": "create",
    "DELETE": "deletecollection",
}


def verb_of(method: str, target: Target, *, watching: bool) -> str:
    """Return the API verb of a request; empty when the method does not fit the path."""
    verbs = _OBJECT_VERBS if target.name else _COLLECTION_VERBS
    verb = verbs.get(method, "")
    if watching and verb in {"get", "list"} and not target.subresource:
        return "watch"
    return verb
