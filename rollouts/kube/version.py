"""Whether an API server is new enough: decided from its version alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rollouts.kube.errors import ClusterError

REFUSED_BELOW = (1, 25)
"""The first with rules (CEL) in definitions: before, it would store what no pass can work with."""

TESTED_FROM = (1, 34)
"""Two minor versions back from the newest that is tested, which is how long servers are mended."""

_LIMITS = (
    ((1, 29), "rules in definitions are a beta feature there, and some may not be enforced"),
    ((1, 27), "unknown fields of an applied manifest may be dropped without a word"),
)
"""What may not work below a version, and no longer from it on."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)")


class UnsupportedServer(ClusterError):
    """The API server is too old to work with; the message says why and what is needed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of a server: at most one of the two is not empty.

    Attributes:
        refusal: why it cannot be worked with.
        warning: what may not work.
    """

    refusal: str = ""
    warning: str = ""


def judge(version: str) -> Verdict:
    """Decide about a server by its `gitVersion`, such as v1.34.1 or v1.32.3-eks-1a2b.

    A version that cannot be read is no reason to refuse: distributions name theirs as they like.
    """
    found = _VERSION.match(version)
    if found is None:
        return Verdict()
    number = (int(found[1]), int(found[2]))
    if number < REFUSED_BELOW:
        return Verdict(
            refusal=f"the API server is {version}, and {_words(REFUSED_BELOW)} is the oldest that "
            "can be worked with: older ones do not know the validation rules (CEL) of our "
            "definitions, autoscaling/v2 or, below 1.22, server-side apply; upgrade the cluster"
        )
    if number >= TESTED_FROM:
        return Verdict()
    limits = [text for below, text in _LIMITS if number < below]
    doubts = "; ".join(limits) or "nothing is known not to work"
    return Verdict(
        warning=f"the API server is {version}, older than {_words(TESTED_FROM)}, the oldest that "
        f"is tested: {doubts}"
    )


def _words(number: tuple[int, int]) -> str:
    return f"{number[0]}.{number[1]}"
