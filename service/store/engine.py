"""Connections to a database by its URL, set up so that what is acknowledged is kept."""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from forecast.errors import InvalidArgument
from service.errors import StoreUnavailable
from service.store.failures import WAIT_SECONDS

ALLOWED: Final = "sqlite:///FILE, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or the name of a SQLite file"
_WRITING: Final = "sharecast_writing"
_PLACE: Final = "sharecast_place"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)")


def make_engine(database: str, /, *, create: bool) -> sa.Engine:
    """Connections to a database.

    Args:
        database: ``sqlite:///FILE`` (``sqlite:////`` before an absolute path), ``postgresql://...``, or the name of a
            SQLite file.
        create: Whether a SQLite file that is missing is made when first connected to.

    Raises:
        InvalidArgument: the text is no such URL, the file or its folder is missing, or the driver is not installed.
    """
    url = _url(database)
    if url.get_backend_name() == "postgresql":
        return _postgres(url)
    path = Path(str(url.database))
    if path.is_dir():
        raise InvalidArgument("database", str(path), "give a file", f"{str(path)!r} is a folder")
    if not path.parent.is_dir():
        raise InvalidArgument("database", str(path), "", f"{str(path)!r} is in no folder that exists")
    if not create and not path.exists():
        raise InvalidArgument("database", str(path), "`sharecast import` makes one", f"{str(path)!r} does not exist")
    return _sqlite(url)


@contextmanager
def writing(engine: sa.Engine, /) -> Iterator[sa.Connection]:
    """A transaction that waits for other writers, at most `WAIT_SECONDS`, and is kept whole or not at all.

    Raises:
        StoreUnavailable: the file was moved away or replaced, before or meanwhile: nothing is kept.
    """
    with engine.connect().execution_options(**{_WRITING: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
            # One number for all databases of Sharecast; held until the transaction ends. No table is there to lock at
            # the first start.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5999321842)")
        yield connection
        check_in_place(engine)


def file_of(engine: sa.Engine, /) -> Path | None:
    """Where a database of SQLite is kept; None for one elsewhere."""
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


def check_in_place(engine: sa.Engine, /) -> None:
    """Refuse to go on with a file of SQLite that is not, or no longer, where it was first opened.

    Whoever has it open could read and write it as before. But what is written would be lost with the last process that
    has it, and what others write to the file now in its place, such as the end of a key, would not be seen.

    Raises:
        StoreUnavailable: it was moved away or replaced.
    """
    place = engine.get_execution_options().get(_PLACE)
    if place is not None:
        cast(_Place, place).check()


def shown(engine: sa.Engine, /) -> str:
    """The database as a message may name it: without a password."""
    url = engine.url
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _url(database: str) -> sa.URL:
    scheme = _SCHEME.match(database)
    if scheme is None:
        if not database or "\0" in database:
            raise InvalidArgument("database", database, ALLOWED)
        return sa.URL.create("sqlite", database=database)
    try:
        url = sa.make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", database))
    except (sa.exc.ArgumentError, ValueError):
        raise InvalidArgument("database", f"{scheme[0]}://...", ALLOWED) from None  # the rest may hold a password
    good = url.drivername == "postgresql+psycopg" or (
        url.drivername == "sqlite" and not url.host and url.database not in (None, "", ":memory:") and not url.query
    )
    if not good:
        raise InvalidArgument("database", url.render_as_string(hide_password=True), ALLOWED)
    return url


def _postgres(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": WAIT_SECONDS})
    except ImportError:
        raise InvalidArgument(
            "database",
            url.render_as_string(hide_password=True),
            "a SQLite file; for PostgreSQL install sharecast[postgres]",
        ) from None


def _sqlite(url: sa.URL) -> sa.Engine:
    place = _Place(Path(str(url.database)))
    engine = sa.create_engine(
        url, connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False}, execution_options={_PLACE: place}
    )

    @sa.event.listens_for(engine, "do_connect")
    @sa.event.listens_for(engine, "checkout")
    def look(*_: object) -> None:
        place.check()  # before a connection is made too: opening a file that is missing would make an empty one
        place.make()

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, record: object) -> None:
        raw = cast(sqlite3.Connection, connection)
        raw.isolation_level = None  # the driver must not begin or commit on its own
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON"):
            # Without recursive triggers INSERT OR REPLACE would delete past the trigger that refuses it.
            raw.execute(f"PRAGMA {pragma}")
        place.opened()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A writer takes the lock at once: two that first read and then write could only both give up.
        immediate = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def use_wal(connection: sa.Connection, /) -> None:
    """Have readers of a SQLite file go on beside a writer, from now on. The connection must not be in a transaction."""
    raw = cast(sqlite3.Connection, connection.connection.driver_connection)
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
            return
        # Turning it on needs the file for itself, and does not wait for that as everything else does.
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


class _Place:
    """Where a file of SQLite is, and which file was opened there first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: tuple[int, int] | None = None  # None: none yet

    def opened(self) -> None:
        self._first = self._first or self._now()

    def make(self) -> None:
        """Make a file that is missing, for its owner alone: it holds jobs of all tenants and hashes of their keys."""
        if self._first is None:
            with suppress(OSError):  # SQLite tells what is wrong; what it adds beside has the rights of the file
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def check(self) -> None:
        if self._first is not None and self._now() != self._first:
            raise StoreUnavailable("its file was moved away or replaced; start the service again")

    def _now(self) -> tuple[int, int] | None:
        try:
            told = self._path.stat()
        except OSError:
            return None
        return told.st_dev, told.st_ino
