"""What cannot be measured is refused before anything is: by lint, at the Rollout and in a run."""

from __future__ import annotations

import pytest
from shell.live import Live, run_command
from shell.numbers_server import Numbers

from rollouts.api.refs import ANALYSIS_RUN, ANALYSIS_TEMPLATE
from rollouts.api.yaml_writer import dump_yaml


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    cluster = Live(tmp_path_factory.mktemp("live"))
    yield cluster
    cluster.close()


@pytest.fixture
def numbers():
    server = Numbers()
    yield server
    server.close()


STEPS = [{"setWeight": 20}, {"analysis": {"templates": [{"templateName": "errors"}]}}]
PATH = "spec.metrics[0]"
TWO = {"web": {"url": "http://h/"}, "prometheus": {"query": "up"}}
CASES = {
    "parse": ({"successCondition": "result <"}, ".successCondition", "line 1, column 9: "),
    "second-line": (
        {"failureCondition": "result > 1 &&\n  (result < "},
        ".failureCondition",
        "line 2, column 13: ",
    ),
    "type": (
        {"successCondition": "result > 1 || len(5) > 1"},
        ".successCondition",
        "line 1, column 19: ",
    ),
    "type-of-result": (
        {
            "provider": {"prometheus": {"query": "up", "address": "http://h"}},
            "successCondition": "result.rate < 1",
        },
        ".successCondition",
        "line 1, column ",
    ),
    "function": ({"successCondition": "lenn(result) > 1"}, ".successCondition", "did you mean len"),
    "no-condition": ({"successCondition": "result + 1"}, ".successCondition", "line 1, column "),
    "argument": (
        {"provider": {"web": {"url": "http://h/{{args.nope}}"}}},
        ".provider.web.url",
        "wants the argument 'nope', which is not among args",
    ),
    "argument-of-condition": (
        {"successCondition": "result < {{args.limit}}"},
        ".successCondition",
        "wants the argument 'limit'",
    ),
    "two-providers": ({"provider": TWO}, ".provider", "multiple providers specified"),
    "no-provider": ({"provider": {}}, ".provider", "no provider specified"),
    "endless": ({"interval": "5s"}, ".count", "is needed with an interval"),
    "interval": ({"interval": "soon", "count": 2}, ".interval", "is no duration"),
    "interval-without-a-unit": ({"interval": "5", "count": 2}, ".interval", "is no duration"),
    "negative-interval": ({"interval": "-5s", "count": 2}, ".interval", "must be greater than 0"),
    "delay": ({"initialDelay": "1 minute"}, ".initialDelay", "is no duration"),
    "timeout": (
        {"provider": {"web": {"url": "http://h/", "timeoutSeconds": -1}}},
        ".provider.web.timeoutSeconds",
        "must be from 1 to 3600 seconds",
    ),
}


def spec_of(numbers, changes):
    metric = {
        "name": "errors",
        "successCondition": "result < 5",
        "provider": {"web": {"url": numbers.url, "jsonPath": "{$.errors}"}},
    }
    return {"metrics": [metric | changes]}


def of_kind(kind, namespace, spec):
    metadata = {"name": "errors", "namespace": namespace}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_its_place_and_nothing_is_asked(live, numbers, tmp_path, case):
    changes, below, words = CASES[case]
    namespace, spec = f"bad-{case}", spec_of(numbers, changes)
    run = of_kind("AnalysisRun", namespace, spec)
    file = tmp_path / "run.yaml"
    file.write_text(dump_yaml(run))
    told = run_command("lint", str(file))
    live.deploy(namespace, steps=STEPS)
    live.create(ANALYSIS_TEMPLATE, of_kind("AnalysisTemplate", namespace, spec))
    live.create(ANALYSIS_RUN, run)
    live.set_image(namespace, "shop:2")
    at_rollout = live.until(lambda: live.status(namespace).get("message"))
    status = live.until(lambda: live.get(ANALYSIS_RUN, namespace, "errors").get("status"))

    assert told.code == 1
    assert any(f": {PATH}{below}: " in each and words in each for each in told.lines), told.out
    assert f"AnalysisTemplate/errors: {PATH}{below}: " in at_rollout
    assert words in at_rollout.replace("\\n", "\n")
    assert (status["phase"], "metricResults" in status) == ("Error", False)
    assert f"{PATH}{below}: " in status["message"]
    assert words in status["message"]
    assert (numbers.asked, live.images(namespace)) == (0, {"shop:1": 5})


def test_a_run_goes_on_with_what_it_resolved_when_its_template_is_deleted(live, numbers):
    namespace = "template-gone"
    changes = {"interval": "200ms", "count": 4}
    live.deploy(namespace, steps=STEPS)
    spec = spec_of(numbers, changes)
    live.create(ANALYSIS_TEMPLATE, of_kind("AnalysisTemplate", namespace, spec))
    live.set_image(namespace, "shop:2")
    live.until(lambda: numbers.asked)
    live.delete(ANALYSIS_TEMPLATE, namespace, "errors")
    live.until(lambda: live.status(namespace).get("currentStepIndex") == 2)
    live.wait_for(namespace, "Healthy")

    assert numbers.asked == 4
    assert live.images(namespace)["shop:2"] == 5


def message_of_an_update(live, numbers, namespace, spec, args):
    """Return what status says of an update whose step gives a template these arguments.

    Nothing has been measured, and no pod of the new image was made.
    """
    step = {"analysis": {"templates": [{"templateName": "errors"}], "args": args}}
    live.deploy(namespace, steps=[step])
    live.create(ANALYSIS_TEMPLATE, of_kind("AnalysisTemplate", namespace, spec))
    live.set_image(namespace, "shop:2")
    message = live.until(lambda: live.status(namespace).get("message"))
    assert (numbers.asked, live.images(namespace)) == (0, {"shop:1": 5})
    return message


def test_a_condition_is_checked_with_the_argument_that_a_rollout_gives_it(live, numbers):
    metric = {"successCondition": "result < {{args.limit}}"}
    spec = spec_of(numbers, metric) | {"args": [{"name": "limit", "value": "5"}]}
    given = [{"name": "limit", "value": "5 &&"}]
    message = message_of_an_update(live, numbers, "condition-argument", spec, given)

    assert "spec.metrics[0].successCondition: " in message
    assert "line 1, column 14: " in message


def test_an_injection_through_an_argument_is_refused_before_the_update_begins(live, numbers):
    query = "sum(rate(errors{{args.range}}))"
    metric = {"provider": {"prometheus": {"query": query, "address": numbers.url}}}
    spec = spec_of(numbers, metric) | {"args": [{"name": "range"}]}
    hostile = [{"name": "range", "value": "[1m])) or vector(0) # "}]
    message = message_of_an_update(live, numbers, "injection", spec, hostile)

    assert "spec.metrics[0].provider.prometheus.query" in message
    assert "would change the query" in message
