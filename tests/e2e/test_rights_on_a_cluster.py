"""The chart grants what the controllers have used on a true API server, no more and no less.

This module is the last one: the audit log of all others is its input.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.rights import Right, missing, rules_of, unused, used

pytestmark = pytest.mark.real

STORIES = {each.stem for each in Path(__file__).parent.glob("test_*_on_a_cluster.py")}

AFTER_A_LOST_RACE = {
    Right("get", group, resource)
    for group, resource in (
        ("argoproj.io", "analysisruns"),
        ("argoproj.io", "applications"),
        ("kustomize.toolkit.fluxcd.io", "kustomizations"),
        ("source.toolkit.fluxcd.io", "gitrepositories"),
        ("source.toolkit.fluxcd.io", "helmrepositories"),
    )
}
"""These are read by themselves only when a write of them met somebody else's: not in every run."""


@pytest.fixture(scope="module")
def releases(accounts, controller, control_plane):
    """What each release of the chart was granted, and what its user has used."""
    if control_plane.site.audit_log is None:
        pytest.skip("the audit log of this cluster is not ours to read")
    with control_plane.site.audit_log.open() as log:
        lines = [line for line in log if "system:serviceaccount:" in line]
    return {
        name: (rules_of(accounts.rendered[name]), used(lines, user))
        for name, user in accounts.users().items()
    }


def test_nothing_was_done_or_tried_without_a_right_to_it(releases):
    found = {name: missing(done, granted) for name, (granted, done) in releases.items()}

    assert {f"{name}: {right}" for name, rights in found.items() for right in rights} == set()


def test_every_right_was_used(releases, request):
    played = {item.module.__name__.rpartition(".")[2] for item in request.session.items}
    if not played >= STORIES or request.config.option.keyword:
        pytest.skip("only some of the stories were played")
    granted, done = releases["rollouts"]
    for _, others in releases.values():
        done = done | {each for each in others if each.resource != "leases"}

    left = sorted(str(each) for each in unused(done, granted - AFTER_A_LOST_RACE))
    assert not left, "\n".join(left)


def test_a_rule_that_is_taken_away_is_named(releases):
    granted, done = releases["rollouts"]
    gone = Right("list", "argoproj.io", "rollouts")
    assert gone in granted

    assert gone in missing(done, granted - {gone})


def test_a_rule_that_is_added_is_named(releases):
    granted, done = releases["rollouts"]
    extra = Right("delete", "", "nodes")

    assert extra in unused(done, granted | {extra})
    assert unused(done, {Right("list", "argoproj.io", "rollouts")}) == set()
