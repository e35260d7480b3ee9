"""A cluster that the peer has left, and our controller in its place."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import yaml
from e2e.hands import ROOT, Hands, Line
from e2e.peer.objects import CONTROLLER, REVISION
from e2e.peer.stories import STORIES

from tests.cluster.processes import free_ports, wait_until

PEER_DEFINITION = ROOT / "tests" / "e2e" / "peer" / "rollouts-crd.yaml"
OUR_DEFINITIONS = ROOT / "crds"
HOME = "rollouts"
ACCOUNT = f"system:serviceaccount:{HOME}:rollouts"
KINDS = {
    "Rollout": "/apis/argoproj.io/v1alpha1",
    "ReplicaSet": "/apis/apps/v1",
    "Pod": "/api/v1",
    "Service": "/api/v1",
    "Ingress": "/apis/networking.k8s.io/v1",
}
WRITES = ("create", "update", "patch", "delete", "deletecollection")
QUIET_SECONDS = 4.0
"""Longer than a write of counters is held for."""

PATIENCE = 90.0


class Scene:
    """All stories, each in a namespace of its own, before and after the take-over."""

    def __init__(self, cluster, folder, mode):
        self.cluster, self.mode = cluster, mode
        self.hands = Hands(cluster, folder)
        self.line = Line(cluster)
        self.namespaces = {}
        self.lefts = {}
        self.before = {}
        self.after = {}
        self._folder = folder
        self._process = None

    def namespace(self, story):
        """Return a story's namespace."""
        return self.namespaces.get(story, f"{self.mode}-{story}")

    # -- what the peer did -----------------------------------------------------------------------

    def set_up(self, only=()):
        """Write what the peer leaves, under its own definition, and wait for the pods."""
        self._apply(PEER_DEFINITION)
        for left in (make() for make in STORIES):
            if only and left.name not in only:
                continue
            self.lefts[left.name] = left
            self._leave(self.namespace(left.name), left)
        for left in self.lefts.values():
            self._await_pods(left)
        for name, left in self.lefts.items():
            # Built again, so that its times are of now.
            fresh = next(made for make in STORIES if (made := make()).name == name)
            self.write_status(name, fresh.whole_status(generation=1))
            left.status = fresh.status
        if self.mode == "over":
            self._apply(OUR_DEFINITIONS)

    def _apply(self, path):
        done = self.hands.attempt(f"apply --server-side --force-conflicts -f {path}")
        assert done.returncode == 0, done.stderr
        self.hands.await_definitions()

    def _leave(self, namespace, left):
        self.create("", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        made = self.create(namespace, left.rollout(), manager="kubectl-create")
        owner = {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web",
            "uid": made["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        for each in (*left.replica_sets(owner), *left.network(owner)):
            self.create(namespace, each)

    def create(self, namespace, manifest, *, manager=CONTROLLER):
        """Create an object in the peer's name."""
        path = f"{_path(manifest['kind'], namespace)}?fieldManager={manager}"
        answer = self.line.ask("POST", path, manifest)
        assert answer.code == 201, answer.message
        return answer.body

    def _await_pods(self, left):
        wanted = sum(each.replicas for each in left.sets)

        def are_ready():
            sets = self.all("ReplicaSet", left.name)
            return wanted == sum(each["status"].get("availableReplicas", 0) for each in sets)

        wait_until(are_ready, at_most=PATIENCE, what=f"{wanted} pods of {left.name}")

    # -- our controller --------------------------------------------------------------------------

    def take_over(self, kubeconfig):
        """Start our controller and wait until it has nothing left to write."""
        self.before = {name: self.look(name) for name in self.lefts}
        health, metrics = free_ports(2)
        words = [
            "--kubeconfig", kubeconfig, "--no-gitops", "--health-port", health,
            "--metrics-port", metrics, "--lease-namespace", HOME,
        ]  # fmt: skip
        log = self._folder / f"{self.mode}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rollouts", "run", *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.log = log
        wait_until(
            lambda: all(self.writes(name) for name in self.lefts), at_most=PATIENCE,
            what="a status of ours on each Rollout", log=log,
        )  # fmt: skip
        quiet = [name for name in self.lefts if name not in ("draining", "nearly-over")]
        self.await_quiet(*quiet)
        self.after = {name: self.look(name) for name in self.lefts}
        self.taken = {name: list(self.writes(name)) for name in self.lefts}

    def stop(self):
        self.line.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    # -- what can be seen ------------------------------------------------------------------------

    def all(self, kind, story):
        """Return every object of a kind in a story's namespace."""
        answer = self.line.ask("GET", _path(kind, self.namespace(story)))
        assert answer.code == 200, answer.message
        return [{**each, "kind": kind} for each in answer.body["items"]]

    def look(self, story):
        """Return every object of a story's namespace that counts, by kind and name."""
        found = [each for kind in KINDS for each in self.all(kind, story)]
        return {(each["kind"], each["metadata"]["name"]): each for each in found}

    def rollout(self, story):
        (found,) = self.all("Rollout", story)
        return found

    def sizes(self, story):
        """Return the wanted sizes of the ReplicaSets, oldest revision first."""
        sets = self.all("ReplicaSet", story)
        sets.sort(key=lambda each: int(each["metadata"]["annotations"][REVISION]))
        return [each["spec"]["replicas"] for each in sets]

    def weight(self, story):
        """Return the weight of the canary Ingress."""
        (ingress,) = (
            each
            for each in self.all("Ingress", story)
            if each["metadata"]["name"] == "web-web-canary"
        )
        return int(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"])

    def write_status(self, story, status):
        """Write status in the peer's name."""
        answer = self.line.ask(
            "PATCH",
            f"{_path('Rollout', self.namespace(story))}/web/status?fieldManager={CONTROLLER}",
            {"status": status},
            content="application/merge-patch+json",
        )
        assert (answer.code, answer.warnings) == (200, []), answer.message

    def ask(self, story, verb, value="true"):
        self.hands.run(
            f"annotate rollout web -n {self.namespace(story)} rollouts.dev/{verb}={value}"
        )

    def writes(self, story):
        """Return our controller's writes in a story's namespace: verb, resource and subresource."""
        found = []
        for line in self.cluster.site.audit_log.read_text().splitlines():
            if f'"namespace":"{self.namespace(story)}"' not in line:
                continue
            entry = json.loads(line)
            ref = entry["objectRef"]
            if (
                entry["user"]["username"] == ACCOUNT
                and entry["verb"] in WRITES
                and ref["resource"] != "events"
            ):
                found.append((entry["verb"], ref["resource"], ref.get("subresource", "")))
        return found

    def await_quiet(self, *stories):
        """Wait until nothing has been written for a while."""
        seen, since = None, time.monotonic()

        def is_quiet():
            nonlocal seen, since
            now = [len(self.writes(name)) for name in stories]
            if now != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() - since > QUIET_SECONDS

        wait_until(is_quiet, at_most=PATIENCE, what="the controller to have done", log=self.log)

    def until(self, question, what):
        wait_until(
            question, at_most=PATIENCE, what=f"{what} in {self.mode}", log=self.log
        )  # fmt: skip


def _path(kind, namespace):
    """Return the path of a kind's objects in a namespace, or of all namespaces without one."""
    if not namespace:
        return "/api/v1/namespaces"
    plural = "ingresses" if kind == "Ingress" else f"{kind.lower()}s"
    return f"{KINDS[kind]}/namespaces/{namespace}/{plural}"


def peer_schema():
    """Return the schema of the peer's definition."""
    definition = yaml.safe_load(PEER_DEFINITION.read_text())
    return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
