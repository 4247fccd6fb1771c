"""The store: imports and their figures, to which rows are only ever added."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, Self

import polars as pl
import sqlalchemy as sa

from forecast.merging import STATEMENT_SCHEMA, new_statements
from service.errors import AlreadyExists, StoreUnavailable
from service.results import ImportReport
from service.store.engine import check_in_place, make_engine, shown, writing
from service.store.failures import failures_told
from service.store.incoming import Incoming
from service.store.job_rows import JobRows
from service.store.key_rows import KeyRows
from service.store.migrating import VERSION_TABLE, migrate
from service.store.tables import figures, imports

STORED_SCHEMA: dict[str, type[pl.DataType]] = {**STATEMENT_SCHEMA, "kind": pl.String}
"""Columns of stored statements: those of a statement, and the kind of table it came from."""

_MOST_NAMES = 500  # markets asked for by name; for more, all are read
_COLUMNS = ("import_number", "line", *STATEMENT_SCHEMA)
_STATEMENTS = [figures.c[name] for name in STATEMENT_SCHEMA]

# Asked at every question to a catalog, so built once.
_CHANGES = sa.select(imports.c.number, imports.c.added, imports.c.markets).where(
    imports.c.number > sa.bindparam("after")
)
_VERSION = sa.text(f"SELECT version_num FROM {VERSION_TABLE}")


@dataclass(frozen=True, slots=True)
class Changes:
    """What was imported after some import."""

    newest: int  # number of the newest import; 0: none yet
    markets: frozenset[str]  # those that got figures


def open_store(database: str, /, *, create: bool = True) -> "Store":
    """Open a database, and make or change its tables where that is needed.

    Args:
        database: ``sqlite:///FILE``, ``postgresql://...``, or the name of a SQLite file.
        create: Whether a SQLite file that is missing is made.

    Raises:
        InvalidArgument: the text is no such URL, the file is missing, or the database is not one of Sharecast.
        StoreUnavailable: the database cannot be reached, read or written.
    """
    engine = make_engine(database, create=create)
    try:
        with failures_told(shown(engine)):
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


class Store:
    """An open database. Safe to share between threads; other processes may read and write it too.

    Every method raises `StoreUnavailable` where the database cannot be reached, read or written.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.place = shown(engine)  # the file, or the URL without its password
        self.keys = KeyRows(engine)  # of those who may call a server
        self.jobs = JobRows(engine)
        self._glancing = threading.Lock()
        self._glance: sqlite3.Connection | None = None
        self._written, self._newest = -1, 0  # at the last glance

    def close(self) -> None:
        """Let go of its connections."""
        with self._glancing:
            if self._glance is not None:
                self._glance.close()
                self._glance = None
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def version(self) -> str:
        """The version of its tables, read now: also the quickest way to know that the database answers."""
        with failures_told(self.place), self._engine.connect() as connection:
            return str(connection.execute(_VERSION).scalar())

    def changes(self, after: int) -> Changes:
        """What imports later than import `after` brought."""
        with failures_told(self.place), self._engine.connect() as connection:
            rows = connection.execute(_CHANGES, {"after": after}).all()
        newest = max((row.number for row in rows), default=after)
        return Changes(newest, frozenset(name for row in rows if row.added for name in json.loads(row.markets)))

    def newest_at_a_glance(self) -> int | None:
        """Number of the newest import, 0 where there is none; None where that takes a question to a server.

        SQLite's file tells in microseconds whether anything has been written since the last look.
        """
        if self._engine.dialect.name != "sqlite":
            return None
        with self._glancing:
            try:
                if self._glance is None:
                    check_in_place(self._engine)  # opening one that is missing would make an empty file
                    # past SQLAlchemy, which would take most of the time; reads only, and never waits
                    self._glance = sqlite3.connect(str(self._engine.url.database), timeout=0, check_same_thread=False)
                written: int = self._glance.execute("PRAGMA data_version").fetchone()[0]
                if written != self._written:
                    self._newest = self._glance.execute("SELECT coalesce(max(number), 0) FROM imports").fetchone()[0]
                    self._written = written
            except (sqlite3.Error, StoreUnavailable):  # whoever asks the other way is told what it is
                return None
            return self._newest

    def figures(
        self,
        market: str | None = None,
        house: str | None = None,
        as_of: date | None = None,
        recorded_by: datetime | None = None,
    ) -> pl.DataFrame:
        """The stored statements in the order they came in.

        Args:
            market: Only of this market.
            house: Only of this house's series.
            as_of: Only what the world knew on this day: published by then.
            recorded_by: Only what was imported by this moment, which has a time zone.

        Returns:
            Columns of `STORED_SCHEMA`.
        """
        with failures_told(self.place), self._engine.connect() as connection:
            return _read(
                connection,
                markets=None if market is None else (market,),
                house=house,
                as_of=as_of,
                recorded_by=recorded_by,
            )

    def add(
        self, incoming: Incoming, base: pl.DataFrame, *, request_id: str, validate_only: bool, now: datetime
    ) -> ImportReport:
        """Keep what is new in a table, all of it or nothing.

        Args:
            incoming: A table that has been found fit.
            base: Statements known without the store, of any markets; columns of `forecast.merging.STATEMENT_SCHEMA`
                and more.
            request_id: Empty, or a name for this request: asked again with the same table, the first answer is given.
            validate_only: Whether to look and keep nothing.
            now: When, with its time zone.

        Raises:
            AlreadyExists: the request id stands for another table.
        """
        with failures_told(self.place), self._transaction(write=not validate_only) as connection:
            earlier = _earlier(connection, request_id)
            if earlier is not None:
                return _repeated(earlier, incoming, request_id, validate_only=validate_only)
            known = pl.concat(
                [
                    base.filter(pl.col("market").is_in(incoming.markets)).select(STATEMENT_SCHEMA.keys()),
                    _read(connection, markets=incoming.markets).select(STATEMENT_SCHEMA.keys()),
                ]
            )
            added = new_statements(known, incoming.statements, kind=incoming.kind, today=now.date())
            number = 0 if validate_only else _keep(connection, incoming, added, request_id, now)
        return ImportReport(
            kind=incoming.kind,
            import_id=str(number) if number else "",
            rows=incoming.rows,
            added=added.height,
            known=incoming.statements.height - added.height,
            markets=incoming.markets,
            validate_only=validate_only,
            warnings=incoming.warnings,
        )

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sa.Connection]:
        with writing(self._engine) if write else self._engine.connect() as connection:
            yield connection


