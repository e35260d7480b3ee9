"""Plug AnalysisRuns into the hub: what to follow for them, whom to wake, what to say of them."""

from __future__ import annotations

import logging
from asyncio import gather
from typing import TYPE_CHECKING, Any

from rollouts.analysis.facts import RUN_UID
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.refs import ANALYSIS_RUN, JOB, POD, ObjectRef
from rollouts.controller.events import Subject
from rollouts.controller.measure import Measurements
from rollouts.controller.reconcile_run import Bench, reconcile_run, save_waiting
from rollouts.controller.run_secrets import SecretReader
from rollouts.controller.run_views import RunViews, has_jobs
from rollouts.kube.errors import ClusterError
from rollouts.telemetry.analysis import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from rollouts.actions import Event
    from rollouts.analysis.compile import ConditionCompiler
    from rollouts.analysis.facts import RunFacts
    from rollouts.api.refs import Manifest
    from rollouts.controller.hub import Hub
    from rollouts.controller.queue import Key
    from rollouts.kube.store import Change, Store
    from rollouts.metric_providers.provider import MetricProvider
    from rollouts.telemetry.analysis import RunSample

log = logging.getLogger(__name__)

LANE = "analysis"


class AnalysisLoop:
    """Works on AnalysisRuns."""

    def __init__(
        self, *, providers: Mapping[str, MetricProvider], compile_condition: ConditionCompiler
    ) -> None:
        """Prepare.

        Args:
            providers: fetch samples; by the name under `provider` in a metric.
            compile_condition: knows the language of conditions.
        """
        # Jobs are made by this process itself; that is no provider of the registry.
        self.names = tuple(dict.fromkeys((*EXECUTED_PROVIDERS, *sorted(providers))))
        self.views = RunViews(compile_condition, self.names)
        self.measurements: Measurements
        self._providers = providers
        self._is_installed = False
        self._hub: Hub
        self._bench: Bench

    def install(self, hub: Hub) -> None:
        """Follow runs and serve them.

        Not by kopf: every measurement comes back as an event of the watch, and these have to be
        cheap. Jobs and their pods are followed once a run needs them.
        """
        self._hub = hub
        self._is_installed = True
        hub.providers = self.names
        secrets = SecretReader(hub.cluster)
        self.measurements = Measurements(
            self._providers,
            secrets,
            clock=hub.clock,
            on_answer=hub.wake,
            on_lateness=hub.metrics.lateness.observe,
        )
        self._bench = Bench(
            views=self.views,
            cluster=hub.cluster,
            instruments=self.measurements,
            clock=hub.clock,
            on_news=self._count,
            record=self._record,
            missing_secrets=secrets.missing,
        )
        self.views.on_known = lambda event_type, manifest: hub.tell(
            ANALYSIS_RUN, event_type, manifest
        )
        hub.serve(
            ANALYSIS_RUN.kind,
            self._reconcile,
            lane=LANE,
            workers=hub.settings.workers,
            keys=self._keys,
        )
        hub.at_end(self._save)
        hub.follow(
            ANALYSIS_RUN,
            self.views.runs,
            self._changed,
            label_selector=hub.settings.instance_selector,
        )

    async def _save(self) -> None:
        """Write what waits, so that whoever takes over need not measure it again."""
        waiting = [_key(run) for run in self.views.waiting()]
        ends = (save_waiting(key, self._bench) for key in waiting)
        for key, end in zip(waiting, await gather(*ends, return_exceptions=True), strict=True):
            if isinstance(end, ClusterError):
                log.info("not saved", extra={"object": f"{key[1]}/{key[2]}", "error": str(end)})
            elif end is not None:
                raise end

    async def close(self) -> None:
        """Give up what is being measured and close all providers."""
        if self._is_installed:
            await self.measurements.close()
        for provider in self._providers.values():
            await provider.close()

    def samples(self) -> Iterator[RunSample]:
        """Describe all runs for the metrics."""
        for run in self.views.runs.items():
            yield from samples_of(run)

    def _keys(self) -> Iterator[Key]:
        for run in self.views.runs.items():
            yield _key(run)

    def _changed(self, change: Change[RunFacts]) -> None:
        if self.views.is_echo(change):
            return
        self.views.forget(change)
        self._hub.wake((ANALYSIS_RUN.kind, change.namespace, change.name))
        gone = change.old
        if change.new is not None or gone is None:
            return
        if not self.views.has_subject(gone.namespace, gone.subject):
            self._hub.metrics.analysis.forget(gone.namespace, gone.subject)

    async def _reconcile(self, key: Key) -> datetime | None:
        run = self.views.runs.get(key[1], key[2])
        if run is not None and has_jobs(run):
            await self._hub.ensure_informer(JOB, self._take_job, label_selector=RUN_UID)
            await self._hub.ensure_informer(POD, self._take_pod, label_selector=RUN_UID)
        return await reconcile_run(key, self._bench)

    def _take_job(self, event_type: str, manifest: Manifest) -> None:
        self._take(self.views.jobs, event_type, manifest)

    def _take_pod(self, event_type: str, manifest: Manifest) -> None:
        self._take(self.views.pods, event_type, manifest)

    def _take(self, store: Store[Any], event_type: str, manifest: Manifest) -> None:
        """Take news of what measures, and wake the run that it measures for."""
        if event_type == "DELETED":
            metadata = manifest["metadata"]
            change = store.forget(metadata.get("namespace", ""), metadata["name"])
        else:
            change = store.observe(event_type, manifest)
        if change is None:
            return
        for side in (change.old, change.new):
            for run in self.views.runs.indexed(side.run_uid) if side is not None else ():
                self._hub.wake(_key(run))

    def _count(self, run: RunFacts, status: Manifest) -> None:
        self._hub.metrics.analysis.count(run.namespace, run.subject, run.status, status)

    def _record(self, run: RunFacts, event: Event) -> None:
        ref = ObjectRef(ANALYSIS_RUN, run.namespace, run.name)
        self._hub.recorder.record(Subject(ref, run.uid, run.resource_version), event)


def _key(run: RunFacts) -> Key:
    return (ANALYSIS_RUN.kind, run.namespace, run.name)
