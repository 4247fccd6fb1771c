"""`sharecast markets`: what there are figures of."""

from pathlib import Path

import click

from service.cli import options


@click.command()
@options.figures
@options.database
@options.result
def markets(figures: Path | None, database: str | None, format_: str | None, output: Path | None) -> None:
    """List the markets, the research houses that measure them, and the quarters they cover."""
    import polars as pl

    from service.cli.opening import open_catalog
    from service.cli.output import Target
    from service.cli.pages import print_markets

    target = Target.choose(format_, output)
    found = open_catalog(figures, database).markets()
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
