"""The argument tree of the `rollouts` command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rollouts import __version__
from rollouts.cli.plain_text import tolerate

COMMAND_MODULES = ("run", "demo", "read", "ask", "analysis", "create", "lint", "simulate", "crds")
"""Each module adds its own commands; their slow imports wait until a command runs."""

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 misused, 3 undecided."""
    for stream in (sys.stdout, sys.stderr):
        tolerate(stream)
    parser = build_parser()
    args = parser.parse_args(arguments)
    if not hasattr(args, "run"):
        parser.print_help()
        return USAGE_ERROR
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough, as in `rollouts get | head`. What is still buffered goes
        # nowhere, or the interpreter would complain about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _program() -> str:
    """Return what the command was called: a plugin of kubectl is called by kubectl."""
    return "kubectl rollouts" if Path(sys.argv[0]).stem == "kubectl-rollouts" else "rollouts"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(
        prog=_program(),
        description="Progressive delivery for Kubernetes with GitOps inside.",
    )
    parser.add_argument("--version", action="version", version=f"rollouts {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in COMMAND_MODULES:
        module = importlib.import_module(f"rollouts.cli.{name}")
        add = getattr(module, "add_parsers", None) or module.add_parser
        add(subparsers)
    return parser
