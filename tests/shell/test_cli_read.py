"""`get`, `list` and `status` against a live cluster."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
import yaml
from shell.live import Live

from rollouts.api.refs import ROLLOUT

STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "10m"}}]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    made = Live(tmp_path_factory.mktemp("live"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def canary(live):
    """A Rollout that waits for a person in the middle of a canary."""
    live.deploy("mid", steps=STEPS)
    live.set_image("mid", "shop:2")
    live.wait_for("mid", "Paused")
    return live


# A process that a shell started in the background ignores interrupts, and so do its children.
MAIN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from rollouts.cli import main
sys.exit(main())
"""


@contextlib.contextmanager
def started(live, *arguments, **options):
    """Run a command as a process of its own, so that it can be watched and interrupted."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", MAIN, *arguments, "--kubeconfig", live.kubeconfig]
    with subprocess.Popen(command, **(pipes | options)) as process:
        try:
            yield process
        finally:
            process.kill()


# -- get -------------------------------------------------------------------------------------------


def test_get_draws_the_tree_of_one_rollout(canary):
    answer = canary.run("get", "shop", "-n", "mid")

    assert (answer.code, answer.err) == (0, "")
    drawn = re.sub(r"shop-[0-9a-f]+", "shop-HASH", answer.out)
    assert "Status:     ॥ Paused\n" in drawn
    assert "  Step:     1/4 (pause)\n" in drawn
    assert "  Weight:   20 canary, 80 stable\n" in drawn
    assert "  Next:     setWeight 60, once promoted by hand: rollouts promote shop\n" in drawn
    assert "Replicas:   5 wanted, 6 current, 1 updated, 6 available\n" in drawn
    assert drawn.count("✔ Running") == 6
    assert "canary  1/1" in drawn
    assert "stable  5/5" in drawn


def test_what_goes_into_a_pipe_has_no_colours_and_no_trailing_blanks(canary):
    answer = canary.run("get", "shop", "-n", "mid")

    assert "\x1b" not in answer.out
    assert [line for line in answer.lines if line != line.rstrip()] == []


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_get_prints_the_object_without_bookkeeping(canary, output, read):
    printed = read(canary.run("get", "shop", "-n", "mid", "-o", output).out)

    stored = canary.get(ROLLOUT, "mid", "shop")
    assert printed["spec"] == stored["spec"]
    assert printed["status"] == stored["status"]
    assert "managedFields" not in printed["metadata"]


def test_a_rollout_that_is_not_there_is_named(live):
    answer = live.run("get", "nope", "-n", "mid")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == 'error: get Rollout/mid/nope: rollouts.argoproj.io "nope" not found\n'


# -- list ------------------------------------------------------------------------------------------


def test_list_shows_a_line_for_each_rollout_of_a_namespace(canary):
    expected = [
        ["NAME", "STRATEGY", "STATUS", "STEP", "WEIGHT", "READY", "DESIRED", "UPDATED"],
        ["shop", "Canary", "Paused", "1/4", "20", "6/6", "5", "1"],
    ]

    for command in ("list", "get"):
        answer = canary.run(command, "-n", "mid")
        assert (answer.code, [line.split() for line in answer.lines]) == (0, expected)


def test_list_can_show_all_namespaces(canary):
    canary.deploy("aaa", steps=[], nginx=False)

    heading, *rows = [line.split() for line in canary.run("list", "-A").lines]

    assert heading[:2] == ["NAMESPACE", "NAME"]
    assert rows[0] == ["aaa", "shop", "Canary", "Healthy", "-", "-", "5/5", "5", "5"]
    assert ["mid", "shop"] in [row[:2] for row in rows]


def test_list_prints_objects_for_other_programs(canary):
    printed = json.loads(canary.run("list", "-n", "mid", "-o", "json").out)

    assert printed["kind"] == "List"
    names = [(each["kind"], each["metadata"]["name"]) for each in printed["items"]]
    assert names == [("Rollout", "shop")]


def test_an_empty_namespace_is_no_error_and_prints_nothing(live):
    answer = live.run("list", "-n", "kube-system")

    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "no rollouts in namespace kube-system\n"


# -- status ----------------------------------------------------------------------------------------


def test_status_of_a_healthy_rollout_is_exit_code_0(live):
    live.deploy("well", steps=STEPS)

    answer = live.run("status", "shop", "-n", "well")

    assert (answer.code, answer.out, answer.err) == (0, "Healthy\n", "")


def test_status_of_an_aborted_rollout_is_exit_code_1_with_the_message(live):
    live.deploy("ill", steps=STEPS)
    live.set_image("ill", "shop:2")
    live.wait_for("ill", "Paused")
    live.run("abort", "shop", "-n", "ill", "--reason", "too many errors")

    answer = live.run("status", "shop", "-n", "ill")

    assert answer.code == 1
    assert answer.lines == [
        "Degraded - RolloutAborted: Rollout aborted update to revision 2: too many errors"
    ]
    assert answer.err == "error: Rollout/ill/shop is degraded\n"


def test_status_without_watching_only_reports(canary):
    answer = canary.run("status", "shop", "-n", "mid", "--no-watch")

    assert (answer.code, answer.out) == (0, "Paused - CanaryPauseStep\n")


def test_status_gives_up_after_its_timeout(canary):
    answer = canary.run("status", "shop", "-n", "mid", "--timeout", "100ms")

    assert (answer.code, answer.out) == (1, "Paused - CanaryPauseStep\n")
    assert answer.err == ("error: Rollout/mid/shop is neither healthy nor degraded after 0.1 s\n")


def test_status_waits_until_a_canary_is_done(live):
    live.deploy("soon", steps=[{"setWeight": 20}, {"pause": {}}])
    live.set_image("soon", "shop:2")
    live.wait_for("soon", "Paused")

    with started(live, "status", "shop", "-n", "soon") as process:
        assert process.stdout.readline() == "Paused - CanaryPauseStep\n"
        assert live.run("promote", "shop", "-n", "soon", "--full").code == 0
        out, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "Healthy"


def test_status_ends_when_the_rollout_is_deleted(live):
    live.deploy("gone", steps=STEPS)
    live.set_image("gone", "shop:2")
    live.wait_for("gone", "Paused")

    with started(live, "status", "shop", "-n", "gone") as process:
        assert process.stdout.readline() == "Paused - CanaryPauseStep\n"
        live.delete(ROLLOUT, "gone", "shop")
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (1, "error: Rollout/gone/shop was deleted\n")


def test_an_interrupt_ends_a_command_without_a_traceback(canary):
    with started(canary, "status", "shop", "-n", "mid") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (130, "")


# -- get --watch -----------------------------------------------------------------------------------


def test_watching_in_a_pipe_prints_the_tree_again_at_every_change(live):
    live.deploy("piped", steps=STEPS)

    with started(live, "get", "shop", "-n", "piped", "--watch") as process:
        first = [process.stdout.readline() for _ in range(4)]
        live.set_image("piped", "shop:2")
        live.wait_for("piped", "Paused")
        live.delete(ROLLOUT, "piped", "shop")
        out, err = process.communicate(timeout=20)

    assert first[2] == "Status:     ✔ Healthy\n"
    assert "Status:     ॥ Paused\n" in out
    assert (process.returncode, err) == (1, "error: Rollout/piped/shop was deleted\n")


def test_watching_on_a_terminal_redraws_one_picture_in_colours(canary):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    environment.pop("NO_COLOR", None)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "env": environment}
    with started(canary, "get", "shop", "-n", "mid", "--watch", **streams) as process:
        os.close(theirs)
        seen = read_until(ours, "\x1b[1A")  # it goes up to draw over what it drew
        process.send_signal(signal.SIGINT)
        seen += read_until(ours, None)
        process.wait(20)
    os.close(ours)

    assert process.returncode == 130
    assert "\x1b[33m॥ Paused" in seen
    assert "Traceback" not in seen


def read_until(descriptor, words, seconds=20):
    """Read from a terminal until some words are seen, or until it is closed."""
    seen, end = "", time.monotonic() + seconds
    while words is None or words not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0, end - time.monotonic()))
        assert ready, f"not seen in time: {words!r} in {seen!r}"
        try:
            read = os.read(descriptor, 65536)
        except OSError:
            return seen  # How Linux says that the other end is closed.
        seen += read.decode(errors="replace")
    return seen
