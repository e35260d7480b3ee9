"""Runs for tests: manifests with only what matters, and a play that carries plans out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollouts.analysis import saving
from rollouts.analysis.compile import compile_program, read_run
from rollouts.analysis.facts import Answer, ConditionError, Flight, JobFacts, ObservedRun
from rollouts.analysis.invariants import check_run_plan
from rollouts.analysis.phase import Phase
from rollouts.analysis.planner import plan_analysis_run
from rollouts.analysis.sample import Gap, Sample

START = datetime(2026, 3, 1, 6, 0, 0, tzinfo=UTC)


def after(seconds):
    return START + timedelta(seconds=seconds)


class Threshold:
    """A condition of tests: `>= 0.9`, `< 3`, `error`; `first:` reads only the first series."""

    def __init__(self, text):
        first, _, rest = text.rpartition(":")
        self.reads_only_first = first == "first"
        self.words = rest.split()
        if self.words[0] not in {">=", "<", "error"}:
            raise ValueError(f"line 1, column 1: cannot read {text!r}")

    def evaluate(self, result, *, now):
        value = result[0] if isinstance(result, tuple) and result else result
        if self.words[0] == "error" or not isinstance(value, int | float):
            raise ConditionError(f"cannot compare {value!r}")
        limit = float(self.words[1])
        return value >= limit if self.words[0] == ">=" else value < limit


def compile_condition(text, _provider):
    return Threshold(text)


def metric(name="success-rate", **fields):
    """A metric that succeeds at 0.9 and measures once."""
    provider = fields.pop("provider", {"web": {"url": "http://127.0.0.1/x"}})
    return {"name": name, "provider": provider, "successCondition": ">= 0.9"} | fields


LOAD = {"name": "load", "image": "load:1"}


def job_metric(name="load", **fields):
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [LOAD]}}}
    made = metric(name, provider={"job": {"spec": spec}}, **fields)
    return {key: each for key, each in made.items() if key != "successCondition"}


def run_manifest(*metrics, name="canary", status=None, annotations=None, owner=None, **spec):
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "generation": 1,
        "resourceVersion": "1",
        "annotations": annotations or {},
        "labels": {"rollout-type": "Background"},  # such runs may be endless
    }
    if owner:
        metadata["ownerReferences"] = [{"kind": "Rollout", "name": owner, "uid": "uid-owner"}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": metadata,
        "spec": {"metrics": list(metrics), **spec},
        "status": status or {},
    }


def facts(manifest):
    return read_run(manifest, compile_program(manifest, compile_condition))


def sample(value, *gaps, text=None, **more):
    return Sample(value, str(value) if text is None else text, tuple(gaps), **more)


EMPTY = Sample((), "[]", (Gap.EMPTY,))
NAN = Sample(float("nan"), "NaN", (Gap.NOT_A_NUMBER,))
INFINITE = Sample(float("inf"), "+Inf", (Gap.INFINITE,))
SEVERAL = Sample((0.99, 0.1), "[0.99 0.1]", (Gap.SEVERAL,))
STALE = Sample(0.99, "0.99", (Gap.STALE,))


class Play:
    """One run, its process and its Jobs; every plan is checked against the rules.

    `outcomes` maps a metric to what its next measurements bring: a value, a Sample or an error's
    text. A measurement takes `seconds`. So many runs are being measured as `crowd` says.
    """

    def __init__(self, manifest, outcomes=None, *, seconds=0.0, crowd=1):
        self.manifest = manifest
        self.outcomes = {name: list(each) for name, each in (outcomes or {}).items()}
        self.seconds = seconds
        self.crowd = crowd
        self.now = START
        self.flights = {}
        self.answers = []
        self.jobs = {}
        self.writes = []
        self.waiting = None
        self.starts = []
        self.deleted = []
        self.is_gone = False
        self.plan = None

    @property
    def status(self):
        return self.manifest["status"]

    @property
    def phase(self):
        return self.status.get("phase")

    def result(self, name="success-rate"):
        return next(each for each in self.status["metricResults"] if each["name"] == name)

    def phases(self, name="success-rate"):
        return [each["phase"] for each in self.result(name)["measurements"]]

    @property
    def run(self):
        """What is known of the run: what is stored, and what waits to be."""
        stored = facts(self.manifest)
        if self.waiting is None:
            return stored
        return saving.with_unsaved(stored, self.waiting, self.now)

    def observed(self):
        flights = tuple(
            replace(flight, is_booked=flight.started_at > self.now)
            for flight, _ in self.flights.values()
        )
        jobs = tuple(self.jobs.values())
        return ObservedRun(self.run, flights, tuple(self.answers), jobs, self.crowd)

    def look(self):
        """Plan once and carry it out."""
        observed = self.observed()
        self.plan = plan = plan_analysis_run(observed, self.now)
        broken = check_run_plan(observed, plan, self.now)
        assert broken == (), broken
        for name in plan.cancel:
            self._give_up(name)
        for each in plan.start:
            self.starts.append((each.name, (each.at - START).total_seconds()))
            flight = Flight(each.name, each.metric.fingerprint, each.at)
            self.flights[each.name] = flight, each.at + timedelta(seconds=self.seconds)
        for action in plan.actions:
            metadata = action.manifest["metadata"]
            name = metadata["name"]
            self.starts.append((name, (self.now - START).total_seconds()))
            self.jobs[name] = JobFacts("shop", name, f"uid-{name}", "uid", Phase.RUNNING)
        if plan.status is not None and plan.is_written:
            self._write(plan.status)
        elif plan.status is not None:
            run = observed.run
            self.waiting = saving.leave_waiting(run, plan.status, plan.results, self.now)
        self.answers = [each for each in self.answers if each not in plan.taken]
        for action in plan.finish:
            self.deleted.append(action.ref.name)
            self.jobs.pop(action.ref.name, None)
            self.is_gone = self.is_gone or action.ref.kind.kind == "AnalysisRun"
        return plan

    def _give_up(self, name):
        flight, _ = self.flights.pop(name)
        if flight.started_at > self.now:
            self.starts.remove((name, (flight.started_at - START).total_seconds()))

    def _write(self, status):
        version = str(int(self.manifest["metadata"]["resourceVersion"]) + 1)
        metadata = self.manifest["metadata"] | {"resourceVersion": version}
        self.manifest = self.manifest | {"metadata": metadata, "status": status}
        self.writes.append(status)

    def land(self):
        """Bring in what has been measured by now."""
        for name, (flight, ends) in tuple(self.flights.items()):
            if ends <= self.now:
                del self.flights[name]
                self.answers.append(
                    Answer(name, flight.fingerprint, flight.started_at, ends, self._bring(name))
                )

    def _bring(self, name):
        outcome = self.outcomes[name].pop(0)
        return outcome if isinstance(outcome, str | Sample) else sample(outcome)

    def until(self, seconds=None, *, rounds=1000):
        """Go from wake time to wake time until nothing more happens, or up to a moment."""
        end = None if seconds is None else after(seconds)
        for _ in range(rounds):
            self.land()
            plan = self.look()
            times = [ends for _, ends in self.flights.values()]
            times += [plan.wake_at] if plan.wake_at is not None else []
            if not plan.is_quiet and not times:
                continue
            if not times or self.is_gone:
                break
            if end is not None and min(times) > end:
                self.now = max(self.now, end)
                break
            self.now = max(self.now, min(times))
        return self

    def finish_job(self, name, phase, **more):
        self.jobs[name] = replace(self.jobs[name], phase=phase, **more)

    def restart(self):
        """Lose what only the process knew."""
        for name in tuple(self.flights):
            self._give_up(name)
        self.answers.clear()
        self.waiting = None

    def set(self, **spec):
        self.manifest = self.manifest | {"spec": self.manifest["spec"] | spec}
