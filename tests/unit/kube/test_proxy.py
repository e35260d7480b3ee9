"""Which proxy the environment asks for, looked up once for a connection."""

from __future__ import annotations

import pytest

from rollouts.kube.client import environment_proxy


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_variables_there_is_no_proxy():
    assert environment_proxy("https://cluster.example:6443") is None


def test_the_variable_of_the_scheme_counts(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert environment_proxy("https://cluster.example:6443") == "http://proxy.example:3128"
    assert environment_proxy("http://cluster.example:8080") is None


@pytest.mark.parametrize("listed", ["cluster.example", ".example", "*"])
def test_a_host_that_is_excepted_is_reached_directly(monkeypatch, listed):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", listed)

    assert environment_proxy("https://cluster.example:6443") is None


def test_an_address_without_a_host_has_no_proxy():
    assert environment_proxy("") is None
