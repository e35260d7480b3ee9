"""AnalysisRuns executed by the whole controller against the emulated API server over HTTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from datetime import timedelta

import aiohttp
import pytest
from analysis_runs import compile_condition, job_metric, metric, run_manifest, sample
from shell.front import Front, serve_front, until

from rollouts.analysis import saving
from rollouts.analysis.sample import MeasurementError
from rollouts.api.crd import render_crds
from rollouts.api.documents import read_documents
from rollouts.api.refs import ANALYSIS_RUN, CRD, EVENT, JOB, NAMESPACE, POD, ROLLOUT, SECRET
from rollouts.controller.analysis_loop import AnalysisLoop
from rollouts.controller.app import Controller
from rollouts.controller.settings import Settings

INSTANCE = "argo-rollouts.argoproj.io/controller-instance-id"


class Source:
    """A provider of tests: answers what `answer` returns, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.answer = lambda question: sample(0.95)

    async def close(self):
        pass

    async def sample(self, question):
        self.asked.append(question)
        answer = self.answer(question)
        if isinstance(answer, Exception):
            raise answer
        if asyncio.iscoroutine(answer):
            return await answer
        return answer


class World:
    def __init__(self, front, path, **settings):
        self.front, self.source = front, Source()
        self.loop = AnalysisLoop(
            providers={"web": self.source}, compile_condition=compile_condition
        )
        self.controller = Controller(
            Settings(
                kubeconfig=front.kubeconfig(path),
                **({"leader_elect": False, "health_port": 0, "metrics_port": 0} | settings),
            ),
            extensions=(self.loop.install,),
            runs=self.loop.samples,
            probe_host="127.0.0.1",
        )
        self.controller.probes._wanted = {"health": 0, "metrics": 0}  # any free port

    def create(self, *metrics, labels=None, **spec):
        manifest = run_manifest(*metrics, **spec)
        metadata = manifest["metadata"]
        kept = {key: metadata[key] for key in ("name", "annotations")} | {"namespace": "shop"}
        kept["labels"] = metadata["labels"] | (labels or {})
        self.front.create(ANALYSIS_RUN, manifest | {"metadata": kept, "status": {}})

    def status(self, name="canary"):
        return self.front.get(ANALYSIS_RUN, "shop", name).get("status") or {}

    def is_over(self, name="canary"):
        return self.status(name).get("phase") in {"Successful", "Failed", "Error", "Inconclusive"}

    def writes(self):
        return [
            path
            for method, path, _ in self.front.requests
            if method == "PATCH" and "/analysisruns/" in path
        ]

    async def metrics(self):
        url = f"http://127.0.0.1:{self.controller.probes.ports['metrics']}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.text()


def crowd():
    front = Front()
    for name, text in sorted(render_crds().items()):
        if "argoproj.io_analysisrun" in name or f"argoproj.io_{ROLLOUT.plural}" in name:
            for document in read_documents(text, name):
                front.create(CRD, document.manifest)
    front.create(NAMESPACE, {"metadata": {"name": "shop"}})
    return front


@contextlib.asynccontextmanager
async def running(tmp_path, front, **settings):
    world = World(front, tmp_path / "kubeconfig", **settings)
    stop = asyncio.Event()
    task = asyncio.create_task(world.controller.run(stop))
    try:
        yield world
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


def story(tmp_path, tell, **settings):
    """Run a story with a controller in a cluster of its own."""

    async def go():
        async with (
            serve_front(crowd()) as front,
            running(tmp_path, front, **settings) as world,
        ):
            await tell(world)

    asyncio.run(go())


@pytest.fixture(autouse=True)
def _own_namespace(monkeypatch):
    monkeypatch.delenv("POD_NAMESPACE", raising=False)


