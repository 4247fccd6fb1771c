"""Options and arguments that several commands share. Light to import: `--help` must not wait for Polars."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from service.cli.connecting import check_address, note_access
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


def server(help_: str) -> Callable[[F], F]:
    """--address, which the command is given, and how to reach it, which `service.cli.connecting.connect` reads."""

    def checked(command: F) -> F:
        @wraps(command)
        def run(*arguments: Any, **values: Any) -> Any:  # noqa: ANN401  (as the command's own)
            check_address(values["address"])
            return command(*arguments, **values)

        return cast(F, run)

    return _together(
        click.option("--address", metavar="HOST:PORT", help=help_),
        click.option(
            "--key-file",
            type=_FILE,
            metavar="FILE",
            expose_value=False,
            callback=note_access,
            help="Where the key for the server is.  [default: SHARECAST_KEY]",
        ),
        click.option(
            "--ca",
            type=_FILE,
            metavar="FILE",
            expose_value=False,
            callback=note_access,
            help="Reach it by TLS and check it by these authorities, PEM; system: by those that come with gRPC.",
        ),
        click.option(
            "--certificate",
            type=_FILE,
            metavar="FILE",
            expose_value=False,
            callback=note_access,
            help="Your own certificate, for a server that asks for one, PEM.",
        ),
        click.option(
            "--private-key", type=_FILE, metavar="FILE", expose_value=False, callback=note_access, help="Its key, PEM."
        ),
        checked,
    )


def _month(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read a month given as an option, as its number or by its name."""
    if value is None:
        return None
    names = [f"{date(2000, n, 1):%B}".casefold() for n in range(1, 13)]
    text = value.strip().casefold()
    found = [n for n, name in enumerate(names, start=1) if text == str(n) or (len(text) > 2 and name.startswith(text))]
    if len(found) != 1:
        raise click.BadParameter(f"{value!r} is no month; allowed: 1 to 12, or a name such as June.", ctx, param)
    return found[0]


def _gathered(command: F) -> F:
    """Give the command what was said about a table as one argument, `reading`."""

    @wraps(command)
    def run(*arguments: Any, **values: Any) -> Any:  # noqa: ANN401  (as the command's own)
        from forecast.sheet import Reading

        said = {name: values.pop(f"read_{name}") for name in _SAID}
        return command(*arguments, reading=Reading(**said), **values)

    return cast(F, run)


_SAID = ("measure", "decimal", "date_order", "fiscal_year_end", "market")

reading: Callable[[F], F] = _together(
    click.option(
        "--sheet", metavar="NAME", help="Sheet of a workbook, by name or number.  [default: the one understood]"
    ),
    click.option(
        "--measure",
        "read_measure",
        type=click.Choice(("share", "percent", "amount")),
        help="What its numbers are: fractions of 1, per cents or amounts.  [default: by the table]",
    ),
    click.option(
        "--decimal",
        "read_decimal",
        type=click.Choice(("point", "comma")),
        help="Its decimal mark.  [default: by the table]",
    ),
    click.option(
        "--date-order",
        "read_date_order",
        type=click.Choice(("day-first", "month-first")),
        help="How to read 03/06/2020.  [default: by the table]",
    ),
    click.option(
        "--fiscal-year-end",
        "read_fiscal_year_end",
        callback=_month,
        metavar="MONTH",
        help="Its quarters are fiscal, of years that end in this month: 6, or June.",
    ),
    click.option(
        "--market",
        "read_market",
        metavar="NAME",
        help="Name of its market, if it has no column of them.  [default: the file's name]",
    ),
    _gathered,
)
"""How a user's own table is to be read: the command is given `sheet` and, as `reading`, a `forecast.sheet.Reading`."""

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
