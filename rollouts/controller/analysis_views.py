"""What Rollouts know of analysis without asking: runs, templates, and what a run is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollouts.analysis.arguments import RolloutFacts as ArgumentFacts
from rollouts.analysis.resolve import RefusedRun, RunContext, resolve_run
from rollouts.analysis.templates import TemplateKey
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.problems import Problem
from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    Kind,
    Manifest,
)
from rollouts.api.times import parse_time
from rollouts.core.facts import (
    HASH_LABEL,
    REVISION,
    RUN_ATTEMPT,
    RUN_ROLE,
    RUN_STEP,
    Recipe,
    RunFacts,
)
from rollouts.core.gates import background_key, step_key
from rollouts.core.progress import read_progress
from rollouts.core.revisions import classify
from rollouts.core.spec import Analysis, Spec
from rollouts.kube.store import Store

if TYPE_CHECKING:
    from rollouts.api.condition_check import ConditionCheck
    from rollouts.core.facts import Observed, RolloutFacts

INSTANCE_LABEL = "argo-rollouts.argoproj.io/controller-instance-id"


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was seen."""

    key: TemplateKey
    namespace: str
    resource_version: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class _Cooked:
    """Recipes, and everything they were made from."""

    ingredients: tuple[object, ...]
    recipes: dict[str, Recipe]


class AnalysisViews:
    """Stores of runs and templates, and recipes made of them once for each change.

    `unseen` tells by kind why it cannot be read, as far as it cannot be: what its store holds
    may be long past.
    """

    def __init__(
        self,
        check_condition: ConditionCheck | None = None,
        providers: Callable[[], tuple[str, ...]] = lambda: EXECUTED_PROVIDERS,
    ) -> None:
        self.runs: Store[RunFacts] = Store(slim_run, _run_words)
        self.templates: Store[Template] = Store(
            lambda manifest: slim_template(ANALYSIS_TEMPLATE, manifest),
            lambda each: (each.namespace,),
        )
        self.cluster_templates: Store[Template] = Store(
            lambda manifest: slim_template(CLUSTER_ANALYSIS_TEMPLATE, manifest)
        )
        self.unseen: dict[str, str] = {}
        self._check_condition = check_condition
        self._providers = providers
        self._cooked: dict[str, _Cooked] = {}

    def observe(self, seen: Observed) -> Observed:
        """Add runs and recipes to what was observed of a Rollout."""
        rollout, spec = seen.rollout, seen.rollout.spec
        owned = self.runs.indexed(rollout.uid)
        if spec is None or not has_analysis(spec):
            return replace(seen, runs=owned) if owned else seen
        progress = read_progress(rollout.status)
        revisions = classify(seen, progress)
        base = f"{rollout.namespace}/{rollout.name}-{revisions.current_hash}-{revisions.number}"
        words = [base, *(f"{base}-{index}" for index in range(len(spec.steps)))]
        named = (run for word in words for run in self.runs.indexed(word))
        runs = {run.name: run for run in (*owned, *named)}
        recipes = self._recipes(rollout, spec, (progress.stable_hash, revisions.current_hash))
        return replace(
            seen, runs=tuple(runs.values()), recipes=recipes, unseen=self._unseen_runs(spec)
        )

    def forget(self, uid: str) -> None:
        """Drop what was made for a Rollout that is gone."""
        self._cooked.pop(uid, None)

    def _recipes(
        self, rollout: RolloutFacts, spec: Spec, hashes: tuple[str, str]
    ) -> dict[str, Recipe]:
        unreadable = {
            not kind.namespaced: why
            for kind in (ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE)
            if (why := self.unseen.get(kind.kind))
        }
        templates = {
            each.key: each
            for each in (
                *self.templates.indexed(rollout.namespace),
                *self.cluster_templates.items(),
            )
            if each.key.is_cluster not in unreadable
        }
        source = rollout.source or {}
        # Arguments may come from any field of the Rollout, its status included.
        state = rollout.resource_version if _reads_fields(spec, templates) else ""
        versions = tuple((each.key, each.resource_version) for each in templates.values())
        labels = (source.get("metadata") or {}).get("labels")
        providers = self._providers()
        facts_of_rollout = (rollout.generation, labels, hashes, state)
        ingredients = (facts_of_rollout, versions, unreadable, providers)
        known = self._cooked.get(rollout.uid)
        if known is not None and known.ingredients == ingredients:
            return known.recipes
        facts = ArgumentFacts(source, *hashes)
        manifests = {key: each.manifest for key, each in templates.items()}
        context = RunContext(
            facts,
            check_condition=self._check_condition,
            providers=providers,
            unreadable=unreadable,
        )
        recipes = {
            key: _cook(
                wanted,
                path,
                manifests,
                replace(context, may_be_endless=key == background_key()),
            )
            for key, path, wanted in wanted_analyses(spec)
        }
        self._cooked[rollout.uid] = _Cooked(ingredients, recipes)
        return recipes

    def _unseen_runs(self, spec: Spec) -> tuple[Problem, ...]:
        """Return why the verdict of no run can be known."""
        why = self.unseen.get(ANALYSIS_RUN.kind)
        if not why:
            return ()
        path = next(path for _, path, _ in wanted_analyses(spec))
        text = f"what is measured cannot be seen, so the update is held: {why}"
        return (Problem(path, text, ANALYSIS_RUN.kind),)


