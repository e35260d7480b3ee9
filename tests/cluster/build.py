"""Build the control plane and KWOK from their published sources, once for each set of versions."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""What the one binary of the control plane behaves as."""
VERSION_PACKAGE = "k8s.io/component-base/version"


class CannotBuild(Exception):
    """The programs of the test cluster cannot be had; the message says what is needed."""


def cache_folder() -> Path:
    """Return where built programs are kept between runs, outside of the source tree."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rollouts-ci"


def kubernetes_version() -> str:
    """Return the version of Kubernetes that is built, such as v1.36.3."""
    text = (HERE / "controlplane" / "go.mod").read_text()
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", text, re.MULTILINE)
    assert found is not None
    return found[1]


def control_plane_folder() -> Path:
    """Return where the control plane's programs are, or will be."""
    return cache_folder() / f"controlplane-{kubernetes_version()}-{_digest('controlplane')}"


def kwok_folder() -> Path:
    """Return where kwok is, or will be."""
    return cache_folder() / f"kwok-{_digest('kwok')}"


def build() -> None:
    """Build what is not in the cache yet.

    Raises:
        CannotBuild: Go is missing, or a build has failed.
    """
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    stamp = " ".join(f"-X {VERSION_PACKAGE}.{name}={value}" for name, value in stamps.items())
    module, flags, folder = HERE / "controlplane", f"-s -w {stamp}", control_plane_folder()
    _build(module, ".", folder / "controlplane", flags=flags)
    _build(module, "k8s.io/kubernetes/cmd/kubectl", folder / "kubectl", flags=flags)
    for program in PROGRAMS:
        link = folder / program
        if not link.is_symlink():
            link.symlink_to("controlplane")
    build_kwok()


def build_kwok() -> None:
    """Build what plays nodes and pods, which a cluster of somebody else needs as well.

    Raises:
        CannotBuild: Go is missing, or the build has failed.
    """
    _build(HERE / "kwok", "sigs.k8s.io/kwok/cmd/kwok", kwok_folder() / "kwok", flags="-s -w")


def is_built() -> bool:
    """Tell whether the cache has everything that a cluster needs."""
    programs = (control_plane_folder() / name for name in (*PROGRAMS, "kubectl"))
    return all(each.exists() for each in (*programs, kwok_folder() / "kwok"))


def _build(module: Path, package: str, target: Path, *, flags: str) -> None:
    if target.exists():
        return
    if shutil.which("go") is None:
        raise CannotBuild(
            "the test cluster is built from Go modules, and there is no go on the PATH: install "
            "Go 1.26 or newer"
        )
    print(f"building {target.name} into {target.parent}", file=sys.stderr, flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and then moved: an interrupted build leaves nothing that looks done.
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    command = ["go", "build", "-C", str(module), "-trimpath", "-ldflags", flags, "-o", str(fresh)]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run([*command, package], env=environment, check=False)
    if done.returncode:
        raise CannotBuild(f"{' '.join(command)} {package} has failed with {done.returncode}")
    fresh.replace(target)


def _digest(module: str) -> str:
    digest = hashlib.sha256()
    for file in sorted((HERE / module).iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
