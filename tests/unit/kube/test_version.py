"""Which API servers are worked with, by their version alone."""

from __future__ import annotations

import pytest

from rollouts.kube.version import REFUSED_BELOW, TESTED_FROM, Verdict, judge


@pytest.mark.parametrize("version", ["v1.34.0", "v1.36.3", "v1.37.0-alpha.1", "v2.0.0", "1.34.0"])
def test_a_tested_or_newer_server_is_taken_without_a_word(version):
    assert judge(version) == Verdict()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("v1.33.9", "nothing is known not to work"),
        ("v1.33.4-gke.100", "nothing is known not to work"),
        ("v1.29.0-eks-1a2b", "nothing is known not to work"),
        ("v1.28.15+k3s1", "rules in definitions are a beta feature"),
        ("v1.26.0", "unknown fields of an applied manifest may be dropped"),
        ("v1.25.0", "rules in definitions are a beta feature"),
    ],
)
def test_an_older_server_is_warned_about_with_what_may_not_work(version, said):
    verdict = judge(version)

    assert verdict.refusal == ""
    assert verdict.warning.startswith(f"the API server is {version}, older than 1.34")
    assert said in verdict.warning


@pytest.mark.parametrize("version", ["v1.24.17", "v1.21.0", "v0.9.0"])
def test_a_server_without_what_is_needed_is_refused_with_the_reason(version):
    verdict = judge(version)

    assert verdict.warning == ""
    assert f"the API server is {version}, and 1.25 is the oldest" in verdict.refusal
    assert "CEL" in verdict.refusal
    assert "upgrade the cluster" in verdict.refusal


@pytest.mark.parametrize("version", ["", "unknown", "v1", "nightly-2026"])
def test_a_version_that_cannot_be_read_is_no_reason_to_refuse(version):
    assert judge(version) == Verdict()


def test_the_bounds_are_in_order():
    assert REFUSED_BELOW < TESTED_FROM
