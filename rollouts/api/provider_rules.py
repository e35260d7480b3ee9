"""What is wrong with the provider of a metric: that there is one, and that it can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from rollouts.api.analysis_providers import (
    AUTHENTICATION_WAYS,
    EXECUTED_PROVIDERS,
    PLUGIN,
    PROVIDERS,
    WEB_METHODS,
)
from rollouts.api.problems import Finding
from rollouts.api.shape import hint
from rollouts.api.spot import Spot

TIMEOUT_SECONDS_MAX = 3600
"""Longest limit for one request: an answer that takes an hour says nothing of now."""

_HEADER_NAME_CHARACTERS = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_USER = re.compile(r"[^/]*@")
_JOB_RESTART_POLICIES = ("Never", "OnFailure")


def provider_findings(
    provider: Spot, executed: tuple[str, ...] = EXECUTED_PROVIDERS
) -> Iterator[Finding]:
    """Yield what is wrong with a provider.

    Args:
        executed: names of the providers that can be asked, out-of-tree ones included.
    """
    if not isinstance(provider.value, dict):
        return
    given = list(_named(provider))
    plugin = provider.at(PLUGIN)
    if not given and (not plugin.given or isinstance(plugin.value, dict)):
        yield provider.wrong(f"no provider specified; name one of {_words(executed)}")
    elif len(given) > 1:
        names = " and ".join(entry.key for entry in given)
        yield _named_finding(provider, f"multiple providers specified, {names}; keep one", names)
    for entry in given:
        yield from _support_findings(entry, executed)
        rules = _RULES.get(entry.key)
        if rules is not None and isinstance(entry.value, dict):
            yield from rules(entry)


def _named(provider: Spot) -> Iterator[Spot]:
    """Yield the providers that are given, those under `plugin` too."""
    for entry in provider.entries():
        if entry.key == PLUGIN and entry.mapping:
            yield from (each for each in entry.entries() if each.given)
        elif entry.given and entry.key != PLUGIN:
            yield entry


def _words(names: tuple[str, ...]) -> str:
    """Return names as a phrase."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _support_findings(provider: Spot, executed: tuple[str, ...]) -> Iterator[Finding]:
    """Yield that a provider cannot be asked by this version."""
    is_plugin = PLUGIN in provider.path[:-1]
    if is_plugin and provider.key in EXECUTED_PROVIDERS:
        yield _named_finding(provider, f"is built in; write it beside {PLUGIN}, not under it")
    elif provider.key in executed:
        # The models speak of the providers that they know; of the others nobody else does.
        if provider.key not in PROVIDERS and not isinstance(provider.value, dict):
            yield provider.wrong("must be a map of keys and values")
    elif provider.key in PROVIDERS:
        yield _named_finding(
            provider,
            f"is not supported by this version; use one of {_words(executed)}, "
            "or a web request to the API of the system",
        )
    else:
        yield _named_finding(
            provider,
            f"is no provider that is installed{hint(provider.key, (*PROVIDERS, *executed))}; "
            f"use one of {_words(executed)}, or install the Python package that announces "
            f"{provider.key!r} in the entry point group rollouts.metric_providers",
        )


def _named_finding(place: Spot, message: str, value: str = "") -> Finding:
    """Return a finding that shows names alone, since a secret may be written out in the place."""
    return Finding(place.path, message, value or place.key)


