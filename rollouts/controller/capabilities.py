"""What the cluster serves, for charts that ask; asked again now and then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from rollouts.gitops.render.chart import Capabilities
from rollouts.kube.rest import KubeCluster

KEPT = timedelta(minutes=5)
"""How long an answer is taken to be true: definitions come and go, and servers are upgraded."""


class ServedCapabilities:
    """Answers from memory while it is fresh."""

    def __init__(self, kube: KubeCluster, clock: Callable[[], datetime]) -> None:
        self._kube = kube
        self._clock = clock
        self._known: tuple[datetime, Capabilities] | None = None

    async def __call__(self) -> Capabilities:
        """Return what is served; fails as any call does."""
        now = self._clock()
        if self._known is None or not timedelta(0) <= now - self._known[0] < KEPT:
            found = Capabilities(await self._kube.version(), await self._kube.api_versions())
            self._known = now, found
        return self._known[1]
