"""Lists taken page by page, and objects that cannot be digested."""

from __future__ import annotations

import pytest

from rollouts.api.refs import SERVICE
from rollouts.kube.errors import Unavailable
from rollouts.kube.intake import Intake
from rollouts.kube.store import Store


def thing(name, version=1, **spec):
    metadata = {"namespace": "shop", "name": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": spec}


def picky(manifest):
    return manifest["spec"]["size"]


def taking(slim=lambda each: each):
    log = []
    intake = Intake(
        SERVICE,
        Store(slim),
        lambda change: log.append((change.name, change.new is None)),
        lambda event_type, manifest: log.append((event_type, manifest["metadata"]["name"])),
    )
    return intake, log


def test_pages_make_a_list_and_what_it_lacks_is_gone():
    intake, log = taking()
    intake.take("ADDED", thing("old", 2))
    log.clear()
    intake.begin()
    intake.take_page([thing("a", 3)], "9")
    intake.take_page([thing("b", 4)], "9")

    assert intake.finish() == 2
    assert log == [
        ("a", False),
        ("ADDED", "a"),
        ("b", False),
        ("ADDED", "b"),
        ("old", True),
        ("DELETED", "old"),
    ]


def test_a_list_that_breaks_off_deletes_nothing():
    intake, log = taking()
    intake.take("ADDED", thing("old", 2))
    intake.begin()
    intake.take_page([thing("a", 3)], "9")
    intake.begin()
    intake.take_page([thing("old", 2), thing("a", 3)], "10")
    intake.finish()

    assert ("old", True) not in log


def test_a_list_older_than_what_was_known_before_it_is_refused_twice_and_then_believed():
    intake, _ = taking()
    intake.take("ADDED", thing("a", 50))
    for _ in range(2):
        intake.begin()
        with pytest.raises(Unavailable, match="resourceVersion 20 is older than 50"):
            intake.take_page([thing("b", 10)], "20")
    intake.begin()
    intake.take_page([thing("b", 10)], "20")
    intake.finish()

    assert [each["metadata"]["name"] for each in intake.store.items()] == ["b"]


def test_an_object_that_cannot_be_digested_is_reported_and_does_not_stop_the_others(caplog):
    intake, log = taking(picky)
    intake.begin()
    intake.take_page([thing("a", 1, size=1), thing("bad", 2), thing("c", 3, size=3)], "9")
    intake.finish()

    assert [name for name, _ in log[::2]] == ["a", "c"]
    assert [record.object for record in caplog.records] == ["shop/bad"]


def test_a_kind_that_is_not_served_any_more_has_no_objects():
    intake, log = taking()
    intake.take("ADDED", thing("a"))
    intake.lose_all()

    assert log[-2:] == [("a", True), ("DELETED", "a")]
    assert len(intake.store) == 0
