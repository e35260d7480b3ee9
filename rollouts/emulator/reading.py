"""Get, list and watch."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollouts.emulator.errors import ApiError, bad_request, expired, not_found
from rollouts.emulator.selectors import parse_field_selector, parse_label_selector
from rollouts.emulator.watch import Filter, Watch

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine
    from rollouts.emulator.resources import Manifest, ResourceType
    from rollouts.emulator.store import Table

_LABEL_FREE = parse_label_selector("")


@dataclass(frozen=True, slots=True)
class ListResult:
    """One page of a list.

    `continue_` is empty on the last page; `remaining` is None when it cannot be told, which is so
    on the last page and under a selector.
    """

    items: tuple[Manifest, ...]
    resource_version: str
    continue_: str = ""
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or a watch asks for beside its type."""

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    limit: int = 0
    continue_: str = ""


def get(engine: Engine, rt: ResourceType, namespace: str, name: str) -> Manifest:
    """Return one object.

    Raises:
        ApiError: 404.
    """
    model = engine.model(rt)
    found = engine.store.tables[rt.stored_as].get(namespace, name)
    if found is None and not rt.namespaced:
        found = engine.store.tables[rt.stored_as].get("", name)
    if found is None:
        raise not_found(rt, name)
    return model.from_storage(found) if model.converts else found


def list_objects(engine: Engine, rt: ResourceType, options: ListOptions) -> ListResult:
    """Return the objects of a namespace or of all, one consistent page at a time.

    Raises:
        ApiError: 400 (selector, token), 410 (the continue token or version was compacted).
    """
    model = engine.model(rt)
    table = engine.store.tables[rt.stored_as]
    chosen = read_filter(rt, options)
    rv, after = engine.store.rv, ""
    if options.continue_:
        rv, after = _read_token(options.continue_)
        if options.resource_version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
    elif options.resource_version_match == "Exact":
        rv = _read_list_rv(options.resource_version)
        _check_not_future(engine, rv)
    elif options.resource_version not in ("", "0"):
        _check_not_future(engine, _read_list_rv(options.resource_version))
    items = _select(table, engine.store.rv, rv, chosen, paging=bool(options.continue_))
    if after:
        items = tuple([each for each in items if _key(each) > after])
    more, remaining = "", None
    # What may come from the server's cache is never cut into pages.
    is_paged = options.limit > 0 and (options.resource_version != "0" or bool(after))
    if is_paged and len(items) > options.limit:
        if not options.label_selector and not options.field_selector:
            remaining = len(items) - options.limit
        items = items[: options.limit]
        more = _make_token(rv, _key(items[-1]))
    if model.converts:
        items = tuple([model.from_storage(each) for each in items])
    return ListResult(items, str(rv), more, remaining)


def _select(
    table: Table, now_rv: int, rv: int, chosen: Filter, *, paging: bool
) -> tuple[Manifest, ...]:
    namespace = chosen.namespace
    if rv != now_rv:
        try:
            items = table.at(rv, namespace)
        except ApiError:
            if not paging:
                raise
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter."
            ) from None
        return tuple([each for each in items if chosen.matches(each)])
    if chosen.labels.requirements:
        items = table.select(namespace, chosen.labels)
    else:
        name = chosen.fields.exact_name()
        if name is not None and namespace:
            found = table.get(namespace, name)
            items = () if found is None else (found,)
        else:
            items = table.listed(namespace)
    if chosen.fields.terms:
        items = tuple([each for each in items if chosen.fields.matches(each)])
    return items


def _key(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _make_token(rv: int, key: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": rv, "start": key})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        fields = json.loads(text)
        return int(fields["rv"]), str(fields["start"])
    except (ValueError, KeyError, TypeError):
        message = f"invalid continue token: continue key is not valid: {token!r}"
        raise bad_request(message) from None


def read_filter(rt: ResourceType, options: ListOptions) -> Filter:
    """Return what the selectors of a request pick."""
    labels = parse_label_selector(options.label_selector) if options.label_selector else _LABEL_FREE
    namespace = options.namespace if rt.namespaced else ""
    return Filter(namespace, labels, parse_field_selector(rt, options.field_selector))


def read_rv(text: str) -> int:
    """Return a resourceVersion as a number.

    Raises:
        ApiError: 500, which is what the server makes of a watch or a get from no version.
    """
    if not (text.isascii() and text.isdigit()):
        raise ApiError(500, "", _no_version(text))
    return int(text)


def _read_list_rv(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise bad_request(f"invalid resource version: {_no_version(text)}")
    return int(text)


def _no_version(text: str) -> str:
    return (
        f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: '
        f'parsing "{text}": invalid syntax'
    )


def _check_not_future(engine: Engine, rv: int) -> None:
    if rv > engine.store.rv:
        message = f"Timeout: Too large resource version: {rv}, current: {engine.store.rv}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise ApiError(504, "Timeout", message, {"retryAfterSeconds": 1, "causes": [cause]})


def watch(
    engine: Engine,
    rt: ResourceType,
    options: ListOptions,
    *,
    bookmarks: bool = False,
    send_initial_events: bool = False,
) -> Watch:
    """Open a watch.

    Raises:
        ApiError: 400, 410 (the version was compacted).
    """
    model = engine.model(rt)
    table = engine.store.tables[rt.stored_as]
    chosen = read_filter(rt, options)
    version = options.resource_version
    position = 0
    initial: tuple[Manifest, ...] | None = None
    if version in ("", "0") or send_initial_events:
        rv = engine.store.rv
        initial = _select(table, rv, rv, chosen, paging=False)
    else:
        position = table.position_after(read_rv(version))
    opened = Watch(
        rt,
        engine.store,
        table,
        chosen,
        convert=model.from_storage if model.converts else None,
        bookmark_clock=engine.clock if bookmarks else None,
    )
    if initial is None:
        opened.start_at(position)
    else:
        opened.start_with(initial)
    # Whoever takes bookmarks is told where the initial events end, asked for or not.
    if initial is not None and bookmarks:
        opened.announce()
    return opened
