"""`sharecast history`: what the figures of a market amount to."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options
from service.cli.connecting import check_here, check_market, connect

if TYPE_CHECKING:
    from forecast.name_changes import NameChange


@click.command()
@options.market
@options.house
@options.as_of
@options.recorded_by
@options.name_changes
@options.figures
@options.database
@options.result
@options.chart
@options.sheet_options
@options.server("Ask this server.  [default: compute here]")
def history(
    market: str,
    house: str | None,
    as_of: date | None,
    recorded_by: datetime | None,
    figures: Path | None,
    database: str | None,
    format_: str | None,
    output: Path | None,
    chart: Path | None,
    address: str | None,
    reading: options.SheetOptions,
    name_changes: "tuple[NameChange, ...]",
) -> None:
    """Rebuild the quarterly shares of MARKET from what was published, or show those of a FILE of yours.

    One row per quarter and provider: the share, its standard deviation, and how it is known (reported, combined,
    inferred or unknown).
    """
    from service.cli.opening import open_market
    from service.cli.output import Target, chart_format, tell
    from service.cli.pages import print_history
    from service.files import write_bytes

    check_here(address, figures=figures, database=database)
    target = Target.choose(format_, output)
    drawn = None if chart is None else chart_format(chart)
    if address is None:
        opened = open_market(
            market, reading, figures=figures, database=database, house=house, name_changes=name_changes
        )
        found = opened.catalog.history(opened.market, house or "", as_of, recorded_by, name_changes)
        found = replace(found, warnings=(*opened.notes, *found.warnings))
    else:
        check_market(market, reading)
        with connect(address) as client:
            found = client.get_history(
                market, house=house, as_of=as_of, recorded_by=recorded_by, name_changes=name_changes
            ).to_history()
    target.write(found.to_frame(), lambda console: print_history(console, found))
    if target.kind is not None:
        for warning in found.warnings:
            tell(f"note: {warning}")
    if chart is not None and drawn is not None:
        from forecast.charts import history_chart

        write_bytes(history_chart(found, format=drawn), chart)
        tell(f"chart: {chart}")
