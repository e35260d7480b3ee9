"""How long a failing sample, once Prometheus has it, leaves traffic on the canary."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.calls import Commit
from bench.controller import free_ports
from bench.figures import Figure, Report, Target, percentile
from bench.gauges import NAME as GAUGE
from bench.laboratory import Laboratory, LaboratoryError
from bench.records import facts_of, is_healthy
from bench.workloads import NAME, example, image_change
from rollouts.api.refs import ANALYSIS_RUN, ANALYSIS_TEMPLATE, INGRESS, ROLLOUT, Kind, Manifest

CANARIES, ROUNDS = 33, 3
"""Side by side, and how often: what is measured is one canary among some, not a crowd."""

REPLICAS = 2
MILLISECOND = timedelta(milliseconds=1)
WEIGHT = 20
INTERVAL_MS = 1000
LATE_MS_MAX = 250
SPACING_SECONDS = 0.21
"""Between two canaries that turn bad; no part of the interval, so that all its moments occur."""

SCRAPE_INTERVAL = "100ms"
START_SECONDS_MAX = 30.0

STEPS: tuple[Manifest, ...] = ({"setWeight": WEIGHT}, {"pause": {}})


def run(*, quick: bool) -> Report:
    """Let canaries with analysis beside their steps turn bad, one after the other."""
    rounds = [
        [f"gate-{number}-{index:02}" for index in range(CANARIES)]
        for number in range(1 if quick else ROUNDS)
    ]
    turned: dict[str, float] = {}
    with (
        Laboratory() as laboratory,
        _gauges([each for namespaces in rounds for each in namespaces]) as (host, pipe),
        _prometheus(host) as prometheus,
        laboratory.controller("--metric-allowed-addresses", "127.0.0.0/8"),
    ):
        before = laboratory.busyness()
        for namespaces in rounds:
            _deploy(laboratory, namespaces, prometheus or f"http://{host}")
            turned |= _fail(laboratory, namespaces, pipe)
        others = laboratory.busyness().strangers_percent(before)
        commits = laboratory.commits()
        failed = first_failures(_matrix(prometheus)) if prometheus else turned
    return _report(late_ms(commits, failed), is_real=bool(prometheus), others=others)


def _fail(laboratory: Laboratory, namespaces: list[str], pipe: Connection) -> dict[str, float]:
    """Turn one number after the other bad; return when, once no canary has traffic."""
    turned = {}
    for namespace in namespaces:
        pipe.send(namespace)
        turned[namespace] = pipe.recv()
        time.sleep(SPACING_SECONDS)
    laboratory.wait_until(
        lambda: _weights(laboratory, namespaces) == {"0"}, at_most=30, what="every weight to be 0"
    )
    return turned


def first_failures(matrix: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return when each series was 1 for the first time, by its namespace, in seconds."""
    return {
        series["metric"]["namespace"]: next(at for at, value in series["values"] if value == "1")
        for series in matrix
        if any(value == "1" for _, value in series["values"])
    }


def late_ms(commits: Iterable[Commit], failed: Mapping[str, float]) -> list[float]:
    """Return for each canary how long after its failing sample its weight was 0.

    Raises:
        LaboratoryError: a weight was 0 before, or never.
    """
    late: dict[str, float] = {}
    begun: set[str] = set()
    for commit in commits:
        space, weight = commit.namespace, commit.facts.get("weight")
        if commit.resource != INGRESS.plural or space in late:
            continue
        if weight == str(WEIGHT):
            begun.add(space)
        elif weight == "0" and space in begun & failed.keys():
            late[space] = (commit.at - datetime.fromtimestamp(failed[space], UTC)) / MILLISECOND
    if len(late) != len(failed) or min(late.values(), default=0) < 0:
        raise LaboratoryError(f"{len(late)} of {len(failed)} canaries were stopped after a failure")
    return list(late.values())


def _deploy(laboratory: Laboratory, namespaces: list[str], address: str) -> None:
    """Bring every canary to its pause, with an analysis that has measured."""
    for namespace in namespaces:
        laboratory.create(_gated(namespace, address))
    laboratory.wait_until(
        lambda: all(is_healthy(each) for each in _facts(laboratory, ROLLOUT, namespaces)),
        at_most=60,
        what="all Rollouts to be healthy",
        look=0.5,
    )
    laboratory.patch(ROLLOUT, NAME, namespaces, image_change())
    laboratory.wait_until(
        lambda: _weights(laboratory, namespaces) == {str(WEIGHT)},
        at_most=60,
        what="all canaries",
        look=0.5,
    )
    laboratory.wait_until(
        lambda: _measured_twice(laboratory, namespaces) == len(namespaces),
        at_most=60,
        what="every analysis to measure",
        look=0.5,
    )
    laboratory.settle()


