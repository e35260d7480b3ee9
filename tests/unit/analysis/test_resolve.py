"""From templates and references to the spec of a run, or to everything that is wrong."""

from __future__ import annotations

import copy
import itertools

import pytest

from rollouts.analysis.arguments import RolloutFacts
from rollouts.analysis.resolve import RefusedRun, ResolvedRun, RunContext, resolve_run
from rollouts.analysis.substitute import fill_metric
from rollouts.analysis.templates import USES_MAX, TemplateKey
from rollouts.api.checks import check_analysis_run

ROLLOUT = {
    "metadata": {"name": "web", "labels": {"team": "shop", "a.b/c": "d"}},
    "spec": {"replicas": 3, "paused": False, "list": [{"x": "y"}]},
    "status": {"canary": {"weights": {"canary": {"weight": 20}}}},
}
FACTS = RolloutFacts(ROLLOUT, stable_hash="aaaa", latest_hash="bbbb")


def metric(name="errors", query='up{job="{{args.job}}"}', **fields):
    provider = {"prometheus": {"query": query}}
    return {"name": name, "interval": "10s", "count": 1, "provider": provider} | fields


def template(name, *metrics, is_cluster=False, **spec):
    kind = "ClusterAnalysisTemplate" if is_cluster else "AnalysisTemplate"
    return TemplateKey(name, is_cluster=is_cluster), {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"metrics": list(metrics)} | spec,
    }


def use(name, *args, **fields):
    return {"templateName": name} | ({"args": list(args)} if args else {}) | fields


def arg(name, value=None, **source):
    return (
        {"name": name}
        | ({"valueFrom": source} if source else {})
        | ({} if value is None else {"value": value})
    )


def resolve(analysis, *templates, facts=FACTS, **context):
    return resolve_run(analysis, dict(templates), RunContext(facts, **context))


def spec_of(*arguments, **context):
    resolved = resolve(*arguments, **context)
    assert isinstance(resolved, ResolvedRun), resolved
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "x"},
        "spec": resolved.spec,
    }
    assert check_analysis_run(manifest) == ()
    return resolved.spec


def complaints_of(*arguments, **context):
    resolved = resolve(*arguments, **context)
    assert isinstance(resolved, RefusedRun), resolved
    return [str(problem) for problem in resolved.problems("spec.analysis")]


def values_of(spec):
    return {each["name"]: each.get("value") for each in spec["args"]}


ERRORS = template("errors", metric(), args=[arg("job")])


def test_a_template_becomes_a_run():
    spec = spec_of({"templates": [use("errors")], "args": [arg("job", "web")]}, ERRORS)

    assert spec == {"metrics": [metric()], "args": [arg("job", "web")]}


def test_what_a_run_holds_survives_its_template():
    key, manifest = copy.deepcopy(ERRORS)
    spec = spec_of({"templates": [use("errors")], "args": [arg("job", "web")]}, (key, manifest))
    manifest["spec"]["metrics"].clear()

    assert fill_metric(spec["metrics"][0], values_of(spec)).findings == ()


def test_everything_wrong_is_said_at_once():
    analysis = {
        "templates": [use("errors"), use("erors"), use("slow")],
        "args": [arg("port", fieldRef={"fieldPath": "spec.nothing"})],
    }
    found = complaints_of(
        analysis, ERRORS, template("slow", metric("slow", "up", count="x")), facts=FACTS
    )

    assert len(found) == 4
    assert (
        "spec.analysis.args[0].valueFrom: the Rollout has no plain field spec.nothing" in found[0]
    )
    assert "AnalysisTemplate/erors does not exist; did you mean errors?" in found[1]
    assert found[2].startswith("AnalysisTemplate/slow: spec.metrics[0].count")
    assert "the argument 'job' of AnalysisTemplate/errors has no value" in found[3]


