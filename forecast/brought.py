"""Tables as people bring them to the library: frames of Polars or pandas, or rows; canonical or as analysts have them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from forecast.errors import InvalidArgument
from forecast.shares import SharesTable, read_shares

if TYPE_CHECKING:
    import pandas as pd

TableLike: TypeAlias = "pl.DataFrame | pl.LazyFrame | pd.DataFrame | Iterable[Mapping[str, object]]"
"""A frame, or rows such as ``{"period": "2020Q3", "provider": "A", "share": 0.4}``."""


def read_table(given: TableLike, /, *, table: str = "shares", dated: bool = False) -> SharesTable:
    """Read a table of shares or amounts, as `forecast.shares.read_shares` does one of canonical columns.

    Raises:
        InvalidArgument: it is no table.
        InvalidTable: it cannot be understood as a table of shares.
    """
    return read_shares(frame_of(given), table=table, dated=dated)


def frame_of(given: TableLike, /) -> pl.DataFrame:
    """A table as a Polars frame.

    Raises:
        InvalidArgument: it is none.
    """
    if isinstance(given, pl.DataFrame):
        return given
    if isinstance(given, pl.LazyFrame):
        return given.collect()
    if type(given).__module__.partition(".")[0] == "pandas":
        return pl.from_pandas(given)  # type: ignore[arg-type]  # loads nothing that the caller has not loaded
    rows = None if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable) else list(given)
    if rows is None or not all(isinstance(row, Mapping) for row in rows):
        raise InvalidArgument("shares", type(given).__name__, "a frame of Polars or pandas, or rows as mappings")
    return pl.DataFrame([dict(row) for row in rows], infer_schema_length=None)
