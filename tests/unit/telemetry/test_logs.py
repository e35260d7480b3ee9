"""What a log line looks like, and what is never in one."""

from __future__ import annotations

import io
import json
import logging

import pytest

from rollouts.telemetry.logs import LINE_LENGTH_MAX, JsonFormatter, TextFormatter, set_up
from rollouts.telemetry.redact import redact


@pytest.fixture
def lines():
    """Log in a format and return what was written."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def write(log_format, say, **options):
        stream = io.StringIO()
        set_up(log_format=log_format, stream=stream, **options)
        say(logging.getLogger("rollouts.kube.informer"))
        return stream.getvalue()

    yield write
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_has_time_level_source_message_and_facts(lines):
    text = lines("text", lambda log: log.info("synced", extra={"objects": 3, "scope": "a b"}))

    time, rest = text.split(" ", 1)
    assert time.endswith("Z")
    assert rest == 'info    kube.informer synced objects=3 scope="a b"\n'


def test_json_has_one_object_per_line(lines):
    text = lines("json", lambda log: log.warning("slow %s", "x", extra={"seconds": 1.5}))
    document = json.loads(text)

    assert document.pop("time").endswith("Z")
    assert document == {
        "level": "warning",
        "source": "kube.informer",
        "message": "slow x",
        "seconds": 1.5,
    }


def test_what_is_below_the_level_is_not_written(lines):
    assert lines("text", lambda log: log.info("x"), level="warning") == ""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_foreign_text_starts_no_line_and_steers_no_terminal(lines, log_format):
    evil = "a\n2026-01-01T00:00:00Z info fake\x1b[31m"
    text = lines(log_format, lambda log: log.info("got %s", evil, extra={"error": evil}))

    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_quotes_in_facts_are_escaped(lines):
    text = lines("text", lambda log: log.info("x", extra={"error": 'say "no" = \\'}))

    assert r'error="say \"no\" = \\"' in text


def test_a_traceback_follows_its_line(lines):
    def say(log):
        try:
            int("https://me:hunter2@git.example/x")
        except ValueError:
            log.exception("broke")

    text, document = lines("text", say), json.loads(lines("json", say))

    assert "Traceback" in text
    assert "ValueError" in document["trace"]
    assert "hunter2" not in text + document["trace"]


def test_a_fact_with_the_name_of_a_secret_is_masked_whatever_its_value(lines):
    text = lines("text", lambda log: log.info("x", extra={"token": "abc", "password": 5}))

    assert "token=***" in text
    assert "password=***" in text


def test_an_endless_line_is_cut(lines):
    text = lines("text", lambda log: log.info("x", extra={"error": "y" * 100_000}))

    assert len(text) <= LINE_LENGTH_MAX + 2


@pytest.mark.parametrize("options", [{"level": "loud"}, {"log_format": "xml"}])
def test_unknown_settings_are_refused(options):
    with pytest.raises(ValueError, match="must be one of"):
        set_up(**options)


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("clone https://user:hunter2@git.example/a.git failed", "hunter2"),
        ("clone https://ghp_0123456789abcdefghij@github.com/a", "ghp_0123456789abcdefghij"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("header Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
        (f"got {JWT} back", JWT),
        ("password=hunter2&x=1", "hunter2"),
        ('{"password": "hunter2"}', "hunter2"),
        ("GIT_TOKEN=hunter2", "hunter2"),
        ("api-key: hunter2", "hunter2"),
        ("glpat-0123456789abcdefghij", "glpat-0123456789abcdefghij"),
        ("xoxb-123456789012-abc", "xoxb-123456789012-abc"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut", "MIIE"),
    ],
)
def test_credentials_are_masked(text, secret):
    assert secret not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "patch Rollout/shop/web: Operation cannot be fulfilled",
        "https://git.example/shop/web.git at 3f2c9d8",
        "basic authentication is not set up",
        "watch history lost scope=ReplicaSet.apps/v1",
        "someone@example.com wrote",
        "",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert redact(text) == text


def test_formatters_can_be_used_on_their_own():
    record = logging.makeLogRecord({"msg": "x", "levelname": "INFO", "name": "rollouts.a"})

    assert TextFormatter().format(record).endswith("info    a x")
    assert json.loads(JsonFormatter().format(record))["message"] == "x"
