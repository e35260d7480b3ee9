"""Hashes are held to what the peer's own Go code answers; see tools/podschema."""

import copy
import json
from pathlib import Path

import pytest

from rollouts.api.pod_schema import STRUCTS
from rollouts.api.pod_schema_table import KUBERNETES_VERSION
from rollouts.api.pod_template import pod_template_hash, steps_hash, template_digest

GOLDEN = Path(__file__).parents[2] / "golden"
PEER_LIBRARIES = "v0.34.5"  # k8s.io/api of the peer's newest release


def read_cases(folder):
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted((GOLDEN / folder).glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
    ]


TEMPLATES = read_cases("pod_template_hash")


def pod(*, spec=None, labels=None, **container):
    return {
        "metadata": {"labels": labels or {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", **container}], **(spec or {})},
    }


def test_there_are_enough_cases_to_trust():
    assert len(TEMPLATES) >= 300
    assert len(STRUCTS) >= 100


@pytest.mark.parametrize("case", TEMPLATES)
def test_the_hash_is_the_peers(case):
    expected = case["hash"][KUBERNETES_VERSION]

    assert pod_template_hash(case["template"], case.get("collisionCount")) == expected


@pytest.mark.parametrize("case", TEMPLATES)
def test_fields_newer_than_the_peer_alone_make_its_hash_differ(case):
    differs = case["hash"][PEER_LIBRARIES] != case["hash"][KUBERNETES_VERSION]

    assert differs == case.get("newer", False)


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_template_and_its_defaulted_live_copy_share_a_digest(case):
    assert template_digest(case["template"]) == template_digest(case["live"])


@pytest.mark.parametrize("case", TEMPLATES)
def test_hashing_changes_nothing(case):
    before = copy.deepcopy(case["template"])

    pod_template_hash(case["template"])
    template_digest(case["template"])

    assert case["template"] == before


@pytest.mark.parametrize("case", read_cases("steps_hash"))
def test_the_hash_of_steps_is_the_peers(case):
    assert steps_hash(case["steps"]) == case["hash"]


def test_a_collision_count_of_zero_is_not_none():
    template = pod()

    hashes = {pod_template_hash(template, count) for count in (None, 0, 1, 2)}

    assert len(hashes) == 4


def test_templates_that_differ_in_one_value_differ_in_hash_and_digest():
    changes = [
        pod(),
        pod(image="web:2"),
        pod(labels={"app": "shop"}),
        pod(command=["a"]),
        pod(resources={"limits": {"cpu": "1"}}),
        pod(resources={"limits": {"cpu": "2"}}),
        pod(imagePullPolicy="Always"),
        pod(securityContext={}),
        pod(spec={"terminationGracePeriodSeconds": 0}),
        pod(spec={"securityContext": {"runAsUser": 0}}),
        pod(spec={"hostNetwork": True}),
        pod(spec={"affinity": {"podAffinity": {}}}),
        pod(spec={"volumes": [{"name": "a"}]}),
        pod(spec={"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}]}),
    ]

    assert len({pod_template_hash(one) for one in changes}) == len(changes)
    assert len({template_digest(one) for one in changes}) == len(changes)


def test_an_empty_selector_is_not_an_absent_one():
    """An empty selector matches every pod, an absent one none."""
    term = {"topologyKey": "zone"}
    wanted = "requiredDuringSchedulingIgnoredDuringExecution"

    def with_term(term):
        return pod(spec={"affinity": {"podAntiAffinity": {wanted: [term]}}})

    absent = template_digest(with_term(term))

    assert absent != template_digest(with_term({**term, "labelSelector": {}}))
    assert absent == template_digest(with_term({**term, "labelSelector": None}))


def test_the_digest_ignores_the_hash_label_but_no_other():
    labels = {"app": "web", "rollouts-pod-template-hash": "abc"}

    assert template_digest(pod()) == template_digest(pod(labels=labels))
    assert template_digest(pod()) != template_digest(pod(labels={"app": "web", "x": "abc"}))


def test_a_label_map_with_the_hash_label_alone_equals_no_labels():
    with_label = {"metadata": {"labels": {"rollouts-pod-template-hash": "abc"}}, "spec": {}}

    assert template_digest({"spec": {}}) == template_digest(with_label)


def test_equal_quantities_share_a_digest_but_not_a_hash():
    plain, spelled = (
        pod(resources={"limits": {"cpu": cpu, "memory": memory}})
        for cpu, memory in (("1", "1Gi"), ("1000m", "1073741824"))
    )

    assert template_digest(plain) == template_digest(spelled)
    assert pod_template_hash(plain) != pod_template_hash(spelled)


SHAPES = {
    "null": None,
    "list": [],
    "text": "text",
    "number": 7,
    "true": True,
    "metadata is text": {"metadata": "x"},
    "labels are a list": {"metadata": {"labels": ["a"]}},
    "containers are text": {"spec": {"containers": "x"}},
    "containers are an object": {"spec": {"containers": {"a": 1}}},
    "containers are scalars": {"spec": {"containers": ["x", 1]}},
    "variables are a number": pod(env=1),
    "quantity is a list": pod(resources={"limits": {"cpu": []}}),
    "quantity is no quantity": pod(resources={"limits": {"cpu": "lots"}}),
    "image is a number": pod(image=1),
    "image is a list": pod(image=["x"]),
    "image is a lone surrogate": pod(image="\ud800"),
    "image is long": pod(image="x" * 5000),
    "image is an endless number": pod(image=10**5000),
    "image is beyond 64 bits": pod(image=2**64),
    "image is not a number": pod(image=float("nan")),
    "user is not a number": pod(spec={"securityContext": {"runAsUser": float("inf")}}),
    "ports on the host are scalars": pod(spec={"hostNetwork": True}, ports=[1]),
}


@pytest.mark.parametrize("template", SHAPES.values(), ids=SHAPES.keys())
def test_a_shape_that_go_refuses_still_has_a_stable_hash(template):
    again = copy.deepcopy(template)

    assert pod_template_hash(template) == pod_template_hash(again)
    assert template_digest(template) == template_digest(again)


def test_endless_nesting_where_text_belongs_is_survived():
    deep = "x"
    for _ in range(5000):
        deep = [deep]

    assert pod_template_hash(pod(image=deep))
    assert template_digest(pod(image=deep))
