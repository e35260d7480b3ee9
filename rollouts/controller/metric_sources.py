"""What analysis measures with in this process: providers, and the language of conditions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from rollouts.analysis import expression
from rollouts.analysis.expression.series import RESULT
from rollouts.analysis.facts import ConditionError
from rollouts.controller.analysis_loop import AnalysisLoop
from rollouts.metric_providers.provider import MeasurementError, MetricProvider, ProviderSettings
from rollouts.metric_providers.registry import Providers

if TYPE_CHECKING:
    from rollouts.analysis.facts import Condition
    from rollouts.analysis.sample import Value

log = logging.getLogger(__name__)


def make_analysis_loop(settings: ProviderSettings) -> AnalysisLoop:
    """Return the loop over AnalysisRuns with everything that is installed."""
    return AnalysisLoop(providers=open_providers(settings), compile_condition=compile_condition)


def open_providers(
    settings: ProviderSettings, installed: tuple[EntryPoint, ...] | None = None
) -> dict[str, MetricProvider]:
    """Return every provider that is installed, by its name.

    A package that cannot be loaded costs its own metrics their measurements, and nobody else.

    Args:
        installed: entry points; those of all installed packages when absent.
    """
    providers = Providers(settings, installed)
    opened: dict[str, MetricProvider] = {}
    for name in providers.names:
        try:
            opened[name] = providers.provider(name)
        except MeasurementError as error:
            facts = {"provider": name, "error": str(error)}
            log.error("provider cannot be used", extra=facts)  # noqa: TRY400  # said in one line
    return opened


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A condition on `result`, as the run planner asks it."""

    condition: expression.Condition

    @property
    def reads_only_first(self) -> bool:
        return self.condition.reads_only_first

    def evaluate(self, result: Value, *, now: datetime) -> bool:
        try:
            return self.condition.evaluate({RESULT: result}, now=now)
        except expression.EvaluationError as error:
            raise ConditionError(str(error)) from error


def compile_condition(text: str, provider: str) -> Condition:
    """Return a condition on what a provider measures.

    Raises:
        expression.ConditionError: the text is no condition; a ValueError that says where.
    """
    types = {RESULT: expression.type_of_result(provider)}
    return _Compiled(expression.compile_condition(text, types))
