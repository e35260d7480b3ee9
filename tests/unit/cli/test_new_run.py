"""Runs that somebody makes by hand: what is asked for, and everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollouts.analysis.templates import TemplateKey
from rollouts.api.documents import read_objects
from rollouts.cli.new_run import (
    Wish,
    exposed_secrets,
    make_run,
    not_included,
    read_arguments,
    read_source,
    read_templates,
)

PAGE = Path(__file__).parents[3] / "docs" / "analysis-commands.md"
ERRORS = TemplateKey("errors")
LATENCY = TemplateKey("latency", is_cluster=True)
SECRET = {"name": "token", "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "token"}}}


def metric(name="errors", **fields):
    provider = {"web": {"url": "http://shop/{{args.service}}"}}
    return {"name": name, "successCondition": "result < 5", "provider": provider} | fields


def template(key=ERRORS, *metrics, args=({"name": "service"},), **spec):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ClusterAnalysisTemplate" if key.is_cluster else "AnalysisTemplate",
        "metadata": {"name": key.name},
        "spec": {"metrics": list(metrics or (metric(key.name),)), "args": list(args)} | spec,
    }


TEMPLATES = {ERRORS: template(), LATENCY: template(LATENCY)}


def wish(*templates, **fields):
    arguments = fields.pop("arguments", {"service": "shop-canary"})
    return Wish("shop", templates or (ERRORS,), arguments, **fields)


def problems(wanted, templates=TEMPLATES):
    manifest, found = make_run(wanted, templates)
    assert manifest is None
    return [str(each) for each in found]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["errors"], ERRORS),
        (["template"], TemplateKey("template")),
        (["template/errors"], ERRORS),
        (["template", "errors"], ERRORS),
        (["AnalysisTemplate/errors"], ERRORS),
        (["analysistemplate.argoproj.io/errors"], ERRORS),
        (["analysistemplates", "errors"], ERRORS),
        (["clustertemplate/latency"], LATENCY),
        (["clusteranalysistemplate", "latency"], LATENCY),
    ],
)
def test_a_template_is_named_as_kubectl_names_objects(words, key):
    assert read_source(words) == key


def test_a_bare_name_can_mean_a_template_of_the_whole_cluster():
    assert read_source(["latency"], is_cluster=True) == LATENCY
    assert read_source(["template/errors"], is_cluster=True) == ERRORS


@pytest.mark.parametrize(
    "words",
    [
        ["pod/errors"],
        ["template/"],
        ["template/a/b"],
        ["/errors"],
        ["errors", "latency"],
        ["template", "errors", "latency"],
    ],
)
def test_what_names_no_template_is_refused(words):
    with pytest.raises(ValueError, match=f"--from {' '.join(words)}: write NAME, template/NAME"):
        read_source(words)


def test_arguments_are_names_and_values():
    assert read_arguments([]) == {}
    assert read_arguments(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


def test_all_that_is_wrong_with_arguments_is_said_and_no_value_is_repeated():
    with pytest.raises(
        ValueError, match=r"takes NAME=VALUE.*--argument a is given twice"
    ) as caught:
        read_arguments(["hunter2", "a=1", "a=2"])
    assert "hunter2" not in str(caught.value)


def test_a_run_is_made_with_what_the_wire_wants():
    manifest, found = make_run(wish(), TEMPLATES)

    assert found == ()
    assert manifest == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {
            "generateName": "errors-",
            "namespace": "shop",
            "annotations": {"rollouts.dev/analysis-template": "errors"},
        },
        "spec": {"metrics": [metric()], "args": [{"name": "service", "value": "shop-canary"}]},
    }


def test_a_run_can_be_given_a_name_or_the_beginning_of_one_and_an_instance():
    named, _ = make_run(wish(name="by-hand", instance="blue"), TEMPLATES)
    begun, _ = make_run(wish(name_start="check-"), TEMPLATES)

    assert named["metadata"]["name"] == "by-hand"
    assert "generateName" not in named["metadata"]
    assert named["metadata"]["labels"] == {
        "argo-rollouts.argoproj.io/controller-instance-id": "blue"
    }
    assert begun["metadata"]["generateName"] == "check-"


def test_several_templates_make_one_run():
    manifest, _ = make_run(wish(ERRORS, LATENCY), TEMPLATES)

    assert [each["name"] for each in manifest["spec"]["metrics"]] == ["errors", "latency"]


def test_what_templates_include_is_measured_as_well():
    includes = [{"templateName": "latency", "clusterScope": True}]
    templates = {**TEMPLATES, ERRORS: template(templates=includes)}
    manifest, _ = make_run(wish(), templates)

    assert [each["name"] for each in manifest["spec"]["metrics"]] == ["errors", "latency"]


def test_a_secret_stays_a_reference():
    url = {"web": {"url": "http://shop/", "headers": [{"key": "a", "value": "{{args.token}}"}]}}
    templates = {ERRORS: template(ERRORS, metric(provider=url), args=[SECRET])}
    manifest, _ = make_run(wish(arguments={}), templates)

    assert manifest["spec"]["args"] == [SECRET]
    assert exposed_secrets(wish(arguments={}), templates) == ()
    assert exposed_secrets(wish(arguments={"token": "x"}), templates) == ("token",)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (
            TemplateKey("erors"),
            "AnalysisTemplate/erors: does not exist in namespace shop; did you mean errors?",
        ),
        (
            TemplateKey("latency"),
            (
                "AnalysisTemplate/latency: does not exist in namespace shop, but"
                " ClusterAnalysisTemplate/latency does: write --from clustertemplate/latency"
            ),
        ),
        (
            TemplateKey("errors", is_cluster=True),
            (
                "ClusterAnalysisTemplate/errors: does not exist, but AnalysisTemplate/errors does:"
                " write --from template/errors"
            ),
        ),
        (TemplateKey("zzz"), "AnalysisTemplate/zzz: does not exist in namespace shop"),
    ],
)
def test_a_template_that_is_not_there_is_named_with_the_one_that_was_perhaps_meant(key, complaint):
    assert problems(wish(key)) == [complaint]


def test_all_problems_are_said_at_once():
    broken = template(
        ERRORS,
        metric(interval="soon", count=2, successCondition="result <", provider={"web": {}}),
        metric("second", provider={"web": {"url": "http://x"}, "job": {}}),
        args=[{"name": "service"}, {"name": "limit"}],
    )
    found = problems(wish(arguments={"servise": "x"}), {ERRORS: broken})

    for part in (
        "--argument servise: is no argument of the templates; did you mean service?",
        "spec.metrics[0].interval: ",
        "spec.metrics[0].successCondition: ",
        "spec.metrics[0].provider.web.url: ",
        "spec.metrics[1].provider",
        "the argument 'service' of AnalysisTemplate/errors has no value; give it",
        "the argument 'limit' of AnalysisTemplate/errors has no value; give it",
    ):
        assert [each for each in found if part in each], (part, found)


def test_an_argument_that_no_template_asks_for_is_refused():
    assert problems(wish(arguments={"service": "x", "zone": "y"})) == [
        "--argument zone: is no argument of the templates; there are: service"
    ]
    bare = {ERRORS: template(ERRORS, metric(provider={"web": {"url": "http://x"}}), args=[])}
    assert problems(wish(arguments={"zone": "y"}), bare) == [
        "--argument zone: is no argument of the templates; there are none"
    ]


def test_the_problems_in_the_documentation_are_those_that_are_said():
    key = TemplateKey("error-rate")
    found = problems(wish(key, arguments={"servise": "x"}), {key: template(key)})
    shown = "".join(f"  {each}\n" for each in found)

    head = "error: no AnalysisRun was created: 2 problems\n"
    assert f"```text\n{head}{shown}```" in PAGE.read_text(encoding="utf-8")


def test_what_only_a_rollout_knows_has_to_be_given():
    latest = {"name": "service", "valueFrom": {"podTemplateHashValue": "Latest"}}
    templates = {ERRORS: template(args=[latest])}

    assert "give the argument a value" in problems(wish(arguments={}), templates)[0]
    assert make_run(wish(), templates)[1] == ()


def test_a_metric_that_never_ends_is_refused():
    [found] = problems(wish(), {ERRORS: template(ERRORS, metric(interval="1s"))})

    assert found.startswith("AnalysisTemplate/errors: spec.metrics[0].count: is needed")


def test_a_name_that_is_none_is_refused():
    [found] = problems(wish(name="By_Hand"))

    assert found.startswith("metadata.name: is no valid name")


FILE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: errors}
spec:
  templates: [{templateName: latency}]
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: latency, namespace: shop}
spec: {metrics: []}
"""


