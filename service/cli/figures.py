"""`sharecast figures`: what was published, what contradicts it, what was restated later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options
from service.cli.connecting import check_here

if TYPE_CHECKING:
    import polars as pl

    from forecast.results import Doubt
    from service.queries import FiguresQuery


@click.command()
@click.argument("market", required=False)
@click.option("--house", help="Only figures of this research house's series.")
@click.option("--quarter", metavar="QUARTER", help="Only figures of this quarter, such as 2020Q3.")
@click.option("--provider", metavar="NAME", help="Only figures that speak of this provider, alone or in a sum.")
@options.as_of
@click.option("--conflicts", is_flag=True, help="Only what cannot all be right, and slips beside what they should be.")
@click.option("--restatements", is_flag=True, help="What was said, and what was said in its place later.")
@options.figures
@options.database
@options.result
@options.server("Ask this server.  [default: look here]")
def figures(
    market: str | None,
    house: str | None,
    quarter: str | None,
    provider: str | None,
    as_of: date | None,
    conflicts: bool,
    restatements: bool,
    figures: Path | None,
    database: str | None,
    format_: str | None,
    output: Path | None,
    address: str | None,
) -> None:
    """List the published figures, of MARKET or of every market.

    One row per statement, with the earliest page that makes it and how many do. A statement is marked as a conflict
    where something else was said of the same at about the same time that cannot be right beside it, and as a slip where
    it is known to be an error of the page. On a terminal --conflicts also tells which figures count less than they say
    when the history is rebuilt, and why.
    """
    from forecast.listing import doubtful_figures
    from forecast.listing import restatements as restated_figures
    from forecast.quarter import Quarter
    from service.cli.figures_page import print_doubts, print_figures, print_restatements
    from service.cli.output import Target
    from service.queries import FiguresQuery

    if conflicts and restatements:
        raise click.UsageError("--conflicts and --restatements are two lists; ask for one of them.")
    check_here(address, figures=figures, database=database)
    target = Target.choose(format_, output)
    query = FiguresQuery(
        market=market,
        house=house,
        quarter=None if quarter is None else Quarter.parse(quarter, "quarter"),
        provider=provider,
        as_of=as_of,
    )
    with _here(figures, database) if address is None else _at(address) as (find, of_history):
        found = find(query)
        doubts = _doubts(found, of_history, as_of) if conflicts and target.kind is None else {}
    if restatements:
        changes = restated_figures(found)
        target.write(changes, lambda console: print_restatements(console, changes, as_of=as_of))
    elif conflicts:
        doubtful = doubtful_figures(found)
        target.write(doubtful, lambda console: print_doubts(console, doubtful, doubts, as_of=as_of))
    else:
        target.write(found, lambda console: print_figures(console, found, as_of=as_of))


Ask = tuple[Callable[["FiguresQuery"], "pl.DataFrame"], Callable[[str, str, "date | None"], "tuple[Doubt, ...]"]]
"""How to get figures, and the doubts of a history of a market and house as of a day."""


@contextmanager
def _here(figures: Path | None, database: str | None) -> "Iterator[Ask]":
    from service.cli.opening import open_catalog
    from service.listing import find_figures

    catalog = open_catalog(figures, database)
    yield (
        lambda query: find_figures(catalog, query),
        lambda market, house, as_of: catalog.history(market, house, as_of).doubts,
    )


@contextmanager
def _at(address: str) -> "Iterator[Ask]":
    from service.cli.connecting import connect

    with connect(address) as client:
        yield (
            lambda query: client.list_figures(
                market=query.market,
                house=query.house,
                quarter=query.quarter,
                provider=query.provider,
                as_of=query.as_of,
            ).to_polars(),
            lambda market, house, as_of: client.get_history(market, house=house, as_of=as_of).to_history().doubts,
        )


def _doubts(
    found: "pl.DataFrame", of_history: "Callable[[str, str, date | None], tuple[Doubt, ...]]", as_of: date | None
) -> dict[tuple[str, str], tuple[str, ...]]:
    """What the histories of each market and house make of these figures, in words."""
    from forecast.errors import NotEnoughData

    doubts = {}
    for (market, house), figures in found.group_by("market", "house", maintain_order=True):
        listed = set(figures["figure_id"])
        try:
            of_series = of_history(str(market), str(house), as_of)
        except NotEnoughData:  # growth or amounts alone make no history
            continue
        doubts[str(market), str(house)] = tuple(str(d) for d in of_series if listed & set(d.figure_ids))
    return doubts
