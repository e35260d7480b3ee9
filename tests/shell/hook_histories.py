"""Random histories of syncs with hooks: what people, Jobs, Git and a failing cluster do."""

from __future__ import annotations

import random

from shell.disturbances import Disturbances
from shell.emulated import Crash
from shell.gitops_world import config_map
from shell.hook_judge import (
    ALWAYS,
    CASCADE,
    COMMIT,
    DECLARED,
    FAIL,
    FOREIGN,
    MAY_END,
    OF_DELETION,
    POLICY,
    PRE,
    Judge,
    is_held,
    sync_of,
)
from shell.hook_words import JOB, WAVE, end, job

from rollouts.api.refs import APPLICATION, CONFIG_MAP
from rollouts.emulator import ApiError

KEPT_MAX = 3
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n"
POLICIES = ("", "BeforeHookCreation", "HookSucceeded", "HookFailed", "HookSucceeded,HookFailed")
KEEPING = ("",)


class History(Disturbances):
    """One random history."""

    calls_to_crash_max = 25

    def __init__(self, world, seed):
        self.world = world
        self.random = random.Random(seed)
        self.judge = Judge(world)
        self.ledger = self.judge.ledger
        self.number = 0
        self.trace = []
        self.hands(self._foreign)

    def _foreign(self):
        theirs = job(FOREIGN, PRE)
        theirs["metadata"]["namespace"] = "shop"
        self.world.create(theirs, JOB)
        end(self.world, FOREIGN)

    def hands(self, deed):
        """Do what a person or another controller does."""
        self.judge.by_hand = True
        try:
            deed()
        finally:
            self.judge.by_hand = False

    # People

    def commit(self, names=None, policies=POLICIES):
        pick = [name for name, _, _ in DECLARED if self.random.random() < 0.7]
        names = pick if names is None else names
        names = [*names, *(name for name, _, _ in ALWAYS)]
        self.number += 1
        self.ledger.commits[self.number] = names
        self._push(
            [
                self._hook(name, phase, wave, self.random.choice(policies))
                for name, phase, wave in DECLARED
                if name in names
            ]
        )

    def _push(self, hooks):
        self.world.git.show()
        late = config_map("b", key=str(self.number))
        late["metadata"]["annotations"] = {WAVE: "1"}
        head = self.world.git.commit(
            {"deploy/a.yaml": [config_map("a", key=str(self.number)), late, *hooks]}
        )
        self.ledger.heads[head] = self.number

    def _hook(self, name, phase, wave, policy):
        notes = {WAVE: str(wave), COMMIT: str(self.number)}
        if policy:
            notes[POLICY] = policy
        if self.random.random() < 0.3:
            notes[MAY_END] = "true"
        return job(name, phase, generated=name.endswith("-"), annotations=notes)

    def spoil(self):
        """Push what cannot be read, or a hook under the name of somebody else's Job."""
        self.number += 1
        self.ledger.commits[self.number] = []
        if self.random.random() < 0.5:
            self.world.git.show()
            self.world.git.commit({"deploy/a.yaml": BROKEN})
        else:
            theirs = job(FOREIGN, PRE, annotations={COMMIT: str(self.number)})
            own = [self._hook(*each, self.random.choice(POLICIES)) for each in ALWAYS]
            self._push([theirs, *own])

    def meddle(self):
        name = self.random.choice("ab")
        if (live := self.world.get(CONFIG_MAP, name)) is not None:
            # The number stays, or nobody could tell what was applied.
            data = {"data": {"key": live["data"]["key"], "more": "hand"}}
            self.hands(lambda: self.world.patch(CONFIG_MAP, name, data))

    def remove(self):
        """Delete a hook by hand, rather one that runs than one that has ended."""
        running = [each.name for each in self.ledger.made if not each.verdict]
        if found := running or self._instances():
            name = self.random.choice(found)
            self.hands(lambda: self.world.delete(JOB, name))
            self.judge.seen["deleted by hand"] += 1

    def ask(self):
        """Ask for a sync, often for one that cannot be."""
        one = {"resources": [{"kind": "ConfigMap", "name": "a"}]}
        wishes = [
            {"sync": {"prune": True}},
            {"sync": one},
            {"sync": {"revision": "no-such"}},
            {"sync": None},
        ]
        body = {"operation": self.random.choice(wishes)}
        if self.world.app() is None:
            return
        self.hands(lambda: self.world.patch(APPLICATION, "web", body, namespace="argocd"))

    def switch(self):
        """Switch automation off, or on again."""
        if self.world.app() is None:
            return
        spec = self.world.app()["spec"]["syncPolicy"]
        automated = None if spec.get("automated") else {"prune": True}
        self._automate(automated)

    def _automate(self, automated):
        body = {"spec": {"syncPolicy": {"automated": automated}}}
        self.hands(lambda: self.world.patch(APPLICATION, "web", body, namespace="argocd"))

    def terminate(self):
        status = (self.world.app() or {}).get("status") or {}
        if (status.get("operationState") or {}).get("phase") != "Running":
            return
        self.judge.ended_by_hand.add(sync_of(status))
        body = {"status": {"operationState": {"phase": "Terminating"}}}
        self.hands(lambda: self.world.patch(APPLICATION, "web", body, namespace="argocd"))
        self.judge.seen["terminated"] += 1

    # The cluster

    def _instances(self):
        listed = self.world.server.list(self.world.cluster.type_of(JOB), "shop").items
        return [
            each["metadata"]["name"]
            for each in listed
            if each["metadata"]["name"] != FOREIGN and "deletionTimestamp" not in each["metadata"]
        ]

    def end_one(self):
        made = self.random.choice([each for each in self.ledger.made if not each.verdict])
        self.end(made, "Complete" if self.random.random() < 0.6 else "Failed")

    def end(self, made, verdict):
        """Let a Job end; one in three deletes itself at once, as its time to live may say."""
        made.verdict = verdict
        self.judge.seen[verdict] += 1
        goes = self.random.random() < 0.3

        def deed():
            try:
                end(self.world, made.name, verdict)
                if goes:
                    self.world.delete(JOB, made.name)
            except ApiError:
                made.gone = True

        self.hands(deed)

    # Faults

    def overload(self):
        verb = self.random.choice(["apply", "patch", "delete", "get", "create"])
        names = [*self._instances(), "a", "b", "web"]
        self.world.cluster.refuse = [(verb, self.random.choice(names))]

    def wait(self, seconds):
        try:
            self.world.wait(seconds)
        except Crash:
            self.judge.seen["crash"] += 1
            self.world.cluster.crash_at = None
            self.world.start()

    def step(self):
        acts = [
            self.commit,
            self.commit,
            self.spoil,
            self.world.git.hide,
            self.world.git.show,
            self.meddle,
            self.remove,
            self.remove,
            self.ask,
            self.switch,
            self.terminate,
            self.delete,
            self.declare,
            self.declare,
            self.crash,
            self.crash,
            self.restart,
            self.overload,
            self.relax,
        ]
        runs = any(not each.verdict for each in self.ledger.made)
        action = self.end_one if runs and self.random.random() < 0.4 else self.random.choice(acts)
        self.trace.append(action.__name__)
        action()
        self.wait(self.random.choice([1, 1, 3, 10, 70]))

    def declare(self):
        """Make the Application, for the first time or again."""
        if self.world.app() is not None:
            return
        retry = {"limit": self.random.choice([0, 0, 1, 2]), "backoff": {"duration": "5s"}}
        policy = {"automated": {"prune": True}, "retry": retry}
        finalizers = [CASCADE] if self.random.random() < 0.7 else []
        self.hands(lambda: self.world.application(syncPolicy=policy, finalizers=finalizers))

    def delete(self):
        if self.world.app() is not None:
            self.hands(lambda: self.world.delete(APPLICATION, "web", "argocd"))
            self.judge.seen["deletion"] += 1

    def play(self, steps):
        self.declare()
        self.commit()
        for _ in range(steps):
            self.step()

    # Calm

    def calm(self):
        """End all faults, and let good commits succeed until nothing moves."""
        self.world.cluster.crash_at = None
        self.relax()
        everything = [name for name, _, _ in DECLARED]
        for looks, policies in (*((7, KEEPING) for _ in range(KEPT_MAX)), (15, POLICIES)):
            self.commit(everything, policies)
            for _ in range(looks):
                self.declare()
                if not self.world.app()["spec"]["syncPolicy"].get("automated"):
                    self._automate({"prune": True})
                self.wait(20)
                for made in [each for each in self.ledger.made if not each.verdict]:
                    self.end(made, "Complete")
        self.wait(700)

    def check_rest(self):
        """Check what must hold when nothing moves any more."""
        world = self.world
        words = world.sync_words()
        assert words == ("Synced", "Healthy", "Succeeded"), f"{words}: {world.status()}"
        for name in ("a", "b"):
            assert world.get(CONFIG_MAP, name)["data"] == {"key": str(self.number)}
        for name, phase, _ in DECLARED:
            done = self.ledger.has_succeeded(hook=name, commit=self.number)
            assert done or phase in (FAIL, *OF_DELETION), f"{name} never succeeded"
        left = {
            each["metadata"]["name"]: each
            for each in world.server.list(world.cluster.type_of(JOB), "shop").items
        }
        assert FOREIGN in left
        held = [name for name, each in left.items() if is_held(each)]
        assert held == [], f"{held} cannot go"
        last = [each for each in self.ledger.made if each.commit == self.number]
        for made in last:
            if "HookSucceeded" in made.policy and made.verdict == "Complete":
                assert made.name not in left, f"{made.name} was to go when it succeeded"
        for name, _, _ in DECLARED:
            kept = [each for each in left if each.startswith(name)]
            assert len(kept) <= KEPT_MAX, f"{kept} were kept"
        world.cluster.calls.clear()
        writes = len(world.writes_to(APPLICATION, "web"))
        world.wait(900)
        assert world.cluster.writes() == [], "it does not come to rest"
        assert len(world.writes_to(APPLICATION, "web")) == writes, "status does not come to rest"
