"""Connect to a cluster as kubectl would: find the kubeconfig, the context and the credentials.

The only module that knows the `kubernetes` package. It takes from its asyncio half what is hard
to get right (kubeconfig files, exec plugins, in-cluster tokens, TLS, proxies) and leaves its
models aside: requests and answers are plain JSON, see `rollouts.kube.rest`.
"""

from __future__ import annotations

import asyncio
import os
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollouts.kube.errors import ClusterError
from rollouts.kube.http import IN_FLIGHT_COUNT_MAX, REQUEST_SECONDS_MAX, Transport
from rollouts.kube.rest import KubeCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp
    from kubernetes.aio.client.configuration import Configuration
    from kubernetes.aio.client.rest import RESTClientObject

__all__ = ["KubeCluster", "NoClusterError", "connect"]

DEFAULT_KUBECONFIG = "~/.kube/config"
RENEWALS_SECONDS_MIN = 5.0
"""A server that refuses everybody must not make us run a credential plugin for every request."""

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
"""What the library's loader raises for a file of an unexpected shape."""


class NoClusterError(ClusterError):
    """There is no cluster to talk to, or its kubeconfig cannot be used; the message says why."""


async def connect(
    *,
    kubeconfig: str = "",
    context: str = "",
    on_request: Callable[[str, str, str], None] | None = None,
    request_seconds_max: float = REQUEST_SECONDS_MAX,
    in_flight_count_max: int = IN_FLIGHT_COUNT_MAX,
) -> KubeCluster:
    """Prepare a connection; nothing is sent to the server yet.

    Args:
        kubeconfig: a path, or several as in KUBECONFIG; empty for what KUBECONFIG names, else
            ~/.kube/config, else the service account of the pod that we run in.
        context: of the kubeconfig; empty for its current one.
        on_request: told verb, resource and status code of every request.

    Raises:
        NoClusterError: nothing is configured, or what is configured cannot be read.
    """
    access = KubernetesAccess(kubeconfig=kubeconfig, context=context)
    await access.load()
    transport = Transport(
        access,
        on_request=on_request,
        request_seconds_max=request_seconds_max,
        in_flight_count_max=in_flight_count_max,
    )
    return KubeCluster(transport)


class KubernetesAccess:
    """Server address, connections and credentials, by the official client's configuration."""

    def __init__(self, *, kubeconfig: str, context: str) -> None:
        self.server = ""
        self._kubeconfig = kubeconfig
        self._context = context
        self._configuration: Configuration | None = None
        self._rest: RESTClientObject | None = None
        self._tls: tuple[Any, ...] = ()
        self._renewal = asyncio.Lock()
        self._renewed_at: float | None = None

    async def load(self) -> None:
        """Read the configuration, running a credential plugin if there is one.

        Raises:
            NoClusterError: see `connect`.
        """
        import aiohttp
        from kubernetes.aio.client.configuration import Configuration
        from kubernetes.aio.client.rest import RESTClientObject

        configuration = Configuration()
        # We bound requests ourselves; long watches must not use up a pool.
        configuration.connection_pool_maxsize = 0
        # The session would read proxy variables and ~/.netrc anew for every request, which costs
        # a fifth of its CPU; the proxy is looked up once below, and .netrc is not for clusters.
        # Nor does anybody log in to a cluster by cookies.
        configuration.client_session_kwargs = {
            "trust_env": False,
            "cookie_jar": aiohttp.DummyCookieJar(),
        }
        await _fill(configuration, self._kubeconfig, self._context)
        configuration.proxy = configuration.proxy or environment_proxy(configuration.host)
        tls = (
            configuration.host,
            configuration.verify_ssl,
            configuration.ssl_ca_cert,
            configuration.cert_file,
            configuration.key_file,
            configuration.tls_server_name,
        )
        try:
            rest = RESTClientObject(configuration) if tls != self._tls else self._rest
        except (OSError, ValueError) as error:
            raise NoClusterError(
                f"cannot use the certificates of the kubeconfig: {error}"
            ) from error
        if rest is not self._rest and self._rest is not None:
            await self._rest.close()
        self._configuration, self._rest, self._tls = configuration, rest, tls
        self.server = configuration.host.rstrip("/")

    def session(self) -> aiohttp.ClientSession:
        """Return the pool of connections."""
        assert self._rest is not None, "load() comes first"
        if self._rest.pool_manager is None:
            self._rest.pool_manager = self._rest._create_pool_manager()  # noqa: SLF001  # the client's documented extension point
        return self._rest.pool_manager

    def request_options(self) -> Mapping[str, str]:
        """Return the proxy and TLS name, if the kubeconfig sets them."""
        assert self._configuration is not None, "load() comes first"
        options = {
            "server_hostname": self._configuration.tls_server_name,
            "proxy": self._configuration.proxy,
        }
        return {name: value for name, value in options.items() if value}

    async def authorization(self) -> str:
        """Return the Authorization header; an in-cluster token is re-read every minute."""
        assert self._configuration is not None, "load() comes first"
        return await self._configuration.get_api_key_with_prefix("BearerToken") or ""

    async def renew(self, refused: str) -> bool:
        """Read the configuration anew: a plugin, a token file or a person may have renewed it."""
        async with self._renewal:
            if await self.authorization() != refused:
                return True  # somebody else renewed it while we waited
            now = asyncio.get_running_loop().time()
            if self._renewed_at is not None and now - self._renewed_at < RENEWALS_SECONDS_MIN:
                return False
            self._renewed_at = now
            tls = self._tls
            await self.load()
            return tls != self._tls or await self.authorization() != refused

    async def close(self) -> None:
        """Close all connections."""
        if self._rest is not None:
            await self._rest.close()


def environment_proxy(server: str) -> str | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY ask for, as kubectl reads them."""
    address = urllib.parse.urlsplit(server)
    if not address.hostname or urllib.request.proxy_bypass(address.netloc):
        return None
    return urllib.request.getproxies().get(address.scheme)


async def _fill(configuration: Configuration, kubeconfig: str, context: str) -> None:
    import yaml
    from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

    path = _find_kubeconfig(kubeconfig)
    try:
        if path:
            await load_kube_config(  # type: ignore[no-untyped-call]  # the library's loaders are untyped
                config_file=path,
                context=context or None,
                client_configuration=configuration,
                persist_config=False,
            )
        else:
            load_incluster_config(  # type: ignore[no-untyped-call]  # as above
                client_configuration=configuration
            )
    except (ConfigException, OSError, yaml.YAMLError, *_MALFORMED) as error:
        where = f"kubeconfig {path}" if path else "the pod's service account"
        raise NoClusterError(f"cannot use {where}: {' '.join(str(error).split())}") from error


def _find_kubeconfig(kubeconfig: str) -> str:
    """Return the files to read, or nothing when we run in a pod."""
    stated = kubeconfig or os.environ.get("KUBECONFIG", "")
    for path in stated.split(os.pathsep):
        if path and Path(path).expanduser().is_file():
            return stated
    if kubeconfig:
        raise NoClusterError(f"there is no kubeconfig at {kubeconfig}")
    default = Path(DEFAULT_KUBECONFIG).expanduser()
    if not stated and default.is_file():
        return str(default)
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return ""
    looked = f"at {stated} (from KUBECONFIG)" if stated else f"at {DEFAULT_KUBECONFIG}"
    raise NoClusterError(
        f"no cluster: there is no kubeconfig {looked} and this is not a pod of a cluster;"
        " set KUBECONFIG or pass --kubeconfig"
    )
