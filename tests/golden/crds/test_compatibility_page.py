"""`docs/compatibility.md` has a row for every field, and says of each what the checks do."""

import ast
import functools
import re
from pathlib import Path

import pytest

from rollouts.api import analysis_vendors
from rollouts.api.analysis_metric import Metric
from rollouts.api.analysis_providers import (
    EXECUTED_PROVIDERS,
    PROVIDERS,
    Authentication,
    BasicAuth,
    BearerAuth,
    Header,
    JobMetadata,
    JobMetric,
    MetricProvider,
    OAuth2,
    PrometheusMetric,
    RangeQuery,
    Sigv4,
    TlsOptions,
    WebMetric,
)
from rollouts.api.analysis_refs import (
    AnalysisTemplateRef,
    Argument,
    ArgumentSource,
    DryRun,
    FieldPath,
    MeasurementRetention,
    SecretKey,
    TtlStrategy,
)
from rollouts.api.analysis_run import (
    AnalysisRunSpec,
    AnalysisRunStatus,
    Measurement,
    MetricResult,
    RunSummary,
)
from rollouts.api.analysis_template import AnalysisTemplateSpec
from rollouts.api.application import Application, ApplicationSpec, ApplicationStatus, SyncPolicy
from rollouts.api.application_operation import Operation
from rollouts.api.application_source import ApplicationSource
from rollouts.api.checks import check_rollout
from rollouts.api.crd import crd_manifests
from rollouts.api.flux import SourceStatus
from rollouts.api.git_repository import GitRepositorySpec, GitRepositoryStatus
from rollouts.api.helm_repository import HelmRepositorySpec
from rollouts.api.kustomization import KustomizationSpec, KustomizationStatus
from rollouts.api.rollout import RolloutSpec
from rollouts.api.rollout_status import RolloutStatus
from rollouts.api.shape import _model_in
from rollouts.api.steps import STEP_KINDS, CanaryStep, Pause, SetCanaryScale
from rollouts.api.strategy import BlueGreenStrategy, CanaryStrategy
from rollouts.api.support import EXECUTED_ROUTERS, EXECUTED_STEPS, without_effect
from rollouts.api.traffic import ROUTERS, NginxRouting, TrafficRouting

PAGE = Path(__file__).parents[3] / "docs" / "compatibility.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*?) \| ?([^|]*?) ?\|$")
WORDS = ("honoured", "no effect", "warned", "rejected")


