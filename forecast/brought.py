"""Tables as people bring them: frames of Polars or pandas, or rows; with our columns, or as analysts have them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from forecast.errors import InvalidArgument, RowViolation
from forecast.headers import derived_name
from forecast.name_changes import NameChange
from forecast.name_tables import change_names_of_shares
from forecast.names import plain_name, without_rank
from forecast.schema import DATED_SHARES_COLUMNS, QUARTER_TEXT, SHARES_COLUMNS
from forecast.shares import SharesTable, read_shares

if TYPE_CHECKING:
    import pandas as pd

    from forecast.sheet import Reading, Sheet
    from forecast.sheet.grid import Row

TableLike: TypeAlias = "pl.DataFrame | pl.LazyFrame | pd.DataFrame | Iterable[Mapping[str, object]]"
"""A frame, or rows such as ``{"period": "2020Q3", "provider": "A", "share": 0.4}``."""


def read_table(
    given: TableLike,
    /,
    *,
    table: str = "shares",
    market: str = "market",
    dated: bool = False,
    options: "Reading | None" = None,
) -> SharesTable:
    """Read a table of shares or amounts, and make it fit.

    Args:
        given: With the columns that `forecast.shares.read_shares` takes, or as `forecast.sheet.understand` takes one.
        table: What is read, for errors.
        market: Name of the market of a table that names none.
        dated: Whether it may have days of publication, because it is to be kept.
        options: What its owner says about it.

    Raises:
        InvalidArgument: it is no table.
        InvalidTable: it cannot be understood as a table of shares.
    """
    return made_fit(tidy_table(given, table=table, market=market, dated=dated, options=options), dated=dated)


def tidy_table(
    given: TableLike,
    /,
    *,
    table: str = "shares",
    market: str = "market",
    dated: bool = False,
    options: "Reading | None" = None,
) -> "TidyTable":
    """The cells of a table by market, quarter and provider, not yet made fit; arguments and errors as `read_table`."""
    frame = frame_of(given)
    if options is None and is_canonical(frame, dated=dated):
        if "market" not in frame.columns:
            frame = frame.with_columns(market=pl.lit(market))
        return TidyTable(table, frame)
    grid = [frame.columns, *frame.rows()]
    return tidy_grid(grid, table=table, market=market, dated=dated, options=options, below_header=True)


def made_fit(tidy: "TidyTable", /, *, dated: bool = False) -> SharesTable:
    """A tidy table as `forecast.shares.read_shares` makes it fit."""
    return read_shares(tidy.frame, table=tidy.name, dated=dated, notes=tidy.notes, faults=tidy.faults)


def with_names(read: SharesTable, changes: Sequence[NameChange], /) -> SharesTable:
    """A table after declared changes of its providers' names, which are said in its notes.

    Raises:
        InvalidTable: two names of one provider have different shares in one quarter.
    """
    if not changes:
        return read
    shares, told = change_names_of_shares(read.shares, changes, table=read.table)
    notes = pl.DataFrame([("", note) for note in told], schema=read.notes.schema, orient="row")
    return replace(read, shares=shares, notes=pl.concat([without_advice(read, changes).notes, notes]))


def without_advice(read: SharesTable, changes: Sequence[NameChange], /) -> SharesTable:
    """A table without the notes that advise to declare what is declared."""
    ends = {"renamed": "'", "merged": "@"}
    followed = [f"--{change.kind} '{change.provider}={change.into}{ends[change.kind]}" for change in changes]
    if not followed:
        return read
    advice = pl.any_horizontal(pl.col("note").str.contains(text, literal=True) for text in followed)
    return replace(read, notes=read.notes.filter(~advice))


def tidy_grid(
    grid: "Sequence[Row]",
    /,
    *,
    table: str,
    market: str,
    dated: bool = False,
    options: "Reading | None" = None,
    below_header: bool = False,
) -> "TidyTable":
    """The cells of a sheet, as `forecast.sheet.understand` reads them.

    Args:
        grid: Rows of cells.
        table: What is read, for errors.
        market: Name of the market of a sheet that names none.
        dated: Whether it is to be kept.
        options: What its owner says about it.
        below_header: As `forecast.sheet.understand` takes it.

    Raises:
        InvalidTable: it is not understood.
    """
    from forecast.sheet import understand

    sheet = understand(grid, name=market, source=table, options=options, below_header=below_header)
    return tidy_sheet(sheet, dated=dated)


@dataclass(frozen=True, slots=True, eq=False)
class TidyTable:
    """The cells of a table, not yet made fit: what `forecast.shares.read_shares` takes."""

    name: str
    frame: pl.DataFrame
    notes: tuple[tuple[str, str], ...] = ()
    faults: tuple[tuple[str, RowViolation], ...] = ()


def tidy_sheet(sheet: "Sheet", /, *, dated: bool = False) -> TidyTable:
    """The cells of a sheet."""
    frame = sheet.frame.drop("column")
    if not dated:
        frame = frame.drop("published_at", strict=False)
    return TidyTable(
        sheet.name,
        frame,
        tuple((plain_name(sheet.markets[0]) if len(sheet.markets) == 1 else "", note) for note in sheet.notes),
        tuple((fault.market, fault.violation()) for fault in sheet.faults),
    )


def is_canonical(frame: pl.DataFrame, /, *, dated: bool = False) -> bool:
    """Whether a frame has our own columns and types, and quarters as 2020Q3: then nothing of it needs to be read.

    One with a provider called as a number made of others, such as HHI, or with a rank before its name, needs to be.
    """
    columns = {column.name: column.kind for column in (DATED_SHARES_COLUMNS if dated else SHARES_COLUMNS)}
    if not {"period", "provider"} <= set(frame.columns) or not set(frame.columns) <= {*columns, "row"}:
        return False
    for name, kind in frame.schema.items():
        fits = kind.is_numeric() if columns.get(name, "number") == "number" else kind == pl.String
        if not (fits or kind == pl.Null or (name == "published_at" and kind.is_temporal())):
            return False
    if any(derived_name(n) or without_rank(n) for n in frame["provider"].unique().drop_nulls().cast(pl.String)):
        return False
    return bool(frame["period"].unique().cast(pl.String).str.contains(QUARTER_TEXT).fill_null(value=True).all())


def frame_of(given: TableLike, /) -> pl.DataFrame:
    """A table as a Polars frame.

    Raises:
        InvalidArgument: it is none.
    """
    if isinstance(given, pl.LazyFrame):
        return given.collect()
    if isinstance(given, pl.DataFrame):
        return given
    if type(given).__module__.partition(".")[0] == "pandas" and hasattr(given, "columns"):
        frame: Any = given
        named = [level for level in frame.index.names if level is not None]
        flat = frame.reset_index() if named else frame
        titles = [" ".join(map(str, title)) if isinstance(title, tuple) else str(title) for title in flat.columns]
        columns = [[plain_cell(cell) for cell in flat.iloc[:, k]] for k in range(flat.shape[1])]
        return pl.DataFrame([pl.Series(title, c, strict=False) for title, c in zip(titles, columns, strict=True)])
    rows = None if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable) else list(given)
    if rows is None or not all(isinstance(row, Mapping) for row in rows):
        raise InvalidArgument("shares", type(given).__name__, "a frame of Polars or pandas, or rows as mappings")
    titles = list(dict.fromkeys(str(title) for row in rows if isinstance(row, Mapping) for title in row))
    return pl.DataFrame(
        [
            pl.Series(title, [plain_cell(row.get(title)) for row in rows if isinstance(row, Mapping)], strict=False)
            for title in titles
        ]
    )


def plain_cell(cell: object, /) -> object:
    """A cell as Python's own value: numbers of NumPy as numbers, NaN and the like as nothing."""
    item = getattr(cell, "item", None)  # of a NumPy scalar
    value = item() if callable(item) and type(cell).__module__ == "numpy" else cell
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    return value if value is None or isinstance(value, str | int | float | date) else str(value)
