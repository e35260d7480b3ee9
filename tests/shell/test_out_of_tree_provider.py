"""The provider in the examples, installed as users install it and asked through the registry."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from providers_world import query, settings

from rollouts.analysis.sample import Gap, MeasurementError
from rollouts.metric_providers.provider import ProviderSettings
from rollouts.metric_providers.registry import Providers

EXAMPLE = Path(__file__).parents[2] / "examples" / "09-metric-provider"
TOKEN = "line-server-token"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example, built and installed into a folder of its own, without a network."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder)),
            str(EXAMPLE),
        ],
        check=True,
        timeout=120,
    )
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("rollouts_line_provider", None)


@contextlib.asynccontextmanager
async def line_server(answer):
    """A server that answers every key with the same bytes; yields its address and what it heard."""
    heard = []

    async def serve(reader, writer):
        heard.extend([await reader.readline(), await reader.readline()])
        if answer is None:
            heard.append(await reader.read())
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname()[:2]), heard
    finally:
        server.close()


def measure(answer, *, seconds=5.0, operator=None, **config):
    """What the installed provider brings home, and what its server heard."""

    async def read_secret(name, key):
        return {("line-server", "token"): f"{TOKEN}\n"}[name, key]

    async def ask():
        providers = Providers(operator or settings())
        async with line_server(answer) as (address, heard):
            asked = query(
                {"address": address, "key": "errors"} | config,
                seconds=seconds,
                read_secret=read_secret,
            )
            try:
                return await providers.sample("line", asked), heard
            finally:
                await providers.close()

    return asyncio.run(ask())


def failure(answer, **more):
    with pytest.raises(MeasurementError) as failed:
        measure(answer, **more)
    return str(failed.value)


pytestmark = pytest.mark.usefixtures("installed")


def test_it_is_found_beside_our_own():
    assert {"line", "prometheus", "web"} <= set(Providers(ProviderSettings()).names)


def test_it_measures_with_a_token_from_a_secret():
    found, heard = measure(b"0.25\n", tokenFrom={"name": "line-server", "key": "token"})

    assert (found.result, found.text, found.gaps) == (0.25, "0.25", ())
    assert heard == [f"AUTH {TOKEN}\n".encode(), b"GET errors\n"]


@pytest.mark.parametrize(
    ("answer", "gap"),
    [(b"\n", Gap.EMPTY), (b"nan\n", Gap.NOT_A_NUMBER), (b"-inf\n", Gap.INFINITE)],
)
def test_what_is_no_plain_number_is_a_gap(answer, gap):
    assert measure(answer)[0].gaps == (gap,)


@pytest.mark.parametrize(
    ("answer", "more", "message"),
    [
        (None, {"seconds": 0.2}, "gave no answer within 0.2s"),
        (None, {"timeoutSeconds": 0.2}, "gave no answer within 0.2s"),
        (b"1" * 5000 + b"\n", {}, "longer than 1024 bytes"),
        (b"1" * 3_000_000, {}, "longer than 1024 bytes"),
        (b"0.2", {}, "closed before its line was complete"),
        (b"<html>\n", {}, "answered what is no number: <html>"),
        (b"1\n", {"address": "nowhere"}, "provider.line.address must be host:port"),
        (b"1\n", {"key": "a\nb"}, "provider.line.key must not hold a line break"),
        (b"1\n", {"operator": ProviderSettings()}, "a loopback address"),
        (b"1\n", {"address": "169.254.169.254:80"}, "a metadata address"),
    ],
)
def test_what_cannot_be_measured_is_told(answer, more, message):
    assert message in failure(answer, **more)


def test_its_token_is_in_no_message():
    message = failure(
        f"denied: {TOKEN}\n".encode(), tokenFrom={"name": "line-server", "key": "token"}
    )

    assert message.endswith("answered what is no number: denied: ***")
