"""The one place to ask whether a manifest is fit for use: every kind, every problem at once.

`status` is not checked: it is the controller's own, and a strange one must not stop a Rollout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.analysis_rules import run_findings, template_findings
from rollouts.api.analysis_run import AnalysisRun
from rollouts.api.analysis_template import AnalysisTemplate, ClusterAnalysisTemplate
from rollouts.api.application import Application
from rollouts.api.application_rules import application_findings
from rollouts.api.base import Model
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.git_repository import GitRepository
from rollouts.api.helm_repository import HelmRepository
from rollouts.api.kustomization import Kustomization
from rollouts.api.names import (
    SUBDOMAIN_LENGTH_MAX,
    is_dns_label,
    is_label_key,
    is_subdomain,
    label_findings,
)
from rollouts.api.problems import Finding, InvalidSpec, Problem, in_order
from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    APPLICATION,
    CLUSTER_ANALYSIS_TEMPLATE,
    GIT_REPOSITORY,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    ROLLOUT,
    Kind,
    Manifest,
)
from rollouts.api.rollout import Rollout
from rollouts.api.rollout_rules import rollout_findings
from rollouts.api.shape import shape_findings
from rollouts.api.source_rules import (
    git_repository_findings,
    helm_repository_findings,
    kustomization_findings,
)
from rollouts.api.spot import Spot
from rollouts.api.support import unsupported_findings

AnyModel = TypeVar("AnyModel", bound=Model)
Names: TypeAlias = tuple[str, ...]
Rules: TypeAlias = Callable[[Spot, ConditionCheck | None, Names], Iterator[Finding]]

_KUSTOMIZE_GROUP = "kustomize.config.k8s.io"
"""Group of the files that the kustomize binary reads; like lists, they need no name."""


@dataclass(frozen=True, slots=True)
class _Check:
    """How one of our kinds is checked."""

    kind: Kind
    versions: tuple[str, ...]
    model: type[Model]
    rules: Rules


def _plain(rules: Callable[[Spot], Iterator[Finding]]) -> Rules:
    """Return the rules of a kind that has no metrics in it."""
    return lambda spot, _check_condition, _providers: rules(spot)


def _rollout_rules(rollout: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a Rollout and what of it this version refuses."""
    yield from rollout_findings(rollout)
    yield from unsupported_findings(rollout)


_FLUX_VERSIONS = ("v1", "v1beta2")
_ROLLOUT = _Check(ROLLOUT, ("v1alpha1",), Rollout, _plain(_rollout_rules))
_APPLICATION = _Check(APPLICATION, ("v1alpha1",), Application, _plain(application_findings))
_GIT = _Check(GIT_REPOSITORY, _FLUX_VERSIONS, GitRepository, _plain(git_repository_findings))
_HELM = _Check(HELM_REPOSITORY, _FLUX_VERSIONS, HelmRepository, _plain(helm_repository_findings))
_KUSTOMIZATION = _Check(
    KUSTOMIZATION, _FLUX_VERSIONS, Kustomization, _plain(kustomization_findings)
)
_TEMPLATE = _Check(ANALYSIS_TEMPLATE, ("v1alpha1",), AnalysisTemplate, template_findings)
_CLUSTER_TEMPLATE = _Check(
    CLUSTER_ANALYSIS_TEMPLATE, ("v1alpha1",), ClusterAnalysisTemplate, template_findings
)
_RUN = _Check(ANALYSIS_RUN, ("v1alpha1",), AnalysisRun, run_findings)

_CHECKS = {
    (check.kind.group, check.kind.kind): check
    for check in (
        _ROLLOUT,
        _TEMPLATE,
        _CLUSTER_TEMPLATE,
        _RUN,
        _APPLICATION,
        _GIT,
        _HELM,
        _KUSTOMIZATION,
    )
}


def check_rollout(manifest: Manifest) -> tuple[Problem, ...]:
    """Return all problems of a Rollout, in the order of their places; none when it is fit."""
    return _check(manifest, _ROLLOUT)


def check_application(manifest: Manifest) -> tuple[Problem, ...]:
    """Return all problems of an Application, in the order of their places."""
    return _check(manifest, _APPLICATION)


def check_git_repository(manifest: Manifest) -> tuple[Problem, ...]:
    """Return all problems of a GitRepository of either version."""
    return _check(manifest, _GIT)


