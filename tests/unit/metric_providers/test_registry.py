"""How providers are found and made."""

from __future__ import annotations

import asyncio
import importlib
from importlib.metadata import EntryPoint

import pytest
from providers_world import query

from rollouts.analysis.sample import MeasurementError, Sample
from rollouts.metric_providers.prometheus import PrometheusProvider
from rollouts.metric_providers.provider import ENTRY_POINT_GROUP, ProviderSettings
from rollouts.metric_providers.registry import Providers

OURS = """
from rollouts.analysis.sample import Sample

told = []

class Ours:
    def __init__(self, settings):
        told.append("made")
        self.settings = settings

    async def sample(self, asked):
        return Sample(self.settings.prometheus_address, asked.metric)

    async def close(self):
        told.append("closed")
"""


def entry(name, value):
    return EntryPoint(name, value, ENTRY_POINT_GROUP)


def test_our_own_providers_are_installed_the_same_way_as_others():
    providers = Providers(ProviderSettings())

    assert {"prometheus", "web"} <= set(providers.names)
    assert isinstance(providers.provider("prometheus"), PrometheusProvider)


def test_a_provider_that_is_not_installed_is_told_with_those_that_are():
    providers = Providers(ProviderSettings(), (entry("web", "a:b"), entry("prometheus", "c:d")))
    with pytest.raises(MeasurementError) as failed:
        providers.provider("datadog")

    assert str(failed.value) == (
        "provider 'datadog' is not installed; installed are prometheus, web"
    )


def test_a_provider_is_made_once_with_the_settings_and_closed_once(tmp_path, monkeypatch):
    (tmp_path / "ours_of_a_test.py").write_text(OURS)
    monkeypatch.syspath_prepend(tmp_path)
    # Two paths of one environment may announce the same package.
    installed = (entry("ours", "ours_of_a_test:Ours"),) * 2
    providers = Providers(ProviderSettings(prometheus_address="http://p"), installed)

    async def ask():
        found = [await providers.sample("ours", query({})) for _ in range(2)]
        await providers.close()
        await providers.close()
        return found

    assert asyncio.run(ask()) == [Sample("http://p", "errors")] * 2
    assert importlib.import_module("ours_of_a_test").told == ["made", "closed"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_package:Provider", "cannot be loaded from no_such_package:Provider: ModuleNotF"),
        ("os:NoSuchName", "cannot be loaded from os:NoSuchName: AttributeError"),
        ("os:getcwd", "cannot be loaded from os:getcwd: TypeError"),
    ],
)
def test_a_provider_that_cannot_be_made_is_an_error_of_the_measurement(value, message):
    providers = Providers(ProviderSettings(), (entry("ours", value),))

    with pytest.raises(MeasurementError, match=message):
        asyncio.run(providers.sample("ours", query({})))


def test_two_packages_with_one_name_are_refused():
    providers = Providers(ProviderSettings(), (entry("ours", "a:b"), entry("ours", "c:d")))

    with pytest.raises(MeasurementError, match="installed twice: a:b and c:d; remove one"):
        providers.provider("ours")


def test_secrets_are_not_in_the_representation_of_a_query():
    asked = query({"password": "hidden-value"}, secrets=("hidden-value",))

    assert "hidden-value" not in repr(asked)


def test_a_query_without_a_source_of_secrets_reads_none():
    with pytest.raises(MeasurementError, match="key 'token' of secret 'api'"):
        asyncio.run(query({}).read_secret("api", "token"))


@pytest.mark.parametrize(("limit", "seconds"), [(10, 5), (5, 5), (2, 2)])
def test_a_query_ends_at_its_deadline_or_earlier(limit, seconds):
    assert query({}, seconds=5).seconds(limit) == seconds
