"""The demo's users: requests that go where an ingress-nginx would send them, read from the API.

Bounded in count and rate, to loopback addresses only; they end by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp

from rollouts.api.refs import INGRESS, POD, SERVICE, Kind, Manifest
from rollouts.cli.demo_timeline import WEIGHT
from rollouts.cli.demo_version import BROKEN, is_among
from rollouts.cli.demo_workload import Counted, Served
from rollouts.cli.tree import HASH
from rollouts.kube.errors import ClusterError, Gone
from rollouts.kube.rest import KubeCluster

RATE = 40
"""Requests in a second: enough that a fifth of them says something within two."""

REQUESTS_MAX = 24_000
"""Ten minutes of them; then they stop, whoever still looks on."""

ANSWER_SECONDS_MAX = 2.0
RETRY_SECONDS = 0.1
CANARY = "nginx.ingress.kubernetes.io/canary"
KINDS = (INGRESS, SERVICE, POD)


@dataclass(frozen=True, slots=True)
class Routes:
    """Where requests go: the canary's weight, and the revisions of the pods on either side."""

    weight: int = 0
    stable: tuple[str, ...] = ()
    canary: tuple[str, ...] = ()

    def side(self, number: int) -> tuple[str, ...]:
        """Return the pods, by their revisions, one of which gets the n-th request, from 0 on."""
        return self.canary if is_among(number, self.weight) else self.stable


def read_routes(
    ingresses: Iterable[Manifest], services: Iterable[Manifest], pods: Iterable[Manifest]
) -> Routes:
    """Return what a router reads: the Ingresses' weight and backends, and the pods behind these.

    Pods that are not ready, or on their way out, get nothing.
    """
    by_name = {each["metadata"]["name"]: each for each in services}
    ready = [each for each in pods if _is_ready(each)]
    weight = 0
    sides: dict[bool, tuple[str, ...]] = {}
    for ingress in ingresses:
        annotations = ingress["metadata"].get("annotations") or {}
        is_canary = annotations.get(CANARY) == "true"
        if is_canary:
            weight = int(annotations.get(WEIGHT) or 0)
        sides[is_canary] = _revisions_behind(by_name.get(_backend(ingress)), ready)
    return Routes(weight, sides.get(False, ()), sides.get(True, ()))


def _backend(ingress: Manifest) -> str:
    """Return the Service of an Ingress' first path; the demo's have one."""
    (path, *_) = ingress["spec"]["rules"][0]["http"]["paths"]
    return str(path["backend"]["service"]["name"])


def _revisions_behind(service: Manifest | None, pods: Iterable[Manifest]) -> tuple[str, ...]:
    selector = ((service or {}).get("spec") or {}).get("selector") or {}
    if not selector:
        return ()
    labels = [each["metadata"].get("labels") or {} for each in pods]
    return tuple(sorted(each.get(HASH, "") for each in labels if selector.items() <= each.items()))


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    is_ready = any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)
    return is_ready and not pod["metadata"].get("deletionTimestamp")


@dataclass(slots=True)
class Tally:
    """What became of the requests.

    Attributes:
        answered: by revision.
        errors: those among them that were answered with an error.
        lost: there was no pod for it, or no answer from it.
    """

    answered: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def of(self, revision: str) -> Counted:
        """Return what a revision has answered."""
        return Counted(self.answered[revision], self.errors[revision])

    def copy(self) -> Tally:
        """Return the count as it is now."""
        return Tally(Counter(self.answered), Counter(self.errors), self.lost)


class Traffic:
    """Sends requests by the routes as they stand, until told to stop or the bound is reached.

    Attributes:
        tally: what became of the requests so far.
    """

    def __init__(self, kube: KubeCluster, namespace: str, versions: Iterable[Served]) -> None:
        """Prepare.

        Args:
            namespace: where Ingresses, Services and pods are.
            versions: what answers for the pods of a revision.
        """
        self.tally = Tally()
        self._kube = kube
        self._namespace = namespace
        self._versions: Mapping[str, Served] = {each.version.revision: each for each in versions}
        self._known: dict[Kind, dict[str, Manifest]] = {kind: {} for kind in KINDS}
        self._routes = Routes()
        self._number = 0
        self._is_known = False
        self._sender: asyncio.Task[None] | None = None

    @property
    def weight(self) -> int:
        """Return the canary's weight by which requests are sent now."""
        return self._routes.weight

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Send for as long as this is open; what goes wrong in between is raised at its end."""
        followers = [asyncio.create_task(self._follow(kind)) for kind in KINDS]
        self._sender = asyncio.create_task(self._send_all())
        try:
            yield
        finally:
            tasks = (*followers, self._sender)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def settle(self) -> Tally:
        """Return a count into which no request enters any more that was on its way."""
        assert self._sender is not None, "requests flow only inside `flowing`"
        before = self._number
        while True:
            await asyncio.sleep(1 / RATE)
            if self._number > before + 1 or self._sender.done():
                return self.tally.copy()

    async def _send_all(self) -> None:
        """Send one request after the other at an even rate; what is late is not made up for."""
        loop = asyncio.get_running_loop()
        timeout = aiohttp.ClientTimeout(ANSWER_SECONDS_MAX)
        due = loop.time()
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while self._number < REQUESTS_MAX:
                due = max(due + 1 / RATE, loop.time())
                await asyncio.sleep(due - loop.time())
                self._is_known = self._is_known or bool(self._routes.stable)
                if not self._is_known:
                    continue  # Nothing was ever served, so nobody asks for it.
                await self._send(session, self._routes.side(self._number))
                self._number += 1

    async def _send(self, session: aiohttp.ClientSession, pods: tuple[str, ...]) -> None:
        revision = pods[self._number % len(pods)] if pods else ""
        served = self._versions.get(revision)
        if served is None:
            self.tally.lost += 1
            return
        try:
            async with session.get(served.url) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            self.tally.lost += 1
            return
        self.tally.answered[revision] += 1
        self.tally.errors[revision] += answer.status >= BROKEN

    async def _follow(self, kind: Kind) -> None:
        """Keep the objects of a kind as they stand, through ends of the watch."""
        while True:
            try:
                await self._follow_once(kind)
            except Gone:
                continue  # The history is over; begin anew.
            except ClusterError:
                await asyncio.sleep(RETRY_SECONDS)  # The server is away for a moment.

    async def _follow_once(self, kind: Kind) -> None:
        pages = [page async for page in self._kube.pages(kind, self._namespace)]
        known = {each["metadata"]["name"]: each for page in pages for each in page.items}
        self._take(kind, known)
        version = pages[-1].resource_version
        async for event, manifest in self._kube.watch(kind, self._namespace, "", version):
            if event == "DELETED":
                known.pop(manifest["metadata"]["name"], None)
            elif event != "BOOKMARK":
                known[manifest["metadata"]["name"]] = manifest
            self._take(kind, known)

    def _take(self, kind: Kind, known: dict[str, Manifest]) -> None:
        self._known[kind] = known
        self._routes = read_routes(*(self._known[each].values() for each in KINDS))
