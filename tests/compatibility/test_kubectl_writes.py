"""A stock kubectl changes the embedded cluster as it changes any other."""

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


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("kubectl"))
    yield served
    served.close()


@pytest.fixture
def kubectl(served):
    return served.in_namespace()


def documents(*manifests):
    """Join documents; the leading mark has kubectl read them as YAML and not as one JSON."""
    return "".join(f"---\n{manifest}\n" for manifest in manifests)


def read(kubectl, object_, path):
    return kubectl("get", object_, "-o", f"jsonpath={path}").out


@pytest.mark.parametrize("manifest", [deployment(), widget(), config_map(a="1")])
def test_applying_twice_changes_nothing(kubectl, manifest):
    first, second = kubectl.apply(manifest).out, kubectl.apply(manifest).out

    assert first.endswith(" created\n")
    assert second.endswith(" unchanged\n")


@pytest.mark.parametrize("manifest", [deployment(), widget(), config_map(a="1")])
def test_server_side_apply_may_be_repeated(kubectl, manifest):
    for _ in range(2):
        assert kubectl.apply(manifest, "--server-side").out.endswith(" serverside-applied\n")


def test_apply_removes_what_the_manifest_no_longer_has(kubectl):
    kubectl.apply(config_map(a="1", b="2"))
    kubectl.apply(config_map(a="1"))

    assert read(kubectl, "configmap/settings", "{.data}") == '{"a":"1"}'


def test_apply_keeps_what_others_set_in_a_keyed_list(kubectl):
    kubectl.apply(deployment())
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "x", "image": "x:1"}]}}}}
    kubectl("patch", "deployment/web", "-p", json.dumps(sidecar))
    kubectl.apply(deployment(image="web:2"))
    images = read(kubectl, "deployment/web", "{..containers[*].image}")

    assert sorted(images.split()) == ["web:2", "x:1"]


def test_a_conflict_of_owners_is_told_and_can_be_forced(kubectl):
    kubectl.apply(widget(color="red"), "--server-side", "--field-manager=one")
    refused = kubectl.apply(
        widget(color="blue"), "--server-side", "--field-manager=two", fails=True
    )
    forced = kubectl.apply(
        widget(color="blue"), "--server-side", "--field-manager=two", "--force-conflicts"
    )

    assert 'conflict with "one": .spec.color' in refused.err
    assert forced.out == "widget.example.com/one serverside-applied\n"
    assert read(kubectl, "wd/one", "{.spec.color}") == "blue"


def test_a_dry_run_leaves_no_trace(kubectl):
    text = kubectl.apply(widget(), "--dry-run=server").out

    assert text == "widget.example.com/one created (server dry run)\n"
    assert "not found" in kubectl("get", "wd/one", fails=True).err


def test_a_diff_shows_what_would_change(kubectl):
    kubectl.apply(config_map(a="1"))
    same = kubectl("diff", "-f", "-", stdin=config_map(a="1"))
    other = kubectl("diff", "-f", "-", stdin=config_map(a="2"), fails=True)

    assert same.out == ""
    assert other.code == 1
    assert '-  a: "1"' in other.out
    assert '+  a: "2"' in other.out
    assert read(kubectl, "configmap/settings", "{.data.a}") == "1"


def test_an_unknown_field_is_refused(kubectl):
    refused = kubectl.apply(widget(shape="round"), fails=True)
    misspelled = deployment().replace('"replicas"', '"replicsa"')

    assert 'unknown field "spec.shape"' in refused.err
    assert 'unknown field "spec.replicsa"' in kubectl.apply(misspelled, fails=True).err


def test_an_unknown_field_can_be_let_pass_with_a_warning(kubectl):
    applied = kubectl.apply(widget(shape="round"), "--validate=warn")

    assert 'Warning: unknown field "spec.shape"' in applied.err
    assert read(kubectl, "wd/one", "{.spec.shape}") == ""


def test_an_invalid_value_is_refused_with_its_field(kubectl):
    text = kubectl.apply(widget(color="pink"), fails=True).err

    assert 'spec.color: Unsupported value: "pink"' in text


