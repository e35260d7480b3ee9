"""What each verb of the command line writes."""

from __future__ import annotations

import importlib

import pytest

from rollouts.cli.ask import value_of

main_module = importlib.import_module("rollouts.cli.main")


@pytest.mark.parametrize(
    ("line", "annotation", "value"),
    [
        ("promote shop", "promote", "true"),
        ("promote shop --full", "promote", "full"),
        ("abort shop", "abort", "true"),
        ("abort shop --reason errors", "abort", "errors"),
        ("retry shop", "retry", "true"),
        ("pause shop", "pause", "true"),
        ("resume shop", "pause", "false"),
        ("undo shop", "rollback", "previous"),
        ("undo shop --to-revision 3", "rollback", "3"),
        ("restart shop", "restart", "true"),
        ("restart shop --at 2026-01-31T12:00:00Z", "restart", "2026-01-31T12:00:00Z"),
    ],
)
def test_a_verb_is_one_annotation(line, annotation, value):
    args = main_module.build_parser().parse_args(line.split())

    assert (args.command.verb, value_of(args)) == (annotation, value)
    assert args.name == "shop"
