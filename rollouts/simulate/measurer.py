"""The controller of analysis runs, as far as a Rollout can tell: slow, late, mortal, or silent.

It is a model, not the real one, which has a simulation of its own: here only matters which phases
a run goes through, in which order, and that one that was asked to end is no success.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from rollouts.api.refs import ANALYSIS_RUN, Manifest, ObjectRef
from rollouts.emulator.engine import WriteRecord
from rollouts.kube.cluster import PatchType
from rollouts.simulate.clock import SECOND
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.runbook import BACKGROUND, ENDS
from rollouts.simulate.scheduler import Scheduler

MEASURER = "measurer"
TERMINATED = "Run Terminated"


class Answer(StrEnum):
    """What becomes of a run that is left alone."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"

    EMPTY = "empty"
    """It ends Successful, and nothing was measured."""

    ENDLESS = "endless"
    """Everything is measured and well, and it does not end."""

    SILENT = "silent"
    """Nothing is ever heard of it."""


@dataclass(slots=True)
class Case:
    """One run, and what is still to be said of it: pairs of a time and a status, in order."""

    name: str
    uid: str
    is_background: bool
    metrics: tuple[str, ...]
    stages: list[tuple[int, Manifest]]


class Measurer:
    """Moves every run through its phases."""

    def __init__(
        self,
        cluster: SimCluster,
        scheduler: Scheduler,
        random: Random,
        *,
        answers: Sequence[str],
        slowness: Callable[[], float],
        note: Callable[[str, str], None],
    ) -> None:
        """Start with no runs.

        Args:
            answers: those of the first runs, in the order in which they are made; all others, and
                all that have not ended at calm, go well.
        """
        self._cluster = cluster
        self._scheduler = scheduler
        self._random = random
        self._answers = [Answer(each) for each in answers]
        self._slowness = slowness
        self._note = note
        self._cases: dict[str, Case] = {}
        self._is_dead = False
        self._is_calm = False
        # The peer calls a run that was ended early a success, where ours is in doubt.
        self._flatters = random.random() < 0.3

    def wrote(self, record: WriteRecord) -> None:
        """Take in a write to a run."""
        if record.dry_run or record.rt.plural != ANALYSIS_RUN.plural:
            return
        new = record.new
        if new is None:
            self._cases.pop((record.old or {})["metadata"]["uid"], None)
        elif _phase(new) in ENDS:
            self._cases.pop(new["metadata"]["uid"], None)
        elif record.old is None:
            self._take_on(new)
        elif new["spec"].get("terminate") and record.field_manager != MEASURER:
            self._look_soon(new["metadata"]["uid"], self._random.randrange(5, 1500))

    def die(self, duration_ms: int) -> None:
        """Be gone for a while; then go on with what there is."""
        self._is_dead = True
        self._scheduler.after(duration_ms, self._return)

    def calm(self) -> None:
        """Answer everything well and soon from now on."""
        self._is_calm = True
        for case in self._cases.values():
            self._plan(case, Answer.SUCCESSFUL)
        self._return()

    def _return(self) -> None:
        self._is_dead = False
        for uid in list(self._cases):
            self._look_soon(uid, self._random.randrange(1, 200))

    def _take_on(self, run: Manifest) -> None:
        metadata, labels = run["metadata"], run["metadata"].get("labels") or {}
        case = Case(
            name=metadata["name"],
            uid=metadata["uid"],
            is_background=labels.get("rollout-type") == BACKGROUND,
            metrics=tuple(each["name"] for each in run["spec"].get("metrics") or ()),
            stages=[],
        )
        self._cases[case.uid] = case
        given = self._answers.pop(0) if self._answers else Answer.SUCCESSFUL
        self._plan(case, Answer.SUCCESSFUL if self._is_calm else given)

    def _plan(self, case: Case, answer: Answer) -> None:
        """Draw when the run begins, has values, and ends."""
        random = self._random
        pace = 0.2 if self._is_calm else self._slowness()
        at_ms = self._scheduler.clock.ms
        case.stages = []
        for status in _stages(case, answer, random):
            spread = random.choice((300, 2 * SECOND, 8 * SECOND))
            at_ms += 5 + int(pace * random.randrange(spread))
            case.stages.append((at_ms, status))
            self._scheduler.at(at_ms, lambda: self._look(case.uid))

    def _look_soon(self, uid: str, delay_ms: int) -> None:
        self._scheduler.after(delay_ms, lambda: self._look(uid))

    def _look(self, uid: str) -> None:
        """Write what is due of one run."""
        case = self._cases.get(uid)
        if case is None or self._is_dead:
            return
        run = self._cluster.find(ObjectRef(ANALYSIS_RUN, NAMESPACE, case.name))
        if run is None or run["metadata"]["uid"] != uid:
            return
        if run["spec"].get("terminate"):
            self._write(case, self._ended_early(run))
            return
        due = [status for at_ms, status in case.stages if at_ms <= self._scheduler.clock.ms]
        del case.stages[: len(due)]
        if due:
            self._write(case, due[-1])

    def _ended_early(self, run: Manifest) -> Manifest:
        results = (run.get("status") or {}).get("metricResults") or []
        phase = "Successful" if self._flatters and results else "Inconclusive"
        return {"phase": phase, "message": TERMINATED, "metricResults": results}

    def _write(self, case: Case, status: Manifest) -> None:
        self._note(MEASURER, f"{case.name} is {status['phase']} {status.get('message', '')}")
        self._cluster.server.patch(
            self._cluster.type_of(ANALYSIS_RUN),
            NAMESPACE,
            case.name,
            {"status": status},
            str(PatchType.MERGE),
            field_manager=MEASURER,
        )


def _stages(case: Case, answer: Answer, random: Random) -> list[Manifest]:
    """Return what is said of a run, one after the other."""
    if answer is Answer.SILENT:
        return []
    names = case.metrics
    begun = {"phase": "Running", "metricResults": []}
    if answer is Answer.EMPTY:
        return [begun, {"phase": "Successful", "metricResults": []}]
    if answer is Answer.ERROR:
        errors = [{"name": name, "phase": "Error", "error": 5} for name in names[:1]]
        return [begun, _ended(answer, errors)]
    half = {"phase": "Running", "metricResults": _values(names[:1], "successful", "Running")}
    whole = {"phase": "Running", "metricResults": _values(names, "successful", "Running")}
    if answer is Answer.ENDLESS:
        return [begun, half, whole]
    if answer is Answer.SUCCESSFUL:
        if case.is_background and random.random() < 0.5:
            return [begun, half, whole]
        return [begun, half, whole, _ended(answer, _values(names, "successful", "Successful"))]
    word = answer.value.lower()
    values = [*_values(names[:-1], "successful", "Running"), *_values(names[-1:], word, answer)]
    return [begun, half, _ended(answer, values)]


def _values(names: tuple[str, ...], word: str, phase: str) -> list[dict[str, Any]]:
    return [{"name": name, "phase": str(phase), "count": 1, word: 1} for name in names]


def _ended(answer: Answer, results: list[dict[str, Any]]) -> Manifest:
    status = {"phase": answer.value, "metricResults": results}
    if answer is Answer.SUCCESSFUL:
        return status
    name = results[-1]["name"] if results else ""
    return {**status, "message": f'Metric "{name}" assessed {answer.value}'}


def _phase(run: Manifest) -> str:
    return str((run.get("status") or {}).get("phase") or "")
