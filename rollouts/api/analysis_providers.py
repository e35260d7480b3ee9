"""Where a metric gets its samples from: the providers that this version measures with.

The providers of other vendors are in `analysis_vendors`. Texts may hold `{{args.name}}`, which
is filled in when the metric is measured; a secret is such an argument, never a text in here.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic.config import JsonDict

from rollouts.api.analysis_vendors import (
    CloudWatchMetric,
    DatadogMetric,
    GraphiteMetric,
    InfluxdbMetric,
    KayentaMetric,
    NewRelicMetric,
    SkyWalkingMetric,
    WavefrontMetric,
)
from rollouts.api.base import Bool, Int64, Items, Model, Text

PROMETHEUS_TIMEOUT_SECONDS_DEFAULT = 30
WEB_TIMEOUT_SECONDS_DEFAULT = 10
WEB_JSON_PATH_DEFAULT = "{$}"
WEB_METHODS = ("GET", "POST", "PUT")

_TEXT_MAP: JsonDict = {"type": "object", "additionalProperties": {"type": "string"}}
_JOB_SPEC_SCHEMA: JsonDict = {
    "properties": {
        "template": {
            "type": "object",
            "description": "The pods of the Job. Checked when the Job is made.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}
"""The pod template stays opaque: whatever Kubernetes' next version adds to pods is kept."""


class Header(Model):
    """One header of a request."""

    key: str = Field(description="Name of the header.")
    value: str = Field("", description="Its value; a secret comes in by an argument.")


class BasicAuth(Model):
    """A user and a password."""

    username: str = Field("", description="Name of the user.")
    password: str = Field("", description="Password, by an argument such as {{args.password}}.")


class BearerAuth(Model):
    """A token that is sent with every request. Not a field of the peer's."""

    token: str = Field("", description="The token, by an argument such as {{args.token}}.")


class OAuth2(Model):
    """A token that is fetched with client credentials."""

    token_url: str = Field("", description="Where the token is fetched.")
    client_id: str = Field("", description="Id of the client.")
    client_secret: str = Field(
        "", description="Secret of the client, by an argument such as {{args.secret}}."
    )
    scopes: Items[str] = Field((), description="What the token is asked to allow.")


class Sigv4(Model):
    """Signed requests, as AWS wants them."""

    region: str = Field("", description="Region of the service.")
    profile: str = Field("", description="Profile with the credentials.")
    role_arn: str = Field("", description="Role to take on.")


class Authentication(Model):
    """How a provider makes itself known; at most one of these."""

    basic_auth: BasicAuth | None = Field(None, description="By user and password.")
    bearer: BearerAuth | None = Field(
        None, description="By a token. Not a field of the peer's, which uses a header for it."
    )
    oauth2: OAuth2 | None = Field(
        None, alias="oauth2", description="By a token that is fetched with client credentials."
    )
    sigv4: Sigv4 | None = Field(None, alias="sigv4", description="By signing, for AWS.")

    @property
    def chosen(self) -> str:
        """Return the wire name of the way that is set; empty when none is."""
        return next((key for name, key in _WAYS if getattr(self, name) is not None), "")


_WAYS = tuple((name, field.alias or name) for name, field in Authentication.model_fields.items())

AUTHENTICATION_WAYS: tuple[str, ...] = tuple(key for _, key in _WAYS)
"""Every way to authenticate, by its wire name."""


class TlsOptions(Model):
    """Which certificates count and which is shown. Not a field of the peer's."""

    ca: str = Field(
        "", description="PEM certificates to trust in place of the system's, by an argument."
    )
    certificate: str = Field("", description="PEM certificate to show, by an argument.")
    key: str = Field("", description="PEM key of that certificate, by an argument.")
    server_name: str = Field("", description="Name that the server's certificate must bear.")


class RangeQuery(Model):
    """Ask for a span of time instead of one moment."""

    start: str = Field("", description='Begin, such as now() - duration("1h").')
    end: str = Field("", description="End, such as now().")
    step: str = Field("", description="Distance of the points, such as 1m.")


