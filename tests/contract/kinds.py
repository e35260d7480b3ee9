"""The types and manifests that the contract speaks of."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from contract.api import Refused, Type

NAMESPACES = Type("", "v1", "namespaces", "Namespace")
CONFIG_MAPS = Type("", "v1", "configmaps", "ConfigMap")
SECRETS = Type("", "v1", "secrets", "Secret")
SERVICES = Type("", "v1", "services", "Service")
DEPLOYMENTS = Type("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Type("apps", "v1", "replicasets", "ReplicaSet")
INGRESSES = Type("networking.k8s.io", "v1", "ingresses", "Ingress")
PODS = Type("", "v1", "pods", "Pod")
SERVICE_ACCOUNTS = Type("", "v1", "serviceaccounts", "ServiceAccount")
JOBS = Type("batch", "v1", "jobs", "Job")
BUDGETS = Type("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
ENDPOINT_SLICES = Type("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
SCALE = Type("autoscaling", "v1", "scales", "Scale")
EVENTS = Type("", "v1", "events", "Event")
GADGET = Type("contract.example.com", "v1", "gadgets", "Gadget")
GADGET_BETA = GADGET._replace(version="v1beta1")


def version(name, *, storage):
    spec = {
        "type": "object",
        "properties": {
            "replicas": {"type": "integer", "minimum": 0, "default": 1},
            "mode": {"type": "string", "enum": ["Slow", "Fast"]},
            "note": {"type": "string", "maxLength": 5, "pattern": "^[a-z]*$"},
            "either": {"x-kubernetes-int-or-string": True},
            "atoms": {"type": "array", "items": {"type": "string"}},
            "tags": {
                "type": "array",
                "x-kubernetes-list-type": "set",
                "items": {"type": "string"},
            },
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
            "parts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "default": "bolt"},
                        "size": {
                            "type": "object",
                            "default": {"unit": "mm"},
                            "properties": {
                                "unit": {"type": "string", "default": "cm"},
                                "value": {"type": "integer", "nullable": True},
                            },
                        },
                    },
                },
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {
            "openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}
        },
    }


def definition():
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.contract.example.com"},
        "spec": {
            "group": GADGET.group,
            "scope": "Namespaced",
            "names": {"plural": GADGET.plural, "kind": GADGET.kind},
            "versions": [version("v1", storage=True), version("v1beta1", storage=False)],
        },
    }


def gadget(name="one", **spec):
    return {
        "apiVersion": GADGET.api_version,
        "kind": GADGET.kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def config_map(name="m", data=None, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"key": "value"} if data is None else data,
    }


def deployment(name="web", **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
            **spec,
        },
    }


def replica_set(name="web", **spec):
    return deployment(name, **spec) | {"kind": "ReplicaSet"}


def service(name="web", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }


def pod(name="p", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [{"name": "web", "image": "web:1"}],
            **spec,
        },
    }


def budget(name="b", labels=None):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": labels or {"app": "web"}}},
    }


def names(objects):
    return [each["metadata"]["name"] for each in objects]


def rv(manifest):
    return manifest["metadata"]["resourceVersion"]


@contextmanager
def refused(code, reason, message=None):
    with pytest.raises(Refused) as caught:
        yield caught
    assert (code, reason) == (caught.value.code, caught.value.reason), caught.value.message
    assert message is None or message == caught.value.message
