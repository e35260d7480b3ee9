"""What the chart's files promise without a helm: generated parts are fresh, values are told."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from rollouts import __version__
from rollouts.api.crd import render_crds
from rollouts.telemetry.metrics import AppSample, Metrics, RolloutSample
from tests.chart.helm import CHART
from tools.chart.readme import leaves, read_values, render

VALUES = (CHART / "values.yaml").read_text()
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DASHBOARD = (CHART / "files" / "dashboard.json").read_text()


def nodes(schema, path=""):
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from nodes(below, f"{path}.{name}")


def test_the_definitions_are_those_of_the_models():
    """Run `make chart` after a change of the models."""
    folder = CHART / "files" / "crds"
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*")}

    assert on_disk == render_crds()


def test_the_readme_tells_the_values_as_they_are():
    """Run `make chart` after a change of the values."""
    text = (CHART / "README.md").read_text()

    assert render(text, VALUES) == text


def test_every_value_bears_a_comment():
    told = {each.path for each in read_values(VALUES)}

    assert [path for path in leaves(yaml.safe_load(VALUES), SCHEMA) if path not in told] == []


def test_the_schema_knows_each_value_and_no_other():
    values = yaml.safe_load(VALUES)
    unknown = [
        path
        for path, node in nodes(SCHEMA)
        if node.get("properties") and node.get("additionalProperties") is not False
    ]

    assert unknown == []
    # helm itself hands values for subcharts of all charts over as `global`.
    assert set(SCHEMA["properties"]) == {*values, "global"}


def test_the_chart_is_of_this_version():
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


def test_the_dashboard_asks_for_metrics_that_are_exposed():
    rollout = RolloutSample("n", "a", "canary", "Nginx", "Paused", 1, 1, 0, 1)
    metrics = Metrics(rollouts=lambda: [rollout], apps=tuple[AppSample, ...])
    metrics.count_request("get", "pods", "200")
    metrics.watch_depth("rollouts", lambda: 1)
    metrics.observe_pass("n", "a", 0.1, failed=True)
    metrics.count_event("n", "a", "Warning", "Why")
    exposed = set(re.findall(rb"^(\w+)", metrics.prepare()(), re.MULTILINE))
    asked = set(re.findall(r"\b(rollouts?_\w+)\b", DASHBOARD))

    assert asked
    assert {name for name in asked if name.encode() not in exposed} == set()


@pytest.mark.parametrize("panel", json.loads(DASHBOARD)["panels"], ids=lambda each: each["title"])
def test_a_panel_has_a_place_of_its_own(panel):
    others = [each for each in json.loads(DASHBOARD)["panels"] if each["id"] != panel["id"]]

    assert panel["gridPos"] not in [each["gridPos"] for each in others]
