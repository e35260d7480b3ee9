from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.emulator.objects import (
    MERGE,
    deployment,
    ingress,
    pod,
    pod_template,
    refused,
    replica_set,
    service,
)

from rollouts.emulator.quantities import canonical_quantity, quantity_value


def create(server, group, version, plural, manifest):
    return server.create(server.resource(group, version, plural), "default", manifest)


def test_a_deployment_is_completed_as_by_the_real_server(server):
    made = create(server, "apps", "v1", "deployments", deployment())

    assert {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "web:1",
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                        "imagePullPolicy": "IfNotPresent",
                    }
                ],
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 30,
                "dnsPolicy": "ClusterFirst",
                "securityContext": {},
                "schedulerName": "default-scheduler",
            },
        },
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        },
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    } == made["spec"]
    assert ({}, 1) == (made["status"], made["metadata"]["generation"])


def test_a_stated_value_is_not_defaulted(server):
    made = create(
        server, "apps", "v1", "deployments", deployment(replicas=0, strategy={"type": "Recreate"})
    )

    assert (0, {"type": "Recreate"}) == (made["spec"]["replicas"], made["spec"]["strategy"])


def test_a_default_returns_when_a_patch_removes_the_value(server):
    deployments = server.resource("apps", "v1", "deployments")
    server.create(deployments, "default", deployment(replicas=3))

    patched = server.patch(deployments, "default", "web", {"spec": {"replicas": None}}, MERGE)

    assert 1 == patched["spec"]["replicas"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("web:1", "IfNotPresent"),
        ("host:5000/web", "Always"),
        ("host:5000/web:1", "IfNotPresent"),
        ("web@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(server, image, policy):
    made = create(
        server, "apps", "v1", "replicasets", replica_set(template=pod_template(image=image))
    )

    assert policy == made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"]


def test_ports_and_probes_are_completed(server):
    probe = {"httpGet": {"port": 8080}}
    container = {"ports": [{"containerPort": 80}], "readinessProbe": probe}
    made = create(
        server, "apps", "v1", "replicasets", replica_set(template=pod_template(**container))
    )

    completed = made["spec"]["template"]["spec"]["containers"][0]
    assert [{"containerPort": 80, "protocol": "TCP"}] == completed["ports"]
    assert {
        "httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    } == completed["readinessProbe"]


def test_empty_optional_values_are_not_kept(server):
    template = pod_template(command=[], workingDir="", env=[{"name": "A", "value": ""}])
    template["spec"]["hostNetwork"] = False

    made = create(server, "apps", "v1", "replicasets", replica_set(template=template))

    container = made["spec"]["template"]["spec"]["containers"][0]
    assert {"command", "workingDir"}.isdisjoint(container)
    assert [{"name": "A"}] == container["env"]
    assert "hostNetwork" not in made["spec"]["template"]["spec"]


def test_unknown_fields_of_built_in_kinds_are_dropped_and_can_be_reported(server):
    manifest = deployment(replica=3)
    deployments = server.resource("apps", "v1", "deployments")

    with refused(400) as caught:
        server.create(deployments, "default", manifest, field_validation="Strict")
    assert 'strict decoding error: unknown field "spec.replica"' in caught.value.message
    assert "replica" not in server.create(deployments, "default", manifest)["spec"]


def test_a_value_of_the_wrong_type_is_refused_with_its_path(server):
    message = (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal '
        "string into Go struct field DeploymentSpec.spec.replicas of type int32"
    )
    with refused(400, reason="BadRequest", message=message):
        create(server, "apps", "v1", "deployments", deployment(replicas="3"))


def test_quantities_take_their_canonical_form(server):
    resources = {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 2}}

    made = create(
        server, "apps", "v1", "replicasets", replica_set(template=pod_template(resources=resources))
    )

    completed = made["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2"}} == completed


def test_a_pod_requests_what_it_is_limited_to(server):
    container = pod()["spec"]["containers"][0] | {"resources": {"limits": {"cpu": "1"}}}

    made = create(server, "", "v1", "pods", pod(containers=[container]))

    resources = made["spec"]["containers"][0]["resources"]
    assert {"cpu": "1"} == resources["requests"] == resources["limits"]
    assert made["spec"]["enableServiceLinks"]
    assert "Burstable" == made["status"]["qosClass"]


def test_a_service_is_completed_and_given_an_address(server):
    first = create(server, "", "v1", "services", service())
    second = create(server, "", "v1", "services", service("other"))

    assert {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "clusterIP": "10.96.0.10",
        "clusterIPs": ["10.96.0.10"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    } == first["spec"]
    assert {"loadBalancer": {}} == first["status"]
    assert "10.96.0.11" == second["spec"]["clusterIP"]


def test_a_released_address_is_given_again(server):
    services = server.resource("", "v1", "services")
    create(server, "", "v1", "services", service())
    server.delete(services, "default", "web")

    assert "10.96.0.10" == server.create(services, "default", service())["spec"]["clusterIP"]


def test_a_headless_service_stays_without_an_address(server):
    made = create(server, "", "v1", "services", service(clusterIP="None"))

    assert ("None", ["None"]) == (made["spec"]["clusterIP"], made["spec"]["clusterIPs"])


def test_an_update_that_leaves_the_address_out_keeps_it(server):
    services = server.resource("", "v1", "services")
    server.create(services, "default", service())

    replaced = server.update(services, "default", "web", service(ports=[{"port": 81}]))

    assert "10.96.0.10" == replaced["spec"]["clusterIP"]


def test_node_ports_are_given_out_kept_and_released(server):
    services = server.resource("", "v1", "services")
    made = server.create(services, "default", service(type="NodePort"))
    kept = server.update(services, "default", "web", service(type="NodePort"))
    released = server.update(services, "default", "web", service())

    ports = [each["spec"]["ports"][0].get("nodePort") for each in (made, kept, released)]
    assert [30000, 30000, None] == ports


def test_a_job_gets_a_selector_of_its_own(server):
    template = pod_template()
    template["spec"]["restartPolicy"] = "Never"
    made = create(
        server,
        "batch",
        "v1",
        "jobs",
        {"metadata": {"name": "migrate"}, "spec": {"template": template}},
    )

    uid = made["metadata"]["uid"]
    assert {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}} == made["spec"]["selector"]
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert ("migrate", uid) == (
        labels["batch.kubernetes.io/job-name"],
        labels["controller-uid"],
    )
    completed = {"completions": 1, "parallelism": 1, "backoffLimit": 6, "suspend": False}
    assert completed.items() <= made["spec"].items()


def test_an_ingress_is_kept_as_it_is(server):
    made = create(server, "networking.k8s.io", "v1", "ingresses", ingress())

    assert ingress()["spec"] == made["spec"]
    assert ({"loadBalancer": {}}, 1) == (made["status"], made["metadata"]["generation"])


def test_text_in_a_secret_is_encoded(server):
    made = create(
        server, "", "v1", "secrets", {"metadata": {"name": "s"}, "stringData": {"a": "hello"}}
    )

    assert ({"a": "aGVsbG8="}, "Opaque") == (made["data"], made["type"])
    assert "stringData" not in made


def test_a_namespace_is_labelled_with_its_name(server):
    namespaces = server.resource("", "v1", "namespaces")
    made = server.create(namespaces, "", {"metadata": {"name": "shop"}})

    assert {"kubernetes.io/metadata.name": "shop"} == made["metadata"]["labels"]
    assert ("Active", ["kubernetes"]) == (made["status"]["phase"], made["spec"]["finalizers"])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("0.5", "500m"),
        ("1.5Gi", "1536Mi"),
        ("1e3", "1e3"),
        ("100e-3", "100e-3"),
        ("1500Ki", "1500Ki"),
        ("0", "0"),
        ("0Gi", "0"),
        ("-1", "-1"),
        ("1024", "1024"),
        ("0.1n", "1n"),
        ("12e6", "12e6"),
        ("1e1", "10"),
        ("0.5Ki", "512"),
        ("x", None),
        ("1 Gi", None),
        ("", None),
    ],
)
def test_the_canonical_form_of_a_quantity_is_that_of_the_library(text, canonical):
    assert canonical == canonical_quantity(text)


quantities = st.builds(
    lambda number, suffix: f"{number}{suffix}",
    st.integers(0, 10**6),
    st.sampled_from(["", "m", "u", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-3"]),
)


@given(quantities)
def test_the_canonical_form_keeps_the_value_and_is_its_own(text):
    canonical = canonical_quantity(text)

    assert quantity_value(text) == quantity_value(canonical)
    assert canonical == canonical_quantity(canonical)
