"""What the web provider brings home."""

from __future__ import annotations

import asyncio
import math
import ssl
import subprocess

import pytest
from aiohttp import web
from providers_world import made, query, serving

from rollouts.analysis.sample import Gap, MeasurementError
from rollouts.metric_providers.web import WebProvider


def sample(handler, *, path="", **config):
    """What a request brings home."""

    async def ask():
        async with made(WebProvider) as provider, serving(handler) as url:
            return await provider.sample(query({"url": url + path} | config))

    return asyncio.run(ask())


def failure(handler, **config):
    with pytest.raises(MeasurementError) as failed:
        sample(handler, **config)
    return str(failed.value)


def answering(text, content_type="application/json", status=200):
    async def handle(_):
        return web.Response(text=text, content_type=content_type, status=status)

    return handle


DOCUMENT = """{"data": {"ok": true, "rate": 0.98, "count": 3, "name": "web", "none": null,
  "list": [1, 2.5, "x"], "empty": [], "no.dots": 7,
  "rows": [{"code": 200, "share": 0.9}, {"code": 500, "share": 0.1}]}}"""


@pytest.mark.parametrize(
    ("path", "result", "text", "gaps"),
    [
        ("{$.data.ok}", True, "true", ()),
        ("{$.data.rate}", 0.98, "0.98", ()),
        ("{.data.count}", 3, "3", ()),
        ("$.data.name", "web", '"web"', ()),
        ("{$.data.none}", None, "null", (Gap.EMPTY,)),
        ("{$.data.list}", (1, 2.5, "x"), '[1,2.5,"x"]', ()),
        ("{$.data.empty}", (), "[]", (Gap.EMPTY,)),
        ("{$.data.empty[0]}", None, "", (Gap.EMPTY,)),
        ("{$.data['no.dots']}", 7, "7", ()),
        ("{$.data.rows[?(@.code==500)].share}", 0.1, "0.1", ()),
        ("{$.data.rows[?(@.code==404)].share}", None, "", (Gap.EMPTY,)),
        ("{$.data.rows[*].share}", 0.9, "0.9", (Gap.SEVERAL,)),
        ("{$.data.rows[0]}", {"code": 200, "share": 0.9}, '{"code":200,"share":0.9}', ()),
    ],
)
def test_the_value_at_the_path_is_the_result(path, result, text, gaps):
    found = sample(answering(DOCUMENT), jsonPath=path)

    assert (found.result, found.text, found.gaps) == (result, text, gaps)


@pytest.mark.parametrize("path", ["", "{$}"])
def test_without_a_path_the_whole_answer_is_the_result(path):
    found = sample(answering('{"a": [1, {"b": 2}]}'), jsonPath=path)

    assert (found.result, found.text) == ({"a": (1, {"b": 2})}, '{"a":[1,{"b":2}]}')


@pytest.mark.parametrize(
    ("text", "gaps"),
    [("OK", ()), ("NaN", (Gap.NOT_A_NUMBER,)), ("+Inf\n", (Gap.INFINITE,)), ("0.x", ())],
)
def test_an_answer_that_is_plain_text_is_text(text, gaps):
    found = sample(answering(text, "text/plain"))

    assert (found.result, found.text, found.gaps) == (text.strip(), text.strip(), gaps)


def test_a_long_value_is_cut_where_it_is_shown_and_whole_for_the_condition():
    found = sample(answering(f'"{"x" * 5000}"'))

    assert len(found.result) == 5000
    assert len(found.text) == 1025


def test_a_secret_in_the_value_is_not_shown():
    async def ask():
        async with made(WebProvider) as provider, serving(answering('"my-secret is 3"')) as url:
            return await provider.sample(query({"url": url}, secrets=("my-secret",)))

    found = asyncio.run(ask())

    assert (found.result, found.text) == ("my-secret is 3", '"*** is 3"')
    assert found.hide("no number: my-secret") == "no number: ***"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (DOCUMENT, "{$.data.rat}", "jsonPath {$.data.rat} does not fit: $.data has no field 'rat'"),
        (DOCUMENT, "{$.data.rate.x}", "$.data.rate is a number, not an object"),
        (DOCUMENT, "{$.data[0]}", "$.data is an object, not a list"),
        ("[1", "{$.x}", "instead of JSON: [1"),
        ("fine", "{$.x}", "instead of JSON: fine"),
        ('{"a": NaN}', "{$.a}", 'instead of JSON: {"a": NaN}'),
        ("   ", "", "instead of a value, empty"),
        ("a\x00b", "", "instead of JSON"),
    ],
)
def test_an_answer_of_another_shape_is_an_error(text, path, message):
    assert message in failure(answering(text), jsonPath=path)


def test_a_page_without_a_path_is_an_error_whatever_it_says_it_is():
    assert "instead of JSON" in failure(answering("<!doctype html>", "text/plain"))


@pytest.mark.parametrize("status", [201, 204, 299])
def test_any_success_is_one(status):
    if status == 204:
        assert "answered 204 No Content" in failure(answering("", status=204))
    else:
        assert sample(answering("1", status=status)).result == 1