def _cook(
    wanted: Manifest, path: str, templates: dict[TemplateKey, Manifest], context: RunContext
) -> Recipe:
    """Return what a run is made of that an analysis of a Rollout wants."""
    run = resolve_run(wanted, templates, context)
    if isinstance(run, RefusedRun):
        return Recipe(None, problems=run.problems(path))
    labels = (context.facts.rollout or {}).get("metadata", {}).get("labels") or {}
    instance = {INSTANCE_LABEL: labels[INSTANCE_LABEL]} if INSTANCE_LABEL in labels else {}
    return Recipe(run.spec, {**run.labels, **instance}, run.annotations)


def has_analysis(spec: Spec) -> bool:
    """Tell whether anything is measured while this spec is rolled out."""
    return spec.background is not None or any(isinstance(each, Analysis) for each in spec.steps)


def wanted_analyses(spec: Spec) -> Iterator[tuple[str, str, Manifest]]:
    """Yield the key of each gate, the path of what it wants, and what that is."""
    base = "spec.strategy.canary"
    if spec.background is not None:
        yield background_key(), f"{base}.analysis", spec.background.wanted
    for index, step in enumerate(spec.steps):
        if isinstance(step, Analysis):
            yield step_key(index), f"{base}.steps[{index}].analysis", step.wanted


def _reads_fields(spec: Spec, templates: dict[TemplateKey, Template]) -> bool:
    wanted = (each for _, _, each in wanted_analyses(spec))
    specs = ((each.manifest.get("spec") or {}) for each in templates.values())
    arguments = (arg for each in (*wanted, *specs) for arg in each.get("args") or ())
    return any("fieldRef" in (each.get("valueFrom") or {}) for each in arguments)


def slim_run(manifest: Manifest) -> RunFacts:
    """Reduce an AnalysisRun to what a Rollout reads of it."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    status, labels = manifest.get("status") or {}, metadata.get("labels") or {}
    owners = metadata.get("ownerReferences") or ()
    step, annotations = labels.get(RUN_STEP, ""), metadata.get("annotations") or {}
    return RunFacts(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        resource_version=str(metadata.get("resourceVersion", "")),
        owner_uid=next((str(each.get("uid")) for each in owners if each.get("controller")), ""),
        pod_hash=labels.get(HASH_LABEL, ""),
        role=labels.get(RUN_ROLE, ""),
        step_index=_number(step),
        revision=_number(annotations.get(REVISION, "")) or 0,
        phase=str(status.get("phase") or ""),
        message=str(status.get("message") or ""),
        created_at=parse_time(metadata.get("creationTimestamp") or "1970-01-01T00:00:00Z"),
        is_measured=_is_measured(spec, status),
        is_terminated=bool(spec.get("terminate")),
        is_deleted=bool(metadata.get("deletionTimestamp")),
        attempt=_number(annotations.get(RUN_ATTEMPT, "")) or 0,
    )


def _is_measured(spec: Manifest, status: Manifest) -> bool:
    """Tell whether every metric that counts has been measured, errors left aside."""
    results = {each.get("name"): each for each in status.get("metricResults") or ()}
    if not results:
        return False
    return all(
        results.get(metric.get("name"), {}).get("dryRun")
        or any(
            results.get(metric.get("name"), {}).get(word)
            for word in ("successful", "failed", "inconclusive")
        )
        for metric in spec.get("metrics") or ()
    )


def slim_template(kind: Kind, manifest: Manifest) -> Template:
    """Reduce a template to its spec and how new it is."""
    metadata = manifest["metadata"]
    content = {
        # The items of a list do not say what they are.
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": metadata["name"]},
        "spec": manifest.get("spec") or {},
    }
    return Template(
        TemplateKey(metadata["name"], is_cluster=not kind.namespaced),
        metadata.get("namespace", "") if kind.namespaced else "",
        str(metadata.get("resourceVersion", "")),
        content,
    )


def _run_words(run: RunFacts) -> tuple[str, ...]:
    """Return whom a run belongs to, and the name of which it is a repetition."""
    base, _, number = run.name.rpartition(".")
    first = base if base and number.isdigit() else run.name
    return (run.owner_uid, f"{run.namespace}/{first}")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
