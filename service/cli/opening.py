"""The figures a command works on: those that ship, those the user has imported, or those of a file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.settings import Settings

if TYPE_CHECKING:
    from service.catalog import Catalog
    from service.store import Store

NO_DATABASE = "none"  # as the value of --database: the shipped figures alone


def open_catalog(figures: Path | None, database: str | None) -> "Catalog":
    """The catalog of a file of figures; or of the shipped ones and those of a database beside them.

    The declared series breaks are the shipped ones either way: they are facts about markets and houses, not files.

    Args:
        figures: A file, used alone.
        database: As --database takes it. None: what the environment names, else the user's own database where there is
            one, else none.

    Raises:
        UsageError: both are given.
        InvalidArgument: the file cannot be read, or the database is none.
        InvalidTable: the file is no table of figures.
        StoreUnavailable: the database cannot be reached or read.
    """
    from forecast.figures import load_breaks, prepare_figures
    from service.catalog import Catalog
    from service.tables import read_table

    if figures is None:
        return Catalog.shipped(open_existing(database))
    if database is not None:
        raise click.UsageError("--figures is used in place of a database; give one of --figures and --database.")
    return Catalog(prepare_figures(read_table(figures), table=str(figures)), load_breaks())


def open_existing(database: str | None, *, create: bool = False) -> "Store | None":
    """The database to read from, closed when the command ends; None for the shipped figures alone.

    Args:
        database: As `open_catalog` takes it.
        create: Whether a file that is named and missing is made.

    Raises:
        InvalidArgument, StoreUnavailable: as `open_catalog`.
    """
    named = named_database(database)
    return None if named is None else _opened(named, create=create)


def named_database(database: str | None) -> str | None:
    """The database that `open_existing` opens; None for none."""
    settings = Settings.from_environment()
    named = database or settings.database
    if named == NO_DATABASE or (named is None and not settings.database_file.is_file()):
        return None
    return named or str(settings.database_file)


def open_for_import(database: str | None) -> "Store":
    """The database to import into, made where there is none yet.

    Raises:
        InvalidArgument: it is no database, or none is to be used.
        StoreUnavailable: it cannot be reached or written.
    """
    from forecast.errors import InvalidArgument

    settings = Settings.from_environment()
    named = database or settings.database
    if named == NO_DATABASE:
        raise InvalidArgument("database", named, "give one to import into", f"is {named!r}")
    if named is None:
        folder = settings.database_file.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidArgument(
                "database", str(folder), "give another --database", f"folder {folder} cannot be made: {error.strerror}"
            ) from error
    return _opened(named or str(settings.database_file), create=True)


def _opened(database: str, *, create: bool) -> "Store":
    from service.store import open_store

    store = open_store(database, create=create)
    click.get_current_context().call_on_close(store.close)
    return store
