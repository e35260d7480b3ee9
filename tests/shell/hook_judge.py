"""Judges of syncs with hooks, which look at nothing but the cluster.

What a hook really did is remembered here, from the moment it was made, and compared with what
the controller does and says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from shell.hook_words import HOOK, WAVE

from rollouts.api.refs import CONFIG_MAP

POLICY = "argocd.argoproj.io/hook-delete-policy"
MAY_END = "rollouts.dev/interruptible"
FINALIZER = "argocd.argoproj.io/hook-finalizer"
OPERATION = "rollouts.dev/operation"
COMMIT = "test/commit"
FOREIGN = "theirs"

PRE, SYNC, POST, FAIL = "PreSync", "Sync", "PostSync", "SyncFail"
OF_DELETION = ("PreDelete", "PostDelete")
DECLARED = (  # name in Git, phase, wave; the first of two waves is named before the second
    ("early-", PRE, -1),
    ("migrate-", PRE, 0),
    ("between", SYNC, 0),
    ("test-", POST, 0),
    ("check", POST, 1),
    ("tell-", FAIL, 0),
    *(ALWAYS := (("backup-", "PreDelete", 0), ("leave", "PostDelete", 0))),
)
DELETING = {  # finalizer, and the hook that has to succeed before it goes
    "pre-delete-finalizer.argocd.argoproj.io": "backup-",
    "post-delete-finalizer.argocd.argoproj.io": "leave",
}
CASCADE = "resources-finalizer.argocd.argoproj.io"


class Violated(AssertionError):
    """A rule was broken."""


@dataclass
class Made:
    """One instance of a hook, from its creation on.

    Attributes:
        sync: what its operation is known by, whichever try of it; the phase is not in it.
        verdict: how it ended: Complete, Failed, or Lost when it went before it ended.
    """

    uid: str
    name: str
    hook: str
    phase: str
    wave: int
    commit: int
    sync: str
    interruptible: bool
    policy: str
    verdict: str = ""
    gone: bool = False


@dataclass
class Ledger:
    """All instances that were ever made, and all commits."""

    made: list[Made] = field(default_factory=list)
    commits: dict[int, list] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)

    def of(self, **wanted):
        return [
            each
            for each in self.made
            if all(getattr(each, name) == value for name, value in wanted.items())
        ]

    def has_succeeded(self, **wanted):
        return any(each.verdict == "Complete" for each in self.of(**wanted))

    def hooks_of(self, commit, phase):
        """Return name and wave of the hooks that a commit declares for a phase."""
        return [
            (name, wave)
            for name, found, wave in DECLARED
            if found == phase and name in self.commits.get(commit, ())
        ]


class Judge:
    """Checks each write as it is made."""

    def __init__(self, world):
        self.world = world
        self.ledger = Ledger()
        self.by_hand = False
        self.ended_by_hand = set()  # syncs that a person has terminated
        self.seen = Counter()
        world.server.on_write.append(self)

    def __call__(self, record):
        if record.dry_run:
            return
        if record.rt.kind == "Job":
            self._job(record)
        elif record.rt.kind == "ConfigMap" and record.new is None and not self.by_hand:
            self._torn_down(record.name)
        elif record.rt.kind == "ConfigMap" and record.new is not None and not self.by_hand:
            before = (record.old or {}).get("data", {}).get("key")
            if record.new["data"]["key"] != before:
                self._applied(record.name, int(record.new["data"]["key"]))
        elif record.rt.kind == "Application" and not self.by_hand:
            self._finalizers(record.old or {}, record.new)
            if record.new is not None:
                self._status(record.new.get("status") or {})

    def fail(self, rule):
        raise Violated(rule)

    # Jobs

    def _job(self, record):
        if record.name == FOREIGN:
            if not self.by_hand:
                self.fail("a Job of somebody else was written")
            return
        if record.old is None:
            self._created(record.new)
            return
        (made,) = self.ledger.of(uid=record.old["metadata"]["uid"])
        doomed = record.new is None or "deletionTimestamp" in record.new["metadata"]
        if not self.by_hand:
            if doomed and "deletionTimestamp" not in record.old["metadata"]:
                self._deleted(made)
            if is_held(record.old) and (record.new is None or not is_held(record.new)):
                self._let_go(made)
        if record.new is None:
            made.gone = True
            made.verdict = made.verdict or "Lost"
        elif doomed and not made.verdict:
            made.verdict = "Lost"

    def _created(self, job):
        metadata = job["metadata"]
        notes = metadata["annotations"]
        phase = notes[HOOK]
        short, _, rest = notes[OPERATION].partition(f"-{phase.lower()}-")
        sync = f"{short}-{rest.partition('-')[0]}"
        hook = next(each for each, _, _ in DECLARED if metadata["name"].startswith(each))
        made = Made(
            uid=metadata["uid"],
            name=metadata["name"],
            hook=hook,
            phase=phase,
            wave=int(notes.get(WAVE, "0")),
            commit=int(notes[COMMIT]),
            sync=sync,
            interruptible=notes.get(MAY_END) == "true",
            policy=notes.get(POLICY, ""),
        )
        self.seen[phase] += 1
        if not is_held(job):
            self.fail(f"nothing keeps {made.name} until its result is recorded")
        for other in self.ledger.of(hook=hook):
            if not other.verdict:
                self.fail(f"{made.name} was made while {other.name} still runs")
        if self.ledger.has_succeeded(hook=hook, phase=phase, sync=sync):
            self.fail(f"{made.name} was made although {hook} has succeeded in this sync")
        if phase == FAIL and self.ledger.of(hook=hook, sync=sync):
            self.fail(f"{hook} runs twice in one sync")
        self._is_its_turn(made)
        self.ledger.made.append(made)

    def _torn_down(self, name):
        app = self.world.app()
        if app is not None and _is_doomed(app):
            self.seen["torn down"] += 1
            if next(iter(DELETING)) in app["metadata"].get("finalizers", ()):
                self.fail(f"{name} goes before the hooks before it are through")

    def _finalizers(self, old, new):
        """Check what has been done when a finalizer goes."""
        if not _is_doomed(old):
            return
        kept = new["metadata"].get("finalizers", ()) if new is not None else ()
        for each in old["metadata"].get("finalizers", ()):
            hook = DELETING.get(each)
            if each in kept or hook is None:
                continue
            uid = old["metadata"]["uid"].replace("-", "")[:7]
            done = [one for one in self.ledger.of(hook=hook) if one.sync.startswith(uid)]
            if not any(one.verdict == "Complete" for one in done):
                self.fail(f"{each} went although {hook} has not succeeded")
            self.seen[f"{hook} done"] += 1

    def _is_its_turn(self, made):
        for name, wave in self.ledger.hooks_of(made.commit, made.phase):
            earlier = wave < made.wave and made.phase != FAIL
            if earlier and not self.ledger.has_succeeded(hook=name, sync=made.sync):
                self.fail(f"{made.name} was made before {name} has succeeded")
        app = self.world.app() or {"metadata": {}}
        if made.phase in OF_DELETION and not _is_doomed(app):
            self.fail(f"{made.name} was made although nobody deletes the Application")
        if made.phase == "PostDelete" and CASCADE in app["metadata"].get("finalizers", ()):
            left = [name for name in ("a", "b") if self.world.get(CONFIG_MAP, name) is not None]
            if left:
                self.fail(f"{made.name} was made while {left} are still there")
        if made.phase == POST:
            for name in ("a", "b"):
                live = self.world.get(CONFIG_MAP, name)
                if live is None or live["data"] != {"key": str(made.commit)}:
                    self.fail(f"{made.name} was made before {name} was applied")
            for name, _ in self.ledger.hooks_of(made.commit, SYNC):
                if not self.ledger.has_succeeded(hook=name, sync=made.sync):
                    self.fail(f"{made.name} was made before {name} has succeeded")

    def _deleted(self, made):
        if made.sync in self.ended_by_hand:
            return
        if made.phase not in OF_DELETION and _is_doomed(self.world.app() or {}):
            return  # Hooks of a sync go with their Application.
        if not made.verdict and not made.interruptible:
            self.fail(f"{made.name} was deleted while it ran")
        if made.verdict:
            self.seen["ended ones deleted"] += 1
        is_asked_for = "HookSucceeded" in made.policy
        if made.verdict == "Complete" and not is_asked_for and self._current() == made.sync:
            self.fail(f"{made.name} was deleted in its own sync, and nobody asked for that")

    def _current(self):
        """Return the sync that status shows while it runs."""
        status = (self.world.app() or {}).get("status") or {}
        if (status.get("operationState") or {}).get("phase") != "Running":
            return None
        return sync_of(status)

    def _let_go(self, made):
        """Check that its result is recorded, or that another sync takes the place of its own."""
        app = self.world.app() or {}
        row = self._row(app.get("status") or {}, made)
        if row is None or row["hookPhase"] != "Running" or self._current() != made.sync:
            return
        if _is_doomed(app):
            return
        if made.sync in self.ended_by_hand or made.verdict == "Lost":
            return
        is_overtaken = made.commit < max(self.ledger.commits) or "operation" in app
        if not is_overtaken or not (made.verdict or made.interruptible):
            self.fail(f"{made.name} was let go before its result was recorded")

    # What is applied and said

    def _applied(self, name, commit):
        app = self.world.app() or {}
        if _is_partial(app.get("status") or {}) or _is_some(app.get("operation") or {}):
            return  # Runs no hooks.
        for hook, _ in self.ledger.hooks_of(commit, PRE):
            if not self.ledger.has_succeeded(hook=hook, commit=commit):
                self.fail(f"{name} of commit {commit} was applied before {hook} has succeeded")
        if name == "b":  # of the second wave
            for hook, _ in self.ledger.hooks_of(commit, SYNC):
                if not self.ledger.has_succeeded(hook=hook, commit=commit):
                    self.fail(f"{name} of commit {commit} was applied before {hook} has succeeded")

    def _row(self, status, made):
        rows = (status.get("operationState") or {}).get("syncResult", {}).get("resources", [])
        return next(
            (
                row
                for row in rows
                if row["name"] == made.name
                and row.get("hookType") == made.phase
                and sync_of(status) == made.sync
            ),
            None,
        )

    def _status(self, status):
        state = (status.get("operationState") or {}).get("phase")
        if state == "Succeeded":
            self.seen["succeeded"] += 1
            if not _is_partial(status):
                self._are_all_done(status)
        elif state == "Failed":
            self.seen["failed"] += 1
        rows = (status.get("operationState") or {}).get("syncResult", {}).get("resources", [])
        for row in rows:
            if not row.get("hookType"):
                continue
            instances = self.ledger.of(
                name=row["name"], phase=row["hookType"], sync=sync_of(status)
            )
            verdicts = {each.verdict for each in instances}
            if row["hookPhase"] == "Succeeded" and "Complete" not in verdicts:
                self.fail(f"{row['name']} is called a success, and {verdicts or 'never ran'}")
            if row["hookPhase"] in ("Failed", "Error") and verdicts == {"Complete"}:
                self.fail(f"{row['name']} is called a failure, and it succeeded")

    def _are_all_done(self, status):
        sync = sync_of(status)
        commit = self.ledger.heads.get(status["operationState"]["syncResult"]["revision"])
        for phase in (PRE, SYNC, POST):
            for name, _ in self.ledger.hooks_of(commit, phase):
                if not self.ledger.has_succeeded(hook=name, sync=sync):
                    self.fail(f"the sync of commit {commit} is a success without {name}")


def _is_doomed(thing):
    return "deletionTimestamp" in thing.get("metadata", {})


def is_held(job):
    """Tell whether the finalizer keeps a Job."""
    return FINALIZER in (job["metadata"].get("finalizers") or ())


def _is_partial(status):
    return _is_some((status.get("operationState") or {}).get("operation") or {})


def _is_some(operation):
    """Tell whether an operation is about some objects only."""
    return bool((operation.get("sync") or {}).get("resources"))


def sync_of(status):
    """Return what the operation in status is known by, as its instances name it."""
    state = status["operationState"]
    revision = state.get("syncResult", {}).get("revision") or ""
    started = datetime.fromisoformat(state["startedAt"])
    return f"{revision[:7]}-{int(started.timestamp())}"
