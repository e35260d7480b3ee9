"""`python -m tests.cluster build|up|down|kubectl`: a cluster for people, until it is taken down."""

from __future__ import annotations

import argparse
import shutil
import sys

from tests.cluster import build
from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import DidNotStart


def main() -> int:
    """Do what the command line asks for; the exit code is 1 when it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("do", choices=("build", "up", "down", "kubectl"))
    folder = build.cache_folder() / "cluster"
    wanted = parser.parse_args().do
    running = ControlPlane.attach(folder)
    try:
        if wanted == "build":
            build.build()
        elif wanted == "kubectl":
            build.build()
            print(build.control_plane_folder() / "kubectl")
        elif wanted == "up":
            if running is not None and not running.is_whole:
                running.stop()
                running = None
            if running is None:
                shutil.rmtree(folder, ignore_errors=True)
                running = ControlPlane.start(folder=folder)
            print(f"export KUBECONFIG={running.kubeconfig}")
            print(f"export PATH={running.kubectl.parent}:$PATH")
        elif running is not None:
            running.stop()
    except (build.CannotBuild, DidNotStart) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
