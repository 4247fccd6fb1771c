"""Files and frames as a grid of cells, and the sheet read from them: workbooks, delimited text, tables of programs."""

import csv
import html
import io
import itertools
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from forecast.brought import TidyTable, is_canonical, made_fit, tidy_sheet
from forecast.cells import Cell, is_blank, quoted
from forecast.errors import InvalidArgument, InvalidTable
from forecast.shares import SharesTable
from forecast.sheet import Reading, Sheet, understand
from service.tables import ENDINGS, read_table

if TYPE_CHECKING:
    import fastexcel

Grid = Sequence[Sequence[Cell]]

WORKBOOKS: Final = (".xlsx", ".xlsm", ".xls", ".ods")
TEXTS: Final = (".csv", ".tsv", ".txt")
SHEET_ENDINGS: Final = (*TEXTS, *WORKBOOKS, *(ending for ending in ENDINGS if ending not in TEXTS))
MAX_BYTES: Final = 64 * 2**20  # of a file
MAX_UNPACKED: Final = 256 * 2**20  # of a workbook, whose file is packed
MAX_CELLS: Final = 5_000_000
MAX_COLUMNS: Final = 16_384  # as many as a spreadsheet has
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LONGEST_CELL = 100_000  # characters
_LONGEST_LINE = 2**24  # bytes of a first line that are looked at
_LAST_DAY = 95_000_000  # above which the library takes no number for a day; a text so long has one reading only
_FEWEST_CHINESE = 4  # common characters by which a text is known to be Chinese
_SNIFFED = 200  # lines by which the delimiter is told
_FILLED = re.compile(r'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*>(?=\s*<(?:\w+:)?(?:v|is|f)\b)')  # cells
_FORMULA = re.compile(
    r'<(?:\w+:)?c r="(?P<letters>[A-Z]+)(?P<row>[0-9]+)"(?P<said>[^>]*)>\s*'
    r"<(?:\w+:)?f\b[^>]*?(?:/>|>(?P<formula>[^<]*)</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v(?:/>|>(?P<value>[^<]*)</(?:\w+:)?v>))?"
)
_PACKED = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_STRANGERS = (
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow IPC file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"%PDF", "a PDF file"),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sheet of a workbook, or the only one of another file."""

    name: str  # of the sheet; "" where the file has but one
    grid: Grid  # its first row is row 1 of the sheet


@dataclass(frozen=True, slots=True)
class SheetReading:
    """How a file is read."""

    options: Reading | None = None
    sheet: str | None = None  # of a workbook, by name or number


def is_sheet_file(name: str, /) -> bool:
    """Whether a name is that of a file of shares rather than of a market: it ends as one, or there is one."""
    path = Path(name)
    return path.suffix.lower() in SHEET_ENDINGS or ("." in path.name and path.is_file())


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
    """Refuse a file that cannot be one of shares, by its name, kind and size.

    Raises:
        InvalidArgument: so it is.
    """
    _check_file(path, path.suffix.lower())


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
    _check_kind(path, path.suffix.lower())
    frame = None if options or sheet else _canonical(path, dated=dated)
    if frame is None:
        tidy = tidy_sheet(read_sheet(path, sheet=sheet, options=options), dated=dated)
        return tidy if options is None or options.market is None else _of_market(tidy, options.market)
    if "market" not in frame.columns:
        frame = frame.with_columns(market=pl.lit(path.stem))
    if path.suffix.lower() in TEXTS and "row" not in frame.columns:
        frame = frame.with_columns(row=pl.int_range(2, pl.len() + 2))  # lines of the file
    return TidyTable(str(path), frame)


def _of_market(tidy: TidyTable, market: str) -> TidyTable:
    """The rows of one market."""
    markets = tidy.frame["market"].unique(maintain_order=True).to_list()
    if market not in markets:
        shown = ", ".join(markets[:10]) + (f" and {len(markets) - 10} more" if len(markets) > 10 else "")
        raise InvalidArgument("--market", market, f"one of the {len(markets)} markets of {tidy.name}: {shown}")
    return replace(
        tidy,
        frame=tidy.frame.filter(pl.col("market") == market),
        notes=tuple(note for note in tidy.notes if note[0] in ("", market)),
        faults=tuple(fault for fault in tidy.faults if fault[0] in ("", market)),
    )


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
    if not frame.height or not is_canonical(frame, dated=dated) or may_be_thousands(path):
        return None
    return frame


def may_be_thousands(path: Path, /) -> bool:
    """Whether all amounts of a text that have a point are such as 1.234, which may be a thousand in groups."""
    if path.suffix.lower() not in TEXTS:
        return False
    table = pl.scan_csv(path, infer_schema=False, glob=False)
    if "value" not in table.collect_schema():
        return False
    value = pl.col("value").str.strip_chars()
    pointed = value.filter(value.str.contains(".", literal=True))
    found = table.select(some=pointed.len() > 0, all=pointed.str.contains(r"^[1-9][0-9]{0,2}\.[0-9]{3}$").all())
    return all(found.collect(engine="streaming").row(0))


def read_sheet(path: Path, /, *, sheet: str | None = None, options: Reading | None = None) -> Sheet:
    """Read a file of shares or amounts as its author has it.

    Args:
        path: A workbook (.xlsx, .xlsm, .xls, .ods), delimited text (.csv, .tsv, .txt), or a table of a program
            (.parquet, .json, .arrow, .ipc).
        sheet: Name or number, from 1, of the sheet of a workbook; by default the only one that is understood.
        options: What the user says about it; without a market there or in the file, the market has the file's name.

    Raises:
        InvalidArgument: the file is missing, too large, damaged or not what its ending says, or has no such sheet.
        InvalidTable: it is not understood, or has two readings.
    """
    options = options or Reading()
    leaves, notes = read_leaves(path, sheet=sheet)
    read: list[Sheet] = []
    failures: list[InvalidTable] = []
    for leaf in leaves:
        source = f"{path}, sheet {quoted(leaf.name)}" if leaf.name and len(leaves) > 1 else str(path)
        try:
            read.append(
                understand(
                    leaf.grid,
                    name=path.stem,
                    source=source,
                    options=options,
                    below_header=path.suffix.lower() not in (*WORKBOOKS, *TEXTS),
                )
            )
        except InvalidTable as error:
            failures.append(error)
    if len(read) == 1:
        chosen = read[0]
        if len(leaves) > 1:
            notes = (
                *notes,
                f"of {len(leaves)} sheets the only one understood was read: {chosen.name.split(', ', 1)[1]}",
            )
        return replace(chosen, name=str(path), notes=(*notes, *chosen.notes))
    if len(leaves) == 1:
        raise failures[0]
    names = ", ".join(quoted(leaf.name) for leaf in leaves[:10])
    found = f"{len(read)} of them can be read" if read else f"none of them is understood ({failures[0]})"
    raise file_fault(
        path, f"has several sheets: {names}; {found}; say which with --sheet NAME", names, "one sheet, or --sheet"
    )


def read_leaves(path: Path, /, *, sheet: str | None = None) -> tuple[tuple[Leaf, ...], tuple[str, ...]]:
    """The sheets of a file that are not empty, and what was assumed of its form.

    Raises:
        InvalidArgument: as `read_sheet`.
    """
    ending = path.suffix.lower()
    _check_file(path, ending)
    if sheet is not None and ending not in WORKBOOKS:
        raise InvalidArgument("sheet", sheet, f"no --sheet, since {path.name} is no workbook")
    if ending in WORKBOOKS:
        return _read_workbook(path, ending, sheet), ()
    if ending in TEXTS:
        grid, notes = parse_text(path.read_bytes(), name=str(path))
        return (Leaf("", grid),), notes
    frame = read_table(path)
    _check_cells(str(path), frame.height, frame.width)
    return (Leaf("", [frame.columns, *frame.rows()]),), ()


def file_fault(path: Path, sentence: str, found: str, allowed: str) -> InvalidArgument:
    """An error about a file, whose message is one sentence that begins with the file's name."""
    error = InvalidArgument(str(path), found, allowed)
    error.args = (f"{path} {sentence}",)
    return error


