"""A sync plan: order, what is touched, what is pruned and what never is."""

import pytest
from shell.gitops_words import (
    FLUX,
    NOW,
    absent,
    declared,
    differs,
    inventory,
    key,
    live,
    observed,
    synced,
    unit,
)

from rollouts.api.refs import CRD, NAMESPACE, ObjectRef
from rollouts.gitops.decide import Hold, Sync
from rollouts.gitops.model import Comparison, Declared, Drift, ObjectOptions, ResourceKey
from rollouts.gitops.plan import find_stale, inventory_after, make_groups, plan_sync

A, B, C = (declared(name=name) for name in "abc")


def waved(name, wave, kind="ConfigMap"):
    return declared(kind, name, annotations={"argocd.argoproj.io/sync-wave": str(wave)})


def cluster_wide(kind, name):
    this = ResourceKey(kind.group, kind.kind, "", name)
    manifest = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}
    if kind == CRD:
        manifest["spec"] = {"group": "x.dev", "names": {"kind": "Thing"}}
    return Declared(this, ObjectRef(kind, "", name), manifest, "x.yaml document 1", ObjectOptions())


def names(groups):
    return [[one.key.name for one in group.objects] for group in groups]


def test_a_converged_unit_has_an_empty_plan():
    plan = plan_sync(unit(), observed([A, B], had=[A, B]), NOW)

    assert plan.decision == Hold()
    assert (plan.touch, plan.prune, plan.conditions, plan.wake_at) == ((), (), (), None)


def test_only_what_differs_is_touched():
    plan = plan_sync(unit(), observed([A, B, C], compared=[differs(B), absent(C)]), NOW)

    assert plan.touch == (B.key, C.key)


def test_the_inventory_to_record_first_is_the_union_of_old_and_new():
    plan = plan_sync(unit(), observed([B, C], compared=[absent(C)], had=[A, B]), NOW)

    assert plan.recorded == inventory(A, B, C)


def test_what_left_git_is_pruned_after_all_groups():
    plan = plan_sync(unit(), observed([A], had=[A, B]), NOW)

    assert [one.key for one in plan.prune] == [B.key]
    assert plan.recorded == inventory(A, B)


def test_nothing_is_pruned_when_pruning_is_off():
    plan = plan_sync(unit(prune=False), observed([A], compared=[differs(A)], had=[A, B]), NOW)

    assert plan.prune == ()
    assert [one.key for one in plan.stale] == [B.key]


def test_nothing_is_pruned_while_an_object_cannot_be_declared():
    seen = observed([A], compared=[differs(A)], had=[A, B], errors=["x.yaml: no such kind"])

    assert plan_sync(unit(), seen, NOW).prune == ()


def test_an_error_alone_is_no_wipe_out():
    seen = observed([], had=[A], errors=["x.yaml: no such kind"])

    plan = plan_sync(unit(allow_empty=False), seen, NOW)

    assert plan.prune == ()
    assert not [each for each in plan.conditions if "delete all" in each.message]


def test_everything_gone_from_git_is_refused():
    plan = plan_sync(unit(), observed([], had=[A, B]), NOW)

    assert isinstance(plan.decision, Hold)
    assert [each.type for each in plan.conditions] == ["SyncError"]
    allowed = plan_sync(unit(allow_empty=True), observed([], had=[A, B]), NOW)
    assert [one.key for one in allowed.prune] == [B.key, A.key]


def without_mark(one):
    return {one.key: {**live(one), "metadata": {"name": one.key.name, "namespace": "shop"}}}


def test_an_object_that_lost_its_mark_is_not_ours_to_prune():
    seen = observed([A], had=[A, B], there=without_mark(B))

    assert find_stale(unit(), seen) == ()


def test_an_object_that_bears_our_mark_but_is_in_no_inventory_is_not_pruned():
    seen = observed([A], had=[A], there={B.key: live(B)})

    assert find_stale(unit(), seen) == ()


def test_a_copy_with_our_mark_is_not_ours_to_prune():
    copy = live(B)
    copy["metadata"]["annotations"] = dict(A.manifest["metadata"]["annotations"])

    assert find_stale(unit(), observed([A], had=[A, B], there={B.key: copy})) == ()


