"""Documents become objects: names, namespaces, lists, duplicates, bounds."""

from __future__ import annotations

import pytest

from rollouts.api.documents import read_documents
from rollouts.api.refs import CONFIG_MAP, NAMESPACE
from rollouts.gitops.render import (
    Rendered,
    RenderedObject,
    RenderError,
    collect,
    concatenate,
    place,
    with_metadata,
)
from rollouts.gitops.render.model import OBJECTS_MAX


def obj(name="x", *, kind="ConfigMap", api_version="v1", **metadata):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}


def documents(text):
    return read_documents(text, "a.yaml")


def faults(text, **settings):
    return collect(documents(text), duplicates="last-wins", **settings).problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: X\nmetadata: {name: a}", "apiVersion is missing"),
        ("apiVersion: v1\nmetadata: {name: a}", "kind is missing"),
        ("apiVersion: v1\nkind: X", "metadata is missing"),
        ("apiVersion: v1\nkind: X\nmetadata: {}", "metadata.name is missing"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: ''}", "metadata.name is missing"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: 7}", "metadata.name is 7, not a text"),
        ("apiVersion: 1\nkind: X\nmetadata: {name: a}", "apiVersion is 1, not a text"),
        ("apiVersion: v1\nkind: [X]\nmetadata: {name: a}", 'kind is ["X"], not a text'),
        ("apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: 7}", "metadata.namespace is 7"),
        (
            "apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: n}",
            "is false, not a text; quote",
        ),
        ("apiVersion: v1\nkind: X\nmetadata: {generateName: a-}", "only hooks"),
        ("[1, 2]", "is a list"),
        ("text", "is a str"),
        (
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []",
            "is for kustomize",
        ),
        ("apiVersion: v1\nkind: List\nitems: [{kind: X}]", "document 1 item 1"),
    ],
)
def test_what_names_no_object_is_a_problem(text, words):
    found = faults(text)

    assert any(words in problem for problem in found), found
    assert all(problem.startswith("a.yaml document 1") for problem in found)


def test_all_faults_of_all_documents_are_found():
    assert len(faults("{kind: 1}\n---\n{}\n---\napiVersion: v1\n")) == 8


@pytest.mark.parametrize("hook", ["argocd.argoproj.io/hook", "helm.sh/hook"])
def test_a_hook_may_go_without_a_name(hook):
    text = f"apiVersion: v1\nkind: X\nmetadata: {{generateName: a-, annotations: {{{hook}: x}}}}"

    assert faults(text) == ()
    assert len(collect(documents(f"{text}\n---\n{text}"), duplicates="last-wins").objects) == 2
    assert faults(text, hooks=False) != ()


def test_items_of_a_typed_list_need_not_say_what_they_are():
    text = "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]\n"

    (found,) = collect(documents(text), duplicates="error").objects

    assert found.manifest == obj("a")


def test_a_kind_that_ends_in_list_is_not_always_one():
    text = "apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}\nitems: []\n"

    assert len(collect(documents(text), duplicates="error").objects) == 1


def test_equal_names_elsewhere_are_no_duplicates():
    text = "\n---\n".join(
        f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a, namespace: {namespace}}}"
        for api_version, kind, namespace in [
            ("v1", "Service", "n1"),
            ("v1", "Service", "n2"),
            ("v1", "ConfigMap", "n1"),
            ("serving.knative.dev/v1", "Service", "n1"),
        ]
    )

    assert len(collect(documents(text), duplicates="error").objects) == 4


def test_two_versions_of_one_object_are_duplicates():
    text = "\n---\n".join(
        f"apiVersion: autoscaling/{version}\nkind: HPA\nmetadata: {{name: a}}"
        for version in ("v1", "v2")
    )

    assert len(collect(documents(text), duplicates="error").problems) == 1


def test_the_default_namespace_decides_what_is_the_same():
    text = (
        "apiVersion: v1\nkind: X\nmetadata: {name: a}\n---\n"
        "apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: shop}\n"
    )

    assert len(collect(documents(text), duplicates="last-wins").objects) == 2
    assert len(collect(documents(text), duplicates="last-wins", namespace="shop").objects) == 1


@pytest.mark.parametrize(("count", "fits"), [(OBJECTS_MAX, True), (OBJECTS_MAX + 1, False)])
def test_the_number_of_objects_is_bounded(count, fits):
    items = ", ".join(
        f"{{apiVersion: v1, kind: X, metadata: {{name: n{number}}}}}" for number in range(count)
    )

    found = collect(
        documents(f"{{apiVersion: v1, kind: List, items: [{items}]}}"), duplicates="error"
    )

    assert (found.problems == ()) == fits


@pytest.mark.parametrize(
    ("stated", "kind", "override", "placed"),
    [
        (None, CONFIG_MAP, False, "shop"),
        ("own", CONFIG_MAP, False, "own"),
        ("own", CONFIG_MAP, True, "shop"),
        (None, NAMESPACE, False, None),
        ("own", NAMESPACE, False, None),
        ("own", NAMESPACE, True, None),
    ],
)
def test_an_object_is_placed(stated, kind, override, placed):
    manifest = obj(**({"namespace": stated} if stated else {}))
    before = repr(manifest)

    found = place(manifest, kind, "shop", override=override)

    assert found["metadata"].get("namespace") == placed
    assert repr(manifest) == before


def test_an_object_that_is_in_its_place_is_not_copied():
    manifest = obj(namespace="own")

    assert place(manifest, CONFIG_MAP, "shop") is manifest
    assert place(manifest, CONFIG_MAP, "", override=True) is manifest


def test_metadata_is_added_and_wins():
    manifest = obj(labels={"a": "1", "b": "1"})

    found = with_metadata(manifest, [("a", "2")], [("c", "3")])

    assert found["metadata"]["labels"] == {"a": "2", "b": "1"}
    assert found["metadata"]["annotations"] == {"c": "3"}
    assert manifest["metadata"]["labels"] == {"a": "1", "b": "1"}


def rendered(*names, file="a.yaml"):
    objects = tuple(RenderedObject(obj(name), file, 1) for name in names)
    return Rendered(objects, ((file, "id"),), (f"{file} warns",), ())


def test_several_renders_become_one_and_the_later_wins():
    found = concatenate(
        [rendered("a", "b"), rendered("b", "c", file="b.yaml")], duplicates="last-wins"
    )

    assert [(o.manifest["metadata"]["name"], o.source_file) for o in found.objects] == [
        ("a", "a.yaml"),
        ("b", "b.yaml"),
        ("c", "b.yaml"),
    ]
    assert len(found.repeated) == 1
    assert found.tree_ids == (("a.yaml", "id"), ("b.yaml", "id"))


def test_several_renders_may_be_forbidden_to_overlap():
    with pytest.raises(RenderError, match=r"declared in a\.yaml document 1 and again in b\.yaml"):
        concatenate([rendered("b"), rendered("b", file="b.yaml")], duplicates="error")
