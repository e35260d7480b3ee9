"""Finds providers among the installed packages and makes each one when it is first asked."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint, entry_points

from rollouts.analysis.sample import MeasurementError, Sample
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.metric_providers.provider import (
    ENTRY_POINT_GROUP,
    MakeProvider,
    MetricProvider,
    ProviderSettings,
    Query,
)


def installed_providers(installed: tuple[EntryPoint, ...] | None = None) -> tuple[str, ...]:
    """Return the names that metrics can use here: those built in, then those of packages.

    Nothing is loaded.

    Args:
        installed: None for those of this Python environment.
    """
    found = entry_points(group=ENTRY_POINT_GROUP) if installed is None else installed
    return tuple(dict.fromkeys((*EXECUTED_PROVIDERS, *sorted(each.name for each in found))))


class Providers:
    """Every provider that is installed, by the name that metrics use."""

    def __init__(
        self, settings: ProviderSettings, installed: tuple[EntryPoint, ...] | None = None
    ) -> None:
        """Look for providers, without loading any.

        Args:
            installed: None for those of this Python environment.
        """
        self._settings = settings
        self._made: dict[str, MetricProvider] = {}
        # Sorted, so that of two packages with the same name the same one is taken every time.
        found = sorted(
            entry_points(group=ENTRY_POINT_GROUP) if installed is None else installed,
            key=lambda entry: (entry.name, entry.value),
        )
        self._found: dict[str, tuple[EntryPoint, ...]] = {}
        for entry in found:
            others = self._found.get(entry.name, ())
            if entry.value not in (other.value for other in others):
                self._found[entry.name] = (*others, entry)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all providers, in order."""
        return tuple(self._found)

    async def sample(self, name: str, query: Query) -> Sample:
        """Ask a provider.

        Raises:
            MeasurementError: it is not installed, cannot be loaded, or could not measure.
        """
        return await self.provider(name).sample(query)

    def provider(self, name: str) -> MetricProvider:
        """Return a provider, made at the first call.

        Raises:
            MeasurementError: it is not installed, twice installed, or cannot be loaded.
        """
        if name in self._made:
            return self._made[name]
        entries = self._found.get(name, ())
        if not entries:
            raise MeasurementError(
                f"provider {name!r} is not installed; installed are {', '.join(self.names)}"
            )
        if len(entries) > 1:
            values = " and ".join(entry.value for entry in entries)
            raise MeasurementError(f"provider {name!r} is installed twice: {values}; remove one")
        self._made[name] = self._make(entries[0])
        return self._made[name]

    def _make(self, entry: EntryPoint) -> MetricProvider:
        try:
            make: MakeProvider = entry.load()
            return make(self._settings)
        except Exception as error:
            # Packages of others may break in any way; that ends no more than their measurements.
            raise MeasurementError(
                f"provider {entry.name!r} cannot be loaded from {entry.value}: "
                f"{type(error).__name__}: {error}"
            ) from error

    async def close(self) -> None:
        """Close every provider that was made."""
        made, self._made = tuple(self._made.values()), {}
        await asyncio.gather(*(provider.close() for provider in made))