def test_an_object_that_is_going_already_is_let_go():
    going = live(B)
    going["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"

    assert find_stale(unit(), observed([A], had=[A, B], there={B.key: going})) == ()


@pytest.mark.parametrize(
    "annotations",
    [
        {"argocd.argoproj.io/sync-options": "Validate=false, Prune=false"},
        {"argocd.argoproj.io/sync-options": "Prune=confirm"},
        {"kustomize.toolkit.fluxcd.io/prune": "disabled"},
        {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
    ],
)
def test_an_object_may_forbid_its_pruning(annotations):
    kept = declared(name="b", annotations=annotations)

    plan = plan_sync(unit(), observed([A], compared=[differs(A)], had=[A, kept]), NOW)

    assert plan.prune == ()
    assert [one.counts for one in plan.stale] == [True]


def test_a_kept_object_need_not_count_as_drift():
    notes = {
        "argocd.argoproj.io/sync-options": "Prune=false",
        "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    }
    kept = declared(name="b", annotations=notes)

    assert [one.counts for one in find_stale(unit(), observed([A], had=[A, kept]))] == [False]


def test_pruning_most_of_a_large_unit_is_pointed_out():
    many = [declared(name=f"n{number:02}") for number in range(10)]

    loud = plan_sync(unit(), observed(many[:4], had=many), NOW)
    quiet = plan_sync(unit(), observed(many[:5], had=many), NOW)

    assert len(loud.prune) == 6
    assert "6 of 10" in loud.conditions[0].message
    assert quiet.conditions == ()


def test_a_shared_object_is_left_to_its_owner_with_a_warning():
    shared = Comparison(A.key, Drift.UNKNOWN, claimed_by="Application/argocd/other")

    plan = plan_sync(unit(), observed([A, B], compared=[shared]), NOW)

    assert plan.touch == ()
    assert plan.conditions[0].type == "SharedResourceWarning"
    assert "Application/argocd/other" in plan.conditions[0].message


def test_waves_come_in_order_and_wait_for_each_other():
    groups = make_groups(unit(), [waved("late", 2), waved("early", -1), A])

    assert names(groups) == [["early"], ["a"], ["late"]]
    assert [group.gated for group in groups] == [True, True, False]


def test_definitions_and_namespaces_come_before_what_needs_them():
    crd, namespace = cluster_wide(CRD, "things.x.dev"), cluster_wide(NAMESPACE, "shop")

    groups = make_groups(unit(), [A, crd, namespace])

    assert names(groups) == [["shop", "things.x.dev"], ["a"]]
    assert [group.definitions for group in groups] == [True, False]
    assert not any(group.gated for group in groups)


def test_a_namespace_is_pulled_into_the_wave_that_needs_it():
    groups = make_groups(unit(), [waved("a", -3), cluster_wide(NAMESPACE, "shop")])

    assert names(groups) == [["shop"], ["a"]]
    assert [group.wave for group in groups] == [-3, -3]


def test_kinds_have_their_order_within_a_wave():
    objects = [declared("Ingress", "i"), declared("Deployment", "d"), declared("Service", "s"), A]

    assert names(make_groups(unit(), objects)) == [["a", "s", "d", "i"]]


def test_a_kustomization_knows_stages_but_no_waves():
    objects = [waved("late", 5), A, cluster_wide(CRD, "things.x.dev")]

    assert names(make_groups(unit(FLUX), objects)) == [["things.x.dev"], ["a", "late"]]


def test_nothing_declared_makes_no_group():
    assert make_groups(unit(), []) == ()


def test_a_partial_sync_touches_and_prunes_only_what_it_names():
    from rollouts.gitops.model import Request

    seen = observed(
        [A, B],
        compared=[differs(A), differs(B)],
        had=[A, B, C, declared(name="d")],
        request=Request(prune=True, only=(ResourceKey("", "ConfigMap", "", "a"), C.key)),
    )

    plan = plan_sync(unit(), seen, NOW)

    assert plan.touch == (A.key,)
    assert [one.key for one in plan.prune] == [C.key]


def test_the_inventory_afterwards_lists_what_is_there_and_ours():
    seen = observed([A, B], had=[A, C], there={B.key: None})

    assert inventory_after(unit(), seen, seen.live, []) == inventory(A, C)
    assert inventory_after(unit(), seen, seen.live, [C.key]) == inventory(A)


def test_an_object_whose_kind_is_not_served_now_is_not_forgotten():
    seen = observed([A], had=[A, B])
    there = {A.key: live(A)}

    assert inventory_after(unit(), seen, there, []) == inventory(A, B)


def test_planning_twice_gives_the_same():
    seen = observed([A, B], compared=[differs(A)], had=[A, B, C])

    assert plan_sync(unit(), seen, NOW) == plan_sync(unit(), seen, NOW)
    assert isinstance(plan_sync(unit(), seen, NOW).decision, Sync)
    assert synced(A).drift is Drift.SYNCED
    assert key() == A.key