def test_labels_and_annotations_are_set_and_removed(kubectl):
    kubectl.apply(widget())
    kubectl("label", "wd/one", "tier=front")
    kubectl("annotate", "wd/one", "example.com/note=hello")
    refused = kubectl("label", "wd/one", "tier=back", fails=True)
    kubectl("label", "wd/one", "tier=back", "--overwrite")

    assert "already has a value" in refused.err
    assert read(kubectl, "wd/one", "{.metadata.labels.tier}") == "back"
    assert read(kubectl, "wd/one", r"{.metadata.annotations.example\.com/note}") == "hello"

    kubectl("label", "wd/one", "tier-")

    assert read(kubectl, "wd/one", "{.metadata.labels.tier}") == ""


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", {"spec": {"replicas": 5}}),
        ("strategic", {"spec": {"replicas": 5}}),
        ("json", [{"op": "replace", "path": "/spec/replicas", "value": 5}]),
    ],
)
def test_every_kind_of_patch_works(kubectl, kind, patch):
    kubectl.apply(deployment())
    kubectl("patch", "deployment/web", f"--type={kind}", "-p", json.dumps(patch))

    assert read(kubectl, "deployment/web", "{.spec.replicas}") == "5"


def test_a_custom_resource_takes_no_strategic_patch(kubectl):
    kubectl.apply(widget())
    refused = kubectl("patch", "wd/one", "--type=strategic", "-p", "{}", fails=True)

    assert "strategic-merge-patch+json is not supported" in refused.err


def test_a_failed_test_of_a_json_patch_is_refused(kubectl):
    kubectl.apply(widget())
    patch = json.dumps([{"op": "test", "path": "/spec/color", "value": "blue"}])

    assert kubectl("patch", "wd/one", "--type=json", "-p", patch, fails=True).code == 1


def test_scaling_goes_through_the_scale_subresource(kubectl, served):
    kubectl.apply(deployment())
    kubectl.apply(widget())
    kubectl("scale", "deployment/web", "--replicas=4")
    kubectl("scale", "wd/one", "--replicas=7")
    refused = kubectl("scale", "wd/one", "--current-replicas=3", "--replicas=1", fails=True)

    assert read(kubectl, "deployment/web", "{.spec.replicas}") == "4"
    assert read(kubectl, "wd/one", "{.spec.replicas}") == "7"
    assert "Expected replicas to be 3, was 7" in refused.err
    assert served.running.requests.count(verb="patch", subresource="scale") >= 2


def test_objects_are_deleted_by_name_and_by_selector(kubectl):
    for name in ("one", "two", "three"):
        kubectl.apply(widget(name))
    kubectl("label", "wd", "one", "two", "group=a")
    by_name = kubectl("delete", "wd", "three").out
    by_selector = kubectl("delete", "wd", "-l", "group=a").out

    assert by_name.startswith('widget.example.com "three" deleted')
    assert by_selector.count("deleted") == 2
    assert kubectl("get", "wd", "-o", "name").out == ""


def test_all_objects_of_a_kind_are_deleted(kubectl):
    kubectl.apply(config_map("a", x="1"))
    kubectl.apply(config_map("b", x="1"))
    kubectl("delete", "configmaps", "--all")

    assert kubectl("get", "configmaps", "-o", "name").out == ""


