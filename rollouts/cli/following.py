"""Follow objects as they change, through outages of the API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias, TypeVar

from rollouts.api.refs import ANALYSIS_RUN, Kind, Manifest, ObjectRef
from rollouts.kube.errors import ClusterError, Forbidden, Gone, NotFound, Unavailable, Unknown
from rollouts.kube.rest import KubeCluster

OUTAGE_SECONDS_MAX = 300.0
"""How long a command that follows an object waits for an API server that is away."""

RETRY_SECONDS = 1.0

OWN_RUNS = "rollouts-pod-template-hash"
"""Selects the runs that a Rollout has made: their label says for which revision."""

Seen: TypeAlias = tuple[Manifest, tuple[Manifest, ...]]
"""A Rollout, and the AnalysisRuns that it has made."""

State = TypeVar("State")


async def follow(cluster: KubeCluster, ref: ObjectRef) -> AsyncGenerator[Manifest, None]:
    """Iterate over the states of one object until it is deleted.

    Raises:
        ClusterError: it cannot be read at first, or not again within `OUTAGE_SECONDS_MAX`.
    """

    async def look() -> AsyncGenerator[Manifest | None, None]:
        while True:
            current = await cluster.get(ref)
            yield current
            version = current["metadata"]["resourceVersion"]
            stream = cluster.watch(ref.kind, ref.namespace, "", version)
            async with contextlib.aclosing(stream) as events:
                async for kind, manifest in events:
                    is_ours = kind != "BOOKMARK" and manifest["metadata"]["name"] == ref.name
                    if is_ours and kind == "DELETED":
                        return
                    yield manifest if is_ours else None

    async with contextlib.aclosing(_through_outages(look)) as states:
        async for state in states:
            yield state


async def _through_outages(
    look: Callable[[], AsyncGenerator[State | None, None]],
) -> AsyncGenerator[State, None]:
    """Iterate over what is seen, looking anew after an outage, until a look ends by itself.

    Args:
        look: reads and then watches; None is a sign of life that shows nothing new.
    """
    loop = asyncio.get_running_loop()
    seen_at: float | None = None
    while True:
        try:
            async with contextlib.aclosing(look()) as states:
                async for state in states:
                    seen_at = loop.time()
                    if state is not None:
                        yield state
            return
        except Gone:
            continue  # The server has forgotten what followed that version: look anew.
        except (Unavailable, Unknown):
            if seen_at is None or loop.time() - seen_at > OUTAGE_SECONDS_MAX:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def list_runs(cluster: KubeCluster, namespace: str) -> tuple[Manifest, ...]:
    """Read the runs that Rollouts of a namespace have made; none where that may not be read.

    A person who may see Rollouts need not have the right to see their runs, nor a cluster have
    the kind: what there is to see is shown without them.
    """
    try:
        return tuple(await cluster.list(ANALYSIS_RUN, namespace, label_selector=OWN_RUNS))
    except (Forbidden, NotFound):
        return ()


async def follow_all(
    cluster: KubeCluster, kind: Kind, namespace: str, selector: str
) -> AsyncGenerator[tuple[Manifest, ...], None]:
    """Iterate over the states of all objects of a kind, in no order, without an end.

    Raises:
        ClusterError: they cannot be read at first, or not again within `OUTAGE_SECONDS_MAX`.
    """

    async def look() -> AsyncGenerator[tuple[Manifest, ...] | None, None]:
        while True:
            pages = [each async for each in cluster.pages(kind, namespace, selector)]
            found = {each["metadata"]["name"]: each for page in pages for each in page.items}
            yield tuple(found.values())
            stream = cluster.watch(kind, namespace, selector, pages[0].resource_version)
            async with contextlib.aclosing(stream) as events:
                async for event, manifest in events:
                    if event == "BOOKMARK":
                        yield None
                        continue
                    found.pop(manifest["metadata"]["name"], None)
                    if event != "DELETED":
                        found[manifest["metadata"]["name"]] = manifest
                    yield tuple(found.values())

    async with contextlib.aclosing(_through_outages(look)) as states:
        async for state in states:
            yield state


async def follow_with_runs(cluster: KubeCluster, ref: ObjectRef) -> AsyncGenerator[Seen, None]:
    """Iterate over the states of a Rollout and its runs together, until it is deleted.

    Raises:
        ClusterError: it cannot be read at first, or not again within `OUTAGE_SECONDS_MAX`.
    """
    news: asyncio.Queue[Manifest | tuple[Manifest, ...] | ClusterError | None] = asyncio.Queue()

    async def rollouts() -> None:
        try:
            async for rollout in follow(cluster, ref):
                news.put_nowait(rollout)
            news.put_nowait(None)
        except ClusterError as error:
            news.put_nowait(error)

    async def analyses() -> None:
        try:
            async for found in follow_all(cluster, ANALYSIS_RUN, ref.namespace, OWN_RUNS):
                news.put_nowait(found)
        except (Forbidden, NotFound):
            news.put_nowait(())
        except ClusterError as error:
            news.put_nowait(error)

    tasks = [asyncio.create_task(rollouts()), asyncio.create_task(analyses())]
    try:
        async for seen in _joined(news):
            yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _joined(
    news: asyncio.Queue[Manifest | tuple[Manifest, ...] | ClusterError | None],
) -> AsyncGenerator[Seen, None]:
    """Yield both once both are known, and then at every change of one of them."""
    rollout: Manifest | None = None
    runs: tuple[Manifest, ...] | None = None
    last: Seen | None = None
    while (change := await news.get()) is not None:
        if isinstance(change, ClusterError):
            raise change
        if isinstance(change, tuple):
            runs = change
        else:
            rollout = change
        if rollout is None or runs is None:
            continue
        seen = (rollout, own_runs(rollout, runs))
        if seen != last:
            last = seen
            yield seen


def own_runs(rollout: Manifest, runs: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
    """Return the runs that a Rollout has made."""
    uid = rollout["metadata"].get("uid")
    return tuple(
        each
        for each in runs
        if any(owner.get("uid") == uid for owner in each["metadata"].get("ownerReferences") or ())
    )
