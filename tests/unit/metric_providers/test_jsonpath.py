"""The JSONPath of Kubernetes."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.metric_providers.jsonpath import BadPath, NotThere, find, parse_path

DOCUMENT = {
    "a": {"b": [10, 20, 30], "c d": 1, "e.f": 2, "g'h": 3},
    "rows": [
        {"name": "x", "n": 1, "on": True, "in": {"k": 5}},
        {"name": "y", "n": 2.5, "on": False},
        {"name": "z"},
    ],
    "deep": {"n": 7, "more": [{"n": 8}]},
}


def found(path):
    return find(parse_path(path), DOCUMENT)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("{$.a.b}", [[10, 20, 30]]),
        ("$.a.b", [[10, 20, 30]]),
        (".a.b", [[10, 20, 30]]),
        ("a.b", [[10, 20, 30]]),
        ("{ .a.b[0] }", [10]),
        ("{.a.b[-1]}", [30]),
        ("{.a.b[3]}", []),
        ("{.a.b[-4]}", []),
        ("{.a.b[0,2]}", [10, 30]),
        ("{.a.b[0:2]}", [10, 20]),
        ("{.a.b[:-1]}", [10, 20]),
        ("{.a.b[::2]}", [10, 30]),
        ("{.a.b[*]}", [10, 20, 30]),
        ("{.a['c d']}", [1]),
        ('{.a["e.f"]}', [2]),
        (r"{.a.e\.f}", [2]),
        (r"{.a['g\'h']}", [3]),
        ("{.a['c d','e.f']}", [1, 2]),
        ("{['a']['b'][1]}", [20]),
        ("{.rows[*].name}", ["x", "y", "z"]),
        ("{.rows[*].n}", [1, 2.5]),
        ("{.rows.*.n}", [1, 2.5]),
        ("{.rows[?(@.n)].name}", ["x", "y"]),
        ('{.rows[?(@.name=="y")].n}', [2.5]),
        ("{.rows[?(@.name == 'y')].n}", [2.5]),
        ("{.rows[?(@.name!='y')].name}", ["x", "z"]),
        ("{.rows[?(@.n>1)].name}", ["y"]),
        ("{.rows[?(@.n >= 1)].name}", ["x", "y"]),
        ("{.rows[?(@.n<2.5)].name}", ["x"]),
        ("{.rows[?(@.n<=-1)].name}", []),
        ("{.rows[?(@.on==true)].name}", ["x"]),
        ("{.rows[?(@.n==true)].name}", []),
        ("{.rows[?(@.in.k==5)].name}", ["x"]),
        ("{.rows[?(@['name']=='z')].name}", ["z"]),
        ("{.a.b[?(@>15)]}", [20, 30]),
        ("{.rows[?(@.name>1)].name}", []),
        ("{..n}", [1, 2.5, 7, 8]),
        ("{.deep..n}", [7, 8]),
        ("{..b[0]}", [10]),
        ("{$}", [DOCUMENT]),
        ("", [DOCUMENT]),
    ],
)
def test_values_are_found(path, expected):
    assert found(path) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{.a.x}", "$.a has no field 'x'"),
        ("{.x.y}", "$ has no field 'x'"),
        ("{.a.b.c}", "$.a.b is a list, not an object"),
        ("{.deep.n.x}", "$.deep.n is a number, not an object"),
        ("{.a[0]}", "$.a is an object, not a list"),
        ("{.a['c d','no']}", "$.a has no field 'no'"),
    ],
)
def test_a_document_of_another_shape_is_told(path, message):
    with pytest.raises(NotThere) as missing:
        found(path)
    assert str(missing.value) == message


@pytest.mark.parametrize(
    "path",
    [
        "{.a[}",
        "{.a]}",
        "{.a[x]}",
        "{.a['b}",
        "{.a[::0]}",
        "{.a[?(@.b==c)]}",
        "{.a[?(@.b]}",
        "{.a b}",
        "{.a}{.b}",
        "{range .a}",
        "{.a[1 2]}",
        "." + "a" * 1100,
        ".a" * 65,
    ],
)
def test_a_path_that_cannot_be_read_is_refused(path):
    with pytest.raises(BadPath):
        parse_path(path)


def test_a_path_that_multiplies_is_stopped():
    document = [[0] * 100] * 100
    with pytest.raises(NotThere, match="more than 10000 values"):
        find(parse_path("..*..*..*"), document)


@pytest.mark.parametrize(
    "path",
    [
        "{.a[?(@" + ".a" * 400 + "!)]}",
        "{.a[?(@" + "." * 900 + ")]}",
        "{[" + "'a'," * 200 + "}",
        "{" + "[" * 1000 + "}",
        "." * 1000,
        "\\" * 1000,
    ],
)
def test_hostile_paths_take_no_time(path):
    started = time.perf_counter()
    with contextlib.suppress(BadPath):
        parse_path(path)

    assert time.perf_counter() - started < 0.5


@given(st.text(alphabet="$.@[]{}()?*'\"\\:,=<>!ab01- ", max_size=40))
def test_any_text_is_read_or_refused(text):
    # Anything else than these two ends the test.
    with contextlib.suppress(BadPath, NotThere):
        assert isinstance(find(parse_path(text), DOCUMENT), list)
