"""Published figures as a person reads them in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from forecast.wording import value_text, whom

_ARROW = "\N{RIGHTWARDS ARROW}"
_WIDE = 110  # columns of a terminal with room for publishers beside restatements
_SERIES = ("market", "house")
_CELL = (*_SERIES, "period", "measure", "providers")
_MARK_STYLES = {"conflict": "yellow", "slip": "red"}


def print_figures(console: Console, figures: pl.DataFrame, *, as_of: date | None) -> None:
    """Print figures: a table per market and house, a row per statement."""
    for series in _series(console, figures, "figure", as_of):
        marked = series.filter(pl.col("mark") != "ok").height > 0
        table = _table("period", "of whom", "what", "published", "by", *(("mark",) if marked else ()))
        for row in series.iter_rows(named=True):
            style = _MARK_STYLES.get(row["mark"], "")
            mark = (Text("" if row["mark"] == "ok" else row["mark"]),) if marked else ()
            whose, what = Text(whom(row["providers"])), Text(row_value(row), style=style)
            table.add_row(Text(row["period"]), whose, what, Text(_day(row)), Text(_by(row)), *mark, style=style)
        console.print(table)
    _print_foot(console, figures)


def print_doubts(
    console: Console,
    figures: pl.DataFrame,
    doubts: Mapping[tuple[str, str], Sequence[str]],
    *,
    as_of: date | None,
) -> None:
    """Print the cells that something contradicts: each with every statement made of it.

    Args:
        console: Where to.
        figures: Those of such cells.
        doubts: By market and house, what a history made of the figures counts less, in words.
        as_of: The day they are known on.
    """
    nothing = "nothing contradicts anything" if not any(doubts.values()) else ""
    for series in _series(console, figures, "statement", as_of, nothing=nothing):
        for cell in series.partition_by(_CELL, maintain_order=True):
            first = cell.row(0, named=True)
            console.print(Text(f"{first['period']} {whom(first['providers'])}: {_measure(first['measure'])}"))
            table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1), show_edge=False)
            for justify in ("left", "right", "left", "left", "left"):
                table.add_column(justify=justify, no_wrap=justify == "right", overflow="fold")
            for row in cell.iter_rows(named=True):
                style = _MARK_STYLES.get(row["mark"], "")
                mark = Text("" if row["mark"] == "ok" else row["mark"], style=style)
                table.add_row("  ", Text(row_value(row), style=style), mark, Text(_day(row)), Text(_by(row)))
            console.print(table)
            for note in cell["note"].drop_nulls().unique(maintain_order=True):
                console.print(Text(f"    note: {note}", style="dim"))
        console.print()
    for (market, house), told in doubts.items():
        if told:
            heading = Text(market, style="bold").append(f", {house}: how the history takes it", "not bold")
            console.print(heading)
            for doubt in told:
                console.print(Text(f"  {doubt}"))
            console.print()
    _print_foot(console, figures)


def print_restatements(console: Console, changes: pl.DataFrame, *, as_of: date | None) -> None:
    """Print restatements: what was said and what was said later, and when."""
    wide = console.width >= _WIDE
    for series in _series(console, changes, "restatement", as_of, nothing="nothing was restated"):
        table = _table("period", "of whom", "what", "published", *(("by",) if wide else ()))
        for row in series.iter_rows(named=True):
            old, new = ({name[4:]: row[name] for name in row if name[:4] == when} for when in ("old_", "new_"))
            values = " ".join((row_value({**row, **old}), _ARROW, row_value({**row, **new})))
            days = f"{old['published_at']} {_ARROW} {new['published_at']}"
            publishers = (Text(f"{old['publisher'] or '?'} {_ARROW} {new['publisher'] or '?'}"),) if wide else ()
            table.add_row(Text(row["period"]), Text(whom(row["providers"])), Text(values), Text(days), *publishers)
        console.print(table)
        console.print()


def row_value(row: Mapping[str, Any], /) -> str:
    """What a row of figures says, as printed; see `value_text`."""
    return value_text(row["value"], row["measure"], row["unit"], row["qualifier"], row["decimals"])


def _series(
    console: Console, rows: pl.DataFrame, of: str, as_of: date | None, nothing: str = "nothing was published"
) -> Iterator[pl.DataFrame]:
    """The rows of each market and house, after a heading."""
    known = f", as known on {as_of}" if as_of is not None else ""
    if rows.is_empty() and nothing:
        console.print(f"{nothing}{known}", markup=False)
    for series in rows.partition_by(_SERIES, maintain_order=True):
        market, house = series["market"][0], series["house"][0]
        plural = "" if series.height == 1 else "s"
        heading = Text(market, style="bold").append(f", {house}: {series.height:,} {of}{plural}{known}", "not bold")
        console.print(heading)
        yield series


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        folds = name in {"of whom", "by"}
        table.add_column(name, justify="right" if name == "what" else "left", no_wrap=not folds, overflow="fold")
    return table


def _measure(measure: str) -> str:
    return {
        "share": "share",
        "yoy_growth": "growth in a year",
        "spend_usd_bn": "spend",
        "units_mn": "units",
        "amount": "amount",
    }.get(measure, measure)


def _day(row: Mapping[str, Any]) -> str:
    return f"{'~' if row['published_inferred'] else ''}{row['published_at']}"


def _by(row: Mapping[str, Any]) -> str:
    more = f" and {row['pages'] - 1} more" if row["pages"] > 1 else ""
    return f"{row['publisher'] or 'unnamed'}{more}"


def _print_foot(console: Console, figures: pl.DataFrame) -> None:
    if figures.filter("published_inferred").height:
        console.print("~ no day is printed on the page: inferred from others.", style="dim")
