"""The `trafficRouting` block: every router of the peer's API.

Executed by this version: `nginx`. The others are modelled so that nothing is lost, and
`rollouts.api.support` refuses a Rollout that uses one.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.base import Bool, Int32, Int64, Items, Model, Text

NGINX_ANNOTATION_PREFIX = "nginx.ingress.kubernetes.io"
"""The annotation prefix of an ingress-nginx that nobody has configured otherwise."""

WEIGHT_TOTAL = 100
"""The largest weight where `maxTrafficWeight` does not say otherwise."""


class NginxRouting(Model):
    """Traffic by ingress-nginx: a canary Ingress beside each stable one."""

    stable_ingress: str = Field(
        "", description="Ingress with a rule for the stable Service. This or stableIngresses."
    )
    stable_ingresses: Items[str] = Field(
        (), description="Several such Ingresses. This or stableIngress."
    )
    annotation_prefix: str = Field(
        NGINX_ANNOTATION_PREFIX,
        description="Prefix of the annotations that ingress-nginx listens to; "
        "nginx.ingress.kubernetes.io when absent.",
    )
    additional_ingress_annotations: Text = Field(
        default_factory=dict,
        description="Annotations for the canary Ingress; short keys get the prefix.",
    )
    canary_ingress_annotations: Text = Field(
        default_factory=dict,
        description="Annotations for the canary Ingress, with keys used as they are.",
    )

    @property
    def ingresses(self) -> tuple[str, ...]:
        """Return the names of all stable Ingresses, whichever field holds them."""
        return (self.stable_ingress,) if self.stable_ingress else self.stable_ingresses

    @property
    def prefix(self) -> str:
        """Return the annotation prefix; an empty one means the default."""
        return self.annotation_prefix or NGINX_ANNOTATION_PREFIX


class Stickiness(Model):
    """Sticky sessions of an AWS target group."""

    enabled: Bool = Field(default=False, description="Whether sessions are sticky.")
    duration_seconds: Int64 = Field(0, description="How long a session sticks.")


class AlbRouting(Model):
    """Traffic by the AWS Load Balancer Controller."""

    ingress: str = Field("", description="Ingress to annotate. This or ingresses.")
    ingresses: Items[str] = Field((), description="Several such Ingresses.")
    service_port: Int32 = Field(0, description="Port of the Services.")
    root_service: str = Field("", description="Service in the Ingress that gets the action.")
    annotation_prefix: str = Field("", description="Prefix of the annotations.")
    stickiness_config: Stickiness | None = Field(None, description="Sticky sessions.")


class IstioTlsRoute(Model):
    """A TLS route, by port or server names."""

    port: Int64 | None = Field(None, description="Port of the route.")
    sni_hosts: Items[str] = Field((), description="Server names of the route.")


class IstioTcpRoute(Model):
    """A TCP route, by port."""

    port: Int64 | None = Field(None, description="Port of the route.")


class IstioVirtualService(Model):
    """A VirtualService whose routes get weights."""

    name: str = Field(description="Name of the VirtualService.")
    routes: Items[str] = Field((), description="Names of HTTP routes.")
    tls_routes: Items[IstioTlsRoute] = Field((), description="TLS routes.")
    tcp_routes: Items[IstioTcpRoute] = Field((), description="TCP routes.")


class IstioDestinationRule(Model):
    """A DestinationRule whose subsets get the pod template hashes."""

    name: str = Field(description="Name of the DestinationRule.")
    canary_subset_name: str = Field("", description="Subset of the canary pods.")
    stable_subset_name: str = Field("", description="Subset of the stable pods.")
    additional_subset_names: Items[str] = Field((), description="Subsets to leave alone.")


class IstioRouting(Model):
    """Traffic by Istio."""

    virtual_service: IstioVirtualService | None = Field(
        None, description="VirtualService with the routes. This or virtualServices."
    )
    virtual_services: Items[IstioVirtualService] = Field((), description="Several VirtualServices.")
    destination_rule: IstioDestinationRule | None = Field(
        None, description="Split by subsets instead of Services."
    )


class SmiRouting(Model):
    """Traffic by a Service Mesh Interface TrafficSplit."""

    root_service: str = Field("", description="Service that clients use.")
    traffic_split_name: str = Field("", description="Name of the TrafficSplit.")


class AmbassadorRouting(Model):
    """Traffic by Ambassador."""

    mappings: Items[str] = Field((), description="Names of the Mappings.")


class AppMeshVirtualService(Model):
    """An App Mesh VirtualService."""

    name: str = Field(description="Name of the VirtualService.")
    routes: Items[str] = Field((), description="Names of its routes.")


class AppMeshNodeRef(Model):
    """An App Mesh VirtualNode."""

    name: str = Field(description="Name of the VirtualNode.")


class AppMeshNodeGroup(Model):
    """The two VirtualNodes of a split."""

    canary_virtual_node_ref: AppMeshNodeRef | None = Field(None, description="Canary node.")
    stable_virtual_node_ref: AppMeshNodeRef | None = Field(None, description="Stable node.")


class AppMeshRouting(Model):
    """Traffic by AWS App Mesh."""

    virtual_service: AppMeshVirtualService | None = Field(None, description="VirtualService.")
    virtual_node_group: AppMeshNodeGroup | None = Field(None, description="Nodes to split over.")


class TraefikRouting(Model):
    """Traffic by a weighted TraefikService."""

    weighted_traefik_service_name: str = Field(description="Name of the TraefikService.")


class ApisixRoute(Model):
    """An ApisixRoute and the rules in it."""

    name: str = Field(description="Name of the ApisixRoute.")
    rules: Items[str] = Field((), description="Names of its HTTP rules.")


class ApisixRouting(Model):
    """Traffic by Apache APISIX."""

    route: ApisixRoute | None = Field(None, description="Route to change.")


class ManagedRoute(Model):
    """The name of a route that steps set and remove."""

    name: str = Field(description="Name of the route.")


class TrafficRouting(Model):
    """What splits traffic between the stable and the canary Service."""

    nginx: NginxRouting | None = Field(None, description="Split by ingress-nginx.")
    alb: AlbRouting | None = Field(
        None, description="Split by AWS load balancers. Not yet supported."
    )
    istio: IstioRouting | None = Field(None, description="Split by Istio. Not yet supported.")
    smi: SmiRouting | None = Field(None, description="Split by SMI. Not yet supported.")
    ambassador: AmbassadorRouting | None = Field(
        None, description="Split by Ambassador. Not yet supported."
    )
    app_mesh: AppMeshRouting | None = Field(
        None, description="Split by AWS App Mesh. Not yet supported."
    )
    traefik: TraefikRouting | None = Field(None, description="Split by Traefik. Not yet supported.")
    apisix: ApisixRouting | None = Field(
        None, description="Split by Apache APISIX. Not yet supported."
    )
    plugins: dict[str, Any] = Field(
        default_factory=dict, description="Settings of router plugins by name. Not supported."
    )
    managed_routes: Items[ManagedRoute] = Field(
        (), description="Routes that steps set and remove; the first takes precedence."
    )
    max_traffic_weight: Int32 = Field(
        WEIGHT_TOTAL, description="What a weight is a share of; 100 when absent."
    )


ROUTERS: tuple[str, ...] = (
    "nginx",
    "alb",
    "istio",
    "smi",
    "ambassador",
    "appMesh",
    "traefik",
    "apisix",
    "plugins",
)
"""The wire names of all routers."""