class TestValues:
    @pytest.mark.parametrize(
        ("source", "value"),
        [
            ({"podTemplateHashValue": "Stable"}, "aaaa"),
            ({"podTemplateHashValue": "Latest"}, "bbbb"),
            ({"fieldRef": {"fieldPath": "metadata.labels['team']"}}, "shop"),
            ({"fieldRef": {"fieldPath": 'metadata.labels["a.b/c"]'}}, "d"),
            ({"fieldRef": {"fieldPath": "spec.replicas"}}, "3"),
            ({"fieldRef": {"fieldPath": "spec.paused"}}, "false"),
            ({"fieldRef": {"fieldPath": "spec.list[0].x"}}, "y"),
            ({"fieldRef": {"fieldPath": "status.canary.weights.canary.weight"}}, "20"),
        ],
    )
    def test_a_value_comes_from_the_rollout(self, source, value):
        given = {"templates": [use("errors")], "args": [arg("job", **source)]}
        by_default = template("errors", metric(), args=[arg("job", **source)])

        assert values_of(spec_of(given, ERRORS)) == {"job": value}
        assert values_of(spec_of({"templates": [use("errors")]}, by_default)) == {"job": value}

    @pytest.mark.parametrize(
        "path", ["status.nothing", "metadata.labels", "spec.list[1]", "spec.list", "metadata.x.y"]
    )
    def test_a_field_that_is_not_there_is_named(self, path):
        args = [arg("job", fieldRef={"fieldPath": path})]
        (found,) = complaints_of({"templates": [use("errors")], "args": args}, ERRORS)

        assert f"no plain field {path}" in found

    def test_a_first_version_has_no_stable_hash(self):
        args = [arg("job", podTemplateHashValue="Stable")]
        (found,) = complaints_of(
            {"templates": [use("errors")], "args": args},
            ERRORS,
            facts=RolloutFacts(ROLLOUT, latest_hash="bbbb"),
        )

        assert "no stable revision yet" in found

    def test_a_run_of_no_rollout_takes_nothing_from_one(self):
        key, manifest = template(
            "errors", metric(), args=[arg("job", podTemplateHashValue="Latest")]
        )
        (found,) = complaints_of(
            {"templates": [use("errors")]}, (key, manifest), facts=RolloutFacts()
        )

        assert "this run has none" in found

    def test_what_an_analysis_gives_goes_before_a_default(self):
        with_default = template("errors", metric(), args=[arg("job", "web")])

        assert values_of(spec_of({"templates": [use("errors")]}, with_default)) == {"job": "web"}
        given = {"templates": [use("errors")], "args": [arg("job", "other")]}
        assert values_of(spec_of(given, with_default)) == {"job": "other"}

    def test_a_secret_stays_a_reference(self):
        secret = {"secretKeyRef": {"name": "prometheus", "key": "password"}}
        provider = {"web": {"url": "http://h", "headers": [{"key": "A", "value": "{{args.pass}}"}]}}
        one = template("web", metric(provider=provider), args=[arg("pass", **secret)])

        assert spec_of({"templates": [use("web")]}, one)["args"] == [arg("pass", **secret)]

    def test_an_argument_that_nobody_wants_is_left_out(self):
        given = {"templates": [use("errors")], "args": [arg("job", "web"), arg("other", "x")]}

        assert values_of(spec_of(given, ERRORS)) == {"job": "web"}

    def test_an_argument_without_a_value_is_not_an_empty_one(self):
        given = {"templates": [use("errors")], "args": [arg("job")]}

        assert any("spec.analysis.args[0].value" in each for each in complaints_of(given, ERRORS))
        given = {"templates": [use("errors")], "args": [arg("job", "")]}
        assert values_of(spec_of(given, ERRORS)) == {"job": ""}

    def test_a_value_that_refers_to_an_argument_is_refused(self):
        given = {"templates": [use("errors")], "args": [arg("job", "{{args.job}}")]}

        assert any("write it out" in each for each in complaints_of(given, ERRORS))

    def test_a_count_is_checked_with_its_value(self):
        one = template("errors", metric(query="up", count="{{args.n}}"), args=[arg("n")])

        def given(value):
            return {"templates": [use("errors")], "args": [arg("n", value)]}

        assert spec_of(given("3"), one)["metrics"][0]["count"] == "{{args.n}}"
        (found,) = complaints_of(given("three"), one)
        assert found.startswith("AnalysisTemplate/errors: spec.metrics[0].count: must be a whole")

    def test_an_injection_is_refused_before_anything_is_measured(self):
        one = template("errors", metric(query="up > {{args.n}}"), args=[arg("n")])
        given = {"templates": [use("errors")], "args": [arg("n", "1 or vector(0)")]}

        assert "would change the query" in complaints_of(given, one)[0]


