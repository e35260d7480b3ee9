"""From failing samples and commits to how long a canary kept its traffic."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from unit.bench.words import START, commit

from bench.controller import LaboratoryError
from bench.gate import first_failures, late_ms
from bench.gauges import metrics_text

BEGIN = START.timestamp()


def series(namespace, *values):
    points = [[BEGIN + index, value] for index, value in enumerate(values)]
    return {"metric": {"__name__": "gate_errors", "namespace": namespace}, "values": points}


def weight(seconds, value, namespace="a"):
    return commit("ingresses", seconds=seconds, namespace=namespace, weight=value)


CANARY = weight(0, "20")


def test_the_first_failing_sample_counts_by_its_own_time():
    found = first_failures([series("a", "0", "1", "1"), series("b", "0", "0", "1")])

    assert found == {"a": BEGIN + 1, "b": BEGIN + 2}


def test_a_series_that_never_fails_has_no_failure():
    assert first_failures([series("a", "0", "0"), series("b")]) == {}


def test_a_canary_is_late_by_the_time_from_the_sample_to_weight_0():
    late = late_ms([CANARY, weight(1.25, "0"), weight(9, "0")], {"a": BEGIN + 1})

    assert late == [pytest.approx(250)]


def test_other_weights_and_the_main_ingress_do_not_count():
    commits = [weight(0, "0"), CANARY, weight(1, None), weight(2, "0"), weight(2, "0", "b")]
    late = late_ms(commits, {"a": BEGIN})

    assert late == [pytest.approx(2000)]


@pytest.mark.parametrize("commits", [[CANARY, weight(0.5, "0")], [CANARY], []])
def test_a_weight_that_was_0_too_early_or_never_is_no_figure(commits):
    with pytest.raises(LaboratoryError, match="canaries were stopped"):
        late_ms(commits, {"a": BEGIN + 1})


def test_the_numbers_are_what_prometheus_reads():
    (family,) = text_string_to_metric_families(metrics_text({"a": 0, "b": 1}))

    assert {each.labels["namespace"]: each.value for each in family.samples} == {"a": 0, "b": 1}
