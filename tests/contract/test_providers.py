"""What holds for every metric provider, whatever the server does to it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import time
import tracemalloc
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from fake_prometheus import FakePrometheus
from providers_world import LOOPBACK, query, serving

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.prometheus import PrometheusProvider
from rollouts.metric_providers.provider import ProviderSettings
from rollouts.metric_providers.web import WebProvider

MIB = 1024 * 1024
GIB = 1024 * MIB
SECRET = 'h!dden/s3cr"t+value'


@dataclass(frozen=True)
class Kind:
    """How a provider is asked to fetch from an address."""

    make: Any
    address_field: str
    timeout_field: str
    more: dict
    redirects: tuple[int, ...]

    def config(self, url, **more):
        return {self.address_field: url} | self.more | more


KINDS = {
    "prometheus": Kind(
        PrometheusProvider, "address", "timeout", {"query": "vector(0.25)"}, (307, 308)
    ),
    "web": Kind(WebProvider, "url", "timeoutSeconds", {}, (301, 302, 303, 307, 308)),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return KINDS[request.param]


def fetch(kind, handler, *, secrets=(), seconds=5.0, allowed=LOOPBACK, **config):
    """Ask a provider for a sample from a server with this handler."""

    async def ask():
        async with serving(handler) as url:
            provider = kind.make(ProviderSettings(allowed_addresses=allowed))
            try:
                asked = query(kind.config(url, **config), secrets=secrets, seconds=seconds)
                return await provider.sample(asked)
            finally:
                await provider.close()

    return asyncio.run(ask())


def failure(kind, handler, **more):
    """The message of the error that a provider raises."""
    with pytest.raises(MeasurementError) as failed:
        fetch(kind, handler, **more)
    return str(failed.value)


async def good(request):
    """Answer as any of the providers likes it."""
    if request.method == "POST":
        return await FakePrometheus().handle(request)
    return web.json_response(0.25)


async def endless(_):
    await asyncio.sleep(60)


def test_a_good_answer_is_a_sample(kind):
    assert fetch(kind, good).result in (0.25, (0.25,))


def test_a_server_that_says_nothing_is_an_error_at_the_deadline(kind):
    started = time.monotonic()
    message = failure(kind, endless, seconds=0.2)

    assert "gave no answer within 0.2s" in message
    assert time.monotonic() - started < 2


def test_a_timeout_of_the_metric_ends_it_before_the_deadline(kind):
    message = failure(kind, endless, seconds=30, **{kind.timeout_field: 0.2})

    assert "gave no answer within 0.2s" in message


def test_a_server_that_drips_is_an_error_at_the_deadline(kind):
    """Every byte comes in time, the answer never."""

    async def drip(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    assert "gave no answer within 0.3s" in failure(kind, drip, seconds=0.3)


def test_a_deadline_that_is_over_is_an_error_without_a_request(kind):
    asked = []

    async def handle(request):
        asked.append(request.path)
        return await good(request)

    assert "gave no answer within 0s" in failure(kind, handle, seconds=-1)
    assert asked == []


def test_an_error_of_the_server_is_told_with_what_it_said(kind):
    async def broken(_):
        return web.Response(status=500, text="the disk is full\n\n")

    message = failure(kind, broken)

    assert message.endswith("answered 500 Internal Server Error (text/plain): the disk is full")


def test_a_login_page_is_no_measurement(kind):
    async def login(_):
        return web.Response(text="<html><title>Sign in</title>", content_type="text/html")

    message = failure(kind, login)

    assert "answered 200 OK (text/html) instead of JSON: <html><title>Sign in" in message


def test_only_the_beginning_of_a_wrong_answer_is_shown(kind):
    async def long(_):
        return web.Response(text="<" + "x" * 5000, content_type="text/html")

    assert len(failure(kind, long)) < 400


def test_an_empty_answer_is_an_error(kind):
    async def empty(_):
        return web.Response(status=200)

    assert failure(kind, empty).endswith(", empty")


def test_three_gigabytes_cost_one_megabyte(kind):
    sent = [0]
    chunk = b"9" * (64 * 1024)

    async def flood(request):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while sent[0] < 3 * GIB:
            await response.write(chunk)
            sent[0] += len(chunk)
        return response

    message = failure(kind, flood)

    assert "answered 200 OK with more than 1048576 bytes" in message
    # What was on its way when the connection was closed: buffers of two sockets.
    assert sent[0] < 16 * MIB


def test_a_compressed_flood_is_not_unpacked(kind):
    bomb = gzip.compress(b"0" * (64 * MIB))

    async def burst(_):
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    tracemalloc.start()
    try:
        message = failure(kind, burst)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "with more than 1048576 bytes" in message
    assert peak < 8 * MIB


def test_a_compressed_answer_is_read(kind):
    async def packed(request):
        response = await good(request)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    assert fetch(kind, packed).result in (0.25, (0.25,))


def test_a_broken_or_unknown_compression_is_an_error(kind):
    async def torn(_):
        return web.Response(
            body=gzip.compress(b"1" * 500)[:-9], headers={"Content-Encoding": "gzip"}
        )

    async def unknown(_):
        return web.Response(body=b"1", headers={"Content-Encoding": "br"})

    assert "ends before its packed content does" in failure(kind, torn)
    assert "packed as 'br', which was not asked for" in failure(kind, unknown)


def test_an_answer_that_breaks_off_is_an_error(kind):
    async def torn(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"0.2")
        request.transport.abort()
        return response

    assert "broke off before its answer was complete" in failure(kind, torn)


def test_nobody_listening_is_an_error(kind):
    async def ask():
        async with serving(good) as url:
            pass
        provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
        try:
            await provider.sample(query(kind.config(url)))
        finally:
            await provider.close()

    with pytest.raises(MeasurementError, match="cannot be reached: "):
        asyncio.run(ask())


METADATA = ("http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/")


@pytest.mark.parametrize(
    "url",
    [
        *METADATA,
        "http://metadata.google.internal/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://169.254.7.7/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http:///path",
        "gopher://127.0.0.1/",
    ],
)
def test_special_addresses_are_refused_by_default(kind, url):
    async def ask():
        provider = kind.make(ProviderSettings())
        try:
            await provider.sample(query(kind.config(url)))
        finally:
            await provider.close()

    with pytest.raises(MeasurementError, match=r"refused|no URL|must be like|not a canonical"):
        asyncio.run(ask())


@pytest.mark.parametrize("target", METADATA)
def test_a_redirect_to_a_metadata_address_is_not_followed(kind, target):
    async def redirect(_):
        raise web.HTTPTemporaryRedirect(target)

    message = failure(kind, redirect)

    assert "is refused: " in message or "a body is not sent there" in message
    assert "169.254.169.254" in message or "fd00:ec2::254" in message


def test_redirects_are_followed_three_times_and_no_more(kind):
    async def chain(request):
        left = int(request.query.get("left", chain.length))
        if left:
            status = kind.redirects[left % len(kind.redirects)]
            where = f"{request.path}?left={left - 1}"
            return web.Response(status=status, headers={"Location": where})
        return await good(request)

    chain.length = 3
    assert fetch(kind, chain).result in (0.25, (0.25,))
    chain.length = 4
    assert "is redirected more than 3 times" in failure(kind, chain)


def test_credentials_do_not_follow_a_redirect_to_another_server(kind):
    async def ask():
        seen = []

        async def other(request):
            seen.append((dict(request.headers), await request.text()))
            return await good(request)

        async with serving(other) as elsewhere:

            async def redirect(_):
                raise web.HTTPTemporaryRedirect(f"{elsewhere}/api/v1/query")

            async with serving(redirect) as url:
                provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
                headers = [{"key": "X-Scope", "value": SECRET}]
                bearer = {"bearer": {"token": "tok-12345"}}
                asked = query(kind.config(url, headers=headers, authentication=bearer))
                try:
                    await provider.sample(asked)
                except MeasurementError as error:
                    assert "a body is not sent there" in str(error)  # noqa: PT017  # or none at all
                finally:
                    await provider.close()
        return seen

    for headers, body in asyncio.run(ask()):
        assert SECRET not in str(headers) + body
        assert "tok-12345" not in str(headers) + body


def test_no_secret_is_in_the_message_however_the_server_repeats_it(kind):
    async def echo(request):
        encoded = base64.b64encode(SECRET.encode()).decode()
        headers = "".join(f"{name}={value} " for name, value in request.headers.items())
        text = f"{SECRET} {encoded} {request.path_qs} {headers} {await request.text()}"
        return web.Response(status=500, text=text)

    message = failure(
        kind,
        echo,
        secrets=(SECRET,),
        headers=[{"key": "X-Api-Key", "value": "key-of-mine"}, {"key": "X-A", "value": SECRET}],
        authentication={"basicAuth": {"username": "me", "password": "pass-of-mine"}},
    )

    assert "***" in message
    hidden = (
        SECRET,
        'h!dden/s3cr\\"t+value',
        "h!dden%2Fs3cr%22t%2Bvalue",
        base64.b64encode(SECRET.encode()).decode(),
        "key-of-mine",
        "pass-of-mine",
        base64.b64encode(b"me:pass-of-mine").decode(),
    )
    assert [each for each in hidden if each in message] == []


def test_no_secret_of_a_url_is_shown(kind):
    async def ask():
        async with serving(endless) as url:
            provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
            secret = url.replace("http://", "http://me:pass-of-mine@") + "/pa-th-secret"
            asked = query(kind.config(secret), secrets=("pa-th-secret",), seconds=0.1)
            try:
                await provider.sample(asked)
            finally:
                await provider.close()

    with pytest.raises(MeasurementError) as failed:
        asyncio.run(ask())
    assert "pass-of-mine" not in str(failed.value)
    assert "pa-th-secret" not in str(failed.value)
    assert "/***" in str(failed.value)


def test_a_user_in_the_url_is_sent_as_basic_authentication(kind):
    seen = []

    async def handle(request):
        seen.append(request.headers.get("Authorization"))
        return await good(request)

    async def ask():
        async with serving(handle) as url:
            provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
            try:
                await provider.sample(query(kind.config(url.replace("//", "//me:p%40ss@"))))
            finally:
                await provider.close()

    asyncio.run(ask())

    assert seen == ["Basic " + base64.b64encode(b"me:p@ss").decode()]


def test_a_proxy_of_the_environment_is_not_used(kind, monkeypatch):
    """It would resolve names by itself, past the checks."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert fetch(kind, good).result in (0.25, (0.25,))


