"""One request on a resource: the parts of HTTP that verbs need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from rollouts.emulator.errors import ApiError
from rollouts.emulator.web.bodies import BODY_SIZE_MAX

if TYPE_CHECKING:
    from multidict import MultiMapping

    from rollouts.emulator.web.paths import Target

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read as far as it can be without its body."""

    request: web.BaseRequest
    target: Target
    verb: str
    query: MultiMapping[str]
    user: str

    @property
    def accept(self) -> str:
        """Return the forms that the client takes."""
        return self.request.headers.get("Accept", "")

    @property
    def content_type(self) -> str:
        """Return the content type of the body."""
        return self.request.headers.get("Content-Type", "")

    @property
    def user_agent(self) -> str:
        """Return the name of the client program."""
        return self.request.headers.get("User-Agent", "")

    async def read(self) -> bytes:
        """Return the body.

        Raises:
            ApiError: 413, it is too large.
        """
        try:
            return await self.request.read()
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {BODY_SIZE_MAX}"
            raise ApiError(413, "RequestEntityTooLarge", message) from None


def user_of(request: web.BaseRequest) -> str:
    """Return who asks: the impersonated user, else the bearer token, taken as a name."""
    headers = request.headers
    if impersonated := headers.get("Impersonate-User"):
        return impersonated
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else ANONYMOUS
