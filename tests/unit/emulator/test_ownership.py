from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from unit.emulator.objects import JSON, MERGE, config_map, deployment, widget

from rollouts.emulator.fields import (
    difference,
    intersection,
    list_paths,
    make_set,
    show_path,
    union,
)

steps = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
paths = st.lists(st.lists(steps, min_size=1, max_size=3).map(tuple), max_size=8)


@given(paths, paths)
def test_sets_of_fields_behave_as_sets_of_paths(left, right):
    mine, theirs = make_set(left), make_set(right)

    assert set(left) | set(right) == set(list_paths(union(mine, theirs)))
    assert set(left) - set(right) == set(list_paths(difference(mine, theirs)))
    assert set(left) & set(right) == set(list_paths(intersection(mine, theirs)))


def test_a_path_is_shown_as_people_write_it():
    path = ("f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', "f:name")

    assert '.spec[containerPort=80,protocol="TCP"].name' == show_path(path)
    assert '.metadata.finalizers[="a"]' == show_path(("f:metadata", "f:finalizers", 'v:"a"'))


def entry(manifest, manager):
    return next(
        each for each in manifest["metadata"]["managedFields"] if each["manager"] == manager
    )


def test_a_creator_owns_what_it_set_and_what_was_filled_in(server):
    deployments = server.resource("apps", "v1", "deployments")

    made = server.create(deployments, "default", deployment(), field_manager="kubectl-create")

    fields = entry(made, "kubectl-create")["fieldsV1"]
    assert "f:progressDeadlineSeconds" in fields["f:spec"]
    assert "." not in fields["f:spec"]
    container = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert {".", "f:image", "f:name", "f:resources"} <= set(container)


def test_an_added_map_is_a_member_itself_and_so_is_each_entry(server):
    maps = server.resource("", "v1", "configmaps")

    made = server.create(maps, "default", config_map(labels={"a": "1"}), field_manager="m")

    labels = {".": {}, "f:a": {}}
    expected = {"f:data": {".": {}, "f:key": {}}, "f:metadata": {"f:labels": labels}}
    assert expected == entry(made, "m")["fieldsV1"]


def test_the_spec_of_a_custom_resource_is_a_member_itself(server, widgets):
    made = server.create(widgets, "default", widget(mode="Fast"), field_manager="m")

    expected = {"f:spec": {".": {}, "f:mode": {}, "f:replicas": {}}}
    assert expected == entry(made, "m")["fieldsV1"]


def test_names_and_other_facts_have_no_owner(server):
    maps = server.resource("", "v1", "configmaps")

    made = server.create(maps, "default", config_map(), field_manager="m")

    assert "f:metadata" not in entry(made, "m")["fieldsV1"]


def test_two_writes_of_one_manager_are_one_entry(server, clock):
    maps = server.resource("", "v1", "configmaps")
    server.create(maps, "default", config_map(), field_manager="m")
    clock.pass_seconds(5)

    edited = server.patch(
        maps, "default", "settings", {"data": {"b": "2"}}, MERGE, field_manager="m"
    )

    assert 1 == len(edited["metadata"]["managedFields"])
    assert {".", "f:key", "f:b"} == set(entry(edited, "m")["fieldsV1"]["f:data"])
    assert "2026-01-01T00:00:05Z" == entry(edited, "m")["time"]


def test_a_write_to_status_is_an_entry_of_its_own(server, widgets):
    server.create(widgets, "default", widget(), field_manager="m")

    patch = {"status": {"phase": "Good"}}
    edited = server.patch(
        widgets, "default", "one", patch, MERGE, subresource="status", field_manager="m"
    )

    shown = [each.get("subresource", "") for each in edited["metadata"]["managedFields"]]
    assert ["", "status"] == sorted(shown)


def test_a_client_that_leaves_managed_fields_out_does_not_delete_them(server):
    maps = server.resource("", "v1", "configmaps")
    made = server.create(maps, "default", config_map(), field_manager="m")

    changed = config_map(data={"key": "new"}) | {"metadata": {"name": "settings"}}
    edited = server.update(maps, "default", "settings", changed, field_manager="n")

    assert {"m", "n"} == {each["manager"] for each in edited["metadata"]["managedFields"]}
    assert made["metadata"]["uid"] == edited["metadata"]["uid"]


def test_an_empty_list_resets_ownership_and_ordinary_writes_do_not_restart_it(server):
    maps = server.resource("", "v1", "configmaps")
    server.create(maps, "default", config_map(), field_manager="m")
    reset = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]

    bare = server.patch(maps, "default", "settings", reset, JSON)
    edited = server.patch(maps, "default", "settings", {"data": {"b": "2"}}, MERGE)

    assert "managedFields" not in bare["metadata"]
    assert "managedFields" not in edited["metadata"]


def test_ownership_can_be_handed_over_by_a_patch(server):
    maps = server.resource("", "v1", "configmaps")
    made = server.create(maps, "default", config_map(), field_manager="kubectl-client-side-apply")
    fields = made["metadata"]["managedFields"][0]
    handed = {**fields, "manager": "gitops", "operation": "Apply"}
    patch = [{"op": "replace", "path": "/metadata/managedFields/0", "value": handed}]

    after = server.patch(maps, "default", "settings", patch, JSON, field_manager="gitops")

    assert [("gitops", "Apply")] == [
        (each["manager"], each["operation"]) for each in after["metadata"]["managedFields"]
    ]


def test_the_eleventh_updater_pushes_the_oldest_into_a_bucket(server, clock):
    maps = server.resource("", "v1", "configmaps")
    server.create(maps, "default", config_map(), field_manager="m0")
    for number in range(1, 11):
        clock.pass_seconds(1)
        patch = {"data": {f"k{number}": "1"}}
        edited = server.patch(maps, "default", "settings", patch, MERGE, field_manager=f"m{number}")
        if number == 9:
            assert 10 == len(edited["metadata"]["managedFields"])

    managers = {each["manager"] for each in edited["metadata"]["managedFields"]}
    assert {"ancient-changes", *(f"m{number}" for number in range(2, 11))} == managers
    assert {".", "f:key", "f:k1"} == set(entry(edited, "ancient-changes")["fieldsV1"]["f:data"])


def test_without_tracking_no_object_carries_managed_fields(quick):
    maps = quick.resource("", "v1", "configmaps")
    given = config_map()
    given["metadata"]["managedFields"] = [{"manager": "x", "operation": "Update"}]

    made = quick.create(maps, "default", given)
    edited = quick.patch(maps, "default", "settings", {"data": {"b": "2"}}, MERGE)

    assert "managedFields" not in made["metadata"]
    assert "managedFields" not in edited["metadata"]
