"""`sharecast forecast`: one market, in this process or asked of a server."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from service.cli import options
from service.cli.connecting import check_here

if TYPE_CHECKING:
    from rich.console import Console

    from forecast.name_changes import NameChange
    from service.cli.answers import Answered


@click.command()
@options.market
@options.house
@options.as_of
@options.recorded_by
@options.name_changes
@options.question
@options.figures
@options.database
@options.result
@options.chart
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="TEXT",
    help="How probable is that? 'A overtakes B', 'A ahead of B', 'A leads', 'A > 40 %' (or >=, <, <=, passes, exceeds, "
    "reaches, falls below), 'A + B > 40 %', 'top 3 changes', 'HHI > 0.25'; then in, by or through a quarter: 2026Q4, "
    "Q4 2026, 4Q26, the end of 2026. Give it once for each. Programs get these rows, not the forecast's.",
)
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="TEXT",
    help="What if? 'A = 20 % in 2026Q4' (or through), 'A unchanged', 'A leaves from 2026Q2', 'a new provider takes 5 % "
    "from 2026Q2', or an event. Give it once for each; all hold together.",
)
@click.option(
    "--revenue",
    "revenue",
    is_flag=True,
    help="What each provider sells: shares times the market's total, forecast as well. Programs get these rows.",
)
@click.option(
    "--league",
    is_flag=True,
    help="Expected rank and probability of leading of each provider, and concentration (HHI). Programs get these rows.",
)
@options.sheet_options
@options.server("Ask this server.  [default: compute here]")
def forecast(
    market: str,
    house: str | None,
    as_of: date | None,
    recorded_by: datetime | None,
    horizon: int,
    levels: tuple[float, ...],
    model: str,
    seed: int,
    figures: Path | None,
    database: str | None,
    format_: str | None,
    output: Path | None,
    chart: Path | None,
    events: tuple[str, ...],
    conditions: tuple[str, ...],
    revenue: bool,
    league: bool,
    address: str | None,
    reading: options.SheetOptions,
    name_changes: "tuple[NameChange, ...]",
) -> None:
    """Forecast the shares of MARKET, or of a FILE of yours: a workbook or a text with a row or a column per vendor.

    One row per quarter ahead and provider: mean, median, and the bounds of an interval per level. The means of a
    quarter sum to one. With events, conditions, revenue or a league everything comes
    from 2,000 joint draws.
    """
    from service.answers import check_words
    from service.cli.output import Target, chart_format, tell
    from service.cli.pages import print_forecast
    from service.files import write_bytes

    check_here(address, figures=figures, database=database)
    target = Target.choose(format_, output)
    if bool(events) + revenue + league > 1 and target.kind is not None:
        raise click.UsageError("--event, --revenue and --league each have rows of their own for programs; give one.")
    drawn = None if chart is None else chart_format(chart)
    check_words(events, conditions)
    asked = (events, conditions, league, revenue)
    question = _Question(market, house, as_of, horizon, levels, model, seed, *asked, recorded_by, name_changes)
    if address is None:
        answered = _computed(question, figures, database, reading)
    else:
        answered = _asked(question, address, reading, include_history=target.kind is None or chart is not None)
    made = answered.forecast

    def page(console: "Console") -> None:
        print_forecast(console, made)
        answered.show(console)

    target.write(answered.rows(), page)
    if target.kind is not None:
        for warning in (*made.provenance.notes, *made.warnings, *answered.notes()):
            tell(f"note: {warning}")
    if chart is not None and drawn is not None:
        from forecast.charts import fan_chart

        write_bytes(fan_chart(made, format=drawn), chart)
        tell(f"chart: {chart}")


class _Question(NamedTuple):
    market: str
    house: str | None
    as_of: date | None
    horizon: int
    levels: tuple[float, ...]
    model: str
    seed: int
    events: tuple[str, ...]
    conditions: tuple[str, ...]
    league: bool
    revenue: bool
    recorded_by: datetime | None
    name_changes: "tuple[NameChange, ...]"


def _asked(question: _Question, address: str, reading: options.SheetOptions, *, include_history: bool) -> "Answered":
    from service.cli.answers import Answered
    from service.cli.connecting import connect
    from service.cli.opening import read_one_market
    from service.cli.output import tell
    from service.sheets import is_sheet_file

    if is_sheet_file(question.market):
        read, name = read_one_market(Path(question.market), reading)
        for note in read.notes_of(name):
            tell(f"note: {note}")
        with connect(address) as client:
            asked = question._replace(market=name)._asdict()
            return Answered.there(client.forecast(**asked, shares=read.shares.drop("market")))
    with connect(address) as client:
        return Answered.there(client.forecast(**question._asdict(), include_history=include_history))


def _computed(
    question: _Question, figures: Path | None, database: str | None, reading: options.SheetOptions
) -> "Answered":
    from forecast.forecasting import check_request, forecast_history
    from service.answers import check_asked
    from service.cli.answers import Answered
    from service.cli.opening import open_market

    check_request(horizon=question.horizon, levels=question.levels, model=question.model)  # before the history
    opened = open_market(
        question.market,
        reading,
        figures=figures,
        database=database,
        house=question.house,
        name_changes=question.name_changes,
    )
    catalog, market = opened.catalog, opened.market
    history = catalog.history(market, question.house or "", question.as_of, question.recorded_by, question.name_changes)
    history = replace(history, warnings=(*opened.notes, *history.warnings))
    check_asked(history, question.events, question.conditions, horizon=question.horizon)
    totals = None
    if question.revenue:
        from forecast.revenue import totals_of

        in_force = catalog.figures_in_force(market, question.as_of, question.recorded_by, question.name_changes)
        totals = totals_of(history, in_force)
    made = forecast_history(
        history,
        horizon=question.horizon,
        levels=question.levels,
        model=question.model,
        seed=question.seed,
        keep_draws=bool(question.events or question.conditions or question.revenue or question.league),
    )
    return Answered.here(made, question.events, question.conditions, league=question.league, totals=totals)
