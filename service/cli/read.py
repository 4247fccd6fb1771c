"""`sharecast read`: what is understood of a user's own table, before anything is kept."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options

if TYPE_CHECKING:
    from forecast.sheet import Reading

REFUSED = 3  # exit status where a market has unfit cells


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.reading
@options.result
@click.pass_context
def read(
    ctx: click.Context, file: Path, sheet: str | None, reading: "Reading", format_: str | None, output: Path | None
) -> None:
    """Show what is understood of FILE, a table of shares or amounts, and keep nothing.

    FILE is a workbook (.xlsx, .xlsm, .xls, .ods), text (.csv, .tsv, .txt) or a table of a program (.parquet, .json,
    .arrow). It may have a row per quarter and vendor, a column per vendor, or a column per quarter; titles, remarks
    and empty rows do no harm. Nothing is guessed: where two readings are possible both are shown, with the option
    that decides.

    Exit status: 0 all is fit, 3 some market has unfit cells, 2 the table is not understood.
    """
    from service.cli.output import Target, tell
    from service.cli.read_page import print_sheet
    from service.sheets import read_sheet

    target = Target.choose(format_, output)
    found = read_sheet(file, sheet=sheet, options=reading)
    if target.kind is not None:
        for note in found.notes:
            tell(f"note: {note}")
        for market, sentences in found.refused.items():
            for sentence in sentences:
                tell(f"refused: {market}: {sentence}" if market else f"refused: {sentence}")
    target.write(found.frame, lambda console: print_sheet(console, found))
    ctx.exit(REFUSED if found.faults else 0)
