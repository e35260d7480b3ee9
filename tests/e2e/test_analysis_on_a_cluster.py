"""Metrics of a real Prometheus and of real HTTP servers, judged on a true API server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from e2e.account import MEASURED
from e2e.hands import Line
from e2e.world import FIRST, SECOND
from real_prometheus import ask, needs_prometheus, running

pytestmark = [pytest.mark.real, pytest.mark.prometheus, needs_prometheus]

PROGRAM = Path(__file__).with_name("source.py")
SCRAPED_SECONDS_MAX = 30
TOKEN = "hunter2-and-more"
RUNS = f"/apis/argoproj.io/v1alpha1/namespaces/{MEASURED}/analysisruns"
OLD_SECONDS = 8 * 60
"""How old the one sample of `gate_old` is: Prometheus looks back five minutes for it."""

REFUSED = "refused"
"""Not a phase: nothing was measured, because the run or the server said no beforehand."""


# -- what is measured ------------------------------------------------------------------------------


class Source:
    """A process that serves numbers, scraped by a real Prometheus."""

    def __init__(self, folder):
        self._file = folder / "metrics"
        old = round(1000 * (time.time() - OLD_SECONDS))
        self._lines = {"gate_old": f"gate_old 1 {old}"}
        self._write()
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self._file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.host = f"127.0.0.1:{self._process.stdout.readline().strip()}"

    def set(self, story, value):
        """Let the number of a story be another one from the next scrape on."""
        self._lines[story] = f'gate_value{{story="{story}"}} {value}'
        self._write()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def _write(self):
        whole = self._file.with_suffix(".new")
        whole.write_text("\n".join((*self._lines.values(), "")))
        whole.replace(self._file)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    made = Source(tmp_path_factory.mktemp("source"))
    made.set("beside", 0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def prometheus(source, tmp_path_factory):
    """The address of a Prometheus that has scraped the source."""

    def config(_):
        job = {"job_name": "source", "static_configs": [{"targets": [source.host]}]}
        times = {"scrape_interval": "250ms", "scrape_timeout": "250ms"}
        return {"global": times, "scrape_configs": [job]}

    with running(tmp_path_factory.mktemp("prometheus"), config) as address:
        until = time.monotonic() + SCRAPED_SECONDS_MAX
        while not ask(address, 'gate_value{story="beside"}'):
            assert time.monotonic() < until, "the source is not scraped"
            time.sleep(0.1)
        yield address


# -- runs that stand alone -------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A run and what becomes of it.

    Attributes:
        said: what its messages or the server's must match.
        shown: what its measurements or their metadata must match.
    """

    phase: str
    metric: dict
    said: str = ""
    shown: str = ""
    args: tuple = ()
    annotations: dict = field(default_factory=dict)


def promql(query, condition="result[0] < 1", **more):
    provider = {"prometheus": {"address": "PROMETHEUS", "query": query, "timeout": 20}}
    return {"successCondition": condition, "provider": provider} | more


def web(path, *, token=False, seconds=20, **more):
    config = {"url": f"http://SOURCE/{path}", "jsonPath": "{$.errors}", "timeoutSeconds": seconds}
    if token:
        config["headers"] = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
    provider = {"web": config}
    once = {"consecutiveErrorLimit": 0, "successCondition": "result < 1"}
    return once | {"provider": provider} | more


def secret(name):
    return ({"name": "token", "valueFrom": {"secretKeyRef": {"name": name, "key": "token"}}},)


def argument(value):
    return ({"name": "given", "value": value},)


NOTHING = "gate_value > 1e9"
OLD_SPAN = {"start": 'now() - duration("10m")', "end": "now()", "step": "10s"}
COUNTLESS = {"interval": "1s"}