def _prometheus_findings(prometheus: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a query to Prometheus."""
    query, address = prometheus.at("query"), prometheus.at("address")
    if not query.given or (isinstance(query.value, str) and not query.text.strip()):
        yield query.missing("write the PromQL query")
    yield from _address_findings(address)
    yield from _timeout_findings(prometheus.at("timeout"))
    yield from _request_findings(prometheus)
    span = prometheus.at("rangeQuery")
    if isinstance(span.value, dict):
        for name in ("start", "end", "step"):
            if not span.at(name).text:
                yield span.at(name).missing("is required for a range query")


def _web_findings(web: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a request to an HTTP server."""
    url, method, path = web.at("url"), web.at("method"), web.at("jsonPath")
    if url.value == "":
        yield url.wrong("write the URL of the request")
    yield from _address_findings(url)
    if method.text and "{{" not in method.text and method.text not in WEB_METHODS:
        yield method.wrong(f"must be one of {_words(WEB_METHODS)}")
    body, json_body = web.at("body"), web.at("jsonBody")
    has_body = body.text or json_body.given
    if body.text and json_body.given:
        yield body.wrong("use either body or jsonBody, not both")
    if has_body and method.text in ("", "GET"):
        yield (
            method.wrong("a request with a body must be POST or PUT")
            if method.given
            else (method.missing("a request with a body must be POST or PUT"))
        )
    if path.text and "{{" not in path.text and not path.text.startswith(("{", "$", ".", "[")):
        yield path.wrong("is no JSONPath; write one such as {$.data.value}")
    yield from _timeout_findings(web.at("timeoutSeconds"))
    yield from _request_findings(web)


def _job_findings(job: Spot) -> Iterator[Finding]:
    """Yield the plainest mistakes in a Job; the rest is for the API server to find."""
    spec = job.at("spec")
    if not isinstance(spec.value, dict):
        return
    template = spec.at("template")
    if not template.mapping:
        yield template.missing("is required; write the pods of the Job")
        return
    pod = template.at("spec")
    if not list(pod.at("containers").each()):
        yield pod.at("containers").missing("must list at least one container")
    restart = pod.at("restartPolicy")
    if restart.value not in _JOB_RESTART_POLICIES and "{{" not in restart.text:
        message = f"must be {' or '.join(_JOB_RESTART_POLICIES)} for a Job"
        yield restart.wrong(message) if restart.given else restart.missing(message)


def _address_findings(address: Spot) -> Iterator[Finding]:
    """Yield what is wrong with a URL that holds no argument."""
    if not address.text or "{{" in address.text:
        return
    try:
        parts = urlsplit(address.text)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018  # raises for a port that is none
    except ValueError:
        is_fine = False
    if not is_fine or any(character.isspace() for character in address.text):
        # A user, a password or a token may be written out in it, wherever it is wrong.
        shown = _USER.sub("***@", address.text.partition("?")[0])
        message = "is no URL; write one such as http://prometheus.monitoring:9090"
        yield Finding(address.path, message, shown)


def _timeout_findings(timeout: Spot) -> Iterator[Finding]:
    """Yield a limit for one request that is out of range; 0 stands for the default."""
    if timeout.number is not None and not 0 <= timeout.number <= TIMEOUT_SECONDS_MAX:
        yield timeout.wrong(f"must be from 1 to {TIMEOUT_SECONDS_MAX} seconds")


def _request_findings(provider: Spot) -> Iterator[Finding]:
    """Yield what is wrong with headers and authentication."""
    for header in provider.at("headers").each():
        key, value = header.at("key"), header.at("value")
        if isinstance(key.value, str) and "{{" not in key.text and not _is_header_name(key.text):
            yield key.wrong("is no name of a header")
        if any(ord(character) < ord(" ") and character != "\t" for character in value.text):
            # The value may be a secret that somebody wrote out: it is not repeated.
            yield value.missing("must not hold line breaks or other control characters")
    authentication = provider.at("authentication")
    ways = [way for way in AUTHENTICATION_WAYS if authentication.at(way).given]
    if len(ways) > 1:
        names = " and ".join(ways)
        yield _named_finding(authentication, f"use one way to authenticate, not {names}", names)
    token_url = authentication.at("oauth2", "tokenUrl")
    if authentication.at("oauth2").given and not token_url.text:
        yield token_url.missing("is required; write where the token is fetched")
    yield from _address_findings(token_url)


def _is_header_name(text: str) -> bool:
    """Return whether text can be the name of a header."""
    return bool(text) and _HEADER_NAME_CHARACTERS.issuperset(text)


_RULES: dict[str, Callable[[Spot], Iterator[Finding]]] = {
    "prometheus": _prometheus_findings,
    "web": _web_findings,
    "job": _job_findings,
}
