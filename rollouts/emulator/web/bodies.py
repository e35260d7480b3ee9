"""Reading request bodies: JSON, YAML, or protobuf where kubectl insists."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from rollouts.emulator.errors import ApiError, bad_request
from rollouts.emulator.web import protobuf

BODY_SIZE_MAX = 3 * 1024 * 1024
"""What the real server takes at most."""

JSON_PATCH = "application/json-patch+json"
PATCH = "error decoding patch: "
_YAML = ("application/yaml", "application/apply-patch+yaml")
_JSON_LIKE = (
    "application/json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    JSON_PATCH,
)


class _Loader(yaml.CSafeLoader):
    """Reads scalars as JSON would know them: a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def media_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read_body(data: bytes, content_type: str, *, blame: str = PATCH) -> Any:
    """Decode a body.

    Args:
        blame: how a complaint about it begins.

    Raises:
        ApiError: 400, it cannot be read; 415, the media type is unknown.
    """
    media = media_type(content_type)
    if media in _YAML:
        return _read_yaml(data)
    if media == protobuf.MEDIA_TYPE:
        return protobuf.read_protobuf(data)
    if media and media not in _JSON_LIKE:
        accepted = ", ".join((*_JSON_LIKE[:1], *_YAML[:1], protobuf.MEDIA_TYPE))
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - "
            f"accepted media types include: {accepted}",
        )
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"{blame}{error}") from None


def read_object(data: bytes, content_type: str, kind: str) -> dict[str, Any]:
    """Decode a body that must be an object.

    Raises:
        ApiError: 400 or 415.
    """
    blame = (
        f"the object provided is unrecognized (must be of type {kind}): "
        "couldn't get version/kind; json parse error: "
    )
    body = read_body(data, content_type, blame=blame)
    if not isinstance(body, dict):
        raise bad_request(f"{blame}it must be an object, not {type(body).__name__}")
    return body


def _read_yaml(data: bytes) -> Any:
    # Clients mostly send JSON under the YAML content type, and JSON is much faster to read.
    if data[:1] == b"{":
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # A flow mapping in YAML may begin the same way.
    try:
        # A few aliases of aliases can stand for gigabytes; manifests have no use for them.
        for event in yaml.parse(data, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise bad_request("aliases are not accepted in YAML bodies")
        return yaml.load(data, Loader=_Loader)  # noqa: S506  # a safe loader with fewer resolvers
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
