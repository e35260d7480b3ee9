"""From rendered manifests to declared objects."""

import pytest
from shell.gitops_words import APP, FLUX, KINDS, unit

from rollouts.api.refs import CRD, NAMESPACE, Kind
from rollouts.gitops.model import ApplyMode, ResourceKey
from rollouts.gitops.options import read_options
from rollouts.gitops.prepare import declared_kinds, prepare, types_of
from rollouts.gitops.render.model import RenderedObject

SERVED = {(kind.api_version, kind.kind): kind for kind in (*KINDS.values(), NAMESPACE, CRD)}


def rendered(kind="ConfigMap", name="a", number=1, api_version="v1", **metadata):
    metadata = {"name": name, **metadata}
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return RenderedObject(manifest, "app.yaml", number)


def test_an_object_gets_the_destination_and_the_mark():
    (one,) = prepare(unit(), [rendered()], SERVED).objects

    assert one.key == ResourceKey("", "ConfigMap", "shop", "a")
    assert one.manifest["metadata"] == {
        "name": "a",
        "namespace": "shop",
        "annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:shop/a"},
    }
    assert one.source == "app.yaml document 1"


def test_a_stated_namespace_is_kept_unless_the_unit_overrides_it():
    stated = [rendered(namespace="other")]

    assert prepare(unit(), stated, SERVED).objects[0].key.namespace == "other"
    over = prepare(unit(FLUX, override_namespace=True), stated, SERVED)
    assert over.objects[0].key.namespace == "shop"


def test_a_cluster_scoped_object_has_no_namespace():
    (one,) = prepare(unit(), [rendered("Namespace", "shop", namespace="x")], SERVED).objects

    assert one.key.namespace == ""
    assert "namespace" not in one.manifest["metadata"]


def test_status_and_server_metadata_are_not_sent():
    each = rendered(creationTimestamp=None, resourceVersion="1", managedFields=[])
    each.manifest["status"] = {"x": 1}

    (one,) = prepare(unit(), [each], SERVED).objects

    assert "status" not in one.manifest
    assert set(one.manifest["metadata"]) == {"name", "namespace", "annotations"}


def test_an_object_of_an_unknown_kind_is_an_error_with_its_place():
    prepared = prepare(unit(), [rendered("Thing", "t", 3, "x.dev/v1")], {})

    assert prepared.objects == ()
    assert "app.yaml document 3: Thing/t" in prepared.errors[0]
    assert "x.dev/v1" in prepared.errors[0]


def test_an_object_without_any_namespace_is_an_error():
    prepared = prepare(unit(destination=""), [rendered()], SERVED)

    assert "states no namespace" in prepared.errors[0]


def test_all_errors_are_told_at_once():
    objects = [rendered("Thing", f"t{n}", n, "x.dev/v1") for n in range(3)]

    assert len(prepare(unit(), objects, {}).errors) == 3


def test_of_two_equal_objects_the_last_counts_with_a_warning():
    second = rendered(number=2, labels={"second": "yes"})

    prepared = prepare(unit(), [rendered(), second], SERVED)

    assert [one.source for one in prepared.objects] == ["app.yaml document 2"]
    assert prepared.conditions[0].type == "RepeatedResourceWarning"


def test_two_equal_objects_fail_a_kustomization():
    prepared = prepare(unit(FLUX, duplicates_fail=True), [rendered(), rendered(number=2)], SERVED)

    assert "more than once" in prepared.errors[0]


def test_objects_that_become_equal_by_their_namespace_are_found():
    prepared = prepare(unit(), [rendered(), rendered(namespace="shop")], SERVED)

    assert len(prepared.objects) == 1


@pytest.mark.parametrize(
    ("annotations", "phase"),
    [
        ({"argocd.argoproj.io/hook": "PostSync"}, "PostSync"),
        ({"argocd.argoproj.io/hook": "PostSync,PostDelete"}, "PostSync,PostDelete"),
        ({"argocd.argoproj.io/hook": "PreSync, Sync"}, "PreSync,Sync"),
        ({"helm.sh/hook": "post-install,post-upgrade"}, "post-install,post-upgrade"),
    ],
)
def test_a_hook_is_never_applied_as_an_ordinary_object(annotations, phase):
    prepared = prepare(unit(), [rendered(annotations=annotations), rendered(name="b")], SERVED)

    assert [one.key.name for one in prepared.objects] == ["b"]
    assert [one.options.hook for one in prepared.hooks] == [phase]
    assert prepared.conditions == ()


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("Postsync", "Postsync: no such phase; write one of PreSync, Sync, PostSync, SyncFail"),
    ],
)
def test_a_hook_that_cannot_run_when_it_should_is_left_out_with_a_word(phase, said):
    notes = {"argocd.argoproj.io/hook": phase}

    prepared = prepare(unit(), [rendered(annotations=notes)], SERVED)

    assert (prepared.objects, prepared.hooks) == ((), ())
    assert prepared.conditions[0].type == "ExcludedResourceWarning"
    assert said in prepared.conditions[0].message


