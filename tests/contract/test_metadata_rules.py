from __future__ import annotations

import pytest
from contract.api import JSON, MERGE
from contract.kinds import CONFIG_MAPS, config_map, refused, rv


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "other"},
            "the name of the object (other) does not match the name on the URL (m)",
        ),
        (
            {"namespace": "other"},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ],
)
def test_a_patch_cannot_make_it_another_object(api, namespace, change, message):
    api.create(CONFIG_MAPS, namespace, config_map())

    with refused(400, "BadRequest", message):
        api.patch(CONFIG_MAPS, namespace, "m", {"metadata": change}, MERGE)


def test_a_patch_cannot_make_it_another_kind(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    with refused(422, "Invalid"):
        api.patch(CONFIG_MAPS, namespace, "m", {"apiVersion": "v2"}, MERGE)


def test_an_update_from_version_zero_is_unconditional(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    changed = api.update(
        CONFIG_MAPS, namespace, "m", config_map(data={"a": "b"}, resourceVersion="0")
    )

    assert {"a": "b"} == changed["data"]


def test_an_update_from_no_version_at_all_fails(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map())

    with refused(500, "", 'strconv.ParseUint: parsing "new": invalid syntax'):
        api.update(CONFIG_MAPS, namespace, "m", config_map(resourceVersion="new"))


def test_an_update_meant_for_an_earlier_object_of_the_name_conflicts(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())

    with refused(409, "Conflict") as caught:
        api.update(CONFIG_MAPS, namespace, "m", config_map(uid="gone"))
    assert "UID in precondition: gone" in caught.value.message
    assert made["metadata"]["uid"] in caught.value.message


def test_a_deletion_can_be_guarded_by_version(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())
    changed = api.patch(CONFIG_MAPS, namespace, "m", {"data": {"a": "b"}}, MERGE)

    with refused(409, "Conflict"):
        api.delete(CONFIG_MAPS, namespace, "m", resource_version=rv(made))
    api.delete(CONFIG_MAPS, namespace, "m", resource_version=rv(changed))


def test_an_owner_is_named_once(api, namespace):
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}

    made = api.create(CONFIG_MAPS, namespace, config_map(ownerReferences=[owner, owner]))

    assert [owner] == made["metadata"]["ownerReferences"]


def test_an_event_owns_nothing(api, namespace):
    owner = {"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u"}

    with refused(422, "Invalid") as caught:
        api.create(CONFIG_MAPS, namespace, config_map(ownerReferences=[owner]))
    assert "Kind=Event is disallowed from being an owner" in caught.value.message


def test_only_one_owner_is_the_controller(api, namespace):
    owners = [
        {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": uid, "controller": True}
        for uid in ("u", "v")
    ]

    with refused(422, "Invalid") as caught:
        api.create(CONFIG_MAPS, namespace, config_map(ownerReferences=owners))
    assert "Only one reference can have Controller set to true" in caught.value.message


def test_a_kind_without_generations_keeps_the_one_it_was_given(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map(generation=5))
    changed = api.patch(CONFIG_MAPS, namespace, "m", {"metadata": {"generation": 7}}, MERGE)

    assert (5, 5) == (made["metadata"]["generation"], changed["metadata"]["generation"])


def test_what_the_server_decides_cannot_be_decided_for_it(api, namespace):
    long_ago = "2001-01-01T00:00:00Z"

    made = api.create(
        CONFIG_MAPS,
        namespace,
        config_map(uid="mine", creationTimestamp=long_ago, deletionTimestamp=long_ago),
    )

    assert "mine" != made["metadata"]["uid"]
    assert long_ago != made["metadata"]["creationTimestamp"]
    assert "deletionTimestamp" not in made["metadata"]


def test_a_version_cannot_be_created(api, namespace):
    with refused(500, "", "resourceVersion should not be set on objects to be created"):
        api.create(CONFIG_MAPS, namespace, config_map(resourceVersion="5"))


def test_a_prefix_is_checked_as_the_name_it_becomes(api, namespace, gadgets):
    body = {"metadata": {"generateName": "Bad_"}}

    for kind in (CONFIG_MAPS, gadgets):
        with refused(422, "Invalid") as caught:
            api.create(kind, namespace, {"apiVersion": kind.api_version, "kind": kind.kind, **body})
        fields = [each["field"] for each in caught.value.causes]
        assert ["metadata.generateName", "metadata.name"] == sorted(fields)


def test_a_long_prefix_is_cut(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, {"metadata": {"generateName": "x" * 70}})

    assert 63 == len(made["metadata"]["name"])


def test_a_second_deletion_of_a_held_object_changes_nothing(api, namespace):
    api.create(CONFIG_MAPS, namespace, config_map(finalizers=["example.com/a"]))
    api.delete(CONFIG_MAPS, namespace, "m")
    first = api.get(CONFIG_MAPS, namespace, "m")
    api.delete(CONFIG_MAPS, namespace, "m")

    assert first == api.get(CONFIG_MAPS, namespace, "m")
    late = [{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/b"}]
    with refused(422, "Invalid") as caught:
        api.patch(CONFIG_MAPS, namespace, "m", late, JSON)
    assert "no new finalizers can be added" in caught.value.message
    last = api.patch(CONFIG_MAPS, namespace, "m", {"metadata": {"finalizers": []}}, MERGE)
    assert "finalizers" not in last["metadata"]
    with refused(404, "NotFound"):
        api.get(CONFIG_MAPS, namespace, "m")


def test_a_dry_run_of_a_deletion_keeps_the_object(api, namespace):
    made = api.create(CONFIG_MAPS, namespace, config_map())

    api.delete(CONFIG_MAPS, namespace, "m", dry_run=True)

    assert made == api.get(CONFIG_MAPS, namespace, "m")


def test_a_collection_is_deleted_by_selector(api, namespace):
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        api.create(CONFIG_MAPS, namespace, config_map(name, labels={"app": app}))

    assert ["a", "b"] == api.delete_collection(CONFIG_MAPS, namespace, label_selector="app=x")
    assert ["c"] == [
        each["metadata"]["name"]
        for each in api.list(CONFIG_MAPS, namespace, label_selector="app").items
    ]
