"""Draw a rollout as a tree: revisions, ReplicaSets and pods, with weights and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_duration, parse_time
from rollouts.cli.picture import Line, Picture, age_of, icon_of, say_duration
from rollouts.cli.plain_text import one_line
from rollouts.cli.run_lines import (
    analysis_facts,
    is_in_doubt,
    run_lines,
    say_choice,
    view_runs,
    what_analysis_awaits,
)
from rollouts.cli.run_view import RunView

REVISION = "rollout.argoproj.io/revision"
HASH = "rollouts-pod-template-hash"
WEIGHED = ("canary", "stable")
WAITING_FOR_ANALYSIS = "waiting for analysis to complete"
"""The controller's message while only an analysis stands in the way; the words are the peer's."""

TEMPLATES_MAX = 3
"""Most templates that a step of analysis is said with."""


def draw(
    rollout: Manifest,
    replica_sets: Sequence[Manifest],
    pods: Sequence[Manifest],
    now: datetime,
    *,
    analysis_runs: Sequence[Manifest] = (),
) -> Picture:
    """Draw one rollout with the ReplicaSets, pods and AnalysisRuns that belong to it."""
    uid = rollout["metadata"].get("uid")
    owned = sorted(
        (each for each in replica_sets if _owner(each) == uid), key=_revision, reverse=True
    )
    runs = view_runs(rollout, analysis_runs, now)
    phase, message = phase_of(rollout)
    facts = [
        ("Name", rollout["metadata"]["name"]),
        ("Namespace", rollout["metadata"].get("namespace", "")),
        ("Status", f"{icon_of(phase)} {phase}"),
    ]
    if message:
        facts.append(("Message", one_line(message)))
    facts.extend(_strategy_facts(rollout, runs, now))
    facts.extend(_image_facts(rollout, owned))
    facts.extend(_replica_facts(rollout))
    lines = [Line("", rollout["metadata"]["name"], "Rollout", phase, age_of(rollout, now), "")]
    lines.extend(_revision_lines(rollout, owned, _Below(pods, runs), now))
    return Picture(tuple(facts), tuple(lines), phase)


@dataclass(frozen=True, slots=True)
class _Below:
    """What is drawn below the revisions."""

    pods: Sequence[Manifest]
    runs: tuple[RunView, ...]


def phase_of(rollout: Manifest) -> tuple[str, str]:
    """Return phase and message as clients show them, observed generation first."""
    status = rollout.get("status") or {}
    generation = rollout["metadata"].get("generation")
    observed = str(status.get("observedGeneration") or "")
    if not observed or (observed.isdigit() and generation and int(observed) < generation):
        return "Progressing", "waiting for rollout spec update to be observed"
    if status.get("controllerPause") and not status.get("pauseConditions"):
        return "Progressing", "waiting for rollout to unpause"
    return status.get("phase") or "Progressing", status.get("message") or ""


def steps_of(rollout: Manifest) -> list[Manifest]:
    """Return the canary steps of a rollout."""
    strategy = (rollout["spec"].get("strategy") or {}).get("canary") or {}
    return list(strategy.get("steps") or [])


def what_comes_next(rollout: Manifest, now: datetime, runs: Sequence[RunView] = ()) -> str:
    """Say what the rollout waits for and when it goes on; empty when it is done.

    Args:
        runs: its analysis runs.
    """
    status, steps = rollout.get("status") or {}, steps_of(rollout)
    name, index = rollout["metadata"]["name"], status.get("currentStepIndex")
    phase, message = phase_of(rollout)
    if phase in {"Healthy", "Degraded"} or index is None:
        return ""
    if rollout["spec"].get("paused"):
        return f"nothing until it is resumed: rollouts resume {name}"
    if is_in_doubt(rollout):
        return say_choice(name)
    if index >= len(steps):
        if message == WAITING_FOR_ANALYSIS:
            return "the update is complete, once the background analysis has measured"
        return "the last pods and traffic, then the update is complete"
    step = steps[index]
    follows = say_step(steps[index + 1]) if index + 1 < len(steps) else "the update is complete"
    if "analysis" in step:
        return what_analysis_awaits(rollout, runs, follows=follows, step_number=index + 1)
    if "pause" not in step:
        return f"pods for {say_step(step)}"
    duration = (step["pause"] or {}).get("duration")
    if duration is None:
        return f"{follows}, once promoted by hand: rollouts promote {name}"
    left = _left_of_pause(status, duration, now)
    return follows if left is None else f"{follows} in {say_duration(left)}"


def _left_of_pause(status: Manifest, duration: str | int, now: datetime) -> timedelta | None:
    """Return how long a pause still lasts; None before it has begun, or when it has no length."""
    started = next((each["startTime"] for each in status.get("pauseConditions") or ()), None)
    if started is None:
        return None
    try:
        return max(parse_time(started) + parse_duration(duration) - now, timedelta(0))
    except ValueError:
        return None  # An edit that the controller has yet to refuse.


def say_step(step: Manifest) -> str:
    """Return a step in one line: `setWeight 10`, `pause 10m`."""
    if "setWeight" in step:
        return f"setWeight {step['setWeight']}"
    if "pause" in step:
        duration = (step["pause"] or {}).get("duration")
        if duration is None:
            return "pause"
        return f"pause {duration}s" if str(duration).isdecimal() else f"pause {duration}"
    if "setCanaryScale" in step:
        return f"setCanaryScale {_say_scale(step['setCanaryScale'] or {})}".rstrip()
    if "analysis" in step:
        return f"analysis {_say_templates(step['analysis'] or {})}".rstrip()
    return next(iter(step), "")


def _say_templates(analysis: Manifest) -> str:
    names = [str(each.get("templateName", "")) for each in analysis.get("templates") or ()]
    more = f" and {len(names) - TEMPLATES_MAX} more" if len(names) > TEMPLATES_MAX else ""
    return ", ".join(names[:TEMPLATES_MAX]) + more


def strategy_of(rollout: Manifest) -> str:
    """Return what the rollout's strategy is called."""
    return "BlueGreen" if "blueGreen" in (rollout["spec"].get("strategy") or {}) else "Canary"


