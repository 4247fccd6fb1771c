"""Tables in files: Parquet, CSV, JSON (an array of rows) and Arrow IPC, told apart by the file's ending."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import polars as pl

from forecast.errors import InvalidArgument


class Format(StrEnum):
    """How a table is written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"


ENDINGS: Final = {
    ".parquet": Format.PARQUET,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".arrow": Format.ARROW,
    ".ipc": Format.ARROW,
}
_ALLOWED = f"a file ending in {', '.join(ENDINGS)}"
_KINDS = {
    Format.PARQUET: "a Parquet file",
    Format.CSV: "a CSV file in UTF-8 with a header",
    Format.JSON: "a JSON array of rows in UTF-8",
    Format.ARROW: "an Arrow IPC file",
}
# Columns that stay text in a CSV file though every value looks like a number: a provider called 360, a market 001.
_TEXT = frozenset(
    "market research_house house period origin provider providers measure unit qualifier stated_as publisher "  # noqa: SIM905
    "published source_title source_url note status code message event".split()
)
MOST_CELLS = 20_000_000  # of a table that is read whole: 2 GB and more once it is worked on
_BEGINNINGS = ((b"PAR1", Format.PARQUET), (b"ARROW1", Format.ARROW))
_STRANGERS = (
    (b"PK\x03\x04", "a ZIP file, such as an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\xff\xfe", "a UTF-16 text file"),
    (b"\xfe\xff", "a UTF-16 text file"),
)


def format_of(path: Path, /) -> Format:
    """The format that a file's ending stands for.

    Raises:
        InvalidArgument: the ending stands for none.
    """
    found = ENDINGS.get(path.suffix.lower())
    if found is None:
        raise InvalidArgument(
            str(path), path.suffix, f"give {_ALLOWED}", f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        )
    return found


def read_table(path: Path, /) -> pl.DataFrame:
    """Read a table; what its columns mean is not looked at.

    Returns:
        Rows and columns as the file has them. In CSV the text columns of Sharecast's own tables stay text.

    Raises:
        InvalidArgument: the ending is unknown, or the file is missing, empty, unreadable, or not what its ending says.
    """
    kind = check_readable(path)
    with _damage_told(path):
        return _read(path, kind)


def check_readable(path: Path, /) -> Format:
    """The format of a file, once its first bytes agree with its ending.

    Raises:
        InvalidArgument: the ending is unknown, or the file is missing, empty, unreadable, or not what its ending says.
    """
    kind = format_of(path)
    if not path.exists():
        raise InvalidArgument(str(path), "missing", "", "does not exist")
    if path.is_dir():
        raise InvalidArgument(str(path), "a folder", f"give {_KINDS[kind]}", "is a folder")
    if not path.is_file():  # a pipe would wait, and a device has no end
        raise InvalidArgument(str(path), "a device or pipe", "save its content as a file first", "is no file")
    try:
        with path.open("rb") as file:
            beginning = file.read(65536)
    except OSError as error:
        raise InvalidArgument(str(path), error.strerror, "", f"cannot be read: {error.strerror}") from error
    if not beginning:
        raise InvalidArgument(str(path), "an empty file", f"give {_KINDS[kind]}", "is empty")
    _check_beginning(path, beginning, kind)
    return kind


def read_rows(files: Sequence[Path], first: int, count: int, /) -> pl.DataFrame:
    """`count` rows of Parquet files that follow each other, from row `first` (0-based) on; the rest stays on the disk.

    Raises:
        InvalidArgument: a file is unreadable or damaged.
    """
    with _damage_told(files[0]):
        return scan_parquet(files).slice(first, count).collect()


def scan_parquet(files: Sequence[Path], /) -> pl.LazyFrame:
    """Parquet files as one table, to be read later; brackets and equal signs in their names mean themselves."""
    return pl.scan_parquet(list(files), glob=False, hive_partitioning=False)


def encode(frame: pl.DataFrame, kind: Format, /) -> bytes:
    """The bytes of a table in one format; the same frame gives the same bytes.

    JSON has no NaN or infinity: both become null.
    """
    buffer = io.BytesIO()
    match kind:
        case Format.PARQUET:
            frame.write_parquet(buffer)
        case Format.CSV:
            frame.write_csv(buffer)
        case Format.JSON:
            frame.write_json(buffer)
            buffer.write(b"\n")
        case Format.ARROW:
            frame.write_ipc(buffer)
    return buffer.getvalue()


def _check_extent(path: Path, table: pl.LazyFrame) -> None:
    """Refuse a table by the size that its file tells: packed well, a thousand times as much fits in little of a disk.

    Raises:
        InvalidArgument: it has more than `MOST_CELLS`.
    """
    rows, columns = table.select(pl.len()).collect().item(), len(table.collect_schema())
    if rows * columns > MOST_CELLS:
        allowed = f"split it: {MOST_CELLS // columns} rows at most of so many columns"
        raise InvalidArgument(str(path), rows, allowed, f"has {rows} rows of {columns} columns")


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        problem = f"cannot be read, as if damaged or not what its ending says: {reason}"
        raise InvalidArgument(str(path), reason, f"give {_KINDS[format_of(path)]}", problem) from error


def _read(path: Path, kind: Format) -> pl.DataFrame:
    match kind:
        case Format.PARQUET:
            _check_extent(path, scan_parquet([path]))
            return pl.read_parquet(path, glob=False)
        case Format.CSV:
            header = pl.read_csv(path, n_rows=0, glob=False).columns
            text = {name: pl.String for name in header if name in _TEXT}
            return pl.read_csv(path, infer_schema_length=None, schema_overrides=text, glob=False)
        case Format.JSON:
            return pl.read_json(path, infer_schema_length=None)
        case Format.ARROW:
            _check_extent(path, pl.scan_ipc(path, glob=False))
            return pl.read_ipc(io.BytesIO(path.read_bytes()))  # a mapped file would change under us


def _check_beginning(path: Path, beginning: bytes, kind: Format) -> None:
    """Say what a file is when its first bytes already show that it is not what its ending says."""
    found = next((name for mark, name in _STRANGERS if beginning.startswith(mark)), None)
    marked = next((form for mark, form in _BEGINNINGS if beginning.startswith(mark)), None)
    if found is None and marked is not kind:
        if marked is not None:
            found = _KINDS[marked]
        elif kind in (Format.PARQUET, Format.ARROW):
            found = "a text file" if _is_text(beginning) else "no such file"
        elif not _is_text(beginning):
            found = "not UTF-8 text"
        elif kind is Format.JSON and not beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            found = "text that does not begin with an array"
    if found is not None:
        raise InvalidArgument(str(path), found, f"give {_KINDS[kind]}", f"is {found}")


def _is_text(beginning: bytes) -> bool:
    # The cut may fall inside a character, which is at most four bytes long.
    for cut in range(4):
        try:
            beginning[: len(beginning) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return b"\0" not in beginning
    return False
