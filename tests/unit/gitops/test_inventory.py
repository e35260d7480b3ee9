"""The inventory: ids, unions and what a crash may leave behind."""

import pytest
from shell.gitops_words import declared, inventory

from rollouts.gitops.inventory import (
    NOTHING,
    Inventory,
    format_id,
    format_inventory,
    inventory_of,
    parse_id,
    parse_inventory,
    parse_resources,
    stale,
    union,
)
from rollouts.gitops.model import ResourceKey

A, B, C = (declared(name=name) for name in "abc")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ResourceKey("apps", "Deployment", "shop", "web"), "shop_web_apps_Deployment"),
        (ResourceKey("", "ConfigMap", "shop", "a"), "shop_a__ConfigMap"),
        (ResourceKey("", "Namespace", "", "shop"), "_shop__Namespace"),
        (
            ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "system:web:x"),
            "_system__web__x_rbac.authorization.k8s.io_ClusterRole",
        ),
        (
            ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "under_score"),
            "_under_score_rbac.authorization.k8s.io_ClusterRole",
        ),
    ],
)
def test_ids_are_those_of_flux_and_read_back(key, text):
    assert text == format_id(key)
    assert key == parse_id(text)


@pytest.mark.parametrize("text", ["", "a", "a_b", "a_b_c", "a__c_", "a___Kind"])
def test_what_is_no_id_is_none(text):
    assert parse_id(text) is None


def test_an_inventory_survives_its_way_through_status():
    stored = format_inventory(inventory(A, B))

    assert stored == {
        "entries": [
            {"id": "shop_a__ConfigMap", "v": "v1"},
            {"id": "shop_b__ConfigMap", "v": "v1"},
        ]
    }
    assert inventory(A, B) == parse_inventory(stored)


@pytest.mark.parametrize("stored", [None, {}, [], {"entries": None}, {"entries": [1, {"id": "x"}]}])
def test_what_cannot_be_read_lists_nothing(stored):
    assert parse_inventory(stored) == NOTHING


def test_the_resources_of_a_peer_count_as_an_inventory_without_its_hooks():
    stored = [
        {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "a"},
        {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "job", "hook": True},
        {"kind": "ConfigMap"},
        "nonsense",
    ]

    assert inventory(A) == parse_resources(stored)


def test_union_keeps_both_and_takes_the_newer_version():
    old = inventory_of([(A.key, "v1beta1"), (B.key, "v1")])
    new = inventory_of([(A.key, "v1"), (C.key, "v1")])

    assert inventory(A, B, C) == union(old, new)
    assert stale(old, new) == ((B.key, "v1"),)


def test_an_inventory_is_sorted_and_lists_nothing_twice():
    assert inventory(B, A, B).keys == (A.key, B.key)
    assert len(Inventory()) == 0
