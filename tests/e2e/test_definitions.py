"""The definitions on a true API server: taken without a word, and they do what clients rely on."""

from __future__ import annotations

import json
import re

import pytest
from e2e.hands import ROOT, Hands

from rollouts.api.crd import crd_manifests

pytestmark = pytest.mark.real

NAMES = [crd["metadata"]["name"] for crd in crd_manifests()]
ROLLOUT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {
        "name": "web",
        # No controller serves this: only the server is looked at.
        "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "nobody"},
    },
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1", "newer": {"a": [1]}}]},
        },
        "strategy": {"canary": {"steps": [{"setWeight": 10}], "newer": 1}},
    },
}


@pytest.fixture(scope="module")
def hands(control_plane, tmp_path_factory):
    made = Hands(control_plane, tmp_path_factory.mktemp("definitions"))
    made.run(f"apply --server-side --force-conflicts -f {ROOT / 'crds'}")
    made.run("wait --for=condition=Established crd --all --timeout=30s")
    return made


@pytest.fixture(scope="module")
def definitions(hands):
    """The definitions as the server has them, by name."""
    return {each["metadata"]["name"]: each for each in hands.get("crd")["items"]}


@pytest.fixture
def rollout(hands, request):
    """A fresh Rollout; its `kubectl get` words."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    hands.run("apply -f -", stdin={**ROLLOUT, "metadata": {**ROLLOUT["metadata"], "name": name}})
    yield f"rollout {name}"
    hands.run(f"delete rollout {name}")


def patch(hands, what, body, *words):
    hands.run(["patch", *what.split(), "--type=merge", "-p", json.dumps(body), *words])


def test_the_definitions_are_applied_by_the_server_without_a_warning(hands):
    """`run` asserts that kubectl has said nothing on its standard error."""
    said = hands.run(f"apply --server-side --force-conflicts -f {ROOT / 'crds'}")

    assert said.count("serverside-applied") == len(NAMES)


def test_the_definitions_are_applied_by_kubectl_without_a_warning(hands):
    """As copies of other groups: the definitions themselves are the server's already.

    Not for good, because the server can take a minute to forget a definition.
    """
    copies = [_copy(crd) for crd in crd_manifests()]
    items = {"apiVersion": "v1", "kind": "List", "items": copies}
    said = hands.run("apply --dry-run=server -f -", stdin=items)

    assert said.count(" created (server dry run)") == len(NAMES)


def _copy(crd):
    group = f"copy.{crd['spec']['group']}"
    name = f"{crd['spec']['names']['plural']}.{group}"
    return {**crd, "metadata": {"name": name}, "spec": {**crd["spec"], "group": group}}


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_is_structural_and_served(definitions, name):
    status = definitions[name]["status"]

    assert {(each["type"], each["status"]) for each in status["conditions"]} == {
        ("NamesAccepted", "True"),
        ("Established", "True"),
    }


def test_unknown_fields_go_at_the_top_and_stay_below(hands, rollout):
    """Below, they may be a newer version's: a status write of ours must not lose them."""
    patch(hands, rollout, {"spec": {"later": {"a": 1}}})
    patch(hands, rollout, {"status": {"later": 2}}, "--subresource=status")
    loud = hands.attempt(
        ["patch", *rollout.split(), "--type=merge", "-p", json.dumps({"topmost": 1})]
    )

    found = hands.get(rollout)
    assert 'unknown field "topmost"' in loud.stderr
    assert "topmost" not in found
    assert found["spec"]["later"] == {"a": 1}
    assert found["spec"]["strategy"]["canary"]["newer"] == 1
    assert found["spec"]["template"]["spec"]["containers"][0]["newer"] == {"a": [1]}
    assert found["status"]["later"] == 2


def test_an_unknown_field_at_the_top_is_named(hands):
    done = hands.attempt("apply --dry-run=server -f -", stdin={**ROLLOUT, "topmost": 1})

    assert done.returncode == 1
    assert 'unknown field "topmost"' in done.stderr


def test_replicas_are_defaulted_so_that_an_autoscaler_has_a_number(hands):
    spec = {key: value for key, value in ROLLOUT["spec"].items() if key != "replicas"}
    made = hands.run("create --dry-run=server -o json -f -", stdin={**ROLLOUT, "spec": spec})

    assert json.loads(made)["spec"]["replicas"] == 1


