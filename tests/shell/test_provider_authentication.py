"""How requests of metric providers make themselves known."""

from __future__ import annotations

import asyncio
import base64
import re

import pytest
from aiohttp import web
from providers_world import LOOPBACK, NOW, made, query, serving

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.addresses import read_policy
from rollouts.metric_providers.authentication import Authenticator
from rollouts.metric_providers.aws import AwsIdentity
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import Fetcher, Request
from rollouts.metric_providers.web import WebProvider


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class TokenServer:
    """Gives out tokens, and lets through requests that bring the current one."""

    def __init__(self, *, expires_in=3600, in_form_only=False, status=200, answer=None):
        self.expires_in, self.in_form_only = expires_in, in_form_only
        self.status, self.answer = status, answer
        self.asked, self.count, self.good = [], 0, ""

    async def handle(self, request):
        if request.path != "/token":
            is_good = request.headers.get("Authorization") == f"Bearer {self.good}"
            return web.json_response(1) if is_good else web.Response(status=401, text="who?")
        form = dict(await request.post())
        given = request.headers.get("Authorization", "")
        self.asked.append((given, form))
        if self.in_form_only and given:
            return web.json_response({"error": "invalid_client"}, status=401)
        self.count += 1
        self.good = f"token-number-{self.count}"
        fresh = {"access_token": self.good, "token_type": "bearer", "expires_in": self.expires_in}
        return web.json_response(self.answer or fresh, status=self.status)


def client(url, **more):
    oauth2 = {"tokenUrl": f"{url}/token", "clientId": "me", "clientSecret": "se/cret"}
    return {"authentication": {"oauth2": oauth2 | more}}


def measure(server, count=1, *, together=False, before=lambda number: None, **more):
    """Measure several times with a token; errors stand in the place of results."""

    async def ask():
        async with made(WebProvider) as provider, serving(server.handle) as url:
            asked = query({"url": url} | client(url, **more))
            if together:
                return await asyncio.gather(*(provider.sample(asked) for _ in range(count)))
            found = []
            for number in range(count):
                before(number)
                try:
                    found.append((await provider.sample(asked)).result)
                except MeasurementError as error:
                    found.append(str(error))
            return found

    return asyncio.run(ask())


def test_a_token_is_fetched_with_the_credentials_of_the_client():
    server = TokenServer()
    found = measure(server, scopes=["read", "metrics"])

    assert found == [1]
    form = {"grant_type": "client_credentials", "scope": "read metrics"}
    assert server.asked == [(basic("me", "se%2Fcret"), form)]


def test_a_token_is_used_until_it_expires():
    server = TokenServer()

    assert measure(server, 3) == [1, 1, 1]
    assert server.count == 1


def test_a_token_about_to_expire_is_renewed():
    server = TokenServer(expires_in=10)

    assert measure(server, 2) == [1, 1]
    assert server.count == 2


def test_measurements_at_the_same_time_fetch_one_token():
    server = TokenServer()
    found = measure(server, 20, together=True)

    assert [each.result for each in found] == [1] * 20
    assert server.count == 1


def test_a_token_that_is_not_accepted_is_an_error_and_fetched_anew_for_the_next_measurement():
    server = TokenServer()

    def revoke(number):
        if number == 1:
            server.good = "another"

    first, second, third = measure(server, 3, before=revoke)

    assert (first, third) == (1, 1)
    assert "answered 401 Unauthorized" in second
    assert server.count == 2


def test_a_server_that_wants_the_client_in_the_form_gets_it_there():
    server = TokenServer(in_form_only=True)

    assert measure(server) == [1]
    assert server.asked[1][1]["client_secret"] == "se/cret"


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (TokenServer(status=500), "answered 500 Internal Server Error (application/json) in place"),
        (TokenServer(answer={"token": 1}), "answered without an access_token"),
        (TokenServer(answer=[1]), "answered without an access_token"),
        (TokenServer(answer={"access_token": "a\nb"}), "answered without an access_token"),
    ],
)
def test_no_token_is_an_error(server, message):
    [found] = measure(server)

    assert message in found
    assert "se/cret" not in found
    assert "token-number" not in found


def test_the_token_is_not_fetched_from_a_refused_address():
    async def ask():
        async with made(WebProvider) as provider, serving(TokenServer().handle) as url:
            more = client(url, tokenUrl="http://169.254.169.254/token")
            await provider.sample(query({"url": url} | more))

    with pytest.raises(MeasurementError, match="a metadata address"):
        asyncio.run(ask())


def test_the_time_for_the_token_counts_for_the_measurement():
    async def slow(_):
        await asyncio.sleep(60)

    async def ask():
        async with made(WebProvider) as provider, serving(slow) as url:
            await provider.sample(query({"url": url} | client(url), seconds=0.2))

    with pytest.raises(MeasurementError, match=r"gave no answer within 0\.2s"):
        asyncio.run(ask())


def test_authentication_takes_the_place_of_a_header_that_contradicts_it():
    async def handle(request):
        return web.json_response(request.headers.getall("Authorization"))

    async def ask():
        async with made(WebProvider) as provider, serving(handle) as url:
            config = {
                "url": url,
                "headers": [{"key": "authorization", "value": "Basic old"}],
                "authentication": {"bearer": {"token": "abc-def-ghi"}},
            }
            return await provider.sample(query(config))

    assert asyncio.run(ask()).result == ("Bearer abc-def-ghi",)


