"""Health of what brings traffic: Service, Ingress, APIService."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time
from rollouts.gitops.health.model import (
    Health,
    conditions_of,
    healthy,
    is_true,
    items,
    mapping,
    metadata_of,
    progressing,
    said,
    spec_of,
    status_of,
)

ADDRESS_PATIENCE = timedelta(minutes=2)
"""How long an address is waited for: clouds take a minute, bare metal never publishes one."""


def service(manifest: Manifest, now: datetime, *, strict: bool) -> Health:
    """Assess a Service: only a LoadBalancer has something to wait for."""
    if spec_of(manifest).get("type") != "LoadBalancer":
        return healthy()
    return _addressed(manifest, now, strict=strict)


def ingress(manifest: Manifest, now: datetime, *, strict: bool) -> Health:
    """Assess an Ingress by its address.

    Differs from the peer, where an Ingress whose controller publishes no address stays
    Progressing for ever (argo-cd#14607): after `ADDRESS_PATIENCE` it is Healthy with a note,
    unless `strict`.
    """
    return _addressed(manifest, now, strict=strict)


def _addressed(manifest: Manifest, now: datetime, *, strict: bool) -> Health:
    if items(mapping(status_of(manifest).get("loadBalancer")).get("ingress")):
        return healthy()
    if not strict and _age(manifest, now) >= ADDRESS_PATIENCE:
        return healthy("no address is published")
    return progressing("waiting for an address")


def _age(manifest: Manifest, now: datetime) -> timedelta:
    """Return how long an object exists; one without a readable time counts as new."""
    try:
        return now - parse_time(str(metadata_of(manifest).get("creationTimestamp")))
    except ValueError:
        return timedelta(0)


def api_service(manifest: Manifest) -> Health:
    """Assess an APIService."""
    condition = conditions_of(manifest).get("Available")
    if is_true(condition):
        return healthy(said(condition))
    return progressing(said(condition, "waiting for the API service"))
