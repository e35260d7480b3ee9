"""What is wrong with an Application, and what of it this version refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from rollouts.api.application import IN_CLUSTER_NAME, IN_CLUSTER_SERVER
from rollouts.api.names import is_dns_label, label_findings
from rollouts.api.problems import Finding
from rollouts.api.source_rules import (
    GIT_SCHEMES,
    namespace_findings,
    path_findings,
    pointer_findings,
    reference_findings,
    url_findings,
)
from rollouts.api.spot import Spot
from rollouts.api.times import parse_duration

_SCP_FORM = re.compile(r"(?:[A-Za-z0-9._~-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:(?!//|:)\S+")
_SYNC_OPTION = re.compile(r"[A-Za-z]+=\S*")
_RANGE = re.compile(r"[\s*<>=~^|,]")

_REFUSED_RENDERERS = ("plugin", "directory.jsonnet")

_NOT = "is not supported by this version"


def application_findings(application: Spot) -> Iterator[Finding]:
    """Yield all that is wrong with an Application, save wrong types."""
    spec = application.at("spec")
    if not isinstance(spec.value, dict):
        return
    yield from _destination_findings(spec.at("destination"))
    yield from _all_source_findings(spec)
    yield from _policy_findings(spec.at("syncPolicy"))
    for rule in spec.at("ignoreDifferences").each():
        yield from pointer_findings(rule.at("jsonPointers"))
    limit = spec.at("revisionHistoryLimit")
    if (limit.number or 0) < 0:
        yield limit.wrong("must be greater than or equal to 0")
    yield from _hook_findings(spec.at("resourceHooks"))
    yield from _retry_findings(application.at("operation", "retry"))


def _destination_findings(destination: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the place where objects are applied."""
    server, name = destination.at("server"), destination.at("name")
    if server.text and name.text:
        yield name.wrong("destination has both server and name; keep one")
    elif not server.text and not name.text:
        yield server.missing(f"name the cluster; {IN_CLUSTER_SERVER} is this one")
    if server.text and server.text.rstrip("/") != IN_CLUSTER_SERVER:
        yield server.wrong(f"{_NOT}; only this cluster is, {IN_CLUSTER_SERVER}")
    if name.text and name.text != IN_CLUSTER_NAME:
        yield name.wrong(f"{_NOT}; only this cluster is, {IN_CLUSTER_NAME}")
    yield from namespace_findings(destination.at("namespace"))


def _all_source_findings(spec: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the places where manifests come from."""
    if spec.at("sourceHydrator").given:
        yield spec.at("sourceHydrator").wrong(f"{_NOT}; use source")
    sources = list(spec.at("sources").each())
    if not sources and spec.at("source").given:
        sources = [spec.at("source")]
    if not sources and not spec.at("sourceHydrator").given:
        yield spec.at("source").missing("say where the manifests come from: repoURL and path")
    for source in sources:
        yield from _source_findings(source)


def _source_findings(source: Spot) -> Iterator[Finding]:
    """Yield what is wrong with one source."""
    url, path, chart = source.at("repoURL"), source.at("path"), source.at("chart")
    if not url.given:
        yield url.missing("name the repository")
    elif not chart.text and not _SCP_FORM.fullmatch(url.text):
        yield from url_findings(url, GIT_SCHEMES)
    if path.text.startswith("/"):
        yield path.wrong("must be relative to the root of the repository, without a slash first")
    yield from path_findings(path)
    if not path.text and not chart.text and not source.at("ref").text:
        yield path.missing("name the directory; write '.' for the root of the repository")
    revision = source.at("targetRevision")
    if not _RANGE.search(revision.text):
        yield from reference_findings(revision)
    if chart.text:
        yield chart.wrong(f"{_NOT}: no chart is downloaded; commit it to Git and name its path")
    yield from _chart_findings(source.at("helm"))
    for name in _REFUSED_RENDERERS:
        block = source.at(*name.split("."))
        if block.value not in (None, "", {}):
            yield block.wrong(f"{_NOT}; render the manifests and commit them")


def _chart_findings(helm: Spot) -> Iterator[Finding]:
    """Yield what is wrong with how a chart is rendered."""
    for file in helm.at("valueFiles").each():
        if "://" in file.text:
            yield file.wrong("must be a file of the repository; nothing is downloaded")
        elif file.text.startswith("$"):
            yield file.wrong("is in another source; commit it to the repository of the chart")
        elif file.text.startswith("/"):
            yield file.wrong("must be relative to the chart, without a slash first")
    for parameter in helm.at("parameters").each():
        if not parameter.at("name").text:
            yield parameter.at("name").missing("name the value")
    for parameter in helm.at("fileParameters").each():
        for name in ("name", "path"):
            if not parameter.at(name).text:
                yield parameter.at(name).missing("name the value and the file that holds it")


def _policy_findings(policy: Spot) -> Iterator[Finding]:
    """Yield what is wrong with when and how a sync happens."""
    for option in policy.at("syncOptions").each():
        if isinstance(option.value, str) and not _SYNC_OPTION.fullmatch(option.text):
            yield option.wrong("is no option; write a name and a value: CreateNamespace=true")
    yield from label_findings(policy.at("managedNamespaceMetadata", "labels"))
    yield from _retry_findings(policy.at("retry"))


def _retry_findings(retry: Spot) -> Iterator[Finding]:
    """Yield what is wrong with how a failed sync is tried again."""
    limit, backoff = retry.at("limit"), retry.at("backoff")
    if (limit.number or 0) < -1:
        yield limit.wrong("must be -1 for no limit, or 0 or more")
    if backoff.at("factor").number is not None and (backoff.at("factor").number or 0) < 1:
        yield backoff.at("factor").wrong("must be 1 or more")
    for name in ("duration", "maxDuration"):
        period = backoff.at(name)
        if not isinstance(period.value, int | str) or isinstance(period.value, bool):
            continue
        try:
            length = parse_duration(period.value)
        except ValueError as error:
            yield period.wrong(str(error))
            continue
        if length <= timedelta(0):
            yield period.wrong("must be greater than 0")


def _hook_findings(hooks: Spot) -> Iterator[Finding]:
    """Yield what is wrong with objects that are created after each sync."""
    names: list[str] = []
    for hook in hooks.each():
        name = hook.at("name")
        if not is_dns_label(name.text):
            yield name.wrong("must be a name of lower-case letters, digits and '-', at most 63")
        elif name.text in names:
            yield name.wrong("names two hooks; give each its own name")
        names.append(name.text)
        yield from _generated_findings(hook.at("hook", "template", "generate"))


def _generated_findings(generate: Spot) -> Iterator[Finding]:
    """Yield what keeps the text of a hook from being one object."""
    # Few Applications have hooks: the others need no YAML reader.
    from rollouts.api.documents import BadDocument, read_documents

    if not generate.text.strip():
        yield generate.missing("write the object to create, as YAML text")
        return
    try:
        manifests = [document.manifest for document in read_documents(generate.text)]
    except BadDocument as error:
        yield generate.wrong(f"is no YAML: {error.reason}")
        return
    if len(manifests) != 1:
        yield generate.wrong("must hold exactly one object")
        return
    (spot,) = (Spot(manifest) for manifest in manifests)
    metadata = spot.at("metadata")
    named = metadata.at("name").text or metadata.at("generateName").text
    if not (spot.at("apiVersion").text and spot.at("kind").text and named):
        yield generate.wrong(
            "must be an object with apiVersion, kind and metadata.name or metadata.generateName"
        )
