from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.emulator.objects import config_map, crd, pod, refused, widget

from rollouts.emulator.selectors import (
    format_label_selector,
    parse_label_selector,
    read_label_selector,
)

LABELS = {"app": "web", "tier": "front", "weight": "20"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=api", False),
        ("app!=api", True),
        ("app!=web", False),
        ("other!=web", True),
        ("app=web,tier=front", True),
        ("app=web,tier=back", False),
        ("app in (web,api)", True),
        ("app in (api)", False),
        ("app notin (api)", True),
        ("app notin (web)", False),
        ("other notin (web)", True),
        ("other in (web)", False),
        ("app", True),
        ("other", False),
        ("!other", True),
        ("!app", False),
        ("app in (web), tier, !other", True),
        ("weight>10", True),
        ("weight<20", False),
        ("tier>10", False),
        ("app=", False),
        ("rollouts.example.com/hash=a", False),
    ],
)
def test_a_label_selector_picks_by_labels(text, expected):
    assert expected == parse_label_selector(text).matches(LABELS)


@pytest.mark.parametrize(
    "text", ["=web", "app in web", "app in (", "app=web,,", "a b", "x>y", "(a)"]
)
def test_an_unreadable_label_selector_is_a_bad_request(text):
    with refused(400, reason="BadRequest"):
        parse_label_selector(text)


def test_the_structured_form_and_the_text_form_agree():
    selector = read_label_selector(
        {
            "matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["y", "x"]},
                {"key": "d", "operator": "DoesNotExist"},
                {"key": "e", "operator": "NotIn", "values": ["z"]},
                {"key": "f", "operator": "Exists"},
            ],
        }
    )

    text = format_label_selector(selector)
    assert "a=1,b=2,c in (x,y),!d,e notin (z),f" == text
    assert selector.requirements == parse_label_selector(text).requirements


def test_no_selector_selects_nothing_and_an_empty_one_everything():
    assert read_label_selector(None) is None
    assert read_label_selector({}).matches({})


labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
terms = st.lists(
    st.sampled_from(["a=x", "a!=x", "b in (x,y)", "b notin (x)", "c", "!c", "c=z"]), max_size=3
)


@given(st.lists(labels, max_size=6), terms)
def test_the_index_finds_what_a_scan_finds(all_labels, selector_terms):
    from unit.emulator.objects import Clock

    from rollouts.emulator import ApiServer

    server = ApiServer(Clock(), track_ownership=False)
    config_maps = server.resource("", "v1", "configmaps")
    selector = ",".join(selector_terms)
    server.list(config_maps, "default", label_selector=selector)
    for position, each in enumerate(all_labels):
        server.create(config_maps, "default", config_map(f"m{position}", labels=each))
    for position in range(0, len(all_labels), 2):
        patch = {"metadata": {"labels": {"a": "x", "b": None}}}
        server.patch(config_maps, "default", f"m{position}", patch, "application/merge-patch+json")
    if all_labels:
        server.delete(config_maps, "default", "m0")

    everything = server.list(config_maps, "default").items
    chosen = server.list(config_maps, "default", label_selector=selector).items
    parsed = parse_label_selector(selector)
    assert [each for each in everything if parsed.matches(each["metadata"].get("labels"))] == list(
        chosen
    )


def test_pods_are_picked_by_node_and_phase(server):
    pods = server.resource("", "v1", "pods")
    server.create(pods, "default", pod("a", nodeName="one"))
    server.create(pods, "default", pod("b", nodeName="two"))

    picked = server.list(pods, field_selector="spec.nodeName=two,status.phase!=Running")

    assert ["b"] == [each["metadata"]["name"] for each in picked.items]


def test_events_are_picked_by_the_object_they_are_about(server):
    events = server.resource("", "v1", "events")
    for name, kind in (("a", "Pod"), ("b", "Rollout")):
        about = {"kind": kind, "name": "web", "namespace": "default"}
        event = {"metadata": {"name": name}, "involvedObject": about, "reason": "Because"}
        server.create(events, "default", event)

    selector = "involvedObject.kind=Rollout,involvedObject.name=web,reason=Because"
    picked = server.list(events, "default", field_selector=selector)

    assert ["b"] == [each["metadata"]["name"] for each in picked.items]


def test_one_object_can_be_picked_by_name(server):
    config_maps = server.resource("", "v1", "configmaps")
    for name in ("a", "b"):
        server.create(config_maps, "default", config_map(name))

    by_name = server.list(config_maps, "default", field_selector="metadata.name=b")
    others = server.list(config_maps, "default", field_selector="metadata.name!=b")
    elsewhere = server.list(config_maps, "kube-system", field_selector="metadata.name=b")

    assert ["b"] == [each["metadata"]["name"] for each in by_name.items]
    assert ["a"] == [each["metadata"]["name"] for each in others.items]
    assert () == elsewhere.items


def test_a_field_that_a_type_does_not_offer_is_refused(server):
    pods = server.resource("", "v1", "pods")

    with refused(400, message="field label not supported: spec.containers"):
        server.list(pods, field_selector="spec.containers=x")


def test_a_custom_resource_is_picked_by_the_fields_its_definition_names(server):
    definition = crd()
    definition["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": ".spec.mode"}]
    definitions = server.resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    server.create(definitions, "", definition)
    widgets = server.resource("example.com", "v1", "widgets")
    server.create(widgets, "default", widget("a", mode="Fast"))
    server.create(widgets, "default", widget("b", mode="Slow"))

    picked = server.list(widgets, field_selector="spec.mode=Slow")

    assert ["b"] == [each["metadata"]["name"] for each in picked.items]
    with refused(400):
        server.list(widgets, field_selector="spec.replicas=1")
