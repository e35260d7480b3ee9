"""What analysis measures with in this process: providers, and the language of conditions."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint

from rollouts.analysis.conditions import compile_condition
from rollouts.controller.analysis_loop import AnalysisLoop
from rollouts.metric_providers.provider import MeasurementError, MetricProvider, ProviderSettings
from rollouts.metric_providers.registry import Providers

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
