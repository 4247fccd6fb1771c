"""`sharecast import`: a user's own figures or shares into the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from service.cli import options
from service.queries import OWN_HOUSE

if TYPE_CHECKING:
    from forecast.name_changes import NameChange


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@options.database
@click.option("--house", help="Whose the shares are; figures name their houses themselves.  [default: own]")
@click.option(
    "--kind",
    type=click.Choice(("auto", "figures", "shares", "names")),
    default="auto",
    show_default=True,
    help="Of the table; auto tells by its columns.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="These shares are complete: earlier shares of the house in the markets of FILE stop counting.",
)
@options.name_changes
@click.option("--validate-only", is_flag=True, help="Check, count and show what would change; keep nothing.")
@click.option(
    "--request-id",
    default="",
    metavar="ID",
    help="Name this import: given again with the same file it is not repeated.",
)
@options.sheet_options
@options.server("Import into the database of this server.  [default: do it here]")
def import_(
    file: Path,
    database: str | None,
    house: str | None,
    kind: str,
    replace: bool,
    validate_only: bool,
    request_id: str,
    address: str | None,
    reading: options.SheetOptions,
    name_changes: "tuple[NameChange, ...]",
) -> None:
    """Keep the figures, shares or changed names of FILE beside the shipped ones, all of it or nothing.

    For example: sharecast import phones.xlsx --validate-only

    FILE is a workbook, a text (.csv, .tsv, .txt) or a table in Parquet, Arrow or JSON.

    Shares have a row per market, period and provider, with the columns market, period (2020Q3), provider, and share (a
    fraction) or value (an amount); optionally decimals, of the percentage as published, and published_at (2020-11-02).
    Or they are as analysts have them, a row or a column per vendor: `sharecast read FILE` shows how that is understood.

    Figures have a row per statement of a page, with the columns market, research_house, period (a quarter, or a year),
    providers (names joined by |, TOTAL, or Others), measure (share, yoy_growth, spend_usd_bn, units_mn or amount),
    value, qualifier (exact, about, more_than or less_than) and decimals; optionally unit, stated_as, publisher,
    published, source_title, source_url and note.

    Changes of providers' names have a row each, with the columns market, provider, into (the new name, or whom it is
    part of), kind (renamed or merged) and period (the first quarter; may be empty for renamed); optionally house and
    published_at (else today). With figures or shares, --renamed and --merged are kept for the markets of FILE.

    The imported markets are there for every command, and what was imported is never changed: a share imported again
    with another value is a restatement, and --as-of an earlier day still shows the earlier one. Where an earlier import
    was wrong, --replace puts this one in its place, and `sharecast withdraw` ends single imports, names or quarters;
    --recorded-by an earlier moment still shows what the database held then.

    Without --database and SHARECAST_DATABASE they go into sharecast/sharecast.db in the folder for your data
    (XDG_DATA_HOME, else ~/.local/share), which is made when it is first needed.
    """
    from service.cli.changes import tell_changes
    from service.cli.output import say, tell, waiting
    from service.sheets import kind_of_file, tidy_file
    from service.tables import read_table

    if address is not None and database is not None:
        raise click.UsageError("--database is for this machine, and a server at --address has its own; give one.")
    found = kind
    if kind == "auto":
        found = kind_of_file(file)
    with waiting(f"reading {file}"):
        table = (
            tidy_file(file, options=reading.reading(), sheet=reading.sheet, dated=True)
            if found == "shares"
            else read_table(file)
        )
    if replace and found != "shares":
        raise click.UsageError("--replace goes with shares; for figures that are wrong there is `sharecast withdraw`.")
    if house is not None and found == "figures":
        raise click.UsageError("--house goes with shares; figures name their houses in the column research_house.")
    if house is not None and found == "names":
        raise click.UsageError("--house goes with shares; changes of names may name a house in the column house.")
    wanted = cast('Literal["figures", "shares", "names"]', found)
    if address is None:
        from service.catalog import Catalog
        from service.cli.opening import open_for_import

        store = open_for_import(database)
        place = store.place
        with waiting(f"checking {file} and keeping it, all of it or nothing"):
            report = Catalog.shipped(store).import_table(
                table,
                kind=wanted,
                house=OWN_HOUSE if house is None else house,
                request_id=request_id,
                validate_only=validate_only,
                name=str(file),
                replace=replace,
                name_changes=name_changes,
            )
    else:
        import polars as pl

        from service.cli.connecting import connect
        from service.sheets import rows_of

        place = f"the database of {address}"
        with connect(address) as client:
            report = client.import_figures(
                table if isinstance(table, pl.DataFrame) else rows_of(table),
                kind=wanted,
                house=house or "",
                request_id=request_id,
                validate_only=validate_only,
                replace=replace,
                name_changes=name_changes,
            )
    for warning in report.warnings:
        tell(f"note: {warning}")
    counts = f"{report.rows} row(s) of {report.kind}, {report.added} new, {report.known} known already"
    say(f"{file}: {counts}; {_markets(report.markets)}")
    if report.restated:
        say(f"{report.restated} restated")
    if report.superseded:
        say(f"{report.superseded} of earlier imports superseded, as this one leaves them out")
    if report.name_changes and found != "names":
        say(f"{report.name_changes} change(s) of names")
    tell_changes(report.changes, report.restated + report.superseded)
    say("nothing was kept, as asked" if validate_only else f"kept in {place} as import {report.import_id}")


def _markets(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"market{'s' if len(names) > 1 else ''} {', '.join(names[:5])}{more}"
