"""Bounded bodies, and messages about wrong answers."""

from __future__ import annotations

import gzip
import time
import zlib

import pytest

from rollouts.metric_providers.answers import (
    Answer,
    BadEncoding,
    Body,
    TooLarge,
    complaint,
    shown_url,
    status_words,
)
from rollouts.metric_providers.masking import mask, shorten


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress, zlib.compress])
def test_a_body_may_be_as_long_as_the_limit_and_not_longer(pack):
    encoding = {"<lambda>": "", "compress": "gzip"}[pack.__name__]
    for length, is_fine in ((0, True), (99, True), (100, True), (101, False), (10_000, False)):
        body = Body(encoding, limit=100)
        try:
            for byte in pack(b"x" * length):
                body.add(bytes([byte]))
            assert (body.whole(), is_fine) == (b"x" * length, True)
        except TooLarge:
            assert not is_fine


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 500])
def test_unknown_encodings_are_refused(encoding):
    with pytest.raises(BadEncoding):
        Body(encoding)


def test_what_cannot_be_unpacked_is_refused():
    with pytest.raises(BadEncoding):
        Body("gzip").add(b"plain text")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a/b?token=c#d", "http://a/b?…"),
        ("https://u:p@a:8443/", "https://a:8443/"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://a:port/", "the given URL"),
        ("http://[x", "the given URL"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert shown_url(url) == shown


def test_a_message_says_what_came():
    answer = Answer("GET", "http://a/", 502, "text/html", b"<h1>bad\n\n gateway</h1>")

    assert str(complaint(answer, "instead of JSON", ())) == (
        "GET http://a/ answered 502 Bad Gateway (text/html) instead of JSON: <h1>bad gateway</h1>"
    )


def test_status_codes_without_a_name_are_shown_as_they_are():
    assert (status_words(599), status_words(404)) == ("599", "404 Not Found")


def test_a_secret_is_masked_before_the_text_is_cut():
    text = "x" * 195 + "my-long-secret"

    assert "my" not in shorten(text, 200, ("my-long-secret",))


def test_a_secret_inside_another_is_masked_with_it():
    assert mask("abcd-efgh", ("abcd", "abcd-efgh")) == "***"


@pytest.mark.parametrize("secret", ["", " ", "abc", " ab "])
def test_what_is_too_short_to_guard_anything_is_no_secret(secret):
    assert mask(f"a text with {secret}", (secret,)) == f"a text with {secret}"


def test_a_secret_with_blanks_around_it_is_masked_without_them_too():
    assert mask("it is abcd.", (" abcd\n",)) == "it is ***."


@pytest.mark.parametrize(
    "text", ["a-" * 500_000, "token" * 200_000, "://" * 300_000, "-" * 1_000_000]
)
def test_hostile_texts_take_no_time(text):
    started = time.perf_counter()
    shorten(text, 200, ("secret",))

    assert time.perf_counter() - started < 1
