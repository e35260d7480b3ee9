"""Random streams of requests, the same for every back end, and answers made comparable."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

from contract.api import APPLY, JSON, MERGE, STRATEGIC, Refused, Type
from contract.kinds import (
    BUDGETS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    GADGET,
    INGRESSES,
    JOBS,
    REPLICA_SETS,
    SECRETS,
    SERVICES,
    budget,
    config_map,
    deployment,
    gadget,
    replica_set,
    service,
)

KINDS = (
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    REPLICA_SETS,
    DEPLOYMENTS,
    INGRESSES,
    GADGET,
    JOBS,
    BUDGETS,
)
SCALED = (REPLICA_SETS, DEPLOYMENTS, GADGET)
WITH_STATUS = (REPLICA_SETS, DEPLOYMENTS, GADGET, BUDGETS)
NAMES = ("one", "two")
MANAGERS = ("alice", "bob")
TEAM = "team=a"
"""What a deletion of a collection picks: a change gives this label."""
VERBS = ("create", "get", "list", "update", "patch", "apply", "delete", "deletecollection")
SUBRESOURCES = ("scale", "status")
PATCHES = (MERGE, JSON, STRATEGIC)
REASONS = (
    "",
    "AlreadyExists",
    "BadRequest",
    "Conflict",
    "Invalid",
    "NotFound",
    "UnsupportedMediaType",
)
"""Every kind of answer that a batch of streams has to bring about, success first."""

BASES = {
    CONFIG_MAPS: config_map,
    SERVICES: service,
    REPLICA_SETS: replica_set,
    DEPLOYMENTS: deployment,
    GADGET: gadget,
    BUDGETS: budget,
}


def secret(name: str) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"key": "AAAA"}}


def job(name: str) -> dict[str, Any]:
    container = {"name": "run", "image": "run:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    metadata = {"name": name}
    spec = {"template": template, "suspend": True}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def ingress(name: str) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "a.example", "http": {"paths": [_path("/", backend)]}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
    }


def _path(path: str, backend: dict[str, Any]) -> dict[str, Any]:
    return {"path": path, "pathType": "Prefix", "backend": backend}


def base(kind: Type, name: str) -> dict[str, Any]:
    made = {INGRESSES: ingress, SECRETS: secret, JOBS: job, **BASES}
    return made[kind](name)


_POD = "spec.template.spec"
CHANGES: dict[Type, tuple[dict[str, Any], ...]] = {
    CONFIG_MAPS: (
        {"data": {"key": "other"}},
        {"data": {"more": "words", "key": None}},
        {"data": None},
        {"binaryData": {"b": "AAAA"}},
        {"immutable": True},
        {"data": {"bad key": "x"}},
        {"data": {"number": 7}},
    ),
    SERVICES: (
        {"spec": {"selector": {"app": "web", "tier": "front"}}},
        {"spec": {"selector": {"app": None}}},
        {"spec": {"ports": [{"port": 80}, {"port": 81, "name": "b"}]}},
        {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}},
        {"spec": {"ports": []}},
        {"spec": {"type": "ExternalName", "externalName": "a.example"}},
        {"spec": {"type": "Nonsense"}},
        {"spec": {"sessionAffinity": "ClientIP"}},
        {"spec": {"ports": [{"port": 70000}]}},
    ),
    REPLICA_SETS: (
        {"spec": {"replicas": 3}},
        {"spec": {"replicas": -1}},
        {"spec": {"minReadySeconds": 5}},
        {"spec": {"selector": {"matchLabels": {"app": "other"}}}},
        {"spec": {"template": {"metadata": {"labels": {"app": "web", "v": "2"}}}}},
        {"spec": {"replicas": None}},
    ),
    DEPLOYMENTS: (
        {"spec": {"replicas": 2}},
        {"spec": {"paused": True}},
        {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
        {"spec": {"strategy": {"type": "Recreate"}}},
        {"spec": {"revisionHistoryLimit": 3}},
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}},
        {"spec": {"template": {"metadata": {"labels": {"app": "else"}}}}},
    ),
    INGRESSES: (
        {"spec": {"rules": []}},
        {"spec": {"rules": [{"host": "b.example"}]}},
        {"spec": {"rules": [{"host": "*.*.example"}]}},
        {"spec": {"ingressClassName": None}},
        {"spec": {"defaultBackend": {"service": {"name": "x", "port": {"name": "http"}}}}},
        {"spec": {"tls": [{"hosts": ["a.example"], "secretName": "s"}]}},
    ),
    SECRETS: (
        {"data": {"key": "BBBB"}},
        {"data": {"key": "not base64!"}},
        {"stringData": {"more": "words"}},
        {"type": "Other"},
        {"immutable": True},
    ),
    JOBS: (
        {"spec": {"suspend": False}},
        {"spec": {"parallelism": 3}},
        {"spec": {"completions": 2}},
        {"spec": {"backoffLimit": -1}},
        {"spec": {"ttlSecondsAfterFinished": 5}},
        {"spec": {"template": {"spec": {"restartPolicy": "Always"}}}},
    ),
    BUDGETS: (
        {"spec": {"minAvailable": "50%"}},
        {"spec": {"maxUnavailable": 1}},
        {"spec": {"minAvailable": None, "maxUnavailable": 1}},
        {"spec": {"minAvailable": -1}},
        {"spec": {"selector": {"matchLabels": {"app": "other"}}}},
    ),
    GADGET: (
        {"spec": {"replicas": 2}},
        {"spec": {"replicas": -2}},
        {"spec": {"mode": "Slow"}},
        {"spec": {"mode": "Warp"}},
        {"spec": {"ports": [{"name": "a", "number": 1}]}},
        {"spec": {"ports": [{"name": "b", "number": 2}, {"name": "a", "number": 3}]}},
        {"spec": {"ports": [{"number": 1}]}},
        {"spec": {"tags": ["x", "y"]}},
        {"spec": {"atoms": ["x", "x"]}},
        {"spec": {"free": {"deep": {"er": [1, {"a": None}]}}}},
        {"spec": {"either": "10%"}},
        {"spec": {"either": 5}},
        {"spec": {"unknown": 1}},
        {"spec": None},
        {"spec": {"mode": None}},
        {"spec": {"parts": [{}, {"kind": "nut", "size": {"value": None}}]}},
        {"spec": {"note": "TOO LONG"}},
        {"status": {"anything": 1}},
    ),
}
OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
COMMON: tuple[dict[str, Any], ...] = (
    {"metadata": {"labels": {"team": "a"}}},
    {"metadata": {"labels": {"team": None}}},
    {"metadata": {"annotations": {"note": "x" * 5}}},
    {"metadata": {"labels": {"a b": "c"}}},
    {"metadata": {"finalizers": ["example.com/hold"]}},
    {"metadata": {"finalizers": []}},
    {"metadata": {"finalizers": None}},
    {"metadata": {"name": "three"}},
    {"metadata": {"ownerReferences": [OWNER, OWNER]}},
    {"metadata": {"generation": 7}},
)
STATUSES: dict[Type, tuple[dict[str, Any], ...]] = {
    REPLICA_SETS: (
        {"status": {"replicas": 2, "readyReplicas": 1, "observedGeneration": 1}},
        {"status": {"replicas": 1, "availableReplicas": 3}},
        {"status": {"replicas": -1}},
        {"status": {"replicas": 1}, "spec": {"replicas": 9}, "metadata": {"labels": {"s": "t"}}},
    ),
    DEPLOYMENTS: (
        {"status": {"replicas": 2, "updatedReplicas": 1, "observedGeneration": 1}},
        {"status": {"conditions": [{"type": "Available", "status": "True"}]}},
    ),
    BUDGETS: ({"status": {"disruptionsAllowed": 1, "observedGeneration": 1}},),
    GADGET: (
        {"status": {"replicas": 1, "selector": "app=x"}},
        {"status": {"replicas": "x"}},
        {"status": None},
        {"status": {"phase": "x"}, "spec": {"replicas": 9}, "metadata": {"labels": {"s": "t"}}},
    ),
}
SCALES: tuple[Any, ...] = (
    {"spec": {"replicas": 5}},
    {"spec": {"replicas": 0}},
    {"spec": {"replicas": -1}},
    {"spec": {"replicas": "x"}},
    {"spec": {"replicas": None}},
)
OPERATIONS: tuple[list[dict[str, Any]], ...] = (
    [{"op": "add", "path": "/metadata/labels", "value": {"json": "yes"}}],
    [{"op": "replace", "path": "/metadata/labels/json", "value": "no"}],
    [{"op": "remove", "path": "/metadata/labels/json"}],
    [{"op": "test", "path": "/metadata/name", "value": "one"}],
    [{"op": "test", "path": "/metadata/labels/json", "value": "yes"}],
    [{"op": "copy", "from": "/metadata/name", "path": "/metadata/annotations"}],
    [{"op": "add", "path": "/spec/replicas", "value": 4}],
    [{"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"}],
)


@dataclass(frozen=True, slots=True)
class Step:
    """One request, in words that mean the same to every back end."""

    verb: str
    kind: Type
    name: str
    body: Any = None
    patch_type: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    version: str = "none"
    subresource: str = ""

    def __str__(self) -> str:
        words = [
            self.verb,
            self.kind.kind,
            self.name,
            self.subresource,
            self.patch_type,
            self.version,
        ]
        text = " ".join(word for word in words if word)
        return f"{text} {json.dumps(self.body)} {json.dumps(self.options)}"


def draw(random: Random) -> Step:
    """Draw one request; most of them make sense."""
    kind, name = random.choice(KINDS), random.choice(NAMES)
    if random.random() < 0.2:
        return _draw_part(random, name)
    verb = random.choice((*VERBS, "create", "patch", "patch", "apply", "apply"))
    change = copy.deepcopy(random.choice((*CHANGES[kind], *CHANGES[kind], *COMMON)))
    options: dict[str, Any] = {"dry_run": True} if random.random() < 0.1 else {}
    if verb == "create":
        body = base(kind, name) if random.random() < 0.7 else merged(base(kind, name), change)
        return Step(verb, kind, name, body, options=options)
    if verb == "update":
        version = random.choice(("none", "current", "current", "stale"))
        return Step(verb, kind, name, change, options=options, version=version)
    if verb == "patch":
        patch_type = random.choice(PATCHES)
        body = copy.deepcopy(random.choice(OPERATIONS)) if patch_type == JSON else change
        return Step(verb, kind, name, body, patch_type, options)
    if verb == "apply":
        body = _without_none(merged(base(kind, name), change))
        if random.random() < 0.5:
            body = {key: body[key] for key in ("apiVersion", "kind")}
            body = merged(body, _without_none(change) | {})
            body.setdefault("metadata", {})["name"] = name
        options |= {"field_manager": random.choice(MANAGERS)}
        options |= {"force": True} if random.random() < 0.4 else {}
        return Step(verb, kind, name, body, APPLY, options)
    return Step(verb, kind, name)


def _draw_part(random: Random, name: str) -> Step:
    """Draw a request on a part of an object, or one on a collection, which is rarer."""
    part = random.choice((*SUBRESOURCES, *SUBRESOURCES, *SUBRESOURCES, ""))
    if not part:
        return Step("deletecollection", random.choice(KINDS), name)
    options = {"field_manager": random.choice(MANAGERS)}
    if random.random() < 0.2:
        kind = random.choice(SCALED if part == "scale" else WITH_STATUS)
        return Step("get", kind, name, subresource=part)
    if part == "scale":
        kind, body = random.choice(SCALED), copy.deepcopy(random.choice(SCALES))
        return Step("patch", kind, name, body, MERGE, options, subresource=part)
    kind = random.choice(WITH_STATUS)
    body, patch_type = (
        copy.deepcopy(random.choice(STATUSES[kind])),
        random.choice((MERGE, STRATEGIC)),
    )
    return Step("patch", kind, name, body, patch_type, options, subresource=part)


def merged(target: Any, change: Any) -> Any:
    """Return a merge patch applied, as RFC 7386 has it."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return value


