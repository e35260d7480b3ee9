"""Keeping web pages out: a browser on the same laptop must not command the cluster for a page.

There is no authentication here, so the loopback address is the only wall. A page of another site
can send requests to it all the same; what gives them away is an Origin, or a host name that leads
to the loopback by a trick of DNS.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_from_page(headers: Mapping[str, str], *, on_loopback: bool) -> bool:
    """Tell whether a request was made by a web page that this server did not serve."""
    host = headers.get("Host", "")
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return True
    return on_loopback and not _is_local_name(host)


def is_loopback(host: str) -> bool:
    """Tell whether a server bound to `host` can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_local_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
