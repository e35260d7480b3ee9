"""Compile an AnalysisRun's spec: arguments filled in, times and limits read, conditions parsed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from rollouts.analysis import facts
from rollouts.analysis.facts import (
    JOB_PROVIDER,
    Condition,
    NoData,
    Program,
    RunFacts,
    SecretRef,
    TimeToLive,
)
from rollouts.analysis.report import RETENTION
from rollouts.analysis.results import read_results
from rollouts.analysis.substitute import fill_metric
from rollouts.api.analysis_metric import Metric, provider_of, provider_settings
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.analysis_rules import BACKGROUND_LABEL
from rollouts.api.analysis_run import AnalysisRunSpec
from rollouts.api.checks import check_analysis_run
from rollouts.api.condition_check import ConditionCheck
from rollouts.api.metric_names import matches_metric
from rollouts.api.metric_rules import MetricContext, metric_findings
from rollouts.api.placeholders import texts_in, wanted_arguments
from rollouts.api.problems import Finding, Problem, render_path
from rollouts.api.refs import Manifest
from rollouts.api.spot import Spot

NO_DATA_ANNOTATION = "rollouts.dev/no-data"
"""What a sample without data counts as; with `.<metric>` at its end, for that metric alone."""

OWNER_KIND = "Rollout"
TEMPLATE_ANNOTATION = "rollouts.dev/analysis-template"
"""Which template a run was made from that belongs to no Rollout."""

ConditionCompiler: TypeAlias = Callable[[str, str], Condition]
"""Given a condition and the name of its metric's provider, the compiled condition.