def _check_file(path: Path, ending: str) -> None:
    """Refuse what is no fit file of a sheet before it is read."""
    _check_kind(path, ending)
    if ending in (*WORKBOOKS, *TEXTS) and (size := path.stat().st_size) > MAX_BYTES:
        found = f"{size / 2**20:.0f} MiB"
        raise file_fault(
            path,
            f"has {found}, and at most {MAX_BYTES // 2**20} MiB are read as a sheet; keep the rows and columns that "
            "matter, or save it as .parquet",
            found,
            f"{MAX_BYTES // 2**20} MiB at most",
        )


def _check_kind(path: Path, ending: str) -> None:
    """Refuse what can be no table before it is opened: a pipe would wait, and a device has no end."""
    allowed = f"a file ending in {', '.join(SHEET_ENDINGS)}"
    try:
        status = path.stat()
    except FileNotFoundError:
        raise file_fault(path, "does not exist", "missing", "a file that exists") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise file_fault(path, f"cannot be read: {reason}", f"unreadable: {reason}", "a file you may read") from error
    if stat.S_ISDIR(status.st_mode):
        raise file_fault(path, "is a folder; name a file in it", "a folder", allowed)
    if not stat.S_ISREG(status.st_mode):
        raise file_fault(path, "is a device or a pipe; save its content as a file first", "a device or pipe", allowed)
    if ending not in SHEET_ENDINGS:
        called = f"ends in {ending!r}" if ending else "has no ending"
        raise file_fault(
            path, f"{called}, which is no kind of table; known are {', '.join(SHEET_ENDINGS)}", called, allowed
        )
    if not status.st_size:
        raise file_fault(path, "is an empty file; it needs a header and rows", "an empty file", allowed)
    if not os.access(path, os.R_OK):
        raise file_fault(path, "may not be read by you", "unreadable", "a file you may read")
    if ending in TEXTS:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_LINE)
        _check_columns(path, 1 + max(line.count(mark.encode()) for mark in _DELIMITERS))