class PrometheusMetric(Model):
    """A query to Prometheus, or to a server that speaks its API."""

    address: str = Field(
        "", description="URL of the server; the controller's setting when it is absent."
    )
    query: str = Field("", description="PromQL. Values of arguments are escaped or refused in it.")
    authentication: Authentication | None = Field(
        None, description="How the request makes itself known."
    )
    timeout: Int64 | None = Field(None, description="Limit in seconds; 30 when absent.")
    insecure: Bool = Field(default=False, description="Accept any certificate.")
    headers: Items[Header] = Field((), description="Headers of the request.")
    range_query: RangeQuery | None = Field(None, description="Ask for a span of time.")
    tls: TlsOptions | None = Field(None, description="Certificates. Not a field of the peer's.")

    @property
    def timeout_seconds(self) -> int:
        """Return the limit for one request; 0 stands for the default, as with the peer."""
        return self.timeout or PROMETHEUS_TIMEOUT_SECONDS_DEFAULT


class WebMetric(Model):
    """A request to any HTTP server that answers in JSON."""

    method: str = Field("", description="GET, POST or PUT; GET when absent.")
    url: str = Field(description="Address of the request.")
    headers: Items[Header] = Field((), description="Headers of the request.")
    body: str = Field("", description="Body of a POST or PUT.")
    json_body: Any = Field(None, description="Body of a POST or PUT, written as YAML or JSON.")
    timeout_seconds: Int64 | None = Field(None, description="Limit in seconds; 10 when absent.")
    json_path: str = Field(
        "", description="JSONPath of the result in the answer; {$}, all of it, when absent."
    )
    insecure: Bool = Field(default=False, description="Accept any certificate.")
    authentication: Authentication | None = Field(
        None, description="How the request makes itself known."
    )
    tls: TlsOptions | None = Field(None, description="Certificates. Not a field of the peer's.")

    @property
    def timeout(self) -> int:
        """Return the limit for one request; 0 stands for the default, as with the peer."""
        return self.timeout_seconds or WEB_TIMEOUT_SECONDS_DEFAULT


class JobMetadata(Model):
    """Labels and annotations of a Job."""

    labels: Text = Field(default_factory=dict, description="Labels to add.")
    annotations: Text = Field(default_factory=dict, description="Annotations to add.")


class JobMetric(Model):
    """A Job whose end is the measurement: Complete is a success, Failed a failure."""

    metadata: JobMetadata | None = Field(None, description="Added to the Job.")
    spec: dict[str, Any] = Field(
        description="The Job, as in batch/v1.", json_schema_extra=_JOB_SPEC_SCHEMA
    )


class MetricProvider(Model):
    """What is asked for samples; exactly one of these."""

    prometheus: PrometheusMetric | None = Field(None, description="A query to Prometheus.")
    web: WebMetric | None = Field(None, description="A request to an HTTP server.")
    job: JobMetric | None = Field(None, description="A Job whose end is the measurement.")
    datadog: DatadogMetric | None = Field(None, description="Datadog. Not yet supported.")
    wavefront: WavefrontMetric | None = Field(None, description="Wavefront. Not yet supported.")
    new_relic: NewRelicMetric | None = Field(None, description="New Relic. Not yet supported.")
    cloud_watch: CloudWatchMetric | None = Field(
        None, description="Amazon CloudWatch. Not yet supported."
    )
    graphite: GraphiteMetric | None = Field(None, description="Graphite. Not yet supported.")
    influxdb: InfluxdbMetric | None = Field(None, description="InfluxDB. Not yet supported.")
    skywalking: SkyWalkingMetric | None = Field(
        None, description="Apache SkyWalking. Not yet supported."
    )
    kayenta: KayentaMetric | None = Field(
        None, description="Spinnaker's canary judge. Not yet supported."
    )
    plugin: dict[str, Any] | None = Field(
        None,
        description="A provider that is installed beside this product, by its name, with its "
        "settings; the same as the name written beside this key.",
    )

    @property
    def kind(self) -> str:
        """Return the wire name of the provider that is set; empty when none of ours is.

        A provider that is no field of ours (one installed beside this product) stands in
        `model_extra`; `rollouts.api.analysis_metric.provider_of` finds both.
        """
        return next((key for name, key in _PROVIDERS if getattr(self, name) is not None), "")


_PROVIDERS = tuple(
    (name, field.alias or name) for name, field in MetricProvider.model_fields.items()
)

PLUGIN = "plugin"
"""The key under which the peer's users name a provider that is not built in."""

PROVIDERS: tuple[str, ...] = tuple(key for _, key in _PROVIDERS if key != PLUGIN)
"""Every provider of the peer's API, by its wire name."""

EXECUTED_PROVIDERS: tuple[str, ...] = ("prometheus", "web", "job")
"""The providers that this version measures with; others only where they are installed."""