def test_a_token_that_is_not_accepted_is_fetched_anew_for_the_next_measurement(kind):
    asked = []

    async def handle(request):
        if request.path == "/token":
            asked.append(request.path)
            return web.json_response({"access_token": f"token-{len(asked)}", "expires_in": 600})
        return web.Response(status=401, text="who?")

    async def ask():
        async with serving(handle) as url:
            provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
            oauth2 = {"tokenUrl": f"{url}/token", "clientId": "me", "clientSecret": "mine"}
            asked_for = query(kind.config(url, authentication={"oauth2": oauth2}))
            try:
                for _ in range(2):
                    with pytest.raises(MeasurementError, match="401 Unauthorized"):
                        await provider.sample(asked_for)
            finally:
                await provider.close()

    asyncio.run(ask())

    assert len(asked) == 2


def test_a_cancelled_measurement_closes_its_connection(kind):
    async def ask():
        begun, closed = asyncio.Event(), asyncio.Event()

        async def handle(_):
            begun.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                closed.set()
                raise

        async with serving(handle) as url:
            provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
            task = asyncio.ensure_future(provider.sample(query(kind.config(url), seconds=30)))
            await begun.wait()
            task.cancel()
            results = await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(5):
                await closed.wait()
            await provider.close()
        return results

    [result] = asyncio.run(ask())

    assert isinstance(result, asyncio.CancelledError)


def test_a_hundred_measurements_at_once_reuse_one_provider(kind):
    async def ask():
        async with serving(good) as url:
            provider = kind.make(ProviderSettings(allowed_addresses=LOOPBACK))
            try:
                config = kind.config(url)
                return await asyncio.gather(*(provider.sample(query(config)) for _ in range(100)))
            finally:
                await provider.close()

    assert {found.result for found in asyncio.run(ask())} <= {0.25, (0.25,)}


def test_a_closed_provider_may_be_closed_again(kind):
    async def ask():
        provider = kind.make(ProviderSettings())
        await provider.close()
        await provider.close()

    asyncio.run(ask())


def test_an_operators_list_of_addresses_is_the_whole_list(kind):
    by_name = failure(kind, good, allowed=("*.example.com",))
    by_network = failure(kind, good, allowed=("10.0.0.0/8",))

    assert "refused" in by_name
    assert "refused" in by_network
    assert fetch(kind, good, allowed=("127.0.0.1",)).result in (0.25, (0.25,))
