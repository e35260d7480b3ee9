"""Find how a kind is served: its plural and its scope, remembered until it is not found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from rollouts.api.refs import Kind
from rollouts.kube.answers import Call
from rollouts.kube.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from rollouts.kube.http import Transport


_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"  # A server that knows neither lists groups and versions.
)


class Discovery:
    """The served kinds of each API version that was ever asked for.

    A kind that is not among the remembered ones is looked up again, since its definition may have
    been installed a moment ago; one that is remembered is never looked up again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, dict[str, Kind]] = {}
        self._reading: dict[str, asyncio.Task[dict[str, Kind]]] = {}

    async def find(self, api_version: str, kind: str) -> Kind:
        """Return the kind as served; several callers that miss at once cost one request."""
        found = self._known.get(api_version, {}).get(kind)
        if found is not None:
            return found
        found = (await self._read_shared(api_version)).get(kind)
        if found is None:
            raise NotFound(
                f"{kind}.{api_version} is not served by this cluster;"
                " install its CustomResourceDefinition"
            )
        return found

    async def refresh(self, api_version: str) -> None:
        """Look up an API version again, whatever is remembered of it."""
        self._known.pop(api_version, None)
        await self._read_shared(api_version)

    async def served(self) -> tuple[str, ...]:
        """Return the API versions outside the core, and their kinds where the server lists them.

        Such as `apps/v1` and `apps/v1/Deployment`, sorted; one request.
        """
        call = Call("GET", "discover", "API groups", "discovery", "/apis", accept=_AGGREGATED)
        return _read_served(call, await self._transport.send(call))

    async def _read_shared(self, api_version: str) -> dict[str, Kind]:
        task = self._reading.get(api_version)
        if task is None:
            task = asyncio.create_task(self._read(api_version), name=f"discover {api_version}")
            self._reading[api_version] = task
            task.add_done_callback(lambda _: self._reading.pop(api_version, None))
        # Shielded: the first caller may be cancelled while others wait for the same answer.
        return await asyncio.shield(task)

    async def _read(self, api_version: str) -> dict[str, Kind]:
        root = "/apis" if "/" in api_version else "/api"
        call = Call("GET", "discover", api_version, "discovery", f"{root}/{api_version}")
        try:
            body = await self._transport.send(call)
        except NotFound:
            return {}
        kinds = _read_kinds(call, api_version, body)
        self._known[api_version] = kinds
        return kinds


def _read_kinds(call: Call, api_version: str, body: bytes) -> dict[str, Kind]:
    group, _, version = api_version.rpartition("/")
    try:
        resources = orjson.loads(body).get("resources") or ()
        return {
            resource["kind"]: Kind(
                group, version, resource["kind"], resource["name"], resource["namespaced"]
            )
            for resource in resources
            if "/" not in resource["name"]
        }
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise Unavailable(f"{call.verb} {api_version}: cannot read the answer") from error


def _read_served(call: Call, body: bytes) -> tuple[str, ...]:
    found: dict[str, None] = {}
    try:
        answer = orjson.loads(body)
        for group in answer.get("groups") or ():
            found |= dict.fromkeys(each["groupVersion"] for each in group["versions"])
        for group in answer.get("items") or ():
            for each in group["versions"]:
                api_version = f"{group['metadata']['name']}/{each['version']}"
                kinds = [one["responseKind"]["kind"] for one in each.get("resources") or ()]
                found |= dict.fromkeys((api_version, *(f"{api_version}/{kind}" for kind in kinds)))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise Unavailable(f"{call.verb} {call.subject}: cannot read the answer") from error
    return tuple(sorted(found))
