"""Names, labels and selectors are judged as Kubernetes judges them."""

import pytest

from rollouts.api.names import (
    is_dns_label,
    is_label_key,
    is_label_value,
    is_service_name,
    is_subdomain,
    selector_findings,
    selects,
)
from rollouts.api.spot import Spot


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("web", True),
        ("1web", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("", False),
        ("Web", False),
        ("-web", False),
        ("web-", False),
        ("web.shop", False),
        ("web\n", False),
        ("wéb", False),
    ],
)
def test_a_dns_label(text, valid):
    assert valid is is_dns_label(text)


def test_a_service_name_begins_with_a_letter():
    assert is_service_name("web1")
    assert not is_service_name("1web")


def test_a_subdomain_is_labels_and_dots_up_to_253():
    longest = ".".join(["a" * 63] * 3) + "." + "a" * 61

    assert is_subdomain(longest)
    assert not is_subdomain(longest + "a")
    assert not is_subdomain("a..b")


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("app", True),
        ("app.kubernetes.io/name", True),
        ("App_1.x", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("/name", False),
        ("a/b/c", False),
        ("example.com/", False),
        ("", False),
    ],
)
def test_a_label_key(text, valid):
    assert valid is is_label_key(text)


def test_a_label_value_may_be_empty_but_not_begin_with_a_dash():
    assert is_label_value("")
    assert is_label_value("v1.2_x-3")
    assert not is_label_value("-v1")
    assert not is_label_value("a" * 64)


def _selector(**fields):
    return Spot(fields)


def _expression(operator, *values):
    requirement = {"key": "tier", "operator": operator, "values": list(values)}
    return _selector(matchExpressions=[requirement])


@pytest.mark.parametrize(
    ("selector", "labels", "chosen"),
    [
        (_selector(matchLabels={"app": "web"}), {"app": "web", "x": "y"}, True),
        (_selector(matchLabels={"app": "web"}), {"app": "api"}, False),
        (_selector(matchLabels={"app": "web"}), {}, False),
        (_expression("In", "a", "b"), {"tier": "b"}, True),
        (_expression("In", "a", "b"), {"tier": "c"}, False),
        (_expression("NotIn", "a"), {"tier": "b"}, True),
        (_expression("NotIn", "a"), {}, True),
        (_expression("NotIn", "a"), {"tier": "a"}, False),
        (_expression("Exists"), {"tier": ""}, True),
        (_expression("Exists"), {}, False),
        (_expression("DoesNotExist"), {}, True),
        (_expression("DoesNotExist"), {"tier": "a"}, False),
        (_expression("Sometimes"), {"tier": "a"}, False),
    ],
)
def test_what_a_selector_selects(selector, labels, chosen):
    assert chosen is selects(selector, labels)


@pytest.mark.parametrize(
    "selector",
    [
        _selector(matchLabels={"bad key": "x"}),
        _selector(matchLabels={"app": "bad value"}),
        _expression("In"),
        _expression("NotIn"),
        _expression("Exists", "a"),
        _expression("Sometimes", "a"),
        _selector(matchExpressions=[{"key": "-", "operator": "Exists"}]),
    ],
)
def test_a_bad_selector_has_one_finding(selector):
    assert len(list(selector_findings(selector))) == 1
