"""The HTTP session that kopf is given: our connections and credentials, and eyes on its lists.

kopf tells its handlers which objects it has listed, but neither which are missing from a list nor
that a list was empty, and after lost history it lists again without a word. All three are in the
answer that passes through here: it is taken into the store at once, and kopf is told that the list
was empty. That notices deletions without a request of our own, and spares kopf a task, a queue and
a memo for each object that there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson
from yarl import URL

from rollouts.kube.answers import Call, read_error
from rollouts.kube.errors import ClusterError, Forbidden
from rollouts.kube.http import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rollouts.api.refs import Kind, Manifest
    from rollouts.kube.http import Access
    from rollouts.kube.intake import Intake


class WatchSession:
    """Looks like an `aiohttp.ClientSession` to kopf, for one kind and one operator.

    Attributes:
        closed: never; the connections are not kopf's to close.
    """

    closed = False

    def __init__(
        self,
        access: Access,
        kind: Kind,
        intake: Intake[Any],
        *,
        on_listed: Callable[[int], None],
        on_contact: Callable[[], None],
        on_refused: Callable[[Forbidden], None] = lambda _: None,
        on_request: Callable[[str, str, str], None] | None,
    ) -> None:
        """Serve one kind.

        Args:
            intake: is given every list that kopf reads of this kind.
            on_listed: told the number of objects when a list is complete.
            on_contact: called whenever kopf asks something or the server says something.
            on_refused: told what the server said when it refused a list or a watch.
        """
        self.headers: dict[str, str] = {"User-Agent": USER_AGENT}
        self._access = access
        self._kind = kind
        self._intake = intake
        self._on_listed = on_listed
        self._on_contact = on_contact
        self._on_refused = on_refused
        self._on_request = on_request

    async def close(self) -> None:
        """Leave the connections open: they are shared."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        headers: dict[str, str] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109  # kopf's own argument
    ) -> aiohttp.ClientResponse | _Listed | _Watched:
        """Send one request of kopf's."""
        address = URL(url)
        is_ours = address.path.endswith(f"/{self._kind.plural}")
        is_watch = is_ours and address.query.get("watch") == "true"
        is_list = is_ours and not is_watch and method.lower() == "get"
        if is_list and "continue" not in address.query:
            self._intake.begin()
        self._on_contact()
        options = {"json": json, "headers": headers or {}, "timeout": timeout}
        authorization = await self._access.authorization()
        response = await self._send(method, url, authorization, options)
        if response.status == 401 and await self._access.renew(authorization):
            response.release()
            authorization = await self._access.authorization()
            response = await self._send(method, url, authorization, options)
        self._count(is_list=is_list, is_watch=is_watch, response=response)
        if response.status == 403 and is_ours:
            await self._tell_refusal(response, "watch" if is_watch else "list")
        if response.status != 200:
            return response
        if is_list:
            return _Listed(response, self._take(await response.read()))
        if is_watch:
            self._on_contact()
            return _Watched(response, self._on_contact)
        return response

    async def _send(
        self, method: str, url: str, authorization: str, options: dict[str, Any]
    ) -> aiohttp.ClientResponse:
        own = {"Authorization": authorization} if authorization else {}
        headers = {**self.headers, **options["headers"], **own}
        return await self._access.session().request(
            method, url, **{**options, **self._access.request_options(), "headers": headers}
        )

    async def _tell_refusal(self, response: aiohttp.ClientResponse, verb: str) -> None:
        # The body is kept by aiohttp: kopf reads it again.
        call = Call("GET", verb, str(self._kind), self._kind.plural, response.url.path)
        error = read_error(call, response.status, {}, await response.read())
        if isinstance(error, Forbidden):
            self._on_refused(error)

    def _take(self, body: bytes) -> Manifest:
        """Take a page of a list, and the whole list with its last page; return what is left."""
        try:
            document: Manifest = orjson.loads(body)
            metadata = document.get("metadata") or {}
            items = document.get("items") or ()
            for item in items:
                item["apiVersion"] = self._kind.api_version
                item["kind"] = self._kind.kind
            self._intake.take_page(items, metadata.get("resourceVersion", ""))
        except (ClusterError, orjson.JSONDecodeError) as error:
            # What kopf takes for a broken connection, it asks for again.
            raise aiohttp.ClientConnectionError(str(error)) from error
        self._on_contact()
        if not metadata.get("continue"):
            self._on_listed(self._intake.finish())
        return {"metadata": metadata, "items": []}

    def _count(self, *, is_list: bool, is_watch: bool, response: aiohttp.ClientResponse) -> None:
        if self._on_request is not None:
            verb = "watch" if is_watch else "list" if is_list else "discover"
            resource = self._kind.plural if is_watch or is_list else "discovery"
            self._on_request(verb, resource, str(response.status))


class _Response:
    """A response of which something is replaced; in all else the response itself."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    async def __aenter__(self) -> Self:
        await self._response.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._response.__aexit__(*error)  # type: ignore[arg-type]  # passed on as it came


class _Listed(_Response):
    """A page of a list whose objects have been taken."""

    def __init__(self, response: aiohttp.ClientResponse, left: Manifest) -> None:
        super().__init__(response)
        self._left = left

    async def json(self) -> Manifest:
        """Return the page without its objects."""
        return self._left


class _Watched(_Response):
    """A watch whose chunks are signs of life."""

    def __init__(self, response: aiohttp.ClientResponse, on_contact: Callable[[], None]) -> None:
        super().__init__(response)
        self.content = _Content(response.content, on_contact)


class _Content:
    """The body of a watch."""

    def __init__(self, content: aiohttp.StreamReader, on_contact: Callable[[], None]) -> None:
        self._content = content
        self._on_contact = on_contact

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives."""
        async for chunk in self._content.iter_chunked(size):
            self._on_contact()
            yield chunk