def _sections():
    sections, rows = {}, {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            rows = sections.setdefault(line.removeprefix("## "), {})
        elif match := ROW.match(line):
            assert match[1] not in rows, line
            rows[match[1]] = match[2]
    return {title: rows for title, rows in sections.items() if rows}


SECTIONS = _sections()
FIELDS = {
    "Rollout: `spec`": {"": RolloutSpec},
    "Rollout: `spec.strategy.canary`": {"": CanaryStrategy},
    "Rollout: steps": {"": CanaryStep, "pause.": Pause, "setCanaryScale.": SetCanaryScale},
    "Rollout: `trafficRouting`": {"": TrafficRouting, "nginx.": NginxRouting},
    "Rollout: `spec.strategy.blueGreen`": {"": BlueGreenStrategy},
    "Rollout: `status`": {"": RolloutStatus},
    "GitRepository: `spec`": {"": GitRepositorySpec},
    "HelmRepository: `spec`": {"": HelmRepositorySpec},
    "Kustomization: `spec`": {"": KustomizationSpec},
    "Application: `spec`": {"": ApplicationSpec},
    "Application: `source`": {"": ApplicationSource},
    "Application: `syncPolicy`": {"": SyncPolicy},
}
ANALYSIS_FIELDS = {
    "AnalysisTemplate and ClusterAnalysisTemplate: `spec`": {"": AnalysisTemplateSpec},
    "AnalysisRun: `spec`": {"": AnalysisRunSpec},
    "AnalysisRun: `status`": {
        "": AnalysisRunStatus,
        "metricResults.": MetricResult,
        "metricResults.measurements.": Measurement,
        "runSummary.": RunSummary,
    },
    "Analysis: metrics": {"": Metric, "provider.": MetricProvider},
    "Analysis: providers": {
        "prometheus.": PrometheusMetric,
        "prometheus.headers.": Header,
        "prometheus.rangeQuery.": RangeQuery,
        "prometheus.tls.": TlsOptions,
        "web.": WebMetric,
        "web.headers.": Header,
        "web.tls.": TlsOptions,
        "job.": JobMetric,
        "job.metadata.": JobMetadata,
        "authentication.": Authentication,
        "authentication.basicAuth.": BasicAuth,
        "authentication.bearer.": BearerAuth,
        "authentication.oauth2.": OAuth2,
        "authentication.sigv4.": Sigv4,
    },
    "Analysis: arguments, references and lists": {
        "args.": Argument,
        "args.valueFrom.": ArgumentSource,
        "args.valueFrom.secretKeyRef.": SecretKey,
        "args.valueFrom.fieldRef.": FieldPath,
        "templates.": AnalysisTemplateRef,
        "dryRun.": DryRun,
        "measurementRetention.": MeasurementRetention,
        "ttlStrategy.": TtlStrategy,
    },
}
FIELDS |= ANALYSIS_FIELDS
JOINED = {
    "GitRepository, HelmRepository and Kustomization: `status`": (
        SourceStatus,
        GitRepositoryStatus,
        KustomizationStatus,
    ),
    "Application: `operation` and `status`": (Operation, ApplicationStatus),
}


def test_every_section_is_known():
    assert sorted(SECTIONS) == sorted([*FIELDS, *JOINED])


@pytest.mark.parametrize("title", FIELDS)
def test_every_field_has_a_row(title):
    expected = {
        prefix + name for prefix, model in FIELDS[title].items() for name in model.wire_names()
    }

    assert set(SECTIONS[title]) == expected


@pytest.mark.parametrize("title", JOINED)
def test_every_field_of_some_kinds_together_has_a_row(title):
    expected = {name for model in JOINED[title] for name in model.wire_names()}

    assert set(SECTIONS[title]) == expected


SHAPE_ALONE = {"test_analysis_models", "test_analysis_checks", "test_analysis_refs"}
"""Tests of what is read and refused; that a field does something has to be seen elsewhere."""


@functools.cache
def _functions_of(module):
    """The tests of a module, those in classes as `Class::test`."""
    (path,) = (PAGE.parents[1] / "tests").glob(f"**/{module}.py")
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if _is_test(each)}
        elif _is_test(node):
            found.add(node.name)
    return found


def _is_test(node):
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def _tests_named_in(title):
    """Yield each row of a section: its field, its word, and the tests at the end of its note."""
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            inside = line.removeprefix("## ") == title
        elif inside and line.startswith("| `"):
            match = ROW.match(line)
            assert match, line
            yield (
                match[1],
                match[2],
                re.findall(r"`((?:\w+/)*test_\w+)::((?:\w+::)?\w+)`", match[3]),
            )


@pytest.mark.parametrize("title", ANALYSIS_FIELDS)
def test_every_field_of_analysis_names_test_functions_that_show_what_it_does(title):
    for field, word, tests in _tests_named_in(title):
        assert tests, field
        unknown = [
            f"{module}::{name}" for module, name in tests if name not in _functions_of(module)
        ]
        assert unknown == [], field
        if word == "honoured":
            assert {module for module, _ in tests} - SHAPE_ALONE, field


REJECTED_MODELS = (analysis_vendors.__name__,)


def _models_below(model):
    """Every model that stands somewhere in a model, those of rejected providers left aside."""
    found = {model}
    for field in model.model_fields.values():
        below = _model_in(field.annotation)
        if below is not None and below.__module__ not in REJECTED_MODELS:
            found |= _models_below(below)
    return found


