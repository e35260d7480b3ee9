"""What a version of the demo's workload counts, and how it says so."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rollouts.cli.demo_version import counters, is_among, metrics_text


def samples(text):
    return {
        (each.name, each.labels["rollouts_pod_template_hash"], each.labels["code"]): each.value
        for family in text_string_to_metric_families(text.decode())
        for each in family.samples
    }


@pytest.mark.parametrize("percent", [0, 1, 33, 50, 99, 100])
def test_a_percentage_is_spread_evenly_and_exactly(percent):
    chosen = [is_among(number, percent) for number in range(100)]

    assert sum(chosen) == percent


def test_half_of_all_is_every_second_one():
    assert [is_among(number, 50) for number in range(4)] == [False, True, False, True]


def test_counted_answers_are_what_prometheus_reads():
    found = samples(metrics_text("abc", {200: 30, 500: 10}))

    assert found == {
        ("http_requests_total", "abc", "200"): 30,
        ("http_requests_total", "abc", "500"): 10,
    }


def test_a_code_that_was_never_answered_has_no_series():
    assert samples(metrics_text("abc", {200: 1})) == {("http_requests_total", "abc", "200"): 1}
    assert samples(metrics_text("abc", {})) == {}


def test_the_share_of_errors_is_told_as_json():
    assert counters("abc", {200: 30, 404: 10, 500: 10}) == {
        "revision": "abc",
        "requests": 50,
        "errors": 10,
        "errorShare": 0.2,
    }


def test_no_requests_have_no_share():
    assert counters("abc", {})["errorShare"] is None
