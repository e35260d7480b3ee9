"""A stock kubectl reads the embedded cluster as it reads any other."""

import json

import pytest
from compatibility.kubectl_server import (
    KUBECTL,
    Served,
    config_map,
    deployment,
    widget,
)

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on the PATH"),
]

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules:
  - host: web.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("kubectl"))
    yield served
    served.close()


@pytest.fixture
def kubectl(served):
    return served.in_namespace()


@pytest.fixture
def web(kubectl):
    """A kubectl whose namespace holds a Deployment of two ready pods."""
    kubectl.apply(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    return kubectl


def headers(result):
    return result.lines[0].split()


def test_versions_and_health_are_answered(kubectl):
    assert "Server Version: v1." in kubectl("version").out
    assert kubectl("get", "--raw", "/readyz").out == "ok"


def test_pods_have_their_columns(web):
    narrow, wide = web("get", "pods"), web("get", "pods", "-o", "wide")

    assert headers(narrow) == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert narrow.lines[1].split()[1:4] == ["1/1", "Running", "0"]
    assert len(narrow.lines) == 3
    assert wide.lines[0].split()[5:7] == ["IP", "NODE"]
    assert "embedded" in wide.lines[1]


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("deployments", "NAME READY UP-TO-DATE AVAILABLE AGE"),
        ("replicasets", "NAME DESIRED CURRENT READY AGE"),
        ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE"),
        ("ingresses", "NAME CLASS HOSTS ADDRESS PORTS AGE"),
        ("events", "LAST SEEN TYPE REASON OBJECT MESSAGE"),
        ("endpoints", "NAME ENDPOINTS AGE"),
        ("endpointslices", "NAME ADDRESSTYPE PORTS ENDPOINTS AGE"),
        ("configmaps", "NAME DATA AGE"),
    ],
)
def test_built_in_kinds_have_their_columns(web, resource, columns):
    web.apply(f"{SERVICE}---{INGRESS}")
    web.apply(config_map(a="1"))

    assert " ".join(headers(web("get", resource))) == columns


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("namespaces", "NAME STATUS AGE"),
        ("crds", "NAME CREATED AT"),
        ("nodes", "NAME STATUS ROLES AGE VERSION"),
    ],
)
def test_cluster_wide_kinds_have_their_columns(kubectl, resource, columns):
    assert " ".join(headers(kubectl("get", resource))) == columns


def test_custom_resources_show_the_columns_of_their_definition(kubectl):
    kubectl.apply(widget(replicas=3))
    kubectl(
        "patch",
        "wd/one",
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
    )
    narrow, wide = kubectl("get", "wd"), kubectl("get", "widgets.example.com", "-o", "wide")

    assert headers(narrow) == ["NAME", "COLOR", "READY", "AGE"]
    assert narrow.lines[1].split()[:3] == ["one", "red", "True"]
    assert wide.lines[1].split()[:4] == ["one", "red", "3", "True"]


def test_output_formats_agree(web):
    as_json = web("get", "deployment", "web", "-o", "json").json
    name = web("get", "deployment", "web", "-o", "jsonpath={.metadata.name}").out
    as_yaml = web("get", "deployment", "web", "-o", "yaml").out
    names = web("get", "deployments", "-o", "name").lines

    assert as_json["spec"]["replicas"] == 2
    assert name == "web"
    assert "replicas: 2" in as_yaml
    assert names == ["deployment.apps/web"]


def test_lists_are_narrowed_by_selectors(web):
    web.apply(deployment("api", replicas=1))
    web("rollout", "status", "deployment/api", "--timeout=20s")
    running = web("get", "pods", "--field-selector=status.phase=Running", "--no-headers")
    pending = web("get", "pods", "--field-selector=status.phase=Pending", "--no-headers")

    assert len(web("get", "pods", "-l", "app=api", "--no-headers").lines) == 1
    assert len(web("get", "pods", "-l", "app in (web, api)", "--no-headers").lines) == 3
    assert len(running.lines) == 3
    assert pending.lines == []


def test_long_lists_come_in_pages(kubectl):
    for index in range(5):
        kubectl.apply(config_map(f"map-{index}", a="1"))
    names = kubectl("get", "configmaps", "--chunk-size=2", "-o", "name").lines

    assert names == [f"configmap/map-{index}" for index in range(5)]


def test_a_category_lists_several_kinds(web):
    names = web("get", "all", "-o", "name").lines

    assert [name.partition("/")[0] for name in names] == [
        "pod",
        "pod",
        "deployment.apps",
        "replicaset.apps",
    ]


def test_a_watch_shows_changes_as_they_happen(kubectl):
    kubectl.apply(widget())
    watching = kubectl.start("get", "wd", "-w", "--output-watch-events")
    try:
        first = [watching.stdout.readline() for _ in range(2)]
        kubectl("patch", "wd/one", "--type=merge", "-p", '{"spec":{"color":"blue"}}')
        changed = watching.stdout.readline()
        kubectl("delete", "wd/one")
        deleted = watching.stdout.readline()
    finally:
        watching.terminate()
        watching.communicate()

    assert first[0].split()[:3] == ["EVENT", "NAME", "COLOR"]
    assert first[1].split()[:3] == ["ADDED", "one", "red"]
    assert changed.split()[:3] == ["MODIFIED", "one", "blue"]
    assert deleted.split()[:3] == ["DELETED", "one", "blue"]