def check_helm_repository(manifest: Manifest) -> tuple[Problem, ...]:
    """Return all problems of a HelmRepository of either version."""
    return _check(manifest, _HELM)


def check_kustomization(manifest: Manifest) -> tuple[Problem, ...]:
    """Return all problems of a Kustomization of either version."""
    return _check(manifest, _KUSTOMIZATION)


def check_analysis_template(
    manifest: Manifest,
    check_condition: ConditionCheck | None = None,
    providers: Names = EXECUTED_PROVIDERS,
) -> tuple[Problem, ...]:
    """Return all problems of an AnalysisTemplate or a ClusterAnalysisTemplate.

    Args:
        check_condition: what checks conditions; without it they are left alone.
        providers: names of the providers that can be asked.
    """
    is_cluster = manifest.get("kind") == CLUSTER_ANALYSIS_TEMPLATE.kind
    check = _CLUSTER_TEMPLATE if is_cluster else _TEMPLATE
    return _check(manifest, check, check_condition, providers)


def check_analysis_run(
    manifest: Manifest,
    check_condition: ConditionCheck | None = None,
    providers: Names = EXECUTED_PROVIDERS,
) -> tuple[Problem, ...]:
    """Return all problems of an AnalysisRun.

    Args:
        check_condition: what checks conditions; without it they are left alone.
        providers: names of the providers that can be asked.
    """
    return _check(manifest, _RUN, check_condition, providers)


def check_manifest(
    manifest: Any,
    check_condition: ConditionCheck | None = None,
    providers: Names = EXECUTED_PROVIDERS,
) -> tuple[Problem, ...]:
    """Return all problems of any object; of a kind that is not ours only those of its head.

    Args:
        check_condition: what checks conditions of metrics; without it they are left alone.
        providers: names of the providers that metrics can ask.
    """
    if not isinstance(manifest, dict):
        return (Problem("", "must be a map of keys and values", manifest),)
    spot = Spot(manifest)
    group = spot.at("apiVersion").text.rpartition("/")[0]
    check = _CHECKS.get((group, spot.at("kind").text))
    if check is not None:
        return _check(manifest, check, check_condition, providers)
    findings = list(_head_findings(spot))
    if group != _KUSTOMIZE_GROUP and not spot.at("kind").text.endswith("List"):
        findings += _name_findings(spot.at("metadata"))
    return in_order(manifest, findings)


def read_rollout(manifest: Manifest) -> Rollout:
    """Return a Rollout that is fit for use.

    Raises:
        InvalidSpec: it is not; the exception holds all problems.
    """
    return _read(manifest, _ROLLOUT, Rollout)


def read_application(manifest: Manifest) -> Application:
    """Return an Application that is fit for use; raises InvalidSpec."""
    return _read(manifest, _APPLICATION, Application)


def read_deleted_application(manifest: Manifest) -> Application:
    """Return what can be read of an Application that is being deleted, with its mistakes.

    Raises:
        InvalidSpec: not even its shape is that of an Application.
    """
    return _read_shape(manifest, Application)


def read_git_repository(manifest: Manifest) -> GitRepository:
    """Return a GitRepository that is fit for use; raises InvalidSpec."""
    return _read(manifest, _GIT, GitRepository)


def read_helm_repository(manifest: Manifest) -> HelmRepository:
    """Return a HelmRepository that is fit for use; raises InvalidSpec."""
    return _read(manifest, _HELM, HelmRepository)


def read_kustomization(manifest: Manifest) -> Kustomization:
    """Return a Kustomization that is fit for use; raises InvalidSpec."""
    return _read(manifest, _KUSTOMIZATION, Kustomization)


def read_deleted_kustomization(manifest: Manifest) -> Kustomization:
    """Return what can be read of a Kustomization that is being deleted; raises InvalidSpec."""
    return _read_shape(manifest, Kustomization)


def read_analysis_template(
    manifest: Manifest, check_condition: ConditionCheck | None = None
) -> AnalysisTemplate:
    """Return an AnalysisTemplate that is fit for use; raises InvalidSpec."""
    return _read(manifest, _TEMPLATE, AnalysisTemplate, check_condition)


def read_cluster_analysis_template(
    manifest: Manifest, check_condition: ConditionCheck | None = None
) -> ClusterAnalysisTemplate:
    """Return a ClusterAnalysisTemplate that is fit for use; raises InvalidSpec."""
    return _read(manifest, _CLUSTER_TEMPLATE, ClusterAnalysisTemplate, check_condition)