def test_what_waits_to_be_written_is_written_at_a_good_end(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "SAVE_EVERY_EACH", timedelta(seconds=9))

    async def go():
        async with serve_front(crowd()) as front:
            async with running(tmp_path, front) as world:
                world.create(metric("success", interval="1s", count=9))
                await until(lambda: len(world.source.asked) >= 3)
                await until(world.loop.views.waiting)
                before = world.status()["metricResults"][0]["count"]
                known = world.loop.views.waiting()[0].status["metricResults"][0]["count"]
                assert before < known
            return known, world.status()

    known, status = asyncio.run(go())

    assert status["metricResults"][0]["count"] >= known
    assert status["phase"] == "Running"


def test_a_run_is_measured_judged_written_and_then_left_alone(tmp_path):
    async def tell(world):
        world.create(metric(count=3, interval="50ms"), metric("other", count=3, interval="50ms"))
        await until(world.is_over)
        count = len(world.writes())
        await asyncio.sleep(0.3)

        status = world.status()
        assert "Successful" == status["phase"]
        assert {"count": 2, "successful": 2} == status["runSummary"]
        assert 3 == len(status["metricResults"][0]["measurements"])
        assert 2 <= count <= 6  # the first round, the verdict, and what chance leaves apart
        assert count == len(world.writes())
        assert 6 == len(world.source.asked)

    story(tmp_path, tell)


def test_a_round_that_is_no_success_costs_one_write(tmp_path):
    async def tell(world):
        world.source.answer = lambda question: sample(0.1)
        world.create(metric(count=8, interval="10ms", failureLimit=8))
        await until(world.is_over)

        assert (8, 8) == (len(world.writes()), len(world.source.asked))

    story(tmp_path, tell)


def test_successes_of_a_crowd_share_writes(tmp_path):
    async def tell(world):
        names = [f"canary-{number}" for number in range(40)]
        for name in names:
            world.create(metric(count=12, interval="30ms"), name=name)
        await until(lambda: all(world.is_over(name) for name in names))

        results = [world.status(name)["metricResults"][0] for name in names]
        assert {12} == {each["successful"] for each in results}
        assert 40 * 12 == len(world.source.asked)
        assert 40 * 2 <= len(world.writes()) < 40 * 11
        text = await world.metrics()
        labels = 'metric="success-rate",namespace="shop",phase="Successful",subject="canary-7"'
        assert f"rollouts_analysis_measurements_total{{{labels}}} 12.0" in text

    story(tmp_path, tell)


def test_what_is_booked_ends_with_its_run(tmp_path):
    async def tell(world):
        for name in ("deleted", "ended"):
            world.create(metric(interval="400ms"), name=name)
        await until(lambda: all(world.status(name) for name in ("deleted", "ended")))
        world.front.delete(ANALYSIS_RUN, "shop", "deleted")
        world.front.patch(ANALYSIS_RUN, "shop", "ended", {"spec": {"terminate": True}})
        await until(lambda: world.is_over("ended"))
        asked = len(world.source.asked)
        await asyncio.sleep(0.9)

        assert asked == len(world.source.asked)

    story(tmp_path, tell)


def test_a_metric_that_is_changed_is_booked_anew(tmp_path):
    async def tell(world):
        world.create(metric(count=2, interval="4s"))
        await until(world.status)
        changed = metric(count=2, interval="50ms")
        world.front.patch(ANALYSIS_RUN, "shop", "canary", {"spec": {"metrics": [changed]}})
        await until(world.is_over, 3)

        assert ("Successful", 2) == (world.status()["phase"], len(world.source.asked))

    story(tmp_path, tell)


def test_a_failed_run_says_why_in_status_events_and_metrics(tmp_path):
    async def tell(world):
        world.source.answer = lambda question: sample(0.1)
        world.create(metric())
        await until(world.is_over)
        await until(lambda: len(world.front.items(EVENT, "shop")) >= 2)

        words = 'Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)'
        assert words == world.status()["message"]
        reasons = {each["reason"]: each["type"] for each in world.front.items(EVENT, "shop")}
        assert {"MetricFailed": "Warning", "AnalysisRunFailed": "Warning"} == reasons
        text = await world.metrics()
        labels = 'metric="success-rate",namespace="shop"'
        assert f'rollouts_analysis_value{{{labels},subject="canary"}} 0.1' in text
        assert (
            f'rollouts_analysis_measurements_total{{{labels},phase="Failed",subject="canary"}} 1.0'
            in text
        )
        world.front.delete(ANALYSIS_RUN, "shop", "canary")
        await until(lambda: not list(world.loop.samples()))
        assert 'subject="canary"' not in await world.metrics()

    story(tmp_path, tell)


