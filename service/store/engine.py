"""Connections to a database by its URL, set up so that what is acknowledged is kept."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from forecast.errors import InvalidArgument
from service.store.failures import WAIT_SECONDS

ALLOWED: Final = "sqlite:///FILE, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or the name of a SQLite file"
_WRITING: Final = "sharecast_writing"
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
        raise InvalidArgument("database", str(path), "a file")
    if not path.parent.is_dir():
        raise InvalidArgument("database", str(path), "a file in a folder that exists")
    if not create and not path.exists():
        raise InvalidArgument("database", str(path), "a file that exists; `sharecast import` makes one")
    return _sqlite(url)


@contextmanager
def writing(engine: sa.Engine, /) -> Iterator[sa.Connection]:
    """A transaction that waits for other writers, at most `WAIT_SECONDS`, and is kept whole or not at all."""
    with engine.connect().execution_options(**{_WRITING: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
            # One number for all databases of Sharecast; held until the transaction ends. No table is there to lock at
            # the first start.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5999321842)")
        yield connection


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
    engine = sa.create_engine(url, connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, record: object) -> None:
        raw = cast(sqlite3.Connection, connection)
        raw.isolation_level = None  # the driver must not begin or commit on its own
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON"):
            # Without recursive triggers INSERT OR REPLACE would delete past the trigger that refuses it.
            raw.execute(f"PRAGMA {pragma}")

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
