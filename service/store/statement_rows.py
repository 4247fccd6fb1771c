"""Rows of statements as the database keeps them: read as frames, written past SQLAlchemy's conversions."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from polars import selectors

from forecast.merging import STATEMENT_SCHEMA
from forecast.name_tables import NAMES_SCHEMA
from service.store.tables import figure_ends, figures, imports, name_change_ends, name_changes

STORED_SCHEMA: dict[str, type[pl.DataType]] = {**STATEMENT_SCHEMA, "kind": pl.String}
"""Columns of stored statements: those of a statement, and the kind of table it came from."""

KEY: Final = ("import_number", "line")  # of a row, and of what ends it
_MOST_NAMES = 500  # markets asked for by name; for more, all are read
_ENDER = imports.alias("ender")
_NAME_COLUMNS = tuple("into_provider" if name == "into" else name for name in NAMES_SCHEMA)


def read_statements(
    connection: sa.Connection,
    *,
    markets: Sequence[str] | None,
    house: str | None = None,
    as_of: date | None = None,
    recorded_by: datetime | None = None,
) -> pl.DataFrame:
    """The statements that count, in the order they came in.

    Args:
        connection: Of the database.
        markets: Only of these markets; of many, those of others may come too. None: of all.
        house: Only of this house's series.
        as_of: Only those published by this day.
        recorded_by: Those that counted at this moment, which has a time zone. None: those that count now.

    Returns:
        Columns of `KEY` and `STORED_SCHEMA`.
    """
    ends = (figure_ends.c.import_number == figures.c.import_number) & (figure_ends.c.line == figures.c.line)
    source = figures.join(imports, figures.c.import_number == imports.c.number).outerjoin(figure_ends, ends)
    chosen = sa.select(*(figures.c[name] for name in (*KEY, *STATEMENT_SCHEMA)), imports.c.kind)
    counts: sa.ColumnElement[bool] = figure_ends.c.ended_by.is_(None)
    if recorded_by is not None:
        moment = recorded(connection, recorded_by)
        source = source.outerjoin(_ENDER, _ENDER.c.number == figure_ends.c.ended_by)
        counts = (imports.c.recorded_at <= moment) & (counts | (_ENDER.c.recorded_at > moment))
    chosen = chosen.select_from(source).where(counts)
    if markets is not None and len(markets) <= _MOST_NAMES:
        chosen = chosen.where(figures.c.market.in_(markets) if len(markets) != 1 else figures.c.market == markets[0])
    if house is not None:
        chosen = chosen.where(figures.c.house == house)
    if as_of is not None:
        chosen = chosen.where(figures.c.published_at <= stored_day(connection, as_of))
    rows = connection.execute(chosen.order_by(figures.c.import_number, figures.c.line)).all()
    text = is_sqlite(connection)
    schema: dict[str, type[pl.DataType]] = {**dict.fromkeys(KEY, pl.Int64), **STORED_SCHEMA}
    if not text:
        return pl.DataFrame(rows, schema=schema, orient="row")
    flags = dict.fromkeys(("annual", "published_inferred"), pl.Int64)
    found = pl.DataFrame(rows, schema={**schema, **flags, "published_at": pl.String}, orient="row")
    return found.with_columns(
        pl.col("annual", "published_inferred").cast(pl.Boolean), pl.col("published_at").str.to_date("%Y-%m-%d")
    )


def read_names(
    connection: sa.Connection, *, markets: Sequence[str] | None, recorded_by: datetime | None = None
) -> pl.DataFrame:
    """The declared changes of names that count, in the order they came in.

    Args:
        connection: Of the database.
        markets: Only of these markets, all of them; None: of all.
        recorded_by: As `read_statements` takes it.

    Returns:
        Columns of `KEY` and `forecast.name_tables.NAMES_SCHEMA`.
    """
    ends = (name_change_ends.c.import_number == name_changes.c.import_number) & (
        name_change_ends.c.line == name_changes.c.line
    )
    source = name_changes.join(imports, name_changes.c.import_number == imports.c.number).outerjoin(
        name_change_ends, ends
    )
    counts: sa.ColumnElement[bool] = name_change_ends.c.ended_by.is_(None)
    if recorded_by is not None:
        moment = recorded(connection, recorded_by)
        source = source.outerjoin(_ENDER, _ENDER.c.number == name_change_ends.c.ended_by)
        counts = (imports.c.recorded_at <= moment) & (counts | (_ENDER.c.recorded_at > moment))
    chosen = sa.select(*(name_changes.c[name] for name in (*KEY, *_NAME_COLUMNS))).select_from(source).where(counts)
    if markets is not None and len(markets) <= _MOST_NAMES:
        chosen = chosen.where(name_changes.c.market.in_(markets))
    rows = connection.execute(chosen.order_by(name_changes.c.import_number, name_changes.c.line)).all()
    schema: dict[str, type[pl.DataType]] = {**dict.fromkeys(KEY, pl.Int64), **NAMES_SCHEMA}
    if is_sqlite(connection):
        found = pl.DataFrame(rows, schema={**schema, "published_at": pl.String}, orient="row")
        found = found.with_columns(pl.col("published_at").str.to_date("%Y-%m-%d"))
    else:
        found = pl.DataFrame(rows, schema=schema, orient="row")
    return found if markets is None else found.filter(pl.col("market").is_in(markets))


def stored_names(names: pl.DataFrame, /) -> pl.DataFrame:
    """Rows of `forecast.name_tables.NAMES_SCHEMA`, and a key, under the names of the database's columns."""
    return names.rename({"into": "into_provider"})


def numbered(rows: pl.DataFrame, number: int, /) -> pl.DataFrame:
    """Rows with the key they get in an import; columns not of `KEY` as given."""
    return rows.select(
        pl.lit(number).alias("import_number"), pl.int_range(1, pl.len() + 1).alias("line"), pl.all().exclude(KEY)
    )


def ending(rows: pl.DataFrame, number: int, /) -> pl.DataFrame:
    """The rows of an `..._ends` table that have an entry end the given ones."""
    return rows.select(*KEY, pl.lit(number).alias("ended_by"))


def insert(connection: sa.Connection, table: sa.Table, rows: pl.DataFrame, /) -> None:
    """Write rows, whose columns are those of the table; SQLAlchemy's conversions would take most of the time."""
    if rows.is_empty():
        return
    names = ", ".join(rows.columns)
    if is_sqlite(connection):
        plain = rows.with_columns(selectors.boolean().cast(pl.Int64), selectors.date().cast(pl.String))
        marks = ", ".join("?" * rows.width)
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", plain.rows())
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows.iter_rows():
            copy.write_row(row)


def is_sqlite(connection: sa.Connection, /) -> bool:
    """Whether days, moments and flags are kept as text and integers."""
    return connection.dialect.name == "sqlite"


def stored_day(connection: sa.Connection, day: date, /) -> str | date:
    """A day as the database keeps it."""
    return day.isoformat() if is_sqlite(connection) else day


def recorded(connection: sa.Connection, moment: datetime, /) -> str | datetime:
    """A moment as the database keeps it: in SQLite as text in UTC, which sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if is_sqlite(connection) else moment
