"""Somebody with the stock kubectl in front of a cluster."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster.processes import wait_until

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS_MAX = 60
BUSY_COUNT_MAX, BUSY_SECONDS = 200, 0.1
"""A server is busy for a moment while it takes up another definition."""


class Hands:
    """Runs kubectl against one cluster.

    Attributes:
        folder: what a relative path in a command means.
    """

    def __init__(self, cluster, folder):
        self.folder = folder
        self._kubectl = str(cluster.kubectl)
        # Discovery is cached by address, and test clusters share one.
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "KUBECACHEDIR": str(folder / "kubectl-cache"),
        }

    def attempt(self, line, *, stdin=None):
        """Run one line of kubectl, without the word kubectl, and return what came of it."""
        words = shlex.split(line) if isinstance(line, str) else line
        return subprocess.run(
            [self._kubectl, *words],
            input=stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin),
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS_MAX,
        )

    def run(self, line, *, stdin=None):
        """Run one line of kubectl that has to succeed without a warning; return its output."""
        done = self.attempt(line, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, ""), f"kubectl {line}: {done.stderr}"
        return done.stdout

    def await_definitions(self):
        """Wait until everything that is defined is served."""
        # kubectl cannot wait for a definition of which the server has said nothing yet.
        words = "wait --for=condition=Established crd --all --timeout=20s"
        wait_until(
            lambda: self.attempt(words).returncode == 0,
            at_most=COMMAND_SECONDS_MAX,
            what="the definitions to be served",
        )

    def get(self, line):
        """Return the objects that `kubectl get` finds."""
        return json.loads(self.run(f"get {line} -o json"))


class Answer:
    """What the API server said to one request.

    Attributes:
        code: the HTTP status.
        body: the decoded object, or Status.
        warnings: the Warning headers' texts, as kubectl would print them.
    """

    def __init__(self, response):
        self.code = response.status
        self.warnings = response.headers.get_all("Warning") or []
        self.body = json.loads(response.read())

    @property
    def message(self):
        return self.body.get("message", "")


class Line:
    """An open line to an API server: far quicker than a kubectl for each of many requests."""

    def __init__(self, cluster):
        context = ssl.create_default_context(cafile=str(cluster.site.certificate("ca.crt")))
        self._headers = {**cluster.credentials, "Content-Type": "application/json"}
        self._connection = http.client.HTTPSConnection(
            urlsplit(cluster.site.url).netloc, context=context, timeout=COMMAND_SECONDS_MAX
        )

    def ask(self, method, path, body=None, *, content="application/json"):
        """Send one request and return the answer, whatever it is but "try again in a second"."""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | {"Content-Type": content}
        for _ in range(BUSY_COUNT_MAX):
            self._connection.request(method, path, body=data, headers=headers)
            answer = Answer(self._connection.getresponse())
            if answer.code != 429:
                return answer
            time.sleep(BUSY_SECONDS)
        raise AssertionError(f"{method} {path}: {answer.message}")

    def close(self):
        self._connection.close()
