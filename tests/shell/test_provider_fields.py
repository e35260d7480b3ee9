"""Each field of a provider, as it reaches the server: the same for all that ask by HTTP."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import subprocess

import pytest
from aiohttp import web
from fake_prometheus import FakePrometheus
from providers_world import made, query, serving

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.prometheus import PrometheusProvider
from rollouts.metric_providers.web import WebProvider

KINDS = {
    "prometheus": (PrometheusProvider, "address", {"query": "vector(0.25)"}),
    "web": (WebProvider, "url", {}),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return KINDS[request.param]


async def answer(request):
    if request.method == "POST" and "query" in await request.post():
        return await FakePrometheus().handle(request)
    return web.json_response(0.25)


def ask(kind, *, tls=None, **config):
    """The requests that a measurement makes; `{url}` in settings is the server."""
    make, address, more = kind
    heard = []

    async def handle(request):
        heard.append((request.path, dict(request.headers), dict(await request.post())))
        if request.path == "/token":
            return web.json_response({"access_token": "fresh-token", "expires_in": 60})
        return await answer(request)

    async def go():
        async with made(make) as provider, serving(handle, ssl_context=tls) as url:
            await provider.sample(query({address: url} | more | filled(config, url)))

    asyncio.run(go())
    return heard


def filled(value, url):
    if isinstance(value, dict):
        return {key: filled(each, url) for key, each in value.items()}
    return value.replace("{url}", url) if isinstance(value, str) else value


def test_headers_are_sent(kind):
    headers = [{"key": "X-Scope-OrgID", "value": "shop"}, {"key": "X-B", "value": "1"}]
    [(_, sent, _)] = ask(kind, headers=headers)

    assert (sent["X-Scope-OrgID"], sent["X-B"]) == ("shop", "1")


def test_a_user_and_a_password_are_sent(kind):
    [(_, sent, _)] = ask(kind, authentication={"basicAuth": {"username": "me", "password": "p:w"}})

    assert sent["Authorization"] == "Basic " + base64.b64encode(b"me:p:w").decode()


def test_a_token_is_sent(kind):
    [(_, sent, _)] = ask(kind, authentication={"bearer": {"token": "my-token"}})

    assert sent["Authorization"] == "Bearer my-token"


def test_a_token_is_fetched_for_the_client_and_its_scopes_and_then_sent(kind):
    oauth2 = {
        "tokenUrl": "{url}/token",
        "clientId": "rollouts",
        "clientSecret": "client-secret",
        "scopes": ["metrics.read", "logs.read"],
    }
    token, measured = ask(kind, authentication={"oauth2": oauth2})

    assert token[0] == "/token"
    assert token[1]["Authorization"] == (
        "Basic " + base64.b64encode(b"rollouts:client-secret").decode()
    )
    assert token[2] == {"grant_type": "client_credentials", "scope": "metrics.read logs.read"}
    assert measured[1]["Authorization"] == "Bearer fresh-token"


@pytest.fixture
def _identity(monkeypatch, tmp_path):
    """An identity of AWS in the environment, and another one in a profile."""
    file = tmp_path / "credentials"
    file.write_text("[ops]\naws_access_key_id = AKIDOPS\naws_secret_access_key = ops-secret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")


@pytest.mark.usefixtures("_identity")
@pytest.mark.parametrize(
    ("profile", "user"), [({}, "AKIDEXAMPLE"), ({"profile": "ops"}, "AKIDOPS")]
)
def test_a_request_is_signed_for_its_region(kind, profile, user):
    [(_, sent, _)] = ask(kind, authentication={"sigv4": {"region": "eu-west-1"} | profile})

    assert re.match(
        rf"AWS4-HMAC-SHA256 Credential={user}/\d+/eu-west-1/aps/", sent["Authorization"]
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority's own certificate for a server of another name, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=metrics"),
            *("-addext", "subjectAltName=DNS:metrics.test"),
            *("-keyout", str(paths[1]), "-out", str(paths[0])),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return paths


def served(certificates, *, wants_client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates[0])
    return context


def test_a_certificate_that_nobody_vouches_for_is_accepted_when_the_metric_says_so(
    kind, certificates
):
    with pytest.raises(MeasurementError, match="has no trusted certificate"):
        ask(kind, tls=served(certificates))
    with pytest.raises(MeasurementError, match="has no trusted certificate"):
        ask(kind, tls=served(certificates), insecure=False)

    assert len(ask(kind, tls=served(certificates), insecure=True)) == 1


def test_an_authority_and_a_name_of_the_metric_count(kind, certificates):
    authority = {"ca": certificates[0].read_text()}
    for name in ({}, {"serverName": "other.test"}):
        with pytest.raises(MeasurementError, match="has no trusted certificate"):
            ask_tls(kind, served(certificates), authority | name)

    asked = ask_tls(kind, served(certificates), authority | {"serverName": "metrics.test"})
    assert len(asked) == 1


def test_a_certificate_of_the_metric_is_shown(kind, certificates):
    named = {"ca": certificates[0].read_text(), "serverName": "metrics.test"}
    own = {"certificate": certificates[0].read_text(), "key": certificates[1].read_text()}
    with pytest.raises(MeasurementError):
        ask_tls(kind, served(certificates, wants_client=True), named)

    assert len(ask_tls(kind, served(certificates, wants_client=True), named | own)) == 1


def ask_tls(kind, context, fields):
    """Ask a server of ours with the field `tls` of the metric."""
    make, address, more = kind
    heard = []

    async def handle(request):
        heard.append(request.path)
        return await answer(request)

    async def go():
        async with made(make) as provider, serving(handle, ssl_context=context) as url:
            await provider.sample(query({address: url, "tls": fields} | more))

    asyncio.run(go())
    return heard
