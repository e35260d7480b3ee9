"""Builders of the objects that the emulator's tests speak of; each test names what matters."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from rollouts.emulator import ApiError

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def pass_seconds(self, seconds):
        self.now += timedelta(seconds=seconds)


def config_map(name="settings", data=None, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": data or {"key": "value"},
    }


def pod_template(labels=None, **container):
    return {
        "metadata": {"labels": labels or {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", **container}]},
    }


def deployment(name="web", labels=None, **spec):
    labels = labels or {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": pod_template(labels), **spec},
    }


def replica_set(name="web", labels=None, **spec):
    return deployment(name, labels, **spec) | {"kind": "ReplicaSet"}


def service(name="web", ports=None, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": ports or [{"port": 80}], **spec},
    }


def pod(name="web", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {**pod_template()["spec"], **spec},
    }


def ingress(name="web", paths=None):
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = paths or [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": [{"host": "web.example.com", "http": {"paths": paths}}]},
    }


SPEC_SCHEMA = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer", "minimum": 0, "default": 1},
        "mode": {"type": "string", "enum": ["Slow", "Fast"]},
        "note": {"type": "string", "nullable": True},
        "steps": {"type": "array", "items": {"type": "object", "properties": {}}},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
            },
        },
        "tags": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"type": "string"},
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def crd_version(name="v1", spec=None, *, served=True, storage=True, subresources=None):
    return {
        "name": name,
        "served": served,
        "storage": storage,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        }
        if subresources is None
        else subresources,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "spec": spec or SPEC_SCHEMA,
                    "status": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    },
                },
            }
        },
    }


def crd(*versions, plural="widgets", kind="Widget", scope="Namespaced"):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": scope,
            "names": {"plural": plural, "kind": kind, "shortNames": [plural[0]]},
            "versions": list(versions) or [crd_version()],
        },
    }


def widget(name="one", status=None, api_version="example.com/v1", **spec):
    made = {
        "apiVersion": api_version,
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": spec,
    }
    return made | ({"status": status} if status is not None else {})


@contextmanager
def refused(code, *, reason="", message=None):
    """Expect an ApiError; `message` must be its whole text."""
    with pytest.raises(ApiError) as caught:
        yield caught
    assert code == caught.value.code, caught.value
    assert not reason or reason == caught.value.reason
    assert message is None or message == caught.value.message
