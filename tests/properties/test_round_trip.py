"""Whatever a manifest holds, reading it loses nothing, and checking it never breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.api.application import Application
from rollouts.api.base import Model
from rollouts.api.checks import check_manifest
from rollouts.api.git_repository import GitRepository
from rollouts.api.kustomization import Kustomization
from rollouts.api.rollout import Rollout
from rollouts.api.support import unsupported, without_effect

# Keys in kebab-case are nobody's fields: these stand for what future versions bring.
_unknown_keys = st.from_regex(r"\Ax-[a-z]{1,4}\Z")
_leaves = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**40), max_value=2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
_json = st.recursive(
    _leaves,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3)
    ),
    max_leaves=8,
)
_unknown = st.dictionaries(_unknown_keys, _json, max_size=2)
_counts = st.integers(min_value=-(2**31), max_value=2**31 - 1)
_texts = st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3)


def _object(**fields):
    """Return maps that hold any of these fields and some unknown ones."""
    known = st.fixed_dictionaries({}, optional=fields)
    return st.builds(lambda some, other: some | other, known, _unknown)


_steps = st.lists(
    _object(
        setWeight=_counts,
        pause=_object(duration=_counts | st.text(max_size=6)),
        setCanaryScale=_object(replicas=_counts, weight=_counts, matchTrafficWeight=st.booleans()),
        plugin=st.fixed_dictionaries({"name": st.text(max_size=3), "config": _json.filter(bool)}),
    ),
    max_size=4,
)
_canaries = _object(
    canaryService=st.text(max_size=6),
    maxSurge=_counts | st.text(max_size=6),
    steps=_steps,
    trafficRouting=_object(
        nginx=_object(stableIngress=st.text(max_size=6), additionalIngressAnnotations=_texts),
        plugins=st.dictionaries(st.text(max_size=6), _json, max_size=2),
        maxTrafficWeight=_counts,
    ),
    antiAffinity=_object(
        requiredDuringSchedulingIgnoredDuringExecution=st.dictionaries(st.text(max_size=3), _json)
    ),
)
_metadata = _object(name=st.text(max_size=6), labels=_texts, annotations=_texts)
_rollouts = st.fixed_dictionaries(
    {
        "apiVersion": st.just("argoproj.io/v1alpha1"),
        "kind": st.just("Rollout"),
        "metadata": _metadata,
        "spec": _object(
            replicas=_counts,
            selector=_object(matchLabels=_texts),
            template=st.dictionaries(st.text(max_size=6), _json, max_size=4),
            strategy=_object(canary=_canaries, blueGreen=_object(activeService=st.text())),
        ),
    }
)
_wild = st.dictionaries(
    st.sampled_from(["spec", "metadata", "status", "operation"]),
    st.recursive(
        _leaves,
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    sorted(
                        {
                            "strategy",
                            "canary",
                            "steps",
                            "pause",
                            "duration",
                            "trafficRouting",
                            "nginx",
                            "selector",
                            "template",
                            "matchLabels",
                            "source",
                            "sources",
                            "path",
                            "url",
                            "ref",
                            "interval",
                            "labels",
                            "name",
                            "destination",
                            "resourceHooks",
                            "maxSurge",
                            "x",
                        }
                    )
                ),
                below,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@given(_rollouts)
def test_a_rollout_comes_back_as_it_was(manifest):
    read = Rollout.model_validate(manifest)

    assert read.manifest() == manifest
    assert read.model_dump(by_alias=True, exclude_unset=True) == manifest


@given(_rollouts)
def test_reading_changes_nothing_in_what_was_read(manifest):
    before = repr(manifest)
    Rollout.model_validate(manifest)
    check_manifest(manifest)

    assert repr(manifest) == before


@given(_json)
def test_the_pod_template_comes_back_as_it_was(content):
    template = {"spec": {"anything": content}}
    manifest = {"spec": {"template": template}}

    assert Rollout.model_validate(manifest).manifest() == manifest


@pytest.mark.parametrize("model", [Application, GitRepository, Kustomization])
@given(unknown=_unknown)
def test_unknown_fields_of_every_kind_come_back(model: type[Model], unknown):
    spec = {
        "interval": "1m",
        "url": "https://h/x",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "x"} | unknown,
    }
    manifest = {"metadata": {"name": "x"} | unknown, "spec": spec | unknown} | unknown

    assert model.model_validate(manifest).manifest() == manifest


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("argoproj.io/v1alpha1", "Rollout"),
        ("argoproj.io/v1alpha1", "Application"),
        ("source.toolkit.fluxcd.io/v1", "GitRepository"),
        ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("v1", "ConfigMap"),
    ],
)
@given(content=_wild)
def test_a_check_survives_anything(api_version, kind, content):
    manifest = {"apiVersion": api_version, "kind": kind} | content
    problems = check_manifest(manifest)

    assert all(problem.message for problem in problems)
    assert all(str(problem) for problem in problems)


@given(_wild)
def test_support_survives_anything(manifest):
    assert isinstance(unsupported(manifest), tuple)
    assert isinstance(without_effect(manifest), tuple)


@given(_rollouts)
def test_a_rollout_without_problems_can_be_read_by_the_planner(manifest):
    """What `check_manifest` accepts has everything that planning needs."""
    if check_manifest(manifest):
        return
    read = Rollout.model_validate(manifest)

    assert read.desired_replicas >= 0
    assert all(step.kind in ("setWeight", "pause", "setCanaryScale") for step in read.steps)
