"""Which providers a controller measures with."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from rollouts.controller.metric_sources import open_providers
from rollouts.metric_providers.provider import ENTRY_POINT_GROUP, ProviderSettings


def entry(name, value):
    return EntryPoint(name=name, value=value, group=ENTRY_POINT_GROUP)


def test_a_provider_is_made_with_the_operators_settings_under_the_name_of_its_entry():
    settings = ProviderSettings(prometheus_address="http://prometheus:9090")
    opened = open_providers(settings, (entry("mine", "builtins:repr"),))

    assert {"mine": repr(settings)} == opened


def test_a_provider_that_cannot_be_loaded_costs_nobody_else(caplog):
    entries = (entry("broken", "nowhere:Provider"), entry("mine", "builtins:repr"))

    assert ["mine"] == list(open_providers(ProviderSettings(), entries))
    assert "provider cannot be used" in caplog.text
