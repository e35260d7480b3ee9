"""The true cluster of a test run: one of its own, or the one that the environment names."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import build

WANTED = "ROLLOUTS_TEST_REAL"
_FIRST_LINE = "Starting to serve on "


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


@contextmanager
def proxied(kubeconfig: Path) -> Iterator[str]:
    """Serve a cluster on a loopback address without credentials, however it wants to be asked."""
    kubectl = shutil.which("kubectl") or str(build.control_plane_folder() / "kubectl")
    command = [kubectl, f"--kubeconfig={kubeconfig}", "proxy", "--port=0", "--reject-paths=^$"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            line = proxy.stdout.readline().strip()
            assert line.startswith(_FIRST_LINE), f"kubectl proxy did not start: {line!r}"
            yield f"http://{line.removeprefix(_FIRST_LINE)}"
        finally:
            proxy.terminate()