def _say_scale(scale: Manifest) -> str:
    if scale.get("replicas") is not None:
        return f"{scale['replicas']} replicas"
    if scale.get("weight") is not None:
        return f"{scale['weight']}%"
    return "by weight" if scale.get("matchTrafficWeight") else ""


def _strategy_facts(
    rollout: Manifest, runs: Sequence[RunView], now: datetime
) -> Iterable[tuple[str, str]]:
    status, steps = rollout.get("status") or {}, steps_of(rollout)
    index = status.get("currentStepIndex")
    yield "Strategy", strategy_of(rollout)
    if index is not None and steps:
        done = min(index, len(steps))
        step = f" ({say_step(steps[index])})" if index < len(steps) else ""
        yield "  Step", f"{done}/{len(steps)}{step}"
    weights = (status.get("canary") or {}).get("weights")
    if weights:
        canary, stable = ((weights.get(side) or {}).get("weight", 0) for side in WEIGHED)
        yield "  Weight", f"{canary} canary, {stable} stable"
    following = what_comes_next(rollout, now, runs)
    if following:
        yield "  Next", following
    yield from analysis_facts(rollout, runs)


def _image_facts(rollout: Manifest, replica_sets: Sequence[Manifest]) -> Iterable[tuple[str, str]]:
    first = True
    for each in replica_sets:
        role = _role(rollout, each)
        if not role and not (each["spec"].get("replicas") or 0):
            continue
        for container in each["spec"]["template"]["spec"].get("containers") or ():
            tail = f" ({role})" if role else ""
            yield "Images" if first else "", f"{container.get('image', '')}{tail}"
            first = False


def _replica_facts(rollout: Manifest) -> Iterable[tuple[str, str]]:
    status = rollout.get("status") or {}
    wanted = rollout["spec"].get("replicas")
    counts = (
        f"{1 if wanted is None else wanted} wanted, {status.get('replicas', 0)} current, "
        f"{status.get('updatedReplicas', 0)} updated, "
        f"{status.get('availableReplicas', 0)} available"
    )
    yield "Replicas", counts