CASES = {
    "good": Case("Successful", promql("up", "result[0] == 1"), shown=r"\[1\]"),
    "bad": Case("Failed", promql("up", "result[0] == 0"), r"failed \(1\) > failureLimit \(0\)"),
    "empty": Case("Inconclusive", promql(NOTHING), "no data: the answer is empty"),
    "empty-by-annotation": Case(
        "Failed", promql(NOTHING), "which counts as failure",
        annotations={"rollouts.dev/no-data": "failure"},
    ),
    "empty-by-annotation-of-the-metric": Case(
        "Successful", promql(NOTHING), "which counts as success",
        annotations={"rollouts.dev/no-data.m": "success", "rollouts.dev/no-data": "failure"},
    ),
    "empty-by-field": Case(
        "Error", promql(NOTHING, noData="error", consecutiveErrorLimit=0), "which counts as error"
    ),
    "nan": Case("Inconclusive", promql("vector(0) / vector(0)"), "not a number", r"NaN"),
    "infinite": Case("Inconclusive", promql("vector(1) / vector(0)"), "infinite", r"\+Inf"),
    "several": Case(
        "Inconclusive", promql('up or label_replace(up, "a", "b", "", "")'), "several series"
    ),
    "several-and-all-looked-at": Case(
        "Successful",
        promql('up or label_replace(up, "a", "b", "", "")', "all(result, # == 1)"),
        shown=r"\[1,1\]",
    ),
    "stale": Case(
        "Inconclusive",
        {
            "successCondition": "all(result, # == 1)",
            "provider": {
                "prometheus": {"address": "PROMETHEUS", "query": "gate_old", "rangeQuery": OLD_SPAN}
            },
        },
        "the answer is too old",
        r"\[1,1,1",
    ),
    "injected-into-a-string": Case(
        "Inconclusive",
        promql('up{job="{{args.given}}"}', "result[0] == 1"),
        "no data: the answer is empty",
        r"x\\+\"} or vector",
        args=argument('x"} or vector(1) or up{job="'),
    ),
    "injected-elsewhere": Case(
        REFUSED, promql("up > {{args.given}}"), "would change the query",
        args=argument("2 or vector(1)"),
    ),
    "hangs": Case("Error", web("hang", seconds=1), r"no answer within (1|0\.\d+)s"),
    "answers-500": Case(
        "Error", web("broken", token=True), r"500 .*no: \*\*\*", args=secret("login")
    ),
    "answers-a-page": Case("Error", web("page"), r"\(text/html\) instead of JSON"),
    "answers-3-gb": Case("Error", web("huge"), "more than 1048576 bytes"),
    "redirects-to-metadata": Case(
        "Error", web("metadata", token=True), "169.254.169.254 is a metadata address",
        args=secret("login"),
    ),
    "asks-metadata": Case(
        "Error",
        web("x") | {"provider": {"web": {"url": "http://169.254.169.254/x", "timeoutSeconds": 20}}},
        "a metadata address",
    ),
    "missing-secret": Case(
        REFUSED, web("good", token=True),
        rf"spec\.args\[0\]\.valueFrom\.secretKeyRef: .*{MEASURED}/nowhere does not exist",
        args=secret("nowhere"),
    ),
    "secret-that-is-used": Case("Successful", web("good", token=True), args=secret("login")),
    "unknown-argument": Case(
        REFUSED, promql("{{args.nobody}}"),
        r"provider\.prometheus\.query: wants the argument 'nobody'",
    ),
    "two-providers": Case(
        REFUSED,
        promql("up") | {"provider": promql("up")["provider"] | web("good")["provider"]},
        r"spec\.metrics\[0\]\.provider",
    ),
    "condition-that-does-not-parse": Case(
        REFUSED, promql("up", "result[0] < "),
        r"spec\.metrics\[0\]\.successCondition: line 1, column 13: expected a value",
    ),
    "condition-of-the-wrong-type": Case(
        REFUSED, promql("up", 'result[0] < "1"'),
        r"spec\.metrics\[0\]\.successCondition: line 1, column 11: .* float and string",
    ),
    "interval-without-count": Case(
        REFUSED, promql("up", **COUNTLESS), r"spec\.metrics\[0\]\.count: is needed"
    ),
    "no-duration": Case(
        REFUSED, promql("up", interval="soon", count=2), r"spec\.metrics\[0\]\.interval.*soon"
    ),
}  # fmt: skip


class Batch:
    """All runs at once: each waits mostly for others."""

    def __init__(self, cluster, places):
        self._line = Line(cluster)
        self._places = places
        self._secret()
        self.answers = {name: self._create(name, case) for name, case in CASES.items()}

    def status(self, name):
        """Return the status of a run that has ended."""
        end = time.monotonic() + 60
        while True:
            answer = self._line.ask("GET", f"{RUNS}/{name}")
            status = answer.body.get("status") or {}
            if status.get("completedAt"):
                return status
            assert time.monotonic() < end, f"{name} does not end: {status}"
            time.sleep(0.1)

    def close(self):
        self._line.close()

    def _create(self, name, case):
        metric = {"name": "m", **case.metric}
        text = json.dumps({"metrics": [metric], "args": list(case.args)})
        for word, place in self._places.items():
            text = text.replace(word, place)
        manifest = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisRun",
            "metadata": {"name": name, "annotations": case.annotations},
            "spec": json.loads(text),
        }
        return self._line.ask("POST", RUNS, manifest)

    def _secret(self):
        body = {"metadata": {"name": "login"}, "stringData": {"token": TOKEN}}
        answer = self._line.ask("POST", f"/api/v1/namespaces/{MEASURED}/secrets", body)
        assert answer.code == 201, answer.message


@pytest.fixture(scope="module")
def batch(control_plane, controller, prometheus, source):
    made = Batch(control_plane, {"PROMETHEUS": prometheus, "SOURCE": source.host})
    yield made
    made.close()


