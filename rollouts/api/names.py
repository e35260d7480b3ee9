"""What Kubernetes accepts as names, labels and label selectors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rollouts.api.problems import Finding
from rollouts.api.spot import Spot

SUBDOMAIN_LENGTH_MAX = 253
LABEL_LENGTH_MAX = 63
LABELS_MAX = 100
"""Most labels of a Rollout's selector: a bound for what comparing them may cost.

Differs from the peer, which has no bound of its own.
"""

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

_SET_OPERATORS = ("In", "NotIn")
_EXISTENCE_OPERATORS = ("Exists", "DoesNotExist")


def is_dns_label(text: str) -> bool:
    """Return whether text can name a namespace or a container."""
    return len(text) <= LABEL_LENGTH_MAX and _DNS_LABEL.fullmatch(text) is not None


def is_service_name(text: str) -> bool:
    """Return whether text can name a Service: a DNS label that begins with a letter."""
    return len(text) <= LABEL_LENGTH_MAX and _SERVICE_NAME.fullmatch(text) is not None


def is_subdomain(text: str) -> bool:
    """Return whether text can name most objects: DNS labels joined by dots."""
    if len(text) > SUBDOMAIN_LENGTH_MAX:
        return False
    return all(_DNS_LABEL.fullmatch(part) for part in text.split("."))


def is_label_key(text: str) -> bool:
    """Return whether text can be the key of a label or an annotation."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return len(name) <= LABEL_LENGTH_MAX and _QUALIFIED.fullmatch(name) is not None


def is_label_value(text: str) -> bool:
    """Return whether text can be the value of a label."""
    return not text or (len(text) <= LABEL_LENGTH_MAX and _QUALIFIED.fullmatch(text) is not None)


def label_findings(labels: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a map of labels."""
    for label in labels.entries():
        if not is_label_key(label.key):
            yield label.wrong(
                "is no valid label key; use letters, digits, '-', '_' and '.', at most 63, "
                "perhaps after a DNS name and a slash"
            )
        if not is_label_value(label.text):
            yield label.wrong(
                "is no valid label value; use letters, digits, '-', '_' and '.', at most 63, "
                "beginning and ending with a letter or digit"
            )


def selector_findings(selector: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a label selector, save wrong types."""
    yield from label_findings(selector.at("matchLabels"))
    for requirement in selector.at("matchExpressions").each():
        key, operator, values = (requirement.at(part) for part in ("key", "operator", "values"))
        if key.text and not is_label_key(key.text):
            yield key.wrong("is no valid label key")
        if operator.text in _SET_OPERATORS and not list(values.each()):
            yield values.missing(f"must list at least one value for {operator.text}")
        elif operator.text in _EXISTENCE_OPERATORS and list(values.each()):
            yield values.wrong(f"must be left out for {operator.text}")
        elif operator.text and operator.text not in _SET_OPERATORS + _EXISTENCE_OPERATORS:
            yield operator.wrong("must be one of In, NotIn, Exists and DoesNotExist")


def selects(selector: Spot, labels: Mapping[str, object]) -> bool:
    """Return whether a well-formed label selector selects an object with these labels.

    A requirement that is not well-formed selects nothing.
    """
    wanted = selector.at("matchLabels").mapping
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(each, labels) for each in selector.at("matchExpressions").each())


def _meets(requirement: Spot, labels: Mapping[str, object]) -> bool:
    """Return whether labels meet one requirement of a selector."""
    key = requirement.at("key").text
    values = [value.text for value in requirement.at("values").each()]
    match requirement.at("operator").text:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
