"""What form of an answer a client accepts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

TABLE = "Table"
PARTIAL = "PartialObjectMetadata"
PARTIAL_LIST = "PartialObjectMetadataList"

_ACCEPTS_REMEMBERED = 256
"""Clients repeat a handful of Accept headers in every request."""


@dataclass(frozen=True, slots=True)
class Form:
    """One acceptable form: media type and, for `as=`, the kind to convert to."""

    media: str
    kind: str = ""
    group: str = ""
    version: str = ""


@lru_cache(maxsize=_ACCEPTS_REMEMBERED)
def read_accept(header: str) -> tuple[Form, ...]:
    """Read an Accept header into forms, in the client's order."""
    forms = []
    for entry in header.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        pairs = dict(part.partition("=")[::2] for part in parameters if "=" in part)
        if media:
            forms.append(Form(media, pairs.get("as", ""), pairs.get("g", ""), pairs.get("v", "")))
    return tuple(forms) or (Form("*/*"),)


_JSON = {"application/json", "application/*", "*/*"}


def choose_form(header: str, *, kinds: tuple[str, ...] = ()) -> Form | None:
    """Return the first form that can be given: JSON, plain or as one of `kinds`.

    None means that the client takes nothing of what there is (406).
    """
    for form in read_accept(header):
        if form.media not in _JSON:
            continue
        if not form.kind:
            return Form("application/json")
        if form.kind in kinds and (form.group, form.version) == ("meta.k8s.io", "v1"):
            return form
    return None


def accepts_aggregated(header: str) -> str:
    """Return the version of aggregated discovery that a client takes, or nothing."""
    for form in read_accept(header):
        if form.kind == "APIGroupDiscoveryList" and form.group == "apidiscovery.k8s.io":
            # Only what is final is offered; older clients fall back to the plain documents.
            if form.version == "v2":
                return form.version
        elif form.media in _JSON and not form.kind:
            return ""
    return ""