def read_analysis_run(
    manifest: Manifest, check_condition: ConditionCheck | None = None
) -> AnalysisRun:
    """Return an AnalysisRun that is fit for use; raises InvalidSpec."""
    return _read(manifest, _RUN, AnalysisRun, check_condition)


def _read(
    manifest: Manifest,
    check: _Check,
    model: type[AnyModel],
    check_condition: ConditionCheck | None = None,
) -> AnyModel:
    """Return a checked manifest as its model; a status of another shape is left out."""
    problems = _check(manifest, check, check_condition)
    if problems:
        raise InvalidSpec(problems)
    if shape_findings(model, manifest):
        manifest = {key: value for key, value in manifest.items() if key != "status"}
    return model.model_validate(manifest)


def _read_shape(manifest: Manifest, model: type[AnyModel]) -> AnyModel:
    """Return a manifest without status as its model, whatever other rules it breaks."""
    checked = {key: value for key, value in manifest.items() if key != "status"}
    findings = shape_findings(model, checked)
    if findings:
        raise InvalidSpec(in_order(checked, findings))
    return model.model_validate(checked)


def _check(
    manifest: Any,
    check: _Check,
    check_condition: ConditionCheck | None = None,
    providers: Names = EXECUTED_PROVIDERS,
) -> tuple[Problem, ...]:
    """Return all problems of one of our kinds."""
    if not isinstance(manifest, dict):
        return (Problem("", "must be a map of keys and values", manifest),)
    checked = {key: value for key, value in manifest.items() if key != "status"}
    spot = Spot(checked)
    findings = [*shape_findings(check.model, checked), *_head_findings(spot)]
    api_version, kind = spot.at("apiVersion"), spot.at("kind")
    served = [f"{check.kind.group}/{version}" for version in check.versions]
    if api_version.text and api_version.text not in served:
        findings.append(api_version.wrong(f"must be {' or '.join(served)}"))
    if kind.text and kind.text != check.kind.kind:
        findings.append(kind.wrong(f"must be {check.kind.kind}"))
    findings += _metadata_findings(spot.at("metadata"))
    findings += check.rules(spot, check_condition, providers)
    return in_order(checked, findings)


def _head_findings(spot: Spot) -> Iterator[Finding]:
    """Yield what is wrong with apiVersion and kind."""
    for field in (spot.at("apiVersion"), spot.at("kind")):
        if not field.given or field.value == "":
            yield field.missing("is required")
        elif not isinstance(field.value, str):
            yield field.wrong("must be text; put it in quotes")


def _name_findings(metadata: Spot) -> Iterator[Finding]:
    """Yield what keeps an object of any kind from having a name.

    Some kinds allow more than others (a ClusterRole may be called `system:node`); what all
    refuse is what cannot stand in a URL.
    """
    if metadata.given and not isinstance(metadata.value, dict):
        yield metadata.wrong("must be a map of keys and values")
        return
    name = metadata.at("name")
    if not name.given and not metadata.at("generateName").text:
        yield name.missing("is required")
    elif name.given and not isinstance(name.value, str):
        yield name.wrong("must be text; put it in quotes")
    elif name.given and (not name.text or len(name.text) > SUBDOMAIN_LENGTH_MAX):
        yield name.wrong(f"must have from 1 to {SUBDOMAIN_LENGTH_MAX} characters")
    elif name.text in (".", "..") or "/" in name.text or "%" in name.text:
        yield name.wrong("must not be '.' or '..', nor hold '/' or '%'")


def _metadata_findings(metadata: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the metadata of one of our kinds."""
    unnamed = list(_name_findings(metadata))
    yield from unnamed
    name, namespace = metadata.at("name"), metadata.at("namespace")
    if name.text and not unnamed and not is_subdomain(name.text):
        yield name.wrong(
            "is no valid name; use lower-case letters, digits, '-' and '.', at most 253"
        )
    if namespace.text and not is_dns_label(namespace.text):
        yield namespace.wrong(
            "is no valid namespace; use lower-case letters, digits and '-', at most 63"
        )
    yield from label_findings(metadata.at("labels"))
    for annotation in metadata.at("annotations").entries():
        if not is_label_key(annotation.key):
            yield annotation.wrong("is no valid annotation key")
