"""What a person can do about a missing right, definition or subresource, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.kube.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from rollouts.api.refs import Kind, ObjectRef
    from rollouts.kube.errors import ClusterError

INSTALL = "rollouts crds | kubectl apply --server-side -f -"
"""Brings the definitions of our own kinds into a cluster."""

OWN_GROUPS = ("argoproj.io", "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io")


def mend(kind: Kind, namespace: str, error: ClusterError) -> str:
    """Return what a person can do so that a kind can be followed; empty when time mends it."""
    if isinstance(error, Forbidden):
        where = f"namespace {namespace}" if namespace else "all namespaces"
        return (
            f"grant get, list and watch on {kind.resource} in {where} to this controller's account"
        )
    if isinstance(error, NotFound):
        return install(kind)
    return ""


def unserved(ref: ObjectRef, subresource: str) -> str:
    """Say of an object that exists which part of it its definition lacks, and what to do."""
    return (
        f"{ref}: the server does not serve {ref.kind.plural}/{subresource}: "
        f"the definition of {ref.kind.resource} has no such subresource; {install(ref.kind)}"
    )


def install(kind: Kind) -> str:
    """Return how the definition of a kind comes into the cluster."""
    if kind.group in OWN_GROUPS:
        return f"install its definition: {INSTALL}"
    return "install what serves it, or use a server that does"
