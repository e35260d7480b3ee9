"""Rollouts and the templates in the same files are checked together, with file and line."""

from __future__ import annotations

from rollouts.analysis.lint import lint_analyses
from rollouts.api.lint import lint_objects

ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy:
    canary:
      steps:
      - setWeight: 10
      - analysis:
          templates:
          - templateName: errors
          args:
          - name: hash
            valueFrom: {podTemplateHashValue: Latest}
"""
TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: errors}
spec:
  args: [{name: hash}]
  metrics:
  - name: errors
    interval: 10s
    count: 3
    successCondition: result[0] < 0.1
    provider:
      prometheus:
        query: up{hash="{{args.hash}}"}
"""


def linted(*texts):
    objects = [
        one for index, text in enumerate(texts) for one in lint_objects(text, f"{index}.yaml")[1]
    ]
    return [str(finding) for finding in lint_analyses(objects)]


def test_what_fits_together_is_passed():
    assert linted(ROLLOUT, TEMPLATE) == []
    assert linted(TEMPLATE + "---\n" + ROLLOUT) == []


def test_a_template_that_is_not_there_is_an_error_with_its_line():
    (found,) = linted(ROLLOUT.replace("errors", "erors"), TEMPLATE)

    assert found.startswith("0.yaml:15: error: Rollout/shop/web: spec.strategy.canary.steps[1]")
    assert "did you mean errors?" in found


def test_templates_that_are_elsewhere_are_a_warning():
    (found,) = linted(ROLLOUT)

    assert found.startswith("0.yaml:15: warning: ")
    assert "not in these files" in found


def test_an_argument_that_nobody_gives_is_an_error():
    (found,) = linted(ROLLOUT, TEMPLATE.replace("{name: hash}", "{name: hash}, {name: job}"))

    assert found.startswith("0.yaml:16: error: ")
    assert "'job' of AnalysisTemplate/errors has no value" in found


def test_an_endless_metric_is_an_error_where_a_step_waits_for_it():
    endless = TEMPLATE.replace("    count: 3\n", "")
    (found,) = linted(ROLLOUT, endless)

    assert found.startswith("1.yaml:7: error: AnalysisTemplate/errors: spec.metrics[0].count")
    assert found.endswith("as used by Rollout/shop/web in spec.strategy.canary.steps[1].analysis")


def test_beside_the_steps_a_metric_may_be_endless():
    endless = TEMPLATE.replace("    count: 3\n", "")
    head, steps = ROLLOUT.split("      steps:\n")
    analysis = steps.removeprefix("      - setWeight: 10\n").replace("- analysis", "  analysis", 1)

    assert linted(head + analysis.replace("        analysis", "      analysis", 1), endless) == []


def test_what_is_wrong_with_a_template_anyhow_is_not_said_twice():
    assert linted(ROLLOUT, TEMPLATE.replace("count: 3", "count: x")) == []


def test_a_template_of_another_namespace_is_not_seen():
    other = TEMPLATE.replace("name: errors}\nspec", "name: errors, namespace: other}\nspec")

    assert "warning" in linted(ROLLOUT, other)[0]


def test_anything_else_is_left_alone():
    assert (
        linted("[]", "a: b", "kind: Rollout", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout")
        == []
    )
