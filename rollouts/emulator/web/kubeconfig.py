"""The kubeconfig that leads clients to the embedded cluster."""

from __future__ import annotations

import json

NAME = "embedded"


def kubeconfig(url: str, *, user: str = "admin", namespace: str = "default") -> str:
    """Return a kubeconfig (JSON, which is YAML); `user` is the name that the request log shows.

    The name is given twice, because kubectl sends no token without TLS; impersonation it sends.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": url}}],
        "users": [{"name": user, "user": {"token": user, "as": user}}],
        "contexts": [
            {
                "name": NAME,
                "context": {"cluster": NAME, "user": user, "namespace": namespace},
            }
        ],
        "current-context": NAME,
        "preferences": {},
    }
    return json.dumps(document, indent=2) + "\n"
