"""Whatever a template or a value holds: checks never break, and a value stays a value."""

import re

import orjson
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rollouts.analysis.arguments import RolloutFacts
from rollouts.analysis.resolve import RefusedRun, RunContext, resolve_run
from rollouts.analysis.substitute import fill_metric
from rollouts.analysis.templates import TemplateKey
from rollouts.api.analysis_run import AnalysisRun
from rollouts.api.analysis_template import AnalysisTemplate, ClusterAnalysisTemplate
from rollouts.api.checks import check_analysis_run, check_manifest
from rollouts.api.metric_names import METRIC_NAME_MAX, matches_metric, pattern_flaw

_KEYS = [
    "metrics",
    "args",
    "name",
    "value",
    "valueFrom",
    "secretKeyRef",
    "fieldRef",
    "fieldPath",
    "podTemplateHashValue",
    "templates",
    "templateName",
    "clusterScope",
    "dryRun",
    "metricName",
    "measurementRetention",
    "limit",
    "provider",
    "prometheus",
    "web",
    "job",
    "query",
    "url",
    "headers",
    "key",
    "spec",
    "count",
    "interval",
    "failureLimit",
    "ttlStrategy",
    "successCondition",
    "rangeQuery",
    "authentication",
]
_words = st.sampled_from(
    [
        "a",
        "b",
        "{{args.a}}",
        "{{args.b}}",
        "{{x}}",
        "10s",
        "",
        "Latest",
        "http://h",
        "metadata.name",
    ]
)
_leaves = st.none() | st.booleans() | st.integers(-2, 2**40) | _words | st.text(max_size=4)
_wild = st.recursive(
    _leaves,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=3), below, max_size=4)
    ),
    max_leaves=20,
)
_values = st.text(max_size=12) | st.text(alphabet="\"'`\\{}[]()#\n ax1", max_size=12)

_argument = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from("ab")}),
    st.fixed_dictionaries({"name": st.sampled_from("ab"), "value": _words}),
    st.fixed_dictionaries(
        {
            "name": st.sampled_from("ab"),
            "valueFrom": st.sampled_from(
                [
                    {"podTemplateHashValue": "Latest"},
                    {"secretKeyRef": {"name": "s", "key": "k"}},
                    {"fieldRef": {"fieldPath": "metadata.name"}},
                ]
            ),
        }
    ),
)
_args = st.lists(_argument, max_size=2, unique_by=lambda each: each["name"])
_reference = st.fixed_dictionaries(
    {"templateName": st.sampled_from(["one", "two", "three"])}, optional={"args": _args}
)
_metric = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["m", "n", "m-{{args.a}}"]),
        "provider": st.fixed_dictionaries(
            {
                "prometheus": st.fixed_dictionaries(
                    {"query": st.sampled_from(["up", 'x{y="{{args.a}}"}', "x > {{args.b}}"])}
                )
            }
        ),
    },
    optional={"count": st.sampled_from([1, "{{args.b}}"]), "interval": st.just("10s")},
)
_template_spec = st.fixed_dictionaries(
    {"metrics": st.lists(_metric, max_size=2), "args": _args},
    optional={"templates": st.lists(_reference, max_size=2)},
)


@pytest.mark.parametrize("kind", ["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"])
@given(spec=_wild)
def test_a_check_survives_anything(kind, spec):
    before = repr(spec)
    problems = check_manifest({"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "spec": spec})

    assert all(str(problem) for problem in problems)
    assert repr(spec) == before


@given(analysis=st.dictionaries(st.sampled_from(_KEYS), _wild, max_size=4), template=_wild)
def test_resolving_survives_anything(analysis, template):
    templates = {TemplateKey("a"): {"kind": "AnalysisTemplate", "spec": template}}
    resolved = resolve_run(analysis, templates, RunContext(RolloutFacts({"metadata": {}})))

    if isinstance(resolved, RefusedRun):
        assert resolved.problems()


@settings(max_examples=300)
@given(
    st.fixed_dictionaries({"one": _template_spec, "two": _template_spec}),
    st.lists(_reference),
    _args,
)
def test_a_resolved_run_is_sound_and_can_be_filled_in(specs, references, args):
    templates = {
        TemplateKey(name): {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisTemplate",
            "metadata": {"name": name},
            "spec": spec,
        }
        for name, spec in specs.items()
    }
    facts = RolloutFacts({"metadata": {"name": "web"}}, stable_hash="aa", latest_hash="bb")
    resolved = resolve_run({"templates": references, "args": args}, templates, RunContext(facts))
    event(type(resolved).__name__)
    if isinstance(resolved, RefusedRun):
        return
    run = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "x"},
        "spec": resolved.spec,
    }
    plain = {one["name"]: one["value"] for one in resolved.spec.get("args", ()) if "value" in one}
    secret = {one["name"]: "word" for one in resolved.spec.get("args", ()) if "value" not in one}
    filled = [fill_metric(metric, plain, secret) for metric in resolved.spec["metrics"]]

    assert check_analysis_run(run) == ()
    assert AnalysisRun.model_validate(run).manifest() == run
    assert all(one.findings == () for one in filled)
    assert "{{" not in orjson.dumps([one.metric for one in filled]).decode()


@pytest.mark.parametrize("model", [AnalysisTemplate, ClusterAnalysisTemplate, AnalysisRun])
@given(unknown=st.dictionaries(st.from_regex(r"\Ax-[a-z]{1,4}\Z"), _wild, max_size=2))
def test_unknown_fields_come_back(model, unknown):
    metric = {"name": "m", "provider": {"web": {"url": "u"} | unknown} | unknown} | unknown
    manifest = {"metadata": {"name": "x"}, "spec": {"metrics": [metric]} | unknown} | unknown

    assert model.model_validate(manifest).manifest() == manifest


def _strings_removed(query):
    """Return a query without its strings, read by the rules of PromQL."""
    literal = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`'
    return re.sub(literal, "S", query, flags=re.DOTALL)


@given(value=_values, quote=st.sampled_from("\"'`"))
def test_no_value_leaves_a_string_of_a_query(value, quote):
    query = f"up{{a={quote}{{{{args.x}}}}{quote}}} > 0"
    metric = {"name": "m", "provider": {"prometheus": {"query": query}}}
    filled = fill_metric(metric, {"x": value})
    written = filled.metric["provider"]["prometheus"]["query"]

    assert filled.findings or _strings_removed(written) == "up{a=S} > 0"


@given(value=_values)
def test_no_value_outside_of_strings_brings_structure(value):
    metric = {"name": "m", "provider": {"prometheus": {"query": "up > {{args.x}}"}}}
    filled = fill_metric(metric, {"x": value})
    written = filled.metric["provider"]["prometheus"]["query"].removeprefix("up > ")

    assert filled.findings or re.fullmatch(
        r"[A-Za-z0-9_:.]+|[+-]?[0-9.]+([eE][+-]?[0-9]+)?", written
    )


@given(st.text(alphabet="ab.*+?|()[]{}1,\\^$", max_size=14))
def test_every_accepted_pattern_can_be_matched(pattern):
    if pattern_flaw(pattern) == "":
        assert matches_metric(pattern, "a" * METRIC_NAME_MAX) in (True, False)
