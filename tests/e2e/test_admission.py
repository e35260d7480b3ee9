"""A true API server refuses what the table says, in words that help; and nothing else."""

from __future__ import annotations

import json

import pytest
import yaml
from compatibility.admission import BASE, REFUSED, TAKEN
from compatibility.test_seed import MISSING, SEED
from e2e.hands import ROOT, Hands, Line

from rollouts.api.crd import crd_manifests

pytestmark = pytest.mark.real

ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts"
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if "templates" not in path.parts
    and "kustomization" not in path.name
    and "kind: Rollout" in path.read_text()
)
FILES = sorted(path.name for path in SEED.glob("*.yaml"))


@pytest.fixture(scope="module")
def hands(control_plane, tmp_path_factory):
    made = Hands(control_plane, tmp_path_factory.mktemp("admission"))
    made.run(f"apply --server-side --force-conflicts -f {ROOT / 'crds'}")
    made.run("wait --for=condition=Established crd --all --timeout=30s")
    return made


@pytest.fixture(scope="module")
def line(hands, control_plane):
    made = Line(control_plane)
    yield made
    made.close()


def create(line, manifest):
    """Create a Rollout as kubectl's dry run by the server would."""
    return line.ask("POST", f"{ROLLOUTS}?dryRun=All&fieldValidation=Strict", manifest)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_the_server_blames_the_field(line, case):
    answer = create(line, case.manifest)

    assert answer.code == 422
    assert case.says in answer.message
    # A rule about the name stands at the top, and one over a list can only blame the list.
    place = case.path.partition("[")[0].replace("metadata.name", "metadata")
    assert place in answer.message


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case.name)
def test_the_server_takes_a_rollout_in_silence(line, case):
    answer = create(line, case.manifest)

    assert (answer.code, answer.warnings) == (201, [])


def test_all_that_is_wrong_is_said_at_once(line):
    manifest = {**BASE, "spec": {**BASE["spec"], "replicas": 1, "strategy": {"canary": {
        "stableService": "a", "canaryService": "a", "maxSurge": 0, "maxUnavailable": 0,
        "trafficRouting": {"nginx": {}}, "steps": [{"pause": {"duration": "soon"}}, {}],
    }}}}  # fmt: skip
    said = create(line, manifest).message

    for words in ("canaryService", "maxSurge", "stableIngress", '"soon"', "steps[1]"):
        assert words in said


def test_a_selector_cannot_be_changed(hands):
    """Other pods would be counted, and the former ones left without an owner."""
    name = "selector-stays"
    hands.run("create -f -", stdin={**BASE, "metadata": _nobodys(name)})
    labels = {"app": "other"}
    change = {"spec": {"selector": {"matchLabels": labels},
                       "template": {"metadata": {"labels": labels}}}}  # fmt: skip
    done = hands.attempt(["patch", "rollout", name, "--type=merge", "-p", json.dumps(change)])
    hands.run(f"delete rollout {name}")

    assert done.returncode == 1
    assert "spec.selector is immutable; to select other pods make a new Rollout" in done.stderr


def test_an_object_from_before_the_rules_is_still_served(hands, line):
    """Its status is written, it is annotated, scaled and mended; only new mistakes are refused."""
    name = "old-mistakes"
    lax, strict = _definitions()
    hands.run("apply --server-side --force-conflicts -f -", stdin=lax)
    broken = {**BASE, "metadata": _nobodys(name), "spec": {
        **BASE["spec"], "minReadySeconds": 5, "strategy": {"canary": {
            "stableService": "a", "canaryService": "a",
            "steps": [{"setWeight": 700}, {"pause": {"duration": "soon"}}, {}],
        }}}}  # fmt: skip
    hands.run("create -f -", stdin=broken)
    hands.run("apply --server-side --force-conflicts -f -", stdin=strict)
    _await_rules(line)

    def change(body, *words):
        return hands.attempt(["patch", "ro", name, "--type=merge", "-p", json.dumps(body), *words])

    status = change({"status": {"phase": "Degraded"}}, "--subresource=status")
    label = change({"metadata": {"annotations": {"rollouts.dev/abort": "true"}}})
    resize = hands.attempt(f"scale ro {name} --replicas=4")
    pause = change({"spec": {"paused": True}})
    worse = change({"spec": {"strategy": {"canary": {"maxSurge": "lots"}}}})
    mend = change({"spec": {"strategy": {"canary": {
        "canaryService": "b", "steps": [{"setWeight": 10}]}}}})  # fmt: skip
    hands.run(f"delete rollout {name}")

    # The server goes on warning of what is wrong, until it is mended.
    assert [done.returncode for done in (status, label, resize, pause, mend)] == [0] * 5
    assert mend.stderr == ""
    assert "steps[0].setWeight is 700" in label.stderr
    assert worse.returncode == 1
    assert "spec.strategy.canary.maxSurge" in worse.stderr


@pytest.mark.parametrize("way", ["", "--server-side"])
@pytest.mark.parametrize("name", FILES)
def test_a_manifest_of_the_seed_is_taken_without_a_warning(hands, name, way):
    """As it stands, and with what the fragments leave to be added."""
    documents = list(yaml.safe_load_all((SEED / name).read_text()))
    added = MISSING.get(name, {})
    whole = [each | {"spec": each["spec"] | added} for each in documents] if added else []
    for namespace in {each["metadata"].get("namespace", "default") for each in documents}:
        _ensure_namespace(hands, namespace)
    text = yaml.safe_dump_all([*documents, *whole])
    said = hands.run(f"apply --dry-run=server {way} -f -", stdin=text)

    assert said.count("(server dry run)") == len(documents) + len(whole)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_is_taken_without_a_warning(hands, path):
    hands.run(f"apply --dry-run=server --server-side -f {path}")


def _nobodys(name):
    """Return the metadata of a Rollout that no controller serves."""
    return {"name": name, "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "nobody"}}


def _ensure_namespace(hands, name):
    if hands.attempt(f"get namespace {name}").returncode:
        hands.run(f"create namespace {name}")


def _definitions():
    """Return the Rollout's definition without its rules, and as it is."""
    (strict,) = (c for c in crd_manifests() if c["metadata"]["name"] == "rollouts.argoproj.io")
    lax = json.loads(json.dumps(strict))
    _relax(lax["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    return lax, strict


def _relax(schema):
    for key in ("x-kubernetes-validations", "maxItems", "minimum", "maximum", "maxLength"):
        schema.pop(key, None)
    for below in schema.get("properties", {}).values():
        _relax(below)
    if "items" in schema:
        _relax(schema["items"])


def _await_rules(line):
    """Wait until the server goes by the definition that it has just taken."""
    for _ in range(100):
        if create(line, REFUSED[0].manifest).code == 422:
            return
    raise AssertionError("the rules are not in force")