def test_no_part_of_the_three_kinds_is_without_rows():
    """Not a field of a field either: what stands in the definitions stands in the table."""
    spoken_of = {model for models in ANALYSIS_FIELDS.values() for model in models.values()}
    roots = (AnalysisTemplateSpec, AnalysisRunSpec, AnalysisRunStatus)

    assert {each for root in roots for each in _models_below(root)} == spoken_of


@pytest.mark.parametrize(
    ("kind", "part", "model"),
    [
        ("AnalysisTemplate", "spec", AnalysisTemplateSpec),
        ("ClusterAnalysisTemplate", "spec", AnalysisTemplateSpec),
        ("AnalysisRun", "spec", AnalysisRunSpec),
        ("AnalysisRun", "status", AnalysisRunStatus),
    ],
)
def test_the_definitions_have_the_fields_of_the_models_and_no_others(kind, part, model):
    (crd,) = [each for each in crd_manifests() if each["spec"]["names"]["kind"] == kind]
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]

    assert list(_differences(schema, model, part)) == []


def _differences(schema, model, path):
    """Yield where a schema and a model have other fields."""
    properties = schema.get("properties", {})
    for name in set(properties) ^ model.wire_names():
        yield f"{path}.{name}"
    for name, field in model.model_fields.items():
        below, wire_name = _model_in(field.annotation), field.alias or name
        inner = properties.get(wire_name, {})
        if below is not None and below.__module__ not in REJECTED_MODELS:
            yield from _differences(inner.get("items", inner), below, f"{path}.{wire_name}")


def test_providers_are_honoured_or_rejected_as_the_checks_have_it():
    rows = SECTIONS["Analysis: metrics"]

    assert {name: rows[f"provider.{name}"] for name in PROVIDERS} == {
        name: "honoured" if name in EXECUTED_PROVIDERS else "rejected" for name in PROVIDERS
    }


def test_a_row_says_one_of_four_words():
    words = {word for rows in SECTIONS.values() for word in rows.values()}

    assert words <= set(WORDS)


def test_steps_are_honoured_or_rejected_as_the_checks_have_it():
    rows = SECTIONS["Rollout: steps"]

    assert {kind: rows[kind] for kind in STEP_KINDS} == {
        kind: "honoured" if kind in EXECUTED_STEPS else "rejected" for kind in STEP_KINDS
    }


def test_routers_are_honoured_or_rejected_as_the_checks_have_it():
    rows = SECTIONS["Rollout: `trafficRouting`"]

    assert {router: rows[router] for router in ROUTERS} == {
        router: "honoured" if router in EXECUTED_ROUTERS else "rejected" for router in ROUTERS
    }


CANARY_VALUES = {
    "antiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}},
    "canaryMetadata": {"labels": {"a": "b"}},
    "stableMetadata": {"labels": {"a": "b"}},
    "dynamicStableScale": True,
    "pingPong": {"pingService": "a", "pongService": "b"},
}


@pytest.mark.parametrize("name", sorted(CANARY_VALUES))
def test_a_canary_field_is_warned_about_or_rejected_as_its_row_says(name):
    canary = {
        "canaryService": "c",
        "stableService": "s",
        "trafficRouting": {"nginx": {"stableIngress": "i"}},
        name: CANARY_VALUES[name],
    }
    manifest = {"spec": {"strategy": {"canary": canary}}}
    path = f"spec.strategy.canary.{name}"
    rejected = path in {problem.path for problem in check_rollout(manifest)}
    warned = path in {problem.path for problem in without_effect(manifest)}
    row = SECTIONS["Rollout: `spec.strategy.canary`"][name]

    assert (rejected, warned) == (row == "rejected", row == "warned")


def test_the_other_canary_fields_are_honoured():
    rows = SECTIONS["Rollout: `spec.strategy.canary`"]

    assert {name for name, word in rows.items() if word != "honoured"} == set(CANARY_VALUES)


def test_an_application_has_no_other_parts():
    assert Application.wire_names() - {"apiVersion", "kind", "metadata"} == {
        "spec",
        "status",
        "operation",
    }
