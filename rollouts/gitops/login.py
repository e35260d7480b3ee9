"""Finds the credentials of a repository in Secrets, and keeps them until they stop working."""

from __future__ import annotations

from rollouts.api.refs import SECRET, Manifest, ObjectRef
from rollouts.gitops.source import (
    ANONYMOUS,
    AuthenticationFailed,
    Credentials,
    choose_repository_secret,
    parse_address,
    read_secret,
)
from rollouts.kube.cluster import Cluster
from rollouts.kube.errors import Forbidden, NotFound

SECRET_TYPE = "argocd.argoproj.io/secret-type"  # noqa: S105  # a label, not a secret

_REPOSITORY_SECRETS = f"{SECRET_TYPE} in (repository, repo-creds)"


class Logins:
    """Credentials by repository; nothing is read twice until it is forgotten."""

    def __init__(self, cluster: Cluster, control_namespace: str) -> None:
        self._cluster = cluster
        self._control_namespace = control_namespace
        self._by_url: dict[str, Credentials] = {}
        self._by_secret: dict[tuple[str, str], Credentials] = {}
        self._secrets: list[Manifest] | None = None

    def forget(self) -> None:
        """Read the Secrets again before they are next used."""
        self._by_url.clear()
        self._by_secret.clear()
        self._secrets = None

    async def for_url(self, url: str) -> Credentials:
        """Return what the repository Secrets of the control namespace say about a URL.

        Raises:
            SourceRefused: the URL or a Secret cannot be read.
        """
        known = self._by_url.get(url)
        if known is not None:
            return known
        if self._secrets is None:
            try:
                self._secrets = await self._cluster.list(
                    SECRET, self._control_namespace, label_selector=_REPOSITORY_SECRETS
                )
            except Forbidden:
                # Without the right to read Secrets there are no credentials; public
                # repositories work, and private ones say that they want a login.
                self._secrets = []
        chosen = choose_repository_secret(self._secrets, parse_address(url))
        found = ANONYMOUS if chosen is None else read_secret(chosen)
        self._by_url[url] = found
        return found

    async def for_secret(self, namespace: str, name: str) -> Credentials:
        """Return the credentials in a Secret that a source refers to.

        Raises:
            AuthenticationFailed: there is no such Secret.
            SourceRefused: it cannot be read.
        """
        known = self._by_secret.get((namespace, name))
        if known is not None:
            return known
        try:
            secret = await self._cluster.get(ObjectRef(SECRET, namespace, name))
        except NotFound:
            raise AuthenticationFailed(f"Secret {namespace}/{name} does not exist") from None
        except Forbidden:
            raise AuthenticationFailed(f"Secret {namespace}/{name} may not be read") from None
        found = read_secret(secret)
        self._by_secret[namespace, name] = found
        return found