def _gated(namespace: str, address: str) -> tuple[Manifest, ...]:
    manifests = example(
        namespace, pause_seconds=1, scale_down_seconds=30, steps=STEPS, replicas=REPLICAS
    )
    rollout = manifests[-1]
    rollout["spec"]["strategy"]["canary"]["analysis"] = {"templates": [{"templateName": "gate"}]}
    metric = {
        "name": "gate",
        "interval": f"{INTERVAL_MS}ms",
        "successCondition": "result[0] < 1",
        "provider": {
            "prometheus": {"address": address, "query": f'{GAUGE}{{namespace="{namespace}"}}'}
        },
    }
    template = {
        "apiVersion": ANALYSIS_TEMPLATE.api_version,
        "kind": ANALYSIS_TEMPLATE.kind,
        "metadata": {"name": "gate", "namespace": namespace},
        "spec": {"metrics": [metric]},
    }
    return (*manifests[:-1], template, rollout)


def _objects(laboratory: Laboratory, kind: Kind, namespaces: list[str]) -> list[Manifest]:
    found = laboratory.objects(kind)
    return [each for each in found if each["metadata"]["namespace"] in namespaces]


def _facts(laboratory: Laboratory, kind: Kind, namespaces: list[str]) -> list[dict[str, Any]]:
    return [facts_of(kind.plural, each) for each in _objects(laboratory, kind, namespaces)]


def _weights(laboratory: Laboratory, namespaces: list[str]) -> set[str]:
    facts = _facts(laboratory, INGRESS, namespaces)
    return {each["weight"] for each in facts if each["weight"] is not None}


def _measured_twice(laboratory: Laboratory, namespaces: list[str]) -> int:
    """Return how many analyses have measured at least twice, always well."""
    results = [
        result
        for each in _objects(laboratory, ANALYSIS_RUN, namespaces)
        for result in (each.get("status") or {}).get("metricResults") or ()
    ]
    return sum(result.get("successful", 0) > 1 for result in results)


def _report(late: list[float], *, is_real: bool, others: float) -> Report:
    limit = INTERVAL_MS + LATE_MS_MAX
    source = "a real Prometheus" if is_real else "a stand-in for Prometheus"
    figures = (
        Figure("gate", "failing sample to weight 0, p50", percentile(late, 50), "ms"),
        Figure("gate", "the same, p99", percentile(late, 99), "ms", Target("<", limit)),
        Figure("gate", "the same, latest", max(late), "ms"),
    )
    line = (
        f"gate: {len(late)} canaries, measured every {INTERVAL_MS} ms by {source};"
        f" other work had {others:.0f} % of the cores meanwhile"
    )
    return Report(figures, (line,))


@contextlib.contextmanager
def _gauges(namespaces: list[str]) -> Iterator[tuple[str, Connection]]:
    """Serve the numbers; yields host and port, and the pipe that turns them bad."""
    from bench import gauges

    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=gauges.main, args=(theirs, namespaces), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_SECONDS_MAX):
            raise LaboratoryError("the numbers are not served")
        yield f"127.0.0.1:{ours.recv()}", ours
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


@contextlib.contextmanager
def _prometheus(target: str) -> Iterator[str]:
    """Run a real Prometheus over the numbers; yields its address, empty where there is none."""
    binary = shutil.which("prometheus")
    if binary is None:
        yield ""
        return
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="rollouts-bench-") as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text(json.dumps(_config(target)))
        command = (binary, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                   f"--web.listen-address=127.0.0.1:{port}")  # fmt: skip
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for_scrape(address)
            yield address
        finally:
            process.terminate()
            process.wait()


def _config(target: str) -> dict[str, Any]:
    times = {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL}
    job = {"job_name": "gate", "static_configs": [{"targets": [target]}]}
    return {"global": times, "scrape_configs": [job]}


def _wait_for_scrape(address: str) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        # URLError is an OSError, too.
        with contextlib.suppress(OSError):
            if _matrix(address):
                return
        time.sleep(0.2)
    raise LaboratoryError("the Prometheus scrapes nothing")


def _matrix(address: str) -> list[dict[str, Any]]:
    """Return every sample that Prometheus has, with its own times."""
    query = urlencode({"query": f"{GAUGE}[10m]"})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found
