from __future__ import annotations

import pytest
from contract.api import MERGE
from contract.kinds import CONFIG_MAPS, DEPLOYMENTS, REPLICA_SETS, config_map, names, refused, rv

NOT_COMPARED = (
    'unable to parse requirement: values[0]: Invalid value: "x": '
    "for 'Gt', 'Lt' operators, the value must be an integer"
)
MINE = "app"
"""A true cluster adds a ConfigMap of its own to each namespace; these have a label."""


@pytest.fixture
def five(api, namespace):
    return [
        api.create(CONFIG_MAPS, namespace, config_map(name, labels={MINE: name}))
        for name in "abcde"
    ]


def test_pages_of_a_selection_follow_each_other(api, namespace, five):
    options = {"label_selector": f"{MINE} in (a,c,e)", "limit": 2}

    first = api.list(CONFIG_MAPS, namespace, **options)
    rest = api.list(CONFIG_MAPS, namespace, continue_=first.continue_, **options)

    assert (["a", "c"], ["e"], "") == (names(first.items), names(rest.items), rest.continue_)
    assert first.resource_version == rest.resource_version


def test_a_list_from_the_cache_is_not_cut(api, namespace, five):
    page = api.list(CONFIG_MAPS, namespace, label_selector=MINE, limit=2, resource_version="0")

    assert (5, "") == (len(page.items), page.continue_)


def test_no_limit_is_no_limit(api, namespace, five):
    assert 5 == len(api.list(CONFIG_MAPS, namespace, label_selector=MINE, limit=-1).items)


def test_a_page_is_not_asked_for_at_another_version(api, namespace, five):
    first = api.list(CONFIG_MAPS, namespace, label_selector=MINE, limit=2)

    with refused(400, "BadRequest"):
        api.list(CONFIG_MAPS, namespace, continue_=first.continue_, resource_version=rv(five[0]))


def test_a_made_up_continue_token_is_refused(api, namespace):
    with refused(400, "BadRequest") as caught:
        api.list(CONFIG_MAPS, namespace, continue_="nonsense")
    assert caught.value.message.startswith("invalid continue token: continue key is not valid: ")


def test_a_list_can_be_had_as_it_was(api, namespace, five):
    api.patch(CONFIG_MAPS, namespace, "a", {"data": {"key": "later"}}, MERGE)
    api.delete(CONFIG_MAPS, namespace, "b")

    then = api.list(
        CONFIG_MAPS,
        namespace,
        label_selector=MINE,
        resource_version=rv(five[-1]),
        resource_version_match="Exact",
    )

    assert five == then.items
    assert rv(five[-1]) == then.resource_version


def test_a_list_is_not_older_than_asked(api, namespace, five):
    changed = api.patch(CONFIG_MAPS, namespace, "a", {"data": {"key": "later"}}, MERGE)

    page = api.list(
        CONFIG_MAPS,
        namespace,
        label_selector=MINE,
        resource_version=rv(changed),
        resource_version_match="NotOlderThan",
    )

    assert changed in page.items
    assert int(rv(changed)) <= int(page.resource_version)


def test_a_version_of_the_future_times_out(api, namespace):
    future = str(int(api.list(CONFIG_MAPS, namespace).resource_version) + 10_000_000)

    with refused(504, "Timeout") as caught:
        api.list(CONFIG_MAPS, namespace, resource_version=future)
    assert caught.value.message.startswith("Timeout: Too large resource version: ")
    assert ["ResourceVersionTooLarge"] == [each["reason"] for each in caught.value.causes]
    assert 1 == caught.value.status["details"]["retryAfterSeconds"]


def test_a_list_from_no_version_is_refused(api, namespace):
    message = (
        'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: '
        'parsing "x": invalid syntax'
    )
    with refused(400, "BadRequest", message):
        api.list(CONFIG_MAPS, namespace, resource_version="x")


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a==b==c", "found '==', expected: ',' or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a>x", NOT_COMPARED),
    ],
)
def test_a_label_selector_that_is_none_is_refused(api, namespace, selector, message):
    with refused(400, "BadRequest", message):
        api.list(CONFIG_MAPS, namespace, label_selector=selector)


def test_a_label_selector_needs_the_key_of_a_label(api, namespace):
    with refused(400, "BadRequest") as caught:
        api.list(CONFIG_MAPS, namespace, label_selector="-bad")
    assert 'Invalid value: "-bad"' in caught.value.message


@pytest.mark.parametrize("selector", ["a>3", "a<9,a>3", "a notin (),b!=c", "!a"])
def test_what_a_label_selector_may_say(api, namespace, selector):
    api.create(CONFIG_MAPS, namespace, config_map("one", labels={"a": "5", MINE: "x"}))

    expected = [] if selector == "!a" else ["one"]
    found = api.list(CONFIG_MAPS, namespace, label_selector=f"{MINE},{selector}").items
    assert expected == names(found)


@pytest.mark.parametrize("kind", [REPLICA_SETS, DEPLOYMENTS, CONFIG_MAPS])
def test_most_kinds_are_picked_by_name_and_namespace_alone(api, namespace, kind):
    message = (
        '"status.replicas" is not a known field selector: '
        'only "metadata.name", "metadata.namespace"'
    )
    with refused(400, "BadRequest", message):
        api.list(kind, namespace, field_selector="status.replicas=0")


def test_a_custom_resource_is_picked_by_what_it_declares(api, namespace, gadgets):
    with refused(400, "BadRequest", "field label not supported: spec.mode"):
        api.list(gadgets, namespace, field_selector="spec.mode=Fast")
