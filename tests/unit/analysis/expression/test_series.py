"""Whether a second series would go unnoticed."""

import pytest

from rollouts.analysis.expression import ANY, compile_condition


@pytest.mark.parametrize(
    "source",
    [
        "result > 0.9",
        "result[0] > 0.9",
        "result[0] > 0.9 and result[0] < 1",
        "len(result) == 0 || result[0] > 0.9",
        "len(result) > 0 && result[0] > 0.9",
        "not isNaN(result[0])",
        "isNil(result) or result > 1",
        "default(result, 0) > 1",
        "default(result, [0])[0] > 1",
        "(result ?? [0])[0] > 1",
        "first(result) > 1",
        "get(result, 0) > 1",
        "result?.[0] == 1",
        "let x = result; x[0] > 1",
        "let x = result[0]; x > 1 and x < 2",
        "max(result[0], 1) > 1",
        "all([1, 2], # < result[0])",
        "result in [1, 2]",
        "result[0].a.b == 1",
        "asFloat(result) > 1",
        "(result[0] > 1 ? 2 : 3) > 2",
        "true",
    ],
)
def test_a_condition_on_the_first_series_only(source):
    assert compile_condition(source, {"result": ANY}).reads_only_first


@pytest.mark.parametrize(
    "source",
    [
        "result[1] > 0.9",
        "result[-1] > 0.9",
        "result[0] > 1 and result[1] > 1",
        "all(result, # > 1)",
        "max(result) > 1",
        "sum(result) > 1",
        "len(result) == 1 && result[0] > 1",
        "len(result) > 1",
        "1 in result",
        "result[0:2] == []",
        "result.a == 1",
        "result | filter(# > 1) | len() > 0",
        "let x = result; x[1] > 1",
        "let x = result; all(x, # > 1)",
        "(result ?? [])[1] > 1",
        "(true ? result : [1])[1] == 1",
        "default(result, [])[1] > 1",
        "get(result, 1) > 1",
        "result[result[0]] > 1",
        "[result][0][1] > 1",
        "$env['result'][0] > 1",
        "last(result) > 1",
    ],
)
def test_a_condition_that_sees_other_series(source):
    assert not compile_condition(source, {"result": ANY}).reads_only_first
