"""Files of shares as analysts have them: workbooks and text of every separator, and the tables of `service.tables`."""

import csv
import io
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import polars as pl

from forecast.brought import TidyTable, is_canonical, made_fit, tidy_sheet
from forecast.errors import InvalidArgument, InvalidTable
from forecast.shares import SharesTable
from forecast.sheet import Reading, Sheet, understand
from service.tables import ENDINGS, check_readable, read_table

WORKBOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TEXTS: Final = (".csv", ".tsv", ".txt")
SHEET_ENDINGS: Final = (*WORKBOOKS, *TEXTS, *(ending for ending in ENDINGS if ending != ".csv"))
LARGEST_WORKBOOK = 64 * 2**20  # bytes of the file
LARGEST_UNPACKED = 512 * 2**20  # bytes of what a workbook holds
LARGEST_TEXT = 256 * 2**20  # bytes of a text that is not canonical, which is in memory several times over
MOST_CELLS = 5_000_000
_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_NAMES = {";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 200  # lines that show the separator


@dataclass(frozen=True, slots=True)
class SheetReading:
    """How a file is read."""

    options: Reading | None = None
    sheet: str | None = None  # of a workbook, by name or number


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a file."""

    rows: Sequence[Sequence[object]]
    notes: tuple[str, ...] = ()  # how the file was read, where that is not plain
    below_header: bool = False  # as `forecast.sheet.understand` takes it


def kind_of_file(path: Path, /) -> "Literal['figures', 'shares', 'names']":
    """What kind of table a file holds, by its columns: all that is no table of figures or names is read as shares.

    Raises:
        InvalidArgument: it cannot be read.
    """
    check_sheet_file(path)
    if path.suffix.lower() in ENDINGS:
        try:
            columns = set(read_table(path).columns)
        except InvalidArgument:
            return "shares"  # read as a sheet, it says what is wrong
        if {"providers", "measure"} <= columns:
            return "figures"
        if {"provider", "into"} <= columns:
            return "names"
    return "shares"


def rows_of(tidy: TidyTable, /) -> pl.DataFrame:
    """The rows of a tidy table as a server takes them.

    Raises:
        InvalidTable: a cell of it is unfit.
    """
    read = made_fit(tidy, dated=True)
    if read.broken:
        raise InvalidTable(read.table, read.violations, read.broken)
    return tidy.frame.drop("row", strict=False)


def check_sheet_file(path: Path, /) -> None:
    """Refuse a file that cannot be one of shares, by its name, kind and first bytes.

    Raises:
        InvalidArgument: so it is.
    """
    ending = path.suffix.lower()
    if ending not in SHEET_ENDINGS:
        given = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise InvalidArgument(str(path), path.suffix, f"give a file ending in {', '.join(SHEET_ENDINGS)}", given)
    _check_file(path, LARGEST_WORKBOOK if ending in WORKBOOKS else 2**62)
    if ending in ENDINGS and ending not in TEXTS:
        check_readable(path)


def is_sheet_file(name: str, /) -> bool:
    """Whether a name is that of a file of shares rather than of a market: it ends as one, or there is one."""
    path = Path(name)
    return path.suffix.lower() in SHEET_ENDINGS or ("." in path.name and path.is_file())


def read_shares_file(
    path: Path, /, *, options: Reading | None = None, sheet: str | None = None, dated: bool = False
) -> SharesTable:
    """Read a file of shares or amounts, and make it fit.

    Args:
        path: A workbook, a text with a separator, or a table of Parquet, Arrow or JSON.
        options: What its owner says about it.
        sheet: Name or number, from 1, of a workbook's sheet; None: the one that is understood.
        dated: Whether it is to be kept, so that it may have days of publication.

    Raises:
        InvalidArgument: the file is missing, too large, damaged or not what its ending says, or there is no such sheet.
        InvalidTable: it is not understood as a table of shares.
    """
    tidy = tidy_file(path, options=options, sheet=sheet, dated=dated)
    return made_fit(tidy, dated=dated)


def tidy_file(
    path: Path, /, *, options: Reading | None = None, sheet: str | None = None, dated: bool = False
) -> TidyTable:
    """The cells of a file by market, quarter and provider, as `forecast.shares.read_shares` takes them.

    Raises:
        InvalidArgument, InvalidTable: as `read_shares_file`.
    """
    frame = None if options or sheet else _canonical(path, dated=dated)
    if frame is None:
        return tidy_sheet(open_sheet(path, options=options, sheet=sheet), dated=dated)
    if "market" not in frame.columns:
        frame = frame.with_columns(market=pl.lit(path.stem))
    return TidyTable(str(path), frame)


def open_sheet(path: Path, /, *, options: Reading | None = None, sheet: str | None = None) -> Sheet:
    """A file as it was understood, before anything is made fit.

    Raises:
        InvalidArgument, InvalidTable: as `read_shares_file`.
    """
    check_sheet_file(path)
    asked = options or Reading()
    if asked.market is None:
        asked = replace(asked, market=path.stem)
    if path.suffix.lower() in WORKBOOKS:
        grids = _workbook(path, sheet)
    elif sheet is not None:
        raise InvalidArgument("sheet", sheet, "", "is for workbooks; this file has no sheets")
    elif path.suffix.lower() in TEXTS:
        grids = {"": _text(path)}
    else:
        frame = read_table(path)
        grids = {"": Grid([frame.columns, *frame.rows()], below_header=True)}
    found: dict[str, Sheet] = {}
    refused: list[InvalidTable] = []
    for name, grid in grids.items():
        told = f"{path}, sheet {name!r}" if len(grids) > 1 else str(path)
        try:
            made = understand(grid.rows, name=told, options=asked, below_header=grid.below_header)  # type: ignore[arg-type]
        except InvalidTable as error:
            refused.append(error)
        else:
            found[name] = replace(made, notes=(*grid.notes, *made.notes))
    if len(found) > 1:
        names = ", ".join(map(repr, found))
        raise InvalidArgument(str(path), names, "say which with --sheet", f"has several sheets of shares: {names}")
    if not found:
        raise refused[0]
    ((name, only),) = found.items()
    if len(grids) > 1:
        only = replace(only, notes=(f"sheet {name!r} is read, as the others hold no table of shares", *only.notes))
    return only


def _canonical(path: Path, *, dated: bool) -> pl.DataFrame | None:
    """A table that has our own columns and types already; None for others."""
    if path.suffix.lower() not in ENDINGS:
        return None
    try:
        frame = read_table(path)
    except InvalidArgument:
        if path.suffix.lower() in TEXTS and path.is_file():
            return None  # read as text, it says where it is not canonical
        raise
    return frame if frame.height and is_canonical(frame, dated=dated) else None


def _check_file(path: Path, most: int) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InvalidArgument(str(path), "missing", "", "does not exist") from None
    except OSError as error:
        raise InvalidArgument(str(path), error.strerror, "", f"cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise InvalidArgument(str(path), "a folder", "give a file", "is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise InvalidArgument(str(path), "no file", "give a file", "is no ordinary file")
    if found.st_size == 0:
        raise InvalidArgument(str(path), "an empty file", "give a file with a table of shares", "is empty")
    if found.st_size > most:
        raise InvalidArgument(
            str(path),
            found.st_size,
            "give the table as Parquet, or with the columns market, period, provider and share",
            f"has {found.st_size / 2**20:,.0f} MiB, and at most {most // 2**20} are read",
        )


def _workbook(path: Path, sheet: str | None) -> dict[str, Grid]:
    """The sheets of a workbook that hold anything, or the one asked for."""
    import fastexcel

    _check_file(path, LARGEST_WORKBOOK)
    _check_unpacked(path)
    try:
        book = fastexcel.read_excel(str(path))
        names = book.sheet_names
        if sheet is not None:
            if sheet not in names and sheet.isdigit() and 1 <= int(sheet) <= len(names):
                sheet = names[int(sheet) - 1]
            if sheet not in names:
                listed = ", ".join(map(repr, names))
                raise InvalidArgument("sheet", sheet, f"one of {listed}, or a number from 1 to {len(names)}")
            names = [sheet]
        grids = {}
        for name in names:
            # every row from the first on, so that rows are those of the workbook
            cells = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()
            if cells.height * cells.width > MOST_CELLS:
                size = f"{cells.height:,} x {cells.width:,} cells"
                found = f"has {size} in sheet {name!r}, and at most {MOST_CELLS:,} cells are read"
                raise InvalidArgument(str(path), cells.height, "", found)
            if cells.height:
                grids[name] = Grid(cells.rows())
    except (fastexcel.FastExcelError, OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        problem = f"is damaged, or no workbook: {reason}"
        raise InvalidArgument(
            str(path), reason, "open it in your spreadsheet program and save it again", problem
        ) from error
    if not grids:
        raise InvalidArgument(str(path), "no cell", "give a workbook with a table of shares", "holds nothing")
    return grids


def _check_unpacked(path: Path) -> None:
    """Refuse a workbook that unpacks to more than memory should hold, before it is unpacked."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        size = sum(entry.file_size for entry in packed.infolist())
    if size > LARGEST_UNPACKED:
        found = f"unpacks to {size / 2**20:,.0f} MiB, and at most {LARGEST_UNPACKED // 2**20} are read"
        raise InvalidArgument(str(path), size, "keep only the sheet of shares", found)


def _text(path: Path) -> Grid:
    """The cells of a text with a separator."""
    _check_file(path, LARGEST_TEXT)
    data = path.read_bytes()
    notes = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
        notes.append("read as UTF-16")
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        notes.append("not UTF-8: read as Windows-1252")
    if "\0" in text:
        raise InvalidArgument(str(path), "binary data", "give a text, or a workbook with its ending", "is no text")
    separator = _separator(text)
    if separator in _SEPARATOR_NAMES:
        notes.append(f"cells are separated by {_SEPARATOR_NAMES[separator]}")
    csv.field_size_limit(LARGEST_TEXT)
    rows: list[list[str]] = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    cells = sum(map(len, rows))
    if cells > MOST_CELLS:
        found = f"has {cells:,} cells, and at most {MOST_CELLS:,} are read of a table that is not canonical"
        allowed = "give the columns market, period, provider and share, quarters as 2020Q3 and shares as fractions"
        raise InvalidArgument(str(path), cells, allowed, found)
    return Grid(rows, tuple(notes), below_header=True)


def _separator(text: str) -> str:
    """What separates the cells: what divides most lines into as many of them."""
    lines = "\n".join(text.splitlines()[:_LOOKED_AT])

    def score(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(io.StringIO(lines, newline=""), delimiter=separator) if row]
        wide = [width for width in widths if width > 1]
        usual = max(set(wide), key=lambda width: (wide.count(width), width), default=0)
        return wide.count(usual) if usual else 0, usual

    return max(_SEPARATORS, key=score)
