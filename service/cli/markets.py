"""`sharecast markets`: what there are figures of."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options
from service.cli.connecting import check_here, connect

if TYPE_CHECKING:
    from forecast.figures import MarketInfo


@click.command()
@options.figures
@options.database
@options.result
@options.server("Ask this server.  [default: look here]")
def markets(
    figures: Path | None, database: str | None, format_: str | None, output: Path | None, address: str | None
) -> None:
    """List the markets, the research houses that measure them, and the quarters they cover."""
    import polars as pl

    from service.cli.opening import open_catalog
    from service.cli.output import Target
    from service.cli.pages import print_markets

    check_here(address, figures=figures, database=database)
    target = Target.choose(format_, output)
    found = open_catalog(figures, database).markets() if address is None else _markets_at(address)
    rows = [
        {
            "market": info.market,
            "house": house.name,
            "first": None if house.first is None else str(house.first),
            "last": None if house.last is None else str(house.last),
            "figures": house.figures,
            "newest": max(house.vintages, default=None),
            "providers": "|".join(house.providers),  # as the figures table joins them
        }
        for info in found
        for house in info.houses
    ]
    types = {"figures": pl.Int64, "newest": pl.Date}
    names = ("market", "house", "first", "last", "figures", "newest", "providers")
    table = pl.DataFrame(rows, schema={name: types.get(name, pl.String) for name in names})
    target.write(table, lambda console: print_markets(console, found))


def _markets_at(address: str) -> "tuple[MarketInfo, ...]":
    from forecast.figures import HouseInfo, MarketInfo

    with connect(address) as client:
        found = client.list_markets()
    return tuple(
        MarketInfo(
            each.market,
            tuple(
                HouseInfo(house.house, house.providers, house.first, house.last, house.figures_count, house.vintages)
                for house in each.houses
            ),
        )
        for each in found
    )
