"""Metric providers of vendors. Modelled so that nothing is lost or misread.

This version measures with none of them; `rollouts.api.metric_rules` refuses a metric that asks
for one.
"""

from __future__ import annotations

from pydantic import Field

from rollouts.api.base import Bool, Int64, IntOrString, Items, Model, Text


class DatadogSecret(Model):
    """Where the keys for Datadog are kept."""

    name: str = Field("", description="Name of the Secret.")
    namespaced: Bool = Field(
        default=False, description="The Secret is in the namespace of the run."
    )


class DatadogMetric(Model):
    """A query to Datadog."""

    interval: str = Field("", description="How far back to look, such as 5m.")
    query: str = Field("", description="One query.")
    queries: Text = Field(default_factory=dict, description="Several queries by name.")
    formula: str = Field("", description="How the queries make one result.")
    api_version: str = Field("", description="v1 or v2.")
    aggregator: str = Field("", description="How points become one number, such as last.")
    secret_ref: DatadogSecret | None = Field(None, description="Where the keys are kept.")
    request_timeout: str = Field("", description="Limit for one request, such as 10s.")


class WavefrontMetric(Model):
    """A query to Wavefront."""

    address: str = Field("", description="Address of the server.")
    query: str = Field("", description="The query.")


class NewRelicMetric(Model):
    """A query to New Relic."""

    profile: str = Field("", description="Name of the Secret with the account.")
    query: str = Field("", description="The query in NRQL.")
    timeout: Int64 | None = Field(None, description="Limit in seconds.")


class CloudWatchDimension(Model):
    """One dimension of a metric."""

    name: str = Field("", description="Name of the dimension.")
    value: str = Field("", description="Its value.")


class CloudWatchMetricName(Model):
    """Which metric is read."""

    dimensions: Items[CloudWatchDimension] = Field((), description="Its dimensions.")
    metric_name: str = Field("", description="Its name.")
    namespace: str = Field("", description="Its namespace in CloudWatch.")


class CloudWatchStat(Model):
    """A statistic over a metric."""

    metric: CloudWatchMetricName | None = Field(None, description="Which metric is read.")
    period: IntOrString | None = Field(None, description="Seconds that one point covers.")
    stat: str = Field("", description="The statistic, such as Average.")
    unit: str = Field("", description="Unit of the points.")


class CloudWatchQuery(Model):
    """One query among several."""

    id: str = Field("", description="Name of the query.")
    expression: str = Field("", description="A formula over other queries.")
    label: str = Field("", description="Label in the answer.")
    metric_stat: CloudWatchStat | None = Field(None, description="A statistic over a metric.")
    period: IntOrString | None = Field(None, description="Seconds that one point covers.")
    return_data: Bool | None = Field(None, description="Whether this is part of the answer.")


class CloudWatchMetric(Model):
    """Queries to Amazon CloudWatch."""

    interval: str = Field("", description="How far back to look, such as 5m.")
    metric_data_queries: Items[CloudWatchQuery] = Field((), description="The queries.")


class GraphiteMetric(Model):
    """A query to Graphite."""

    address: str = Field("", description="Address of the server.")
    query: str = Field("", description="The query.")


class InfluxdbMetric(Model):
    """A query to InfluxDB."""

    profile: str = Field("", description="Name of the Secret with the account.")
    query: str = Field("", description="The query in Flux.")


class SkyWalkingMetric(Model):
    """A query to Apache SkyWalking."""

    address: str = Field("", description="Address of the server.")
    query: str = Field("", description="The query in GraphQL.")
    interval: str = Field("", description="How far back to look, such as 5m.")


class KayentaThreshold(Model):
    """Scores that decide."""

    # "pass" is a word of Python's.
    pass_: Int64 = Field(0, alias="pass", description="From here on it is a success.")
    marginal: Int64 = Field(0, description="Below this it is a failure.")


class KayentaScopeDetail(Model):
    """Whose metrics are compared, and over which time."""

    scope: str = Field("", description="Whose metrics.")
    region: str = Field("", description="Where they were taken.")
    step: Int64 = Field(0, description="Seconds between two points.")
    start: str = Field("", description="Begin of the time.")
    end: str = Field("", description="End of the time.")


class KayentaScope(Model):
    """A pair that is compared."""

    name: str = Field("", description="Name of the pair.")
    control_scope: KayentaScopeDetail | None = Field(None, description="What is compared with.")
    experiment_scope: KayentaScopeDetail | None = Field(None, description="What is judged.")


class KayentaMetric(Model):
    """A judgement of Spinnaker's Kayenta."""

    address: str = Field("", description="Address of the server.")
    application: str = Field("", description="Name of the application.")
    canary_config_name: str = Field("", description="Name of the configuration.")
    metrics_account_name: str = Field("", description="Account that metrics are read with.")
    configuration_account_name: str = Field("", description="Account of the configuration.")
    storage_account_name: str = Field("", description="Account that results are kept with.")
    threshold: KayentaThreshold | None = Field(None, description="Scores that decide.")
    scopes: Items[KayentaScope] = Field((), description="What is compared.")
    lookback: Bool = Field(default=False, description="Look at a sliding window.")
