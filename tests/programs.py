"""Programs that some tests need; without them these tests are skipped and say why."""

from __future__ import annotations

import shutil

import pytest

from rollouts.gitops.render.kustomize import find_binary

KUBECTL = shutil.which("kubectl")
HELM = shutil.which("helm")

needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on the PATH")

needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not on the PATH")

needs_kustomize = pytest.mark.skipif(
    find_binary() is None, reason="neither kustomize nor kubectl is on the PATH"
)
