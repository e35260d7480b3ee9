"""`rollouts lint` refuses whatever the definitions let an API server refuse.

The same table is put before a true API server by `tests/e2e/test_admission.py`.
"""

from __future__ import annotations

import pytest
from compatibility.admission import NOT_EXECUTED, REFUSED, TAKEN

from rollouts.api.checks import check_manifest
from rollouts.api.crd import crd_manifests

(SCHEMA,) = (
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for crd in crd_manifests()
    if crd["metadata"]["name"] == "rollouts.argoproj.io"
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_lint_blames_what_the_server_blames(case):
    problems = check_manifest(case.manifest)

    assert any(problem.path.startswith(case.path) for problem in problems), problems


@pytest.mark.parametrize(
    "case", [each for each in TAKEN if each.name not in NOT_EXECUTED], ids=lambda case: case.name
)
def test_lint_takes_what_the_server_takes_and_this_version_executes(case):
    assert check_manifest(case.manifest) == ()


def _rules(schema):
    """Yield every message of a schema's rules, as it is written."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield rule.get("messageExpression", rule["message"])
    for below in schema.get("properties", {}).values():
        yield from _rules(below)
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from _rules(schema[part])


@pytest.mark.parametrize("message", sorted(set(_rules(SCHEMA))), ids=lambda message: message[:40])
def test_every_rule_has_a_case(message):
    """But for what is about a change: `tests/e2e/test_admission.py` changes a selector."""
    said = [case.says.split(" and 100")[0].split(" and 1000")[0] for case in REFUSED]

    assert "immutable" in message or any(words in message for words in said)
