"""A plain HTTPS connection to the API server of a test cluster."""

from __future__ import annotations

import ssl
from http.client import HTTPSConnection

from tests.cluster.control_plane import ControlPlane

READ_SECONDS_MAX = 120.0
"""A watch says something every minute, a bookmark at least."""


def connection_to(
    cluster: ControlPlane, *, seconds_max: float = READ_SECONDS_MAX
) -> HTTPSConnection:
    """Return a connection that trusts the cluster's own authority; `close` is the caller's."""
    context = ssl.create_default_context(cafile=str(cluster.site.certificate("ca.crt")))
    port = cluster.site.api_port
    return HTTPSConnection("127.0.0.1", port, timeout=seconds_max, context=context)
