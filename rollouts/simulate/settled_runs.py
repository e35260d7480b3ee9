"""What must hold of analysis runs while a controller has seen everything and waits (A3 to A6)."""

from __future__ import annotations

from rollouts.api.refs import Manifest
from rollouts.simulate.asked import Asked
from rollouts.simulate.deed import Report
from rollouts.simulate.ledger import Ledger, doubts
from rollouts.simulate.run_rules import named_runs
from rollouts.simulate.runbook import Need, Truth


class SettledRuns:
    """Judges runs at rest: what they said was heard, and nobody is asked in vain."""

    def __init__(self, ledger: Ledger, report: Report) -> None:
        self._ledger = ledger
        self._report = report

    def judge(self, rollout: Manifest, asked: Asked) -> None:
        """Check what a settled controller has made of its runs."""
        uid = rollout["metadata"]["uid"]
        # What a deleted Rollout of this name has left behind is about to go.
        truths = [each for each in self._ledger.runs.truths.values() if each.owner == uid]
        if not truths:
            return
        needs = self._ledger.open_needs(rollout, asked.background_from)
        newest = [found for need in needs if (found := self._ledger.runs.newest(need))]
        self._judge_answers(rollout, newest)
        for truth in truths:
            is_open = truth.need and not (truth.is_gone or truth.has_ended or truth.is_stopped)
            if is_open and truth.need not in needs:
                self._report("A5", f"{truth.name} goes on, although nothing waits for it")
        self._judge_history(rollout, asked, truths)

    def waits(self, rollout: Manifest, asked: Asked) -> bool:
        """Tell whether a run, or a person who has to look at one, will be heard of."""
        needs = self._ledger.open_needs(rollout, asked.background_from)
        return any(self._is_awaited(need) for need in needs)

    def _is_awaited(self, need: Need) -> bool:
        truth = self._ledger.runs.newest(need)
        return truth is not None and (truth.is_doubtful or not truth.has_ended)

    def _judge_answers(self, rollout: Manifest, newest: list[Truth]) -> None:
        is_paused = doubts(rollout.get("status") or {})
        for truth in newest:
            if truth.is_bad:
                self._report("A4", f"{truth.name} is {truth.phase}, and nothing is aborted")
            elif truth.is_doubtful and not is_paused:
                self._report("A4", f"{truth.name} is in doubt, and nothing is paused")

    def _judge_history(self, rollout: Manifest, asked: Asked, truths: list[Truth]) -> None:
        named = set(named_runs(rollout.get("status") or {}).values())
        ended = [each for each in truths if _is_kept(each) and each.name not in named]
        good = [each for each in ended if each.phase == "Successful" or _was_dropped(each)]
        bad_count = len(ended) - len(good)
        if len(good) > asked.good_runs_limit or bad_count > asked.bad_runs_limit:
            self._report("A6", f"{len(good)} good and {bad_count} bad runs are kept")


def _is_kept(truth: Truth) -> bool:
    return truth.need is not None and truth.has_ended and not truth.is_gone


def _was_dropped(truth: Truth) -> bool:
    return truth.is_stopped and truth.phase == "Inconclusive"