@pytest.mark.parametrize("name", CASES)
def test_a_run_says_what_it_found(batch, controller, name):
    case, answer = CASES[name], batch.answers[name]
    controller.check()
    if answer.code >= 400:
        assert case.phase == REFUSED, answer.message
        assert re.search(case.said, answer.message), answer.message
        return
    status = batch.status(name)
    results = status.get("metricResults") or []
    measurements = [each for result in results for each in result.get("measurements") or ()]

    assert status["phase"] == ("Error" if case.phase == REFUSED else case.phase), status
    assert len(measurements) == (0 if case.phase == REFUSED else 1), status
    assert re.search(case.said, json.dumps(status)), status
    assert re.search(case.shown, json.dumps(results)), results
    assert TOKEN not in json.dumps(status)


def test_no_secret_stands_in_the_controllers_log(batch, controller):
    for name, case in CASES.items():
        if case.args and batch.answers[name].code < 400:
            batch.status(name)

    assert TOKEN not in controller.text()


def test_a_server_that_hangs_is_given_up_in_time(batch):
    (result,) = batch.status("hangs")["metricResults"]
    (measurement,) = result["measurements"]
    began, ended = (
        time.strptime(measurement[key][:19], "%Y-%m-%dT%H:%M:%S")
        for key in ("startedAt", "finishedAt")
    )

    assert time.mktime(ended) - time.mktime(began) <= 5


# -- canaries --------------------------------------------------------------------------------------


def template(world, prometheus, story, **metric):
    wanted = {
        "name": "gate",
        "interval": "500ms",
        **promql(f'gate_value{{story="{story}"}}'),
        **metric,
    }
    text = json.dumps(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisTemplate",
            "metadata": {"name": "gate"},
            "spec": {"metrics": [wanted]},
        }
    )
    world.kubectl("kubectl apply -f -", stdin=text.replace("PROMETHEUS", prometheus))


def runs(world):
    """Return the namespace's runs, oldest first."""
    return json.loads(
        world.kubectl("kubectl get analysisruns --sort-by .metadata.creationTimestamp -o json")
    )["items"]


def count(run):
    results = (run.get("status") or {}).get("metricResults") or [{}]
    return results[0].get("count", 0)


def analysis_beside_the_steps_aborts_in_mid_pause(world, prometheus, source):
    """It begins at its step, goes on without its template, and decides in a pause."""

    def add_analysis(manifest):
        canary = manifest["spec"]["strategy"]["canary"]
        canary["steps"] = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 30}, {"pause": {}}]
        canary["analysis"] = {"templates": [{"templateName": "gate"}], "startingStep": 2}

    template(world, prometheus, "beside")
    world.deploy(change=add_analysis)
    world.set_image(SECOND)
    world.wait_for_weight(10)
    assert runs(world) == []

    world.annotate("promote")
    world.wait_for_weight(30)
    world.until(lambda: [count(each) > 1 for each in runs(world)] == [True], what="measurements")
    world.kubectl("kubectl delete analysistemplate gate")
    before = count(runs(world)[0])
    world.until(lambda: count(runs(world)[0]) > before + 1, what="more without the template")
    assert world.status["phase"] == "Paused"

    source.set("beside", 1)
    message = world.wait_for("Degraded")["message"]
    assert 'Metric "gate" assessed Failed due to failed (1) > failureLimit (0)' in message
    world.until(lambda: world.images() == {FIRST: 5}, what="pods of the old image alone")
    world.check_traffic([10, 30, 0], FIRST)


def silence_pauses_until_a_person_has_looked(world, prometheus, source):
    """A promotion after an inconclusive run measures again."""

    def add_analysis(manifest):
        canary = manifest["spec"]["strategy"]["canary"]
        gate = {"analysis": {"templates": [{"templateName": "gate"}]}}
        canary["steps"] = [{"setWeight": 10}, gate, {"setWeight": 100}]

    template(world, prometheus, "silence", count=2)
    world.deploy(change=add_analysis)
    world.set_image(SECOND)
    world.until(lambda: world.status.get("message") == "InconclusiveAnalysisRun", what="a pause")
    assert world.weight == 10

    source.set("silence", 0)
    world.until(lambda: ask(prometheus, 'gate_value{story="silence"}'), what="a scrape")
    world.annotate("promote")
    world.wait_for_end(SECOND)
    assert [each["status"]["phase"] for each in runs(world)] == ["Inconclusive", "Successful"]
    world.check_traffic([10, 100, 0], SECOND)


@pytest.fixture(scope="module")
def perform(make_world, controller, prometheus, source, batch):
    # The runs that stand alone have begun by now, so that all wait side by side.
    return lambda story: story(
        make_world(story.__name__, check=controller.check), prometheus, source
    )


@pytest.mark.parametrize(
    "story",
    [analysis_beside_the_steps_aborts_in_mid_pause, silence_pauses_until_a_person_has_looked],
    ids=lambda story: story.__name__,
)
def test_a_canary_is_gated(play, story):
    play(story)
