"""Holds what is stored of a run against what was truly measured, with code of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FINISHED = ("Successful", "Failed", "Error", "Inconclusive")
NO_DATA = ("empty", "nan", "infinite", "stale")
OLD = timedelta(seconds=60)
"""Nothing is planned on an answer that is older."""
AT_ONCE = timedelta(seconds=1)
SOON = timedelta(seconds=11)
"""How late status may say what was measured, where nothing goes wrong; SOON is for successes."""


def read(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def seconds(text):
    return {"1s": 1, "5s": 5, "10s": 10, "30s": 30, "1m": 60}.get(text, 0)


class Oracle:
    """Watches every write of the run and every measurement that begins."""

    def __init__(self, world):
        self.world = world
        self.violations = []
        self.seen = {}  # metric → {startedAt: phase} of all measurements ever stored
        self.last = None
        self.was_terminated = False

    def report(self, rule, words):
        self.violations.append(f"{rule}: {words} (seed {self.world.seed}, at {self.world.ms} ms)")

    def metrics(self):
        return {each["name"]: each for each in self.world.scenario.manifest["spec"]["metrics"]}

    def is_dry(self, name):
        rules = self.world.scenario.manifest["spec"].get("dryRun") or ()
        return any(rule["metricName"] == f"^{name}$" for rule in rules)

    # What begins

    def begun(self, episode, run):
        """Nothing is measured before its time, and nothing for a run that is over."""
        if not run:
            return
        status = run.get("status") or {}
        if status.get("phase") in FINISHED:
            self.report("late start", f"{episode.metric} for a run that is {status['phase']}")
        if episode.stepped:
            return  # What is early by a clock that jumps is nobody's fault.
        metric = self.metrics()[episode.metric]
        self._judge_pause(episode, metric)
        result = self._result(status, episode.metric)
        ended = [each for each in result.get("measurements") or () if "finishedAt" in each]
        if ended:
            is_error = ended[-1]["phase"] == "Error" or "interval" not in metric
            wait = 10 if is_error else seconds(metric["interval"])
            due = read(ended[-1]["finishedAt"]) + timedelta(seconds=wait)
        elif "startedAt" in status:
            wait = seconds(metric.get("initialDelay"))
            due = read(status["startedAt"]) + timedelta(seconds=wait)
        else:
            due = episode.started_at
            if "initialDelay" in metric:
                self.report("early", f"{episode.metric} without its delay")
        if episode.started_at < due:
            self.report("early", f"{episode.metric} by {due - episode.started_at}")

    def _judge_pause(self, episode, metric):
        """What this process has measured itself it waits for, whether status has it or not."""
        own = (
            each
            for each in reversed(self.world.episodes[:-1])
            if (each.metric, each.process) == (episode.metric, episode.process) and each.ended_at
        )
        last = next(own, None)
        if last is None or episode.started_at - last.ended_at > OLD:
            return
        pause = episode.started_at - last.ended_at
        if pause < timedelta(seconds=min(10, seconds(metric.get("interval", "10s")))):
            self.report("hasty", f"{episode.metric} is measured again after {pause}")

    # What is written

    def saw(self, old, new):
        """Judge one write of the run."""
        if new is None:
            self._deleted(old)
            return
        if new["spec"].get("terminate"):
            self.was_terminated = True
        before, after = (old or {}).get("status") or {}, new.get("status") or {}
        if before == after:
            return
        if before.get("phase") in FINISHED:
            self.report("finality", f"{before['phase']} became {after.get('phase')}")
        for result in after.get("metricResults") or ():
            self._judge_result(result, after)
        if after.get("phase") == "Successful":
            self._judge_success(new, after)
        self.last = after

    def _result(self, status, name):
        results = status.get("metricResults") or ()
        return next((each for each in results if each["name"] == name), {})

    def _judge_result(self, result, status):
        name = result["name"]
        seen = self.seen.setdefault(name, {})
        for measurement in result.get("measurements") or ():
            phase, begun = measurement["phase"], measurement.get("startedAt")
            if phase not in FINISHED:
                continue
            known = seen.get(begun)
            if known is None:
                seen[begun] = phase
                self._judge_new(name, measurement)
            elif known != phase:
                self.report("finality", f"a measurement of {name} was {known}, is {phase}")
        rules = self.world.scenario.manifest["spec"].get("measurementRetention") or ()
        if self.world.stepped and any(rule["limit"] == 1 for rule in rules):
            return  # One may end and the next begin in one write, which then shows the next alone.
        counted = int(result.get("count") or 0) + int(result.get("error") or 0)
        if counted != len(seen):
            self.report("counts", f"{name} counts {counted} of {len(seen)} measurements")
        for word in FINISHED:
            of_kind = list(seen.values()).count(word)
            if int(result.get(word.lower()) or 0) != of_kind:
                self.report("counts", f"{name} counts {result.get(word.lower())} {word}")

    def _judge_new(self, name, measurement):
        begun = read(measurement["startedAt"])
        metadata = measurement.get("metadata") or {}
        if "job-name" in metadata:
            job = metadata["job-name"]
            # The latest: a Job that was made and lost before status knew it is made again.
            made = (e for e in reversed(self.world.episodes) if e.status.get("job") == job)
            truth = next(made, None)
        else:
            truth = next(
                (
                    each
                    for each in self.world.episodes
                    if each.metric == name and each.started_at == begun and each.ended_at
                ),
                None,
            )
        phase = measurement["phase"]
        if truth is None:
            if phase == "Successful":
                self.report("invented", f"{name} was never measured at {begun}")
            return
        if phase == "Successful" and not self._may_succeed(name, truth):
            self.report("no data", f"{name}: {truth.kind} is called a success")
        is_mild = phase != "Failed" and truth.kind == "bad" and "job-name" not in metadata
        if is_mild and not self.was_terminated:
            self.report("mild", f"{name}: bad is called {phase}")
        age = self.world.planned_at - (truth.ended_at or self.world.planned_at)
        if phase == "Successful" and age > OLD and not self.world.stepped:
            self.report("old", f"{name} was measured {age} before it counted")
        if self._is_untroubled() and age > (SOON if phase == "Successful" else AT_ONCE):
            self.report("late", f"{name} was {phase} {age} before status says so")

    def _is_untroubled(self):
        return not (self.world.stepped or self.world.scenario.trouble or self.world.boots > 1)

    def _may_succeed(self, name, truth):
        condition = self.metrics()[name].get("successCondition", "")
        if truth.kind == "several":
            return not condition.startswith("first")
        return truth.kind == "good"

    def _judge_success(self, run, status):
        self._judge_delay()
        if run["spec"].get("terminate"):
            self.report("terminated", "a run that was terminated is Successful")
        for name, metric in self.metrics().items():
            if self.is_dry(name):
                continue
            phases = list(self.seen.get(name, {}).values())
            limits = {"Failed": "failureLimit", "Inconclusive": "inconclusiveLimit"}
            for phase, word in limits.items():
                limit = int(metric.get(word, 0))
                if 0 <= limit < phases.count(phase):
                    self.report("limit", f"{name} has {phases.count(phase)} {phase}")
            if "Successful" not in phases:
                self.report("unmeasured", f"{name} has no success, and the run is one")
            if self.world.stepped:
                continue  # See above: what status never shows cannot be counted here.
            taken = [each for each in phases if each != "Error"]
            if "consecutiveSuccessLimit" not in metric and len(taken) < int(metric["count"]):
                self.report("count", f"{name} was measured {len(taken)} times")

    def _judge_delay(self):
        """A success is told at once, with the measurement that makes it one."""
        if any("job" in each["provider"] for each in self.metrics().values()):
            return  # When a Job has ended is not kept.
        ended = [each.ended_at for each in self.world.episodes if each.ended_at]
        if self._is_untroubled() and ended and self.world.planned_at - max(ended) > AT_ONCE:
            self.report("late", f"the run was over {self.world.planned_at - max(ended)} before")

    def _deleted(self, old):
        spec, status = old["spec"], old.get("status") or {}
        if status.get("phase") not in FINISHED:
            self.report("deleted", "a run that is not over")
            return
        ttl = (spec.get("ttlStrategy") or {}).get("secondsAfterCompletion")
        age = self.world.wall() - read(status["completedAt"])
        if ttl is None or (age < timedelta(seconds=ttl) and not self.world.stepped):
            self.report("deleted", f"after {age}, to live for {ttl}")

    def at_end(self):
        """In four hours every run with a count has come to an end, and left nothing running."""
        if self.violations:
            return
        status = self.last or {}
        if status.get("phase") not in FINISHED:
            self.report("stuck", f"the run is {status.get('phase')} in the end")
        for result in status.get("metricResults") or ():
            for measurement in result.get("measurements") or ():
                if measurement["phase"] not in FINISHED:
                    self.report("open", f"a measurement of {result['name']} is open")
        for job in self.world.cluster.all_jobs():
            if not (job.get("status") or {}).get("conditions"):
                self.report("jobs", f"{job['metadata']['name']} still runs")
