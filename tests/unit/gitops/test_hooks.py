"""What a hook needs next, and under which name, told from status and cluster alone."""

from dataclasses import replace

import pytest
from shell.gitops_words import APP, NOW, at, unit

from rollouts.api.refs import Kind, ObjectRef
from rollouts.gitops.health.assess import HOOK_FINALIZER
from rollouts.gitops.hook_release import (
    DELETE_POLICY,
    HELM_DELETE_POLICY,
    INTERRUPTIBLE,
    Recorded,
    earlier_instances,
    has_policy,
    releases,
    unfinished,
)
from rollouts.gitops.hooks import (
    OPERATION,
    Await,
    Clear,
    Hook,
    Look,
    Make,
    Operation,
    instance_key,
    instance_of,
    is_instance,
    known_records,
    next_deed,
    phases_of,
    read_hooks,
)
from rollouts.gitops.model import Declared, HookRecord, Phase, ResourceKey
from rollouts.gitops.options import HOOK, read_options

JOB = Kind("batch", "v1", "Job", "jobs")
COMMIT = "0A1b2c3d4e5f"
RUN = Operation(COMMIT, NOW)
SECONDS = int(NOW.timestamp())


def hook(name="migrate", phase="PreSync", *, generated=False, **annotations):
    notes = {HOOK: phase, **annotations}
    metadata = {"generateName" if generated else "name": name, "namespace": "shop"}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata, "annotations": notes},
        "spec": {},
    }
    key = ResourceKey("batch", "Job", "shop", name)
    declared = Declared(
        key, ObjectRef(JOB, "shop", name), manifest, "a.yaml", read_options(manifest)
    )
    return Hook(declared, phase)


def live(one, operation=RUN, *, verdict="", doomed=False):
    made = instance_of(one, unit(), operation).manifest
    conditions = [{"type": verdict, "status": "True"}] if verdict else []
    metadata = {**made["metadata"], "uid": "u1", "resourceVersion": "7"}
    if doomed:
        metadata["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    return {**made, "metadata": metadata, "status": {"conditions": conditions}}


def record(one, state=Phase.RUNNING, operation=RUN):
    return HookRecord(instance_key(one, operation), "v1", one.phase, state)


def deed(one, there=None, known=None, operation=RUN):
    key = known.key if known is not None else instance_key(one, operation)
    return next_deed(
        one,
        unit(),
        operation=operation,
        record=known,
        live={key: there},
        now=NOW,
        control_namespace="argocd",
    )


class TestNames:
    def test_a_generated_name_says_commit_phase_and_time(self):
        key = instance_key(hook("migrate-", generated=True), RUN)

        assert key.name == f"migrate-0a1b2c3-presync-{SECONDS}"

    def test_each_try_again_has_a_name_of_its_own(self):
        again = replace(RUN, retries=2)

        assert instance_key(hook("m-", generated=True), again).name.endswith(f"{SECONDS}-2")

    @pytest.mark.parametrize("length", [1, 35, 36, 37, 63, 250])
    def test_a_generated_name_fits_into_a_label_and_is_known_again(self, length):
        one = hook("m" * length, generated=True)
        key = instance_key(one, RUN)

        assert len(key.name) <= 63
        assert is_instance(one, key)

    def test_a_fixed_name_is_that_of_git(self):
        assert instance_key(hook(), RUN) == instance_key(hook(), None) == hook().declared.key

    def test_without_an_operation_there_is_no_generated_name(self):
        assert instance_key(hook("m-", generated=True), None) is None

    @pytest.mark.parametrize(
        ("name", "own"),
        [
            (f"a-0a1b2c3-presync-{SECONDS}", True),
            (f"a-0a1b2c3-presync-{SECONDS}-1", True),
            (f"a-b-0a1b2c3-presync-{SECONDS}", False),
            (f"a-0a1b2c3-postsync-{SECONDS}", False),
            ("a-presync", False),
            ("a-", False),
        ],
    )
    def test_prefixes_that_begin_alike_are_told_apart(self, name, own):
        one = hook("a-", generated=True)

        assert is_instance(one, replace(one.declared.key, name=name)) is own

    def test_strange_revisions_make_valid_names(self):
        for revision in ("", "Release/1.2", "é"):
            key = instance_key(hook("m-", generated=True), Operation(revision, NOW))
            assert key.name.replace("-", "").isalnum()
            assert key.name.isascii()

    def test_an_instance_bears_mark_operation_and_finalizer(self):
        made = instance_of(hook("m-", generated=True), unit(), RUN)
        metadata = made.manifest["metadata"]

        assert "generateName" not in metadata
        assert metadata["name"] == made.key.name == made.ref.name
        assert metadata["finalizers"] == [HOOK_FINALIZER]
        assert metadata["annotations"][OPERATION] == f"0a1b2c3-presync-{SECONDS}"
        assert made.key.name in metadata["annotations"]["argocd.argoproj.io/tracking-id"]


class TestPhases:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("PreSync", ("PreSync",)),
            ("PreSync, PostSync", ("PreSync", "PostSync")),
            ("pre-install,pre-upgrade", ("PreSync",)),
            ("post-install,post-upgrade", ("PostSync",)),
            ("test", ("Skip",)),
            ("pre-delete", ("PreDelete",)),
            ("Later", ("Later",)),
        ],
    )
    def test_words_of_both_peers_are_understood(self, text, expected):
        assert phases_of(text) == expected

    def test_an_object_is_a_hook_once_for_each_phase_of_a_sync(self):
        declared = hook(phase="PreSync,SyncFail,Skip").declared

        assert [one.phase for one in read_hooks([declared])] == ["PreSync", "SyncFail"]