class TestMerging:
    def test_templates_are_joined_in_their_order(self):
        slow = template("slow", metric("slow"), args=[arg("job")], is_cluster=True)
        given = {
            "templates": [use("slow", clusterScope=True), use("errors")],
            "args": [arg("job", "web")],
        }

        assert [each["name"] for each in spec_of(given, ERRORS, slow)["metrics"]] == [
            "slow",
            "errors",
        ]

    def test_a_name_of_a_metric_stands_once(self):
        other = template("other", metric(query="up"))
        given = {"templates": [use("errors"), use("other")], "args": [arg("job", "web")]}
        (found,) = complaints_of(given, ERRORS, other)

        assert found.startswith("AnalysisTemplate/other: spec.metrics[0].name: two metrics have")

    def test_two_defaults_that_differ_are_refused(self):
        one = template("one", metric("a"), args=[arg("job", "1")])
        two = template("two", metric("b"), args=[arg("job", "2")])
        (found,) = complaints_of({"templates": [use("one"), use("two")]}, one, two)

        assert "specified multiple times with different values" in found

    @pytest.mark.parametrize("order", list(itertools.permutations(["bare", "one", "same"])))
    def test_defaults_that_agree_are_one(self, order):
        templates = [
            template("bare", metric("a"), args=[arg("job")]),
            template("one", metric("b"), args=[arg("job", "1")]),
            template("same", metric("c"), args=[arg("job", "1")]),
        ]

        spec = spec_of({"templates": [use(name) for name in order]}, *templates)
        assert values_of(spec) == {"job": "1"}

    def test_rules_of_all_are_joined(self):
        one = template(
            "errors",
            metric(query="up"),
            dryRun=[{"metricName": "errors"}],
            ttlStrategy={"secondsAfterSuccess": 5},
        )
        retention = [{"metricName": ".*", "limit": 3}]
        analysis = {"templates": [use("errors")], "measurementRetention": retention}
        spec = spec_of(analysis, one)

        assert spec["dryRun"] == [{"metricName": "errors"}]
        assert spec["measurementRetention"] == retention
        assert spec["ttlStrategy"] == {"secondsAfterSuccess": 5}

    def test_a_rule_that_matches_nothing_is_refused(self):
        analysis = {"templates": [use("errors")], "args": [arg("job", "x")]}
        (found,) = complaints_of(analysis | {"dryRun": [{"metricName": "slow"}]}, ERRORS)

        assert found.startswith("spec.analysis.dryRun[0].metricName: Rule didn't match")

    def test_times_to_live_that_differ_are_refused(self):
        one = template("one", metric("a", "up"), ttlStrategy={"secondsAfterSuccess": 5})
        two = template("two", metric("b", "up"), ttlStrategy={"secondsAfterSuccess": 6})

        assert "differs" in complaints_of({"templates": [use("one"), use("two")]}, one, two)[0]

    def test_an_endless_metric_is_for_analysis_beside_the_steps(self):
        one = template("errors", {k: v for k, v in metric(query="up").items() if k != "count"})
        analysis = {"templates": [use("errors")]}

        assert isinstance(resolve(analysis, one, may_be_endless=True), ResolvedRun)
        assert "measured for ever" in complaints_of(analysis, one)[0]

    def test_an_unsound_template_is_refused_whoever_uses_it(self):
        one = template("errors", metric(query="up", provider={}))

        assert "no provider" in complaints_of({"templates": [use("errors")]}, one)[0]

    def test_labels_of_the_run_are_handed_on(self):
        extra = {"labels": {"a": "b"}, "annotations": {"c": "d"}}
        resolved = resolve(
            {"templates": [use("errors")], "args": [arg("job", "x")], "analysisRunMetadata": extra},
            ERRORS,
        )

        assert (resolved.labels, resolved.annotations) == ({"a": "b"}, {"c": "d"})

    def test_nothing_to_measure_is_refused(self):
        assert complaints_of({"templates": []})
        assert complaints_of({})


