"""What is wrong with sources and Kustomizations, and what of them this version refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from rollouts.api.names import is_dns_label, is_subdomain, label_findings
from rollouts.api.problems import Finding
from rollouts.api.spot import Spot
from rollouts.api.times import parse_duration

GIT_SCHEMES = ("https", "http", "ssh", "file")
"""Schemes that can be written; which of them may be contacted is for the fetcher's policy."""

_CHART_SCHEMES = ("https", "http", "oci")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOSTLESS = re.compile(
    r"(?:[^/]*@)?[-/]"
)  # A leading dash would reach the ssh command as an option.
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_BAD_REFERENCE = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.$|\.lock$|\.lock/|^/|^\.|/\."
)

_NOT = "is not supported by this version"

_REFUSED_BY_GIT_REPOSITORY = (
    ("verify", "signatures would not be checked; leave it out and protect the branch instead"),
    ("include", "put the files into one repository"),
    ("recurseSubmodules", "the files of submodules would be missing; commit them instead"),
    ("proxySecretRef", "set the proxy in the environment of the controller"),
    ("serviceAccountName", "use secretRef"),
)
_REFUSED_BY_KUSTOMIZATION = (
    ("kubeConfig", "objects would go to this cluster; leave it out"),
    ("serviceAccountName", "objects would be applied with the controller's own rights"),
    ("decryption", "Secrets would be applied as they are encrypted"),
    ("postBuild", "variables would be applied as they are written; use kustomize overlays"),
    ("healthCheckExprs", "use healthChecks; the health of many kinds is known"),
)


def git_repository_findings(repository: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with a GitRepository, save wrong types."""
    spec = repository.at("spec")
    yield from url_findings(spec.at("url"), GIT_SCHEMES)
    yield from _period_findings(spec, "interval", "timeout")
    ref = spec.at("ref")
    for name in ("branch", "tag", "name"):
        yield from reference_findings(ref.at(name))
    commit = ref.at("commit")
    if commit.text and not _COMMIT.fullmatch(commit.text):
        yield commit.wrong("is no commit; write 40 hexadecimal digits")
    for directory in spec.at("sparseCheckout").each():
        yield from path_findings(directory)
    provider = spec.at("provider")
    if provider.text not in ("", "generic"):
        yield provider.wrong(f"{_NOT}; use generic with secretRef")
    yield from _refused(spec, _REFUSED_BY_GIT_REPOSITORY)


def helm_repository_findings(repository: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with a HelmRepository, save wrong types."""
    spec = repository.at("spec")
    url = spec.at("url")
    yield from url_findings(url, _CHART_SCHEMES)
    yield from _period_findings(spec, "interval", "timeout")
    is_registry = url.text.startswith("oci://")
    if url.text and is_registry != (spec.at("type").text == "oci"):
        yield (spec.at("type") if is_registry else url).wrong(
            "an oci:// address and type: oci belong together; set both or neither"
        )


def kustomization_findings(kustomization: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with a Kustomization, save wrong types."""
    spec = kustomization.at("spec")
    yield from _period_findings(spec, "interval", "retryInterval", "timeout")
    kind = spec.at("sourceRef", "kind")
    if kind.text and kind.text != "GitRepository":
        yield kind.wrong(f"{_NOT}; use a GitRepository")
    yield from path_findings(spec.at("path"))
    for component in spec.at("components").each():
        yield from path_findings(component, may_climb=True)
    yield from namespace_findings(spec.at("targetNamespace"))
    yield from namespace_findings(spec.at("sourceRef", "namespace"))
    yield from label_findings(spec.at("commonMetadata", "labels"))
    yield from _dependency_findings(kustomization)
    for reference in spec.at("postBuild", "substituteFrom").each():
        kind = reference.at("kind")
        if kind.text and kind.text not in ("ConfigMap", "Secret"):
            yield kind.wrong("must be ConfigMap or Secret")
    for rules in ("ignore", "driftIgnoreRules"):
        for rule in spec.at(rules).each():
            yield from pointer_findings(rule.at("paths"))
    yield from _refused(spec, _REFUSED_BY_KUSTOMIZATION)


def url_findings(url: Spot, schemes: tuple[str, ...]) -> Iterator[Finding]:
    """Yield what is wrong with the address of a repository."""
    if not url.text:
        if isinstance(url.value, str):
            yield url.wrong("must not be empty")
        return
    wanted = ", ".join(f"{scheme}://" for scheme in schemes)
    match = _SCHEME.fullmatch(url.text)
    if match is None or match[1].lower() not in schemes:
        yield url.wrong(f"must begin with one of {wanted}")
    elif _UNPRINTABLE.search(url.text):
        yield url.wrong("must not hold spaces or control characters")
    elif not match[2] or (match[1].lower() != "file" and _HOSTLESS.match(match[2])):
        yield url.wrong("names no host after ://")


def reference_findings(reference: Spot) -> Iterator[Finding]:
    """Yield what keeps a text from being the name of a branch or tag."""
    text = reference.text
    if text.startswith("-") or (text and _BAD_REFERENCE.search(text)):
        yield reference.wrong("is no valid name of a branch or tag")


def path_findings(path: Spot, *, may_climb: bool = False) -> Iterator[Finding]:
    """Yield what keeps a text from being a directory inside a repository.

    Args:
        may_climb: the path starts somewhere below the root, so `..` may stay inside.
    """
    if "\0" in path.text:
        yield path.wrong("must not hold control characters")
    depth = 0
    for part in path.text.split("/"):
        depth += -1 if part == ".." else int(part not in ("", "."))
        if depth < 0 and not may_climb:
            yield path.wrong("must stay inside the repository")
            return


def pointer_findings(pointers: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a list of JSON pointers."""
    for pointer in pointers.each():
        if isinstance(pointer.value, str) and not pointer.text.startswith("/"):
            yield pointer.wrong("is no JSON pointer; write /spec/replicas, with ~1 for a slash")


def namespace_findings(namespace: Spot) -> Iterator[Finding]:
    """Yield what keeps a text from being a namespace."""
    if namespace.text and not is_dns_label(namespace.text):
        yield namespace.wrong(
            "is no valid namespace; use lower-case letters, digits and '-', at most 63"
        )


def _dependency_findings(kustomization: Spot) -> Iterator[Finding]:
    """Yield dependencies on nothing, on itself, or by expression."""
    own = (
        kustomization.at("metadata", "namespace").text,
        kustomization.at("metadata", "name").text,
    )
    for dependency in kustomization.at("spec", "dependsOn").each():
        name = dependency.at("name")
        namespace = dependency.at("namespace").text or own[0]
        if name.text and not is_subdomain(name.text):
            yield name.wrong("is no valid name of a Kustomization")
        if own[1] and (namespace, name.text) == own:
            yield name.wrong("is this Kustomization itself; it would wait forever")
        if dependency.at("readyExpr").text:
            yield dependency.at("readyExpr").wrong(
                f"{_NOT}; without it the dependency must be Ready"
            )


def _period_findings(spec: Spot, *names: str) -> Iterator[Finding]:
    """Yield times of no length."""
    for name in names:
        period = spec.at(name)
        if not period.text:
            continue
        try:
            length = parse_duration(period.text)
        except ValueError:
            continue  # The type of the field says so already, as it does of a sign.
        if length == timedelta(0):
            yield period.wrong("must be greater than 0")


def _refused(spec: Spot, fields: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    """Yield fields whose silent absence would be unsafe."""
    for name, advice in fields:
        if spec.at(name).value not in (None, False, "", [], {}):
            yield spec.at(name).wrong(f"{_NOT}; {advice}")
