"""What analysis measures with in this process: providers, and the language of conditions."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from rollouts.controller.analysis_loop import AnalysisLoop
from rollouts.metric_providers.provider import (
    ENTRY_POINT_GROUP,
    MakeProvider,
    MetricProvider,
    ProviderSettings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollouts.analysis.facts import Condition

log = logging.getLogger(__name__)


def make_analysis_loop(settings: ProviderSettings | None = None) -> AnalysisLoop:
    """Return the loop over AnalysisRuns with everything that is installed."""
    providers = open_providers(settings or ProviderSettings())
    return AnalysisLoop(providers=providers, compile_condition=compile_condition)


def open_providers(
    settings: ProviderSettings, found: Iterable[EntryPoint] | None = None
) -> dict[str, MetricProvider]:
    """Return every provider that is installed, by its name.

    A package that cannot be loaded costs its own metrics their measurements, and nobody else.

    Args:
        found: entry points; those of all installed packages when absent.
    """
    opened: dict[str, MetricProvider] = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP) if found is None else found:
        try:
            make: MakeProvider = entry.load()
            opened[entry.name] = make(settings)
        except Exception as error:  # noqa: BLE001  # packages are anybody's code
            facts = {"provider": entry.name, "from": entry.value, "error": str(error)}
            log.error("provider cannot be used", extra=facts)  # noqa: TRY400  # said in one line
    return opened


def compile_condition(text: str, provider: str) -> Condition:
    """Refuse a condition: this build has no language for them.

    Raises:
        ValueError: always; a run with a condition ends before anything of it is measured.
    """
    raise ValueError(
        f"conditions on what {provider} measures cannot be evaluated in this build: {text!r:.80}"
    )
