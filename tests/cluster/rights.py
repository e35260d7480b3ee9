"""Which rights a chart grants to its service account, and which of them a controller has used.

Pure: rendered manifests and lines of an audit log in, sets out. The rules are those of the API
server's RBAC authorizer: a resource includes its subresource, `*` means all, a rule with names
covers these names alone, and a Role counts in the namespace of its binding.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import yaml

Document: TypeAlias = Mapping[str, Any]

ANY = "*"
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource, or on one path.

    Attributes:
        resource: the plural, with the subresource after a slash; empty for a path.
        namespace: where; empty for everywhere, as for kinds without a namespace.
        name: of the only object that is meant; empty for all.
        path: of a request that is about no resource, such as /version.
    """

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{self.verb} {self.path}"
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        name = f" {self.name}" if self.name else ""
        return f"{self.verb} {kind}{name} in {self.namespace or 'all namespaces'}"

    def covers(self, used: Right) -> bool:
        """Tell whether a granted right allows what was done."""
        if self.verb not in (ANY, used.verb):
            return False
        if self.path or used.path:
            return bool(self.path and used.path) and _path_matches(self.path, used.path)
        return (
            self.group in (ANY, used.group)
            and _resource_matches(self.resource, used.resource)
            and self.namespace in ("", used.namespace)
            and self.name in ("", used.name)
        )


GRANTED_TO_ALL = frozenset(
    {
        Right("get", path=path)
        for path in (
            "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version",
            "/version/", "/healthz", "/livez", "/readyz",
        )
    }
    | {
        Right("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
        Right("create", "authorization.k8s.io", "selfsubjectrulesreviews"),
        Right("create", "authentication.k8s.io", "selfsubjectreviews"),
    }
)  # fmt: skip
"""What every cluster grants to whoever has logged in (system:discovery, system:basic-user)."""


def documents_of(rendered: str) -> list[dict[str, Any]]:
    """Return the objects of a rendered chart; the definitions are long, so libyaml reads them."""
    return [each for each in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if each]


def service_accounts(rendered: str) -> list[tuple[str, str]]:
    """Return namespace and name of the service accounts that a rendered chart's pods run as."""
    found: dict[tuple[str, str], None] = {}
    for each in documents_of(rendered):
        if each["kind"] == "Deployment":
            name = each["spec"]["template"]["spec"]["serviceAccountName"]
            found[each["metadata"]["namespace"], name] = None
    return list(found)


def user_of(rendered: str) -> str:
    """Return the user that the API server sees when the rendered controller speaks to it."""
    ((namespace, name),) = service_accounts(rendered)
    return f"system:serviceaccount:{namespace}:{name}"


def rules_of(rendered: str) -> set[Right]:
    """Return the rights that a rendered chart grants to the controller's service account.

    Roles that are bound to nobody, or to others, grant it nothing.

    Raises:
        KeyError: a binding refers to a Role that the chart does not render.
    """
    documents = documents_of(rendered)
    roles = {_role_key(each): each for each in documents if each["kind"] in _ROLES}
    user = user_of(rendered)
    granted: set[Right] = set()
    for binding in documents:
        if binding["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        if user not in {_subject(each, binding) for each in binding.get("subjects") or ()}:
            continue
        is_local = binding["kind"] == "RoleBinding"
        namespace = binding["metadata"]["namespace"] if is_local else ""
        ref = binding["roleRef"]
        home = namespace if ref["kind"] == "Role" else ""
        for rule in roles[ref["kind"], home, ref["name"]].get("rules") or ():
            granted.update(_expand(rule, namespace))
    return granted


def used(audit_lines: Iterable[str], user: str) -> set[Right]:
    """Return the rights that a user's requests needed, whether they were granted or not."""
    found: set[Right] = set()
    for line in audit_lines:
        if line.strip():
            event = json.loads(line)
            if event["user"]["username"] == user:
                found.update(_needs(event))
    return found


def right_of_request(method: str, url: str) -> Right:
    """Return the right that a request needs, by the rules of the API server's request info."""
    address = urlsplit(url)
    query = parse_qs(address.query)
    parts = address.path.strip("/").split("/")
    is_core = parts[0] == "api"
    skipped = 2 if is_core else 3
    if parts[0] not in {"api", "apis"} or len(parts) <= skipped:
        return Right(_VERBS[method], path=address.path)
    group, rest = ("" if is_core else parts[1]), parts[skipped:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        rest = rest[2:] or rest
    name = rest[1] if len(rest) > 1 else ""
    resource = "/".join((rest[0], *rest[2:3]))
    verb = _VERBS[method]
    if verb == "get" and not name:
        verb = "watch" if query.get("watch", [""])[0] in {"1", "true"} else "list"
    if verb == "delete" and not name:
        verb = "deletecollection"
    return Right(verb, group, resource, namespace, name)


def missing(used_rights: Iterable[Right], granted: Iterable[Right]) -> set[Right]:
    """Return what was done, or tried, without a right to it."""
    rules = {*granted, *GRANTED_TO_ALL}
    return {each for each in used_rights if not any(rule.covers(each) for rule in rules)}


def unused(used_rights: Iterable[Right], granted: Iterable[Right]) -> set[Right]:
    """Return the granted rights that nothing needed."""
    done = set(used_rights)
    return {rule for rule in granted if not any(rule.covers(each) for each in done)}


_ROLES = {"Role", "ClusterRole"}


def _role_key(role: Document) -> tuple[str, str, str]:
    metadata = role["metadata"]
    home = metadata["namespace"] if role["kind"] == "Role" else ""
    return role["kind"], home, metadata["name"]


def _subject(subject: Document, binding: Document) -> str:
    if subject["kind"] != "ServiceAccount":
        return str(subject["name"])
    namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
    return f"system:serviceaccount:{namespace}:{subject['name']}"


def _expand(rule: Document, namespace: str) -> Iterator[Right]:
    """Return a right for each combination that a rule spells out."""
    for verb in rule["verbs"]:
        for path in rule.get("nonResourceURLs") or ():
            # Paths are in no namespace: a RoleBinding cannot grant them.
            if not namespace:
                yield Right(verb, path=path)
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    yield Right(verb, group, resource, namespace, name)


def _needs(event: Document) -> Iterator[Right]:
    verb, about = event["verb"], event.get("objectRef")
    if not about or not about.get("resource"):
        yield Right(verb, path=urlsplit(event["requestURI"]).path)
        return
    parts = (about["resource"], about.get("subresource", ""))
    resource = "/".join(part for part in parts if part)
    group, namespace = about.get("apiGroup", ""), about.get("namespace", "")
    # The log takes the name of what was created from the body, which the authorizer never sees.
    is_named = verb != "create" or bool(about.get("subresource"))
    name = about.get("name", "") if is_named else ""
    yield Right(verb, group, resource, namespace, name)
    code = (event.get("responseStatus") or {}).get("code")
    if verb == "patch" and code == 201:
        # An apply that makes the object is asked for the right to create it as well.
        yield Right("create", group, resource, namespace, name)


def _path_matches(rule: str, path: str) -> bool:
    if rule.endswith(ANY):
        return path.startswith(rule[:-1])
    return rule == path


def _resource_matches(rule: str, resource: str) -> bool:
    if rule in (ANY, resource):
        return True
    return rule.startswith("*/") and resource.endswith(rule[1:])
