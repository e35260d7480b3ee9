"""Random histories of commits, hands, faults and crashes: the safety rules hold throughout.

Never delete what is not ours, never forget what is, leave the cluster alone while it is not
known what Git wants; and once calm returns, reach what Git wants and stay there without a write.
"""

import random

import pytest
from effort import seeds
from shell.disturbances import Disturbances
from shell.emulated import Crash
from shell.gitops_world import World, config_map

from rollouts.api.refs import APPLICATION, CONFIG_MAP
from rollouts.gitops.inventory import parse_inventory
from rollouts.gitops.tracking import TRACKING_ID

STEPS = 12
NAMES = "abcdef"
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n"


class History(Disturbances):
    """One random history, and what must hold in it."""

    def __init__(self, world, seed):
        self.world = world
        self.random = random.Random(seed)
        self.wanted = {}
        self.ever = {}
        self.trace = []
        world.server.on_write.append(self.judge)

    def judge(self, record):
        """Check every deletion as it happens."""
        if record.dry_run or record.new is not None or record.rt.kind != "ConfigMap":
            return
        metadata = record.old["metadata"]
        mark = (metadata.get("annotations") or {}).get(TRACKING_ID, "")
        assert mark == f"web:/ConfigMap:shop/{record.name}", f"{record.name} was not ours"
        assert record.name not in self.wanted, f"{record.name} is in Git"
        assert record.name in self.recorded(), f"{record.name} was in no inventory"

    def recorded(self):
        status = (self.world.app() or {}).get("status", {})
        return {key.name for key in parse_inventory(status.get("inventory")).keys}

    def check(self):
        listed = self.world.server.list(self.world.cluster.type_of(CONFIG_MAP), "shop").items
        ours = {
            each["metadata"]["name"]
            for each in listed
            if (each["metadata"].get("annotations") or {})
            .get(TRACKING_ID, "")
            .endswith(f"/{each['metadata']['name']}")
        }
        assert ours <= self.recorded()
        assert self.world.get(CONFIG_MAP, "stranger")["data"] == {"key": "1"}

    def commit(self):
        chosen = self.random.sample(NAMES, self.random.randint(1, len(NAMES)))
        self.wanted = {name: {"key": str(self.random.randint(0, 9))} for name in sorted(chosen)}
        self.put([config_map(name, **data) for name, data in self.wanted.items()])

    def put(self, content):
        self.world.git.show()
        self.world.git.commit({"deploy/a.yaml": content})

    def spoil(self):
        kind = self.random.choice(["broken", "rejected", "empty"])
        if kind == "broken":
            self.put(BROKEN)
        elif kind == "rejected":
            self.put([{**config_map("a"), "data": {"key": 5}}])
        else:
            self.put("# nothing\n")

    def meddle(self):
        name = self.random.choice(NAMES)
        if self.world.get(CONFIG_MAP, name) is None:
            return
        if self.random.random() < 0.3:
            notes = {"metadata": {"annotations": {TRACKING_ID: None}}}
            self.world.patch(CONFIG_MAP, name, notes, manager="meddler")
        else:
            self.world.patch(CONFIG_MAP, name, {"data": {"key": "hand"}})

    def overload(self):
        verb = self.random.choice(["apply", "patch", "delete", "get"])
        name = "web" if verb == "patch" else self.random.choice(NAMES)
        self.world.cluster.refuse = [(verb, name)]

    def wait(self, seconds=None):
        try:
            self.world.wait(seconds or self.random.choice([1, 30, 70, 200, 700]))
        except Crash:
            self.world.cluster.crash_at = None
            self.check()
            self.world.start()

    def step(self):
        action = self.random.choice(
            [
                self.commit,
                self.commit,
                self.spoil,
                self.world.git.hide,
                self.world.git.show,
                self.meddle,
                self.meddle,
                self.crash,
                self.crash,
                self.restart,
                self.overload,
                self.relax,
            ]
        )
        self.trace.append(action.__name__)
        action()
        self.wait()
        self.check()

    def calm(self):
        self.world.cluster.crash_at = None
        self.world.git.show()
        self.relax()
        self.commit()
        self.wait(1300)


@pytest.mark.parametrize("seed", seeds(5))
def test_a_random_history_breaks_no_rule_and_comes_to_rest(tmp_path, seed):
    world = World(tmp_path)
    try:
        stranger = config_map("stranger")
        stranger["metadata"]["namespace"] = "shop"
        world.create(stranger, CONFIG_MAP)
        world.git.commit({"deploy/a.yaml": [config_map("a")]})
        history = History(world, seed)
        history.wanted = {"a": {"key": "1"}}
        world.application()
        for _ in range(STEPS):
            history.step()
        history.calm()

        found = {name: world.get(CONFIG_MAP, name) for name in NAMES}
        content = {name: each["data"] for name, each in found.items() if each is not None}
        lost_mark = {
            name
            for name, each in found.items()
            if each is not None and TRACKING_ID not in each["metadata"].get("annotations", {})
        }
        kept = {name: data for name, data in content.items() if name not in lost_mark}
        assert kept == history.wanted, history.trace
        assert world.sync_words()[0] == "Synced", history.trace
        world.cluster.calls.clear()
        writes = len(world.writes_to(APPLICATION, "web"))
        world.wait(3600)
        assert world.cluster.writes() == [], history.trace
        assert len(world.writes_to(APPLICATION, "web")) == writes
    finally:
        world.close()
