"""The command line as a whole: usage, help, exit codes."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from shell.live import run_command

from rollouts import __version__

main_module = importlib.import_module("rollouts.cli.main")

COMMANDS = (
    "run", "demo", "get", "list", "status", "promote", "abort", "retry", "pause", "resume", "undo",
    "restart", "analysis", "create", "lint", "simulate", "crds",
)  # fmt: skip


def test_without_a_command_it_shows_what_there_is():
    answer = run_command()

    assert answer.code == 2
    for command in COMMANDS:
        assert f"\n    {command} " in answer.out


def test_every_command_is_known_and_no_other():
    parser = main_module.build_parser()
    choices = next(each.choices for each in parser._actions if each.choices)

    assert tuple(choices) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    answer = run_command(command, "--help")

    assert answer.code == 0
    assert answer.out.startswith(f"usage: rollouts {command} ")
    assert answer.err == ""


def test_it_tells_its_version():
    assert run_command("--version").out == f"rollouts {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["get", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["status"], "the following arguments are required: name"),
        (["status", "shop", "--timeout", "soon"], "'soon'"),
        (["promote"], "the following arguments are required: name"),
        (["undo", "shop", "--to-revision", "two"], "invalid int value: 'two'"),
        (["get", "shop", "-o", "xml"], "invalid choice: 'xml'"),
        (["get", "shop", "-A"], "--all-namespaces lists rollouts"),
        (["get", "--watch"], "--watch follows one rollout: add its NAME"),
        (["get", "shop", "--watch", "-o", "json"], "--watch draws a tree: leave -o json out"),
        (["analysis"], "the following arguments are required: ACTION"),
        (["analysis", "get"], "the following arguments are required: name"),
        (["analysis", "list", "-o", "xml"], "invalid choice: 'xml'"),
        (["analysis", "watch", "run", "--timeout", "soon"], "'soon'"),
        (["create"], "the following arguments are required: KIND"),
        (["create", "rollout"], "invalid choice: 'rollout'"),
        (["create", "analysisrun"], "say what to measure: --from TEMPLATE or --from-file FILE"),
        (["create", "analysisrun", "--from", "a/b"], "--from a/b: write NAME, template/NAME or"),
        (["create", "analysisrun", "--from", "a", "-a", "x"], "--argument takes NAME=VALUE"),
        (
            ["create", "analysisrun", "--from", "a", "--name", "x", "--generate-name", "y"],
            "--name is the whole name and --generate-name its beginning: choose one",
        ),
        (
            ["create", "analysisrun", "--from", "a", "--watch", "--dry-run"],
            "--dry-run creates nothing that --watch could follow: choose one",
        ),
        (["simulate"], "either a Rollout, -f rollout.yaml, or a history"),
        (["simulate", "-f", "-", "--seed", "1"], "either a Rollout, -f rollout.yaml"),
        (["simulate", "-f", "-", "--ready", "soon"], "'soon'"),
        (["demo", "--scenario", "none"], "invalid choice: 'none'"),
        (["demo", "--pause", "0s"], "0s"),
    ],
)
def test_misuse_is_explained_on_standard_error_and_is_exit_code_2(arguments, complaint):
    answer = run_command(*arguments)

    assert answer.code == 2
    assert complaint in answer.err
    assert answer.out == ""


def test_a_reader_that_has_seen_enough_is_no_error():
    shell = f"{sys.executable} -m rollouts crds | head -n 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", shell], check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_help_does_not_wait_for_what_only_the_controller_needs():
    code = (
        "import sys; from rollouts.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'kopf', 'kubernetes', 'pydantic', 'rich', 'rollouts.emulator'}\n"
        "print('loaded:', *sorted(slow & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "loaded:"
