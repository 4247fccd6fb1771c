"""The input of a batch: looked over once, then read part by part, so that memory does not grow with it.

A Parquet file is read where it is. Others are first copied, piece by piece, into Parquet files beside the output, as
only these can be entered in the middle. Where the rows of a market do not stand together, the table is read whole and
sorted once.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from forecast.errors import InvalidArgument, InvalidTable
from forecast.headers import derived_name
from forecast.schema import QUARTER_TEXT, SHARES_COLUMNS
from forecast.shares import NOTES_SCHEMA, REFUSED_SCHEMA, SharesTable, by_market, read_shares
from service.sheets import TEXTS, SheetReading, may_be_thousands, read_shares_file
from service.tables import ENDINGS, Format, check_readable, read_rows, read_table, scan_parquet

_LOOK = 262_144  # rows of the market column in memory at a time
_PIECE = 65_536  # rows of an Arrow file copied at a time
_PIECE_BYTES = 8 << 20  # of a CSV file copied at a time
_QUOTES_BACK = 64  # lines with quotes to go back for the end of a record
_LARGEST_SHEET = 500_000  # rows of a table that is not canonical; a longer one is checked row by row
_UNFIT = (pl.exceptions.PolarsError, pl.exceptions.PanicException, InvalidArgument)


@dataclass(frozen=True, slots=True)
class Rows:
    """Some whole markets of the input, still on the disk."""

    name: Path  # the input as the user knows it
    files: tuple[Path, ...]  # Parquet files that hold it, in this order
    first: int  # 0-based
    count: int
    checked: bool  # in the form that `forecast.shares.read_shares` returns

    def __str__(self) -> str:
        return f"rows {self.first + 1} to {self.first + self.count} of {self.name}"

    def read(self) -> SharesTable:
        """The rows, made fit.

        Raises:
            InvalidArgument: a file is damaged.
        """
        rows = read_rows(self.files, self.first, self.count)
        if self.checked:
            return SharesTable.checked(rows, str(self.name))
        if "market" not in rows.columns:
            rows = rows.with_columns(market=pl.lit(self.name.stem))
        first = self.first + (2 if self.name.suffix.lower() in TEXTS else 1)  # a text's first line is its header
        return read_shares(rows, table=str(self.name), first_row=first)


@dataclass(frozen=True, slots=True)
class Source:
    """A shares table whose markets stand together."""

    name: Path
    files: tuple[Path, ...]
    sizes: pl.Series  # rows of each market, in order
    checked: bool
    refused: pl.DataFrame  # market, code, message of those refused already; not among `sizes`
    notes: pl.DataFrame  # market, note: what was assumed already

    @property
    def markets(self) -> int:
        """How many markets the input has."""
        return len(self.sizes) + self.refused.height

    def parts(self, most_markets: int, most_rows: int) -> Iterator[Rows]:
        """The table in parts of so many markets and rows at most; a market is never cut."""
        first = count = markets = 0
        for size in self.sizes:
            if markets and (markets == most_markets or count + size > most_rows):
                yield Rows(self.name, self.files, first, count, self.checked)
                first, count, markets = first + count, 0, 0
            count += size
            markets += 1
        if markets:
            yield Rows(self.name, self.files, first, count, self.checked)


def open_source(path: Path, folder: Path, /, *, reading: "SheetReading | None" = None) -> Source:
    """Look over a shares table.

    Args:
        path: Of any format that `service.sheets` reads.
        folder: A folder of its own, for what must be copied or sorted.
        reading: What its owner says about it.

    Raises:
        InvalidArgument: the file is missing, damaged, or not what its ending says.
        InvalidTable: the table as a whole is no shares table.
    """
    source = None
    if path.suffix.lower() in ENDINGS and reading is None:
        with suppress(*_UNFIT):  # reading it whole says what is wrong
            kind = check_readable(path)
            source = None if may_be_thousands(path) else _in_place(path, kind, folder)
    return source or _sorted(path, folder, reading)


def _in_place(path: Path, kind: Format, folder: Path) -> Source | None:
    files = (path,) if kind is Format.PARQUET else tuple(_copied(path, kind, folder))
    if not files:
        return None
    table = scan_parquet(files)
    try:
        read_shares(table.head(1).collect())
    except InvalidTable:
        return None
    if not _is_filled(table):
        return None
    sizes = _sizes(table)
    if sizes is None:
        return None
    refused, notes = pl.DataFrame(schema=REFUSED_SCHEMA), pl.DataFrame(schema=NOTES_SCHEMA)
    return Source(path, files, sizes, checked=False, refused=refused, notes=notes)


def _is_filled(table: pl.LazyFrame) -> bool:
    """Whether rows have names of providers and quarters as 2020Q3, or are too many to be read in another way."""
    names = [name for name in ("market", "provider") if name in table.collect_schema()]
    fit = pl.col("period").cast(pl.String).str.contains(QUARTER_TEXT).fill_null(value=False)
    filled = pl.col(names).cast(pl.String).str.contains(r"\S").fill_null(value=False)
    found = (
        table.select(pl.len(), all=pl.all_horizontal(fit, filled).all()).collect(engine="streaming").row(0, named=True)
    )
    if found["len"] > _LARGEST_SHEET:
        return True
    providers = table.select(pl.col("provider").cast(pl.String).unique()).collect(engine="streaming").to_series()
    return bool(found["all"]) and not any(map(derived_name, providers))


def _sorted(path: Path, folder: Path, reading: "SheetReading | None") -> Source:
    """The whole table made fit, its markets in the order of their first rows."""
    asked = reading or SheetReading()
    read = read_shares_file(path, options=asked.options, sheet=asked.sheet)
    together = by_market(read.shares)
    place = folder / "sorted.parquet"
    together.write_parquet(place, row_group_size=_LOOK)
    sizes = together["market"].rle().struct.field("len")
    return Source(path, (place,), sizes, checked=True, refused=read.refused, notes=read.notes)


def _sizes(table: pl.LazyFrame) -> pl.Series | None:
    """Rows of each market in order; None where a market comes back after another."""
    rows = table.select(pl.len()).collect().item()
    if "market" not in table.collect_schema():
        return pl.Series([rows], dtype=pl.UInt32)
    # spellings of one name are one market
    market = pl.col("value").str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    runs = []
    for first in range(0, rows, _LOOK):
        names = table.select(pl.col("market").cast(pl.String).fill_null("")).slice(first, _LOOK).collect().to_series()
        run = names.rle().struct.unnest().with_columns(market)
        # Sixteen bytes a market are kept; two names with one hash would only cost the sorting of the table.
        runs.append(run.select(pl.col("len").cast(pl.UInt32), pl.col("value").hash()))
    found = pl.concat(runs).group_by(pl.col("value").rle_id(), maintain_order=True)
    markets = found.agg(pl.col("len").sum(), pl.col("value").first().alias("name"))
    return markets["len"] if markets["name"].n_unique() == markets.height else None


def _copied(path: Path, kind: Format, folder: Path) -> Iterator[Path]:
    match kind:
        case Format.CSV:
            pieces = _csv_pieces(path)
        case Format.ARROW:
            pieces = _arrow_pieces(path)
        case _:
            pieces = iter([read_table(path)])
    for number, piece in enumerate(pieces):
        place = folder / f"input-{number:06d}.parquet"
        piece.write_parquet(place, compression="lz4")
        yield place


def _arrow_pieces(path: Path) -> Iterator[pl.DataFrame]:
    table = pl.scan_ipc(path, glob=False)
    rows = table.select(pl.len()).collect().item()
    for first in range(0, rows, _PIECE):
        yield table.slice(first, _PIECE).collect()  # mapped anew each time: what is behind leaves the memory


def _csv_pieces(path: Path) -> Iterator[pl.DataFrame]:
    known = {column.name: pl.String if column.kind == "text" else pl.Float64 for column in SHARES_COLUMNS}
    header = pl.read_csv(path, n_rows=0, glob=False).columns
    schema = {name: known.get(name, pl.String) for name in header}
    with path.open("rb") as file:
        for number, records in enumerate(_whole_records(file)):
            yield pl.read_csv(records, schema=schema, has_header=number == 0)


def _whole_records(file: BinaryIO) -> Iterator[bytes]:
    """Pieces of a CSV file that end where a record ends: at a line end with an even number of quotes before it."""
    rest = b""
    while block := file.read(_PIECE_BYTES):
        rest += block
        end = rest.rfind(b"\n") + 1
        for _ in range(_QUOTES_BACK):
            if rest.count(b'"', 0, end) % 2 == 0:
                break
            end = rest.rfind(b"\n", 0, rest.rfind(b'"', 0, end)) + 1
        else:  # a quote that is none, it seems: the reader of whole files knows better where records end
            rest += file.read()
            break
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest
