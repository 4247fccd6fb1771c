"""`sharecast backtest`: how good forecasts of a market, or of every market of a file, have been."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli import options
from service.cli.connecting import check_here, connect
from service.queries import (
    DEFAULT_BACKTEST_LEVELS,
    DEFAULT_BACKTEST_MODELS,
    DEFAULT_HORIZON,
    DEFAULT_ORIGINS,
    BacktestQuery,
)

if TYPE_CHECKING:
    from forecast.scorecard import Backtest, BacktestProgress


def _models(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(","))


@click.command()
@click.argument("source", metavar="MARKET|FILE")
@options.house
@click.option(
    "--origins",
    type=int,
    default=DEFAULT_ORIGINS,
    show_default=True,
    help="Quarters to forecast from, of each market: the latest ones after which something is known.",
)
@click.option("--horizon", type=int, default=DEFAULT_HORIZON, show_default=True, help="Quarters ahead, 1 to 40.")
@click.option(
    "--level",
    "levels",
    type=float,
    multiple=True,
    default=DEFAULT_BACKTEST_LEVELS,
    show_default=True,
    help="Level of a prediction interval, between 0 and 1; give it once for each.",
)
@click.option(
    "--models",
    callback=_models,
    default=",".join(DEFAULT_BACKTEST_MODELS),
    show_default=True,
    metavar="NAME,...",
    help="Models to compare. Skill is measured against naive.",
)
@click.option(
    "--seed", type=click.IntRange(0, options.LARGEST_SEED), default=0, show_default=True, help="Of the draws."
)
@options.figures
@options.database
@options.result
@options.chart
@options.sheet_options
@options.server("Ask this server.  [default: compute here]")
def backtest(
    source: str,
    house: str | None,
    origins: int,
    horizon: int,
    levels: tuple[float, ...],
    models: tuple[str, ...],
    seed: int,
    figures: Path | None,
    database: str | None,
    format_: str | None,
    output: Path | None,
    chart: Path | None,
    address: str | None,
    reading: options.SheetOptions,
) -> None:
    """Score forecasts of a MARKET at rolling origins, each made from what was known on its day.

    FILE is a table of shares, of one or many markets, as `sharecast batch` takes it, told by its ending; it is cut
    after each origin.

    One row per score: market (empty: all together), model, measure, level, horizon (empty: all), value, count.
    """
    from service.cli.backtest_page import print_backtest
    from service.cli.output import Target, chart_format, tell
    from service.files import write_bytes

    check_here(address, figures=figures, database=database)
    target = Target.choose(format_, output)
    drawn = None if chart is None else chart_format(chart)
    query = BacktestQuery(
        market=source,
        house=house or "",
        origins=origins,
        horizon=horizon,
        levels=levels,
        models=models,
        seed=seed,
    )
    steps = _steps(query, house, figures, database, reading) if address is None else _steps_at(address, query, reading)
    found = _watched(steps)
    target.write(found.to_frame(), lambda console: print_backtest(console, found))
    if target.kind is not None:
        for skipped in found.skipped:
            tell(f"note: left out: {skipped}")
        for note in found.notes:
            tell(f"note: {note}")
    if chart is not None and drawn is not None:
        from forecast.charts import calibration_chart

        write_bytes(calibration_chart(found, format=drawn), chart)
        tell(f"chart: {chart}")


def _steps(
    query: BacktestQuery, house: str | None, figures: Path | None, database: str | None, reading: options.SheetOptions
) -> "Iterator[BacktestProgress | Backtest]":
    from service.sheets import is_sheet_file, read_shares_file

    path = Path(query.market)
    if not is_sheet_file(query.market):
        if reading.given:
            raise click.UsageError(f"--sheet, --measure and the like go with a FILE; {query.market} is a market.")
        from service.cli.opening import open_catalog

        return open_catalog(figures, database).backtest(query)
    for option, given in (("--house", house), ("--figures", figures), ("--database", database)):
        if given is not None:
            raise click.UsageError(f"{option} goes with a MARKET; {query.market} is a FILE of shares, of no house.")
    from forecast.backtest import backtest_shares_steps

    return backtest_shares_steps(
        read_shares_file(path, options=reading.reading(), sheet=reading.sheet),
        origins=query.origins,
        horizon=query.horizon,
        levels=query.levels,
        models=query.models,
        seed=query.seed,
    )


def _steps_at(
    address: str, query: BacktestQuery, reading: options.SheetOptions
) -> "Iterator[BacktestProgress | Backtest]":
    from service.cli.opening import read_one_market
    from service.sheets import is_sheet_file

    market, shares = query.market, None
    if is_sheet_file(market):
        read, market = read_one_market(Path(market), reading)
        shares = read.shares.drop("market")
    elif reading.given:
        raise click.UsageError(f"--sheet, --measure and the like go with a FILE; {market} is a market.")
    with connect(address) as client:
        yield from client.backtest(
            market,
            house=query.house or None,
            origins=query.origins,
            horizon=query.horizon,
            levels=query.levels,
            models=query.models,
            seed=query.seed,
            shares=shares,
        )


def _watched(steps: "Iterator[BacktestProgress | Backtest]") -> "Backtest":
    """Run a backtest to its end, telling on standard error how far it is."""
    from forecast.scorecard import BacktestProgress
    from service.batch.progress import Progress

    progress = Progress(sys.stderr, of="origins")
    try:
        for step in steps:
            if not isinstance(step, BacktestProgress):
                return step
            progress(step.done, None, step.total)
    finally:
        progress.close()
    raise AssertionError("the last step is the scores")
