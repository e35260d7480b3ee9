"""What a watch event costs on its way into a store: through kopf, and by the bare informer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from bench import crowds
from bench.figures import Figure, Report
from bench.laboratory import Laboratory, LaboratoryError
from bench.workloads import NAME, ROOT
from rollouts.api.refs import ROLLOUT
from rollouts.controller.hub import Glimpse, glimpse
from rollouts.controller.operator import OwnKind
from rollouts.kube.client import connect
from rollouts.kube.informer import Informer, Scope
from rollouts.kube.store import Change, Store

OBJECTS = 100
PATHS = ("kopf", "informer")
FOLLOW_SECONDS_MAX = 60.0


def run(*, quick: bool) -> Report:
    """Send the same events down both paths."""
    rounds = 10 if quick else 40
    template = crowds.make_template(is_paused=False)
    micros = {path: _measure(path, template, rounds) for path in PATHS}
    return Report(
        tuple(
            Figure("events", f"CPU of an event through {path}", micros[path], "us")
            for path in PATHS
        ),
        (
            (
                f"events: {OBJECTS * rounds:,} changes of {OBJECTS} Rollouts into the same store;"
                f" kopf costs {micros['kopf'] / micros['informer']:.0f} times as much"
            ),
        ),
    )


def _measure(path: str, template: crowds.Objects, rounds: int) -> float:
    """Return the microseconds of processor time that one event costs its receiver."""
    spaces = crowds.namespaces("event", OBJECTS)
    with Laboratory(pod_ready_seconds=None) as laboratory:
        laboratory.copy(template, spaces)
        command = [sys.executable, "-m", "bench.events", path, str(laboratory.kubeconfig)]
        command.append(str(OBJECTS * rounds))
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None, "asked for"
            if process.stdout.readline() != "synced\n":
                raise LaboratoryError(f"{path} does not follow: {_complaint(process)}")
            for round_ in range(rounds):
                body = {"metadata": {"annotations": {"round": str(round_)}}}
                laboratory.patch(ROLLOUT, NAME, spaces, body)
                # Each object's change arrives on its own; kopf would otherwise join them.
                time.sleep(0.02)
            answer, _ = process.communicate(timeout=FOLLOW_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            raise LaboratoryError(f"{path} did not see every event") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    found = json.loads(answer)
    return float(found["cpu_seconds"]) / int(found["events"]) * 1e6


def _complaint(process: subprocess.Popen[str]) -> str:
    process.kill()
    return process.communicate()[1][-2000:]


async def _follow(path: str, kubeconfig: Path, count: int) -> dict[str, float]:
    """Follow Rollouts until so many changes were seen; say what they cost."""
    seen = 0
    all_seen = asyncio.Event()

    def on_change(_: Change[Glimpse]) -> None:
        nonlocal seen
        if follower.synced.is_set():
            seen += 1
        if seen >= count:
            all_seen.set()

    async with await connect(kubeconfig=str(kubeconfig)) as cluster:
        scope, store = Scope(ROLLOUT), Store(glimpse)
        make = OwnKind if path == "kopf" else Informer
        follower = make(cluster, scope, store, on_change)
        task = asyncio.create_task(follower.run())
        await follower.synced.wait()
        # What kopf does with the objects of the list is not the cost of an event.
        await asyncio.sleep(2)
        before = time.process_time()
        print("synced", flush=True)
        async with asyncio.timeout(FOLLOW_SECONDS_MAX):
            await all_seen.wait()
        cpu_seconds = time.process_time() - before
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return {"cpu_seconds": cpu_seconds, "events": seen}


if __name__ == "__main__":
    _, chosen, config, wanted = sys.argv
    print(json.dumps(asyncio.run(_follow(chosen, Path(config), int(wanted)))))
