"""Options and arguments that several commands share. Light to import: `--help` must not wait for Polars."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from service.queries import DEFAULT_HORIZON, DEFAULT_HOUSE, DEFAULT_LEVELS, DEFAULT_MODEL

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("table", "json", "csv", "parquet")
CHART_FORMATS = ("png", "svg", "html")
LARGEST_SEED = 2**64 - 1  # what the API takes


def day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """Read a date given as an option, as its callback."""
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date; allowed: a date such as 2021-01-15.", ctx, param) from None


_FILE = click.Path(path_type=Path)  # checked where it is opened, so that all messages are alike


def _together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


market = click.argument("market")
house = click.option(
    "--house",
    help="Research house whose figures count.  "
    f"[default: {DEFAULT_HOUSE}; in a market it does not measure, the one with most figures]",
)
as_of = click.option(
    "--as-of", callback=day, metavar="DATE", help="Use only what was published by this date.  [default: everything]"
)
figures = click.option("--figures", type=_FILE, metavar="FILE", help="Use this file's figures, not the shipped ones.")
database = click.option(
    "--database",
    metavar="URL",
    help="Where imported figures are kept: sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME, the name of a SQLite "
    "file, or none.  [default: SHARECAST_DATABASE, else your own as `sharecast import` makes it]",
)
chart = click.option(
    "--chart",
    type=_FILE,
    metavar="PATH",
    help=f"Also draw a chart; ends in {', '.join('.' + f for f in CHART_FORMATS)}.",
)

seed = click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, show_default=True, help="Of the draws.")

question: Callable[[F], F] = _together(
    click.option("--horizon", type=int, default=DEFAULT_HORIZON, show_default=True, help="Quarters ahead, 1 to 40."),
    click.option(
        "--level",
        "levels",
        type=float,
        multiple=True,
        default=DEFAULT_LEVELS,
        show_default=True,
        help="Level of a prediction interval, between 0 and 1; give it once for each.",
    ),
    click.option(
        "--model",
        default=DEFAULT_MODEL,
        show_default=True,
        help="Model: auto, naive, local_level, damped_trend, ets, arima, theta or var.",
        metavar="NAME",
    ),
    seed,
)
"""What is asked of a forecast: horizon, levels, model, seed."""

result: Callable[[F], F] = _together(
    click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="Form of the result.  [default: by the ending of --output, else table]",
    ),
    click.option("--output", type=_FILE, metavar="PATH", help="File to write.  [default: standard output]"),
)
"""Where the result goes and in which form."""
