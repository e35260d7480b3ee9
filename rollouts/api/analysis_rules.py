"""What is wrong with analysis templates and runs: what can be decided from the object alone.

Source: the peer's utils/analysis. It reports the first problem; this reports all. How templates
fit together when several are merged is found in `rollouts.analysis.resolve`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.argument_rules import argument_findings
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.metric_names import matches_metric, pattern_flaw
from rollouts.api.metric_rules import MetricContext, metrics_findings, placeholder_findings
from rollouts.api.names import is_subdomain
from rollouts.api.problems import Finding
from rollouts.api.refs import CLUSTER_ANALYSIS_TEMPLATE
from rollouts.api.spot import Spot

BACKGROUND_LABEL = ("rollout-type", "Background")
"""Label and value of a run beside the steps of a canary, as the peer writes them."""

_TTL_FIELDS = ("secondsAfterCompletion", "secondsAfterFailure", "secondsAfterSuccess")

NO_METRICS = "no metrics specified; list at least one"


def template_findings(
    template: Spot,
    check: ConditionCheck | None = None,
    providers: tuple[str, ...] = EXECUTED_PROVIDERS,
) -> Iterator[Finding]:
    """Yield all that is wrong with a template of either kind, save wrong types.

    Args:
        providers: names of the providers that can be asked.
    """
    spec = template.at("spec")
    if not isinstance(spec.value, dict):
        return
    args, metrics, includes = spec.at("args"), spec.at("metrics"), spec.at("templates")
    context = MetricContext(
        arguments=_known_arguments(args),
        secrets=secret_names(args),
        check_condition=check,
        providers=providers,
    )
    yield from argument_findings(args, value_needed=False)
    yield from metrics_findings(metrics, context)
    if not list(metrics.each()) and not list(includes.each()):
        yield metrics.missing(f"{NO_METRICS}, or templates that have some")
    is_cluster = template.at("kind").text == CLUSTER_ANALYSIS_TEMPLATE.kind
    own = (template.at("metadata", "name").text, is_cluster)
    yield from template_ref_findings(includes)
    for include in includes.each():
        # What is passed on to an included template may be made of one's own arguments.
        yield from placeholder_findings(include.at("args"), context)
        scope = include.at("clusterScope")
        if (include.at("templateName").text, scope.value is True) == own:
            yield include.at("templateName").wrong("includes itself; leave it out")
        if is_cluster and include.at("templateName").text and scope.value is not True:
            yield scope.missing(
                "must be true: a template of the whole cluster can include others of its kind alone"
            )
    # Names in included templates are not known here: a pattern may be meant for them.
    names = None if list(includes.each()) else _metric_names(metrics)
    yield from pattern_findings(spec, names)
    yield from ttl_findings(spec.at("ttlStrategy"))


def run_findings(
    run: Spot,
    check: ConditionCheck | None = None,
    providers: tuple[str, ...] = EXECUTED_PROVIDERS,
) -> Iterator[Finding]:
    """Yield all that is wrong with a run, save wrong types.

    A run may be endless when it belongs beside the steps of a canary, and its label says so.

    Args:
        providers: names of the providers that can be asked.
    """
    spec = run.at("spec")
    if not isinstance(spec.value, dict):
        return
    args, metrics = spec.at("args"), spec.at("metrics")
    label, value = BACKGROUND_LABEL
    context = MetricContext(
        arguments=_known_arguments(args),
        secrets=secret_names(args),
        may_be_endless=run.at("metadata", "labels", label).value == value,
        check_condition=check,
        providers=providers,
    )
    yield from argument_findings(args, value_needed=True)
    for argument in args.each():
        for name in ("fieldRef", "podTemplateHashValue"):
            source = argument.at("valueFrom", name)
            if source.value not in (None, ""):
                yield source.wrong("is filled in when a Rollout makes a run; write the value here")
    yield from metrics_findings(metrics, context)
    for metric in metrics.each():
        if "{{" in metric.at("name").text:
            yield metric.at("name").wrong("must be written out, since results are kept by it")
    if not list(metrics.each()):
        yield metrics.missing(NO_METRICS)
    yield from pattern_findings(spec, _metric_names(metrics))
    yield from ttl_findings(spec.at("ttlStrategy"))


def secret_names(args: Spot) -> frozenset[str]:
    """Return the names of the arguments that come from a Secret."""
    return frozenset(
        argument.at("name").text
        for argument in args.each()
        if argument.at("valueFrom", "secretKeyRef").given
    )


def _known_arguments(args: Spot) -> dict[str, str | None]:
    """Return the arguments by name, with the values that are written out."""
    known: dict[str, str | None] = {}
    for argument in args.each():
        value = argument.at("value").value
        known[argument.at("name").text] = value if isinstance(value, str) else None
    return known


def _metric_names(metrics: Spot) -> tuple[str, ...]:
    """Return the names of metrics that have one without arguments."""
    return tuple(metric.at("name").text for metric in metrics.each() if metric.at("name").text)


def template_ref_findings(templates: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a list of templates to use."""
    seen: list[tuple[str, bool]] = []
    for template in templates.each():
        if not isinstance(template.value, dict):
            continue
        name = template.at("templateName")
        if not name.text:
            yield name.missing("is required; name the template")
        elif not is_subdomain(name.text):
            yield name.wrong("is no valid name")
        key = (name.text, template.at("clusterScope").value is True)
        own_args = template.at("args")
        if name.text and key in seen and not own_args.given:
            yield name.wrong("is listed twice; keep one, or give each its own args")
        seen.append(key)
        yield from argument_findings(own_args, value_needed=True)


def pattern_findings(owner: Spot, names: tuple[str, ...] | None) -> Iterator[Finding]:
    """Yield what is wrong with `dryRun` and `measurementRetention`.

    Args:
        names: of all metrics; None when they are not known, so that none need match.
    """
    for field in ("dryRun", "measurementRetention"):
        for rule in owner.at(field).each():
            yield from _pattern_findings(rule.at("metricName"), names)
            limit = rule.at("limit")
            if field == "measurementRetention" and not limit.given:
                yield limit.missing("is required; write how many measurements to keep")
            elif (limit.number or 0) < 0:
                yield limit.wrong("must be 0 or more")


def _pattern_findings(pattern: Spot, names: tuple[str, ...] | None) -> Iterator[Finding]:
    """Yield what is wrong with one pattern; names with arguments in them may match anything."""
    if not isinstance(pattern.value, str):
        return
    if flaw := pattern_flaw(pattern.text):
        yield pattern.wrong(flaw)
    elif names is not None and not any(
        "{{" in name or matches_metric(pattern.text, name) for name in names
    ):
        yield pattern.wrong("Rule didn't match any metric name(s)")


def ttl_findings(ttl: Spot) -> Iterator[Finding]:
    """Yield times after which a run is deleted that are none."""
    for name in _TTL_FIELDS:
        if (ttl.at(name).number or 0) < 0:
            yield ttl.at(name).wrong("must be 0 or more")
    if isinstance(ttl.value, dict) and not any(ttl.at(name).given for name in _TTL_FIELDS):
        yield ttl.wrong(f"must set at least one of {', '.join(_TTL_FIELDS)}")