class TestNext:
    def test_what_is_not_there_is_made(self):
        assert isinstance(deed(hook()), Make)

    def test_what_has_succeeded_is_not_made_again(self):
        done = record(hook(), Phase.SUCCEEDED)

        assert deed(hook(), None, done) == Look(done)

    def test_what_this_try_has_made_and_not_recorded_is_its_own(self):
        assert deed(hook(), live(hook(), verdict="Complete")).record.state is Phase.SUCCEEDED

    def test_what_failed_in_an_earlier_try_makes_room(self):
        again = replace(RUN, retries=1)
        failed = record(hook(), Phase.FAILED)

        assert isinstance(deed(hook(), live(hook(), verdict="Failed"), failed, again), Clear)

    def test_what_an_earlier_sync_has_left_makes_room(self):
        earlier = Operation(COMMIT, at(-60))

        assert isinstance(deed(hook(), live(hook(), earlier, verdict="Complete")), Clear)

    def test_what_an_earlier_sync_still_runs_is_awaited(self):
        found = deed(hook(), live(hook(), Operation("fff", at(-60))))

        assert isinstance(found, Await)
        assert "of an earlier sync still runs" in found.message

    def test_what_is_being_deleted_is_waited_for(self):
        assert isinstance(deed(hook(), live(hook(), Operation("fff", at(-60)), doomed=True)), Clear)

    def test_what_bears_no_mark_of_ours_is_an_error(self):
        stranger = {**live(hook()), "metadata": {"name": "migrate", "namespace": "shop"}}

        found = deed(hook(), stranger).record
        assert found.state is Phase.ERROR
        assert str(APP) in found.message

    @pytest.mark.parametrize(
        ("there", "state"),
        [
            (live(hook()), Phase.RUNNING),
            (live(hook(), verdict="Suspended"), Phase.RUNNING),
            (live(hook(), verdict="Complete"), Phase.SUCCEEDED),
            (live(hook(), verdict="Complete", doomed=True), Phase.SUCCEEDED),
            (live(hook(), verdict="Failed"), Phase.FAILED),
            (live(hook(), doomed=True), Phase.ERROR),
            (None, Phase.ERROR),
        ],
        ids=["runs", "suspended", "complete", "complete, going", "failed", "going", "gone"],
    )
    def test_what_runs_is_judged_by_its_health(self, there, state):
        assert deed(hook(), there, record(hook())).record.state is state


class TestWhatIsKnown:
    """A controller may die, or fail to write, between making an instance and recording it."""

    AGAIN = Operation(COMMIT, NOW, retries=1)
    BOTH = (hook(), hook("m-", generated=True))

    def states(self, one, there, *records):
        key = instance_key(one, self.AGAIN)
        found = known_records(
            [one],
            unit(),
            records=records,
            operation=self.AGAIN,
            live={key: there},
            now=NOW,
            control_namespace="argocd",
        )
        return [(each.key, each.state) for each in found]

    @pytest.mark.parametrize(
        "one", [hook(), hook("m-", generated=True)], ids=["fixed", "generated"]
    )
    def test_an_instance_that_was_not_recorded_is_known(self, one):
        key = instance_key(one, self.AGAIN)

        assert self.states(one, live(one, self.AGAIN)) == [(key, Phase.RUNNING)]

    @pytest.mark.parametrize(
        "one", [hook(), hook("m-", generated=True)], ids=["fixed", "generated"]
    )
    def test_a_next_try_that_runs_goes_before_the_failure_of_the_last(self, one):
        key, failed = instance_key(one, self.AGAIN), record(one, Phase.FAILED)

        assert self.states(one, live(one, self.AGAIN), failed) == [(key, Phase.RUNNING)]

    def test_a_failure_stays_one_when_its_instance_is_all_there_is(self):
        failed = record(hook(), Phase.FAILED)
        ended = live(hook(), self.AGAIN, verdict="Failed")

        for there in (ended, live(hook()), None):
            assert self.states(hook(), there, failed) == [(failed.key, Phase.FAILED)]

    def test_an_instance_of_an_earlier_sync_is_none_of_this_one(self):
        assert self.states(hook(), live(hook(), Operation("fff", at(-60)))) == []


