"""The client against a server that behaves like the real one, status documents included."""

from __future__ import annotations

import asyncio

import pytest
from shell.front import serve_front, until

from rollouts.api.refs import CONFIG_MAP, REPLICA_SET, SERVICE, ObjectRef
from rollouts.kube.client import connect
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import (
    AlreadyExists,
    Conflict,
    Gone,
    NotFound,
    Rejected,
)
from rollouts.kube.informer import Informer, Scope
from rollouts.kube.store import Store

REF = ObjectRef(CONFIG_MAP, "default", "a")
MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"namespace": "default", "name": "a"},
    "data": {"x": "1"},
}


def against(tmp_path, story):
    async def main():
        async with serve_front() as front:
            kubeconfig = front.kubeconfig(tmp_path / "config")
            async with await connect(kubeconfig=kubeconfig) as cluster:
                return await story(front, cluster)

    return asyncio.run(main())


def test_an_object_lives_and_dies(tmp_path):
    async def story(front, cluster):
        made = await cluster.create(MANIFEST, CONFIG_MAP)
        read = await cluster.get(REF)
        changed = await cluster.patch(REF, {"data": {"x": "2"}})
        listed = await cluster.list(CONFIG_MAP, "default")
        await cluster.delete(REF, uid=made["metadata"]["uid"])
        with pytest.raises(NotFound):
            await cluster.get(REF)
        return made == read, changed["data"], [each["kind"] for each in listed]

    assert against(tmp_path, story) == (True, {"x": "2"}, ["ConfigMap"])


def test_refusals_are_told_apart(tmp_path):
    async def story(front, cluster):
        made = await cluster.create(MANIFEST, CONFIG_MAP)
        version = made["metadata"]["resourceVersion"]
        with pytest.raises(AlreadyExists):
            await cluster.create(MANIFEST, CONFIG_MAP)
        await cluster.patch(REF, {"data": {"x": "2"}})
        with pytest.raises(Conflict):
            await cluster.patch(REF, {"metadata": {"resourceVersion": version}, "data": {"x": "3"}})
        test = [{"op": "test", "path": "/data/x", "value": "1"}]
        with pytest.raises(Conflict):
            await cluster.patch(REF, test, PatchType.JSON)
        with pytest.raises(Conflict):
            await cluster.patch(REF, [{"op": "remove", "path": "/data/gone"}], PatchType.JSON)
        with pytest.raises(Conflict):
            await cluster.delete(REF, uid="someone-else")
        broken = {"metadata": {"namespace": "default", "name": "Not A Name"}}
        with pytest.raises(Rejected):
            await cluster.create({"apiVersion": "v1", "kind": "Service"} | broken, SERVICE)
        empty = {"metadata": {"namespace": "default", "name": "r"}, "spec": {}}
        with pytest.raises(Rejected):
            await cluster.create(
                {"apiVersion": "apps/v1", "kind": "ReplicaSet"} | empty, REPLICA_SET
            )

    against(tmp_path, story)


def test_a_dry_run_changes_nothing(tmp_path):
    async def story(front, cluster):
        await cluster.create(MANIFEST, CONFIG_MAP, dry_run=True)
        with pytest.raises(NotFound):
            await cluster.get(REF)

    against(tmp_path, story)


def test_a_watch_tells_what_happened_since_and_says_when_it_cannot(tmp_path):
    async def story(front, cluster):
        made = await cluster.create(MANIFEST, CONFIG_MAP)
        version = made["metadata"]["resourceVersion"]
        await cluster.patch(REF, {"data": {"x": "2"}})
        await cluster.delete(REF)
        seen = []
        async for event_type, _ in cluster.watch(CONFIG_MAP, "default", "", version):
            seen.append(event_type)
            if event_type == "DELETED":
                break
        front.server.compact()
        with pytest.raises(Gone):
            async for _ in cluster.watch(CONFIG_MAP, "default", "", version):
                pass
        return seen

    assert against(tmp_path, story) == ["MODIFIED", "DELETED"]


def test_kinds_are_discovered(tmp_path):
    async def story(front, cluster):
        with pytest.raises(NotFound):
            await cluster.discover("apps/v1", "Nothing")
        return await cluster.discover("apps/v1", "ReplicaSet")

    assert against(tmp_path, story) == REPLICA_SET


def test_what_is_served_is_told_in_one_answer(tmp_path):
    async def story(front, cluster):
        return await cluster.api_versions()

    assert "apps/v1" in against(tmp_path, story)


def test_an_informer_survives_dropped_watches_and_lost_history(tmp_path):
    async def story(front, cluster):
        store = Store(lambda each: each["data"])
        informer = Informer(cluster, Scope(CONFIG_MAP, "default"), store)
        task = asyncio.create_task(informer.run())
        await informer.synced.wait()
        for index in range(4):
            name = f"m{index}"
            await until(lambda: front.watches)
            if index % 2:
                front.drop_watches()
            front.create(
                CONFIG_MAP, MANIFEST | {"metadata": {"namespace": "default", "name": name}}
            )
            if not index % 2:
                front.lose_history()
            await until(lambda index=index: len(store) == index + 1)
        front.delete(CONFIG_MAP, "default", "m0")
        front.lose_history()
        await until(lambda: len(store) == 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    against(tmp_path, story)
