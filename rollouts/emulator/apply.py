"""Server-side apply: merge what is applied, drop what is no longer applied, name conflicts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import ApiError, bad_request
from rollouts.emulator.fields import (
    Trie,
    difference,
    intersection,
    list_paths,
    show_path,
    union,
)
from rollouts.emulator.ownership import (
    APPLY,
    BEFORE_FIRST_APPLY,
    UPDATE,
    Managed,
    Manager,
    Share,
    cap,
    disown,
    find_conflicts,
    keep_managed,
    read_managed,
    strip,
    with_managed,
    without_managed,
    write_equal,
)
from rollouts.emulator.patches import equal
from rollouts.emulator.typed import (
    Comparison,
    Undeclared,
    check_declared,
    compare,
    field_set,
    merge,
    remove,
    with_named_fields,
)

if TYPE_CHECKING:
    from rollouts.emulator.engine import Request
    from rollouts.emulator.models import Model
    from rollouts.emulator.nodes import Node
    from rollouts.emulator.resources import Manifest

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply_configuration(
    model: Model,
    live: Manifest | None,
    applied: Manifest,
    request: Request,
    *,
    force: bool,
    now: str,
) -> Manifest:
    """Return the object as applying leaves it, ownership included.

    Raises:
        ApiError: 400, 409 (another manager owns a field with another value), 500 (the
            configuration does not fit the schema; the real server answers so).
    """
    _check_applied(model, applied, request)
    root = model.root
    base = model.blank() if live is None else without_managed(live)
    managed = {} if live is None else read_managed(live["metadata"])
    if live is not None and not managed:
        managed = _adopt(model, base, request.subresource, now)
    manager = Manager(request.field_manager, APPLY, "", request.subresource)
    last = managed[manager].fields if manager in managed else {}
    claimed = model.appliable(field_set(root, applied), request.subresource)
    try:
        merged = merge(root, base, applied)
    except Undeclared as error:
        raise ApiError(500, "", f"failed to create typed live object: {error}") from None
    others = [share.fields for each, share in managed.items() if each != manager]
    # The name counts as claimed here, though nobody is recorded as its owner.
    pruned = _prune(root, merged, last, [*others, claimed])
    changed = Comparison(
        *(model.appliable(touched, request.subresource) for touched in compare(root, base, pruned))
    )
    conflicts = find_conflicts(managed, changed, but=manager)
    if conflicts and not force and not _may_take_over(model, base, conflicts, manager):
        raise apply_conflict(conflicts)
    result = disown(managed, changed, but=manager)
    if owned := strip(claimed):
        # An applier that changes nothing gets no new time, and none at all as a new owner.
        known = managed[manager].time if manager in managed else ""
        time = known if live is not None and equal(pruned, base) else now
        result[manager] = Share(owned, applied["apiVersion"], time)
    else:
        result.pop(manager, None)
    if live is not None and write_equal(result, live):
        return keep_managed(pruned, live)
    return with_managed(pruned, cap(result))


def _check_applied(model: Model, applied: Manifest, request: Request) -> None:
    rt = model.rt
    version = applied.get("apiVersion", "")
    if not version and not applied.get("kind"):
        raise bad_request("invalid object type: /, Kind=")
    if version != rt.api_version:
        raise bad_request(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {version}, expected: {rt.api_version}"
        )
    if (applied.get("metadata") or {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    problems = check_declared(model.root, applied)
    if problems:
        metadata = applied.get("metadata") or {}
        name = f"{metadata.get('namespace', '')}/{request.name}"
        where = f"{name}; {rt.group}/{rt.version}, Kind={rt.kind}"
        listed = problems[0]
        if len(problems) > 1:
            listed = "errors:\n" + "\n".join(f"  {problem}" for problem in problems)
        raise ApiError(500, "", f"failed to create typed patch object ({where}): {listed}")


def _adopt(model: Model, base: Manifest, subresource: str, now: str) -> Managed:
    """Give all there is to a manager of its own, as far as this (sub)resource may be applied."""
    changed = compare(model.root, model.blank(), base)
    fields = strip(union(changed.added, changed.modified))
    fields = model.appliable(fields, subresource)
    api_version = base["apiVersion"]
    manager = Manager(BEFORE_FIRST_APPLY, UPDATE, api_version)
    return {manager: Share(fields, api_version, now)} if fields else {}


def _prune(root: Node, merged: Manifest, last: Trie, claims: list[Trie]) -> Manifest:
    """Remove what the applier applied last time and does not now, unless others own it too."""
    if not last:
        return merged
    held: Trie = {}
    for fields in claims:
        held = union(held, fields)
    before = with_named_fields(root, last)
    everything = with_named_fields(root, field_set(root, merged))
    pruned: Any = remove(root, merged, before) or {}
    left = with_named_fields(root, field_set(root, pruned))
    surplus = difference(everything, union(left, with_named_fields(root, held)))
    pruned = remove(root, merged, surplus) or {}
    left = with_named_fields(root, field_set(root, pruned))
    # What was never this applier's to begin with comes back, however it got lost.
    dangling = intersection(difference(everything, left), before)
    final: Manifest = remove(root, merged, dangling) or {}
    return final


def _may_take_over(
    model: Model, base: Manifest, conflicts: dict[Manager, Trie], manager: Manager
) -> bool:
    """Tell whether all conflicts are with kubectl's own client-side past."""
    if manager.name != "kubectl":
        return False
    text = (base["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if not text:
        return False
    try:
        last = json.loads(text)
    except ValueError:
        return False
    if not isinstance(last, dict) or last.get("apiVersion") != model.rt.api_version:
        return False
    changed = compare(model.root, last, base)
    allowed = field_set(model.root, last)
    for touched in changed:
        allowed = difference(allowed, touched)
    wanted: Trie = {}
    for fields in conflicts.values():
        wanted = union(wanted, fields)
    return not difference(wanted, allowed)


def apply_conflict(conflicts: dict[Manager, Trie]) -> ApiError:
    """Return the 409 that names every owner and field in the way."""
    found = [
        (str(manager), show_path(path))
        for manager, fields in sorted(conflicts.items(), key=lambda each: str(each[0]))
        for path in list_paths(fields)
    ]
    if len(found) == 1:
        name, path = found[0]
        message = f"Apply failed with 1 conflict: conflict with {name}: {path}"
    else:
        lines: list[str] = []
        for name in dict.fromkeys(name for name, _ in found):
            lines.append(f"conflicts with {name}:")
            lines += [f"- {path}" for owner, path in found if owner == name]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": path}
        for name, path in found
    ]
    return ApiError(409, "Conflict", message, {"causes": causes})
