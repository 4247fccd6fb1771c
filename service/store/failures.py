"""What goes wrong in a database, told as errors of the tree; no text of a driver reaches a caller."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from service.errors import StoreUnavailable

WAIT_SECONDS = 5  # for another writer

_NO_ROOM = "there is no room left on its disk"
_BUSY = f"another import has kept it for more than {WAIT_SECONDS} s"
_NOT_WRITABLE = "it may not be written"
_DAMAGED = "it is damaged; restore a copy"

# By primary result code.
_SQLITE = {
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_AUTH: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened: look at the folder's permissions and the room on its disk",
    sqlite3.SQLITE_IOERR: "its disk failed or is full",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}

# By the beginning of the SQLSTATE, the longer first.
_POSTGRES = {
    "53100": _NO_ROOM,
    "55P03": _BUSY,
    "40P01": _BUSY,
    "25006": _NOT_WRITABLE,
    "42501": "its user lacks the rights to it",
    "53": "the server has no memory or connections left",
    "57": "the server is stopping",
    "08": "the server does not answer",
    "XX": _DAMAGED,
}


@contextmanager
def failures_told(place: str, /) -> Iterator[None]:
    """Raise what the database cannot do as `StoreUnavailable`.

    Args:
        place: The database, which is noted on the error and not in its text: callers of a server need not know it.

    Raises:
        StoreUnavailable: any error of SQLAlchemy or a driver inside the block.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise _told(error, place) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":  # not imported: it is an extra
            raise
        raise _told(error, place) from error


def _told(error: Exception, place: str) -> StoreUnavailable:
    told = StoreUnavailable(_detail(error))
    told.add_note(f"database: {place}")
    return told


def _detail(error: Exception) -> str:
    original = (error.orig if isinstance(error, sa.exc.DBAPIError) else None) or error
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        known = None if code is None else _SQLITE.get(code & 0xFF)
        return known or f"it failed with {getattr(original, 'sqlite_errorname', type(original).__name__)}"
    if isinstance(error, sa.exc.TimeoutError):
        return "all its connections are busy"
    state = getattr(original, "sqlstate", None)
    if state is None:  # no connection; libpq says why in words alone, which depend on the server's language
        return "the server does not answer, or refuses the user, the password or the name of the database"
    known = next((text for beginning, text in _POSTGRES.items() if str(state).startswith(beginning)), None)
    return known or f"it failed with SQLSTATE {state}"
