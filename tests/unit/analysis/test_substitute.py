"""A value that is filled into a metric stays a value: it never becomes part of the question."""

from __future__ import annotations

import copy

import pytest

from rollouts.analysis.substitute import fill_metric


def promql(query):
    return {"name": "errors", "provider": {"prometheus": {"query": query}}}


def filled_query(query, **values):
    filled = fill_metric(promql(query), values)
    return filled.metric["provider"]["prometheus"]["query"], filled.findings


def test_arguments_are_filled_in_wherever_they_stand():
    metric = {
        "name": "errors",
        "count": "{{args.n}}",
        "interval": "{{ args.every }}",
        "provider": {
            "web": {
                "url": "http://{{args.host}}/x",
                "jsonBody": {"{{args.n}}": [{"deep": "{{args.host}}-{{args.n}}"}], "k": 1},
            }
        },
    }
    before = copy.deepcopy(metric)
    filled = fill_metric(metric, {"n": "3", "every": "10s", "host": "shop"})

    assert filled.findings == ()
    assert filled.metric == {
        "name": "errors",
        "count": "3",
        "interval": "10s",
        "provider": {
            "web": {"url": "http://shop/x", "jsonBody": {"3": [{"deep": "shop-3"}], "k": 1}}
        },
    }
    assert metric == before


def test_a_value_is_not_filled_in_itself():
    """Otherwise the value of one argument could fetch a secret."""
    metric = {"name": "x", "provider": {"web": {"url": "http://h/{{args.a}}"}}}
    filled = fill_metric(metric, {"a": "{{args.b}}"}, {"b": "s3cret"})

    assert filled.metric["provider"]["web"]["url"] == "http://h/{{args.b}}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("web", "web"),
        ("", ""),
        ('a"} or vector(1) or x{b="', 'a\\"} or vector(1) or x{b=\\"'),
        ("a\\", "a\\\\"),
        ("a\nb", "a\\nb"),
        ("a\x00b", "a\\u0000b"),
        ("it's", "it's"),
        ("naïve", "naïve"),
    ],
)
def test_in_a_string_of_a_query_a_value_is_escaped(value, written):
    assert filled_query('up{job="{{args.x}}"}', x=value) == (f'up{{job="{written}"}}', ())


def test_each_kind_of_quote_has_its_escape():
    assert filled_query("up{a='{{args.x}}'}", x='it\'s "so"')[0] == "up{a='it\\'s \"so\"'}"
    assert filled_query("up{a=`{{args.x}}`}", x="\\d+\"'")[0] == "up{a=`\\d+\"'`}"


def test_a_backquote_cannot_leave_a_raw_string():
    query, findings = filled_query("up{a=`{{args.x}}`}", x="`} or up{b=`")

    assert query == "up{a=`{{args.x}}`}"
    assert "backquote" in findings[0].message


@pytest.mark.parametrize(
    "value", ["0.95", "-1", "+1.5e-3", "5m", "1h30m", "job:rate5m", "http_requests_total", "NaN"]
)
def test_outside_of_strings_one_word_or_number_may_stand(value):
    assert filled_query("up > {{args.x}}", x=value) == (f"up > {value}", ())


@pytest.mark.parametrize(
    "value",
    ["", " ", "1 or up", "up}", 'a"', "1\n", "a-b", "--1", "1)", "sum(up)", "#", "a,b", "x[5m]"],
)
def test_outside_of_strings_a_value_that_changes_the_query_is_refused(value):
    query, (finding,) = filled_query("up > {{args.x}}", x=value)

    assert query == "up > {{args.x}}"
    assert finding.path == ("provider", "prometheus", "query")
    assert "argument 'x' of metric 'errors'" in finding.message
    assert "would change the query" in finding.message


def test_a_quote_in_a_string_or_a_comment_opens_nothing():
    assert filled_query('up{a="\\"{{args.x}}"}', x='"')[0] == 'up{a="\\"\\""}'
    assert filled_query("# it's\nup > {{args.x}}", x="a b")[1]
    assert filled_query("up # {{args.x}}\n", x="a b")[0] == "up # a b\n"
    assert filled_query("up # {{args.x}}\n", x="a\nb")[1]


def test_a_secret_is_never_shown():
    filled = fill_metric(promql("up > {{args.t}}"), {}, {"t": "s3cret word"})

    assert "s3cret" not in str(filled.findings)
    assert "its secret value" in filled.findings[0].message


def test_a_secret_is_filled_in_like_another():
    metric = {"name": "x", "provider": {"web": {"headers": [{"key": "A", "value": "{{args.t}}"}]}}}

    filled = fill_metric(metric, {}, {"t": "Bearer 1"})

    assert filled.metric["provider"]["web"]["headers"] == [{"key": "A", "value": "Bearer 1"}]


@pytest.mark.parametrize("place", ["url", "headers"])
def test_a_line_break_does_not_reach_a_request(place):
    part = "{{args.x}}" if place == "url" else [{"key": "A", "value": "{{args.x}}"}]
    metric = {"name": "x", "provider": {"web": {place: part}}}

    filled = fill_metric(metric, {"x": "a\r\nHost: evil"})

    assert "line break" in filled.findings[0].message
    assert filled.metric == metric


def test_a_missing_value_is_named_and_everything_else_goes_on():
    metric = {"name": "x", "count": "{{args.a}}", "interval": "{{args.b}}"}

    filled = fill_metric(metric, {"b": "1m"})

    assert filled.metric == {"name": "x", "count": "{{args.a}}", "interval": "1m"}
    assert [finding.path for finding in filled.findings] == [("count",)]


def test_a_pending_argument_stays():
    filled = fill_metric(
        promql('up{a="{{ args.s }}", b="{{args.x}}"}'), {"x": "1"}, pending=frozenset({"s"})
    )

    assert filled.metric == promql('up{a="{{ args.s }}", b="1"}')
    assert filled.findings == ()


def test_in_a_condition_a_value_may_be_an_expression_but_not_leave_a_string():
    metric = {"name": "x", "successCondition": "result < {{args.n}} && v == '{{args.v}}'"}

    filled = fill_metric(metric, {"n": "a + 1", "v": "' || true || '"})

    assert filled.metric["successCondition"] == ("result < a + 1 && v == '\\' || true || \\''")
