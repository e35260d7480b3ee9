"""What a pass wants measured, and why an answer is missing, by the truth about its runs."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.simulate.deed import Deed
from rollouts.simulate.ledger import Ledger
from rollouts.simulate.runbook import BACKGROUND, BAD, ENDS, STEP, Attempt, Need, Truth, is_measured
from rollouts.simulate.snapshot import version_of


def need_of(ledger: Ledger, deed: Deed, role: str, step: int | None) -> Need:
    """Return the question that a pass means by a role and a step."""
    attempt = attempt_of(ledger, deed)
    if role == BACKGROUND:
        return Need(deed.asked.image, BACKGROUND, None, attempt.of_image)
    return Need(deed.asked.image, STEP, step, attempt.of_steps)


def attempt_of(ledger: Ledger, deed: Deed) -> Attempt:
    """Return which try a pass works on: that of the status it knew, or one that it begins."""
    known = ledger.runs.attempt_at(version_of(deed.rollout))
    is_retry = bool(deed.status.get("abortedAt"))
    if not (deed.is_new_goal or is_retry):
        return known
    recorded = deed.recorded
    is_new_image = is_retry or recorded is None or recorded[0] != deed.asked.image
    return Attempt(known.of_steps + 1, known.of_image + 1 if is_new_image else known.of_image)


def object_to_step(ledger: Ledger, deed: Deed, index: int) -> str:
    """Say why a step of analysis may not be left; empty when it may."""
    if index != deed.index:
        return "its analysis has not begun"
    need = need_of(ledger, deed, STEP, index)
    if ledger.runs.is_proved(need):
        return ""
    told = ", ".join(f"{each.name} is {each.phase or 'new'}" for each in ledger.runs.of(need))
    return f"its analysis has proved nothing ({told or 'nothing was measured'})"


def object_beside(ledger: Ledger, deed: Deed) -> str:
    """Say what was measured beside the steps that stands in the way; empty for nothing."""
    found = _seen_beside(ledger, deed)
    if found is None:
        return ""
    run, truth = found
    phase = str((run.get("status") or {}).get("phase") or "")
    if phase in BAD or (phase in ENDS and truth.is_doubtful):
        return f"{truth.name} beside the steps is {phase}"
    return ""


def is_measured_beside(ledger: Ledger, deed: Deed) -> bool:
    """Tell whether the pass knew of a run beside the steps that has a value for everything."""
    found = _seen_beside(ledger, deed)
    if found is None:
        return False
    run, truth = found
    return is_measured(run) and (truth.is_proof or not run["spec"].get("terminate"))


def _seen_beside(ledger: Ledger, deed: Deed) -> tuple[Manifest, Truth] | None:
    """Return the newest run beside the steps that the pass knew, and the truth about it."""
    since = deed.asked.background_from
    if since is None or deed.index < since:
        return None
    need = need_of(ledger, deed, BACKGROUND, None)
    truths = ledger.runs.truths
    found = [
        (run, truths[run["metadata"]["uid"]])
        for run in deed.seen.runs.values()
        if truths[run["metadata"]["uid"]].need == need
    ]
    return max(found, key=lambda each: each[1].number, default=None)