def test_a_kustomization_has_no_hooks():
    notes = {"argocd.argoproj.io/hook": "PostSync"}

    prepared = prepare(unit(FLUX), [rendered(annotations=notes)], SERVED)

    assert (prepared.objects, prepared.hooks) == ((), ())
    assert "only Applications have hooks" in prepared.conditions[0].message


def test_of_two_hooks_with_one_name_the_last_counts():
    notes = {"argocd.argoproj.io/hook": "PostSync"}

    prepared = prepare(unit(), [rendered(annotations=notes), rendered(annotations=notes)], SERVED)

    assert len(prepared.hooks) == 1
    assert prepared.conditions[0].type == "RepeatedResourceWarning"


def test_a_generated_hook_needs_no_name():
    hook = RenderedObject(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "generateName": "post-",
                "annotations": {"argocd.argoproj.io/hook": "PostSync"},
            },
        },
        "hook.yaml",
        1,
    )

    assert prepare(unit(), [hook], SERVED).hooks[0].key.name == "post-"


def test_a_skipped_hook_is_left_out_silently():
    notes = {"argocd.argoproj.io/hook": "Skip"}

    prepared = prepare(unit(), [rendered(annotations=notes)], SERVED)

    assert (prepared.objects, prepared.conditions) == ((), ())


def test_an_empty_hook_annotation_makes_no_hook():
    notes = {"argocd.argoproj.io/hook": ""}

    assert len(prepare(unit(), [rendered(annotations=notes)], SERVED).objects) == 1


def test_flux_itself_is_held_back():
    labels = {"app.kubernetes.io/part-of": "flux"}
    controller = rendered("Deployment", "source-controller", 1, "apps/v1", labels=labels)
    sync = rendered(name="sync", labels=labels)

    prepared = prepare(unit(FLUX), [controller, sync], SERVED)

    assert [one.key.name for one in prepared.objects] == ["sync"]
    assert [each.name for each in prepared.held] == ["source-controller"]


def test_the_destination_is_created_but_never_tracked():
    prepared = prepare(unit(create_namespace=True), [rendered()], SERVED)

    namespace = prepared.objects[0]
    assert namespace.key == ResourceKey("", "Namespace", "", "shop")
    assert not namespace.tracked
    assert namespace.options.mode is ApplyMode.IF_NOT_PRESENT
    assert "annotations" not in namespace.manifest["metadata"]


def test_a_declared_destination_is_not_added_again():
    objects = [rendered("Namespace", "shop")]

    prepared = prepare(unit(create_namespace=True), objects, SERVED)

    assert [one.tracked for one in prepared.objects] == [True]


def test_managed_metadata_of_the_destination_is_kept_up_to_date():
    fields = {"create_namespace": True, "namespace_labels": (("team", "web"),)}

    namespace = prepare(unit(**fields), [], SERVED).objects[0]

    assert namespace.manifest["metadata"]["labels"] == {"team": "web"}
    assert namespace.options.mode is ApplyMode.OVERRIDE


def test_kinds_come_from_definitions_in_the_same_source():
    crd = RenderedObject(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.x.dev"},
            "spec": {
                "group": "x.dev",
                "scope": "Cluster",
                "names": {"kind": "Thing", "plural": "things"},
                "versions": [{"name": "v1", "served": True}, {"name": "v0", "served": False}],
            },
        },
        "crd.yaml",
        1,
    )

    assert declared_kinds([crd, rendered()]) == {
        ("x.dev/v1", "Thing"): Kind("x.dev", "v1", "Thing", "things", namespaced=False)
    }
    assert types_of([rendered(), crd, rendered(name="b")]) == (
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("v1", "ConfigMap"),
    )


def options(annotations):
    return read_options({"metadata": {"annotations": annotations}})


def test_nothing_said_means_the_usual():
    usual = options({})

    assert (usual.prune, usual.delete, usual.reconcile) == (True, True, True)
    assert (usual.mode, usual.hook) == (ApplyMode.OVERRIDE, "")
    assert read_options({}) == usual


def test_delete_may_be_forbidden_without_forbidding_prune():
    for notes in (
        {"argocd.argoproj.io/sync-options": "Delete=false"},
        {"helm.sh/resource-policy": "keep"},
    ):
        assert (options(notes).prune, options(notes).delete) == (True, False)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("IfNotPresent", ApplyMode.IF_NOT_PRESENT),
        ("ignore", ApplyMode.IGNORE),
        ("Merge", ApplyMode.MERGE),
        ("nonsense", ApplyMode.OVERRIDE),
    ],
)
def test_the_way_of_applying_is_read(text, mode):
    assert options({"kustomize.toolkit.fluxcd.io/ssa": text}).mode is mode


def test_the_marks_of_other_controllers_are_honoured():
    assert not options({"helm.toolkit.fluxcd.io/driftDetection": "disabled"}).reconcile
    assert not options({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}).reconcile


def test_crd_install_is_no_hook():
    assert options({"helm.sh/hook": "crd-install"}).hook == ""
    assert APP.name == "web"
