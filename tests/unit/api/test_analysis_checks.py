"""What the checks say of analysis templates and runs: everything at once, with its field."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest

from rollouts.api.checks import (
    check_analysis_run,
    check_analysis_template,
    check_manifest,
    read_analysis_run,
    read_analysis_template,
    read_cluster_analysis_template,
)
from rollouts.api.problems import InvalidSpec

METRIC = {
    "name": "errors",
    "interval": "30s",
    "count": 3,
    "successCondition": "result[0] < 0.05",
    "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "up"}},
}
JOB = {
    "template": {
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "smoke", "image": "smoke:1"}],
        }
    }
}


def metric(**fields):
    """Return a sound metric with other fields; `...` removes one."""
    return {key: value for key, value in (METRIC | fields).items() if value is not ...}


def template(*metrics, kind="AnalysisTemplate", **spec):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "errors"},
        "spec": {"metrics": list(metrics) or [METRIC]} | spec,
    }


def run(*metrics, labels=None, **spec):
    made = template(*metrics, kind="AnalysisRun", **spec)
    made["metadata"]["labels"] = labels or {}
    return made


def said(manifest, check_condition=None):
    return {problem.path: problem.message for problem in check_manifest(manifest, check_condition)}


def of_metric(**fields):
    prefix = "spec.metrics[0]."
    return {
        path.removeprefix(prefix): message
        for path, message in said(template(metric(**fields))).items()
    }


@pytest.mark.parametrize("kind", ["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"])
def test_a_sound_object_has_no_problems(kind):
    assert check_manifest(template(kind=kind)) == ()


def test_all_problems_are_reported_at_once():
    broken = metric(interval="soon", count="many", provider={})
    manifest = template(broken, metric(), args=[{"name": "a b"}, {"name": "x", "value": 1}])

    assert list(said(manifest)) == [
        "spec.metrics[0].interval",
        "spec.metrics[0].count",
        "spec.metrics[0].provider",
        "spec.metrics[1].name",
        "spec.args[0].name",
        "spec.args[1].value",
    ]


@pytest.mark.parametrize(
    "provider",
    [
        {"prometheus": {"query": "up"}},
        {"prometheus": {"query": "up", "timeout": 3600, "headers": [{"key": "X-A", "value": ""}]}},
        {
            "prometheus": {
                "query": "up",
                "rangeQuery": {"start": "now()", "end": "now()", "step": "1m"},
            }
        },
        {"web": {"url": "https://example.test/x"}},
        {"web": {"url": "{{args.url}}", "method": "PUT", "jsonBody": {"a": ["{{args.url}}"]}}},
        {"job": {"spec": JOB}},
    ],
)
def test_a_provider_that_can_be_asked_is_accepted(provider):
    assert said(template(metric(provider=provider), args=[{"name": "url"}])) == {}


@pytest.mark.parametrize(
    "name",
    [
        "datadog",
        "wavefront",
        "newRelic",
        "cloudWatch",
        "graphite",
        "influxdb",
        "skywalking",
        "kayenta",
    ],
)
def test_a_provider_that_cannot_be_asked_is_refused(name):
    found = of_metric(provider={name: {"query": "x"}})

    assert "not supported by this version" in found[f"provider.{name}"]
    assert "prometheus, web and job" in found[f"provider.{name}"]


@pytest.mark.parametrize(
    ("provider", "path", "word"),
    [
        ({}, "provider", "no provider"),
        ({"web": None}, "provider", "no provider"),
        ({"web": {"url": "http://x"}, "job": {"spec": JOB}}, "provider", "web and job"),
        ({"promethius": {}}, "provider.promethius", "did you mean prometheus?"),
        ({"plugin": {}}, "provider", "no provider"),
        ({"plugin": "line"}, "provider.plugin", "must be a map"),
        ({"plugin": {"line": {}}}, "provider.plugin.line", "entry point group"),
        ({"plugin": {"web": {"url": "http://x"}}}, "provider.plugin.web", "beside plugin"),
        ({"plugin": {"a": {}, "web": {}}}, "provider", "a and web"),
        ({"prometheus": {}}, "provider.prometheus.query", "PromQL"),
        ({"prometheus": {"query": " "}}, "provider.prometheus.query", "PromQL"),
        (
            {"prometheus": {"query": "up", "address": "prom:9090"}},
            "provider.prometheus.address",
            "URL",
        ),
        ({"prometheus": {"query": "up", "timeout": -1}}, "provider.prometheus.timeout", "seconds"),
        (
            {"prometheus": {"query": "up", "timeout": 3601}},
            "provider.prometheus.timeout",
            "seconds",
        ),
        (
            {"prometheus": {"query": "up", "rangeQuery": {"start": "now()", "end": "now()"}}},
            "provider.prometheus.rangeQuery.step",
            "required",
        ),
        (
            {"prometheus": {"query": "up", "authentication": {"bearer": {}, "basicAuth": {}}}},
            "provider.prometheus.authentication",
            "basicAuth and bearer",
        ),
        (
            {"prometheus": {"query": "up", "authentication": {"oauth2": {}}}},
            "provider.prometheus.authentication.oauth2.tokenUrl",
            "required",
        ),
        ({"web": {}}, "provider.web.url", "required"),
        ({"web": {"url": "ftp://x"}}, "provider.web.url", "URL"),
        ({"web": {"url": "http://x:99999"}}, "provider.web.url", "URL"),
        ({"web": {"url": "http://x", "method": "DELETE"}}, "provider.web.method", "PUT"),
        ({"web": {"url": "http://x", "body": "a"}}, "provider.web.method", "POST"),
        (
            {"web": {"url": "http://x", "method": "POST", "body": "a", "jsonBody": {}}},
            "provider.web.body",
            "not both",
        ),
        ({"web": {"url": "http://x", "jsonPath": "value"}}, "provider.web.jsonPath", "JSONPath"),
        (
            {"web": {"url": "http://x", "headers": [{"key": "a b", "value": ""}]}},
            "provider.web.headers[0].key",
            "header",
        ),
        ({"job": {"spec": {}}}, "provider.job.spec.template", "required"),
        (
            {"job": {"spec": {"template": {"spec": {"containers": [{}]}}}}},
            "provider.job.spec.template.spec.restartPolicy",
            "Never or OnFailure",
        ),
        (
            {"job": {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}},
            "provider.job.spec.template.spec.containers",
            "container",
        ),
    ],
)
def test_a_provider_that_makes_no_sense_is_refused(provider, path, word):
    assert word in of_metric(provider=provider)[path]


@pytest.mark.parametrize("provider", [{"line": {}}, {"plugin": {"line": {}}}])
def test_a_provider_that_is_installed_is_accepted(provider):
    one = template(metric(provider=provider))

    assert check_analysis_template(one, providers=("web", "line")) == ()
    assert check_manifest(one, providers=("web", "line")) == ()


def test_settings_of_an_installed_provider_are_a_map():
    (problem,) = check_analysis_template(
        template(metric(provider={"line": 7})), providers=("web", "line")
    )

    assert str(problem) == (
        "spec.metrics[0].provider.line: must be a map of keys and values (found 7)"
    )


@pytest.mark.parametrize(
    "provider",
    [
        {"line": {"token": "s3cret"}},
        {"plugin": {"line": {"token": "s3cret"}}},
        {"datadog": {"query": "x", "token": "s3cret"}},
        {"web": {"url": "http://x"}, "line": {"token": "s3cret"}},
        {
            "web": {
                "url": "http://x",
                "authentication": {
                    "bearer": {"token": "s3cret"},
                    "basicAuth": {"password": "s3cret"},
                },
            }
        },
    ],
)
def test_what_is_wrong_with_a_provider_repeats_nothing_that_stands_in_it(provider):
    problems = check_analysis_template(template(metric(provider=provider)))

    assert problems
    assert "s3cret" not in "".join((str(problems), *(each.peer_text for each in problems)))


@pytest.mark.parametrize(
    "address",
    [
        "me:s3cret@prometheus:9090",
        "htp://me:s3cret@prometheus:9090",
        "prometheus:9090/?token=s3cret",
        "http://me:s3cret@/",
        "http://me:s3cret@h:port/",
    ],
)
def test_credentials_in_an_address_that_is_none_are_not_repeated(address):
    for provider in (
        {"prometheus": {"query": "up", "address": address}},
        {"web": {"url": address}},
        {"web": {"url": "http://h", "authentication": {"oauth2": {"tokenUrl": address}}}},
    ):
        problems = check_analysis_template(template(metric(provider=provider)))

        assert problems, provider
        assert "s3cret" not in "".join((str(problems), *(each.peer_text for each in problems)))


def test_a_secret_in_a_header_is_not_repeated():
    provider = {"web": {"url": "http://x", "headers": [{"key": "A", "value": "s3cret\n"}]}}
    problems = check_analysis_template(template(metric(provider=provider)))

    assert len(problems) == 1
    assert "s3cret" not in str(problems)


@pytest.mark.parametrize("value", [0, 1, "1", "{{args.n}}", 2**31 - 1])
def test_a_count_may_be_a_number_text_or_an_argument(value):
    assert said(template(metric(count=value), args=[{"name": "n"}])) == {}


@pytest.mark.parametrize("name", ["count", "inconclusiveLimit", "consecutiveErrorLimit"])
@pytest.mark.parametrize("value", [-1, "-1", "x", "", "1.5", "1e3"])
def test_a_limit_that_is_none_is_refused(name, value):
    assert list(of_metric(**{name: value})) == [name]


@pytest.mark.parametrize(("limit", "is_refused"), [(-2, True), (-1, False), (3, False), (4, True)])
def test_the_failure_limit_reaches_from_any_number_to_count(limit, is_refused):
    assert ("failureLimit" in of_metric(failureLimit=limit)) is is_refused


@pytest.mark.parametrize("name", ["inconclusiveLimit", "consecutiveSuccessLimit"])
@pytest.mark.parametrize(("limit", "is_refused"), [(3, False), (4, True), ("4", True)])
def test_a_limit_beyond_count_is_refused(name, limit, is_refused):
    found = of_metric(**{name: limit})

    assert found == ({name: f"count must be >= {name}; count is 3"} if is_refused else {})


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [("1ms", False), ("1h30m", False), ("30", True), ("0s", True), ("-1s", True), ("x", True)],
)
def test_an_interval_is_a_duration_with_a_unit(text, is_refused):
    assert list(of_metric(interval=text)) == (["interval"] if is_refused else [])


@pytest.mark.parametrize(("text", "is_refused"), [("0s", False), ("-1s", True), ("10", True)])
def test_a_delay_may_be_nothing(text, is_refused):
    assert list(of_metric(initialDelay=text)) == (["initialDelay"] if is_refused else [])


def test_several_measurements_need_an_interval():
    assert of_metric(interval=...) == {"interval": "interval must be specified when count > 1"}
    assert of_metric(interval=..., count=1) == {}


def test_a_misspelt_condition_is_no_silent_success():
    found = of_metric(sucessCondition="result > 1")

    assert found == {"sucessCondition": "is no field of a metric; did you mean successCondition?"}


def test_a_field_of_the_future_is_kept():
    assert of_metric(zebra={"a": 1}) == {}


def test_no_data_counts_as_one_of_four():
    assert of_metric(noData="failure") == {}
    assert list(of_metric(noData="ignore")) == ["noData"]


def test_an_object_without_metrics_measures_nothing():
    assert list(said(template(metrics=[]))) == ["spec.metrics"]
    assert said(template(metrics=[], templates=[{"templateName": "other"}])) == {}
    assert list(said(run(metrics=[]))) == ["spec.metrics"]


class TestEndless:
    ENDLESS = metric(count=...)

    def test_a_template_may_hold_an_endless_metric(self):
        assert said(template(self.ENDLESS)) == {}

    def test_a_run_that_nobody_ends_is_refused(self):
        assert list(said(run(self.ENDLESS))) == ["spec.metrics[0].count"]

    def test_a_run_beside_the_steps_may_be_endless(self):
        assert said(run(self.ENDLESS, labels={"rollout-type": "Background"})) == {}

    def test_successes_in_a_row_are_an_end(self):
        assert said(run(metric(count=..., consecutiveSuccessLimit=2))) == {}


class TestArguments:
    def test_an_unknown_argument_is_named_wherever_it_stands(self):
        provider = {"job": {"spec": copy.deepcopy(JOB)}}
        provider["job"]["spec"]["template"]["metadata"] = {"labels": {"{{args.servce}}": "x"}}
        found = said(
            template(
                metric(provider=provider, interval="{{args.every}}"), args=[{"name": "service"}]
            )
        )

        assert len(found) == 2
        assert all("is not among args" in message for message in found.values())
        assert any("did you mean service?" in message for message in found.values())

    @pytest.mark.parametrize("text", ["{{ args.x }}", "{{args.x}}", "{{{args.x}}}", "a{{args.x}}b"])
    def test_spaces_and_neighbours_are_allowed(self, text):
        provider = {"prometheus": {"query": text}}

        assert said(template(metric(provider=provider), args=[{"name": "x"}])) == {}

    @pytest.mark.parametrize("text", ["{{x}}", "{{ inputs.x }}", "{{args.}}", "{{args.x y}}"])
    def test_braces_that_refer_to_no_argument_are_refused(self, text):
        found = of_metric(provider={"prometheus": {"query": text}})

        assert "refers to no argument" in found["provider.prometheus.query"]

    @pytest.mark.parametrize(
        ("source", "is_refused"),
        [
            ({"secretKeyRef": {"name": "s", "key": "k"}}, False),
            ({"podTemplateHashValue": "Latest"}, False),
            ({"podTemplateHashValue": "Newest"}, True),
            ({"fieldRef": {"fieldPath": "metadata.labels['a.b/c']"}}, False),
            ({"fieldRef": {"fieldPath": "metadata..labels"}}, True),
            ({"fieldRef": {"fieldPath": "[0]"}}, True),
            ({"secretKeyRef": {"name": "S", "key": "k"}}, True),
            ({"secretKeyRef": {"name": "s", "key": "k"}, "podTemplateHashValue": "Stable"}, True),
            ({}, True),
        ],
    )
    def test_a_value_comes_from_exactly_one_place(self, source, is_refused):
        problems = check_manifest(template(args=[{"name": "x", "valueFrom": source}]))

        assert bool(problems) is is_refused

    def test_value_and_source_together_are_refused(self):
        both = {"name": "x", "value": "1", "valueFrom": {"podTemplateHashValue": "Stable"}}

        assert list(said(template(args=[both]))) == ["spec.args[0].valueFrom"]

    def test_a_name_stands_once(self):
        args = [{"name": "x"}, {"name": "x", "value": "1"}]

        assert said(template(args=args)) == {"spec.args[1].name": "names two arguments; keep one"}

    def test_a_run_has_all_its_values(self):
        args = [
            {"name": "a"},
            {"name": "b", "valueFrom": {"podTemplateHashValue": "Stable"}},
            {"name": "c", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "d", "value": ""},
        ]

        assert list(said(run(args=args))) == [
            "spec.args[0].value",
            "spec.args[1].valueFrom.podTemplateHashValue",
        ]

    def test_a_secret_may_stand_in_a_provider_alone(self):
        args = [{"name": "t", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
        provider = {"web": {"url": "http://x", "headers": [{"key": "A", "value": "{{args.t}}"}]}}
        found = said(
            template(
                metric(provider=provider, successCondition="result == '{{args.t}}'"), args=args
            )
        )

        assert list(found) == ["spec.metrics[0].successCondition"]

    def test_an_argument_passed_on_must_be_known(self):
        include = {"templateName": "other", "args": [{"name": "y", "value": "{{args.z}}"}]}

        assert list(said(template(templates=[include], args=[{"name": "x"}]))) == [
            "spec.templates[0].args[0].value"
        ]


class TestLists:
    @pytest.mark.parametrize("field", ["dryRun", "measurementRetention"])
    def test_a_rule_must_match_a_metric(self, field):
        def rule(pattern):
            return template(**{field: [{"metricName": pattern, "limit": 1}]})

        assert said(rule("err.*")) == {}
        assert said(rule("latency")) == {
            f"spec.{field}[0].metricName": "Rule didn't match any metric name(s)"
        }

    @pytest.mark.parametrize("pattern", ["[", "", "(a+)+", "a?" * 40, "(?=x)", r"(a)\1", "x" * 129])
    def test_a_pattern_that_cannot_be_matched_quickly_is_refused(self, pattern):
        found = said(template(dryRun=[{"metricName": pattern}]))

        assert list(found) == ["spec.dryRun[0].metricName"]

    def test_a_rule_may_be_meant_for_an_included_metric(self):
        manifest = template(
            dryRun=[{"metricName": "latency"}], templates=[{"templateName": "latency"}]
        )

        assert said(manifest) == {}

    def test_a_limit_of_measurements_is_needed(self):
        manifest = template(measurementRetention=[{"metricName": ".*"}])

        assert list(said(manifest)) == ["spec.measurementRetention[0].limit"]

    def test_a_time_to_live_is_not_negative(self):
        assert said(template(ttlStrategy={"secondsAfterFailure": 0})) == {}
        assert list(said(template(ttlStrategy={"secondsAfterFailure": -1}))) == [
            "spec.ttlStrategy.secondsAfterFailure"
        ]
        assert list(said(template(ttlStrategy={}))) == ["spec.ttlStrategy"]


class TestIncludes:
    def test_a_template_does_not_include_itself(self):
        assert list(said(template(templates=[{"templateName": "errors"}]))) == [
            "spec.templates[0].templateName"
        ]

    def test_a_template_of_the_cluster_includes_such_alone(self):
        include = {"templateName": "other"}
        kind = "ClusterAnalysisTemplate"

        assert list(said(template(templates=[include], kind=kind))) == [
            "spec.templates[0].clusterScope"
        ]
        assert said(template(templates=[include | {"clusterScope": True}], kind=kind)) == {}

    def test_the_same_template_twice_needs_arguments_of_its_own(self):
        own = [{"name": "x", "value": "1"}]
        twice = [{"templateName": "other"}, {"templateName": "other"}]

        assert list(said(template(templates=twice))) == ["spec.templates[1].templateName"]
        assert said(template(templates=[twice[0], twice[1] | {"args": own}])) == {}


@dataclass(frozen=True)
class Complaint:
    message: str
    line: int = 1
    column: int = 3


class TestConditions:
    """The language itself is checked elsewhere; here it is only asked."""

    def _asked(self, *arguments, **fields):
        asked = []

        def check(source, provider):
            asked.append((source, provider))
            return [Complaint("is not good")] if "bad" in source else []

        manifest = template(metric(**fields), args=list(arguments))
        return asked, said(manifest, check)

    def test_each_condition_is_checked_for_its_provider(self):
        asked, found = self._asked(failureCondition="bad")

        assert asked == [("result[0] < 0.05", "prometheus"), ("bad", "prometheus")]
        assert found == {"spec.metrics[0].failureCondition": "line 1, column 3: is not good"}

    def test_a_condition_with_a_default_is_checked_with_it(self):
        asked, _ = self._asked({"name": "n", "value": "5"}, successCondition="result < {{args.n}}")

        assert asked == [("result < 5", "prometheus")]

    def test_a_default_stays_a_text_in_a_string(self):
        asked, _ = self._asked(
            {"name": "n", "value": "a'b"}, successCondition="result == '{{args.n}}'"
        )

        assert asked == [(r"result == 'a\'b'", "prometheus")]

    def test_a_condition_that_lacks_a_value_waits_for_it(self):
        assert self._asked({"name": "n"}, successCondition="result < {{args.n}}") == ([], {})


def test_a_sound_object_is_read_as_its_model():
    run_ = read_analysis_run(run(args=[{"name": "x", "value": "1"}]))

    assert run_.spec.metrics[0].provider.kind == "prometheus"
    assert str(run_.ref) == "AnalysisRun/errors"
    assert str(read_analysis_template(template()).ref) == "AnalysisTemplate/errors"
    cluster = read_cluster_analysis_template(template(kind="ClusterAnalysisTemplate"))
    assert str(cluster.ref) == "ClusterAnalysisTemplate/errors"


def test_an_unsound_run_is_not_read():
    with pytest.raises(InvalidSpec):
        read_analysis_run(run(metric(provider={})))


def test_a_strange_status_stops_nothing():
    assert check_analysis_run(run() | {"status": {"phase": 7}}) == ()
    assert read_analysis_run(run() | {"status": {"phase": 7}}).status.phase == ""