class TestLettingGo:
    def let_go(self, one, state, there, **changes):
        known = record(one, state)
        recorded = Recorded((known,), {known.key: there}, {known.key: JOB})
        found = releases(recorded, unit(), now=NOW, control_namespace="argocd", **changes)
        return [each.delete for each in found]

    def test_what_runs_is_kept(self):
        assert self.let_go(hook(), Phase.RUNNING, live(hook())) == []

    def test_what_has_ended_is_let_go(self):
        assert self.let_go(hook(), Phase.SUCCEEDED, live(hook(), verdict="Complete")) == [False]

    def test_what_nobody_waits_for_is_let_go_while_it_runs(self):
        assert self.let_go(hook(), Phase.RUNNING, live(hook()), is_over=True) == [False]

    def test_what_an_overtaken_sync_still_runs_is_kept(self):
        assert self.let_go(hook(), Phase.RUNNING, live(hook()), is_overtaken=True) == []

    def test_what_may_be_interrupted_is_deleted_for_a_newer_sync(self):
        one = hook(**{INTERRUPTIBLE: "true"})

        assert self.let_go(one, Phase.RUNNING, live(one), is_overtaken=True) == [True]
        assert self.let_go(one, Phase.RUNNING, live(one)) == []

    def test_what_a_person_has_ended_is_deleted(self):
        there = live(hook())

        assert self.let_go(hook(), Phase.RUNNING, there, is_over=True, interrupted=True) == [True]

    def test_what_has_ended_after_it_was_overtaken_follows_its_policy(self):
        one = hook(**{DELETE_POLICY: "HookSucceeded"})
        there = live(one, verdict="Complete")

        assert self.let_go(one, Phase.RUNNING, there, is_over=True) == [True]

    def test_what_is_let_go_already_is_left_alone(self):
        there = live(hook(), verdict="Complete")
        there["metadata"]["finalizers"] = []

        assert self.let_go(hook(), Phase.SUCCEEDED, there) == []

    def test_what_lost_our_mark_is_left_alone(self):
        there = live(hook(), verdict="Complete")
        there["metadata"]["annotations"] = {}

        assert self.let_go(hook(), Phase.SUCCEEDED, there) == []

    @pytest.mark.parametrize(
        ("notes", "state", "deleted"),
        [
            ({HELM_DELETE_POLICY: "hook-succeeded"}, Phase.SUCCEEDED, True),
            ({HELM_DELETE_POLICY: "hook-failed"}, Phase.ERROR, True),
            ({HELM_DELETE_POLICY: "before-hook-creation"}, Phase.SUCCEEDED, False),
            (
                {DELETE_POLICY: "HookFailed", HELM_DELETE_POLICY: "hook-succeeded"},
                Phase.SUCCEEDED,
                False,
            ),
            ({DELETE_POLICY: "HookSucceeded"}, Phase.RUNNING, False),
            ({}, Phase.SUCCEEDED, False),
        ],
    )
    def test_policies_of_both_peers_are_understood(self, notes, state, deleted):
        assert has_policy({"metadata": {"annotations": notes}}, state) is deleted


class TestUnfinished:
    @pytest.mark.parametrize(
        ("there", "counts"),
        [
            (live(hook()), True),
            (live(hook(), verdict="Complete"), False),
            (live(hook(), doomed=True), False),
            (None, False),
        ],
        ids=["runs", "has ended", "is being deleted", "is gone"],
    )
    def test_only_what_really_runs_keeps_the_next_sync(self, there, counts):
        known = record(hook(), Phase.RUNNING)

        assert bool(unfinished([known], {known.key: there}, NOW)) is counts


def keyed(listed):
    return [
        (ResourceKey("batch", "Job", "shop", each["metadata"]["name"]), each) for each in listed
    ]


class TestEarlierInstances:
    def listed(self, count, *, ended=True):
        one = hook("m-", generated=True)
        made = []
        for number in range(count):
            each = live(one, Operation(COMMIT, at(number)), verdict="Complete" if ended else "")
            each["metadata"]["creationTimestamp"] = f"2026-05-01T12:00:{number:02}Z"
            made.append(each)
        return one, made

    @pytest.mark.parametrize(("there", "too_many"), [(0, 0), (2, 0), (3, 1), (5, 3)])
    def test_beside_a_new_one_two_are_kept(self, there, too_many):
        one, listed = self.listed(there)

        found = [
            live
            for live, _, is_too_much in earlier_instances(one, keyed(listed), NOW)
            if is_too_much
        ]
        assert found == listed[:too_many][::-1]

    def test_each_comes_with_how_it_stands(self):
        one, listed = self.listed(2, ended=False)

        states = [seen.state for _, seen, _ in earlier_instances(one, keyed(listed), NOW)]
        assert states == [Phase.RUNNING, Phase.RUNNING]

    def test_instances_of_other_hooks_are_none(self):
        _, listed = self.listed(2)

        assert list(earlier_instances(hook("n-", generated=True), keyed(listed), NOW)) == []
