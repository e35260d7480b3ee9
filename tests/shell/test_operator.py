"""Following our own kinds with kopf, against the emulated API server over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal

import pytest
from shell.front import serve_front, until

from rollouts.api.refs import ROLLOUT
from rollouts.controller import operator as module
from rollouts.controller.operator import OwnKind
from rollouts.kube.client import connect
from rollouts.kube.informer import Scope
from rollouts.kube.rest import PAGE_SIZE
from rollouts.kube.store import Store

SELECTOR = "!argo-rollouts.argoproj.io/controller-instance-id"


def rollout(name, **metadata):
    return {
        "metadata": {"namespace": "default", "name": name, **metadata},
        "spec": {"replicas": 1},
    }


class Following:
    def __init__(self, front, kind, changes, requests):
        self.front = front
        self.kind = kind
        self.changes = changes
        self.requests = requests

    @property
    def names(self):
        return sorted(each["metadata"]["name"] for each in self.kind.store.items())


@contextlib.asynccontextmanager
async def following(tmp_path, *, installed=True, names=(), namespace="", selector=SELECTOR):
    async with serve_front() as front:
        if installed:
            front.install(ROLLOUT)
        for name in names:
            front.create(ROLLOUT, rollout(name))
        changes, requests = [], []
        async with await connect(kubeconfig=front.kubeconfig(tmp_path / "config")) as cluster:
            kind = OwnKind(
                cluster,
                Scope(ROLLOUT, namespace, selector),
                Store(lambda each: each),
                changes.append,
                on_request=lambda *labels: requests.append(labels),
            )
            task = asyncio.create_task(kind.run())
            try:
                yield Following(front, kind, changes, requests)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def test_it_lists_then_follows(tmp_path):
    async def main():
        async with following(tmp_path, names=["a", "b"]) as seen:
            await seen.kind.synced.wait()
            assert seen.names == ["a", "b"]
            seen.front.create(ROLLOUT, rollout("c"))
            await until(lambda: len(seen.names) == 3)
            seen.front.delete(ROLLOUT, "default", "a")
            await until(lambda: seen.names == ["b", "c"])
            seen.front.patch(ROLLOUT, "default", "b", {"spec": {"replicas": 7}})
            await until(lambda: seen.kind.store.get("default", "b")["spec"] == {"replicas": 7})
            return [(change.name, change.new is None) for change in seen.changes]

    assert asyncio.run(main()) == [
        ("a", False),
        ("b", False),
        ("c", False),
        ("a", True),
        ("b", False),
    ]


def test_it_never_writes_and_leaves_no_marks(tmp_path):
    async def main():
        async with following(tmp_path, names=["a"]) as seen:
            await seen.kind.synced.wait()
            seen.front.patch(ROLLOUT, "default", "a", {"spec": {"replicas": 2}})
            await until(lambda: len(seen.changes) == 2)
            await asyncio.sleep(0.2)
            methods = {method for method, _, _ in seen.front.requests}
            return methods, seen.front.get(ROLLOUT, "default", "a")["metadata"]

    methods, metadata = asyncio.run(main())

    assert methods == {"GET"}
    assert "finalizers" not in metadata
    assert "annotations" not in metadata


def test_an_empty_list_is_a_list(tmp_path):
    async def main():
        async with following(tmp_path) as seen:
            await asyncio.wait_for(seen.kind.synced.wait(), 10)
            return seen.names, seen.kind.missing

    assert asyncio.run(main()) == ([], False)


@pytest.mark.parametrize("left", [["b"], []])
def test_deletions_while_history_was_lost_are_noticed(tmp_path, left):
    """Also when nothing is left, where kopf has nothing to tell its handlers."""

    async def main():
        async with following(tmp_path, names=["a", "b"]) as seen:
            await seen.kind.synced.wait()
            await until(lambda: seen.front.watches)
            for name in {"a", "b"} - set(left):
                seen.front.server.delete(
                    seen.front.server.resource_for_kind(ROLLOUT.api_version, ROLLOUT.kind),
                    "default",
                    name,
                )
            # The deletions reach no watch: the connection is gone before they are sent.
            seen.front.lose_history()
            await until(lambda: seen.names == left)
            return [change.name for change in seen.changes if change.new is None]

    assert sorted(asyncio.run(main())) == sorted({"a", "b"} - set(left))


def test_a_dropped_watch_is_resumed_and_nothing_is_reported_twice(tmp_path):
    async def main():
        async with following(tmp_path, names=["a"]) as seen:
            await seen.kind.synced.wait()
            for index in range(3):
                await until(lambda: seen.front.watches)
                seen.front.drop_watches()
                seen.front.create(ROLLOUT, rollout(f"b{index}"))
                await until(lambda index=index: len(seen.names) == index + 2)
            lists = [each for each in seen.requests if each[0] == "list"]
            return len(lists), [change.name for change in seen.changes]

    assert asyncio.run(main()) == (1, ["a", "b0", "b1", "b2"])


def test_a_missing_definition_is_reported_with_what_to_do_and_waited_for(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(module, "MISSING_SECONDS", (0.05,))
    caplog.set_level(logging.INFO, logger="rollouts")

    async def main():
        async with following(tmp_path, installed=False) as seen:
            await seen.kind.synced.wait()
            missing = seen.kind.missing
            await asyncio.sleep(0.2)
            seen.front.install(ROLLOUT)
            seen.front.create(ROLLOUT, rollout("a"))
            await until(lambda: seen.names == ["a"])
            return missing, seen.kind.missing

    assert asyncio.run(main()) == (True, False)
    (report,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert report.crd == "rollouts.argoproj.io"
    assert "rollouts crds | kubectl apply" in report.install


def test_a_definition_that_goes_takes_its_objects_with_it_and_may_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MISSING_SECONDS", (0.05,))

    async def main():
        async with following(tmp_path, names=["a"]) as seen:
            await seen.kind.synced.wait()
            await until(lambda: seen.front.watches)
            seen.front.uninstall(ROLLOUT)
            await until(lambda: seen.kind.missing)
            gone = seen.names
            seen.front.install(ROLLOUT)
            seen.front.create(ROLLOUT, rollout("b"))
            await until(lambda: seen.names == ["b"])
            return gone

    assert asyncio.run(main()) == []


def test_a_missing_right_is_reported_and_waited_for(tmp_path, caplog):
    async def main():
        async with following(tmp_path, names=["a"]) as seen:
            seen.front.refuse = lambda method, path: 403 if path.endswith("/rollouts") else None
            await until(lambda: any("cannot follow" in r.message for r in caplog.records))
            assert not seen.kind.synced.is_set()
            seen.front.refuse = lambda method, path: None
            await seen.kind.synced.wait()
            return seen.names

    caplog.set_level(logging.INFO, logger="rollouts")

    assert asyncio.run(main()) == ["a"]
    (said,) = [each for each in caplog.records if "cannot follow" in each.message][:1]
    assert said.error == "list Rollout.argoproj.io/v1alpha1: as the test wants it"
    assert said.mend.startswith("grant get, list and watch on rollouts.argoproj.io in all")


def test_a_server_that_is_down_for_a_while_is_waited_for(tmp_path):
    async def main():
        async with following(tmp_path, names=["a"]) as seen:
            await seen.kind.synced.wait()
            await until(lambda: seen.front.watches)
            seen.front.refuse = lambda method, path: 503
            seen.front.drop_watches()
            await asyncio.sleep(0.5)
            seen.front.create(ROLLOUT, rollout("b"))
            seen.front.refuse = lambda method, path: None
            await until(lambda: seen.names == ["a", "b"])

    asyncio.run(main())


def test_only_objects_of_our_instance_are_asked_for(tmp_path):
    label = "argo-rollouts.argoproj.io/controller-instance-id"

    async def main(selector):
        async with following(tmp_path, names=["none"], selector=selector) as seen:
            seen.front.create(ROLLOUT, rollout("ours", labels={label: "blue"}))
            seen.front.create(ROLLOUT, rollout("other", labels={label: "green"}))
            await seen.kind.synced.wait()
            await until(lambda: len(seen.names) == 1)
            return seen.names

    assert asyncio.run(main(f"{label}=blue")) == ["ours"]
    assert asyncio.run(main(f"!{label}")) == ["none"]


def test_one_namespace_can_be_followed(tmp_path):
    async def main():
        async with following(tmp_path, names=["a"], namespace="kube-system") as seen:
            await seen.kind.synced.wait()
            return seen.names, [path for _, path, watch in seen.front.requests if True]

    names, paths = asyncio.run(main())

    assert names == []
    assert "/apis/argoproj.io/v1alpha1/namespaces/kube-system/rollouts" in paths


def test_many_objects_are_listed_in_pages(tmp_path):
    async def main():
        names = [f"r{index:04}" for index in range(2 * PAGE_SIZE + 1)]
        async with following(tmp_path, names=names) as seen:
            await seen.kind.synced.wait()
            return len(seen.names), len([each for each in seen.requests if each[0] == "list"])

    assert asyncio.run(main()) == (2 * PAGE_SIZE + 1, 3)


def test_stopping_one_operator_leaves_everybody_elses_tasks_alone(tmp_path):
    """Kopf's own way to stop cancels every task that is younger than its operator."""

    async def main():
        async with following(tmp_path, names=["a"]) as seen:
            await seen.kind.synced.wait()
            bystander = asyncio.create_task(asyncio.sleep(30))
        await asyncio.sleep(0)
        alive = not bystander.done()
        bystander.cancel()
        return alive, [task.get_name() for task in asyncio.all_tasks() if "kopf" in str(task)]

    assert asyncio.run(main()) == (True, [])


def test_the_processes_signal_handlers_are_given_back(tmp_path):
    async def main():
        restored = []
        async with serve_front() as front:
            front.install(ROLLOUT)
            async with await connect(kubeconfig=front.kubeconfig(tmp_path / "c")) as cluster:
                loop = asyncio.get_running_loop()
                stop = asyncio.Event()

                def restore():
                    loop.add_signal_handler(signal.SIGTERM, stop.set)
                    restored.append(1)

                kind = OwnKind(
                    cluster,
                    Scope(ROLLOUT),
                    Store(lambda each: each),
                    lambda _: None,
                    restore_signals=restore,
                )
                task = asyncio.create_task(kind.run())
                await kind.synced.wait()
                signal.raise_signal(signal.SIGTERM)
                await asyncio.wait_for(stop.wait(), 5)
                still_runs = not task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return restored, still_runs

    assert asyncio.run(main()) == ([1], True)