def test_deleting_an_owner_takes_its_dependents_along(kubectl):
    kubectl.apply(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    kubectl("delete", "deployment", "web", "--cascade=foreground")

    assert kubectl("get", "replicasets,pods", "-o", "name").out == ""


def test_orphaned_dependents_stay(kubectl):
    kubectl.apply(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    kubectl("delete", "deployment", "web", "--cascade=orphan")
    left = kubectl("get", "replicasets", "-o", "json").json["items"]

    assert len(left) == 1
    assert "ownerReferences" not in left[0]["metadata"]
    assert len(kubectl("get", "pods", "-o", "name").lines) == 2


def test_an_adopted_replica_set_is_not_made_again(kubectl):
    kubectl.apply(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    before = kubectl("get", "replicasets", "-o", "name").lines
    kubectl("delete", "deployment", "web", "--cascade=orphan")
    kubectl.apply(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    assert kubectl("get", "replicasets", "-o", "name").lines == before
    assert len(kubectl("get", "pods", "-o", "name").lines) == 2


def test_a_namespace_goes_with_its_content(kubectl):
    kubectl.apply(deployment())
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=20s")

    assert "not found" in kubectl("get", "namespace", kubectl.namespace, fails=True).err


def test_create_replace_and_create_again(kubectl):
    kubectl("create", "-f", "-", stdin=config_map(a="1"))
    again = kubectl("create", "-f", "-", stdin=config_map(a="2"), fails=True)
    replaced = kubectl("replace", "-f", "-", stdin=config_map(a="3")).out

    assert "already exists" in again.err
    assert replaced == "configmap/settings replaced\n"
    assert read(kubectl, "configmap/settings", "{.data.a}") == "3"


def test_a_stale_replace_is_refused(kubectl):
    kubectl("create", "-f", "-", stdin=widget())
    old = kubectl("get", "wd/one", "-o", "json").out
    kubectl("label", "wd/one", "touched=yes")
    refused = kubectl("replace", "-f", "-", stdin=old, fails=True)

    assert "the object has been modified" in refused.err


def test_an_object_is_edited(kubectl, tmp_path):
    kubectl.apply(widget())
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nsed -i 's/color: red/color: green/' \"$1\"\n")
    script.chmod(0o755)
    text = kubectl("edit", "wd/one", KUBE_EDITOR=str(script)).out

    assert text == "widget.example.com/one edited\n"
    assert read(kubectl, "wd/one", "{.spec.color}") == "green"


def test_a_generated_name_is_completed(kubectl):
    manifest = config_map(a="1").replace('"name": "settings"', '"generateName": "made-"')
    text = kubectl("create", "-f", "-", stdin=manifest).out

    assert text.startswith("configmap/made-")
    assert text.endswith(" created\n")


def test_several_documents_are_applied_in_one_go(kubectl):
    text = kubectl.apply(documents(config_map(a="1"), widget(), deployment())).out

    assert text.count("created") == 3


def test_pruning_by_selector_removes_what_is_no_longer_there(kubectl):
    labelled = [
        config_map(name, x="1").replace('"metadata": {', '"metadata": {"labels": {"set": "s"}, ')
        for name in ("a", "b")
    ]
    kubectl.apply(documents(*labelled))
    arguments = ("--prune", "-l", "set=s", "--prune-allowlist=core/v1/ConfigMap")
    text = kubectl.apply(labelled[0], *arguments).out

    assert "configmap/b pruned" in text
    assert kubectl("get", "configmaps", "-o", "name").lines == ["configmap/a"]


@pytest.mark.parametrize(
    ("arguments", "object_", "path", "value"),
    [
        ("configmap c --from-literal=a=1", "configmap/c", "{.data.a}", "1"),
        ("secret generic s --from-literal=a=1", "secret/s", "{.data.a}", "MQ=="),
        ("serviceaccount robot", "serviceaccount/robot", "{.metadata.name}", "robot"),
        (
            "deployment d --image=web:1 --replicas=3 --port=80",
            "deployment/d",
            "{.spec.replicas} {..containerPort}",
            "3 80",
        ),
        ("job j --image=web:1 -- run me", "job/j", "{..command}", '["run","me"]'),
        (
            "service nodeport n --tcp=80:http",
            "service/n",
            "{.spec.ports[0].targetPort} {.spec.type}",
            "http NodePort",
        ),
        (
            "ingress i --rule=a.example.com/x*=web:80,tls=cert",
            "ingress/i",
            "{..backend.service.port.number} {.spec.tls[0].secretName}",
            "80 cert",
        ),
        ("role r --verb=get --resource=pods", "role/r", "{.rules[0].verbs[0]}", "get"),
        ("quota q --hard=cpu=1500m,pods=2", "quota/q", "{.spec.hard.cpu}", "1500m"),
        (
            "poddisruptionbudget p --selector=app=web --max-unavailable=50%",
            "pdb/p",
            "{.spec.maxUnavailable}",
            "50%",
        ),
    ],
)
def test_typed_commands_create_what_they_say(kubectl, arguments, object_, path, value):
    kubectl("create", *arguments.split())

    assert read(kubectl, object_, path) == value


def test_pods_are_evicted_by_a_drain(kubectl, served):
    kubectl.apply(deployment(replicas=1))
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    before = kubectl("get", "pods", "-o", "name").lines
    kubectl("drain", "embedded", "--force", "--pod-selector=app=web", "--timeout=20s")
    kubectl("uncordon", "embedded")
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    assert kubectl("get", "pods", "-o", "name").lines != before
