"""A sheet as it was understood, for a person: what it is, what was assumed, what is unfit, and its numbers."""

from collections.abc import Sequence
from itertools import islice

import polars as pl
from rich.console import Console
from rich.text import Text

from forecast.cells import printable
from forecast.sheet import Sheet
from service.cli.pages import _print_grid as print_grid

_SHOWN = 4  # first and last quarters of a long table
_MARKETS = 5  # whose numbers are shown
_SIGNS = {"less_than": "<", "more_than": ">", "about": "~"}
_DASH = "\N{EN DASH}"


def print_sheet(console: Console, sheet: Sheet) -> None:
    """Print what was understood of a sheet, in 80 columns."""
    frame = sheet.frame
    periods = frame["period"].drop_nulls().unique().sort()
    providers = frame["provider"].unique(maintain_order=True).to_list()
    markets = sheet.markets
    span = f"{periods[0]} to {periods[-1]}, {len(periods)} of them" if len(periods) else "none"
    for name, text in (
        ("file", sheet.name),
        ("layout", sheet.layout),
        ("market" if len(markets) == 1 else f"{len(markets)} markets", _names(markets)),
        ("quarters", span),
        (f"{len(providers)} providers", _names(providers)),
        (
            "numbers",
            {"fractions": "shares, as fractions of 1", "per cent": "shares, in per cent"}.get(sheet.unit, sheet.unit),
        ),
    ):
        _print(console, f"{name + ':':<14}", text)
    for note in sheet.notes:
        _print(console, "note: ", note, style="dim")
    for market, sentences in sheet.refused.items():
        for sentence in sentences:
            _print(console, f"refused{f', {printable(market)}' if market else ''}: ", sentence, style="bold")
    for market in islice(markets, _MARKETS):
        _print_market(console, sheet, market)
    if len(markets) > _MARKETS:
        console.print(f"and {len(markets) - _MARKETS} more markets; --format csv has all of them", style="dim")


def _print(console: Console, head: str, text: str, style: str = "") -> None:
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    console.print(Text(head + safe, style=style), soft_wrap=False)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _print_market(console: Console, sheet: Sheet, market: str) -> None:
    rows = sheet.frame.filter(pl.col("market") == market, pl.col("period").is_not_null())
    periods = rows["period"].unique().sort().to_list()
    providers = rows["provider"].unique(maintain_order=True).to_list()
    digits = _digits(rows, sheet)
    cells = {
        (period, provider): _cell(number, qualifier, sheet, digits)
        for period, provider, number, qualifier in rows.select(
            "period", "provider", sheet.measure, "qualifier"
        ).iter_rows()
    }
    hidden = len(periods) - 2 * _SHOWN
    shown = periods if hidden <= 1 else [*periods[:_SHOWN], None, *periods[-_SHOWN:]]
    labels = [Text("..." if period is None else period) for period in shown]
    grid = [
        [Text("" if period is None else cells.get((period, name), _DASH)) for name in providers] for period in shown
    ]
    if len(sheet.markets) > 1:
        console.print()
        _print(console, "market ", market, style="bold")
    if not providers:
        return
    print_grid(console, labels, [printable(name) or "(no name)" for name in providers], grid)
    what = "Shares in per cent" if sheet.measure == "share" else "Amounts"
    more = f"; {hidden} quarters in between are not shown" if hidden > 1 else ""
    console.print(f"{what}; {_DASH}: not reported or unfit{more}.", style="dim")


def _digits(rows: pl.DataFrame, sheet: Sheet) -> int:
    """Decimals that show the numbers as the sheet has them, three at most."""
    scale = 100 if sheet.measure == "share" else 1
    numbers = (rows[sheet.measure].drop_nulls() * scale).to_list()
    return next((n for n in range(3) if all(abs(x - round(x, n)) < 1e-9 * max(1.0, abs(x)) for x in numbers)), 3)


def _cell(number: float | None, qualifier: str | None, sheet: Sheet, digits: int) -> str:
    if number is None:
        return _DASH
    text = f"{100 * number:.{digits}f}" if sheet.measure == "share" else f"{number:,.{digits}f}"
    return _SIGNS.get(qualifier or "", "") + text