def _read(
    connection: sa.Connection,
    *,
    markets: Sequence[str] | None,
    house: str | None = None,
    as_of: date | None = None,
    recorded_by: datetime | None = None,
) -> pl.DataFrame:
    chosen = sa.select(*_STATEMENTS, imports.c.kind).join(imports, figures.c.import_number == imports.c.number)
    if markets is not None and len(markets) <= _MOST_NAMES:
        chosen = chosen.where(figures.c.market.in_(markets) if len(markets) != 1 else figures.c.market == markets[0])
    if house is not None:
        chosen = chosen.where(figures.c.house == house)
    text = connection.dialect.name == "sqlite"
    if as_of is not None:
        chosen = chosen.where(figures.c.published_at <= (as_of.isoformat() if text else as_of))
    if recorded_by is not None:
        chosen = chosen.where(imports.c.recorded_at <= (_moment(recorded_by) if text else recorded_by))
    rows = connection.execute(chosen.order_by(figures.c.import_number, figures.c.line)).all()
    flags = dict.fromkeys(("annual", "published_inferred"), pl.Int64) if text else {}
    days = {"published_at": pl.String} if text else {}
    found = pl.DataFrame(rows, schema={**STORED_SCHEMA, **flags, **days}, orient="row")
    if not text:
        return found
    return found.with_columns(
        pl.col("annual", "published_inferred").cast(pl.Boolean), pl.col("published_at").str.to_date("%Y-%m-%d")
    )


def _earlier(connection: sa.Connection, request_id: str) -> "sa.Row[Any] | None":
    if not request_id:
        return None
    return connection.execute(sa.select(imports).where(imports.c.request_id == request_id)).one_or_none()


def _repeated(earlier: "sa.Row[Any]", incoming: Incoming, request_id: str, *, validate_only: bool) -> ImportReport:
    if earlier.content_hash != incoming.content_hash:
        raise AlreadyExists(request_id, f"another table of {earlier.kind} was imported with it")
    return ImportReport(
        kind=incoming.kind,
        import_id=str(earlier.number),
        rows=earlier.rows_read,
        added=earlier.added,
        known=earlier.known,
        markets=tuple(json.loads(earlier.markets)),
        validate_only=validate_only,
        warnings=tuple(json.loads(earlier.warnings)),
    )


def _keep(connection: sa.Connection, incoming: Incoming, added: pl.DataFrame, request_id: str, now: datetime) -> int:
    """Write an import and its figures; its number."""
    newest = connection.execute(sa.select(sa.func.max(imports.c.number))).scalar()
    number = (newest or 0) + 1
    text = connection.dialect.name == "sqlite"
    connection.execute(
        imports.insert().values(
            number=number,
            recorded_at=_moment(now) if text else now,
            request_id=request_id or None,
            content_hash=incoming.content_hash,
            kind=incoming.kind,
            name=incoming.name,
            rows_read=incoming.rows,
            added=added.height,
            known=incoming.statements.height - added.height,
            markets=json.dumps(incoming.markets, ensure_ascii=False),
            warnings=json.dumps(incoming.warnings, ensure_ascii=False),
        )
    )
    rows = added.select(
        pl.lit(number).alias("import_number"),
        pl.int_range(1, pl.len() + 1).alias("line"),
        pl.col(STATEMENT_SCHEMA.keys()),
    )
    _insert(connection, rows)
    return number


def _insert(connection: sa.Connection, rows: pl.DataFrame) -> None:
    """Write figures past SQLAlchemy's conversions, which would take most of the time of a large import."""
    if rows.is_empty():
        return
    names = ", ".join(_COLUMNS)
    if connection.dialect.name == "sqlite":
        plain = rows.with_columns(
            pl.col("annual", "published_inferred").cast(pl.Int64), pl.col("published_at").cast(pl.String)
        )
        marks = ", ".join("?" * len(_COLUMNS))
        connection.exec_driver_sql(f"INSERT INTO figures ({names}) VALUES ({marks})", plain.rows())
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY figures ({names}) FROM STDIN") as copy:
        for row in rows.iter_rows():
            copy.write_row(row)


def _moment(moment: datetime) -> str:
    """UTC as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
