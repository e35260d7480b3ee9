"""A true control plane, the controller under a service account of its own, and its audit log."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from threading import local
from typing import Any, Self

from bench.audit import calls_of
from bench.calls import Call
from bench.controller import Controller, LaboratoryError
from bench.workloads import CRDS, NAME, read_manifests
from rollouts.api.refs import CRD, INGRESS, LEASE, NAMESPACE, ROLLOUT, SERVICE, Kind, Manifest
from tests.cluster.build import CannotBuild
from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import DidNotStart

USER = "system:serviceaccount:default:rollouts"
HANDS = 8
"""Connections that create objects side by side: enough to keep two cores busy."""

KINDS = {each.kind: each for each in (CRD, INGRESS, NAMESPACE, ROLLOUT, SERVICE)}
LOOK_SECONDS = 1.0


class RealCluster:
    """A control plane of its own, with our CRDs; a context manager."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._controllers: list[Controller] = []
        self._mine = local()
        self._cluster: ControlPlane
        self._directory: Path

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            made = tempfile.TemporaryDirectory(prefix="rollouts-bench-")
            self._directory = Path(stack.enter_context(made))
            try:
                self._cluster = stack.enter_context(ControlPlane.start())
            except (CannotBuild, DidNotStart) as error:
                raise LaboratoryError(str(error)) from error
            self._hands = stack.enter_context(ThreadPoolExecutor(HANDS))
            self.create(read_manifests(CRDS))
            self.wait_until(self._is_serving_ours, at_most=30, what="the CRDs to be served")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def controller(self) -> Iterator[Controller]:
        """Run a controller as a service account, so that the audit log knows its calls."""
        running = Controller(self._kubeconfig(), self._directory, ())
        self._controllers.append(running)
        try:
            yield running
        except LaboratoryError as error:
            error.add_note(f"the controller's log ends so:\n{running.log_end()}")
            raise
        finally:
            self._controllers.remove(running)
            running.stop()

    def create(self, manifests: Sequence[Manifest]) -> None:
        """Create objects, several at a time."""
        list(self._hands.map(self._create, manifests))

    def patch_rollouts(self, namespaces: Sequence[str], body: Manifest) -> None:
        """Patch the Rollout of each namespace, several at a time."""

        def patch(namespace: str) -> None:
            self._ask("PATCH", f"{_collection(ROLLOUT, namespace)}/{NAME}", body)

        list(self._hands.map(patch, namespaces))

    def rollouts(self) -> list[Manifest]:
        """Return every Rollout."""
        # From the server's cache: a look must not cost more than what it looks at.
        path = f"{_collection(ROLLOUT, '')}?resourceVersion=0"
        items: list[Manifest] = self._ask("GET", path)["items"]
        return items

    def calls(self, since: int = 0) -> list[Call]:
        """Return the controller's requests so far, without the first `since`."""
        with self._cluster.site.audit_log.open() as lines:
            return list(calls_of(lines, USER))[since:]

    def wait_until(self, condition: Callable[[], bool], *, at_most: float, what: str) -> None:
        """Wait for something.

        Raises:
            LaboratoryError: it takes too long, or a controller has ended.
        """
        deadline = time.monotonic() + at_most
        while not condition():
            for controller in self._controllers:
                controller.check()
            if time.monotonic() > deadline:
                raise LaboratoryError(f"waited {at_most:g} s in vain for {what}")
            time.sleep(LOOK_SECONDS)

    def wait_until_quiet(self, seconds: float, *, at_most: float) -> None:
        """Wait until the controller has asked nothing but its Lease for some time."""
        seen, since = -1, time.monotonic()

        def is_quiet() -> bool:
            nonlocal seen, since
            count = sum(call.resource != LEASE.plural for call in self.calls())
            if count != seen:
                seen, since = count, time.monotonic()
            return time.monotonic() - since >= seconds

        self.wait_until(is_quiet, at_most=at_most, what="the controller to have nothing to do")

    def _is_serving_ours(self) -> bool:
        try:
            self.rollouts()
        except LaboratoryError:
            return False
        return True

    def _create(self, manifest: Manifest) -> None:
        kind = KINDS[manifest["kind"]]
        namespace = manifest["metadata"].get("namespace", "")
        self._ask("POST", _collection(kind, namespace), manifest)

    def _kubeconfig(self) -> Path:
        """Make the controller's account and return a kubeconfig for it."""
        account = "/api/v1/namespaces/default/serviceaccounts"
        self._ask("POST", account, {"metadata": {"name": "rollouts"}})
        binding = {
            "metadata": {"name": "rollouts"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "rollouts"}],
        }
        self._ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        wanted = {"spec": {"expirationSeconds": 7200}}
        token = self._ask("POST", f"{account}/rollouts/token", wanted)["status"]["token"]
        return self._cluster.write_kubeconfig(self._directory / "kubeconfig", token=token)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request as the administrator, on this thread's own connection."""
        patch = "merge-patch+" if method == "PATCH" else ""
        headers = {**self._cluster.credentials, "Content-Type": f"application/{patch}json"}
        data = None if body is None else json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
        except OSError:
            # The server ends connections that were idle for long; nothing was asked on this one.
            connection.close()
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise LaboratoryError(f"{method} {path}: {answer.status} {text.decode()[:300]}")
        return json.loads(text)

    def _connection(self) -> HTTPSConnection:
        made: HTTPSConnection | None = getattr(self._mine, "connection", None)
        if made is None:
            site = self._cluster.site
            trust = create_default_context(cafile=str(site.certificate("ca.crt")))
            made = HTTPSConnection("127.0.0.1", site.api_port, timeout=30, context=trust)
            self._mine.connection = made
        return made


def _collection(kind: Kind, namespace: str) -> str:
    root = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" if namespace else f"{root}/{kind.plural}"
