"""Kubeconfigs of one cluster and one user each, as JSON, which is YAML as well."""

from __future__ import annotations

import json
from pathlib import Path


def write_kubeconfig(
    path: Path, *, server: str, authority: Path | None, token: str, namespace: str = "default"
) -> Path:
    """Write a kubeconfig for somebody who has a token; only its owner may read it.

    Args:
        authority: whom to trust for the server's certificate; the system's authorities if absent.
    """
    cluster = {"server": server}
    if authority is not None:
        cluster["certificate-authority"] = str(authority)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [
            {
                "name": "test",
                "context": {"cluster": "test", "user": "test", "namespace": namespace},
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
    return path
