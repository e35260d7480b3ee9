"""Commands without a cluster say so in one line and fail; nobody is shown a stack trace.

`rollouts run` is tried as a process of its own, in tests/shell/test_run.py.
"""

from __future__ import annotations

import json
import socket

import pytest
from shell.live import run_command

COMMANDS = [
    ("get", "shop"),
    ("list",),
    ("status", "shop", "--timeout", "1s"),
    ("promote", "shop"),
    ("abort", "shop"),
    ("retry", "shop"),
    ("pause", "shop"),
    ("resume", "shop"),
    ("undo", "shop"),
    ("restart", "shop"),
    ("analysis", "list"),
    ("analysis", "get", "run"),
    ("analysis", "watch", "run"),
    ("analysis", "terminate", "run"),
    ("create", "analysisrun", "--from", "errors"),
]


@pytest.fixture(autouse=True)
def _nobodys_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def closed(tmp_path):
    """A kubeconfig of a server whose port nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://{address}"}}],
        }
        path = tmp_path / "config"
        path.write_text(json.dumps(document))
        # Bound but not listening: connections are refused, and nobody else gets the port.
        yield str(path), address


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_kubeconfig_a_command_says_what_is_missing(command):
    answer = run_command(*command)

    assert answer.code == 1
    assert "no cluster: there is no kubeconfig at ~/.kube/config" in answer.err
    assert "set KUBECONFIG or pass --kubeconfig" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_server_that_does_not_answer_is_named(command, closed):
    path, address = closed
    answer = run_command(*command, "--kubeconfig", path)

    assert answer.code == 1
    assert f"cannot connect to {address}" in answer.err
    assert "Traceback" not in answer.err
