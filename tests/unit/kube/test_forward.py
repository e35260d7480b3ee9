"""Clusters that stand in front of others: what is passed on, and what a fence holds back."""

from __future__ import annotations

import asyncio

import pytest

from rollouts.api.refs import POD, ROLLOUT, ObjectRef
from rollouts.controller.fence import FencedCluster
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import Unavailable
from rollouts.kube.forward import Forward

WEB = ObjectRef(ROLLOUT, "shop", "web")
MANIFEST = {"metadata": {"name": "web"}}

READS = {
    "get": lambda cluster: cluster.get(WEB),
    "list": lambda cluster: cluster.list(ROLLOUT, "shop", label_selector="a=b"),
}
WRITES = {
    "create": lambda cluster: cluster.create(MANIFEST, ROLLOUT, dry_run=True),
    "patch": lambda cluster: cluster.patch(WEB, [], PatchType.JSON, subresource="status"),
    "apply": lambda cluster: cluster.apply(WEB, MANIFEST, field_manager="m", force=False),
    "update": lambda cluster: cluster.update(WEB, MANIFEST),
    "delete": lambda cluster: cluster.delete(WEB, uid="u1", propagation="Orphan"),
    "evict": lambda cluster: cluster.evict(ObjectRef(POD, "shop", "p"), uid="u2"),
}


class Noting:
    def __init__(self):
        self.calls = []

    def __getattr__(self, verb):
        async def call(*args, **options):
            self.calls.append((verb, args, options))
            return verb

        return call


@pytest.mark.parametrize("verb", READS | WRITES)
def test_every_call_is_passed_on_with_all_that_was_said(verb):
    call = (READS | WRITES)[verb]
    direct, behind = Noting(), Noting()
    asyncio.run(call(direct))
    asyncio.run(call(Forward(behind)))

    (wanted,), (passed,) = direct.calls, behind.calls
    given = dict(enumerate(wanted[1])) | wanted[2]
    arrived = dict(enumerate(passed[1])) | passed[2]
    assert passed[0] == verb
    assert all(arrived[name] == value for name, value in given.items())


@pytest.mark.parametrize("verb", WRITES)
def test_a_fence_holds_back_every_write(verb):
    behind = Noting()

    with pytest.raises(Unavailable, match="not the leader"):
        asyncio.run(WRITES[verb](FencedCluster(behind, lambda: False)))

    assert behind.calls == []


@pytest.mark.parametrize("verb", READS)
def test_a_fence_lets_reads_through(verb):
    behind = Noting()
    asyncio.run(READS[verb](FencedCluster(behind, lambda: False)))

    assert len(behind.calls) == 1


@pytest.mark.parametrize("verb", WRITES)
def test_an_open_fence_lets_writes_through(verb):
    behind = Noting()
    asyncio.run(WRITES[verb](FencedCluster(behind, lambda: True)))

    assert len(behind.calls) == 1
