"""Which namespace a command means, and what it says when there is no cluster."""

from __future__ import annotations

import pytest
from shell.live import run_command

from rollouts.cli.session import default_namespace

CONFIG = """\
current-context: here
contexts:
- name: here
  context: {cluster: c, user: u, namespace: shop}
- name: there
  context: {cluster: c, user: u}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return str(path)


def test_the_namespace_is_that_of_the_context(config):
    assert default_namespace(config, "") == "shop"
    assert default_namespace(config, "here") == "shop"


@pytest.mark.parametrize("context", ["there", "nowhere"])
def test_a_context_without_a_namespace_means_default(config, context):
    assert default_namespace(config, context) == "default"


def test_kubeconfig_of_the_environment_is_read_as_well(config, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", f"/nowhere/at/all:{config}")

    assert default_namespace("", "") == "shop"


@pytest.mark.parametrize("text", ["", "[]", "a: [", "contexts: none", "contexts: [none]"])
def test_a_kubeconfig_of_an_unexpected_shape_means_default(config, tmp_path, text):
    (tmp_path / "odd").write_text(text)

    assert default_namespace(str(tmp_path / "odd"), "") == "default"


@pytest.mark.parametrize("line", ["get", "status shop", "promote shop", "list -A"])
def test_without_a_cluster_every_command_says_so_in_one_line(config, tmp_path, monkeypatch, line):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    answer = run_command(*line.split(), "--kubeconfig", str(tmp_path / "missing"))

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert str(tmp_path / "missing") in answer.err


def test_a_server_that_does_not_answer_is_named(config, tmp_path):
    clusters = "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
    users = "users: [{name: u, user: {}}]\n"
    (tmp_path / "dead").write_text(CONFIG + clusters + users)

    answer = run_command("get", "--kubeconfig", str(tmp_path / "dead"))

    assert (answer.code, answer.out) == (1, "")
    assert "127.0.0.1:9" in answer.err
    assert answer.err.count("\n") == 1