@pytest.mark.parametrize("status", [300, 400, 404, 429, 503])
def test_no_success_is_an_error(status):
    assert f"answered {status}" in failure(answering('{"a": 1}', status=status), jsonPath="{$.a}")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ("GET", None, "")),
        ({"method": "POST"}, ("POST", None, "")),
        ({"method": "POST", "body": "a=1"}, ("POST", None, "a=1")),
        ({"method": "put", "jsonBody": {"a": [1]}}, ("PUT", "application/json", '{"a":[1]}')),
        (
            {
                "method": "POST",
                "jsonBody": 0,
                "headers": [{"key": "content-type", "value": "text/x"}],
            },
            ("POST", "text/x", "0"),
        ),
    ],
)
def test_the_request_is_sent_as_it_is_written(config, expected):
    seen = []

    async def handle(request):
        given = request.headers.get("Content-Type")
        seen.append((request.method, given, await request.text()))
        return web.json_response(1)

    sample(handle, **config)

    [(method, content_type, body)] = seen
    assert (method, body) == (expected[0], expected[2])
    assert expected[1] in (None, content_type)


def test_parameters_of_the_url_and_headers_are_sent():
    async def handle(request):
        return web.json_response([dict(request.query), request.headers["X-Scope"]])

    found = sample(
        handle, path="/?q=a%20b&x=%7B1%7D", headers=[{"key": "X-Scope", "value": "shop"}]
    )

    assert found.result == ({"q": "a b", "x": "{1}"}, "shop")


def test_no_cookie_is_kept_from_one_measurement_to_the_next():
    async def handle(request):
        response = web.json_response(request.headers.get("Cookie", "none"))
        response.set_cookie("session", "1")
        return response

    async def ask():
        async with made(WebProvider) as provider, serving(handle) as url:
            for _ in range(2):
                found = await provider.sample(query({"url": url}))
            return found

    assert asyncio.run(ask()).result == "none"


def test_a_body_is_sent_again_to_the_same_server_and_only_if_the_redirect_keeps_it():
    async def handle(request):
        if request.path == "/":
            return web.Response(status=handle.status, headers={"Location": "/there"})
        return web.json_response([request.method, await request.text()])

    for handle.status in (307, 308):
        found = sample(handle, path="/", method="POST", body="x")
        assert found.result == ("POST", "x")
    for handle.status in (301, 302, 303):
        message = failure(handle, path="/", method="POST", body="x")
        assert "a body is not sent there" in message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"url": ""}, "provider.web.url is required"),
        ({"url": ["x"]}, "provider.web.url must be text, not a list"),
        ({"method": "DELETE"}, "provider.web.method must be one of GET, POST, PUT"),
        ({"body": "x"}, "provider.web.method must be POST or PUT"),
        (
            {"method": "PUT", "body": "x", "jsonBody": {}},
            "provider.web.body stands beside jsonBody",
        ),
        ({"jsonPath": "{$.a[}"}, "provider.web.jsonPath cannot be read from"),
        ({"timeoutSeconds": "soon"}, "provider.web.timeoutSeconds must be a positive number"),
        ({"headers": {"a": "b"}}, "provider.web.headers must be a list, not a mapping"),
        ({"headers": [{"value": "b"}]}, r"provider.web.headers\[0\].key is required"),
        ({"insecure": "yes"}, "provider.web.insecure must be true or false"),
        (
            {"url": "https://127.0.0.1:1/", "tls": {"ca": "no pem"}},
            "tls.ca holds no usable certificate",
        ),
        ({"url": "https://127.0.0.1:1/", "tls": {"certificate": "x", "key": "y"}}, "tls.key"),
    ],
)
def test_settings_that_cannot_be_used_are_named(config, message):
    async def ask():
        async with made(WebProvider) as provider:
            await provider.sample(query({"url": "http://127.0.0.1:1/"} | config))

    with pytest.raises(MeasurementError, match=message):
        asyncio.run(ask())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that nobody trusts, and its key, as files."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=metrics"),
            *("-addext", "subjectAltName=DNS:metrics.test,IP:127.0.0.2"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return cert, key


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({}, "has no trusted certificate"),
        ({"insecure": True}, ""),
        ({"tls": {"ca": "PEM"}}, "has no trusted certificate"),
        ({"tls": {"ca": "PEM", "serverName": "metrics.test"}}, ""),
        ({"insecure": True, "tls": {"certificate": "PEM", "key": "KEY"}}, ""),
        ({"insecure": True, "tls": {"certificate": "PEM", "key": "PEM"}}, "no matching PEM"),
    ],
)
def test_certificates_are_checked_as_the_metric_says(certificate, config, error):
    cert, key = certificate
    texts = {"PEM": cert.read_text(), "KEY": key.read_text()}
    tls = {name: texts.get(value, value) for name, value in config.get("tls", {}).items()}

    async def handle(_):
        return web.json_response(1)

    async def ask():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        async with made(WebProvider) as provider, serving(handle, ssl_context=context) as url:
            return await provider.sample(query({"url": url} | config | {"tls": tls}))

    if error:
        with pytest.raises(MeasurementError, match=error) as failed:
            asyncio.run(ask())
        assert "PRIVATE KEY" not in str(failed.value)
    else:
        assert asyncio.run(ask()).result == 1


def test_authorities_of_the_operator_are_trusted_beside_the_systems(certificate):
    async def handle(_):
        return web.json_response(math.pi)

    async def ask():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        async with (
            made(WebProvider, ca_file=str(certificate[0])) as provider,
            serving(handle, ssl_context=context) as url,
        ):
            return await provider.sample(query({"url": url, "tls": {"serverName": "metrics.test"}}))

    assert asyncio.run(ask()).result == math.pi
