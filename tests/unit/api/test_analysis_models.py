"""What a metric, a provider and a run mean when little is said of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollouts.api.analysis_metric import (
    Metric,
    named_providers,
    provider_of,
    provider_settings,
    read_count,
)
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS, PROVIDERS
from rollouts.api.analysis_run import COMPLETED_PHASES, PHASES, AnalysisRun


def metric(**fields):
    return Metric.model_validate(
        {"name": "errors", "provider": {"web": {"url": "http://h"}}} | fields
    )


def test_a_bare_metric_is_measured_once():
    bare = metric()

    assert bare.count_max == 1
    assert bare.interval_time is None
    assert bare.initial_delay_time == timedelta(0)
    assert bare.failures_allowed == 0
    assert bare.inconclusive_allowed == 0
    assert bare.consecutive_errors_allowed == 4
    assert bare.consecutive_successes_wanted is None
    assert bare.no_data_verdict == "inconclusive"


@pytest.mark.parametrize("count", [None, 0, "0"])
def test_an_interval_alone_never_ends(count):
    assert metric(interval="10s", count=count).count_max is None
    assert metric(count=count).count_max == 1


def test_counts_that_came_out_of_arguments_are_text():
    filled = metric(
        count="7", interval="1m", failureLimit="-1", consecutiveSuccessLimit="2", initialDelay="5s"
    )

    assert filled.count_max == 7
    assert filled.failures_allowed is None
    assert filled.consecutive_successes_wanted == 2
    assert filled.interval_time == timedelta(minutes=1)
    assert filled.initial_delay_time == timedelta(seconds=5)


@pytest.mark.parametrize("value", ["x", "1.5", "{{args.n}}", "--1", "٣", "1" * 10])
def test_text_that_is_no_count_is_not_guessed_at(value):
    with pytest.raises(ValueError, match="whole number"):
        read_count(value)


def test_a_provider_that_is_no_field_of_ours_has_its_name():
    assert provider_of(metric()) == "web"
    assert provider_of(metric(provider={"mine": {"query": "x"}})) == "mine"
    assert provider_of(metric(provider={})) == ""


def test_names_of_providers_that_are_nobodys_known_are_found_in_either_form():
    providers = ({"line": {}}, {"plugin": {"other": {}}}, {"web": {}}, {"datadog": {}}, None, 7)
    metrics = [{"name": "a", "provider": each} for each in providers]

    assert named_providers({"spec": {"metrics": [*metrics, None, "x"]}}) == ("line", "other")


def test_a_provider_under_plugin_is_the_same_as_one_beside_it():
    one, other = {"line": {"key": "k"}}, {"plugin": {"line": {"key": "k"}}}

    assert [provider_of(metric(provider=each)) for each in (one, other)] == ["line", "line"]
    assert provider_settings({"provider": one}, "line") == {"key": "k"}
    assert provider_settings({"provider": other}, "line") == {"key": "k"}


def test_limits_of_requests_have_the_peers_defaults():
    web = metric(provider={"web": {"url": "http://h", "timeoutSeconds": 0}}).provider.web
    prometheus = metric(provider={"prometheus": {"query": "up"}}).provider.prometheus

    assert (web.timeout, prometheus.timeout_seconds) == (10, 30)


def test_providers_that_are_executed_are_providers():
    assert set(EXECUTED_PROVIDERS) <= set(PROVIDERS)
    assert len(PROVIDERS) == 11  # `plugin` names one of others, and is none itself


def test_phases_that_are_an_end_are_phases():
    assert set(COMPLETED_PHASES) < set(PHASES)


def test_a_run_of_the_peer_comes_back_as_it_was():
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "web-5f-2-1", "labels": {"step-index": "1"}},
        "spec": {
            "metrics": [
                {
                    "name": "score",
                    "provider": {
                        "kayenta": {
                            "address": "http://k",
                            "threshold": {"pass": 95, "marginal": 75},
                            "scopes": [{"name": "x", "controlScope": {"step": 60}}],
                        }
                    },
                },
                {
                    "name": "cpu",
                    "provider": {
                        "cloudWatch": {
                            "metricDataQueries": [{"id": "a", "metricStat": {"period": "60"}}]
                        }
                    },
                },
            ],
            "terminate": True,
            "ttlStrategy": {"secondsAfterCompletion": 60},
        },
        "status": {
            "phase": "Failed",
            "message": 'Metric "score" assessed Failed',
            "startedAt": "2026-01-31T12:00:00Z",
            "completedAt": "2026-01-31T12:05:00Z",
            "dryRunSummary": {},
            "runSummary": {"count": 2, "failed": 1},
            "metricResults": [
                {
                    "name": "score",
                    "phase": "Failed",
                    "failed": 1,
                    "consecutiveError": 0,
                    "consecutiveSuccess": 0,
                    "dryRun": False,
                    "metadata": {"ResolvedPrometheusQuery": "up"},
                    "measurements": [
                        {
                            "phase": "Failed",
                            "value": "[0.5]",
                            "startedAt": "2026-01-31T12:00:00Z",
                            "finishedAt": "2026-01-31T12:00:01Z",
                            "resumeAt": "2026-01-31T12:00:11Z",
                            "metadata": {"job-name": "x"},
                        }
                    ],
                }
            ],
        },
    }

    read = AnalysisRun.model_validate(manifest)

    assert read.manifest() == manifest
    assert read.spec.metrics[0].provider.kayenta.threshold.pass_ == 95
