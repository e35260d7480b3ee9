"""A true control plane on loopback ports: etcd, API server, controllers, scheduler, nodes."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from tests.cluster import build, components
from tests.cluster.access import Access
from tests.cluster.components import Site
from tests.cluster.processes import (
    PATIENCE_SECONDS,
    DidNotStart,
    end,
    free_ports,
    is_running,
    program_of,
    start,
    wait_until,
)

HERE = Path(__file__).parent
ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
BARE = ORDER[:2]
NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-0", "labels": {"kubernetes.io/hostname": "node-0"}},
}


class ControlPlane(Access):
    """A running cluster.

    Attributes:
        site: its folder, ports and addresses.
        pids: the process id of each component that runs, by its name.
    """

    def __init__(self, site: Site, token: str, pids: dict[str, int] | None = None) -> None:
        """Take hold of a cluster; `start` and `attach` make one."""
        super().__init__(site, token)
        self.site: Site = site
        self.pids = dict(pids or {})

    @classmethod
    def start(
        cls,
        *,
        folder: Path | None = None,
        emulated_version: str = "",
        parts: tuple[str, ...] = ORDER,
    ) -> Self:
        """Start a new cluster and wait until it schedules pods.

        Args:
            folder: where its data and logs go; a new one below the temporary folder if absent.
            emulated_version: the minor version, such as 1.34, that the API server pretends to be.
            parts: what to start; `BARE` has an API server in which nothing moves by itself.

        Raises:
            build.CannotBuild: its programs cannot be had.
            DidNotStart: a component did not come up; the message says why.
        """
        build.build()
        folder = folder or Path(tempfile.mkdtemp(prefix="rollouts-cluster-"))
        (folder / "certificates").mkdir(parents=True)
        etcd_port, peer_port, api_port = free_ports(3)
        cluster = cls(
            Site(folder, etcd_port, peer_port, api_port, emulated_version), secrets.token_hex(16)
        )
        try:
            cluster._prepare()
            for name in parts:
                cluster.start_component(name)
            if "kwok" in parts:
                cluster._await_nodes()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @classmethod
    def attach(cls, folder: Path) -> Self | None:
        """Find the cluster that was started in a folder; None when nothing of it runs."""
        try:
            record = json.loads((folder / "cluster.json").read_text())
        except FileNotFoundError:
            return None
        site = Site(**{**record["site"], "folder": folder})
        # A number from before a reboot may belong to somebody else's process by now.
        ours = build.cache_folder().resolve()
        pids = {name: pid for name, pid in record["pids"].items() if program_of(pid, below=ours)}
        return cls(site, record["token"], pids) if pids else None

    @property
    def is_whole(self) -> bool:
        """Tell whether every component runs."""
        return all(name in self.pids and is_running(self.pids[name]) for name in ORDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.site.kubeconfig

    @property
    def kubectl(self) -> Path:
        """Return the stock kubectl of this cluster's version."""
        return build.control_plane_folder() / "kubectl"

    def log_of(self, component: str) -> Path:
        """Return where a component's output goes."""
        return self.site.folder / f"{component}.log"

    def start_component(self, name: str) -> None:
        """Start one component and wait until it serves, where others need it."""
        folder = build.kwok_folder() if name == "kwok" else build.control_plane_folder()
        log = self.log_of(name)
        self.pids[name] = start(folder / name, self._arguments(name), log)
        self._record()
        if name in {"etcd", "kube-apiserver"}:
            wait_until(
                lambda: self._is_serving(name) or self._fail_if_ended(name),
                at_most=PATIENCE_SECONDS,
                what=f"{name} to serve",
                log=log,
            )

    def end_component(self, name: str, *, how: signal.Signals = signal.SIGTERM) -> None:
        """End one component, by default as an administrator would."""
        end(self.pids.pop(name), how=how)
        self._record()

    def restart(self, name: str, *, how: signal.Signals = signal.SIGTERM) -> None:
        """End one component and start it again with the same data and ports."""
        self.end_component(name, how=how)
        self.start_component(name)

    def stop(self) -> None:
        """End everything and remove its data; what others depend on ends last."""
        for name in reversed(ORDER):
            if name in self.pids:
                end(self.pids.pop(name), how=signal.SIGKILL)
        shutil.rmtree(self.site.folder, ignore_errors=True)

    def placed(self, text: str) -> str:
        """Return manifests as they are: every node of this cluster is the tests' own."""
        return text

    def owns(self, kind: str, name: str) -> None:
        """Remember nothing: this cluster ends with the tests."""

    def _prepare(self) -> None:
        folder = self.site.folder
        program = build.control_plane_folder() / "controlplane"
        subprocess.run([program, "certificates", folder / "certificates"], check=True)
        tokens = folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self._token},admin,admin,"system:masters"\n')
        self.write_kubeconfig(self.kubeconfig, token=self._token)

    def _arguments(self, name: str) -> list[str]:
        match name:
            case "etcd":
                return components.etcd(self.site)
            case "kube-apiserver":
                return components.kube_apiserver(self.site, HERE / "audit-policy.yaml")
            case "kube-controller-manager":
                return components.kube_controller_manager(self.site)
            case "kube-scheduler":
                return components.kube_scheduler(self.site)
            case "kwok":
                return components.kwok(self.kubeconfig, HERE / "stages.yaml")
            case _:
                raise ValueError(f"{name!r} is none of {', '.join(ORDER)}")

    def _is_serving(self, name: str) -> bool:
        try:
            if name == "etcd":
                url = f"http://127.0.0.1:{self.site.etcd_port}/health"
                with urllib.request.urlopen(url, timeout=1) as answer:
                    return bool(json.load(answer)["health"] == "true")
            return bool(self.request("GET", "/readyz") == "ok")
        except (OSError, urllib.error.URLError):
            return False

    def _fail_if_ended(self, name: str) -> bool:
        if not is_running(self.pids[name]):
            lines = self.log_of(name).read_text(errors="replace").splitlines()[-15:]
            raise DidNotStart(f"{name} ended at once; its log ends with:\n" + "\n".join(lines))
        return False

    def _await_nodes(self) -> None:
        self.request("POST", "/api/v1/nodes", NODE)

        def is_ready() -> bool:
            return self._has_default_account() and self.is_node_ready("node-0")

        wait_until(
            is_ready, at_most=PATIENCE_SECONDS, what="a node to be ready", log=self.log_of("kwok")
        )

    def _has_default_account(self) -> bool:
        accounts = self.request("GET", "/api/v1/namespaces/default/serviceaccounts")
        return any(each["metadata"]["name"] == "default" for each in accounts["items"])

    def _record(self) -> None:
        site = {**asdict(self.site), "folder": str(self.site.folder)}
        record = self.site.folder / "cluster.json"
        record.touch(mode=0o600)
        record.write_text(json.dumps({"site": site, "token": self._token, "pids": self.pids}))
