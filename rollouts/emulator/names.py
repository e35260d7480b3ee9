"""What names, label keys and label values may look like, in the words of the API."""

from __future__ import annotations

import hashlib
import re

_LABEL_FORM = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_FORM = rf"{_LABEL_FORM}(\.{_LABEL_FORM})*"
_WILDCARD_FORM = rf"\*\.{_SUBDOMAIN_FORM}"
_SERVICE_FORM = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED_FORM = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

_LABEL = re.compile(_LABEL_FORM)
_SUBDOMAIN = re.compile(_SUBDOMAIN_FORM)
_WILDCARD = re.compile(_WILDCARD_FORM)
_SERVICE = re.compile(_SERVICE_FORM)
_QUALIFIED = re.compile(_QUALIFIED_FORM)

_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_WILDCARD_RULE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character"
)
_SERVICE_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)

LABEL_LENGTH_MAX = 63
SUBDOMAIN_LENGTH_MAX = 253
_GENERATED_SUFFIX_LENGTH = 5
_GENERATED_PREFIX_MAX = LABEL_LENGTH_MAX - _GENERATED_SUFFIX_LENGTH
# The alphabet of generated names leaves out what reads like words or like another character.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def _explain(rule: str, form: str, *examples: str) -> str:
    shown = "".join(
        f"'{example}', " if position == 0 else f" or '{example}', "
        for position, example in enumerate(examples)
    )
    return f"{rule} (e.g. {shown}regex used for validation is '{form}')"


def _bytes_over(text: str, limit: int) -> list[str]:
    if len(text.encode()) <= limit:
        return []
    return [f"must be no more than {limit} bytes"]


def subdomain_problems(name: str) -> list[str]:
    """Return what is wrong with a name that must be a DNS subdomain: that of most objects."""
    problems = _bytes_over(name, SUBDOMAIN_LENGTH_MAX)
    if not _SUBDOMAIN.fullmatch(name):
        problems.append(_explain(_SUBDOMAIN_RULE, _SUBDOMAIN_FORM, "example.com"))
    return problems


def wildcard_problems(name: str) -> list[str]:
    """Return what is wrong with a host name that stands for all names below another one."""
    problems = _bytes_over(name, SUBDOMAIN_LENGTH_MAX)
    if not _WILDCARD.fullmatch(name):
        problems.append(_explain(_WILDCARD_RULE, _WILDCARD_FORM, "*.example.com"))
    return problems


def label_problems(name: str) -> list[str]:
    """Return what is wrong with a name that must be a DNS label: that of a Namespace."""
    problems = _bytes_over(name, LABEL_LENGTH_MAX)
    if not _LABEL.fullmatch(name):
        problems.append(_explain(_LABEL_RULE, _LABEL_FORM, "my-name", "123-abc"))
    return problems


def service_name_problems(name: str) -> list[str]:
    """Return what is wrong with a name that must start with a letter: that of a Service."""
    problems = _bytes_over(name, LABEL_LENGTH_MAX)
    if not _SERVICE.fullmatch(name):
        problems.append(_explain(_SERVICE_RULE, _SERVICE_FORM, "my-name", "abc-123"))
    return problems


def path_segment_problems(name: str) -> list[str]:
    """Return what is wrong with a name that need only fit into a URL: that of RBAC objects."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{each}'" for each in ("/", "%") if each in name]


def qualified_name_problems(name: str) -> list[str]:
    """Return what is wrong with a label key, an annotation key or a finalizer."""
    prefix, slash, bare = name.rpartition("/")
    if "/" in prefix:
        form = _explain(
            f"a valid label key {_QUALIFIED_RULE}",
            _QUALIFIED_FORM,
            "MyName",
            "my.name",
            "123-abc",
        )
        return [
            form.replace("a valid label key must", "a qualified name must", 1)
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    problems = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash:
        problems += [f"prefix part {problem}" for problem in subdomain_problems(prefix)]
    if not bare:
        problems.append("name part must be non-empty")
    else:
        problems += [f"name part {each}" for each in _bytes_over(bare, LABEL_LENGTH_MAX)]
    if not _QUALIFIED.fullmatch(bare):
        form = _explain(_QUALIFIED_RULE, _QUALIFIED_FORM, "MyName", "my.name", "123-abc")
        problems.append(f"name part {form}")
    return problems


def label_value_problems(value: str) -> list[str]:
    """Return what is wrong with a label's value."""
    problems = _bytes_over(value, LABEL_LENGTH_MAX)
    if value and not _QUALIFIED.fullmatch(value):
        form = f"({_QUALIFIED_FORM})?"
        problems.append(_explain(_VALUE_RULE, form, "MyValue", "my_value", "12345"))
    return problems


def make_uid(seed: str, number: int) -> str:
    """Return the uid of the `number`-th object: looks random, and is the same in every run."""
    digest = hashlib.md5(f"{seed}/{number}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"


def generate_name(prefix: str, seed: str, number: int) -> str:
    """Return a name from `generateName`; the suffix depends on seed and number alone."""
    digest = hashlib.md5(f"{seed}/name/{number}".encode(), usedforsecurity=False).digest()
    suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_GENERATED_SUFFIX_LENGTH])
    return prefix[:_GENERATED_PREFIX_MAX] + suffix
