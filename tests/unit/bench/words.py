"""Short words for what benches count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bench.calls import Call, Commit

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def call(verb, resource, *, seconds=0.0, subresource="", code=200, namespace="shop"):
    return Call(at(seconds), verb, resource, subresource, namespace, "web", code, "rollouts/0")


def commit(resource, *, seconds=0.0, namespace="shop", manager="rollouts", **facts):
    return Commit(at(seconds), "patch", resource, "", namespace, "web", manager, facts)
