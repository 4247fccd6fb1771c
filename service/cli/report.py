"""`sharecast report`: everything about one market on one page."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options
from service.cli.connecting import check_here, check_market, connect
from service.queries import DEFAULT_ORIGINS

if TYPE_CHECKING:
    from forecast.name_changes import NameChange


@click.command()
@options.market
@options.house
@options.as_of
@options.recorded_by
@options.name_changes
@click.option("--horizon", type=int, default=8, show_default=True, help="Quarters ahead, 1 to 40.")
@click.option(
    "--origins",
    type=int,
    default=DEFAULT_ORIGINS,
    show_default=True,
    help="Quarters that earlier forecasts are made from and scored: the latest ones after which something is known.",
)
@options.figures
@options.database
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="PATH", required=True, help="File to write, .html."
)
@options.sheet_options
@options.server("Ask this server.  [default: make it here]")
def report(
    market: str,
    house: str | None,
    as_of: date | None,
    recorded_by: datetime | None,
    name_changes: "tuple[NameChange, ...]",
    horizon: int,
    origins: int,
    figures: Path | None,
    database: str | None,
    output: Path,
    address: str | None,
    reading: options.SheetOptions,
) -> None:
    """Write a page about MARKET, or about a FILE of yours: one HTML file that loads nothing.

    The forecast as charts with providers to switch, a league table, probabilities of events, what providers sell, what
    changed since the quarter before and which figures did it, how good earlier forecasts were, and what is doubted.
    """
    from forecast.errors import InvalidArgument
    from forecast.report import make_report
    from service.cli.opening import open_market
    from service.cli.output import tell, waiting
    from service.files import check_writable, write_bytes

    if output.suffix.lower() not in (".html", ".htm"):
        raise InvalidArgument(str(output), output.suffix, "give a file that ends in .html", "does not end in .html")
    declared = name_changes or None
    check_here(address, figures=figures, database=database, recorded_by=recorded_by, renamed=declared)
    check_writable(output)
    if address is not None:
        check_market(market, reading)
        with connect(address) as client:
            page = client.render_report(market, house=house, as_of=as_of, horizon=horizon, origins=origins).encode()
        write_bytes(page, output)
        tell(f"report: {output.resolve()}")
        return
    opened = open_market(market, reading, figures=figures, database=database, house=house, name_changes=name_changes)
    catalog, market = opened.catalog, opened.market
    for note in opened.notes:
        tell(f"note: {note}")
    chosen = house or catalog.house_of(market)
    with waiting(f"forecasting {market} now and from {origins} earlier quarters, and leaving out what is new"):
        made = make_report(
            catalog.figures_in_force(market, as_of, recorded_by, name_changes),
            catalog.breaks(),
            market=market,
            house=chosen,
            as_of=as_of,
            horizon=horizon,
            origins=origins,
            name_changes=(*catalog.name_changes(market, recorded_by), *name_changes),
        )
        page = made.to_html()
    write_bytes(page, output)
    tell(f"report: {output.resolve()}")
