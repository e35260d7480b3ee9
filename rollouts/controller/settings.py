"""Settings of a controller: from flags, else from the environment, else their defaults."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollouts.api.times import parse_duration
from rollouts.controller.leader import Timing
from rollouts.metric_providers.addresses import BadAddresses, read_policy
from rollouts.metric_providers.provider import ProviderSettings
from rollouts.telemetry.logs import FORMATS, LEVELS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

ENVIRONMENT_PREFIX = "ROLLOUTS_"

_PEERS_VARIABLES = {"prometheus_address": "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"}
"""Read where our own variable is not set, so that a controller can take the peer's place."""

INSTANCE_LABEL = "argo-rollouts.argoproj.io/controller-instance-id"
"""Which controller an object is for; the label is the peer's."""

LEASE_NAME = "rollouts-controller"

_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_POD_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


_BOUNDS = (
    ("git_poll", 0.5, 86_400),
    ("workers", 1, 1000),
    ("gitops_workers", 1, 1000),
    ("metrics_port", 0, 65535),
    ("health_port", 0, 65535),
)


class BadSettings(Exception):
    """Some settings cannot be used; the message names all of them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one controller process runs.

    Attributes:
        kubeconfig: path; empty for what kubectl would use.
        context: of the kubeconfig; empty for its current one.
        namespace: the only one to work in; empty for all.
        instance_id: works on objects that carry this instance label, and without an id on those
            that carry none.
        workers: Rollouts worked on at the same time. A pass mostly waits for the server; with many
            the first write of each, which moves traffic, goes ahead of the second of any.
        gitops_workers: Applications and Kustomizations worked on at the same time.
        leader_elect: off only where a second controller cannot exist.
        lease_namespace: where the Lease is; empty for the controller's own.
        lease_duration: seconds; with `renew_deadline` and `retry_period` see `leader.Timing`.
        metrics_port: of /metrics, 0 to switch it off.
        health_port: of /healthz and /readyz, 0 to switch them off.
        git_cache: directory for clones; empty for a temporary one.
        git_poll: seconds between two looks at the repository of an Application.
        gitops: serve Applications and Kustomizations too.
        prometheus_address: asked by metrics that name no address; may be a loopback one.
        metric_allowed_addresses: hosts, `*.suffix`, addresses and CIDRs that metric providers may
            ask, separated by commas; `*` is every host. Link-local, metadata, loopback and other
            special addresses are refused unless a CIDR here lies within them.
        metric_ca_file: PEM file of authorities that metric providers trust beside the system's.
        shutdown_seconds: how long a graceful end may take.
    """

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    instance_id: str = ""
    workers: int = 200
    gitops_workers: int = 8
    leader_elect: bool = True
    lease_namespace: str = ""
    lease_duration: float = 10.0
    renew_deadline: float = 7.0
    retry_period: float = 2.0
    metrics_port: int = 8090
    health_port: int = 8080
    log_level: str = "info"
    log_format: str = "text"
    git_cache: str = ""
    git_poll: float = 60.0
    gitops: bool = True
    prometheus_address: str = ""
    metric_allowed_addresses: str = "*"
    metric_ca_file: str = ""
    shutdown_seconds: float = 20.0

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise BadSettings("; ".join(problems))

    @property
    def timing(self) -> Timing:
        """Return the timing of the Lease."""
        return Timing(self.lease_duration, self.renew_deadline, self.retry_period)

    @property
    def lease_name(self) -> str:
        """Return the Lease's name: one for each instance id."""
        if not self.instance_id:
            return LEASE_NAME
        # Label values may hold what names of objects may not.
        return f"{LEASE_NAME}-{self.instance_id}".lower().replace("_", "-")

    @property
    def instance_selector(self) -> str:
        """Return the label selector of the objects that are ours."""
        return f"{INSTANCE_LABEL}={self.instance_id}" if self.instance_id else f"!{INSTANCE_LABEL}"

    @property
    def providers(self) -> ProviderSettings:
        """Return what metric providers are given."""
        return ProviderSettings(
            prometheus_address=self.prometheus_address,
            ca_file=self.metric_ca_file,
            allowed_addresses=_listed(self.metric_allowed_addresses),
        )

    def lease_home(self) -> str:
        """Return the namespace of the Lease: stated, else that of our pod or service, else ours."""
        if self.lease_namespace:
            return self.lease_namespace
        if os.environ.get("POD_NAMESPACE"):
            return os.environ["POD_NAMESPACE"]
        if _POD_NAMESPACE_FILE.is_file():
            return _POD_NAMESPACE_FILE.read_text().strip()
        return self.namespace or "default"