class Side:
    """One back end under a stream: what it last said of each object."""

    def __init__(self, api: Any, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._seen: dict[tuple[Type, str], list[dict[str, Any]]] = {}

    def send(self, step: Step) -> tuple[str, Any]:
        """Send a request and return the reason of a refusal (empty for none) and the answer."""
        try:
            answer = self._send(step)
        except Refused as refused:
            return refused.reason, {"message": refused.message, "causes": refused.causes}
        writes = step.verb in {"create", "update", "patch", "apply"}
        if writes and not step.subresource and not step.options.get("dry_run"):
            self._seen.setdefault((step.kind, step.name), []).append(answer)
        return "", answer

    def all(self, kind: Type) -> list[dict[str, Any]]:
        """Return every object of a kind."""
        return self._api.list(kind, self._namespace).items

    def _send(self, step: Step) -> Any:
        api, place = self._api, (step.kind, self._namespace)
        match step.verb:
            case "create":
                return api.create(*place, step.body, **step.options)
            case "get":
                return api.get(*place, step.name, subresource=step.subresource)
            case "list":
                return self.all(step.kind)
            case "update":
                return api.update(*place, step.name, self._updated(step), **step.options)
            case "delete":
                api.delete(*place, step.name)
                return None
            case "deletecollection":
                return api.delete_collection(*place, label_selector=TEAM)
            case _:
                options = {"subresource": step.subresource, **step.options}
                return api.patch(*place, step.name, step.body, step.patch_type, **options)

    def _updated(self, step: Step) -> dict[str, Any]:
        history = self._seen.get((step.kind, step.name)) or [base(step.kind, step.name)]
        body = merged(copy.deepcopy(history[-1]), step.body)
        body["metadata"].pop("managedFields", None)
        if step.version == "none":
            body["metadata"].pop("resourceVersion", None)
        elif step.version == "stale":
            old = history[0]["metadata"].get("resourceVersion")
            body["metadata"] |= {"resourceVersion": old} if old else {}
        return body


_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ADDRESS = re.compile(r"\b10\.\d+\.\d+\.\d+\b")
_DOCUMENT = re.compile(r'Invalid value: "?(\{|map\[).*[}\]]"?: ')
_VERSION = re.compile(r'"resourceVersion": "\d+"')


class Plain:
    """Makes answers of one back end comparable: numbers for whatever is drawn by chance."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}

    def of(self, answer: Any) -> Any:
        """Return an answer without versions and times, and with uids counted as they appear."""
        text = json.dumps(answer, sort_keys=True)
        text = _UID.sub(lambda found: self._number(found[0]), text)
        text = _VERSION.sub('"resourceVersion": "…"', _TIME.sub("…", text))
        return _sorted_fields(json.loads(_ADDRESS.sub("10.…", text)))

    def _number(self, uid: str) -> str:
        return self._uids.setdefault(uid, f"uid-{len(self._uids)}")


def _sorted_fields(value: Any) -> Any:
    """Sort what has no order: owners within one second, and several owners in a conflict."""
    if isinstance(value, str):
        # A document's fields stand in any order, and an empty list is as good as none.
        text = _DOCUMENT.sub("Invalid value: {…}: ", value)
        return text.replace("Invalid value: []: ", "Invalid value: null: ")
    if isinstance(value, list):
        return [_sorted_fields(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(map(_sorted_fields, each), key=json.dumps)
        if key in {"managedFields", "causes"}
        else _sorted_fields(each)
        for key, each in value.items()
    }
