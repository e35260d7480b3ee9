"""How hard random and exhaustive tests try: a little at each change, a lot with `make swarm`."""

from __future__ import annotations

import os

EFFORT = int(os.environ.get("ROLLOUTS_TEST_EFFORT", "1"))
"""How many times as much as `make test` does."""


def seeds(count: int) -> range:
    """Return the seeds to try: the first ones, and with more effort more of them."""
    return range(count * EFFORT)
