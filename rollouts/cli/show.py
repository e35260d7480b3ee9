"""Put pictures on the screen: colours on a terminal, plain aligned text in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rollouts.cli.tree import ICONS, STYLES, Line, Picture

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table

COLUMNS = ("NAME", "KIND", "STATUS", "AGE", "INFO")
PIPE_COLUMNS = 1000
"""More than any line needs: names have at most 253 characters."""


def render(picture: Picture) -> Group:
    """Return a picture as something that rich can print."""
    from rich.console import Group

    return Group(facts_table(picture.facts, picture.phase), "", tree_table(picture.lines))


def facts_table(facts: Sequence[tuple[str, str]], phase: str) -> RenderableType:
    """Return the list of facts."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        style = STYLES.get(phase, "") if name == "Status" else ""
        table.add_row(f"{name}:" if name else "", Text(value, style=style))
    return table


def tree_table(lines: Sequence[Line]) -> RenderableType:
    """Return the tree with its columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in COLUMNS:
        table.add_column(column, no_wrap=column != "INFO", overflow="fold")
    for line in lines:
        status = f"{ICONS.get(line.status, '⚠')} {line.status}" if line.status else ""
        is_odd = bool(line.status) and line.status not in STYLES
        style = "red" if is_odd else STYLES.get(line.status, "")
        name = Text(
            f"{line.branch} {line.name}" if line.branch else line.name,
            style="bold" if not line.branch else "",
        )
        table.add_row(name, line.kind, Text(status, style=style), line.age, line.info)
    return table


def console() -> Console:
    """Return the console for standard output; in a pipe it is as wide as the text needs."""
    from rich.console import Console

    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=PIPE_COLUMNS)


def put(renderable: RenderableType) -> None:
    """Print once; in a pipe without the padding that only fills a terminal's columns."""
    screen = console()
    if screen.is_terminal:
        screen.print(renderable)
        return
    with screen.capture() as capture:
        screen.print(renderable)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def listing(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a plain table as kubectl prints them."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
