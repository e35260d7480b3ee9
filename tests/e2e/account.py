"""The controller's accounts, made of what the chart renders and of nothing else."""

from __future__ import annotations

import os
import subprocess
import threading

import yaml
from e2e.hands import Hands
from programs import HELM

from tests.chart.helm import CHART, run_helm
from tests.cluster.rights import documents_of, user_of

HOME = "rollouts"
"""The namespace that the controller lives in."""

LOGINS = "argocd"
"""Where the Secrets with the logins of repositories are."""

MEASURED = "measured"
"""The namespace whose Secrets metrics may use."""

GITOPS = {"credentials": {"namespaces": [LOGINS]}}
ANALYSIS = {"secretNamespaces": [MEASURED]}
WITHOUT_DEFINITIONS = {"install": False}
"""They take no part in what an account may do, and are 98 % of what is rendered."""

KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


class Accounts:
    """Installs releases of the chart, as far as RBAC goes.

    Attributes:
        rendered: what helm has rendered, by the name of the release.
    """

    def __init__(self, cluster, folder):
        self.rendered = {}
        self._cluster = cluster
        self._folder = folder
        self._lock = threading.Lock()
        self._kubeconfigs = {}

    def kubeconfig(self, instance="", *, namespace=HOME, **values):
        """Return the kubeconfig of a release, which is installed if it is not there yet."""
        with self._lock:
            if instance not in self._kubeconfigs:
                self._kubeconfigs[instance] = self._install(instance, namespace, values)
            return self._kubeconfigs[instance]

    def users(self):
        """Return the user of each release as the API server sees it, by the release's name."""
        return {name: user_of(text) for name, text in self.rendered.items()}

    def _install(self, instance, namespace, values):
        release = instance or "rollouts"
        wanted = {
            "instanceId": instance, "gitops": GITOPS, "analysis": ANALYSIS,
            "crds": WITHOUT_DEFINITIONS, **values,
        }  # fmt: skip
        done = run_helm(
            "template", release, str(CHART), "--namespace", namespace, "--set",
            f"fullnameOverride={release}", values=wanted,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        documents = [each for each in documents_of(done.stdout) if each["kind"] in KINDS]
        self.rendered[release] = done.stdout
        for each in documents:
            if each["kind"].startswith("Cluster"):
                self._cluster.owns(each["kind"].lower(), each["metadata"]["name"])
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
        words = ("create", "token", release, "--namespace", namespace, "--duration=2h")
        path = self._folder / f"{release}.kubeconfig"
        return self._cluster.write_kubeconfig(path, token=self.kubectl(*words).strip())

    def kubectl(self, *words, stdin=None):
        """Run the cluster's kubectl as the administrator."""
        done = subprocess.run(
            [self._cluster.kubectl, *words],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "KUBECONFIG": str(self._cluster.kubeconfig)},
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout


def install(cluster, folder):
    """Install our definitions, and return the accounts that may be made."""
    assert HELM, "helm is not on the PATH; tools/helm/README.md says how to build one"
    accounts = Accounts(cluster, folder)
    accounts.kubectl("apply", "--server-side", "-f", str(CHART.parents[1] / "crds"))
    for name in (HOME, LOGINS, MEASURED):
        cluster.owns("namespace", name)
    # Others who use this cluster may have made them already.
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in (HOME, LOGINS, MEASURED)
    ]
    accounts.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(namespaces))
    Hands(cluster, folder).await_definitions()
    return accounts