def _revision_lines(
    rollout: Manifest, replica_sets: Sequence[Manifest], below: _Below, now: datetime
) -> Iterable[Line]:
    """Yield the revisions, newest first: each with its ReplicaSet and pods, and with its runs."""
    sets = {_revision(each): each for each in reversed(replica_sets)}
    groups: list[tuple[int, Manifest | None]] = [(_revision(each), each) for each in replica_sets]
    groups += ((each, None) for each in {run.revision for run in below.runs} - set(sets))
    groups.sort(key=lambda group: group[0], reverse=True)
    for position, (revision, replica_set) in enumerate(groups):
        outer = _Place("", position == len(groups) - 1)
        # Two sets of one revision are nobody's wish, and the runs stand below the first of them.
        is_first = replica_set is None or sets[revision] is replica_set
        runs = [each for each in below.runs if each.revision == revision] if is_first else []
        yield Line(outer.branch, f"# revision:{revision}", "", "", "", "")
        if replica_set is not None:
            yield from _set_lines(
                rollout, replica_set, _Place(outer.inner, not runs), below=below, now=now
            )
        for index, run in enumerate(runs):
            place = _Place(outer.inner, index == len(runs) - 1)
            yield from run_lines(run, branch=place.branch, rail=place.inner, now=now)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree something stands."""

    rail: str
    is_last: bool

    @property
    def branch(self) -> str:
        """Return what is drawn before its name."""
        return f"{self.rail}└──" if self.is_last else f"{self.rail}├──"

    @property
    def inner(self) -> str:
        """Return what is drawn before the branches below it."""
        return f"{self.rail}   " if self.is_last else f"{self.rail}│  "


def _set_lines(
    rollout: Manifest, replica_set: Manifest, place: _Place, *, below: _Below, now: datetime
) -> Iterable[Line]:
    """Yield the line of a ReplicaSet and those of its pods."""
    yield Line(
        place.branch,
        replica_set["metadata"]["name"],
        "ReplicaSet",
        _set_status(replica_set),
        age_of(replica_set, now),
        _set_info(rollout, replica_set, now),
    )
    mine = sorted(
        (pod for pod in below.pods if _owner(pod) == replica_set["metadata"].get("uid")),
        key=lambda pod: pod["metadata"]["name"],
    )
    for index, pod in enumerate(mine):
        own = _Place(place.inner, index == len(mine) - 1)
        status, ready = _pod_status(pod)
        yield Line(own.branch, pod["metadata"]["name"], "Pod", status, age_of(pod, now), ready)


def _set_status(replica_set: Manifest) -> str:
    wanted = replica_set["spec"].get("replicas") or 0
    status = replica_set.get("status") or {}
    if wanted == 0:
        return "Progressing" if status.get("replicas") else "ScaledDown"
    return "Healthy" if (status.get("availableReplicas") or 0) >= wanted else "Progressing"


def _set_info(rollout: Manifest, replica_set: Manifest, now: datetime) -> str:
    parts = [_role(rollout, replica_set)]
    status = replica_set.get("status") or {}
    wanted = replica_set["spec"].get("replicas") or 0
    parts.append(f"{status.get('availableReplicas') or 0}/{wanted}" if wanted else "")
    pod_hash = _hash(replica_set)
    deadline = ((rollout.get("status") or {}).get("scaleDownDeadlines") or {}).get(pod_hash)
    if deadline and wanted:
        left = max(parse_time(deadline) - now, timedelta(0))
        parts.append(f"scaled down in {say_duration(left)}")
    return "  ".join(part for part in parts if part)


def _role(rollout: Manifest, replica_set: Manifest) -> str:
    status = rollout.get("status") or {}
    pod_hash = _hash(replica_set)
    if pod_hash and pod_hash == status.get("stableRS"):
        return "stable"
    if pod_hash and pod_hash == status.get("currentPodHash"):
        return "canary" if status.get("stableRS") else "first"
    return ""


def _pod_status(pod: Manifest) -> tuple[str, str]:
    status = pod.get("status") or {}
    containers: list[dict[str, Any]] = status.get("containerStatuses") or []
    waiting = next(
        (
            each["state"]["waiting"].get("reason", "")
            for each in containers
            if (each.get("state") or {}).get("waiting")
        ),
        "",
    )
    ready = sum(1 for each in containers if each.get("ready"))
    info = f"ready:{ready}/{len(containers) or len(pod['spec'].get('containers') or ())}"
    restarts = sum(each.get("restartCount") or 0 for each in containers)
    info += f"  restarts:{restarts}" if restarts else ""
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating", info
    if waiting and waiting not in {"ContainerCreating", "PodInitializing"}:
        return waiting, info
    return status.get("phase") or "Pending", info


def _owner(manifest: Manifest) -> str | None:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return next((each.get("uid") for each in owners if each.get("controller")), None)


def _revision(manifest: Manifest) -> int:
    text = (manifest["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _hash(manifest: Manifest) -> str:
    return str((manifest["metadata"].get("labels") or {}).get(HASH, ""))
