"""Whether a database can be used, found out without changing it."""

from dataclasses import dataclass
from pathlib import Path

from service.store.engine import file_of, make_engine, shown
from service.store.failures import failures_told
from service.store.migrating import NEWEST, foreign_tables, version_of
from service.store.store import Store


@dataclass(frozen=True, slots=True)
class StoreLook:
    """What was found at a database."""

    place: str  # the file, or the URL without its password
    file: Path | None  # None: a server
    version: str | None  # of its tables; None: it has none of ours
    newest: str  # the version that this Sharecast uses
    foreign: tuple[str, ...] = ()  # tables of something else, which keep ours from being made


def look_at(database: str, /) -> StoreLook:
    """Look at a database, changing nothing.

    Raises:
        InvalidArgument: the text is no URL of one, or the file is missing.
        StoreUnavailable: it cannot be reached or read.
    """
    engine = make_engine(database, create=False)
    try:
        with failures_told(shown(engine)), engine.connect() as connection:
            version = version_of(connection)
            foreign = foreign_tables(connection) if version is None else ()
        return StoreLook(shown(engine), file_of(engine), version, NEWEST, foreign)
    finally:
        engine.dispose()


class StoreCheck:
    """Tells again and again whether an open database still answers, and is still the one that was opened.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self) -> None:
        """Look once.

        Raises:
            StoreUnavailable: it does not answer, or another is in its place.
        """
        self._store.version()
