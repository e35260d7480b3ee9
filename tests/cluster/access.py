"""What a test can do at an API server, whoever's cluster it is: ask, and let others in."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from tests.cluster.kubeconfig import write_kubeconfig


class Place(Protocol):
    """Where a cluster is, and whom to trust there."""

    @property
    def url(self) -> str:
        """Return the address of the API server."""

    def certificate(self, name: str) -> Path:
        """Return the path of a key or certificate."""


class Access:
    """An administrator's access to one cluster.

    Attributes:
        site: where the cluster is.
        answer_seconds_max: how long an answer may take.
    """

    answer_seconds_max = 10.0

    def __init__(self, site: Place, token: str) -> None:
        """Log in with a token."""
        self.site = site
        self._token = token

    @property
    def credentials(self) -> dict[str, str]:
        """Return the headers that make a request the administrator's."""
        return {"Authorization": f"Bearer {self._token}"}

    def write_kubeconfig(self, path: Path, *, token: str, namespace: str = "default") -> Path:
        """Write a kubeconfig for somebody who has a token of this cluster."""
        authority = self.site.certificate("ca.crt")
        return write_kubeconfig(
            path, server=self.site.url, authority=authority, token=token, namespace=namespace
        )

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request as the administrator and return the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.credentials, "Content-Type": "application/json"}
        request = urllib.request.Request(
            self.site.url + path, data=data, method=method, headers=headers
        )
        context = ssl.create_default_context(cafile=str(self.site.certificate("ca.crt")))
        seconds = self.answer_seconds_max
        with urllib.request.urlopen(request, timeout=seconds, context=context) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] in {b"{", b"["} else text.decode()

    def is_node_ready(self, name: str) -> bool:
        """Tell whether a node takes pods."""
        status = self.request("GET", f"/api/v1/nodes/{name}").get("status") or {}
        return any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in status.get("conditions") or ()
        )
