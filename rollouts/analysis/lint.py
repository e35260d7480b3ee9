"""Checks Rollouts together with the templates that stand in the same files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rollouts.analysis.arguments import RolloutFacts
from rollouts.analysis.resolve import RefusedRun, RunContext, resolve_run
from rollouts.analysis.templates import TemplateKey, reference_keys
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.checks import check_manifest
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.documents import Document
from rollouts.api.lint import Finding, finding_at, object_name
from rollouts.api.problems import Problem, render_path
from rollouts.api.refs import ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE, ROLLOUT, Kind
from rollouts.api.spot import Spot

_BLUE_GREEN_ANALYSES = ("prePromotionAnalysis", "postPromotionAnalysis")


@dataclass(frozen=True, slots=True)
class _Analysis:
    """One analysis of a Rollout; one beside the steps may be endless."""

    spot: Spot
    may_be_endless: bool


@dataclass(frozen=True, slots=True)
class _Means:
    """What metrics may be written with."""

    check_condition: ConditionCheck | None
    providers: tuple[str, ...]


def lint_analyses(
    objects: Iterable[Document],
    check_condition: ConditionCheck | None = None,
    providers: tuple[str, ...] = EXECUTED_PROVIDERS,
) -> tuple[Finding, ...]:
    """Return what is wrong between Rollouts and templates, in the order of the Rollouts.

    A template that is not in the files is an error where others of its kind are; without any,
    the templates are taken to be in the cluster, and a warning says so.

    Args:
        providers: names of the providers that metrics can ask.
    """
    means = _Means(check_condition, providers)
    known = [document for document in objects if isinstance(document.manifest, dict)]
    rollouts = [document for document in known if _is(document, ROLLOUT)]
    templates = {
        kind: [document for document in known if _is(document, kind)]
        for kind in (ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE)
    }
    found: dict[tuple[str, int, str, str], Finding] = {}
    for rollout in rollouts:
        visible = _visible(rollout, templates)
        for analysis in _analyses(Spot(rollout.manifest)):
            for finding in _findings(rollout, analysis, visible, means):
                key = (finding.source, finding.line, finding.path, finding.message)
                found.setdefault(key, finding)
    return tuple(found.values())


def _is(document: Document, kind: Kind) -> bool:
    """Return whether a document is an object of a kind."""
    spot = Spot(document.manifest)
    group = spot.at("apiVersion").text.partition("/")[0]
    return (group, spot.at("kind").text) == (kind.group, kind.kind)


def _visible(
    rollout: Document, templates: dict[Kind, list[Document]]
) -> dict[TemplateKey, Document]:
    """Return the templates that a Rollout can use; a missing namespace may be any."""
    namespace = Spot(rollout.manifest).at("metadata", "namespace").text
    visible: dict[TemplateKey, Document] = {}
    for kind, documents in templates.items():
        for document in documents:
            metadata = Spot(document.manifest).at("metadata")
            other = metadata.at("namespace").text
            if not kind.namespaced or not namespace or not other or namespace == other:
                key = TemplateKey(metadata.at("name").text, is_cluster=not kind.namespaced)
                visible[key] = document
    return visible


def _analyses(rollout: Spot) -> Iterator[_Analysis]:
    """Yield the analyses of a Rollout."""
    canary = rollout.at("spec", "strategy", "canary")
    if canary.at("analysis").mapping:
        yield _Analysis(canary.at("analysis"), may_be_endless=True)
    for step in canary.at("steps").each():
        if step.at("analysis").mapping:
            yield _Analysis(step.at("analysis"), may_be_endless=False)
    for name in _BLUE_GREEN_ANALYSES:
        analysis = rollout.at("spec", "strategy", "blueGreen", name)
        if analysis.mapping:
            yield _Analysis(analysis, may_be_endless=False)


def _findings(
    rollout: Document,
    analysis: _Analysis,
    visible: dict[TemplateKey, Document],
    means: _Means,
) -> Iterator[Finding]:
    """Yield what is wrong with one analysis that the objects alone do not show."""
    elsewhere = list(_elsewhere(analysis.spot, visible))
    for name, key in elsewhere:
        message = f"{key} is not in these files, so what it measures was not checked"
        yield finding_at(rollout, Problem(render_path(name.path), message), "warning")
    if elsewhere:
        return
    context = RunContext(
        RolloutFacts(rollout.manifest, is_offline=True),
        may_be_endless=analysis.may_be_endless,
        check_condition=means.check_condition,
        providers=means.providers,
    )
    templates = {key: document.manifest for key, document in visible.items()}
    resolved = resolve_run(analysis.spot.mapping, templates, context)
    if not isinstance(resolved, RefusedRun):
        return
    prefix = render_path(analysis.spot.path)
    for complaint in resolved.complaints:
        problem = complaint.problem(prefix)
        if complaint.template is None:
            yield from _new_findings(rollout, problem, "", means)
        else:
            document = visible[complaint.template]
            at_template = replace(problem, path=complaint.path)
            user = f", as used by {object_name(rollout.manifest)} in {prefix}"
            yield from _new_findings(document, at_template, user, means)


def _elsewhere(
    analysis: Spot, visible: dict[TemplateKey, Document]
) -> Iterator[tuple[Spot, TemplateKey]]:
    """Yield the references to templates of a kind of which the files have none at all."""
    kinds = {key.is_cluster for key in visible}
    reached: list[TemplateKey] = []

    def follow(references: Spot, top: Spot | None) -> Iterator[tuple[Spot, TemplateKey]]:
        for key, reference in reference_keys(references):
            name = top or reference.at("templateName")
            if key in reached:
                continue
            reached.append(key)
            if key in visible:
                yield from follow(Spot(visible[key].manifest).at("spec", "templates"), name)
            elif key.is_cluster not in kinds:
                yield name, key

    yield from follow(analysis.at("templates"), None)


def _new_findings(
    document: Document, problem: Problem, user: str, means: _Means
) -> Iterator[Finding]:
    """Yield a problem of an object, unless it is one that the object has by itself."""
    own = check_manifest(document.manifest, means.check_condition, means.providers)
    if all((each.path, each.message) != (problem.path, problem.message) for each in own):
        yield finding_at(document, replace(problem, message=f"{problem.message}{user}"))
