"""`sharecast diff`: what changed in a forecast between two days, and which figures changed it."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options
from service.cli.connecting import check_here, connect
from service.queries import DEFAULT_HORIZON, DEFAULT_MODEL

if TYPE_CHECKING:
    from forecast.name_changes import NameChange

ROWS = ("forecast", "figures")


@click.command()
@options.market
@click.option("--from", "earlier", callback=options.day, metavar="DATE", required=True, help="The first day.")
@click.option("--to", "later", callback=options.day, metavar="DATE", required=True, help="The second day.")
@options.recorded_by
@options.name_changes
@options.house
@click.option(
    "--horizon",
    type=int,
    default=DEFAULT_HORIZON,
    show_default=True,
    help="Quarters ahead of the newest quarter known on the second day, 1 to 40.",
)
@click.option(
    "--level",
    "levels",
    type=float,
    multiple=True,
    default=(0.8,),
    show_default=True,
    help="Level of a prediction interval, between 0 and 1; give it once for each.",
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME", help="Model of the forecasts.")
@options.seed
@click.option(
    "--rows",
    type=click.Choice(ROWS),
    default=ROWS[0],
    show_default=True,
    help="What json, csv and parquet hold: the two forecasts, or the new figures and their effects.",
)
@options.figures
@options.database
@options.result
@options.server("Ask this server.  [default: compute here]")
def diff(
    market: str,
    earlier: date,
    later: date,
    recorded_by: datetime | None,
    name_changes: "tuple[NameChange, ...]",
    house: str | None,
    horizon: int,
    levels: tuple[float, ...],
    model: str,
    seed: int,
    rows: str,
    figures: Path | None,
    database: str | None,
    format_: str | None,
    output: Path | None,
    address: str | None,
) -> None:
    """Compare the forecasts of MARKET as made on two days, and say which new figures changed them.

    The effect of a figure is found by forecasting without it. Effects do not add up: of two figures that say the same
    in other words, neither is missed.
    """
    from forecast.diff import forecast_changes
    from service.batch.progress import Progress
    from service.cli.diff_page import print_diff
    from service.cli.opening import open_catalog
    from service.cli.output import Target

    declared = name_changes or None
    check_here(address, figures=figures, database=database, recorded_by=recorded_by, renamed=declared)
    target = Target.choose(format_, output)
    if address is not None:
        with connect(address) as client:
            found = client.diff_forecasts(
                market,
                earlier=earlier,
                later=later,
                house=house,
                horizon=horizon,
                levels=levels,
                model=model,
                seed=seed,
            )
        table = found.to_frame() if rows == ROWS[0] else found.statements_frame()
        target.write(table, lambda console: print_diff(console, found))
        return
    catalog = open_catalog(figures, database)
    progress = Progress(sys.stderr, of="new statements")
    try:
        found = forecast_changes(
            catalog.figures_in_force(market, later, recorded_by, name_changes),
            catalog.breaks(),
            market=market,
            house=house or catalog.house_of(market),
            earlier=earlier,
            later=later,
            horizon=horizon,
            levels=levels,
            model=model,
            seed=seed,
            name_changes=(*catalog.name_changes(market, recorded_by), *name_changes),
            figures_before=catalog.figures_in_force(market, earlier, recorded_by, name_changes),
            on_step=lambda done, total: progress(done, None, total),
        )
    finally:
        progress.close()
    table = found.to_frame() if rows == ROWS[0] else found.statements_frame()
    target.write(table, lambda console: print_diff(console, found))
