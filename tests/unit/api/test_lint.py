"""Lint names file, line, object and field of everything that is wrong, at once."""

import pytest

from rollouts.api.lint import Finding, lint_text, object_name

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n"

BROKEN_ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: shop
spec:
  replicas: -1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:1
  strategy:
    canary:
      steps:
      - setWeight: 10
      - setWeight: 101
      - pause:
          duration: 5 m
"""


def test_a_text_without_fault_has_no_findings():
    assert lint_text(CONFIG_MAP) == ()
    assert lint_text("") == ()


def test_every_fault_of_every_document_is_found_with_its_line():
    findings = lint_text(f"{CONFIG_MAP}---\n{BROKEN_ROLLOUT}", "app.yaml")

    assert [(one.line, one.path) for one in findings] == [
        (12, "spec.replicas"),
        (26, "spec.strategy.canary.steps[1].setWeight"),
        (28, "spec.strategy.canary.steps[2].pause.duration"),
    ]
    assert {(one.document, one.object, one.severity) for one in findings} == {
        (2, "Rollout/shop/web", "error")
    }
    assert str(findings[0]).startswith(
        "app.yaml:12: error: Rollout/shop/web: spec.replicas: "
    )  # fmt: skip
    assert "-1" in findings[0].message


def test_a_missing_field_has_the_line_of_what_should_hold_it():
    findings = lint_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {}\n")

    assert [(one.line, one.path) for one in findings] == [(3, "metadata.name")]


def test_a_document_that_cannot_be_read_comes_after_the_problems_before_it():
    findings = lint_text(f"{BROKEN_ROLLOUT}---\na: [\n---\n{CONFIG_MAP}", "app.yaml")

    assert len(findings) == 4
    assert findings[-1].document == 2
    assert "not valid YAML" in findings[-1].message
    assert str(findings[-1]).startswith("app.yaml:")


def test_a_refused_text_is_one_finding():
    findings = lint_text("a: 1\n".encode("utf-16"), "app.yaml")

    assert [str(one) for one in findings] == [
        "app.yaml: error: the text is UTF-16 or UTF-32: save it as UTF-8"
    ]


def test_items_of_a_list_are_checked_one_by_one():
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n"
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    namespace: x\n"
        "- 7\n"
    )
    findings = lint_text(text)

    assert [(one.line, one.object, one.path) for one in findings] == [
        (9, "ConfigMap/x", "metadata.name"),
        (11, "", ""),
    ]


def test_an_object_that_stands_twice_is_a_warning_at_the_second():
    findings = lint_text(f"{CONFIG_MAP}---\n{CONFIG_MAP}", "app.yaml")

    assert [str(one) for one in findings] == [
        "app.yaml:6: warning: ConfigMap/web: stands on line 1 too, and the later one wins: keep one"
    ]


def test_the_same_name_in_another_group_or_namespace_is_another_object():
    other_group = CONFIG_MAP.replace("v1", "example.com/v1", 1)
    other_namespace = CONFIG_MAP + "  namespace: shop\n"

    assert lint_text(f"{CONFIG_MAP}---\n{other_group}---\n{other_namespace}") == ()


@pytest.mark.parametrize(
    "text",
    [
        "7\n",
        "hello\n",
        "- a\n",
        "{}\n",
        "kind: [x]\n",
        "metadata: 7\n",
        "items: []\nkind: List\n",
        "kind: Rollout\napiVersion: argoproj.io/v1alpha1\n",
        "kind: Rollout\nspec: x\n",
    ],
)
def test_any_document_can_be_linted(text):
    findings = lint_text(text, "x.yaml")

    assert findings != ()
    assert all(one.line >= 1 and one.message for one in findings)


def test_keys_with_dots_are_found():
    label = "        example.com/team: not a label!\n"
    text = BROKEN_ROLLOUT.replace("      labels: {app: web}\n", f"      labels:\n{label}")

    findings = {one.path: one.line for one in lint_text(text)}

    assert findings["spec.template.metadata.labels[example.com/team]"] == 13


def test_names_of_objects():
    assert object_name({"kind": "A", "metadata": {"name": "b"}}) == "A/b"
    assert object_name({"kind": "A", "metadata": {"generateName": "b-"}}) == "A/b-"
    assert object_name({"kind": 1, "metadata": []}) == ""
    assert object_name([]) == ""


def test_a_finding_without_place_is_still_readable():
    assert str(Finding("", 1, 0, "", "spec", "why")) == "error: spec: why"
