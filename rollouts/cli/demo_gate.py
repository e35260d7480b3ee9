"""What the demo's metrics are made of: a workload that is used, and what measures it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp

from rollouts.api.documents import read_documents
from rollouts.api.pod_template import pod_template_hash
from rollouts.api.times import parse_duration
from rollouts.cli.demo_prometheus import JOB, Prometheus, config_text, run_prometheus
from rollouts.cli.demo_stage import NEW_IMAGE, OLD_IMAGE, example_file
from rollouts.cli.demo_traffic import Tally, Traffic
from rollouts.cli.demo_workload import Served, Version, serve_version
from rollouts.kube.rest import KubeCluster

EXAMPLE = "02-metrics-decide"
TEMPLATE, ROLLOUT = "analysis-template.yaml", "rollout.yaml"

ERROR_PERCENT = {"bad-version": 50, "good-version": 0}
"""Which share of its requests the new version answers with an error, by scenario."""

WEB_TEMPLATE = """\
# There is no prometheus on the PATH: the new version is asked for its own count.
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: error-share
spec:
  args:
  - name: revision
  metrics:
  - name: error-share
    initialDelay: {delay}
    interval: {interval}
    count: 5
    successCondition: result < 0.05
    provider:
      web:
        url: {url}/{{{{args.revision}}}}
        jsonPath: "{{$.errorShare}}"
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """Two versions that are served, users of them, and what measures them.

    Attributes:
        stable: the version before, and `canary` the one to come.
        prometheus: what scrapes both; None where the web provider reads their own count.
        rollout, template: the manifests that are committed.
    """

    stable: Served
    canary: Served
    traffic: Traffic
    prometheus: Prometheus | None
    rollout: str
    template: str

    @property
    def measures(self) -> str:
        """Return in a few words what is asked for the metrics."""
        if self.prometheus is None:
            return "the workload's own counters (no prometheus on the PATH), by the web provider"
        return f"Prometheus {self.prometheus.version} on {self.prometheus.url}"

    def shares(self, tally: Tally) -> str:
        """Return in words what both versions have answered."""
        parts = (
            f"{each.version.tag}: {tally.of(each.version.revision)}"
            for each in (self.stable, self.canary)
        )
        return "; ".join(parts)

    async def is_measured(self) -> bool:
        """Tell whether everything is measured that there is to measure."""
        if self.prometheus is None:
            return True
        async with aiohttp.ClientSession() as session:
            return {self.stable.version.tag, self.canary.version.tag} <= (
                await self.prometheus.scraped(session)
            )


def prometheus_template(text: str, url: str, window: timedelta) -> str:
    """Return the example's template with the demo's address, and its minute made shorter."""
    text = re.sub(r"address: \S+", f"address: {url}", text)
    text = text.replace("[1m]", f"[{_go(window)}]")
    text = re.sub(r"initialDelay: \S+", f"initialDelay: {_go(_delay(window))}", text)
    return re.sub(r"interval: \S+", f"interval: {_go(_interval(window))}", text)


def web_template(url: str, window: timedelta) -> str:
    """Return a template that reads the count of the version that is measured."""
    delay, interval = (_go(each) for each in (_delay(window), _interval(window)))
    return WEB_TEMPLATE.format(url=url, delay=delay, interval=interval)


def _delay(window: timedelta) -> timedelta:
    """Return the delay by the example's proportions: 75 s for a minute."""
    return window * 1.25


def _interval(window: timedelta) -> timedelta:
    """Return the interval of measuring, and of scraping, in proportion: 15 s for a minute."""
    return window / 4


def _go(duration: timedelta) -> str:
    return f"{round(1000 * duration.total_seconds())}ms"


def revision_of(text: str, image: str) -> str:
    """Return the pod template hash that a Rollout will have with an image."""
    (document,) = read_documents(re.sub(r"image: \S+", f"image: {image}", text), ROLLOUT)
    return pod_template_hash(document.manifest["spec"]["template"])


@contextlib.asynccontextmanager
async def open_gate(
    kube: KubeCluster,
    namespace: str,
    folder: Path,
    *,
    scenario: str,
    pause: str,
    prometheus: str | None,
    say: Callable[[str], None],
    as_written: Callable[[str], str] = str,
) -> AsyncIterator[Gate]:
    """Serve both versions and measure them; users come once something is deployed.

    Args:
        folder: for the data of a Prometheus.
        pause: what stands for the example's minute.
        prometheus: path of the program; None where there is none.
        as_written: what becomes of a manifest on its way into Git.

    Raises:
        WorkloadFailed: one of the programs does not come up.
    """
    text = example_file(ROLLOUT, EXAMPLE)
    window = parse_duration(pause)
    percents = {OLD_IMAGE: 0, NEW_IMAGE: ERROR_PERCENT[scenario]}
    async with contextlib.AsyncExitStack() as stack:
        stable, canary = [
            await stack.enter_async_context(
                serve_version(Version(image, revision_of(as_written(text), image), percent))
            )
            for image, percent in percents.items()
        ]
        found = None
        if prometheus is not None:
            targets = {each.version.tag: each.host for each in (stable, canary)}
            config = config_text(targets, _go(_interval(window)))
            found = await stack.enter_async_context(
                run_prometheus(prometheus, folder / JOB, config)
            )
        if found is None:
            template = web_template(canary.counters_url, window)
        else:
            template = prometheus_template(example_file(TEMPLATE, EXAMPLE), found.url, window)
        traffic = Traffic(kube, namespace, (stable, canary))
        await stack.enter_async_context(traffic.flowing())
        gate = Gate(stable, canary, traffic, found, text, template)
        say(f"metrics come from {gate.measures}")
        yield gate