def read_settings(
    args: argparse.Namespace | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings that flags and environment ask for.

    A flag that was not given (None) leaves the word to ROLLOUTS_<NAME> in the environment.

    Raises:
        BadSettings: naming every setting that cannot be used.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in fields(Settings):
        given = getattr(args, field.name, None)
        if given is not None:
            values[field.name] = given
            continue
        variable = f"{ENVIRONMENT_PREFIX}{field.name.upper()}"
        text = environment.get(variable) or environment.get(
            _PEERS_VARIABLES.get(field.name, ""), ""
        )
        if not text:
            continue
        try:
            values[field.name] = _convert(text, type(field.default))
        except ValueError:
            problems.append(f"{variable} must be {_NEEDED[type(field.default)]}, not {text!r}")
    if problems:
        raise BadSettings("; ".join(problems))
    return Settings(**values)


def identity() -> str:
    """Return a name for this process that no other has or will have."""
    return f"{socket.gethostname()}_{os.urandom(4).hex()}"


_NEEDED = {bool: "true or false", int: "a whole number", float: "a duration such as 15s"}


def _convert(text: str, wanted: type[Any]) -> Any:
    if wanted is bool:
        match text.strip().lower():
            case "true" | "1" | "yes" | "on":
                return True
            case "false" | "0" | "no" | "off":
                return False
            case _:
                raise ValueError(text)
    if wanted is float:
        return parse_duration(text).total_seconds()
    return wanted(text)


def _listed(text: str) -> tuple[str, ...]:
    """Return the entries of a list that is separated by commas."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _problems(settings: Settings) -> Iterator[str]:
    for name, least, most in _BOUNDS:
        value = getattr(settings, name)
        if not least <= value <= most:
            yield f"{name} must be between {least} and {most}, not {value}"
    for name, words in (("log_level", LEVELS), ("log_format", FORMATS)):
        value = getattr(settings, name)
        if value not in words:
            yield f"{name} must be one of {', '.join(words)}, not {value!r}"
    if settings.instance_id and not _LABEL_VALUE.fullmatch(settings.instance_id):
        yield f"instance_id must be a label value, not {settings.instance_id!r}"
    for name in ("namespace", "lease_namespace"):
        value = getattr(settings, name)
        if value and not _NAMESPACE.fullmatch(value):
            yield f"{name} must be the name of a namespace, not {value!r}"
    yield from _metric_problems(settings)
    if settings.shutdown_seconds <= 0:
        yield f"shutdown_seconds must be positive, not {settings.shutdown_seconds:g}"
    try:
        Timing(settings.lease_duration, settings.renew_deadline, settings.retry_period)
    except ValueError as error:
        yield str(error)


def _metric_problems(settings: Settings) -> Iterator[str]:
    """Yield what metric providers could not work with."""
    try:
        read_policy(_listed(settings.metric_allowed_addresses))
    except BadAddresses as error:
        yield f"metric_allowed_addresses cannot hold {error}"
    if settings.prometheus_address and not settings.prometheus_address.startswith(
        ("http://", "https://")
    ):
        # Not shown: a password may stand in it.
        yield "prometheus_address must be a URL such as http://prometheus.monitoring:9090"
    if settings.metric_ca_file and not Path(settings.metric_ca_file).is_file():
        yield f"metric_ca_file must be a file, which {settings.metric_ca_file!r} is not"