@pytest.mark.parametrize(
    ("object_", "facts"),
    [
        ("pod", ["Status:", "Running", "Controlled By:", "Ready", "Started container app"]),
        ("replicaset", ["Replicas:", "2 current / 2 desired", "SuccessfulCreate"]),
        ("deployment", ["2 desired | 2 updated | 2 total | 2 available", "MinimumReplicas"]),
        ("service", ["Selector:", "app=web", "8080/TCP", "10.244."]),
        ("ingress", ["web.example.com", "web:80 (10.244.", "Address:", "127.0.0.1"]),
        ("node/embedded", ["Ready", "kubelet", "Non-terminated Pods:"]),
    ],
)
def test_descriptions_tell_what_matters(web, object_, facts):
    web.apply(f"{SERVICE}---{INGRESS}")
    web("wait", "--for=jsonpath={.status.loadBalancer.ingress}", "ingress/web", "--timeout=10s")
    # Newer ones leave Events out when they describe several objects.
    text = web("describe", object_, "--show-events").out

    for fact in facts:
        assert fact in text


def test_a_custom_resource_can_be_described(kubectl):
    kubectl.apply(widget(parts=[{"name": "wheel"}]))
    text = kubectl("describe", "wd", "one").out

    assert "Color:" in text
    assert "wheel" in text


def test_broken_pods_tell_why(kubectl):
    kubectl.apply(deployment("crash", "web:broken", replicas=1))
    kubectl.apply(deployment("pull", "web:missing", replicas=1))
    kubectl(
        "wait",
        "pod",
        "-l",
        "app=crash",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff",
        "--timeout=20s",
    )
    words = {
        line.split()[0].partition("-")[0]: line.split()[2]
        for line in kubectl("get", "pods", "--no-headers").lines
    }

    assert words["crash"] == "CrashLoopBackOff"
    assert words["pull"] in {"ErrImagePull", "ImagePullBackOff"}
    assert "Back-off restarting" in kubectl("events", "--types=Warning").out


def test_built_in_fields_are_explained(kubectl):
    text = kubectl("explain", "deployment.spec.strategy.rollingUpdate").out

    assert "GROUP:      apps" in text
    assert "maxSurge" in text
    assert "image" in kubectl("explain", "pod.spec.containers").out


def test_custom_fields_are_explained(kubectl):
    text = kubectl("explain", "widget.spec.parts").out

    assert "What it is made of." in text
    assert "Name of the part." in text
    assert "color\t<string> -required-" in kubectl("explain", "wd", "--recursive").out


def test_an_unknown_field_cannot_be_explained(kubectl):
    assert "does not exist" in kubectl("explain", "widget.spec.shape", fails=True).err


def test_resources_and_versions_are_discovered(kubectl):
    resources = kubectl("api-resources", "-o", "wide").out
    toys = kubectl("api-resources", "--categories=toys", "-o", "name").lines
    versions = kubectl("api-versions").lines

    assert "wd" in resources
    assert "deploy" in resources
    assert toys == ["widgets.example.com"]
    assert {"v1", "apps/v1", "example.com/v1"} <= set(versions)


def test_an_unknown_resource_is_told(kubectl):
    text = kubectl("get", "gadgets", fails=True).err

    assert "the server doesn't have a resource type" in text


def test_a_missing_object_is_told(kubectl):
    text = kubectl("get", "wd", "none", fails=True).err

    assert 'widgets.example.com "none" not found' in text


def test_events_are_listed_for_an_object(web):
    text = web("events", "--for=deployment/web").out

    assert "ScalingReplicaSet" in text
    assert "Scaled up replica set" in text


def test_everything_is_allowed(kubectl):
    assert kubectl("auth", "can-i", "delete", "pods").out == "yes\n"
    assert "*.*" in kubectl("auth", "can-i", "--list").out
    assert "admin" in kubectl("auth", "whoami").out


def test_logs_tell_what_a_container_did(web):
    assert web("logs", "deployment/web").out == "web:1 started\n"


def test_a_rollout_is_followed_to_its_end(web):
    web("set", "image", "deployment/web", "app=web:slow")
    text = web("rollout", "status", "deployment/web", "--timeout=30s").out

    assert "successfully rolled out" in text


def test_a_deployment_goes_back_to_its_earlier_revision(web):
    web("set", "image", "deployment/web", "app=web:2")
    web("rollout", "status", "deployment/web", "--timeout=20s")
    history = web("rollout", "history", "deployment/web").lines
    web("rollout", "undo", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=20s")
    image = web("get", "deployment/web", "-o", "jsonpath={..containers[0].image}").out

    assert [line.split()[0] for line in history[2:4]] == ["1", "2"]
    assert image == "web:1"


def test_wait_sees_conditions_values_and_deletions(web, served):
    web("wait", "--for=condition=Available", "deployment/web", "--timeout=10s")
    web("wait", "--for=jsonpath={.status.readyReplicas}=2", "deployment/web", "--timeout=10s")
    watched = served.expect(verb="watch", resource="deployments.apps", namespace=web.namespace)
    waiting = web.start("wait", "--for=delete", "deployment/web", "--timeout=20s")
    assert watched.wait(20)
    web("delete", "deployment/web")
    out, _ = waiting.communicate(timeout=30)

    assert waiting.returncode == 0
    assert "condition met" in out