def test_a_provider_that_hangs_is_an_error_within_its_timeout_and_holds_nobody_up(tmp_path):
    async def hang():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)  # not even its cancelling is waited for

    async def tell(world):
        hanging = lambda question: hang() if question.metric == "hanging" else sample(1)  # noqa: E731
        world.source.answer = hanging
        slow = {"web": {"url": "http://127.0.0.1/", "timeoutSeconds": 1}}
        world.create(metric("hanging", provider=slow, consecutiveErrorLimit=0), metric())
        world.create(metric(), name="quick")
        await until(lambda: world.is_over("quick"), 0.9)
        await until(world.is_over, 3)

        assert "Error" == world.status()["phase"]
        assert "no answer within 1s" in world.status()["message"]

    story(tmp_path, tell)


def test_a_provider_that_breaks_is_an_error_that_repeats_nothing_it_said(tmp_path, caplog):
    async def tell(world):
        world.source.answer = lambda question: ZeroDivisionError("token=hunter2")
        world.create(metric(consecutiveErrorLimit=0))
        await until(world.is_over)

        assert "the provider web broke: ZeroDivisionError" in world.status()["message"]
        assert "hunter2" not in str(world.status()) + caplog.text

    story(tmp_path, tell)


def secret_metric():
    headers = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
    return metric(
        provider={"web": {"url": "http://127.0.0.1/", "headers": headers}},
        consecutiveErrorLimit=0,
    )


SECRET_ARG = [{"name": "token", "valueFrom": {"secretKeyRef": {"name": "web", "key": "token"}}}]


def test_a_secret_is_read_when_it_is_needed_handed_over_and_blotted_out(tmp_path):
    async def tell(world):
        encoded = base64.b64encode(b"hunter2-and-more").decode()
        metadata = {"namespace": "shop", "name": "web"}
        world.front.create(SECRET, {"metadata": metadata, "data": {"token": encoded}})
        world.create(metric(), name="plain")
        await until(lambda: world.is_over("plain"))
        assert not [path for _, path, _ in world.front.requests if "secrets" in path]

        world.source.answer = lambda question: MeasurementError(
            f"refused {question.config['headers'][0]['value']}"
        )
        world.create(secret_metric(), args=SECRET_ARG)
        await until(world.is_over)
        asked = world.source.asked[-1]
        assert "Bearer hunter2-and-more" == asked.config["headers"][0]["value"]
        assert '"Error Message: refused Bearer ***"' in world.status()["message"]

    story(tmp_path, tell)


def test_arguments_reach_the_provider(tmp_path):
    async def tell(world):
        provider = {"web": {"url": "http://127.0.0.1/{{args.service}}?n={{ args.n }}"}}
        args = [{"name": "service", "value": "shop"}, {"name": "n", "value": "3"}]
        world.create(metric(provider=provider), args=args)
        await until(world.is_over)

        assert ["http://127.0.0.1/shop?n=3"] == [each.config["url"] for each in world.source.asked]

    story(tmp_path, tell)


def test_what_a_condition_could_not_be_asked_about_shows_no_secret(tmp_path):
    """The server repeats the token where a number was expected, in the middle of a long text."""

    async def tell(world):
        metadata = {"namespace": "shop", "name": "web"}
        token = base64.b64encode(b"hunter2-and-more").decode()
        world.front.create(SECRET, {"metadata": metadata, "data": {"token": token}})
        world.source.answer = lambda question: sample("x" * 60 + "hunter2-and-more" * 9)
        world.create(secret_metric(), args=SECRET_ARG)
        await until(world.is_over)

        assert "cannot compare" in world.status()["message"]
        assert "hunter2" not in str(world.status())

    story(tmp_path, tell)


