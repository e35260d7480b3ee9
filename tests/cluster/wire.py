"""A plain HTTPS connection to the API server of a test cluster."""

from __future__ import annotations

import ssl
from http.client import HTTPSConnection

from tests.cluster.control_plane import ControlPlane
from tests.cluster.foreign import ForeignCluster

READ_SECONDS_MAX = 120.0
"""A watch says something every minute, a bookmark at least."""


def connection_to(
    cluster: ControlPlane | ForeignCluster, *, seconds_max: float = READ_SECONDS_MAX
) -> HTTPSConnection:
    """Return a connection that trusts the cluster's own authority; `close` is the caller's."""
    context = ssl.create_default_context(cafile=str(cluster.site.certificate("ca.crt")))
    host, port = cluster.site.address
    return HTTPSConnection(host, port, timeout=seconds_max, context=context)