class TestIncludes:
    def test_included_templates_are_measured_too(self):
        outer = template("outer", templates=[use("errors")])
        given = {"templates": [use("outer")], "args": [arg("job", "web")]}

        assert spec_of(given, outer, ERRORS)["metrics"] == [metric()]

    def test_a_template_reached_twice_is_measured_once(self):
        outer = template("outer", templates=[use("errors")])
        given = {"templates": [use("outer"), use("errors")], "args": [arg("job", "web")]}

        assert len(spec_of(given, outer, ERRORS)["metrics"]) == 1

    def test_a_circle_is_refused_with_its_way(self):
        one = template("one", templates=[use("two")])
        two = template("two", templates=[use("one")])
        (found,) = complaints_of({"templates": [use("one")]}, one, two)

        assert found.startswith("AnalysisTemplate/two: spec.templates[0].templateName: includes")
        assert "one → two → one" in found

    def test_a_missing_one_is_found_where_it_is_asked_for(self):
        outer = template("outer", metric(query="up"), templates=[use("gone")])
        (found,) = complaints_of({"templates": [use("outer")]}, outer)

        assert found.startswith("AnalysisTemplate/outer: spec.templates[0].templateName")

    def test_the_wrong_scope_is_pointed_out(self):
        cluster = template("errors", metric(query="up"), is_cluster=True)
        (found,) = complaints_of({"templates": [use("errors")]}, cluster)

        assert "set clusterScope to true" in found

    @pytest.mark.parametrize(("count", "is_refused"), [(USES_MAX, False), (USES_MAX + 1, True)])
    def test_the_number_of_templates_is_bounded(self, count, is_refused):
        many = [template(f"t{index}", metric(f"m{index}", "up")) for index in range(count)]
        resolved = resolve({"templates": [use(key.name) for key, _ in many]}, *many)

        assert isinstance(resolved, RefusedRun) is is_refused


class TestOwnArguments:
    """Arguments for one template alone (argo-rollouts#1851)."""

    def test_one_argument_may_differ_between_templates(self):
        slow = template("slow", metric("slow"), args=[arg("job")])
        spec = spec_of(
            {"templates": [use("errors", arg("job", "web")), use("slow", arg("job", "db"))]},
            ERRORS,
            slow,
        )
        queries = [
            fill_metric(each, values_of(spec)).metric["provider"]["prometheus"]["query"]
            for each in spec["metrics"]
        ]

        assert values_of(spec) == {"errors.job": "web", "slow.job": "db"}
        assert queries == ['up{job="web"}', 'up{job="db"}']

    def test_a_template_may_be_used_twice_when_its_metrics_have_different_names(self):
        one = template("errors", metric("errors-{{args.job}}"), args=[arg("job")])
        analysis = {"templates": [use("errors", arg("job", "a")), use("errors", arg("job", "b"))]}
        spec = spec_of(analysis, one)

        assert [each["name"] for each in spec["metrics"]] == ["errors-a", "errors-b"]
        assert sorted(values_of(spec).values()) == ["a", "b"]

    def test_own_arguments_go_before_those_of_the_analysis(self):
        slow = template("slow", metric("slow"), args=[arg("job")])
        analysis = {
            "templates": [use("errors", arg("job", "own")), use("slow")],
            "args": [arg("job", "all")],
        }

        assert values_of(spec_of(analysis, ERRORS, slow)) == {"errors.job": "own", "job": "all"}

    def test_they_hold_for_included_templates(self):
        outer = template("outer", templates=[use("errors")], args=[arg("job")])

        spec = spec_of({"templates": [use("outer", arg("job", "web"))]}, outer, ERRORS)
        assert fill_metric(spec["metrics"][0], values_of(spec)).metric == metric(
            query='up{job="web"}'
        )

    @pytest.mark.parametrize(
        "analysis",
        [
            {"templates": [use("outer", arg("name", "web"))]},
            {"templates": [use("outer")], "args": [arg("name", "web")]},
        ],
    )
    def test_an_including_template_passes_its_own_on(self, analysis):
        include = use("errors", arg("job", "{{args.name}}-canary"))
        outer = template("outer", templates=[include], args=[arg("name", "default")])

        assert values_of(spec_of(analysis, outer, ERRORS))["errors.job"] == "web-canary"

    def test_one_that_the_template_does_not_have_is_refused(self):
        analysis = {"templates": [use("errors", arg("jb", "x"))], "args": [arg("job", "y")]}
        (found,) = complaints_of(analysis, ERRORS)

        assert "is no argument of AnalysisTemplate/errors; did you mean job?" in found

    def test_they_may_come_from_the_rollout(self):
        analysis = {"templates": [use("errors", arg("job", podTemplateHashValue="Latest"))]}

        assert values_of(spec_of(analysis, ERRORS)) == {"errors.job": "bbbb"}


def test_a_template_that_cannot_be_read_is_not_said_to_be_missing():
    said = resolve_run(
        {"templates": [{"templateName": "a"}, {"templateName": "b", "clusterScope": True}]},
        {},
        RunContext(RolloutFacts({}), unreadable={False: "grant the right"}),
    )

    assert [each.message for each in said.complaints] == [
        "AnalysisTemplate/a cannot be read: grant the right",
        "ClusterAnalysisTemplate/b does not exist",
    ]
