"""Read the Secrets that a measurement needs, when it needs them, and remember none."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from rollouts.analysis.sample import MeasurementError
from rollouts.api.problems import Problem
from rollouts.api.refs import SECRET, ObjectRef
from rollouts.kube.errors import ClusterError, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollouts.analysis.facts import RunFacts, SecretRef
    from rollouts.api.refs import Manifest
    from rollouts.kube.cluster import Cluster


class SecretReader:
    """Reads secret arguments of runs from the namespace of the run."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def read_arguments(self, run: RunFacts, names: tuple[str, ...]) -> Mapping[str, str]:
        """Return the values of a run's secret arguments; each Secret is read once.

        Raises:
            MeasurementError: a Secret or a key of it is missing or no text.
            ClusterError: the server does not answer.
        """
        secrets: dict[str, Manifest] = {}
        values: dict[str, str] = {}
        for name in names:
            ref = run.program.secrets[name]
            if ref.name not in secrets:
                secrets[ref.name] = await self._read(run.namespace, ref.name)
            values[name] = _decode(secrets[ref.name], ref.key, f"{run.namespace}/{ref.name}")
        return values

    async def missing(self, run: RunFacts) -> tuple[Problem, ...]:
        """Return which secret arguments of a run have no value to be read.

        What may not be read, or not now, is left to the measurements: they try again.
        """
        problems: list[Problem] = []
        secrets: dict[str, Manifest | None] = {}
        for ref in run.program.secrets.values():
            try:
                if ref.name not in secrets:
                    secrets[ref.name] = None
                    secrets[ref.name] = await self._read(run.namespace, ref.name)
                found = secrets[ref.name]
                if found is not None:
                    _decode(found, ref.key, f"{run.namespace}/{ref.name}")
            except MeasurementError as error:
                problems.append(Problem(ref.path, str(error), ref.name))
            except ClusterError:
                continue
        return tuple(problems)

    async def read(self, namespace: str, ref: SecretRef) -> str:
        """Return one value; raises as `read_arguments` does."""
        return _decode(await self._read(namespace, ref.name), ref.key, f"{namespace}/{ref.name}")

    async def _read(self, namespace: str, name: str) -> Manifest:
        try:
            return await self._cluster.get(ObjectRef(SECRET, namespace, name))
        except NotFound:
            raise MeasurementError(f"the Secret {namespace}/{name} does not exist") from None


def _decode(secret: Manifest, key: str, name: str) -> str:
    content = (secret.get("data") or {}).get(key)
    if content is None:
        raise MeasurementError(f"the Secret {name} has no key {key!r}")
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise MeasurementError(f"the key {key!r} of the Secret {name} is no text") from None
