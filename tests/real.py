"""The true cluster of a test run: one of its own, or the one that the environment names."""

from __future__ import annotations

import os
from pathlib import Path

WANTED = "ROLLOUTS_TEST_REAL"


def foreign_kubeconfig() -> Path | None:
    """Return the kubeconfig of the cluster that the environment asks for; None for our own.

    Raises:
        FileNotFoundError: a cluster is asked for and its kubeconfig is not there.
    """
    if os.environ.get(WANTED) != "1":
        return None
    path = Path(os.environ.get("KUBECONFIG", "~/.kube/config")).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{WANTED}=1 asks for the cluster of {path}, which is not there")
    return path
