"""The demo's scenarios in which metrics decide, told in this process; and that they can fail."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rollouts.api.refs import ROLLOUT, ObjectRef
from rollouts.cli.demo_gate import open_gate
from rollouts.cli.demo_gate_story import _nobody_asks
from rollouts.cli.demo_repository import DemoRepository
from rollouts.cli.demo_stage import NAME, PRODUCTION, PromiseBroken, Stage, deploy_first_version
from rollouts.cli.demo_story import STORIES
from rollouts.cli.laptop import Laptop

PAUSE = "600ms"
PROMETHEUS = shutil.which("prometheus")
ANALYSIS = re.compile(r"      - analysis:\n(?:        .*\n)+")


async def fail():
    raise AssertionError("no story here restarts the controller")


@contextlib.asynccontextmanager
async def stage_in(folder, said, pause=PAUSE):
    async with Laptop(folder) as laptop:
        yield Stage(
            kube=laptop.kube,
            repository=DemoRepository(folder),
            say=said.append,
            check=laptop.check,
            pause=pause,
            patience=0.0,
            restart=fail,
        )


def tell(folder, story, *, serves="", prometheus=None, pause=PAUSE, change=lambda gate: gate):
    """Tell a story; what the new version answers may be that of another one."""
    said = []

    async def go():
        async with (
            stage_in(folder, said, pause) as stage,
            open_gate(
                stage.kube,
                stage.production,
                folder,
                scenario=serves or story,
                pause=pause,
                prometheus=prometheus,
                say=said.append,
            ) as gate,
        ):
            staged = replace(stage, gate=change(gate))
            await deploy_first_version(staged)
            await STORIES[story](staged)
        return gate.traffic.tally, gate

    tally, gate = asyncio.run(go())
    return said, tally.of(gate.stable.version.revision), tally.of(gate.canary.version.revision)


def test_a_bad_version_is_taken_off_the_users_by_what_the_workload_counts(tmp_path):
    said, stable, canary = tell(tmp_path, "bad-version")

    assert said[0].endswith("by the web provider")
    assert stable.requests > 50
    assert stable.errors == 0
    assert 0 < canary.errors <= canary.requests / 2
    assert "nobody has annotated the Rollout: the metrics alone have decided" in said


@pytest.mark.played
def test_a_good_version_is_promoted_by_what_the_workload_counts(tmp_path):
    said, stable, canary = tell(tmp_path, "good-version")

    assert canary.requests > 50
    assert (stable.errors, canary.errors) == (0, 0)
    assert "since then no requests to 1.0.0" in said


@pytest.mark.played
@pytest.mark.prometheus
@pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus on the PATH")
def test_a_bad_version_is_taken_off_the_users_by_a_real_prometheus(tmp_path):
    said, _, canary = tell(tmp_path, "bad-version", prometheus=PROMETHEUS, pause="2s")

    assert said[0].startswith("metrics come from Prometheus ")
    assert 0 < canary.errors <= canary.requests / 2
    assert (tmp_path / "work" / "deploy" / "analysis-template.yaml").read_text().count("rate(") == 2


def test_without_the_gate_a_bad_version_breaks_the_storys_promise(tmp_path):
    def without_gate(gate):
        opened, count = ANALYSIS.subn("", gate.rollout)
        assert count == 2
        return replace(gate, rollout=opened)

    with pytest.raises(PromiseBroken, match="the gate held"):
        tell(tmp_path, "bad-version", change=without_gate)


@pytest.mark.played
def test_a_version_with_errors_breaks_the_promise_of_a_good_one(tmp_path):
    with pytest.raises(PromiseBroken, match="the new version is fine: RolloutAborted"):
        tell(tmp_path, "good-version", serves="bad-version")


def test_somebody_who_asks_for_something_breaks_the_promise_that_nobody_has(tmp_path):
    async def go():
        async with stage_in(tmp_path, []) as stage:
            await deploy_first_version(stage)
            async with _nobody_asks(stage):
                ref = ObjectRef(ROLLOUT, PRODUCTION, NAME)
                body = {"metadata": {"annotations": {"rollouts.dev/retry": "true"}}}
                await stage.kube.patch(ref, body)
                await asyncio.sleep(0.3)

    with pytest.raises(PromiseBroken, match=re.escape("['rollouts.dev/")):
        asyncio.run(go())


def children(pid):
    """The processes that one has started and that still run."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.add(int(path.parent.name))
    return found


def test_ctrl_c_ends_everything_that_the_demo_has_started():
    words = ["-m", "rollouts", "demo", "--scenario", "good-version"]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as demo:
        for line in demo.stdout:
            if "metrics come from" in line:
                break
        started = children(demo.pid)
        demo.send_signal(signal.SIGINT)
        code = demo.wait(30)

    # At least the versions and what measures them; git may run just then as well.
    assert len(started) >= (2 if PROMETHEUS is None else 3)
    assert code == 130
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
