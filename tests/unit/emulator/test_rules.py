from __future__ import annotations

import pytest
from unit.emulator.objects import (
    MERGE,
    config_map,
    deployment,
    ingress,
    pod,
    pod_template,
    refused,
    replica_set,
    service,
)

PLURALS = {
    "Deployment": ("apps", "v1", "deployments"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "Service": ("", "v1", "services"),
    "Ingress": ("networking.k8s.io", "v1", "ingresses"),
    "Pod": ("", "v1", "pods"),
    "ConfigMap": ("", "v1", "configmaps"),
}


def create(server, manifest, kind=None):
    rt = server.resource(*PLURALS[kind or manifest["kind"]])
    return server.create(rt, "default", manifest)


def container(**fields):
    return deployment(template=pod_template(**fields))


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
SPEC = "spec.template.spec.containers[0]"


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (
            deployment(replicas=-1),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            deployment() | {"spec": {"template": pod_template()}},
            "spec.selector: Required value",
        ),
        (
            deployment(selector={}),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
        (
            deployment(template=pod_template({"app": "api"})),
            (
                'spec.template.metadata.labels: Invalid value: {"app":"api"}: '
                "`selector` does not match template `labels`"
            ),
        ),
        (
            replica_set(template=pod_template({"app": "api"})),
            (
                'spec.template.metadata.labels: Invalid value: {"app":"api"}: '
                "`selector` does not match template `labels`"
            ),
        ),
        (
            deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
            (
                "spec.strategy.rollingUpdate: Forbidden: "
                "may not be specified when strategy `type` is 'Recreate'"
            ),
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            (
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: "
                "may not be 0 when `maxSurge` is 0"
            ),
        ),
        (
            deployment(progressDeadlineSeconds=10, minReadySeconds=10),
            "spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds",
        ),
        (container(name=""), f"{SPEC}.name: Required value"),
        (container(image=""), f"{SPEC}.image: Required value"),
        (
            container(ports=[{"containerPort": 70000}]),
            (
                f"{SPEC}.ports[0].containerPort: Invalid value: 70000: "
                "must be between 1 and 65535, inclusive"
            ),
        ),
        (
            container(ports=[{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
            f'{SPEC}.ports[1].name: Duplicate value: "a"',
        ),
        (
            container(volumeMounts=[{"name": "gone", "mountPath": "/x"}]),
            f'{SPEC}.volumeMounts[0].name: Not found: "gone"',
        ),
        (
            container(readinessProbe={"periodSeconds": 1}),
            f"{SPEC}.readinessProbe: Required value: must specify a handler type",
        ),
        (
            container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
            (
                f'{SPEC}.resources.requests: Invalid value: "2": '
                "must be less than or equal to cpu limit of 1"
            ),
        ),
        (
            container(imagePullPolicy="Sometimes"),
            (
                f'{SPEC}.imagePullPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "IfNotPresent", "Never"'
            ),
        ),
        (
            deployment(template={**pod_template(), "spec": {"containers": []}}),
            "spec.template.spec.containers: Required value",
        ),
        (service(ports=[{"port": 0}]), "spec.ports[0].port: Invalid value: 0: must be between"),
        (
            service(ports=[{"port": 80}, {"port": 81}]),
            "spec.ports[0].name: Required value",
        ),
        (
            service(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
            'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
        ),
        (service("9web"), 'metadata.name: Invalid value: "9web": a DNS-1035 label must consist of'),
        (
            service(type="Magic"),
            (
                'spec.type: Unsupported value: "Magic": supported values: '
                '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ),
        ),
        (
            ingress(paths=[{"path": "/", "backend": BACKEND}]),
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        ),
        (
            ingress(paths=[{"path": "web", "pathType": "Prefix", "backend": BACKEND}]),
            'spec.rules[0].http.paths[0].path: Invalid value: "web": must be an absolute path',
        ),
        (
            ingress() | {"spec": {}},
            "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
        ),
        (pod("Web"), 'metadata.name: Invalid value: "Web": a lowercase RFC 1123 subdomain must'),
        (
            pod(containers=[{"name": "a", "image": "a"}, {"name": "a", "image": "b"}]),
            'spec.containers[1].name: Duplicate value: "a"',
        ),
        (
            config_map(data={"a b": "c"}),
            'data[a b]: Invalid value: "a b": a valid config key must consist of',
        ),
        (
            config_map(labels={"a b": "c"}),
            'metadata.labels: Invalid value: "a b": name part must consist of',
        ),
        (
            config_map(labels={"a": "-"}),
            'metadata.labels: Invalid value: "-": a valid label must be an empty string or',
        ),
        (
            config_map(annotations={"": "c"}),
            'metadata.annotations: Invalid value: "": name part must be non-empty',
        ),
        (
            config_map(ownerReferences=[{"kind": "A", "name": "a", "apiVersion": "v1"}]),
            'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
        ),
        (
            config_map(finalizers=["orphan", "foregroundDeletion"]),
            "finalizer orphan and foregroundDeletion cannot be both set",
        ),
    ],
)
def test_what_users_get_wrong_is_refused_in_the_words_of_the_api(server, manifest, message):
    with refused(422, reason="Invalid") as caught:
        create(server, manifest)
    assert message in caught.value.message


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_the_selector_of_a_workload_never_changes(server, kind):
    rt = server.resource(*PLURALS[kind])
    server.create(rt, "default", deployment() | {"kind": kind})
    labels = {"app": "api"}
    patch = {
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    }

    message = (
        f'{kind}.apps "web" is invalid: spec.selector: '
        'Invalid value: {"matchLabels":{"app":"api"}}: field is immutable'
    )
    with refused(422, message=message):
        server.patch(rt, "default", "web", patch, MERGE)


def test_the_address_of_a_service_never_changes(server):
    create(server, service())
    services = server.resource("", "v1", "services")
    patch = {"spec": {"clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9"]}}

    with refused(422) as caught:
        server.patch(services, "default", "web", patch, MERGE)
    assert 'spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set' in str(
        caught.value
    )


def test_a_pod_may_change_its_image_and_nothing_else(server):
    create(server, pod())
    pods = server.resource("", "v1", "pods")
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "web:2"}]
    command = [{"op": "add", "path": "/spec/containers/0/command", "value": ["x"]}]

    changed = server.patch(pods, "default", "web", image, "application/json-patch+json")

    assert "web:2" == changed["spec"]["containers"][0]["image"]
    with refused(422) as caught:
        server.patch(pods, "default", "web", command, "application/json-patch+json")
    assert "pod updates may not change fields other than" in caught.value.message


def test_a_pod_can_be_bound_to_a_node_once(server):
    create(server, pod())
    pods = server.resource("", "v1", "pods")

    server.patch(pods, "default", "web", {"spec": {"nodeName": "one"}}, MERGE)

    with refused(422):
        server.patch(pods, "default", "web", {"spec": {"nodeName": "two"}}, MERGE)


def test_an_immutable_config_map_never_changes(server):
    create(server, config_map() | {"immutable": True})
    maps = server.resource("", "v1", "configmaps")

    with refused(422) as caught:
        server.patch(maps, "default", "settings", {"data": {"key": "new"}}, MERGE)
    assert "data: Forbidden: field is immutable when `immutable` is set" in caught.value.message


def test_a_job_never_changes_its_template(server):
    jobs = server.resource("batch", "v1", "jobs")
    template = pod_template()
    template["spec"]["restartPolicy"] = "Never"
    server.create(jobs, "default", {"metadata": {"name": "j"}, "spec": {"template": template}})
    patch = {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}

    with refused(422) as caught:
        server.patch(jobs, "default", "j", patch, MERGE)
    assert "spec.template: Invalid value" in caught.value.message


def test_a_job_may_not_restart_its_pods_forever(server):
    jobs = server.resource("batch", "v1", "jobs")

    with refused(422) as caught:
        server.create(
            jobs, "default", {"metadata": {"name": "j"}, "spec": {"template": pod_template()}}
        )
    expected = (
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    )
    assert expected in caught.value.message


def test_the_counts_in_a_status_must_make_sense(server):
    create(server, replica_set())
    sets = server.resource("apps", "v1", "replicasets")
    patch = {"status": {"replicas": 1, "readyReplicas": 2}}

    with refused(422) as caught:
        server.patch(sets, "default", "web", patch, MERGE, subresource="status")
    assert "status.readyReplicas: Invalid value: 2: cannot be greater than" in str(caught.value)


def test_a_secret_value_never_shows_in_an_error(server):
    secrets = server.resource("", "v1", "secrets")
    manifest = {"metadata": {"name": "s"}, "stringData": {"bad key": "hunter2"}}

    with refused(422) as caught:
        server.create(secrets, "default", manifest)
    assert "hunter2" not in str(caught.value.status())
    assert "aHVudGVyMg==" not in str(caught.value.status())


def test_a_label_may_be_as_long_as_the_limit_and_no_longer(server):
    create(server, config_map("a", labels={"x": "v" * 63}))

    with refused(422) as caught:
        create(server, config_map("b", labels={"x": "v" * 64}))
    assert "must be no more than 63 bytes" in caught.value.message


def test_annotations_may_weigh_as_much_as_the_limit_and_no_more(server):
    limit = 256 * 1024
    create(server, config_map("a", annotations={"x": "v" * (limit - 1)}))

    with refused(422) as caught:
        create(server, config_map("b", annotations={"x": "v" * limit}))
    assert "Too long: may not be more than 262144 bytes" in caught.value.message
