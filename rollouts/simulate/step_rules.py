"""When a step may be left: each step's own condition, evaluated anew from what was seen."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_time
from rollouts.simulate.asked import pause_ms
from rollouts.simulate.clock import to_ms
from rollouts.simulate.deed import Deed
from rollouts.simulate.ledger import DOUBT, Ledger, Token
from rollouts.simulate.needs import object_beside, object_to_step
from rollouts.simulate.share import Names, selected_hash, weight_of
from rollouts.simulate.snapshot import hash_of, set_of, version_of


class StepRules:
    """Judges progress through the steps."""

    def __init__(self, names: Names, ledger: Ledger) -> None:
        self._names = names
        self._ledger = ledger

    def frontier(self, deed: Deed) -> int:
        """Return the furthest step that this pass may have reached."""
        if self.skips_all(deed):
            return deed.asked.step_count
        spent: list[Token] = []
        index = deed.index
        while index < deed.asked.step_count:
            if self.objection(deed, index):
                token = self._token(deed, spent)
                if token is None:
                    break
                spent.append(token)
            index += 1
        return index

    def skips_all(self, deed: Deed) -> bool:
        """Tell whether a person asked to skip all steps of this revision."""
        return self._ledger.wants_full(deed.asked.image, version_of(deed.rollout))

    def leave(self, deed: Deed, until: int) -> str:
        """Account for leaving all steps before `until`; say why one may not be left.

        Requests of people are spent only where the step's own condition does not hold.
        """
        for index in range(deed.index, min(until, deed.asked.step_count)):
            objection = self.objection(deed, index)
            if objection:
                token = self._token(deed, [])
                if token is None:
                    return f"step {index} is left although {objection}"
                token.is_spent = True
        return ""

    def _token(self, deed: Deed, spent: list[Token]) -> Token | None:
        for token in self._ledger.tokens:
            if token.is_good(deed.asked.image, version_of(deed.rollout)) and token not in spent:
                return token
        return None

    def objection(self, deed: Deed, index: int) -> str:
        """Say why a step may not be left of itself yet; empty when it may."""
        if deed.asked.is_paused:
            return "a person paused the rollout"
        step = deed.asked.steps[index]
        if objection := object_beside(self._ledger, deed):
            return objection
        if "analysis" in step:
            return object_to_step(self._ledger, deed, index)
        if "pause" in step:
            return self._object_to_pause(deed, index, pause_ms(step))
        if "setWeight" in step:
            return self._object_to_weight(deed, index, int(step["setWeight"]))
        return self._object_to_size(deed, index)

    def _object_to_pause(self, deed: Deed, index: int, duration_ms: int | None) -> str:
        if duration_ms is None:
            return "nobody ended its pause"
        if index != deed.index:
            return "its pause has not begun"
        started = pause_start_ms(deed.status, index)
        if started is None:
            return "its pause has not begun"
        left = started + duration_ms - deed.planned_ms
        return f"its pause has {left} ms left" if left > 0 else ""

    def _object_to_weight(self, deed: Deed, index: int, weight: int) -> str:
        if deed.asked.replicas == 0:
            return ""
        objection = self._object_to_size(deed, index)
        if objection or not self._names.is_routed:
            return objection
        in_force = weight_of(deed.seen, self._names).canary
        canary = selected_hash(deed.seen, self._names.canary_service)
        if in_force != weight:
            return f"the weight is {in_force}, not {weight}"
        if weight and canary != current_hash(deed):
            return "the canary Service does not select the canary"
        return ""

    def _object_to_size(self, deed: Deed, index: int) -> str:
        asked = deed.asked
        if self._names.is_routed:
            wanted = asked.wanted_canary_size(index)
        else:
            wanted = asked.rounded_canary(index)
        ready = deed.ready(current_hash(deed))
        return f"it has {ready} of {wanted} ready canary pods" if ready < wanted else ""


def current_hash(deed: Deed) -> str:
    """Return the hash of the wanted revision, found by its image and not by status."""
    goal = set_of(deed.seen, deed.rollout, deed.asked.image)
    return hash_of(goal) if goal else ""


def pause_start_ms(status: Manifest, index: int) -> int | None:
    """Return when status says that the pause of a step began, by the writer's clock."""
    for condition in status.get("pauseConditions") or ():
        is_doubt = condition.get("reason") == DOUBT
        if condition.get("stepIndex") in {None, index} and not is_doubt:
            return to_ms(parse_time(condition["startTime"]))
    return None
