"""The store: imports and their figures, to which rows are only ever added."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import TracebackType
from typing import Self

import polars as pl
import sqlalchemy as sa

from forecast.merging import STATEMENT_SCHEMA, cell_changes, check_renamed, new_statements
from forecast.name_changes import NameChange
from forecast.name_tables import new_names, read_changes
from service.errors import StoreUnavailable
from service.queries import WithdrawQuery
from service.results import ImportReport, WithdrawReport
from service.store.engine import check_in_place, make_engine, shown, writing
from service.store.entries import (
    earlier_entry,
    first_changes,
    imported_before,
    keep_import,
    keep_withdrawal,
    read_entries,
    withdrawn_before,
)
from service.store.failures import failures_told
from service.store.incoming import Incoming, as_known, left_behind, misnamed
from service.store.job_rows import JobRows
from service.store.key_rows import KeyRows
from service.store.migrating import VERSION_TABLE, migrate
from service.store.statement_rows import (
    KEY,
    STORED_SCHEMA,
    ending,
    insert,
    numbered,
    read_names,
    read_statements,
    stored_names,
)
from service.store.tables import figure_ends, figures, imports, name_change_ends, name_changes
from service.store.withdrawing import (
    NAMES,
    check_withdrawal,
    choose_rows,
    digest_of,
    repeated_by,
    rows_withdrawn,
    totals_kept,
    withdrawable,
)

# Asked at every question to a catalog, so built once.
_CHANGES = sa.select(imports.c.number, imports.c.added, imports.c.ended, imports.c.named, imports.c.markets).where(
    imports.c.number > sa.bindparam("after")
)
_VERSION = sa.text(f"SELECT version_num FROM {VERSION_TABLE}")


@dataclass(frozen=True, slots=True)
class Changes:
    """What was imported or withdrawn after some import."""

    newest: int  # number of the newest entry; 0: none yet
    markets: frozenset[str]  # those that got rows or lost some


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

    def check_in_place(self) -> None:
        """Refuse to go on with a SQLite file that is not where it was opened; takes microseconds.

        Raises:
            StoreUnavailable: it was moved away or replaced.
        """
        check_in_place(self._engine)

    def version(self) -> str:
        """The version of its tables, read now: also the quickest way to know that the database answers."""
        with failures_told(self.place), self._engine.connect() as connection:
            return str(connection.execute(_VERSION).scalar())

    def changes(self, after: int) -> Changes:
        """What imports and withdrawals later than number `after` changed."""
        with failures_told(self.place), self._engine.connect() as connection:
            rows = connection.execute(_CHANGES, {"after": after}).all()
        newest = max((row.number for row in rows), default=after)
        changing = (row for row in rows if row.added or row.ended or row.named)
        return Changes(newest, frozenset(name for row in changing for name in json.loads(row.markets)))

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
        """The stored statements that count, in the order they came in.

        Args:
            market: Only of this market.
            house: Only of this house's series.
            as_of: Only what the world knew on this day: published by then.
            recorded_by: Those that counted at this moment, which has a time zone: imported by then, and not yet
                withdrawn or replaced. None: those that count now.

        Returns:
            Columns of `STORED_SCHEMA`.
        """
        with failures_told(self.place), self._engine.connect() as connection:
            return read_statements(
                connection,
                markets=None if market is None else (market,),
                house=house,
                as_of=as_of,
                recorded_by=recorded_by,
            ).select(STORED_SCHEMA.keys())

    def name_changes(self, market: str, recorded_by: datetime | None = None) -> tuple[NameChange, ...]:
        """The declared changes of names of a market that count, in the order they came in.

        Args:
            market: The market.
            recorded_by: As `figures` takes it.
        """
        with failures_told(self.place), self._engine.connect() as connection:
            return read_changes(read_names(connection, markets=(market,), recorded_by=recorded_by))

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
            earlier = earlier_entry(connection, request_id)
            if earlier is not None:
                return imported_before(earlier, incoming, request_id, validate_only=validate_only)
            before = read_statements(connection, markets=incoming.markets).filter(
                pl.col("market").is_in(incoming.markets)
            )
            shipped = base.filter(pl.col("market").is_in(incoming.markets))
            incoming = as_known(incoming, _all_of(shipped, before))
            ended = before.filter(pl.col("kind") == "shares", pl.col("house") == incoming.house)
            if not incoming.replace:
                ended = ended.clear()
            known, kept = _all_of(shipped, before), _all_of(shipped, _without(before, ended))
            names_known = read_names(connection, markets=incoming.markets)
            names_new = new_names(names_known, incoming.names)
            new = new_statements(known, **incoming.to_compare(now.date()))
            written = new_statements(kept, **incoming.to_compare(now.date())) if incoming.replace else new
            own = _without(before, ended).filter(pl.col("kind") == "shares")
            mine = written if incoming.kind == "shares" else written.clear()
            check_renamed(_all_of(own, mine), (*read_changes(names_known), *read_changes(names_new)))
            changed = cell_changes(known, _all_of(kept, written))
            given, said = (incoming.names, names_new) if incoming.kind == NAMES else (incoming.statements, new)
            report = ImportReport(
                kind=incoming.kind,
                import_id="",
                rows=incoming.rows,
                added=said.height,
                known=given.height - said.height,
                markets=incoming.markets,
                validate_only=validate_only,
                warnings=(
                    *incoming.warnings,
                    *misnamed(incoming, known),
                    *left_behind(incoming, before, read_changes(names_known)),
                ),
                restated=changed["after"].count(),
                superseded=changed["after"].null_count(),
                changes=first_changes(changed),
                name_changes=names_new.height,
            )
            if validate_only:
                return report
            number = keep_import(connection, incoming, report, ended=ended.height, request_id=request_id, now=now)
            insert(connection, figures, numbered(written, number))
            insert(connection, figure_ends, ending(ended, number))
            insert(connection, name_changes, stored_names(numbered(names_new, number)))
        return replace(report, import_id=str(number))

    def withdraw(self, query: WithdrawQuery, base: pl.DataFrame, *, now: datetime) -> WithdrawReport:
        """End imported rows: all that fit, or none.

        Args:
            query: Which rows.
            base: Statements known without the store, which cannot be withdrawn; as `add` takes them.
            now: When, with its time zone.

        Raises:
            InvalidArgument, NotFound: no imported row that still counts fits, or what is asked says too little.
            AlreadyExists: the request id stands for something else.
        """
        check_withdrawal(query)
        digest = digest_of(query)
        with failures_told(self.place), self._transaction(write=not query.validate_only) as connection:
            earlier = earlier_entry(connection, query.request_id)
            if earlier is not None:
                return withdrawn_before(earlier, query, digest)
            entries = read_entries(connection)
            before = read_statements(connection, markets=None)
            counted = withdrawable(before, read_names(connection, markets=None))
            chosen = choose_rows(counted, query, base, entries=entries)
            ended, names_ended = chosen.filter(pl.col("kind") != NAMES), chosen.filter(pl.col("kind") == NAMES)
            markets = tuple(chosen["market"].unique().sort())
            of_markets = pl.col("market").is_in(markets)
            shipped, touched = base.filter(of_markets), before.filter(of_markets)
            changed = cell_changes(_all_of(shipped, touched), _all_of(shipped, _without(touched, ended)))
            report = WithdrawReport(
                import_id="",
                rows=chosen.height,
                markets=markets,
                withdrawn=rows_withdrawn(chosen),
                changes=first_changes(changed),
                validate_only=query.validate_only,
                warnings=(*repeated_by(chosen, entries), *totals_kept(chosen, counted)),
            )
            if query.validate_only:
                return report
            number = keep_withdrawal(connection, query, report, digest=digest, now=now)
            insert(connection, figure_ends, ending(ended, number))
            insert(connection, name_change_ends, ending(names_ended, number))
        return replace(report, import_id=str(number))

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sa.Connection]:
        with writing(self._engine) if write else self._engine.connect() as connection:
            yield connection


def _all_of(*parts: pl.DataFrame) -> pl.DataFrame:
    """Statements of several origins, one after the other."""
    return pl.concat([part.select(STATEMENT_SCHEMA.keys()) for part in parts])


def _without(rows: pl.DataFrame, ended: pl.DataFrame) -> pl.DataFrame:
    return rows.join(ended, on=KEY, how="anti", maintain_order="left")