def test_a_secret_that_a_provider_reads_by_itself_is_blotted_out_too(tmp_path):
    async def ask(question):
        token = await question.read_secret("web", "token")
        raise MeasurementError(f"refused {token}")

    async def tell(world):
        metadata = {"namespace": "shop", "name": "web"}
        token = base64.b64encode(b"hunter2-and-more").decode()
        world.front.create(SECRET, {"metadata": metadata, "data": {"token": token}})
        world.source.answer = ask
        world.create(metric(consecutiveErrorLimit=0))
        await until(world.is_over)

        assert "refused ***" in world.status()["message"]

    story(tmp_path, tell)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "the Secret shop/web does not exist"),
        ({"other": "eA=="}, "the Secret shop/web has no key 'token'"),
        ({"token": "/w=="}, "the key 'token' of the Secret shop/web is no text"),
    ],
)
def test_a_missing_secret_refuses_the_run_before_anything_is_measured(tmp_path, data, words):
    async def tell(world):
        if data is not None:
            metadata = {"namespace": "shop", "name": "web"}
            world.front.create(SECRET, {"metadata": metadata, "data": data})
        patient = {key: each for key, each in secret_metric().items() if "Limit" not in key}
        world.create(patient | {"initialDelay": "1h"}, metric("other"), args=SECRET_ARG)
        await until(world.is_over)

        assert "Error" == world.status()["phase"]
        assert f"spec.args[0].valueFrom.secretKeyRef: {words}" in world.status()["message"]
        assert [] == world.source.asked

    story(tmp_path, tell)


def test_a_secret_that_goes_missing_later_is_an_error_of_its_measurement(tmp_path):
    async def tell(world):
        metadata = {"namespace": "shop", "name": "web"}
        token = base64.b64encode(b"hunter2-and-more").decode()
        world.front.create(SECRET, {"metadata": metadata, "data": {"token": token}})
        world.create(secret_metric() | {"count": 9, "interval": "50ms"}, args=SECRET_ARG)
        await until(lambda: world.source.asked)
        world.front.delete(SECRET, "shop", "web")
        await until(world.is_over)

        assert "the Secret shop/web does not exist" in world.status()["message"]
        assert 0 < world.status()["metricResults"][0]["successful"] < 9

    story(tmp_path, tell)


def test_a_secret_that_may_not_be_read_is_an_error_of_its_measurement(tmp_path):
    async def tell(world):
        world.front.refuse = lambda _method, path: 403 if "/secrets/" in path else None
        world.create(secret_metric(), args=SECRET_ARG)
        await until(world.is_over)

        assert "consecutiveErrors (1) > consecutiveErrorLimit (0)" in world.status()["message"]
        assert [] == world.source.asked

    story(tmp_path, tell)


def test_a_job_is_created_followed_and_its_pods_are_looked_at(tmp_path):
    async def tell(world):
        world.create(job_metric("good"), job_metric("pull"))
        await until(lambda: len(world.front.items(JOB, "shop")) == 2)
        await until(lambda: "metricResults" in world.status())
        good, pull = sorted(each["metadata"]["name"] for each in world.front.items(JOB, "shop"))
        uid = world.front.get(ANALYSIS_RUN, "shop", "canary")["metadata"]["uid"]
        assert (f"{uid}.good.1", f"{uid}.pull.1") == (good, pull)

        complete = {"conditions": [{"type": "Complete", "status": "True"}]}
        finish(world, good, complete)
        await until(lambda: "Successful" in str(world.status()))
        assert "Running" == world.status()["phase"]
        pod = broken_pod(uid, pull)
        world.front.create(POD, pod)
        world.front.patch(POD, "shop", "load-x1", {"status": pod["status"]}, "status")
        await until(world.is_over)

        assert "Inconclusive" == world.status()["phase"]
        assert "ErrImagePull" in world.status()["message"]
        await until(lambda: len(world.front.items(JOB, "shop")) == 1)

    story(tmp_path, tell)


