"""What the passes of all kinds share: the engine, the stores of our own kinds, the memories."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from rollouts.api.refs import Manifest
from rollouts.gitops.contents import Contents
from rollouts.gitops.engine import Engine
from rollouts.gitops.login import Logins
from rollouts.gitops.memory import UnitMemory, doubled
from rollouts.gitops.source import GitCache
from rollouts.kube.cluster import Cluster
from rollouts.kube.store import Store

Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name of one of our own objects."""

ERROR_DELAY = timedelta(seconds=5)
ERROR_DELAY_MAX = timedelta(minutes=5)

_JITTER_PERCENT = 10


@dataclass(frozen=True, slots=True)
class OwnStores:
    """Whole manifests of our own kinds, fed by the operator."""

    applications: Store[Manifest]
    git_repositories: Store[Manifest]
    helm_repositories: Store[Manifest]
    kustomizations: Store[Manifest]


@dataclass(slots=True)
class Room:
    """Everything a pass needs.

    Attributes:
        poll: time between two looks at the repository of an Application.
    """

    cluster: Cluster
    engine: Engine
    contents: Contents
    git: GitCache
    logins: Logins
    stores: OwnStores
    clock: Callable[[], datetime]
    control_namespace: str
    poll: timedelta
    memories: dict[Key, UnitMemory] = field(default_factory=dict)

    def memory(self, key: Key) -> UnitMemory:
        """Return the memory of a unit, a fresh one at first."""
        return self.memories.setdefault(key, UnitMemory())

    def forget(self, key: Key) -> None:
        """Drop the memory of a unit that is gone."""
        self.memories.pop(key, None)


def jittered(length: timedelta, key: Key) -> timedelta:
    """Return a time up to a tenth longer or shorter, always the same for one unit.

    Without it, units that were created together would ask their repositories together for ever.
    """
    share = zlib.crc32("/".join(key).encode()) % (2 * _JITTER_PERCENT + 1) - _JITTER_PERCENT
    return length * (100 + share) / 100


def earliest(*times: datetime | None) -> datetime | None:
    """Return the first of the times; None when there is none."""
    stated = [time for time in times if time is not None]
    return min(stated) if stated else None


def error_delay(errors: int) -> timedelta:
    """Return the wait after this many passes in a row that failed."""
    return doubled(ERROR_DELAY, max(errors - 1, 0), ERROR_DELAY_MAX)