def test_a_write_to_the_object_leaves_status_alone_and_the_reverse(hands, rollout):
    patch(hands, rollout, {"status": {"phase": "Healthy"}}, "--subresource=status")
    before = hands.get(rollout)
    patch(hands, rollout, {"status": {"phase": "Degraded"}})
    patch(hands, rollout, {"spec": {"replicas": 9}, "status": {"message": "x"}},
          "--subresource=status")  # fmt: skip

    after = hands.get(rollout)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["status"] == {"phase": "Healthy", "message": "x"}


def test_kubectl_scales_a_rollout(hands, rollout):
    hands.run(f"scale {rollout} --current-replicas=3 --replicas=7")

    found = hands.get(rollout)
    assert found["spec"]["replicas"] == 7
    assert found["metadata"]["generation"] == 2


def test_an_autoscaler_reads_its_selector_and_its_count(hands, rollout):
    patch(
        hands, rollout, {"status": {"HPAReplicas": 4, "replicas": 6, "selector": "app=web"}},
        "--subresource=status",
    )  # fmt: skip

    name = rollout.split()[1]
    path = f"/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/{name}/scale"
    scale = json.loads(hands.run(f"get --raw {path}"))
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 4, "selector": "app=web"}


def test_short_names_and_categories(hands, rollout):
    name = rollout.split()[1]
    for words in ("ro", "rollouts", "rollout", "ro.argoproj.io", "all"):
        assert f"rollout.argoproj.io/{name}" in hands.run(f"get {words} -o name"), words
    for words in ("app", "apps", "gitrepo", "helmrepo", "ks", "fluxcd"):
        assert "doesn't have a resource type" not in hands.attempt(f"get {words}").stderr, words


def test_the_columns_say_where_a_rollout_stands(hands, rollout):
    status = {
        "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3, "phase": "Paused",
        "currentStepIndex": 2, "canary": {"weights": {"canary": {"weight": 10}}},
    }  # fmt: skip
    patch(hands, rollout, {"status": status}, "--subresource=status")
    head, line = hands.run(f"get {rollout} -o wide").splitlines()

    columns = "NAME DESIRED CURRENT UP-TO-DATE AVAILABLE AGE STATUS STEP WEIGHT"
    assert head.split() == columns.split()
    assert [*line.split()[1:5], *line.split()[6:]] == ["3", "4", "1", "3", "Paused", "2", "10"]


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("rollout", "spec", "A workload that is updated progressively."),
        ("rollout.spec", "progressDeadlineAbort", "Abort an update that misses its deadline."),
        ("rollout.spec.strategy.canary", "stableService", "Service that selects the stable pods."),
        ("rollout.spec.strategy.canary.steps", "setWeight", "from 0 to maxTrafficWeight (100)"),
        ("rollout.spec.strategy.canary.steps.pause", "duration", "such as 30s, 10m, 1h30m"),
        ("rollout.spec.strategy.canary.trafficRouting.nginx", "stableIngress", "stable Service"),
        ("rollout.status", "currentStepIndex", "the number of steps when all are done"),
        ("application.spec.syncPolicy", "automated", ""),
        ("kustomization.spec", "healthChecks", ""),
        ("gitrepository.spec", "interval", ""),
        ("helmrepository.spec", "url", ""),
    ],
)
def test_kubectl_explains_a_field(hands, path, field, words):
    text = " ".join(hands.run(f"explain {path}").split())

    assert "<no description>" not in text
    assert field in text
    assert words in text


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_the_served_schema_is_described(hands, definitions, name):
    """What `kubectl explain --recursive` is made from."""
    spec = definitions[name]["spec"]
    version = spec["versions"][0]["name"]
    document = json.loads(hands.run(f"get --raw /openapi/v3/apis/{spec['group']}/{version}"))
    (schema,) = (
        schema
        for schema in document["components"]["schemas"].values()
        for kind in schema.get("x-kubernetes-group-version-kind", ())
        if kind["kind"] == spec["names"]["kind"]
    )
    fields = list(_fields(schema["properties"]["spec"], "spec"))

    assert len(fields) > 5
    assert [path for path, description in fields if not description] == []


def _fields(schema, path):
    """Yield the path and description of a field and of all below it."""
    yield path, schema.get("description", "")
    items = schema.get("items", {})
    for name, below in {**schema.get("properties", {}), **items.get("properties", {})}.items():
        yield from _fields(below, f"{path}.{name}")
