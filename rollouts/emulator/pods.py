"""What pods have beside the verbs: eviction, which asks the disruption budgets, and binding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.deleting import DeleteOptions, delete
from rollouts.emulator.engine import Request
from rollouts.emulator.errors import ApiError, bad_request, conflict, forbidden, not_found
from rollouts.emulator.patching import MERGE_PATCH, patch
from rollouts.emulator.selectors import read_label_selector

if TYPE_CHECKING:
    from rollouts.emulator.engine import Engine
    from rollouts.emulator.resources import Manifest

_BUDGET_SECONDS = 10
"""When to ask again about a budget that its controller has not looked at yet."""
_DISRUPTED_MAX = 2000
"""How many evicted pods a budget waits for at most."""
_WITHOUT_BUDGET = ("Pending", "Succeeded", "Failed")
_NODE_KINDS = ("", "Node")


def evict(engine: Engine, request: Request, body: Manifest, options: DeleteOptions) -> Manifest:
    """Delete a pod if its disruption budget allows it, and count it there.

    Raises:
        ApiError: 400, 404, 429 (the budget allows no more), 500 (two budgets for one pod).
    """
    given = (body.get("metadata") or {}).get("name")
    if given and given != request.name:
        raise bad_request("name in URL does not match name in Eviction object")
    pod = engine.table(request.rt).get(request.namespace, request.name)
    if pod is None:
        raise not_found(request.rt, request.name)
    phase = (pod.get("status") or {}).get("phase")
    if phase not in _WITHOUT_BUDGET and "deletionTimestamp" not in pod["metadata"]:
        budget = _budget_of(engine, pod)
        if budget is not None and not _is_free(pod, budget):
            _spend(engine, request, budget)
        _mark(engine, request, pod)
    delete(engine, request, options)
    return _success()


def _success() -> Manifest:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _budget_of(engine: Engine, pod: Manifest) -> Manifest | None:
    metadata = pod["metadata"]
    labels = metadata.get("labels")
    if not labels:
        return None
    budgets = engine.registry.by_path("policy", "v1", "poddisruptionbudgets")
    found = []
    for each in engine.table(budgets).listed(metadata["namespace"]):
        selector = read_label_selector(each["spec"].get("selector"))
        if selector is not None and selector.matches(labels):
            found.append(each)
    if len(found) > 1:
        message = (
            "This pod has more than one PodDisruptionBudget, "
            "which the eviction subresource does not support."
        )
        raise ApiError(500, "", message)
    return found[0] if found else None


def _is_free(pod: Manifest, budget: Manifest) -> bool:
    """Tell whether a pod that serves nobody may go without being counted."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    wanted = status.get("desiredHealthy", 0)
    return bool(wanted > 0 and status.get("currentHealthy", 0) >= wanted)


def _spend(engine: Engine, request: Request, budget: Manifest) -> None:
    """Take one disruption from a budget.

    Raises:
        ApiError: 403 or 429, there is none left.
    """
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    budgets = engine.registry.by_path("policy", "v1", "poddisruptionbudgets")
    generation = budget["metadata"].get("generation", 1)
    allowed = status.get("disruptionsAllowed", 0)
    if status.get("observedGeneration", 0) < generation:
        why = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(why, _BUDGET_SECONDS)
    if allowed < 0:
        raise forbidden(budgets, name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or ()) > _DISRUPTED_MAX:
        raise forbidden(
            budgets, name, "DisruptedPods map too big - too many evictions not confirmed"
        )
    if allowed == 0:
        raise _too_many(
            f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods "
            f"and has {status.get('currentHealthy', 0)} currently"
        )
    left: Manifest = {
        "disruptionsAllowed": allowed - 1,
        "disruptedPods": {request.name: engine.now()},
    }
    if allowed == 1:
        left["conditions"] = [
            *(each for each in status.get("conditions") or () if each["type"] != _ALLOWED),
            {
                "type": _ALLOWED,
                "status": "False",
                "observedGeneration": generation,
                "lastTransitionTime": engine.now(),
                "reason": "InsufficientPods",
                "message": "",
            },
        ]
    counted = Request(
        "patch",
        budgets,
        request.namespace,
        name,
        "status",
        "kube-apiserver",
        dry_run=request.dry_run,
    )
    patch(engine, counted, {"status": left}, MERGE_PATCH)


_ALLOWED = "DisruptionAllowed"


def _too_many(why: str, seconds: int = 0) -> ApiError:
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if seconds:
        details["retryAfterSeconds"] = seconds
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", message, details)


def _mark(engine: Engine, request: Request, pod: Manifest) -> None:
    """Say in a pod's status why it goes."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    _add_condition(engine, request, pod, condition, spec={})


def bind(engine: Engine, request: Request, body: Manifest) -> Manifest:
    """Give a pod its node.

    Raises:
        ApiError: 404, 409 (it has one, or is going), 500 (no node is named, as the server has it).
    """
    target = body.get("target") or {}
    if target.get("kind", "") not in _NODE_KINDS:
        kind = target["kind"]
        message = f'target.kind: Unsupported value: "{kind}": supported values: "Node", "<empty>"'
        raise ApiError(500, "", message)
    node = target.get("name")
    if not node:
        raise ApiError(500, "", "target.name: Required value")
    pod = engine.table(request.rt).get(request.namespace, request.name)
    if pod is None:
        raise not_found(request.rt, request.name)
    why = ""
    if "deletionTimestamp" in pod["metadata"]:
        why = f"pod {request.name} is being deleted, cannot be assigned to a host"
    elif pod["spec"].get("nodeName"):
        assigned = pod["spec"]["nodeName"]
        why = f'pod {request.name} is already assigned to node "{assigned}"'
    if why:
        error = conflict(request.rt, request.name, why)
        error.message = f'Operation cannot be fulfilled on pods/binding "{request.name}": {why}'
        error.details["kind"] = "pods/binding"
        raise error
    condition = {"type": "PodScheduled", "status": "True"}
    _add_condition(engine, request, pod, condition, spec={"nodeName": node})
    return _success()


def _add_condition(
    engine: Engine, request: Request, pod: Manifest, condition: Manifest, *, spec: Manifest
) -> None:
    """Write what the server itself says about a pod, of which it records no owner."""
    status = pod.get("status") or {}
    kept = [each for each in status.get("conditions") or () if each["type"] != condition["type"]]
    timed = {**condition, "lastProbeTime": None, "lastTransitionTime": engine.now()}
    changed = {
        **pod,
        "spec": {**pod["spec"], **spec},
        "status": {**status, "conditions": [*kept, timed]},
    }
    if not request.dry_run:
        engine.commit(request, changed, pod)
