"""What happened, in words: pure functions from two states of an object to lines of a timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rollouts.api.refs import Manifest
from rollouts.cli.tree import HASH, REVISION, phase_of, say_step, steps_of

WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
VERDICTS = ("Successful", "Failed", "Inconclusive", "Error")


def changes(old: Manifest | None, new: Manifest | None) -> tuple[str, ...]:
    """Return one line for each thing worth telling about a change; None is an absent object."""
    kind = (new or old or {}).get("kind", "")
    tell = TELLERS.get(kind)
    return tuple(tell(old or {}, new or {})) if tell else ()


def _rollout(old: Manifest, new: Manifest) -> Iterable[str]:
    if not new:
        yield f"rollout {old['metadata']['name']} deleted"
        return
    before, after = old.get("status") or {}, new.get("status") or {}
    index, count = after.get("currentStepIndex"), len(steps_of(new))
    # An abort sets the index back as well, but nothing of that step is done.
    is_moved = index != before.get("currentStepIndex") and not after.get("abort")
    if is_moved and index is not None and index < count:
        yield f"step {index + 1}/{count}: {say_step(steps_of(new)[index])}"
    if after.get("stableRS") != before.get("stableRS") and after.get("stableRS"):
        yield f"revision {after['stableRS']} is now stable"
    phase, message = phase_of(new)
    if old and (phase, message) != phase_of(old) and phase != "Progressing":
        yield f"rollout is {phase}{f': {message}' if message else ''}"


def _ingress(old: Manifest, new: Manifest) -> Iterable[str]:
    before, after = _annotation(old, WEIGHT), _annotation(new, WEIGHT)
    name = (new or old)["metadata"]["name"]
    if not new:
        yield f"ingress {name} deleted"
    elif after is not None and (before or "0") != after:
        yield f"canary weight {before or 0} -> {after} (ingress {name})"


def _service(old: Manifest, new: Manifest) -> Iterable[str]:
    if not new:
        yield f"service {old['metadata']['name']} deleted"
        return
    before, after = (_selector(each).get(HASH, "") for each in (old, new))
    if old and before != after:
        yield f"service {new['metadata']['name']} selects {after or 'every revision'}"


def _replica_set(old: Manifest, new: Manifest) -> Iterable[str]:
    if not new:
        yield f"replicaset {old['metadata']['name']} deleted"
        return
    number = _annotation(new, REVISION) or "?"
    wanted = new["spec"].get("replicas", 1)
    if not old:
        yield f"revision {number}: replicaset {new['metadata']['name']} with {wanted} pod(s)"
        return
    was = old["spec"].get("replicas", 1)
    if was != wanted:
        yield f"revision {number}: scaled from {was} to {wanted}"
    ready = [(each.get("status") or {}).get("readyReplicas") or 0 for each in (old, new)]
    if ready[1] == wanted and ready[0] != ready[1] and wanted:
        yield f"revision {number}: {wanted}/{wanted} pods ready"


def _application(old: Manifest, new: Manifest) -> Iterable[str]:
    if not new:
        yield f"application {old['metadata']['name']} deleted"
        return
    before, after = old.get("status") or {}, new.get("status") or {}
    sync = after.get("sync") or {}
    was = before.get("sync") or {}
    if (sync.get("status"), sync.get("revision")) != (was.get("status"), was.get("revision")):
        yield f"git {(sync.get('revision') or 'unknown')[:7]}: {sync.get('status', 'Unknown')}"
    known = [each.get("message") for each in before.get("conditions") or ()]
    for condition in after.get("conditions") or ():
        if condition.get("message") not in known:
            yield f"{condition.get('type')}: {condition.get('message')}"


def _run(old: Manifest, new: Manifest) -> Iterable[str]:
    if not new:
        yield f"analysis {old['metadata']['name']} deleted"
        return
    before, after = old.get("status") or {}, new.get("status") or {}
    known = {
        (result["name"], each.get("startedAt"), each.get("phase"))
        for result in before.get("metricResults") or ()
        for each in result.get("measurements") or ()
    }
    for result in after.get("metricResults") or ():
        for each in result.get("measurements") or ():
            is_new = (result["name"], each.get("startedAt"), each.get("phase")) not in known
            if is_new and each.get("finishedAt"):
                value = each.get("value") or each.get("message") or "nothing"
                yield f"measured {result['name']} = {value}: {each.get('phase')}"
    phase = after.get("phase")
    if phase in VERDICTS and phase != before.get("phase"):
        message = after.get("message")
        words = f": {message}" if message else ""
        yield f"analysis {new['metadata']['name']} is {phase}{words}"


TELLERS: dict[str, Callable[[Manifest, Manifest], Iterable[str]]] = {
    "Rollout": _rollout,
    "Ingress": _ingress,
    "Service": _service,
    "ReplicaSet": _replica_set,
    "Application": _application,
    "AnalysisRun": _run,
}


def _annotation(manifest: Manifest, key: str) -> str | None:
    value = ((manifest.get("metadata") or {}).get("annotations") or {}).get(key)
    return None if value is None else str(value)


def _selector(manifest: Manifest) -> dict[str, str]:
    return (manifest.get("spec") or {}).get("selector") or {}
