"""Names that change their answer: what is asked is the address that was checked, and no other."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web
from fake_prometheus import FakePrometheus
from providers_world import LOOPBACK, query, serving

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.prometheus import PrometheusProvider
from rollouts.metric_providers.provider import ProviderSettings
from rollouts.metric_providers.web import WebProvider

NAME, METADATA = "metrics.test", "169.254.169.254"
KINDS = {
    "prometheus": (PrometheusProvider, "address", {"query": "vector(0.25)"}),
    "web": (WebProvider, "url", {}),
}


class Names:
    """What a hostile name server answers, one list of addresses after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0
        self.others = socket.getaddrinfo

    def __call__(self, host, port, *rest, **more):
        if host != NAME:
            return self.others(host, port, *rest, **more)
        self.asked += 1
        addresses = self.answers.pop(0)
        kind = socket.SOCK_STREAM
        return [(socket.AF_INET, kind, 6, "", (each, port)) for each in addresses]


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return KINDS[request.param]


def measure(kind, count=1, *, allowed=LOOPBACK, location=None):
    """Measure from a name; errors stand in the place of results. Every connection is a new one."""
    make, address, more = kind

    async def handle(request):
        if location is not None:
            raise web.HTTPTemporaryRedirect(location)
        if request.method == "POST":
            answer = await FakePrometheus().handle(request)
        else:
            answer = web.json_response(0.25)
        answer.force_close()
        return answer

    async def go():
        provider = make(ProviderSettings(allowed_addresses=allowed))
        found = []
        async with serving(handle) as url:
            asked = query({address: url.replace("127.0.0.1", NAME)} | more)
            try:
                for _ in range(count):
                    try:
                        found.append((await provider.sample(asked)).result)
                    except MeasurementError as error:
                        found.append(str(error))
            finally:
                await provider.close()
        return found

    return asyncio.run(go())


def test_a_name_is_looked_up_once_for_a_connection_and_that_address_is_asked(kind, monkeypatch):
    """A second look-up, after the check, would find the metadata service."""
    names = Names(["127.0.0.1"], [METADATA])
    monkeypatch.setattr(socket, "getaddrinfo", names)

    assert measure(kind)[0] in (0.25, (0.25,))
    assert names.asked == 1


def test_another_connection_goes_to_the_checked_address_or_is_checked_anew(kind, monkeypatch):
    names = Names(["127.0.0.1"], [METADATA])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    found = measure(kind, 2)

    # An answer is kept for some seconds after its check; the next one is not.
    assert [each for each in found if each not in (0.25, (0.25,))] == []
    assert "a metadata address" in measure(kind)[0]


def test_of_several_addresses_only_those_that_may_be_asked_are(kind, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Names([METADATA, "127.0.0.1"]))

    assert measure(kind)[0] in (0.25, (0.25,))


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        ([METADATA], "a metadata address"),
        (["169.254.7.7"], "a link-local address"),
        (["127.0.0.1"], "a loopback address"),
        ([], "has no address"),
    ],
)
def test_a_name_of_a_special_address_is_refused_by_default(kind, monkeypatch, addresses, why):
    monkeypatch.setattr(socket, "getaddrinfo", Names(addresses))

    assert why in measure(kind, allowed=("*",))[0]


def test_a_redirect_to_a_name_of_a_metadata_address_is_not_followed(kind, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"], [METADATA]))
    (said,) = measure(kind, location=f"http://{NAME}/latest/meta-data/")

    assert "a metadata address" in said or "a body is not sent there" in said
