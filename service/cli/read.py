"""`sharecast read`: how a file of shares is understood, before anything is kept or forecast."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from forecast.shares import SharesTable
    from forecast.sheet import Sheet

SOME_REFUSED = 3
_MOST_ROWS = 8  # quarters of a market that are shown at either end
_MOST_PROVIDERS = 6  # columns of shares in one table


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.sheet_options
@options.result
@click.pass_context
def read(
    ctx: click.Context, file: Path, reading: options.SheetOptions, format_: str | None, output: Path | None
) -> None:
    """Show how FILE is understood: its layout, markets, quarters and unit, what was assumed, and what is unfit.

    For example: sharecast read phones.xlsx

    FILE is a workbook (.xlsx, .xls, .ods), a text (.csv, .tsv, .txt) or a table in Parquet, Arrow or JSON, with a row
    per quarter and vendor, a column per vendor, or a column per quarter. Nothing is kept. For programs (--format csv
    and the like) the rows are market, period, provider, share, decimals. Exit status: 0 all fit, 3 some market is
    refused, 2 the file is not understood.
    """
    from forecast.brought import made_fit
    from service.cli.output import Target, tell
    from service.sheets import read_sheet, tidy_file

    target = Target.choose(format_, output)
    tidy = tidy_file(file, options=reading.reading(), sheet=reading.sheet, dated=True)
    found = made_fit(tidy, dated=True)
    understood = None
    if target.kind is None:
        understood = read_sheet(file, options=reading.reading(), sheet=reading.sheet)
    target.write(
        found.shares.select("market", "period", "provider", "share", "decimals"),
        lambda console: _show(console, file, found, understood),
    )
    if target.kind is not None:
        for market, note in found.notes.iter_rows():
            tell(f"note: {market}: {note}" if market else f"note: {note}")
        for market, _, message in found.refused.iter_rows():
            tell(f"refused: {market}: {message}")
    if found.refused.height:
        ctx.exit(SOME_REFUSED)


def _show(console: "Console", file: Path, found: "SharesTable", sheet: "Sheet | None") -> None:
    import polars as pl

    if sheet is not None:
        console.print(f"{file}: {sheet.layout}; numbers are {sheet.unit}", markup=False)
    for market in found.shares["market"].unique(maintain_order=True).to_list()[:3]:
        _show_market(console, market, found.shares.filter(pl.col("market") == market))
    several = found.shares["market"].n_unique() + found.refused.height > 1
    if (count := found.shares["market"].n_unique()) > 3:
        console.print(f"and {count - 3} more markets")
    for market, note in found.notes.iter_rows():
        console.print(f"note: {market}: {note}" if market and several else f"note: {note}", markup=False)
    for market, _, message in found.refused.iter_rows():
        console.print(f"refused: {market or '(no market)'}: {message}", markup=False)


def _show_market(console: "Console", market: str, rows: "pl.DataFrame") -> None:
    from rich.table import Table
    from rich.text import Text

    providers = rows["provider"].unique(maintain_order=True).to_list()
    periods = rows["period"].unique().sort().to_list()
    shares = {(period, name): share for period, name, share in rows.select("period", "provider", "share").iter_rows()}
    console.print(
        f"\nmarket {market}: {len(periods)} quarters from {periods[0]} to {periods[-1]}, {len(providers)} providers",
        markup=False,
    )
    shown = providers[:_MOST_PROVIDERS]
    table = Table(box=None, pad_edge=False)
    table.add_column("quarter")
    for name in shown:
        table.add_column(Text(name), justify="right", overflow="ellipsis", max_width=14)
    cut = len(periods) > 2 * _MOST_ROWS
    for period in [*periods[:_MOST_ROWS], None, *periods[-_MOST_ROWS:]] if cut else periods:
        cells = [
            "…" if period is None else "-" if (share := shares.get((period, name))) is None else f"{100 * share:.2f} %"
            for name in shown
        ]
        table.add_row(period or "…", *cells)
    console.print(table)
    if len(providers) > len(shown):
        console.print(f"and {', '.join(providers[len(shown) :])}", markup=False)
