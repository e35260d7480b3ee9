"""Safety rules that every plan must keep, checked before anything of it is carried out.

This file is meant to be read and believed on its own: it repeats none of the planner's code and
asks only what was observed and what is about to be done. A broken rule refuses the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.actions import Create, Delete, Plan, Route, Scale, SwitchService
from rollouts.api.refs import ANALYSIS_RUN, REPLICA_SET, Manifest
from rollouts.core.facts import Observed, ReplicaSetFacts, RunFacts
from rollouts.core.spec import Analysis


def check_plan(observed: Observed, plan: Plan) -> tuple[str, ...]:
    """Return the rules that a plan would break, as sentences; empty for a safe plan."""
    rollout = observed.rollout
    if rollout.spec is None or observed.missing:
        if plan.actions:
            return ("an invalid rollout is not touched",)
        return ()
    rules = (
        _weights,
        _services,
        _sizes,
        _creations,
        _deletions,
        _promotion,
        _owned,
        _measured_step,
        _measured_promotion,
        _runs,
        _unseen_runs,
    )
    return tuple(broken for rule in rules for broken in rule(observed, plan))


def _by_hash(observed: Observed) -> dict[str, ReplicaSetFacts]:
    return {each.pod_hash: each for each in observed.replica_sets if not each.is_deleted}


def _weights(observed: Observed, plan: Plan) -> Iterator[str]:
    """S1, S2, S7: weights stay in range and are raised only onto pods that can serve."""
    spec = observed.rollout.spec
    assert spec is not None, "checked by the caller"
    before = observed.route.weight if observed.route else 0
    target = _selected(observed, plan, spec.canary_service)
    for action in plan.actions:
        if not isinstance(action, Route):
            continue
        if not 0 <= action.weight <= spec.max_weight:
            yield f"weight {action.weight} is outside 0 to {spec.max_weight}"
        if action.weight <= before:
            continue
        serving = _by_hash(observed).get(target)
        if serving is None or serving.available == 0:
            yield f"weight is raised to {action.weight} although no canary pod is available"
        is_aborted = bool((plan.status or observed.rollout.status).get("abort"))
        if is_aborted:
            yield f"weight is raised to {action.weight} although the update is aborted"


def _selected(observed: Observed, plan: Plan, service: str) -> str:
    """Return the hash that a Service selects once the plan is carried out."""
    found = observed.services.get(service)
    pod_hash = found.pod_hash if found else ""
    for action in plan.actions:
        if isinstance(action, SwitchService) and action.ref.name == service:
            pod_hash = action.pod_template_hash
    return pod_hash


def _services(observed: Observed, plan: Plan) -> Iterator[str]:
    """S3: no Service is pointed at a set without an available pod."""
    sets = _by_hash(observed)
    for action in plan.actions:
        if isinstance(action, SwitchService):
            target = sets.get(action.pod_template_hash)
            if target is None or target.available == 0:
                yield f"service {action.ref.name} is pointed at a set without available pods"


def _sizes(observed: Observed, plan: Plan) -> Iterator[str]:
    """S3, S8: what serves users keeps its pods, and with a router stable keeps all of them."""
    spec = observed.rollout.spec
    assert spec is not None, "checked by the caller"
    sets = {each.name: each for each in observed.replica_sets}
    stable = str(observed.rollout.status.get("stableRS") or "")
    for action in plan.actions:
        if not isinstance(action, Scale) or action.replicas >= action.previous:
            continue
        found = sets.get(action.ref.name)
        if found is None or not found.pod_hash:
            continue
        if action.replicas < 0:
            yield f"{action.ref.name} is scaled to {action.replicas}"
        if found.pod_hash == stable and spec.is_routed and action.replicas < spec.replicas:
            yield f"stable {action.ref.name} is scaled to {action.replicas} of {spec.replicas}"
        is_serving = found.pod_hash == _selected(observed, plan, spec.stable_service)
        if is_serving and action.replicas == 0 and spec.replicas > 0:
            yield f"{action.ref.name} is scaled to 0 although the stable service selects it"


def _creations(observed: Observed, plan: Plan) -> Iterator[str]:
    """S12: one live set for each template hash."""
    for action in plan.actions:
        if isinstance(action, Create) and action.kind == REPLICA_SET:
            name = action.manifest["metadata"]["name"]
            if any(each.name == name for each in observed.replica_sets):
                yield f"{name} is created although it exists"


def _deletions(observed: Observed, plan: Plan) -> Iterator[str]:
    """S17: nothing with a part or with pods is deleted."""
    sets = {each.name: each for each in observed.replica_sets}
    status = plan.status or observed.rollout.status
    parts = (status.get("stableRS"), status.get("currentPodHash"))
    for action in plan.actions:
        if not isinstance(action, Delete) or action.ref.kind != REPLICA_SET:
            continue
        found = sets.get(action.ref.name)
        if found is None:
            yield f"{action.ref.name} is deleted although it was not observed"
        elif found.pod_hash in parts or found.replicas or found.current:
            yield f"{action.ref.name} is deleted although it has pods or a part to play"


def _promotion(observed: Observed, plan: Plan) -> Iterator[str]:
    """S5, S10: a revision becomes stable only at capacity, after its last step, not aborted."""
    old, new = observed.rollout.status, plan.status
    spec = observed.rollout.spec
    if new is None or spec is None:
        return
    stable = new.get("stableRS")
    if not stable or stable == old.get("stableRS"):
        return
    found = _by_hash(observed).get(stable)
    needed = spec.replicas if spec.threshold is None else spec.threshold.needed(spec.replicas)
    if found is None or found.available < needed:
        yield f"{stable} becomes stable although it is not at capacity"
    if new.get("abort"):
        yield f"{stable} becomes stable although the update is aborted"
    if spec.steps and new.get("currentStepIndex") != len(spec.steps):
        yield f"{stable} becomes stable although steps are left"


def _owned(observed: Observed, plan: Plan) -> Iterator[str]:
    """S13: only objects of this namespace are written."""
    for action in (*plan.actions, *plan.finish):
        ref = getattr(action, "ref", None)
        if ref is not None and ref.namespace != observed.rollout.namespace:
            yield f"{ref} is outside namespace {observed.rollout.namespace}"


def _named_run(observed: Observed, field: str, step: int | None) -> RunFacts | None:
    """Return the run that the stored status names, if it is about this revision and step."""
    status = observed.rollout.status
    name = ((status.get("canary") or {}).get(field) or {}).get("name")
    for run in observed.runs:
        is_ours = run.owner_uid == observed.rollout.uid and run.step_index == step
        if run.name == name and is_ours and run.pod_hash == status.get("currentPodHash"):
            return run
    return None


def _is_asked(observed: Observed, new: Manifest) -> bool:
    """Tell whether a person asked for this change of position, by annotation or status patch."""
    old = observed.rollout.status
    is_patched = bool(old.get("controllerPause")) and not old.get("pauseConditions")
    return is_patched or new.get("lastRequest") != old.get("lastRequest")


def _measured_step(observed: Observed, plan: Plan) -> Iterator[str]:
    """S5, S10: a step of analysis is left for the next one by its own success alone."""
    old, new, spec = observed.rollout.status, plan.status, observed.rollout.spec
    if new is None or spec is None or new.get("promoteFull") or old.get("promoteFull"):
        return
    before, after = old.get("currentStepIndex"), new.get("currentStepIndex")
    if before is None or after != before + 1 or before >= len(spec.steps):
        return
    if new.get("currentPodHash") != old.get("currentPodHash"):
        return
    if new.get("currentStepHash") != old.get("currentStepHash"):
        return
    if not isinstance(spec.steps[before], Analysis) or _is_asked(observed, new):
        return
    run = _named_run(observed, "currentStepAnalysisRunStatus", before)
    if run is None or run.phase != "Successful" or run.is_terminated or not run.is_measured:
        yield f"step {before} is left although its analysis has not succeeded"


def _measured_promotion(observed: Observed, plan: Plan) -> Iterator[str]:
    """S10: nothing is promoted and no weight raised against what was measured beside them."""
    old, new = observed.rollout.status, plan.status or observed.rollout.status
    run = _named_run(observed, "currentBackgroundAnalysisRunStatus", None)
    # A retry is another attempt, about which a former run says nothing.
    is_kept = all(new.get(key) == old.get(key) for key in ("currentPodHash", "attempt"))
    if (
        run is None
        or not is_kept
        or _is_asked(observed, new)
        or new.get("promoteFull")
        or old.get("promoteFull")
    ):
        return
    if new.get("stableRS") == run.pod_hash != old.get("stableRS"):
        if run.is_terminated or not run.is_measured:
            yield f"{run.pod_hash} becomes stable although {run.name} has measured nothing whole"
        elif run.phase in ("Failed", "Error", "Inconclusive"):
            yield f"{run.pod_hash} becomes stable although {run.name} is {run.phase}"
    if run.phase not in ("Failed", "Error"):
        return
    before = observed.route.weight if observed.route else 0
    for action in plan.actions:
        if isinstance(action, Route) and action.weight > before:
            yield f"weight is raised to {action.weight} although {run.name} is {run.phase}"


def _runs(observed: Observed, plan: Plan) -> Iterator[str]:
    """S12: one run at a time asks a question, and only what has answered is forgotten."""
    known = {run.name: run for run in observed.runs}
    for action in (*plan.actions, *plan.finish):
        if isinstance(action, Create) and action.kind == ANALYSIS_RUN:
            name = action.manifest["metadata"]["name"]
            if name in known:
                yield f"analysis run {name} is created although it exists"
        if isinstance(action, Delete) and action.ref.kind == ANALYSIS_RUN:
            found = known.get(action.ref.name)
            if found is None or not found.is_finished:
                yield f"analysis run {action.ref.name} is deleted although it has not ended"


def _unseen_runs(observed: Observed, plan: Plan) -> Iterator[str]:
    """S10: while runs cannot be seen none is written, and nothing goes on that they guard."""
    if not observed.unseen:
        return
    for action in plan.actions:
        ref = getattr(action, "ref", None)
        kind = getattr(action, "kind", None) or (ref.kind if ref is not None else None)
        if kind == ANALYSIS_RUN:
            yield "an analysis run is written although runs cannot be seen"
    old, new, spec = observed.rollout.status, plan.status, observed.rollout.spec
    if new is None or new.get("promoteFull") or old.get("promoteFull") or new.get("abort"):
        return
    is_kept = all(new.get(each) == old.get(each) for each in ("currentPodHash", "currentStepHash"))
    is_update = old.get("stableRS") not in (None, "", new.get("currentPodHash"))
    before, after = old.get("currentStepIndex"), new.get("currentStepIndex")
    if not (is_kept and is_update) or before is None or after is None or after <= before:
        return
    assert spec is not None, "checked by the caller"
    if spec.background or any(isinstance(each, Analysis) for each in spec.steps[before:]):
        yield f"step {before} is left although its runs cannot be seen"