# -- AWS ------------------------------------------------------------------------------------------

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-key-of-ours"}
STS_ANSWER = """<AssumeRoleResponse><AssumeRoleResult><Credentials>
<AccessKeyId>ASIATEMPORARY</AccessKeyId><SecretAccessKey>temporary&amp;secret</SecretAccessKey>
<SessionToken>session-token==</SessionToken><Expiration>2026-03-01T13:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


def authorized(sigv4, environment, *, sts=None, count=1, now=NOW):
    """The headers that a request gets, and what was asked of STS."""
    asked = []

    async def handle(request):
        asked.append((dict(request.headers), dict(await request.post())))
        return web.Response(text=sts or STS_ANSWER, status=200 if sts is None else 403)

    async def ask():
        fetcher = Fetcher(read_policy(LOOPBACK))
        async with serving(handle) as url:
            given = dict(environment) | {"AWS_ENDPOINT_URL_STS": url}
            authenticator = Authenticator(fetcher, AwsIdentity(fetcher, given))
            fields = Fields({"authentication": {"sigv4": sigv4}}, "provider.web")
            plain = Request("GET", "https://aps-workspaces.eu-west-1.amazonaws.com/api/v1/query")
            try:
                for _ in range(count):
                    request = await authenticator.authorize(plain, fields, now, 5)
            finally:
                await fetcher.close()
        return request

    request = asyncio.run(ask())
    return {name.lower(): value for name, value in request.headers}, asked


def test_a_request_is_signed_with_the_keys_of_the_environment():
    headers, asked = authorized({"region": "eu-west-1"}, KEYS)

    assert re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/eu-west-1/aps/aws4_request, "
        r"SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}",
        headers["authorization"],
    )
    assert asked == []


def test_the_region_of_the_environment_is_used_when_the_metric_names_none():
    headers, _ = authorized({}, KEYS | {"AWS_REGION": "us-east-2"})

    assert "/us-east-2/aps/" in headers["authorization"]


def test_a_request_is_signed_with_the_keys_of_a_profile(tmp_path):
    file = tmp_path / "credentials"
    file.write_text("[ops]\naws_access_key_id = AKIDOPS\naws_secret_access_key = se%cret\n")
    environment = KEYS | {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    headers, _ = authorized({"region": "eu-west-1", "profile": "ops"}, environment)

    assert "Credential=AKIDOPS/" in headers["authorization"]


def test_a_role_is_assumed_once_and_kept():
    sigv4 = {"region": "eu-west-1", "roleArn": "arn:aws:iam::1:role/metrics"}
    headers, asked = authorized(sigv4, KEYS, count=3)

    assert "Credential=ASIATEMPORARY/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "session-token=="
    [(sent, form)] = asked
    assert "/eu-west-1/sts/aws4_request" in sent["Authorization"]
    assert (form["Action"], form["RoleArn"]) == ("AssumeRole", "arn:aws:iam::1:role/metrics")


def test_a_role_about_to_end_is_assumed_again():
    sigv4 = {"region": "eu-west-1", "roleArn": "arn:aws:iam::1:role/metrics"}
    end = NOW.replace(hour=12, minute=59, second=30)

    assert len(authorized(sigv4, KEYS, count=2, now=end)[1]) == 2


def test_the_service_account_of_the_pod_is_used(tmp_path):
    token = tmp_path / "token"
    token.write_text("web-identity-token\n")
    environment = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/pod", "AWS_WEB_IDENTITY_TOKEN_FILE": token}
    headers, asked = authorized({"region": "eu-west-1"}, environment)

    assert "Credential=ASIATEMPORARY/" in headers["authorization"]
    [(sent, form)] = asked
    assert "Authorization" not in sent
    assert form["Action"] == "AssumeRoleWithWebIdentity"
    assert form["WebIdentityToken"] == "web-identity-token"


@pytest.mark.parametrize(
    ("sigv4", "environment", "message"),
    [
        ({}, KEYS, "sigv4.region must name an AWS region"),
        ({"region": "x.evil.com/"}, KEYS, "sigv4.region must name an AWS region"),
        (
            {"region": "eu-west-1", "profile": "no"},
            KEYS | {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere"},
            "neither the environment nor profile 'no' in /nowhere holds a key",
        ),
        (
            {"region": "eu-west-1"},
            {"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"},
            "cannot read /nowhere/token: No such file",
        ),
    ],
)
def test_no_credentials_are_an_error(sigv4, environment, message):
    with pytest.raises(MeasurementError, match=message):
        authorized(sigv4, environment)


def test_a_role_that_may_not_be_assumed_is_an_error_without_a_secret():
    sigv4 = {"region": "eu-west-1", "roleArn": "arn:aws:iam::1:role/metrics"}
    with pytest.raises(MeasurementError) as failed:
        authorized(sigv4, KEYS, sts="<Error>AccessDenied for secret-key-of-ours</Error>")

    message = str(failed.value)
    assert "answered 403 Forbidden" in message
    assert "to the wish to assume arn:aws:iam::1:role/metrics" in message
    assert "secret-key-of-ours" not in message
