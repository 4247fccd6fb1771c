"""The figures a command works on: those that ship, those the user has imported, or those of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.settings import Settings

if TYPE_CHECKING:
    from forecast.name_changes import NameChange
    from forecast.shares import SharesTable
    from service.catalog import Catalog
    from service.cli.options import SheetOptions
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


@dataclass(frozen=True, slots=True)
class OpenedMarket:
    """A market that a command was asked about, and where its figures are."""

    catalog: "Catalog"
    market: str
    notes: tuple[str, ...] = ()  # what was assumed of a file


def open_market(
    market: str,
    reading: "SheetOptions",
    *,
    figures: Path | None,
    database: str | None,
    house: str | None = None,
    name_changes: "Sequence[NameChange]" = (),
) -> OpenedMarket:
    """The market of a name; or that of a file of shares, which is used alone and kept nowhere.

    Args:
        market: The name, or the file.
        reading: What is said about a file.
        figures: As `open_catalog` takes it.
        database: Likewise.
        house: That the command was asked for.
        name_changes: Declared in the command: what they follow is not advised again.

    Raises:
        UsageError: an option goes with a market and a file is given, or the other way round.
        InvalidArgument, InvalidTable: the file cannot be read, or has several markets and none is chosen.
    """
    from service.sheets import is_sheet_file

    if not is_sheet_file(market):
        if reading.given:
            raise click.UsageError(f"--sheet, --measure and the like go with a FILE; {market} is a market.")
        return OpenedMarket(open_catalog(figures, database), market)
    for option, given in (("--house", house), ("--figures", figures), ("--database", database)):
        if given is not None:
            raise click.UsageError(f"{option} goes with a MARKET; {market} is a FILE of shares, of no house.")
    from datetime import UTC, datetime

    import polars as pl

    from forecast.brought import without_advice
    from forecast.figures import load_breaks
    from forecast.merging import merge_figures, share_statements
    from service.catalog import Catalog
    from service.queries import OWN_HOUSE

    read, name = read_one_market(Path(market), reading, dated=True)
    statements = share_statements(read, house=OWN_HOUSE, today=datetime.now(UTC).date())
    base, breaks = Catalog.shipped().no_figures(), load_breaks().clear()
    own = merge_figures(base, statements.with_columns(kind=pl.lit("shares")))
    return OpenedMarket(Catalog(own, breaks), name, without_advice(read, name_changes).notes_of(name))


def read_one_market(path: Path, reading: "SheetOptions", *, dated: bool = False) -> "tuple[SharesTable, str]":
    """The one market of a file, or that which is chosen of several.

    Raises:
        InvalidArgument: none is chosen, or one that the file does not have.
        InvalidTable: the file, or the market in it, cannot be read.
    """
    from forecast.errors import InvalidArgument, InvalidTable
    from service.sheets import read_shares_file

    read = read_shares_file(path, options=reading.reading(), sheet=reading.sheet, dated=dated)
    markets = [*read.shares["market"].unique(maintain_order=True), *read.refused["market"]]
    if len(markets) > 1:
        shown = ", ".join(markets[:10]) + (f" and {len(markets) - 10} more" if len(markets) > 10 else "")
        raise InvalidArgument("--market", reading.market, f"one of the {len(markets)} markets of {path}: {shown}")
    for message in read.refused["message"]:
        raise InvalidTable(str(path), read.violations, read.broken, message=message)
    return read, markets[0]


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
    own = settings.database_file
    if named is None and own is not None and _is_file(own):
        return str(own)
    return None if named == NO_DATABASE else named


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
    own = settings.database_file
    if named is None and own is None:
        raise InvalidArgument("database", None, "give --database", "is not named, and this user has no home folder")
    if named is None and own is not None:
        named, folder = str(own), own.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidArgument(
                "database", str(folder), "give another --database", f"folder {folder} cannot be made: {error.strerror}"
            ) from error
    return _opened(str(named), create=True)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in the home of somebody else, which XDG_DATA_HOME or HOME may name
        return False


def _opened(database: str, *, create: bool) -> "Store":
    from service.store import open_store

    store = open_store(database, create=create)
    click.get_current_context().call_on_close(store.close)
    return store
