"""A whole small world for GitOps: an emulated cluster, a Git repository, the operator's part."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import yaml
from shell.emulated import Emulated

from rollouts.api.crd import crd_manifests
from rollouts.api.refs import (
    APPLICATION,
    CRD,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    NAMESPACE,
)
from rollouts.emulator.actors.actor import run_actors
from rollouts.emulator.actors.garbage import GarbageCollector
from rollouts.gitops.room import OwnStores
from rollouts.gitops.service import GitOps
from rollouts.gitops.source import GitCache
from rollouts.kube.store import Store

START = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
OWN = (APPLICATION, GIT_REPOSITORY, HELM_REPOSITORY, KUSTOMIZATION)
ROUNDS_MAX = 50


class Git:
    """A repository on disk that somebody commits to."""

    def __init__(self, path):
        self.path = path
        self.url = f"file://{path}"
        self.commands = 0
        self._away = path.with_suffix(".away")
        path.mkdir()
        self._run("init", "--quiet", "--initial-branch", "main")

    def _run(self, *argv):
        who = {
            f"GIT_{role}_{key}": "a@b"
            for role in ("AUTHOR", "COMMITTER")
            for key in ("NAME", "EMAIL")
        }
        # The same commits in each run: no two at one time, and none at the time of the day.
        self.commands += 1
        at = (START + timedelta(seconds=self.commands)).isoformat()
        env = {
            **os.environ,
            **who,
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_DATE": at,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *argv],
            check=True,
            capture_output=True,
            text=True,
            env=env,
        )
        return done.stdout.strip()

    def commit(self, files, message="change"):
        """Write files (a list of manifests, text, or None to remove one); return the commit."""
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content if isinstance(content, str) else yaml.safe_dump_all(content))
        self._run("add", "--all")
        self._run("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head()

    def head(self):
        return self._run("rev-parse", "HEAD")

    def reset(self, commit):
        """Force the branch back to an earlier commit."""
        self._run("reset", "--quiet", "--hard", commit)

    def hide(self):
        """Put the repository out of reach, if it is not already."""
        if self.path.exists():
            self.path.rename(self._away)

    def show(self):
        """Bring it back, if it is away."""
        if self._away.exists():
            self._away.rename(self.path)


class World:
    """Virtual time, one repository, and a controller that may be restarted at any moment."""

    def __init__(self, tmp_path, *, watching=True, at_once=1):
        self.now = START
        self.tmp_path = tmp_path
        self.cluster = Emulated(lambda: self.now)
        self.server = self.cluster.server
        self.git = Git(tmp_path / "repo")
        self.watching = watching
        self.at_once = at_once
        self.history = []
        self.server.on_write.append(self._record)
        self.garbage = GarbageCollector(self.server)
        for crd in crd_manifests():
            self.create(crd, CRD)
        for name in ("shop", "argocd", "flux-system"):
            self.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, NAMESPACE
            )
        self.runner = asyncio.Runner()
        self.cache = None
        self.start()

    def close(self):
        self.runner.run(self.cache.close())
        self.runner.close()

    def start(self):
        """Start the controller anew, with nothing in memory."""
        self.cache = GitCache(self.tmp_path / "cache", clock=lambda: self.now)
        self.stores = OwnStores(*(Store(lambda manifest: manifest) for _ in OWN))
        self.watches = {}
        self.timers = {}
        self.gitops = GitOps(
            self.cluster,
            self.cache,
            self.stores,
            clock=lambda: self.now,
            discover=self.cluster.discover,
            ensure_watch=self._ensure_watch if self.watching else None,
            at_once=self.at_once,
        )
        self.own = [
            (kind, store, self.server.watch(self.cluster.type_of(kind)))
            for kind, store in zip(
                OWN,
                (
                    self.stores.applications,
                    self.stores.git_repositories,
                    self.stores.helm_repositories,
                    self.stores.kustomizations,
                ),
                strict=True,
            )
        ]

    async def _ensure_watch(self, kind):
        if kind not in self.watches:
            self.watches[kind] = self.server.watch(self.cluster.type_of(kind))

    def _record(self, record):
        if not record.dry_run and record.new is not None:
            self.history.append(record)

    # What the operator does.

    def changed(self):
        """Deliver all pending events and return the keys they concern."""
        keys = {}
        for kind, store, watch in self.own:
            for event in watch.poll():
                metadata = event.object["metadata"]
                store.observe(event.type, event.object)
                keys[kind.kind, metadata.get("namespace", ""), metadata["name"]] = None
                keys.update(dict.fromkeys(self.gitops.keys_for_change(kind, event.object)))
        for kind, watch in list(self.watches.items()):
            for event in watch.poll():
                found = self.gitops.keys_for_change(
                    kind, event.object, deleted=event.type == "DELETED"
                )
                keys.update(dict.fromkeys(found))
        return list(keys)

    def settle(self):
        """Reconcile until no event and no timer is left for now."""
        for _ in range(ROUNDS_MAX):
            run_actors([self.garbage], self.now)
            keys = dict.fromkeys(self.changed())
            keys.update({key: None for key, at in self.timers.items() if at <= self.now})
            if not keys:
                return
            for key in keys:
                self.timers.pop(key, None)
                wake_at = self.runner.run(self.gitops.reconcile(key))
                if wake_at is not None:
                    assert wake_at > self.now, f"{key} wants to be called again at once"
                    self.timers[key] = wake_at
        raise AssertionError("the world does not come to rest")

    def wait(self, seconds):
        """Let time pass, waking whoever asked for it, event by event."""
        end = self.now + timedelta(seconds=seconds)
        self.settle()
        while due := [at for at in self.timers.values() if at <= end]:
            self.now = max(min(due), self.now)
            self.settle()
        self.now = end
        self.settle()

    # What people and others do.

    def create(self, manifest, kind, manager="test"):
        metadata = manifest["metadata"]
        return self.server.create(
            self.cluster.type_of(kind),
            metadata.get("namespace", ""),
            manifest,
            field_manager=manager,
        )

    def get(self, kind, name, namespace="shop"):
        from rollouts.emulator import ApiError

        try:
            return self.server.get(self.cluster.type_of(kind), namespace, name)
        except ApiError:
            return None

    def patch(self, kind, name, body, *, namespace="shop", manager="kubectl-patch", subresource=""):
        return self.server.patch(
            self.cluster.type_of(kind),
            namespace,
            name,
            body,
            "application/merge-patch+json",
            subresource=subresource,
            field_manager=manager,
        )

    def delete(self, kind, name, namespace="shop"):
        self.server.delete(self.cluster.type_of(kind), namespace, name)

    def application(self, name="web", *, path="deploy", annotations=None, finalizers=None, **spec):
        automated = {"prune": True, "selfHeal": True}
        manifest = {
            "apiVersion": APPLICATION.api_version,
            "kind": APPLICATION.kind,
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.git.url, "targetRevision": "main", "path": path},
                "destination": {
                    "server": "https://kubernetes.default.svc",
                    "namespace": "shop",
                },
                "syncPolicy": {"automated": automated},
                **spec,
            },
        }
        if annotations:
            manifest["metadata"]["annotations"] = annotations
        if finalizers:
            manifest["metadata"]["finalizers"] = finalizers
        return self.create(manifest, APPLICATION)

    def app(self, name="web"):
        return self.get(APPLICATION, name, "argocd")

    def status(self, name="web"):
        return self.app(name).get("status", {})

    def sync_words(self, name="web"):
        """Return sync status, health status and operation phase."""
        status = self.status(name)
        return (
            status.get("sync", {}).get("status"),
            status.get("health", {}).get("status"),
            status.get("operationState", {}).get("phase"),
        )

    def conditions(self, name="web"):
        return {each["type"]: each["message"] for each in self.status(name).get("conditions", [])}

    def ready(self, name="web", kind=KUSTOMIZATION):
        conditions = self.get(kind, name, "flux-system").get("status", {}).get("conditions", [])
        found = next((each for each in conditions if each["type"] == "Ready"), None)
        return None if found is None else (found["status"], found["reason"], found["message"])

    def writes_to(self, kind, name):
        """Return every stored state of an object, oldest first."""
        return [
            record.new
            for record in self.history
            if record.rt.kind == kind.kind and record.name == name
        ]


def config_map(name="a", **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data or {"key": "1"},
    }


def dumped(value):
    return json.dumps(value, sort_keys=True)
