"""Fetching the index of a chart repository over HTTP."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from aiohttp import web

from rollouts.gitops.frontends import helm_index
from rollouts.gitops.frontends.helm_index import fetch_index
from rollouts.gitops.source import (
    ANONYMOUS,
    AuthenticationFailed,
    Credentials,
    SourceError,
    SourceRefused,
    SourceUnreachable,
    TooLarge,
)

INDEX = b"apiVersion: v1\nentries: {}\n"


def fetch(handler, credentials=ANONYMOUS, seconds=5.0, path="/charts"):
    """Serve one address and fetch its index."""

    async def main():
        app = web.Application()
        app.router.add_get("/charts/index.yaml", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            url = f"http://127.0.0.1:{port}{path}"
            return await fetch_index(url, credentials, timedelta(seconds=seconds))
        finally:
            await runner.cleanup()

    return asyncio.run(main())


def answer(**fields):
    async def handler(_request):
        return web.Response(**fields)

    return handler


def test_an_index_is_known_by_its_checksum():
    index = fetch(answer(body=INDEX))

    assert index.checksum == hashlib.sha256(INDEX).hexdigest()
    assert index.size == len(INDEX)
    assert fetch(answer(body=INDEX), path="/charts/") == index


def test_credentials_are_sent():
    seen = []

    async def handler(request):
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=INDEX)

    fetch(handler)
    fetch(handler, Credentials(username="u", password="p"))
    fetch(handler, Credentials(bearer_token="t"))

    assert seen == [None, "Basic dTpw", "Bearer t"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (404, SourceError),
        (429, SourceUnreachable),
        (500, SourceUnreachable),
    ],
)
def test_refusals_are_told_apart(status, error):
    with pytest.raises(error, match=str(status)):
        fetch(answer(status=status))


def test_a_redirect_is_not_followed():
    location = {"Location": "http://169.254.169.254/index.yaml"}

    with pytest.raises(SourceRefused, match="redirects"):
        fetch(answer(status=302, headers=location))


def test_what_is_no_index_is_refused():
    with pytest.raises(SourceError, match="not an index"):
        fetch(answer(body=b"<html>"))
    with pytest.raises(SourceError, match="not an index"):
        fetch(answer(body=b""))


def test_an_endless_index_is_cut_off(monkeypatch):
    monkeypatch.setattr(helm_index, "INDEX_BYTES_MAX", 100)

    with pytest.raises(TooLarge, match="100 bytes"):
        fetch(answer(body=INDEX * 10))


def test_a_silent_server_is_given_up_on():
    async def handler(_request):
        await asyncio.sleep(30)

    with pytest.raises(SourceUnreachable, match=r"within 0\.05 s"):
        fetch(handler, seconds=0.05)


def test_nobody_listens():
    with pytest.raises(SourceUnreachable) as caught:
        asyncio.run(fetch_index("http://u:secret@127.0.0.1:1", ANONYMOUS, timedelta(seconds=5)))

    assert "secret" not in str(caught.value)
