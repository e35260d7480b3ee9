"""Making HTTP responses: JSON bodies, Status errors and warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from rollouts.emulator.errors import PAGE_NOT_FOUND, ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON = "application/json"

WARNINGS_MAX = 20
"""Headers must stay small; whoever made twenty mistakes has enough to read."""


def answer(
    body: Any, *, code: int = 200, content_type: str = JSON, warnings: Iterable[str] = ()
) -> web.Response:
    """Return a response with a JSON body."""
    response = web.Response(body=orjson.dumps(body), status=code)
    response.headers["Content-Type"] = content_type
    for _, text in zip(range(WARNINGS_MAX), warnings, strict=False):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def refusal(error: ApiError) -> web.Response:
    """Return the response of a refused request."""
    if error.is_text:
        return text_answer(PAGE_NOT_FOUND, code=error.code)
    response = answer(error.status(), code=error.code)
    if (seconds := error.details.get("retryAfterSeconds")) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def text_answer(text: str, *, code: int = 200) -> web.Response:
    """Return a response for people and probes."""
    return web.Response(text=text, status=code)


def not_acceptable(offered: str) -> ApiError:
    """Return the 406 of a client that takes none of the forms there are."""
    return ApiError(
        406,
        "NotAcceptable",
        f"only the following media types are accepted: {offered}",
    )
