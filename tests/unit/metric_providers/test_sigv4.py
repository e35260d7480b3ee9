"""Signatures, compared with those that AWS publishes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rollouts.metric_providers.sigv4 import AwsCredentials, Scope, service_of, sign

CREDENTIALS = AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
MOMENT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SUITE = Scope("us-east-1", "service", MOMENT)
FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "url", "signature"),
    [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_the_published_suite(method, url, signature):
    added = dict(
        sign(
            method,
            f"https://example.amazonaws.com{url}",
            (),
            b"",
            credentials=CREDENTIALS,
            scope=SUITE,
        )
    )

    assert added == {
        "x-amz-date": "20150830T123600Z",
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={signature}"
        ),
    }


def test_the_published_walk_through():
    added = sign(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        (FORM, ("Accept", "is not signed")),
        b"",
        credentials=CREDENTIALS,
        scope=Scope("us-east-1", "iam", MOMENT),
    )

    expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    assert dict(added)["Authorization"].endswith(
        f"SignedHeaders=content-type;host;x-amz-date, Signature={expected}"
    )


def test_the_body_the_port_and_the_token_change_the_signature():
    def signature(url="https://a.example.com/", body=b"", token=""):
        credentials = AwsCredentials("key", "secret", token)
        return dict(sign("POST", url, (), body, credentials=credentials, scope=SUITE))[
            "Authorization"
        ][-64:]

    signatures = {
        signature(),
        signature(body=b"x"),
        signature("https://a.example.com:8443/"),
        signature("https://a.example.com/p%20q"),
        signature(token="t"),
    }
    assert len(signatures) == 5
    assert signature() == signature("https://a.example.com:443/")


def test_credentials_are_not_in_their_representation():
    assert "secret" not in repr(AwsCredentials("key", "secret-of-ours", "token-of-ours"))


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("aps-workspaces.eu-west-1.amazonaws.com", "aps"),
        ("x.execute-api.eu-west-1.amazonaws.com", "execute-api"),
        ("x.lambda-url.eu-west-1.on.aws", "lambda"),
        ("search-x.eu-west-1.es.amazonaws.com", "es"),
        ("prometheus.example.com", "aps"),
    ],
)
def test_the_service_is_known_by_the_host(host, service):
    assert service_of(host) == service
