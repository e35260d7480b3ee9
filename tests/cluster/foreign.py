"""A cluster of somebody else under the end-to-end tests: kind, k3s, a cloud.

The tests bring what they need and take it away again: an administrator's account, a node that
KWOK plays, and namespaces. Their pods stay on that node; the cluster's own nodes never see them.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from tests.cluster import build, components
from tests.cluster.access import Access
from tests.cluster.processes import PATIENCE_SECONDS, end, start, wait_until

HERE = Path(__file__).parent
MARK = "test.rollouts.dev/node"
TOKEN_DURATION = "4h"
INGRESS_STAGE = "ingress-has-address"
GO_SECONDS_MAX = 300.0


@dataclass(frozen=True, slots=True)
class ForeignSite:
    """Where the cluster is, and whom to trust there."""

    folder: Path
    url: str

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port of the API server."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 443

    @property
    def audit_log(self) -> None:
        """Return None: what its API server writes down is not ours to read."""

    def certificate(self, name: str) -> Path:
        """Return the path of a certificate; `ca.crt` is the only one that we have."""
        return self.folder / name


class ForeignCluster(Access):
    """The cluster of a kubeconfig, with a node of ours in it; `stop` leaves it as it was.

    Custom resource definitions stay: they may have been there before.
    """

    answer_seconds_max = 30.0

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        """Take hold of a cluster; `start` prepares it."""
        self.folder = folder
        self.name = f"rollouts-test-{secrets.token_hex(3)}"
        self._of_user = kubeconfig
        self._made: list[tuple[str, str]] = []
        self._kwok: int | None = None
        cluster = self._kubectl_json("config", "view", "--minify", "--flatten", "--raw")
        server = cluster["clusters"][0]["cluster"]
        site = ForeignSite(folder, server["server"])
        super().__init__(site, token="")
        self.site: ForeignSite = site
        authority = base64.b64decode(server.get("certificate-authority-data", ""))
        self.site.certificate("ca.crt").write_bytes(authority or _system_authorities())

    @classmethod
    def start(cls, kubeconfig: Path) -> Self:
        """Make an account and a node in the cluster, and wait until the node is ready."""
        cluster = cls(kubeconfig, Path(tempfile.mkdtemp(prefix="rollouts-foreign-")))
        try:
            cluster._make_account()
            cluster._make_node()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of the account that the tests have."""
        return self.folder / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        """Return the machine's kubectl, or the one that is built for the tests."""
        found = shutil.which("kubectl")
        return Path(found) if found else build.control_plane_folder() / "kubectl"

    def placed(self, text: str) -> str:
        """Return manifests, as YAML or JSON, whose pods run on the tests' own node."""
        if f"{MARK}:" in text or f'"{MARK}"' in text:
            return text
        where = {
            "nodeSelector": {MARK: self.name},
            "tolerations": [{"key": MARK, "operator": "Exists"}],
        }
        lines = "".join(rf"\g<1>{key}: {json.dumps(value)}\n" for key, value in where.items())
        if text.lstrip().startswith("{"):
            found: str = json.dumps(_with_place(json.loads(text), where))
            return found
        # As text: comments and the form of the rest stay what somebody has written.
        return re.sub(r"(?m)^([ ]+)(?=containers:)", lines + r"\g<1>", text)

    def owns(self, kind: str, name: str) -> None:
        """Remember an object without a namespace, which `stop` will delete."""
        self._made.append((kind, name))

    def stop(self) -> None:
        """Delete what was made, and end what plays the node."""
        for kind, name in reversed(self._made):
            words = ("delete", kind, name, "--ignore-not-found", "--wait=false")
            self._kubectl(*words, kubeconfig=self._of_user)
        if self._kwok is not None:
            self._let_go()
            end(self._kwok, how=signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _let_go(self) -> None:
        """Wait until our namespaces have gone, and finish for those who are no longer there."""
        ours = {name for kind, name in self._made if kind == "namespace"}
        words = ("api-resources", "--namespaced", "--verbs=list,patch", "-o", "name")
        kinds = ",".join(self._kubectl(*words, kubeconfig=self._of_user).split())

        def are_gone() -> bool:
            left = ours & self._namespaces()
            for namespace in left:
                self._finish(kinds, namespace)
            return not left

        wait_until(are_gone, at_most=GO_SECONDS_MAX, what="namespaces to go")

    def _finish(self, kinds: str, namespace: str) -> None:
        """Remove the finalizers of what is being deleted: its controller has ended before."""
        nothing = json.dumps({"metadata": {"finalizers": None}})
        for each in self._kubectl_json("get", kinds, "-n", namespace)["items"]:
            metadata = each["metadata"]
            if metadata.get("finalizers") and metadata.get("deletionTimestamp"):
                kind = each["kind"].lower()
                group = each["apiVersion"].rpartition("/")[0]
                words = (f"{kind}.{group}" if group else kind, metadata["name"], "-n", namespace)
                self._kubectl(
                    "patch", *words, "--type=merge", "-p", nothing, kubeconfig=self._of_user
                )

    def _namespaces(self) -> set[str]:
        words = ("get", "namespaces", "-o", "json")
        found = json.loads(self._kubectl(*words, kubeconfig=self._of_user))
        return {each["metadata"]["name"] for each in found["items"]}

    def _make_account(self) -> None:
        account = {"kind": "ServiceAccount", "namespace": self.name, "name": "tester"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
        manifests: list[dict[str, Any]] = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}},
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "tester", "namespace": self.name},
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": self.name},
                "roleRef": {**role, "name": "cluster-admin"},
                "subjects": [account],
            },
        ]
        self.owns("clusterrolebinding", self.name)
        self.owns("namespace", self.name)
        text = yaml.safe_dump_all(manifests)
        self._kubectl("apply", "-f", "-", kubeconfig=self._of_user, stdin=text)
        words = ("create", "token", "tester", "-n", self.name, f"--duration={TOKEN_DURATION}")
        self._token = self._kubectl(*words, kubeconfig=self._of_user).strip()
        self.write_kubeconfig(self.kubeconfig, token=self._token)

    def _make_node(self) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "labels": {MARK: self.name, "kubernetes.io/hostname": self.name},
            },
            "spec": {"taints": [{"key": MARK, "value": self.name, "effect": "NoSchedule"}]},
        }
        self.owns("node", self.name)
        self.request("POST", "/api/v1/nodes", node)
        stages = self.folder / "stages.yaml"
        stages.write_text(self._stages())
        build.build_kwok()
        self._kwok = start(
            build.kwok_folder() / "kwok",
            components.kwok(self.kubeconfig, stages, node=self.name),
            self.folder / "kwok.log",
        )
        wait_until(
            lambda: self.is_node_ready(self.name),
            at_most=PATIENCE_SECONDS,
            what=f"node {self.name} to be ready",
            log=self.folder / "kwok.log",
        )

    def _stages(self) -> str:
        """Return how pods behave, and Ingresses where the cluster has nobody who serves them."""
        text = (HERE / "stages.yaml").read_text()
        classes = self.request("GET", "/apis/networking.k8s.io/v1/ingressclasses")["items"]
        kept = [
            each
            for each in text.split("\n---\n")
            if not classes or f"name: {INGRESS_STAGE}" not in each
        ]
        return "\n---\n".join(kept)

    def _kubectl_json(self, *words: str) -> Any:
        return json.loads(self._kubectl(*words, "-o", "json", kubeconfig=self._of_user))

    def _kubectl(self, *words: str, kubeconfig: Path, stdin: str | None = None) -> str:
        done = subprocess.run(
            [self.kubectl, f"--kubeconfig={kubeconfig}", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


def _with_place(found: Any, where: dict[str, Any]) -> Any:
    """Return a document in which everything that has containers has a place as well."""
    if isinstance(found, list):
        return [_with_place(each, where) for each in found]
    if not isinstance(found, dict):
        return found
    inner = {key: _with_place(each, where) for key, each in found.items()}
    return where | inner if "containers" in inner else inner


def _system_authorities() -> bytes:
    path = ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() if path else b""
