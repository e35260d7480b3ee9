"""What the controller knows of AnalysisRuns without asking: runs, their Jobs and those's pods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollouts.analysis import saving
from rollouts.analysis.compile import NO_DATA_ANNOTATION, compile_program, read_run
from rollouts.analysis.facts import RUN_UID, JobFacts, Program, RunFacts
from rollouts.analysis.jobs import is_job, pull_problem, read_job
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.kube.store import Change, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    from rollouts.analysis.compile import ConditionCompiler
    from rollouts.analysis.results import Result
    from rollouts.api.refs import Manifest


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a Job that measures: whose it is, and why an image of it cannot be had."""

    run_uid: str
    job: str
    pull_problem: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A program and all that it follows from.

    Not from the generation: without a status subresource each write of a status is a new one.
    """

    spec: object
    policies: tuple[tuple[str, Any], ...]
    program: Program


class RunViews:
    """The stores that a pass over a run reads.

    Everything is rebuilt from lists and watches; a new `RunViews` is a restart with empty memory.
    `on_known` is told what becomes known beside them: the answers to our own writes and reads.
    """

    def __init__(
        self,
        compile_condition: ConditionCompiler,
        providers: tuple[str, ...] = EXECUTED_PROVIDERS,
    ) -> None:
        self.on_known: Callable[[str, Manifest], None] = lambda _type, _manifest: None
        self._compile_condition = compile_condition
        self._providers = providers
        self._compiled: dict[str, _Compiled] = {}
        self._written: dict[str, Manifest] = {}
        self._waiting: dict[str, RunFacts] = {}
        self.runs: Store[RunFacts] = Store(self._slim_run, _run_words)
        self.jobs: Store[JobFacts] = Store(read_job, lambda job: (job.run_uid,))
        self.pods: Store[PodFacts] = Store(_slim_pod, lambda pod: (pod.run_uid,))

    def has_subject(self, namespace: str, subject: str) -> bool:
        """Tell whether a run speaks of a Rollout or template."""
        return self.runs.has(f"{namespace}/{subject}")

    def jobs_of(self, run: RunFacts) -> tuple[JobFacts, ...]:
        """Return the Jobs that measure for a run, with what their pods say."""
        found = self.jobs.indexed(run.uid)
        if not found:
            return ()
        problems = {pod.job: pod.pull_problem for pod in self.pods.indexed(run.uid)}
        return tuple(replace(job, pull_problem=problems.get(job.name, "")) for job in found)

    def look(self, namespace: str, name: str, now: datetime) -> RunFacts | None:
        """Return all that is known of a run: what is stored, and what waits to be."""
        stored = self.runs.get(namespace, name)
        known = self._waiting.get(stored.uid) if stored is not None else None
        if stored is None or known is None:
            return stored
        run = saving.with_unsaved(stored, known, now)
        if run is stored:
            del self._waiting[stored.uid]
        elif run is not known:
            self._waiting[stored.uid] = run
        return run

    def leave_waiting(
        self, run: RunFacts, status: Manifest, results: Mapping[str, Result], now: datetime
    ) -> None:
        """Keep a status, and what it says of each metric, that is written with the next one."""
        self._waiting[run.uid] = saving.leave_waiting(run, status, results, now)

    def waiting(self) -> tuple[RunFacts, ...]:
        """Return the runs of which something is not written yet."""
        return tuple(self._waiting.values())

    def saved(self, run: RunFacts) -> None:
        """Take it in that nothing of a run waits any more."""
        self._waiting.pop(run.uid, None)

    def expect(self, run: RunFacts, status: Manifest) -> None:
        """Remember what is being written, to know its echo."""
        self._written[run.uid] = status

    def is_echo(self, change: Change[RunFacts]) -> bool:
        """Tell whether a change is the status that a pass is writing, and nothing else.

        The watch may tell of a write before the write is answered; that is no news to anybody.
        """
        old, new = change.old, change.new
        if old is None or new is None or new.program is not old.program:
            return False
        return new.is_deleted == old.is_deleted and self._written.get(new.uid) == new.status

    def wrote(self, manifest: Manifest) -> None:
        """Take the answer to a write or read of a run."""
        self.runs.wrote(manifest)
        self.on_known("MODIFIED", manifest)

    def gone(self, namespace: str, name: str) -> None:
        """Take it in that a run is not there any more."""
        self.runs.forget(namespace, name)
        self.on_known("DELETED", {"metadata": {"namespace": namespace, "name": name}})

    def forget(self, change: Change[RunFacts]) -> None:
        """Drop what was derived from a run that is gone or was replaced."""
        old, new = change.old, change.new
        if old is not None and (new is None or new.uid != old.uid):
            self._compiled.pop(old.uid, None)
            self._written.pop(old.uid, None)
            self._waiting.pop(old.uid, None)

    def _slim_run(self, manifest: Manifest) -> RunFacts:
        return read_run(manifest, self._program(manifest))

    def _program(self, manifest: Manifest) -> Program:
        """Compile a spec, once for as long as it stays the same."""
        metadata = manifest["metadata"]
        uid, spec = metadata.get("uid", ""), manifest.get("spec")
        annotations = metadata.get("annotations") or {}
        policies = tuple(
            (key, text) for key, text in annotations.items() if key.startswith(NO_DATA_ANNOTATION)
        )
        known = self._compiled.get(uid)
        if known is not None and known.policies == policies and known.spec == spec:
            return known.program
        program = compile_program(manifest, self._compile_condition, self._providers)
        self._compiled[uid] = _Compiled(spec, policies, program)
        return program


def _run_words(run: RunFacts) -> tuple[str, str]:
    return run.uid, f"{run.namespace}/{run.subject}"


def has_jobs(run: RunFacts) -> bool:
    """Tell whether Jobs measure for a run."""
    return any(is_job(metric) for metric in run.program.metrics)


def _slim_pod(manifest: Manifest) -> PodFacts:
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    owner: Manifest = next((each for each in metadata.get("ownerReferences") or ()), {})
    return PodFacts(labels.get(RUN_UID, ""), owner.get("name", ""), pull_problem(manifest))
