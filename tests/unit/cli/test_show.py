"""Pictures on screens of different widths."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rollouts.cli.picture import Line, Picture
from rollouts.cli.show import listing, put_list, render

LINES = (
    Line("", "shop", "Rollout", "Paused", "1m", ""),
    Line("└──", "shop-6d5f7c9b48-2-1", "AnalysisRun", "Running", "12s", "step 2  ✔ 2 ✖ 1  ▁▅█"),
)
WIDTH = len("└── shop-6d5f7c9b48-2-1  AnalysisRun  ◌ Running  12s  step 2  ✔ 2 ✖ 1  ▁▅█")


def drawn(renderable, width):
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    screen.print(renderable)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]


def tree(width, lines=LINES):
    return drawn(render(Picture((), lines, "Paused")), width)[-len(lines) - 1 :]


def test_a_screen_that_is_wide_enough_shows_all_columns():
    assert tree(WIDTH) == [
        "NAME                     KIND         STATUS     AGE  INFO",
        "shop                     Rollout      ॥ Paused   1m",
        "└── shop-6d5f7c9b48-2-1  AnalysisRun  ◌ Running  12s  step 2  ✔ 2 ✖ 1  ▁▅█",
    ]


def test_on_a_narrower_one_the_kind_gives_way():
    assert tree(WIDTH - 1) == [
        "NAME                     STATUS     AGE  INFO",
        "shop                     ॥ Paused   1m",
        "└── shop-6d5f7c9b48-2-1  ◌ Running  12s  step 2  ✔ 2 ✖ 1  ▁▅█",
    ]


@pytest.mark.parametrize("width", [20, 40, 60])
def test_on_a_very_narrow_one_it_is_still_drawn(width):
    lines = drawn(render(Picture((("Name", "shop"),), LINES, "Paused")), width)

    assert max(len(line) for line in lines) <= width


def test_a_pod_that_runs_is_well_and_a_run_that_runs_is_not_done():
    pod = Line("└──", "shop-1", "Pod", "Running", "1m", "")

    assert "✔ Running" in tree(100, (pod,))[-1]
    assert "◌ Running" in tree(100)[-1]


def test_nothing_in_a_picture_is_taken_for_markup():
    odd = Line("", "[bold]x[/bold]", "[red]", "[blue]odd", ":smile:", "\x1b[31m[/nonsense]")

    assert tree(100, (odd,))[-1].split() == [
        "[bold]x[/bold]", "[red]", "⚠", "[blue]odd", ":smile:", "\\x1b[31m[/nonsense]",
    ]  # fmt: skip
    assert drawn(listing(("A",), [("[bold]x",)]), 40)[-1] == "[bold]x"


def test_a_list_is_as_wide_as_it_is(capsys):
    long = "x" * 253

    put_list(("NAME", "STATUS"), [(long, "y" * 100)])

    assert capsys.readouterr().out == (f"{'NAME'.ljust(253)}   STATUS\n{long}   {'y' * 100}\n")
