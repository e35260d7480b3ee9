"""Which providers a controller measures with."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from builders import NOW

from rollouts.analysis.facts import ConditionError
from rollouts.controller.metric_sources import compile_condition, open_providers
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


def test_a_condition_is_compiled_for_what_its_provider_gives():
    condition = compile_condition("result[0] >= 0.95", "prometheus")

    assert condition.evaluate((0.97,), now=NOW)
    assert not condition.evaluate((0.5,), now=NOW)
    assert condition.reads_only_first


def test_a_condition_that_is_none_is_refused_with_its_place():
    with pytest.raises(ValueError, match="1:10") as caught:
        compile_condition("result > ", "web")
    assert caught.value.line == 1


def test_a_condition_that_cannot_be_told_is_an_error():
    condition = compile_condition("result[0] >= 0.95", "prometheus")

    with pytest.raises(ConditionError):
        condition.evaluate((), now=NOW)
