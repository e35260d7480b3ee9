"""The demo's scenarios in which nobody but the metrics decides about a new version."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp

from rollouts.api.refs import ANALYSIS_RUN, REPLICA_SET, ROLLOUT, Manifest
from rollouts.cli.demo_gate import Gate
from rollouts.cli.demo_stage import (
    NEW_IMAGE,
    OLD_IMAGE,
    ROLLOUT_FILE,
    Stage,
    check_traffic,
    is_settled,
    live_images,
    mark,
    promise,
    push_new_image,
    shorten,
    until,
    weight_of,
)
from rollouts.cli.tree import HASH, phase_of
from rollouts.core.progress import INCONCLUSIVE
from rollouts.core.requests import ACCEPTED, PREFIX, VERBS

TEMPLATE_FILE = "deploy/analysis-template.yaml"
REPORT_SECONDS = 2.0
AFTERWARDS_SECONDS = 1.0
"""How long is watched where requests go once all is over."""

STEPS = 2
"""Analyses in the example's steps."""


async def bad_version(stage: Stage) -> None:
    """The new image answers errors; the first measurement of them puts traffic back on stable."""
    gate = await _add_gate(stage)
    async with _nobody_asks(stage), _reports(stage, gate):
        await push_new_image(stage)
        await until(
            stage, "all traffic and pods are back on the old version", _is_back(stage, gate)
        )
        runs = await _runs(stage, gate)
        promise(len(runs) == 1, f"one analysis has run: {len(runs)} have")
        result = _result(runs[0], "Failed")
        promise(result.get("failed") == 1, f"the first bad measurement was enough: {result}")
        message = runs[0]["status"].get("message") or ""
        told = phase_of(await stage.kube.get(stage.rollout))[1]
        promise(bool(message) and message in told, f"the metric's message {message!r}: {told!r}")
        await check_traffic(stage, OLD_IMAGE)
        await _check_requests(stage, gate, to=OLD_IMAGE)
    errors = gate.traffic.tally.of(gate.canary.version.revision).errors
    promise(errors > 0, "the new version has answered errors")


async def good_version(stage: Stage) -> None:
    """The new image answers well; it is promoted by what was measured, and by nothing else."""
    gate = await _add_gate(stage)
    async with _nobody_asks(stage), _reports(stage, gate):
        await push_new_image(stage)
        await until(stage, "the new version is healthy and synced", _is_promoted(stage))
        runs = await _runs(stage, gate)
        promise(len(runs) == STEPS, f"each of {STEPS} analyses has run once: {len(runs)} have")
        for run in runs:
            result = _result(run, "Successful")
            count, good = result.get("count") or 0, result.get("successful") or 0
            promise(count > 0 and count == good, f"it has measured, all good: {good} of {count}")
        await check_traffic(stage, NEW_IMAGE)
        await _check_requests(stage, gate, to=NEW_IMAGE)


async def _add_gate(stage: Stage) -> Gate:
    """Commit the gate, and wait until it is in the cluster and measured."""
    gate = stage.gate
    assert gate is not None, "the caller opens what these stories measure"
    text = mark(shorten(gate.rollout, stage.pause), stage.instance)
    stage.repository.write(ROLLOUT_FILE, text)
    stage.repository.write(TEMPLATE_FILE, gate.template)
    commit = stage.repository.push("Let metrics decide")
    stage.say(f"commit {commit[:7]}: Let metrics decide")

    async def is_there() -> bool:
        application = (await stage.kube.get(stage.application)).get("status") or {}
        sync = application.get("sync") or {}
        is_synced = (sync.get("status"), sync.get("revision")) == ("Synced", commit)
        return is_synced and await is_settled(stage, OLD_IMAGE)()

    await until(stage, "the gate is synced, and nothing else has changed", is_there)
    await until(stage, "both versions are measured", gate.is_measured)
    return gate