def test_a_file_is_about_the_templates_that_no_other_of_it_includes():
    found, wrong = read_templates(read_objects(FILE, "file"), "shop")

    assert wrong == ()
    assert list(found) == [ERRORS, TemplateKey("latency")]
    assert not_included(found) == (ERRORS,)
    assert not_included({}) == ()


def test_templates_that_include_each_other_are_all_meant():
    both = [template(ERRORS), template(TemplateKey("latency"))]
    both[0]["spec"]["templates"] = [{"templateName": "latency"}]
    both[1]["spec"]["templates"] = [{"templateName": "errors"}]
    found = {TemplateKey(each["metadata"]["name"]): each for each in both}

    assert not_included(found) == tuple(found)


NO_TEMPLATE = "is no analysis template; make other objects with kubectl create -f"
ELSEWHERE = "metadata.namespace: is of another namespace than the run, shop; choose with -n"


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("", ["--from-file: holds no object; it has to hold a template"]),
        (
            "apiVersion: v1\nkind: Pod\n---\napiVersion: other/v1\nkind: AnalysisTemplate\n",
            [
                f'file, line 1: {NO_TEMPLATE} (found "Pod")',
                f'file, line 4: {NO_TEMPLATE} (found "AnalysisTemplate")',
            ],
        ),
        (
            FILE + "---\n" + FILE,
            [
                "file, line 12: AnalysisTemplate/errors stands twice in the file; keep one",
                "file, line 18: AnalysisTemplate/latency stands twice in the file; keep one",
            ],
        ),
        (
            FILE.replace("namespace: shop", "namespace: other"),
            [
                f'AnalysisTemplate/latency: {ELSEWHERE} (found "other")',
            ],
        ),
        (
            FILE.replace("{name: errors}", "{}"),
            ["file, line 1: metadata.name is missing; give the template a name"],
        ),
    ],
)
def test_what_in_a_file_is_no_template_is_named_with_its_line(text, complaints):
    found = read_templates(read_objects(text, "file"), "shop")[1]

    assert [str(each) for each in found] == complaints
