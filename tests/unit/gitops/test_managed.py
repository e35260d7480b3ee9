"""Who owns a field."""

from shell.gitops_words import managed, ours

from rollouts.gitops.managed import (
    fields_by_hand,
    fields_of,
    is_inside_atomic,
    owners,
    take_over,
)
from rollouts.gitops.model import FIELD_MANAGER

PORTS = 'k:{"port":80,"protocol":"TCP"}'


def service(*entries):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "annotations": {"by": "hand"}, "managedFields": list(entries)},
        "spec": {
            "selector": {"app": "a"},
            "ports": [{"port": 80, "protocol": "TCP", "name": "http"}],
        },
    }


def names(entries):
    return [entry["manager"] for entry in entries]


def test_a_leaf_belongs_to_who_names_it():
    live = service(managed("x", {"f:metadata": {"f:annotations": {"f:by": {}}}}))

    assert names(owners(live, ("metadata", "annotations", "by"))) == ["x"]
    assert names(owners(live, ("metadata", "annotations", "other"))) == []


def test_a_list_item_is_found_by_its_keys():
    live = service(managed("x", {"f:spec": {"f:ports": {PORTS: {".": {}, "f:name": {}}}}}))

    assert names(owners(live, ("spec", "ports", "0", "name"))) == ["x"]
    assert names(owners(live, ("spec", "ports", "0", "port"))) == []


def test_a_field_in_an_atomic_map_belongs_to_who_owns_the_map():
    live = service(managed("x", {"f:spec": {"f:selector": {}}}))
    path = ("spec", "selector", "app")

    assert names(owners(live, path)) == ["x"]
    assert is_inside_atomic(live, path)
    assert not is_inside_atomic(live, ("spec", "selector"))


def test_an_object_without_ownership_has_no_owners():
    assert owners({"metadata": {}}, ("spec",)) == ()
    assert owners(service(managed("x", {})), ("spec",)) == ()


def test_the_fields_of_a_manager_are_those_that_still_exist():
    fields = {
        "f:metadata": {"f:annotations": {"f:by": {}, "f:gone": {}}},
        "f:spec": {"f:selector": {}},
    }
    live = service(managed("x", fields))

    assert fields_of(live, ("x",)) == (("metadata", "annotations", "by"), ("spec", "selector"))
    assert fields_of(live, ("y",)) == ()


def test_hands_are_kubectl_and_what_came_before_the_first_apply():
    note = {"f:metadata": {"f:annotations": {"f:by": {}}}}
    path = ("metadata", "annotations", "by")

    for manager in ("kubectl-edit", "kubectl-client-side-apply", "kubectl", "before-first-apply"):
        assert fields_by_hand(service(managed(manager, note))) == (path,)
    assert fields_by_hand(service(managed("hpa-controller", note))) == ()
    assert fields_by_hand(service(managed("kubectl", note, subresource="scale"))) == ()


def test_taking_over_moves_fields_to_our_apply_entry():
    edit = managed("kubectl-edit", {"f:metadata": {"f:annotations": {"f:by": {}}}})
    other = managed("controller", {"f:status": {}})
    mine = ours({"f:spec": {"f:selector": {}}})

    moved = take_over(service(edit, other, mine), FIELD_MANAGER, ())

    assert names(moved) == ["controller", FIELD_MANAGER]
    assert moved[1]["operation"] == "Apply"
    assert moved[1]["fieldsV1"] == {
        "f:spec": {"f:selector": {}},
        "f:metadata": {"f:annotations": {"f:by": {}}},
    }


def test_taking_over_leaves_spared_fields_where_they_are():
    edit = managed(
        "kubectl-edit",
        {"f:metadata": {"f:annotations": {"f:by": {}}}, "f:spec": {"f:selector": {}}},
    )

    moved = take_over(service(edit), FIELD_MANAGER, [("metadata", "annotations", "by")])

    assert names(moved) == ["kubectl-edit", FIELD_MANAGER]
    assert moved[0]["fieldsV1"] == {"f:metadata": {"f:annotations": {"f:by": {}}}}
    assert moved[1]["fieldsV1"] == {"f:spec": {"f:selector": {}}}