def _is_back(stage: Stage, gate: Gate) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        rollout = await stage.kube.get(stage.rollout)
        status = rollout.get("status") or {}
        phase, message = phase_of(rollout)
        promise(status.get("stableRS") != gate.canary.version.revision, "the gate held")
        promise(message != INCONCLUSIVE, "there is something to measure")
        is_told = phase == "Degraded" and status.get("abort") is True
        return is_told and await weight_of(stage) == "0" and await live_images(stage) == {OLD_IMAGE}

    return check


def _is_promoted(stage: Stage) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        phase, message = phase_of(await stage.kube.get(stage.rollout))
        promise(phase != "Degraded", f"the new version is fine: {message}")
        promise(message != INCONCLUSIVE, "there is something to measure")
        return await is_settled(stage, NEW_IMAGE)()

    return check


async def _runs(stage: Stage, gate: Gate) -> list[Manifest]:
    """Return the runs about the new version."""
    selector = f"{HASH}={gate.canary.version.revision}"
    found = await stage.kube.list(ANALYSIS_RUN, stage.production, label_selector=selector)
    sets = await stage.kube.list(REPLICA_SET, stage.production, label_selector=selector)
    promise(bool(sets), f"the new version's pods bear the hash {gate.canary.version.revision}")
    return found


def _result(run: Manifest, phase: str) -> Manifest:
    """Return what the only metric of a run has measured, once the run has ended as it should."""
    status = run.get("status") or {}
    promise(status.get("phase") == phase, f"the analysis is {phase}: {status}")
    results: list[Manifest] = status.get("metricResults") or []
    promise(len(results) == 1, f"one metric was measured: {results}")
    return results[0]


async def _check_requests(stage: Stage, gate: Gate, *, to: str) -> None:
    """Check that users' requests go to one version alone, by their own count and the versions'."""
    traffic = gate.traffic

    async def is_seen() -> bool:
        return traffic.weight == 0

    await until(stage, "users' requests follow the weight back to 0", is_seen)
    before = await traffic.settle()
    await asyncio.sleep(AFTERWARDS_SECONDS)
    after = await traffic.settle()
    promise(after.lost == 0, f"every request was answered: {after.lost} were not")
    for served in (gate.stable, gate.canary):
        revision, tag = served.version.revision, served.version.tag
        fresh = after.of(revision).since(before.of(revision))
        stage.say(f"since then {fresh} to {tag}")
        is_right = fresh.requests > 0 if served.version.image == to else fresh.requests == 0
        promise(is_right, f"requests go to {to} alone: {fresh} to {tag}")
    async with aiohttp.ClientSession() as session:
        counted = await gate.canary.counted(session)
    known = traffic.tally.of(gate.canary.version.revision)
    is_same = to != OLD_IMAGE or counted == known
    promise(is_same, f"the new version has counted what was sent to it: {counted}, {known}")


@contextlib.asynccontextmanager
async def _nobody_asks(stage: Stage) -> AsyncIterator[None]:
    """Check in every version of the Rollout that nobody has asked for anything meanwhile."""
    version = (await stage.kube.get(stage.rollout))["metadata"]["resourceVersion"]
    seen: set[str] = set()

    async def look() -> None:
        wanted = {ACCEPTED, *(f"{PREFIX}{verb}" for verb in VERBS)}
        async for _, rollout in stage.kube.watch(ROLLOUT, stage.production, "", version):
            seen.update(wanted & set(rollout["metadata"].get("annotations") or ()))

    task = asyncio.create_task(look())
    try:
        yield
        promise(not task.done(), "the Rollout could be followed to the end")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    promise(not seen, f"nobody has asked for anything: {sorted(seen)}")
    stage.say("nobody has annotated the Rollout: the metrics alone have decided")


@contextlib.asynccontextmanager
async def _reports(stage: Stage, gate: Gate) -> AsyncIterator[None]:
    """Say again and again what users see, for as long as it changes between the versions."""

    async def report() -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            if gate.traffic.weight:
                stage.say(f"users: {gate.shares(gate.traffic.tally)}")

    task = asyncio.create_task(report())
    try:
        yield
        stage.say(f"users in all: {gate.shares(gate.traffic.tally)}")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
