"""The real helm on the chart of this repository."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

import yaml
from programs import HELM

from tests.cluster.rights import documents_of

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "rollouts"
RELEASE, NAMESPACE = "rollouts", "tools"

EVERYTHING = {
    "instanceId": "Blue_1",
    "commonLabels": {"team": "platform"},
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"digest": f"sha256:{'a' * 64}"},
    "replicas": 3,
    "gitops": {
        "credentials": {"namespaces": ["argocd", "flux-system"]},
        "extraRules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}],
    },
    "analysis": {"secretNamespaces": ["shop"]},
    "rbac": {"finalizers": True},
    "serviceAccount": {"name": "deployer", "annotations": {"cloud": "id"}},
    "extraArgs": ["--context=x"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "priorityClassName": "high",
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "networkPolicy": {
        "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
        "egress": {"enabled": True},
    },
    "metrics": {
        "service": {"annotations": {"e": "f"}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True},
    },
}
CASES = {
    "default": {},
    "namespaced": {"namespaced": True},
    "everything": EVERYTHING,
    "without-crds": {"crds": {"install": False}},
    "without-gitops": {"gitops": {"enabled": False}},
    "canaries": {"gitops": {"enabled": False}, "analysis": {"enabled": False}},
    "alone": {"replicas": 1, "leaderElection": {"enabled": False}},
    "cluster-admin": {"gitops": {"clusterAdmin": True}},
}


def run_helm(*arguments, values=None):
    """Run helm; values go in by its standard input."""
    text = yaml.safe_dump(values or {})
    return subprocess.run(
        [HELM, *arguments, "--values", "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def template(values=None):
    done = run_helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def rendered(case):
    """One of the cases as text."""
    return template(CASES[case])


@cache
def _read(case):
    return json.dumps(documents_of(rendered(case)))


def objects(case):
    """One of the cases as objects of one's own; the definitions among them are long as YAML."""
    return json.loads(_read(case))


def only(kind, documents):
    (found,) = [each for each in documents if each["kind"] == kind]
    return found


def names(kind, documents):
    return sorted(each["metadata"]["name"] for each in documents if each["kind"] == kind)