Raises ValueError when the text is no condition; the message says why, and its attributes `line`
and `column`, if it has any, where.
"""


def compile_program(
    manifest: Manifest,
    compile_condition: ConditionCompiler,
    providers: tuple[str, ...] = EXECUTED_PROVIDERS,
) -> Program:
    """Compile a run's spec; all that is wrong with it is in the program's problems.

    Args:
        providers: names of the providers that can be asked.
    """
    terminate = Spot(manifest).at("spec", "terminate").value is True
    problems = check_analysis_run(manifest, _checker(compile_condition), providers)
    if problems:
        return Program(problems=problems, terminate=terminate)
    compiler = _Compiler(manifest, compile_condition, providers)
    metrics = tuple(compiler.metrics())
    ttl = compiler.spec.ttl_strategy
    return Program(
        metrics=() if compiler.problems else metrics,
        problems=tuple(compiler.problems),
        secrets=compiler.secrets,
        ttl=TimeToLive()
        if ttl is None
        else TimeToLive(
            _seconds(ttl.seconds_after_completion),
            _seconds(ttl.seconds_after_success),
            _seconds(ttl.seconds_after_failure),
        ),
        terminate=terminate,
    )


@dataclass(frozen=True, slots=True)
class _Slip:
    """What is wrong with a condition, and where in it."""

    message: str
    line: int
    column: int


def _checker(compile_condition: ConditionCompiler) -> ConditionCheck:
    """Return a check of conditions that says what compiling them would say."""

    def check(text: str, provider: str) -> tuple[_Slip, ...]:
        try:
            compile_condition(text, provider)
        except ValueError as error:
            place = (getattr(error, "line", 1), getattr(error, "column", 1))
            return (_Slip(str(error), *place),)
        return ()

    return check


def read_run(manifest: Manifest, program: Program) -> RunFacts:
    """Reduce a run to what planning reads."""
    metadata = manifest["metadata"]
    status: Manifest = manifest.get("status") or {}
    return RunFacts(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        resource_version=str(metadata.get("resourceVersion", "")),
        program=program,
        status=status,
        results=read_results(status),
        subject=subject_of(metadata),
        is_deleted=bool(metadata.get("deletionTimestamp")),
    )


def subject_of(metadata: Manifest) -> str:
    """Return whose run it is: the Rollout that owns it, else its template, else itself."""
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("kind") == OWNER_KIND:
            return str(owner.get("name", ""))
    annotations = metadata.get("annotations") or {}
    made_from = annotations.get(TEMPLATE_ANNOTATION) or metadata.get("generateName", "")
    return str(made_from or metadata["name"]).rstrip("-")


class _Compiler:
    """Compiles the metrics of one checked manifest and collects what is wrong with them."""

    def __init__(
        self, manifest: Manifest, compile_condition: ConditionCompiler, providers: tuple[str, ...]
    ) -> None:
        self.problems: list[Problem] = []
        self.secrets: dict[str, SecretRef] = {}
        self.spec = AnalysisRunSpec.model_validate(manifest["spec"])
        self._annotations: Manifest = manifest["metadata"].get("annotations") or {}
        self._compile_condition = compile_condition
        self._raw: list[Manifest] = manifest["spec"]["metrics"]
        self._values: dict[str, str] = {}
        for spot in Spot(manifest).at("spec", "args").each():
            argument, ref = spot.mapping, spot.at("valueFrom", "secretKeyRef")
            if ref.given:
                names = (ref.at("name").text, ref.at("key").text)
                self.secrets[argument["name"]] = SecretRef(*names, path=render_path(ref.path))
            else:
                self._values[argument["name"]] = str(argument.get("value", ""))
        label, value = BACKGROUND_LABEL
        self._context = MetricContext(
            arguments=dict(self._values) | dict.fromkeys(self.secrets),
            secrets=frozenset(self.secrets),
            may_be_endless=(manifest["metadata"].get("labels") or {}).get(label) == value,
            check_condition=_checker(compile_condition),
            providers=providers,
        )

    def metrics(self) -> Iterator[facts.Metric]:
        """Yield the metrics, in order."""
        pending = frozenset(self.secrets)
        for index, raw in enumerate(self._raw):
            place = ("spec", "metrics", index)
            filled = fill_metric(raw, self._values, pending=pending)
            findings = [
                Finding((*place, *each.path), each.message, each.value) for each in filled.findings
            ]
            # Once more: limits and times may have been arguments.
            findings += metric_findings(Spot(filled.metric, place), self._context)
            for finding in findings:
                self._report(render_path(finding.path), finding.message, finding.value)
            if not findings:
                yield self._metric(filled.metric, render_path(place))

    def _metric(self, filled: Manifest, path: str) -> facts.Metric:
        sound = Metric.model_validate(filled)
        name, provider = sound.name, provider_of(sound)
        text = json.dumps(filled, sort_keys=True, default=str)
        secret = tuple(
            dict.fromkeys(
                name for spot in texts_in(Spot(filled)) for name in wanted_arguments(spot.text)
            )
        )
        if secret and provider == JOB_PROVIDER:
            words = "must not hold a secret argument; let the pod read the Secret itself"
            self._report(f"{path}.provider.job", words, secret[0])
        allowed = sound.failures_allowed
        return facts.Metric(
            name=name,
            provider=provider,
            query=provider_settings(filled, provider),
            source=filled,
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
            count=sound.count_max,
            interval=sound.interval_time,
            initial_delay=sound.initial_delay_time,
            failure_limit=-1 if allowed is None else allowed,
            inconclusive_limit=sound.inconclusive_allowed,
            consecutive_error_limit=sound.consecutive_errors_allowed,
            consecutive_success_limit=sound.consecutive_successes_wanted,
            success=self._condition(sound.success_condition, f"{path}.successCondition", provider),
            failure=self._condition(sound.failure_condition, f"{path}.failureCondition", provider),
            no_data=self._no_data(sound),
            is_dry_run=any(matches_metric(each.metric_name, name) for each in self.spec.dry_run),
            retention=self._retention(name),
            secret_args=secret,
        )

    def _condition(self, text: str, path: str, provider: str) -> Condition | None:
        if not text:
            return None
        try:
            return self._compile_condition(text, provider)
        except ValueError as error:
            self._report(path, str(error), text)
            return None

    def _no_data(self, metric: Metric) -> NoData:
        """Return the policy that is said most closely to the metric."""
        special = f"{NO_DATA_ANNOTATION}.{metric.name}"
        policies = {each.value: each for each in NoData}
        for key, text in (
            (special, self._annotations.get(special)),
            ("", metric.no_data),
            (NO_DATA_ANNOTATION, self._annotations.get(NO_DATA_ANNOTATION)),
        ):
            if not text:
                continue
            if text not in policies:
                words = "must be one of " + ", ".join(policies)
                self._report(f"metadata.annotations[{key!r}]", words, text)
                break
            return policies[text]
        return NoData.INCONCLUSIVE

    def _retention(self, name: str) -> int:
        for each in self.spec.measurement_retention:
            if matches_metric(each.metric_name, name):
                return max(1, each.limit) if each.limit else RETENTION
        return RETENTION

    def _report(self, path: str, message: str, value: object = None) -> None:
        self.problems.append(Problem(path, message, value))


def _seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
