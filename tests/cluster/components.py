"""The command line of each component of the control plane. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.0/14"
# Nodes are KWOK's, there are no volumes, no cloud and no certificates to sign.
CONTROLLERS = (
    "*",
    "-bootstrap-signer-controller",
    "-certificatesigningrequest-approving-controller",
    "-certificatesigningrequest-cleaner-controller",
    "-certificatesigningrequest-signing-controller",
    "-node-ipam-controller",
    "-node-route-controller",
    "-persistentvolume-attach-detach-controller",
    "-persistentvolume-binder-controller",
    "-persistentvolume-expander-controller",
    "-service-lb-controller",
    "-token-cleaner-controller",
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where one cluster lives: its folder and its loopback ports.

    Attributes:
        emulated_version: the minor version that the API server pretends to be, "" for its own.
    """

    folder: Path
    etcd_port: int
    etcd_peer_port: int
    api_port: int
    emulated_version: str = ""

    @property
    def url(self) -> str:
        """Return the address of the API server."""
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port of the API server."""
        return "127.0.0.1", self.api_port

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Return where the API server writes each request of a service account."""
        return self.folder / "audit.log"

    def certificate(self, name: str) -> Path:
        """Return the path of a key or certificate."""
        return self.folder / "certificates" / name


def etcd(site: Site) -> list[str]:
    """Return etcd's arguments: one member, and no fsync, because nobody keeps this data."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (site.etcd_port, site.etcd_peer_port))
    return [
        f"--data-dir={site.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def kube_apiserver(site: Site, audit_policy: Path) -> list[str]:
    """Return the API server's arguments: RBAC on, tokens for people, audit of service accounts."""
    emulated = site.emulated_version
    return [
        f"--etcd-servers=http://127.0.0.1:{site.etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        # Its own address is a loopback one, which may not stand in Endpoints.
        "--endpoint-reconciler-type=none",
        f"--secure-port={site.api_port}",
        f"--tls-cert-file={site.certificate('apiserver.crt')}",
        f"--tls-private-key-file={site.certificate('apiserver.key')}",
        f"--service-account-key-file={site.certificate('service-account.key')}",
        f"--service-account-signing-key-file={site.certificate('service-account.key')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--token-auth-file={site.folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--profiling=false",
        f"--audit-policy-file={audit_policy}",
        f"--audit-log-path={site.audit_log}",
        "--audit-log-maxsize=2000",
        *([f"--emulated-version={emulated}"] if emulated else []),
    ]


def kube_controller_manager(site: Site) -> list[str]:
    """Return the controller manager's arguments: one instance, and no limit of its own on calls."""
    return [
        f"--kubeconfig={site.kubeconfig}",
        f"--root-ca-file={site.certificate('ca.crt')}",
        f"--service-account-private-key-file={site.certificate('service-account.key')}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=2000",
        "--kube-api-burst=4000",
    ]


def kube_scheduler(site: Site) -> list[str]:
    """Return the scheduler's arguments."""
    return [
        f"--kubeconfig={site.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=2000",
        "--kube-api-burst=4000",
    ]


def kwok(kubeconfig: Path, stages: Path, *, node: str = "") -> list[str]:
    """Return the arguments of what plays the nodes: one of them, or all."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--manage-single-node={node}" if node else "--manage-all-nodes=true",
        f"--config={stages}",
        f"--cidr={POD_RANGE}",
        "--node-ip=10.0.0.1",
        "--node-lease-duration-seconds=40",
    ]
