"""Sums of health do not depend on order or grouping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.gitops.health import Health, Part, Status, Total, aggregate, join, total_of, worst

ORDER = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]


def sum_of(found):
    total = Total()
    for part in found:
        total = join(total, total_of(part))
    return total


parts = st.builds(
    Part,
    name=st.sampled_from("abcdefgh"),
    health=st.none() | st.builds(Health, st.sampled_from(Status), st.sampled_from(["", "why"])),
    child=st.booleans(),
    excluded=st.booleans(),
)
totals = st.lists(parts, max_size=5).map(sum_of)


def part(status, name="x", message="", **settings):
    return Part(name, Health(Status(status), message) if status else None, **settings)


def test_statuses_go_from_best_to_worst():
    assert [str(status) for status in Status] == ORDER
    assert [Status(word).badness for word in ORDER] == list(range(6))


@given(totals, totals, totals)
def test_grouping_does_not_matter(one, two, three):
    assert join(join(one, two), three) == join(one, join(two, three))


@given(totals, totals)
def test_order_does_not_matter(one, other):
    assert join(one, other) == join(other, one)


@given(totals)
def test_nothing_added_changes_nothing(total):
    assert join(total, Total()) == total == join(Total(), total)


@given(st.lists(parts, max_size=8), st.randoms())
def test_a_unit_has_one_health_however_its_objects_are_listed(found, random):
    shuffled = random.sample(found, len(found))

    assert aggregate(found) == aggregate(shuffled)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([], "Healthy"),
        ([part(None)], "Healthy"),
        ([part("Healthy"), part("Suspended")], "Suspended"),
        ([part("Suspended"), part("Progressing")], "Progressing"),
        ([part("Progressing"), part("Degraded")], "Degraded"),
        ([part("Degraded"), part("Unknown")], "Unknown"),
        ([part("Missing"), part("Healthy")], "Healthy"),
        ([part("Missing"), part("Progressing")], "Progressing"),
        ([part("Missing"), part("Missing")], "Missing"),
        ([part("Missing"), part(None)], "Missing"),
        ([part("Degraded", excluded=True), part("Healthy")], "Healthy"),
        ([part("Missing", child=True), part("Healthy")], "Healthy"),
        ([part("Unknown", child=True), part("Healthy")], "Healthy"),
        ([part("Degraded", child=True), part("Healthy")], "Degraded"),
        ([part("Missing", child=True)], "Healthy"),
    ],
)
def test_a_sum(found, status):
    assert aggregate(found).status == status


def test_a_sum_names_three_causes_and_counts_the_rest():
    found = [part("Degraded", f"Job/{name}", "boom") for name in "edcba"] + [
        part("Progressing", "z")
    ]

    assert aggregate(found).message == "Job/a: boom; Job/b: boom; Job/c: boom; and 2 more"


def test_a_healthy_sum_needs_no_words():
    assert aggregate([part("Healthy", "a", "fine")]) == Health(Status.HEALTHY, "")


def test_the_worst_of_some_is_the_first_of_its_kind():
    found = [Health(Status.HEALTHY), Health(Status.DEGRADED, "1"), Health(Status.DEGRADED, "2")]

    assert worst(found) == Health(Status.DEGRADED, "1")
    assert worst([]) == Health(Status.HEALTHY)
