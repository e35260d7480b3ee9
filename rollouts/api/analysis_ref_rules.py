"""What is wrong with how a Rollout asks for analysis: templates, arguments, where it starts."""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.analysis_rules import pattern_findings, template_ref_findings
from rollouts.api.argument_rules import argument_findings, field_at, parse_field_path
from rollouts.api.names import is_label_key, label_findings
from rollouts.api.problems import Finding
from rollouts.api.spot import Spot

_BLUE_GREEN_ANALYSES = ("prePromotionAnalysis", "postPromotionAnalysis")

_LATER = "status"
"""Fields below this are written by the controller, and may not be there yet."""


def canary_analysis_findings(canary: Spot, rollout: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the analyses of a canary, beside its steps and in them."""
    background = canary.at("analysis")
    if isinstance(background.value, dict):
        yield from analysis_findings(background, rollout)
        yield from _start_findings(background.at("startingStep"), canary.at("steps"))
    for step in canary.at("steps").each():
        if isinstance(step.at("analysis").value, dict):
            yield from analysis_findings(step.at("analysis"), rollout)


def blue_green_analysis_findings(blue_green: Spot, rollout: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the analyses around the switch of a blue-green strategy."""
    for name in _BLUE_GREEN_ANALYSES:
        if isinstance(blue_green.at(name).value, dict):
            yield from analysis_findings(blue_green.at(name), rollout)


def analysis_findings(analysis: Spot, rollout: Spot) -> Iterator[Finding]:
    """Yield what is wrong with one analysis of a Rollout, save wrong types."""
    templates, args = analysis.at("templates"), analysis.at("args")
    if not list(templates.each()):
        yield templates.missing("list at least one template: without metrics nothing is measured")
    yield from template_ref_findings(templates)
    yield from argument_findings(args, value_needed=True)
    for owner in (analysis, *templates.each()):
        for argument in owner.at("args").each():
            yield from _field_findings(argument.at("valueFrom", "fieldRef", "fieldPath"), rollout)
    yield from pattern_findings(analysis, None)
    metadata = analysis.at("analysisRunMetadata")
    yield from label_findings(metadata.at("labels"))
    for annotation in metadata.at("annotations").entries():
        if not is_label_key(annotation.key):
            yield annotation.wrong("is no valid annotation key")


def _field_findings(path: Spot, rollout: Spot) -> Iterator[Finding]:
    """Yield a path of a field that the Rollout does not have.

    Differs from the peer: fields of spec are looked for as well as those of metadata.
    """
    parts = parse_field_path(path.text)
    if parts is None or parts[0] == _LATER:
        return  # The first is said elsewhere.
    if field_at(rollout.value, parts) is None:
        yield path.wrong("is no plain field of this Rollout; name one that is there")


def _start_findings(start: Spot, steps: Spot) -> Iterator[Finding]:
    """Yield a starting step at which the analysis would never start.

    Differs from the peer, which promotes without having measured anything.
    """
    if start.number is None:
        return
    last = len(list(steps.each())) - 1
    if start.number < 0:
        yield start.wrong("must be 0 or more")
    elif start.number > max(last, 0):
        there = f"the steps are 0 to {last}" if last >= 0 else "there are no steps"
        yield start.wrong(f"is beyond the last step, so that nothing would be measured; {there}")
