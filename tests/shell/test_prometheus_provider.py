"""What the Prometheus provider brings home, from a fake and from the real thing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from datetime import UTC, datetime

import pytest
from aiohttp import web
from fake_prometheus import UNREADABLE, FakePrometheus, refusal
from providers_world import NOW, made, query, serving
from real_prometheus import running

from rollouts.analysis.sample import Gap, MeasurementError
from rollouts.metric_providers.prometheus import PrometheusProvider

START_SECONDS_MAX = 30
SEVERAL = 'label_replace(vector(1), "a", "b", "", "") or vector(2)'


@pytest.fixture(scope="module")
def real_prometheus(tmp_path_factory):
    """The address of a real Prometheus that scrapes itself."""

    def itself(port):
        job = {"job_name": "itself", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        return {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}

    with running(tmp_path_factory.mktemp("prometheus"), itself) as address:
        yield address


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.prometheus)])
def server(request):
    """Something to be inside of that yields the address of a Prometheus."""
    if request.param == "real":
        return contextlib.nullcontext(request.getfixturevalue("real_prometheus"))
    return None


def sample(server, promql, *, now=None, **config):
    """What a query brings home, from the given server or from a fake."""

    async def ask():
        async with made(PrometheusProvider) as provider:
            now_ = now or datetime.now(UTC)
            if server is not None:
                with server as address:
                    return await provider.sample(
                        query({"address": address, "query": promql} | config, now=now_)
                    )
            async with serving(FakePrometheus().handle) as address:
                return await provider.sample(
                    query({"address": address, "query": promql} | config, now=now_)
                )

    return asyncio.run(ask())


def test_a_vector_is_a_list_of_numbers_and_shown_as_the_peer_shows_it(server):
    found = sample(server, "vector(0.25)")

    assert (found.result, found.text, found.gaps) == ((0.25,), "[0.25]", ())
    assert found.metadata == {"ResolvedPrometheusQuery": "vector(0.25)"}


def test_a_scalar_is_a_number(server):
    found = sample(server, "scalar(vector(3))")

    assert (found.result, found.text, found.gaps) == (3.0, "3", ())


def test_a_string_is_text(server):
    found = sample(server, '"all is well"')

    assert (found.result, found.text, found.gaps) == ("all is well", "all is well", ())


def test_no_series_is_a_gap_and_no_zero(server):
    found = sample(server, "vector(1) > 2")

    assert (found.result, found.text, found.gaps) == ((), "[]", (Gap.EMPTY,))


def test_zero_by_zero_is_a_gap(server):
    found = sample(server, "vector(0) / vector(0)")

    assert math.isnan(found.result[0])
    assert (found.text, found.gaps) == ("[NaN]", (Gap.NOT_A_NUMBER,))


def test_one_by_zero_is_a_gap(server):
    found = sample(server, "vector(1) / vector(0)")

    assert (found.result, found.text, found.gaps) == ((math.inf,), "[+Inf]", (Gap.INFINITE,))


def test_several_series_are_a_gap(server):
    found = sample(server, SEVERAL)

    assert (found.result, found.text, found.gaps) == ((1.0, 2.0), "[1,2]", (Gap.SEVERAL,))


def test_a_range_is_the_list_of_its_points(server):
    span = {"start": 'now() - duration("2m")', "end": "now()", "step": "1m"}
    found = sample(server, "vector(0.25)", rangeQuery=span)

    assert (found.result, found.text, found.gaps) == (
        (0.25, 0.25, 0.25),
        "[0.25,0.25,0.25]",
        (),
    )


def test_a_query_that_cannot_be_read_is_told_in_prometheus_own_words(server):
    with pytest.raises(MeasurementError) as failed:
        sample(server, UNREADABLE)

    message = str(failed.value)
    assert "answered 400 Bad Request, bad_data: invalid parameter" in message
    assert "unclosed left parenthesis" in message


@pytest.mark.prometheus
def test_a_real_scrape_is_measured(real_prometheus):
    last = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < last:
        found = sample(contextlib.nullcontext(real_prometheus), 'up{job="itself"}')
        if not found.gaps:
            break
        time.sleep(0.2)

    assert (found.result, found.text, found.gaps) == ((1.0,), "[1]", ())


def with_fake(fake, *configs, now=NOW):
    """What queries bring home from a fake; errors stand in their place."""

    async def ask():
        async with made(PrometheusProvider) as provider, serving(fake.handle) as address:
            found = []
            for config in configs:
                asked = query({"address": address + "/prefix/"} | config, now=now)
                found.append(await provider.sample(asked))
            return found

    return asyncio.run(ask())


def test_a_query_is_sent_as_a_form_with_its_moment_and_a_time_limit():
    fake = FakePrometheus()
    with_fake(fake, {"query": "vector(0.25)", "timeout": 3})

    form = {"query": "vector(0.25)", "time": "1772366400.000", "timeout": "3"}
    assert fake.asked == [("POST", "/prefix/api/v1/query", {}, form)]


def test_a_range_is_sent_with_its_exact_moments():
    fake = FakePrometheus()
    span = {"start": 'now() - duration("1500ms")', "end": "now()", "step": "500ms"}
    with_fake(fake, {"query": "vector(0.25)", "rangeQuery": span})

    [(_, path, parameters, form)] = fake.asked
    assert (path, parameters) == ("/prefix/api/v1/query_range", {})
    assert (form["start"], form["end"], form["step"]) == (
        "1772366398.500",
        "1772366400.000",
        "0.5",
    )


def test_warnings_and_infos_are_kept():
    fake = FakePrometheus(warnings=["store X is down"], infos=["metric might not be a counter"])
    [found] = with_fake(fake, {"query": "vector(0.25)"})

    assert found.warnings == ("store X is down", "metric might not be a counter")


@pytest.mark.parametrize(("age", "gaps"), [(119, ()), (120, ()), (121, (Gap.STALE,))])
def test_an_answer_older_than_two_minutes_is_stale(age, gaps):
    [found] = with_fake(FakePrometheus(age_seconds=age), {"query": "vector(0.25)"})

    assert found.gaps == gaps


def test_a_range_whose_newest_points_are_missing_is_stale():
    span = {"start": 'now() - duration("1h")', "end": "now()", "step": "1m"}
    fresh = with_fake(FakePrometheus(), {"query": "vector(0.25)", "rangeQuery": span})
    old = with_fake(FakePrometheus(age_seconds=200), {"query": "vector(0.25)", "rangeQuery": span})

    assert (fresh[0].gaps, old[0].gaps) == ((), (Gap.STALE,))


def test_a_query_that_takes_too_long_for_the_server_is_not_sent_again():
    asked = []

    async def overloaded(request):
        asked.append(request.path)
        return refusal(503, "timeout", "query timed out in expression evaluation")

    async def ask():
        async with made(PrometheusProvider) as provider, serving(overloaded) as address:
            await provider.sample(query({"address": address, "query": "up"}))

    with pytest.raises(MeasurementError, match="503 Service Unavailable, timeout: query timed out"):
        asyncio.run(ask())
    assert len(asked) == 1


def test_the_address_of_the_settings_is_asked_when_the_metric_names_none():
    """It may be a loopback one: the operator has named it, a template could not."""
    fake = FakePrometheus()

    async def ask():
        async with serving(fake.handle) as address:
            plain = {"allowed_addresses": ("*",), "prometheus_address": address}
            async with made(PrometheusProvider, **plain) as provider:
                found = await provider.sample(query({"query": "vector(0.25)"}))
                async with serving(fake.handle) as other:
                    with pytest.raises(MeasurementError, match="a loopback address"):
                        await provider.sample(query({"query": "vector(0.25)", "address": other}))
                return found

    assert asyncio.run(ask()).result == (0.25,)
    assert len(fake.asked) == 1


BAD_SPAN = {"start": "now()", "end": "now()", "step": "1m"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"address": ""}, "provider.prometheus.address is not given"),
        ({"address": "prometheus:9090"}, "provider.prometheus.address must be like http://"),
        ({"address": "http://p:1/?x=1"}, "provider.prometheus.address must be like http://"),
        ({"query": " "}, "provider.prometheus.query is required"),
        ({"query": 3}, "provider.prometheus.query must be text, not a number"),
        ({"timeout": -1}, "provider.prometheus.timeout must be a positive number of seconds"),
        ({"headers": [{"key": "A", "value": "b\r\nC: d"}]}, r"headers\[0\] holds a line break"),
        ({"rangeQuery": BAD_SPAN | {"step": ""}}, "rangeQuery.step is required"),
        ({"rangeQuery": BAD_SPAN | {"step": "0s"}}, "rangeQuery.step must be longer than nothing"),
        ({"rangeQuery": BAD_SPAN | {"start": "yesterday"}}, "rangeQuery.start cannot be read"),
        (
            {"rangeQuery": BAD_SPAN | {"end": 'now() - duration("1h")'}},
            "rangeQuery.start is later than the end",
        ),
        (
            {"rangeQuery": BAD_SPAN | {"start": 'now() - duration("11000s")', "step": "1s"}},
            "makes more than 11000 points",
        ),
        ({"authentication": {"basicAuth": {}, "bearer": {}}}, "keep one way to authenticate"),
    ],
)
def test_settings_that_cannot_be_used_are_named(config, message):
    async def ask():
        async with made(PrometheusProvider) as provider:
            await provider.sample(query({"address": "http://127.0.0.1:1", "query": "up"} | config))

    with pytest.raises(MeasurementError, match=message):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success"},
        {"status": "success", "data": None},
        {"status": "error", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1]}]}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, 2]}]}},
        {"status": "success", "data": {"resultType": "vector", "result": {"a": 1}}},
        {"status": "success", "data": {"resultType": "scalar", "result": [1, "x"]}},
        {"status": "success", "data": {"resultType": "scalar", "result": [1e300, "1"]}},
        {"status": "success", "data": {"resultType": "streams", "result": []}},
        {"data": {"resultType": "vector", "result": []}},
        [],
        3,
        None,
    ],
)
def test_an_answer_of_another_shape_is_an_error(answer):
    async def handle(_):
        return web.json_response(answer)

    async def ask():
        async with made(PrometheusProvider) as provider, serving(handle) as address:
            await provider.sample(query({"address": address, "query": "up"}))

    with pytest.raises(MeasurementError, match=r"answered 200 OK \(application/json\)"):
        asyncio.run(ask())


def test_native_histograms_are_no_numbers():
    series = {"metric": {}, "histogram": [1, {"count": "1", "sum": "1"}]}

    async def handle(_):
        return web.json_response(
            {"status": "success", "data": {"resultType": "vector", "result": [series]}}
        )

    async def ask():
        async with made(PrometheusProvider) as provider, serving(handle) as address:
            await provider.sample(query({"address": address, "query": "up"}))

    with pytest.raises(MeasurementError, match="native histograms"):
        asyncio.run(ask())
