"""Put pictures on the screen: colours on a terminal, plain aligned text in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollouts.cli.picture import Line, Picture, icon_of, style_of
from rollouts.cli.plain_text import visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
    from rich.table import Table
    from rich.text import Text

    from rollouts.cli.run_picture import MetricBlock, RunPicture

COLUMNS = ("NAME", "KIND", "STATUS", "AGE", "INFO")
SPARE_COLUMN = "KIND"
"""The column of the tree that is left out first where it is too wide: names tell as much."""

PIPE_COLUMNS = 2000
"""More than any line needs: messages have at most 1024 characters, names 253."""


def render(picture: Picture) -> Group:
    """Return a picture as something that rich can print."""
    from rich.console import Group

    facts = facts_table(picture.facts, style_of(picture.phase))
    return Group(facts, "", Tree(picture.lines))


def render_run(picture: RunPicture) -> Group:
    """Return the picture of a run as something that rich can print."""
    from rich.console import Group

    from rollouts.cli.run_picture import KIND

    parts: list[RenderableType] = [facts_table(picture.facts, style_of(picture.phase, KIND))]
    for block in picture.metrics:
        parts += ["", *_block(block)]
    return Group(*parts)


def _block(block: MetricBlock) -> Iterable[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    from rollouts.cli.run_picture import MEASUREMENT_COLUMNS

    icon = icon_of(block.status, "Metric")
    status = (f"{icon} {block.status}", style_of(block.status, "Metric"))
    yield Text.assemble((block.name, "bold"), "  ", status)
    yield Padding(facts_table(block.facts, ""), (0, 0, 0, 2))
    if block.rows:
        rows: list[tuple[str | Text, ...]] = [
            (measured, ago, status_text(phase, "Metric"), value, message)
            for measured, ago, phase, value, message in block.rows
        ]
        table = listing(MEASUREMENT_COLUMNS, rows, folded=MEASUREMENT_COLUMNS[-1])
        yield Padding(table, (0, 0, 0, 2))


def facts_table(facts: Sequence[tuple[str, str]], style: str) -> RenderableType:
    """Return the list of facts.

    Args:
        style: of the status among them.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        label = f"{name}:" if name else ""
        table.add_row(label, Text(visible(value), style=style if name == "Status" else ""))
    return table


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree with its columns; where they do not fit, one of them is left out."""

    lines: Sequence[Line]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.measure import Measurement

        whole = self.table(COLUMNS)
        wide = options.update(max_width=PIPE_COLUMNS)
        if Measurement.get(console, wide, whole).maximum <= options.max_width:
            yield whole
        else:
            yield self.table([each for each in COLUMNS if each != SPARE_COLUMN])

    def table(self, columns: Sequence[str]) -> Table:
        """Return the tree with some of its columns."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(column, no_wrap=column != "INFO", overflow="fold")
        for line in self.lines:
            cells = dict(zip(COLUMNS, _cells(line), strict=True))
            table.add_row(*(cells[column] for column in columns))
        return table


def _cells(line: Line) -> tuple[Text, ...]:
    """Return the cells of a line; texts, so that nothing in them is taken for markup."""
    from rich.text import Text

    name = visible(f"{line.branch} {line.name}") if line.branch else visible(line.name)
    return (
        Text(name, style="" if line.branch else "bold"),
        Text(line.kind),
        status_text(line.status, line.kind),
        Text(line.age),
        Text(visible(line.info)),
    )


def status_text(status: str, kind: str = "") -> Text:
    """Return a status with its sign, in its colour."""
    from rich.text import Text

    plain = visible(status)
    return Text(f"{icon_of(status, kind)} {plain}", style_of(status, kind)) if plain else Text()


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


def put_list(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table as kubectl does: as wide as it is, nothing of it cut off."""
    from rich.console import Console

    screen = Console(highlight=False, width=PIPE_COLUMNS)
    with screen.capture() as capture:
        screen.print(listing(columns, rows))
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def listing(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, folded: str = ""
) -> Table:
    """Return a plain table as kubectl prints them.

    Args:
        folded: the column that goes on below where it does not fit.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column != folded, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) if isinstance(cell, str) else cell for cell in row))
    return table