def _check_columns(path: Path, columns: int) -> None:
    if columns > MAX_COLUMNS:
        raise file_fault(
            path,
            f"has {columns:,} columns, and at most {MAX_COLUMNS:,} are read; keep the columns that matter",
            f"{columns} columns",
            f"{MAX_COLUMNS} columns at most",
        )


def _check_cells(path: str, rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise file_fault(
            Path(path),
            f"has {rows * columns:,} cells, and at most {MAX_CELLS:,} are read; keep the rows and columns that matter",
            f"{rows * columns} cells",
            f"{MAX_CELLS} cells at most",
        )


def parse_text(data: bytes, /, *, name: str) -> tuple[Grid, tuple[str, ...]]:
    """Delimited text as a grid, and what was assumed of its characters and delimiter.

    Raises:
        InvalidArgument: it is no text, or a quotation mark in it does not close.
    """
    path = Path(name)
    text, notes = _decode(data, path)
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        grid, delimiter = _parse(text, path)
    finally:
        csv.field_size_limit(limit)
    return grid, notes if delimiter is None else (*notes, f"cells are set apart by {_DELIMITERS[delimiter]}")


def _parse(text: str, path: Path) -> tuple[Grid, str | None]:
    """Delimited text as a grid, and its delimiter where it was told by the text and is no comma."""
    lines = text.splitlines()
    told = re.fullmatch(r"sep=(.)", lines[0].strip('"')) if lines else None
    if told is not None:  # as Excel writes and reads it
        text = text[len(lines[0]) :]
        delimiter = told[1]
    else:
        delimiter = _delimiter(lines)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    grid: list[list[Cell]] = []
    cells = 0
    try:
        for row in reader:
            cells += len(row)
            if cells > MAX_CELLS:
                _check_cells(str(path), cells, 1)
            _check_columns(path, len(row))
            grid.append([cell or None for cell in row])
    except csv.Error as error:
        if "field limit" in str(error):
            raise file_fault(
                path,
                f"has a cell of more than {_LONGEST_CELL:,} characters in line {reader.line_num}, as where a quotation "
                "mark does not close; shorten it",
                "a cell too long",
                f"{_LONGEST_CELL} characters at most",
            ) from error
        raise file_fault(
            path,
            f"is damaged in line {reader.line_num}: a quotation mark does not close, or stands inside a cell ({error})",
            f"damaged: {error}",
            "text whose quotation marks close",
        ) from error
    return grid, None if told is not None or delimiter == "," else delimiter


def _decode(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    stranger = next((kind for mark, kind in _STRANGERS if data.startswith(mark)), None)
    if data.startswith((_PACKED, _OLD_WORKBOOK)):
        stranger = "an Excel workbook or another packed file; name it .xlsx or .xls"
    if stranger is not None:
        raise file_fault(path, f"is no text but {stranger}", stranger, "text")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), ("the text is read as UTF-16",)
        except UnicodeDecodeError as error:
            raise file_fault(path, "is damaged: its UTF-16 text breaks off", "damaged", "UTF-16 text") from error
    if b"\0" in data:
        raise file_fault(path, "is no text: it holds zero bytes; save it as CSV in UTF-8", "not text", "text")
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    if _is_chinese(data):
        return data.decode("gb18030"), ("the text is no UTF-8 and is read as Chinese (GB 18030)",)
    try:
        return data.decode("cp1252"), ("the text is no UTF-8 and is read as Windows-1252",)
    except UnicodeDecodeError as error:
        sentence = "is neither UTF-8 nor Windows-1252 text; save it as CSV in UTF-8"
        raise file_fault(path, sentence, "not text", "text") from error


def _is_chinese(data: bytes) -> bool:
    """Whether all bytes beyond ASCII are pairs that stand for Chinese characters, most of them common ones."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    pairs: list[bytes] = [run[k : k + 2] for run in runs for k in range(0, len(run), 2)]
    if not all(len(pair) == 2 and 0xA1 <= pair[0] <= 0xF7 and pair[1] >= 0xA1 for pair in pairs):
        return False
    common: int = sum(0xB0 <= pair[0] <= 0xD7 for pair in pairs)
    return common >= _FEWEST_CHINESE and 2 * common > len(pairs)


def _delimiter(lines: Sequence[str]) -> str:
    """The character that parts most lines into the same number of cells; of equals the one with more cells."""
    sample = [line for line in lines[:_SNIFFED] if line.strip()]
    best, chosen = (0, 0), ","
    for delimiter in _DELIMITERS:
        widths: dict[int, int] = {}
        with suppress(csv.Error):  # of a cell that is too long, which reading all of them tells
            for row in csv.reader(sample, delimiter=delimiter):
                if len(row) > 1:
                    widths[len(row)] = widths.get(len(row), 0) + 1
        if widths:
            width = max(widths, key=lambda w: (widths[w], w))
            if (widths[width], width) > best:
                best, chosen = (widths[width], width), delimiter
    return chosen


def _read_workbook(path: Path, ending: str, wanted: str | None) -> tuple[Leaf, ...]:
    with path.open("rb") as file:
        beginning = file.read(8)
    packed = ending != ".xls"
    if not beginning.startswith((_PACKED, _OLD_WORKBOOK)):
        raise file_fault(path, f"is no workbook, though it ends in {ending}", "not a workbook", "a workbook")
    if packed and beginning.startswith(_OLD_WORKBOOK):
        raise file_fault(
            path, "is protected by a password or is an old workbook named anew; save it as .xlsx without a password",
            "an encrypted or old workbook", "a workbook that opens without a password",
        )  # fmt: skip
    if beginning.startswith(_PACKED):
        _check_unpacked(path)
        _check_extent(path, ending)
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
        names = _chosen(path, book, wanted)
        leaves = [Leaf(name, _cells(path, book, name)) for name in names]
    except InvalidArgument:
        raise
    except Exception as error:  # of a library in another language, which raises many kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise file_fault(path, f"is a damaged workbook: {reason}", f"damaged: {reason}", "a workbook") from error
    filled = tuple(leaf for leaf in leaves if any(not is_blank(cell) for row in leaf.grid for cell in row))
    if not filled:
        raise file_fault(path, "has no cell with anything in it", "an empty workbook", "a sheet with a header and rows")
    return filled


def _chosen(path: Path, book: "fastexcel.ExcelReader", wanted: str | None) -> list[str]:
    names = book.sheet_names
    if wanted is None:
        return [
            name for name in names if book.load_sheet(name, n_rows=0, header_row=None).visible == "visible"
        ] or names
    if wanted in names:
        return [wanted]
    folded = [name for name in names if name.casefold() == wanted.casefold()]
    if len(folded) == 1:
        return folded
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return [names[int(wanted) - 1]]
    listed = ", ".join(quoted(name) for name in names)
    raise file_fault(path, f"has no sheet {quoted(wanted)}; it has {listed}", wanted, f"one of {listed}")


def _check_unpacked(path: Path) -> None:
    """Refuse a workbook whose parts would fill the memory.

    First by the sizes in its list of contents; then each part is unpacked piece by piece and thrown away, which finds
    one that is longer than the list says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
            damaged = archive.testzip() if size <= MAX_UNPACKED else None
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise file_fault(path, f"is a damaged workbook: {error}", "damaged", "a workbook") from error
    if damaged is not None:
        raise file_fault(path, f"is a damaged workbook: its part {quoted(damaged)} is broken", "damaged", "a workbook")
    if size > MAX_UNPACKED:
        raise file_fault(
            path,
            f"unpacks to {size / 2**20:,.0f} MiB, and at most {MAX_UNPACKED // 2**20} MiB are read; keep the rows and "
            "columns that matter",
            f"{size} bytes unpacked",
            f"{MAX_UNPACKED} bytes at most",
        )


def _cells(path: Path, book: "fastexcel.ExcelReader", name: str) -> Grid:
    """The cells of one sheet, each with its own type.

    The library gives a column one type. So the sheet is loaded three times: what is a text comes as text, what is a
    number comes as float to its last digit, and only numbers and dates come as dates. A date is no number there.
    """
    loaded = {}
    for kind in ("string", "float", "datetime"):
        part = book.load_sheet(name, header_row=None, skip_rows=0, dtypes=kind)
        if kind == "string":
            _check_cells(str(path), part.height, part.width)
        loaded[kind] = part.to_polars()
    texts, numbers, times = (loaded[kind] for kind in ("string", "float", "datetime"))
    if not texts.width:
        return []
    left, errors = _errors(path, book.sheet_names.index(name))
    columns: list[list[Cell]] = [[None] * texts.height for _ in range(left)]
    for text_column, number_column, time_column in zip(texts, numbers, times, strict=True):
        is_typed = time_column.is_not_null()
        # a number is a day to the library too, and a large one a day beyond all that Python knows
        dates = time_column.set(number_column.is_not_null(), None)
        cells: list[Cell] = []
        for text, number, typed, time in zip(text_column, number_column, is_typed, dates, strict=True):
            if typed:
                cells.append(time if number is None else number)
            elif number is None:
                cells.append(text)
            elif number > _LAST_DAY:
                cells.append(number)
            else:
                cells.append({"true": True, "false": False}.get(text, text))
        columns.append(cells)
    for row, column, text in errors:
        if column < len(columns) and row < texts.height:
            columns[column][row] = text
    return list(zip(*columns, strict=True))


def _errors(path: Path, number: int) -> tuple[int, list[tuple[int, int, str]]]:
    """The empty columns left of a sheet, which the library leaves away, and its cells that hold no result.

    The library has nothing where a formula failed, such as #DIV/0!, which would pass for a share that was not reported.
    Programs that write workbooks store no result of a formula, or zero in all of them, which would pass for shares;
    such a cell comes as its formula. All is read from the sheet's own text; of another kind of workbook nothing is
    known.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        return 0, []
    body = next(itertools.islice(_bodies(path), number, None), "")
    filled = re.findall(r"<c r=\"([A-Z]+)[0-9]+\"[^>]*>(?=<(?:v|is|f))", body)
    left = min(map(_index, set(filled)), default=0)
    errors = re.findall(r"<c r=\"([A-Z]+)([0-9]+)\"[^>]*\bt=\"e\"[^>]*>.*?<v>([^<]*)</v>", body)
    found = [(int(row) - 1, _index(letters), text) for letters, row, text in errors]
    formulas = [cell.groupdict() for cell in _FORMULA.finditer(body) if 't="' not in cell["said"]]
    if formulas and _calculates_on_load(path) and all(cell["value"] in (None, "", "0") for cell in formulas):
        formulas = [{**cell, "value": None} for cell in formulas]
    for cell in formulas:
        if not cell["value"]:
            text = "=" + html.unescape(cell["formula"] or "\N{HORIZONTAL ELLIPSIS}")
            found.append((int(cell["row"] or 0) - 1, _index(cell["letters"] or ""), text))
    return left, found


def _calculates_on_load(path: Path) -> bool:
    """Whether a workbook tells who opens it to calculate all formulas, so that their stored results are none."""
    with zipfile.ZipFile(path) as archive:
        part = "xl/workbook.xml"
        text = archive.read(part).decode("utf-8", "replace") if part in archive.namelist() else ""
    return re.search(r"<(?:\w+:)?calcPr\b[^>]*\bfullCalcOnLoad=\"(?:1|true)\"", text) is not None


def _bodies(path: Path) -> Iterator[str]:
    """The text of each sheet of a workbook, in their order; "" of one that is not there."""
    with zipfile.ZipFile(path) as archive:
        parts = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= parts:
            return
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        links = re.findall(
            r"<Relationship\b[^>]*>", archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
        )
        for key in re.findall(r"<(?:\w+:)?sheet\b[^>]*?\br:id=\"([^\"]+)\"", book):
            link = next((tag for tag in links if f'Id="{key}"' in tag), "")
            target = re.search(r'Target="([^"]+)"', link)
            part = "" if target is None else target[1].lstrip("/")
            part = part if part in parts else f"xl/{part}"
            yield archive.read(part).decode("utf-8", "replace") if part in parts else ""


def _check_extent(path: Path, ending: str) -> None:
    """Refuse a workbook with a cell far from the others: the library would fill the memory with what is between."""
    if ending not in (".xlsx", ".xlsm"):
        return
    for number, body in enumerate(_bodies(path), start=1):
        filled = re.findall(
            r"<(?:\w+:)?c\b[^>]*?\br=\"([A-Z]{1,3})([0-9]{1,7})\"[^>]*>(?=\s*<(?:\w+:)?(?:v|is|f)\b)", body
        )
        widest = max({letters for letters, _ in filled}, key=_index, default="A")
        lowest = max({int(row) for _, row in filled}, default=1)
        cells = lowest * (_index(widest) + 1)
        if cells > MAX_CELLS:
            raise file_fault(
                path,
                f"reaches to column {widest} and row {lowest} in sheet {number}, which makes {cells:,} cells, and at "
                f"most {MAX_CELLS:,} are read; delete the rows and columns behind the table, where some cell is not "
                "empty",
                f"{widest}{lowest}",
                f"{MAX_CELLS} cells at most",
            )


def _index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = 26 * index + ord(letter) - ord("A") + 1
    return index - 1
