"""What is followed, and what to say of it where a person has to act before it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rollouts.kube.errors import Forbidden
from rollouts.kube.mending import install, mend

if TYPE_CHECKING:
    from rollouts.api.refs import Kind
    from rollouts.kube.informer import Scope
    from rollouts.kube.standing import Standing


class Follower(Protocol):
    """Something that keeps a store in step with a kind: an informer or an operator of kopf's."""

    scope: Scope
    standing: Standing
    contact_at: float | None

    async def run(self) -> None:
        """Follow until cancelled."""
        ...


def describe(follower: Follower) -> str:
    """Say what keeps a scope from being followed until a person acts; empty when nothing does."""
    return describe_standing(follower.scope.kind, follower.scope.namespace, follower.standing)


def describe_standing(kind: Kind, namespace: str, standing: Standing) -> str:
    """Say what keeps a kind from being followed until a person acts; empty when nothing does."""
    if standing.missing:
        return f"{kind.resource} is not served by this cluster; {install(kind)}"
    if isinstance(standing.trouble, Forbidden):
        return f"{kind.resource} may not be read; {mend(kind, namespace, standing.trouble)}"
    return ""
