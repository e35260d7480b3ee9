"""Makes the spec of a run out of templates and what an analysis says, or says all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rollouts.analysis.arguments import (
    MergedArguments,
    RolloutFacts,
    given_arguments,
    merge_arguments,
)
from rollouts.analysis.substitute import fill_metric
from rollouts.analysis.templates import Complaint, TemplateKey, Templates, Use, distinct, find_uses
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.checks import check_analysis_template
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.metric_names import matches_metric, pattern_flaw
from rollouts.api.metric_rules import MetricContext, metric_findings
from rollouts.api.placeholders import fill, fill_all, wanted_arguments
from rollouts.api.problems import Problem, render_path
from rollouts.api.refs import Manifest
from rollouts.api.spot import Spot

METRICS_MAX = 500
"""Most metrics of one run: its status has to fit into one object."""


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """The spec of a run, as the wire has it.

    Attributes:
        spec: metrics with `{{args.name}}` in them, and the arguments; secrets are references.
        labels: to put on the run, as the analysis asks.
        annotations: to put on the run, as the analysis asks.
    """

    spec: Manifest
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class RefusedRun:
    """Why no run can be made: everything at once."""

    complaints: tuple[Complaint, ...]

    def problems(self, prefix: str = "") -> tuple[Problem, ...]:
        """Return the complaints as problems.

        Args:
            prefix: path of the analysis in its object.
        """
        return tuple(complaint.problem(prefix) for complaint in self.complaints)


@dataclass(frozen=True, slots=True)
class RunContext:
    """What is known where a run is made.

    Attributes:
        facts: what arguments can be made of.
        may_be_endless: metrics that never end are allowed, as beside the steps of a canary.
        check_condition: what checks conditions; None leaves them alone.
        providers: names of the providers that can be asked.
        unreadable: why templates of a scope cannot be read, by whether it is the cluster's.
    """

    facts: RolloutFacts
    may_be_endless: bool = False
    check_condition: ConditionCheck | None = None
    providers: tuple[str, ...] = EXECUTED_PROVIDERS
    unreadable: Mapping[bool, str] = field(default_factory=dict)


def resolve_run(
    analysis: Manifest, templates: Templates, context: RunContext
) -> ResolvedRun | RefusedRun:
    """Return the run that an analysis asks for, or all that is wrong with it.

    The run holds all it needs: what happens to the templates later does not concern it.

    Args:
        analysis: as in a Rollout: templates, args, dryRun, measurementRetention and
            analysisRunMetadata.
        templates: the templates that can be seen from the namespace of the run.
    """
    given, unknown = given_arguments(analysis, context.facts)
    uses, missing = find_uses(analysis, templates, given, context.unreadable)
    complaints = [*unknown, *missing]
    if not uses and not missing:
        complaints.append(Complaint(None, "templates", "list at least one template"))
    unsound = {use.key: _own_complaints(use, context) for use in uses}
    complaints += [one for found in unsound.values() for one in found]
    merged, conflicts = merge_arguments(uses, given, context.facts)
    complaints += conflicts
    metrics: list[Manifest] = []
    origins: dict[str, TemplateKey] = {}
    for use, names in zip(uses, merged.scoped, strict=True):
        for index, metric in enumerate(Spot(use.manifest).at("spec", "metrics").each()):
            if unsound[use.key] or not isinstance(metric.value, dict):
                continue
            resolved = _in_run(metric.value, names, merged)
            name = resolved["name"]
            if name in origins:
                complaints.append(_twice(use.key, index, name, origins[name]))
                continue
            origins[name] = use.key
            metrics.append(resolved)
            complaints += _metric_complaints((use.key, index), resolved, merged, context)
    complaints += _metric_count_complaints(metrics, complaints)
    lists, wrong = _merged_lists(analysis, uses, tuple(origins) if not complaints else None)
    ttl, differing = _merged_ttl(uses)
    complaints += [*wrong, *differing]
    if complaints:
        return RefusedRun(distinct(complaints))
    spec = {"metrics": metrics, "args": list(merged.arguments.values()), **lists, **ttl}
    extra = Spot(analysis).at("analysisRunMetadata")
    return ResolvedRun(
        {key: value for key, value in spec.items() if value},
        dict(extra.at("labels").mapping),
        dict(extra.at("annotations").mapping),
    )


def _own_complaints(use: Use, context: RunContext) -> tuple[Complaint, ...]:
    """Return what is wrong with a template whoever uses it."""
    return tuple(
        Complaint(use.key, problem.path, problem.message, problem.value)
        for problem in check_analysis_template(
            use.manifest, context.check_condition, context.providers
        )
    )


def _in_run(metric: Manifest, names: dict[str, str], merged: MergedArguments) -> Manifest:
    """Return a metric as a run holds it: its own arguments under their names in the run.

    Its name is written out, because results are kept by it.
    """
    renamed: Manifest = metric
    if names:
        renamed = fill_all(
            metric,
            lambda text, _path: fill(
                text, lambda name, _offset: f"{{{{args.{names.get(name, name)}}}}}"
            ),
        )
    values = merged.values
    name = str(renamed.get("name", ""))
    if all(wanted in values for wanted in wanted_arguments(name)):
        name = fill(name, lambda wanted, _offset: values[wanted])
    return renamed | {"name": name}


def _twice(key: TemplateKey, index: int, name: str, other: TemplateKey) -> Complaint:
    """Return that two metrics have one name."""
    return Complaint(
        key,
        f"spec.metrics[{index}].name",
        f"two metrics have the same name {name!r}, the other one in {other}; "
        "rename one, or put an argument into the name",
        name,
    )


def _metric_complaints(
    origin: tuple[TemplateKey, int],
    metric: Manifest,
    merged: MergedArguments,
    context: RunContext,
) -> Iterator[Complaint]:
    """Yield what is wrong with a metric once the known arguments are filled in."""
    key, index = origin
    path = ("spec", "metrics", index)
    values = merged.values
    filled = fill_metric(metric, values, pending=merged.pending)
    for finding in filled.findings:
        yield Complaint(key, render_path((*path, *finding.path)), finding.message)
    rules = MetricContext(
        arguments={name: values.get(name) for name in merged.arguments},
        secrets=merged.secrets,
        may_be_endless=context.may_be_endless,
        check_condition=context.check_condition,
        providers=context.providers,
    )
    for found in metric_findings(Spot(filled.metric, path), rules):
        yield Complaint(key, render_path(found.path), found.message, found.value)


def _metric_count_complaints(
    metrics: list[Manifest], others: list[Complaint]
) -> Iterator[Complaint]:
    """Yield that there are no metrics, unless that is for another reason, or too many."""
    if not metrics and not others:
        yield Complaint(None, "templates", "no metrics specified in any of the templates")
    if len(metrics) > METRICS_MAX:
        yield Complaint(None, "templates", f"at most {METRICS_MAX} metrics can be in one run")


def _merged_lists(
    analysis: Manifest, uses: tuple[Use, ...], names: tuple[str, ...] | None
) -> tuple[Manifest, list[Complaint]]:
    """Return `dryRun` and `measurementRetention` of the analysis and then of all templates.

    Args:
        names: of all metrics; None when they are not all known.
    """
    merged: Manifest = {}
    complaints: list[Complaint] = []
    for name in ("dryRun", "measurementRetention"):
        said: dict[str, Manifest] = {}
        for key, rule in _rules(analysis, uses, name):
            pattern = rule.at("metricName")
            path = render_path(pattern.path)
            if pattern.text in said and said[pattern.text] != rule.value:
                message = "is said twice with different limits; keep one"
                complaints.append(Complaint(key, path, message, pattern.value))
            elif key is None and (flaw := pattern_flaw(pattern.text)):
                complaints.append(Complaint(key, path, flaw, pattern.value))
            elif names is not None and not any(
                matches_metric(pattern.text, each) for each in names
            ):
                message = "Rule didn't match any metric name(s)"
                complaints.append(Complaint(key, path, message, pattern.value))
            said.setdefault(pattern.text, rule.value)
        merged[name] = list(said.values())
    return merged, complaints


def _rules(
    analysis: Manifest, uses: tuple[Use, ...], field: str
) -> Iterator[tuple[TemplateKey | None, Spot]]:
    """Yield the rules of a list: those of the analysis, then those of each template once."""
    for rule in Spot(analysis).at(field).each():
        yield None, rule
    for use in {use.key: use for use in uses}.values():
        for rule in Spot(use.manifest).at("spec", field).each():
            yield use.key, rule


def _merged_ttl(uses: tuple[Use, ...]) -> tuple[Manifest, list[Complaint]]:
    """Return the one `ttlStrategy` that templates agree on."""
    said: tuple[TemplateKey, Manifest] | None = None
    complaints: list[Complaint] = []
    for use in uses:
        ttl = Spot(use.manifest).at("spec", "ttlStrategy")
        if not ttl.mapping:
            continue
        if said is not None and said[1] != ttl.mapping:
            message = f"differs from the one of {said[0]}; keep one"
            complaints.append(Complaint(use.key, render_path(ttl.path), message))
        said = said or (use.key, ttl.mapping)
    return ({"ttlStrategy": said[1]} if said else {}), complaints
