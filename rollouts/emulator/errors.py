"""What the API server answers when it refuses: one exception that is a `metav1.Status`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollouts.emulator.resources import ResourceType


class ApiError(Exception):
    """A refused request.

    `code` is the HTTP status, `reason` the machine-readable word clients switch on (`NotFound`,
    `Conflict`, ...), `details` what `metav1.Status` carries about the object. `is_text` says that
    over HTTP the answer is a line of text, as it is where no server is in charge of a path.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        is_text: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.is_text = is_text
        self.details: dict[str, Any] = details or {}
        # An error of the generic kind shows its details even where there are none.
        self._shows_details = details is not None

    def status(self) -> dict[str, Any]:
        """Return the body a client receives."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details or self._shows_details:
            body["details"] = self.details
        return body


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing wrong with one field."""

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def show_value(value: object) -> str:
    """Return a value the way API messages print it: text quoted, the rest as JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(path: str, value: object, detail: str) -> Cause:
    """Return a cause for a value outside its domain."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {show_value(value)}: {detail}")


def wrong_type(path: str, value: object, detail: str) -> Cause:
    """Return a cause for a value of the wrong JSON type; `value` is the name of the type found."""
    return Cause("FieldValueTypeInvalid", path, f"Invalid value: {show_value(value)}: {detail}")


def required(path: str, detail: str = "") -> Cause:
    """Return a cause for a missing value."""
    return Cause("FieldValueRequired", path, "Required value" + (f": {detail}" if detail else ""))


def forbidden_field(path: str, detail: str) -> Cause:
    """Return a cause for a value that may not be given here."""
    return Cause("FieldValueForbidden", path, f"Forbidden: {detail}")


def unsupported(path: str, value: object, supported: Iterable[str]) -> Cause:
    """Return a cause for a value outside an enumeration."""
    names = ", ".join(show_value(each) for each in supported)
    message = f"Unsupported value: {show_value(value)}: supported values: {names}"
    return Cause("FieldValueNotSupported", path, message)


def duplicate(path: str, value: object) -> Cause:
    """Return a cause for a value that may appear only once."""
    return Cause("FieldValueDuplicate", path, f"Duplicate value: {show_value(value)}")


def too_long(path: str, limit: int) -> Cause:
    """Return a cause for a text longer than `limit` bytes."""
    message = f"Too long: may not be more than {limit} bytes"
    return Cause("FieldValueTooLong", path, message)


def too_many(path: str, count: int, limit: int) -> Cause:
    """Return a cause for a list with more than `limit` items."""
    message = f"Too many: {count}: must have at most {limit} items"
    return Cause("FieldValueTooMany", path, message)


def field_not_found(path: str, value: object) -> Cause:
    """Return a cause for a reference to something that is not there."""
    return Cause("FieldValueNotFound", path, f"Not found: {show_value(value)}")


def _details(rt: ResourceType, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if rt.group:
        details["group"] = rt.group
    details["kind"] = rt.plural
    return details


def not_found(rt: ResourceType, name: str) -> ApiError:
    """Return the 404 of an object."""
    message = f'{rt.group_resource} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(rt, name))


def no_such_resource(*, custom: bool = False) -> ApiError:
    """Return the 404 of a resource that is not served; over HTTP a custom one is plain text."""
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", message, {}, is_text=custom)


PAGE_NOT_FOUND = "404 page not found\n"


def already_exists(rt: ResourceType, name: str) -> ApiError:
    """Return the 409 of a create."""
    message = f'{rt.group_resource} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(rt, name))


def conflict(rt: ResourceType, name: str, why: str) -> ApiError:
    """Return the 409 of a failed precondition."""
    message = f'Operation cannot be fulfilled on {rt.group_resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(rt, name))


MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def forbidden(rt: ResourceType, name: str, why: str) -> ApiError:
    """Return the 403 of a request that policy refuses."""
    message = f'{rt.group_resource} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, _details(rt, name))


def unprocessable(rt: ResourceType, name: str, causes: Iterable[Cause]) -> ApiError:
    """Return the 422 that lists everything wrong with an object."""
    found = list(dict.fromkeys(causes))
    texts = [str(cause) for cause in found]
    kind = f"{rt.kind}.{rt.group}" if rt.group else rt.kind
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {"name": name} if name else {}
    if rt.group:
        details["group"] = rt.group
    details["kind"] = rt.kind
    details["causes"] = [_listed(cause) for cause in found]
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details)


def _listed(cause: Cause) -> dict[str, str]:
    return {"reason": cause.reason, "message": cause.message, "field": cause.field}


def invalid_options(kind: str, causes: Iterable[Cause]) -> ApiError:
    """Return the 422 of wrong parameters; `kind` is that of the options, `ListOptions` say."""
    found = list(causes)
    texts = [str(cause) for cause in found]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [_listed(each) for each in found]}
    return ApiError(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {listed}', details)


class Undecodable(ApiError):
    """400: a value does not fit the type of its field."""

    def __init__(self, rt: ResourceType, manifest: object, why: str) -> None:
        """Keep what could not be read, and why."""
        kind, version = rt.kind, rt.version
        message = f'{kind} in version "{version}" cannot be handled as a {kind}: {why}'
        super().__init__(400, "BadRequest", message)
        self.manifest = manifest
        self.why = why


_UNREADABLE = re.compile(r"cannot unmarshal (\w+) into Go struct field \S+ of type (.+)")
_GO_KINDS = {"number": "int64", "bool": "bool", "string": "string", "array": "slice"}


def unreadable_patch(error: Undecodable, *, is_strategic: bool) -> ApiError:
    """Return the 422 of a patch that leaves an object which cannot be read."""
    text = json.dumps(error.manifest, separators=(",", ":"))
    found = _UNREADABLE.search(error.why)
    why = error.why
    if is_strategic and found is not None:
        # Such a patch is applied to a tree of values, which another converter reads.
        text = f"map[{text.strip('{}')}]"
        why = f"cannot convert {_GO_KINDS.get(found[1], found[1])} to {found[2]}"
    cause = invalid("patch", text, why)
    return unusable_patch(cause)


def unusable_patch(cause: Cause) -> ApiError:
    """Return the 422 of a patch that leaves something which is no object of its type."""
    return ApiError(422, "Invalid", f' "" is invalid: {cause}', {"causes": [_listed(cause)]})


def bad_request(message: str) -> ApiError:
    """Return the 400 of a request that makes no sense."""
    return ApiError(400, "BadRequest", message)


def expired(message: str) -> ApiError:
    """Return the 410 of a resourceVersion that is no longer remembered."""
    return ApiError(410, "Expired", message)


def method_not_allowed() -> ApiError:
    """Return the 405 of a verb that this resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def internal_error(message: str) -> ApiError:
    """Return the 500 the real server gives where it has no better word."""
    return ApiError(500, "InternalError", f"Internal error occurred: {message}")


def unsupported_media_type(accepted: Iterable[str]) -> ApiError:
    """Return the 415 of an unknown patch type."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
    return ApiError(415, "UnsupportedMediaType", message)
