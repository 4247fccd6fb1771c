"""Options and arguments that several commands share. Light to import: `--help` must not wait for Polars."""

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

import click

from forecast.errors import InvalidArgument
from forecast.name_changes import NameChange, check_declared, parse_name_change
from service.cli.connecting import check_address, note_access
from service.queries import DEFAULT_HORIZON, DEFAULT_HOUSE, DEFAULT_LEVELS, DEFAULT_MODEL, parse_moment

if TYPE_CHECKING:
    from forecast.sheet import Reading

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("table", "json", "csv", "parquet")
CHART_FORMATS = ("png", "svg", "html")
LARGEST_SEED = 2**64 - 1  # what the API takes


def day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """Read a date given as an option, as its callback."""
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date; give a date such as 2021-01-15.", ctx, param) from None


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read a moment given as an option, as its callback."""
    try:
        return None if value is None else parse_moment(value)
    except InvalidArgument as error:
        raise click.BadParameter(f"{value!r} is no moment; give {error.allowed}.", ctx, param) from None


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
recorded_by = click.option(
    "--recorded-by",
    callback=moment,
    metavar="MOMENT",
    help="Use only what the database held at this moment, beside the figures that ship: a date (its end, in UTC), or "
    "2026-11-23T14:30:00Z.  [default: what it holds now]",
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


def name_changes(command: F) -> F:
    """--renamed and --merged, which the command is given as `name_changes`, a tuple of `NameChange`."""

    @wraps(command)
    def run(*arguments: Any, **values: Any) -> Any:  # noqa: ANN401  (as the command's own)
        given = values.pop("renamed") + values.pop("merged")
        check_declared(given)
        return command(*arguments, name_changes=given, **values)

    return _together(
        click.option(
            "--renamed",
            multiple=True,
            callback=_changes,
            metavar="OLD=NEW",
            help="A provider goes by another name: OLD=NEW, or OLD=NEW@QUARTER, such as Cygnus=Swan@2023Q1. Both names "
            "are one series, under the new one; give it once for each.",
        ),
        click.option(
            "--merged",
            multiple=True,
            callback=_changes,
            metavar="PROVIDER=INTO@QUARTER",
            help="A provider is part of another from a quarter on, such as Cygnus=Acme@2023Q1. A forecast sees both as "
            "one, with their shares from before added up; give it once for each.",
        ),
        cast("Callable[[F], F]", lambda _: run),
    )(command)


def _changes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> "tuple[NameChange, ...]":
    found = []
    for value in values:
        try:
            found.append(parse_name_change(value, "merged" if param.name == "merged" else "renamed"))
        except InvalidArgument as error:
            raise click.BadParameter(f"{value!r} cannot be read; give {error.allowed}.", ctx, param) from None
    return tuple(found)


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
        help="Model: auto, naive, smoothing, local_level, damped_trend, ets, arima, theta or var.",
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
        click.option(
            "--server-name",
            metavar="NAME",
            expose_value=False,
            callback=note_access,
            help="The name that the server's certificate is for.  [default: the host of --address]",
        ),
        checked,
    )


class SheetOptions(NamedTuple):
    """What a user says about a file of shares; None: by the file."""

    sheet: str | None = None
    measure: "Literal['share', 'percent', 'amount'] | None" = None
    decimal: "Literal['point', 'comma'] | None" = None
    date_order: "Literal['day-first', 'month-first'] | None" = None
    fiscal_year_end: int | None = None
    market: str | None = None

    @property
    def given(self) -> bool:
        """Whether anything is said."""
        return any(value is not None for value in self)

    def reading(self) -> "Reading | None":
        """All of it but the sheet; None where nothing is said."""
        from forecast.sheet import Reading

        said = Reading(self.measure, self.decimal, self.date_order, self.fiscal_year_end, self.market)
        return None if said == Reading() else said


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _month(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read a month by its number or by its name, of which three letters do."""
    if value is None:
        return None
    text = value.strip().lower()
    if text.isdecimal() and 1 <= int(text) <= 12:
        return int(text)
    if len(text) >= 3 and text[:3] in _MONTHS:
        return _MONTHS.index(text[:3]) + 1
    raise click.BadParameter(f"{value!r} is no month; give its name or its number, 1 to 12.", ctx, param)


def sheet_options(command: F) -> F:
    """How a file of shares is read: the command is given `reading`, a `SheetOptions`."""

    @wraps(command)
    def run(*arguments: Any, **values: Any) -> Any:  # noqa: ANN401  (as the command's own)
        told = {name: values.pop(f"sheet_{name}") for name in SheetOptions._fields}
        return command(*arguments, reading=SheetOptions(**told), **values)

    return _together(
        click.option("--sheet", "sheet_sheet", metavar="NAME", help="Of a workbook: the sheet, by name or number."),
        click.option(
            "--measure",
            "sheet_measure",
            type=click.Choice(("share", "percent", "amount")),
            help="Of a FILE: what its numbers are, where it does not show: fractions, per cents or amounts.",
        ),
        click.option(
            "--decimal",
            "sheet_decimal",
            type=click.Choice(("point", "comma")),
            help="Of a FILE: its decimal mark, where it does not show.",
        ),
        click.option(
            "--date-order",
            "sheet_date_order",
            type=click.Choice(("day-first", "month-first")),
            help="Of a FILE: the order in dates such as 01/02/2020.",
        ),
        click.option(
            "--fiscal-year-end",
            "sheet_fiscal_year_end",
            callback=_month,
            metavar="MONTH",
            help="Of a FILE: its quarters are of fiscal years that end in this month, such as June or 6.",
        ),
        click.option(
            "--market",
            "sheet_market",
            metavar="NAME",
            help="Of a FILE: the market, where it has several; or its name, where it has none.  [default: the file's]",
        ),
    )(cast("F", run))


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