def finish(world, name, status):
    """Play the controller of Jobs; the emulator keeps its rules about statuses."""
    now = "2026-03-01T06:00:00Z"
    done = {"type": "SuccessCriteriaMet", "status": "True", "lastTransitionTime": now}
    conditions = [done, *(each | {"lastTransitionTime": now} for each in status["conditions"])]
    body = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
    world.front.patch(JOB, "shop", name, {"status": body}, "status")


def broken_pod(uid, job):
    container = {"name": "load", "image": "load:1"}
    waiting = {"state": {"waiting": {"reason": "ErrImagePull"}}}
    status = {"name": "load", "ready": False, "restartCount": 0, "image": "", "imageID": ""}
    return {
        "metadata": {
            "namespace": "shop",
            "name": "load-x1",
            "labels": {"analysisrun.argoproj.io/uid": uid},
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": job,
                    "uid": "u",
                    "controller": True,
                }
            ],
        },
        "spec": {"containers": [container]},
        "status": {"phase": "Pending", "containerStatuses": [status | waiting]},
    }


def test_termination_ends_a_run_at_once_and_gives_its_measurement_up(tmp_path):
    async def tell(world):
        world.source.answer = lambda question: asyncio.sleep(60)
        world.create(metric())
        await until(lambda: world.source.asked)
        world.front.patch(ANALYSIS_RUN, "shop", "canary", {"spec": {"terminate": True}})
        await until(world.is_over)

        status = world.status()
        assert ("Inconclusive", "Run Terminated") == (status["phase"], status["message"])
        assert 0 == len(world.loop.measurements)

    story(tmp_path, tell)


def test_a_run_that_is_deleted_is_forgotten(tmp_path):
    async def tell(world):
        world.source.answer = lambda question: asyncio.sleep(60)
        world.create(metric())
        await until(lambda: world.source.asked)
        world.front.delete(ANALYSIS_RUN, "shop", "canary")
        await until(lambda: len(world.loop.measurements) == 0)

    story(tmp_path, tell)


def test_a_finished_run_is_deleted_when_its_time_is_over(tmp_path):
    async def tell(world):
        world.create(metric(), ttlStrategy={"secondsAfterSuccess": 1})
        await until(world.is_over)
        await until(lambda: not world.front.items(ANALYSIS_RUN, "shop"))

    story(tmp_path, tell)


def test_a_controller_with_an_instance_id_measures_its_own_runs_alone(tmp_path):
    async def tell(world):
        world.create(metric(), name="ours", labels={INSTANCE: "blue"})
        world.create(metric(), name="theirs", labels={INSTANCE: "green"})
        world.create(metric(), name="nobodys")
        await until(lambda: world.is_over("ours"))
        await asyncio.sleep(0.1)

        assert ["success-rate"] == [each.metric for each in world.source.asked]

    story(tmp_path, tell, instance_id="blue")


def test_a_run_goes_on_where_a_dead_controller_has_left_it(tmp_path):
    async def go():
        async with serve_front(crowd()) as front:
            async with running(tmp_path, front) as first:
                first.create(metric(count=3, interval="200ms"))
                await until(lambda: "metricResults" in first.status())
            kept = first.status()["metricResults"][0]["count"]
            async with running(tmp_path, front) as second:
                await until(second.is_over)

                assert "Successful" == second.status()["phase"]
                assert 3 == kept + len(second.source.asked)

    asyncio.run(go())


def test_nothing_is_logged_that_nobody_has_to_know(tmp_path, caplog):
    async def tell(world):
        world.create(metric(count=2, interval="20ms"))
        await until(world.is_over)

        loud = [each for each in caplog.records if each.levelno >= logging.ERROR]
        assert [] == loud

    with caplog.at_level(logging.INFO):
        story(tmp_path, tell)
