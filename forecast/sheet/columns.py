"""Columns of a sheet by their headers and cells, and what is said of the rows and columns that are not used."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from forecast.cells import Cell, quoted, tidy
from forecast.headers import Header, calls_names, is_part, is_sum, is_total_of
from forecast.sheet.grid import Table, is_like_number, is_number, name_of, says_nothing
from forecast.sheet.reading import Faults, Reading
from forecast.sheet.wording import rows_text
from forecast.stamps import Stamp, read_mark, read_stamp

_A_MONTH = r"(?:jan|feb|mar|m\u00e4r|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)"


def column_of(table: Table, heads: Sequence[Header], role: str, header: int, what: str) -> int | None:
    """The column of a role; the plainest name wins, and two of the same worth are refused."""
    found = [c for c, head in enumerate(heads) if head.role == role]
    if len(found) > 1:
        best = max(heads[c].worth for c in found)
        found = [c for c in found if heads[c].worth == best]
    if len(found) > 1:
        raise table.refusal(
            f"one_{role}_column",
            f"columns {table.titles(header, found)} (row {header + 1}) could all be the {what}; keep one of them, or "
            f"call the right one '{role}'",
            row=header,
        )
    return found[0] if found else None


def holds_numbers(table: Table, column: int, rows: Iterable[int], *, unread: bool = False) -> bool:
    """Whether a column is one of numbers: at least one, and no fewer than there are other texts.

    Args:
        table: The sheet.
        column: The column.
        rows: Rows to look at.
        unread: Whether a text such as 40-45% or n.m., which stands where a number should, counts as one.
    """
    numbers = others = 0
    for n in rows:
        cell = table.cell(n, column)
        if cell is None:
            continue
        if is_number(cell) or (unread and is_like_number(cell)):
            numbers += 1
        elif not says_nothing(cell):
            others += 1
    return numbers > 0 and numbers >= others


def without_numbers(table: Table, heads: Sequence[Header], rows: Sequence[int]) -> list[Header]:
    """The headers, of which one with a word such as Company in it is a vendor's name where its column holds numbers."""
    return [
        replace(head, role=None, worth=0)
        if head.role == "provider" and not calls_names(head) and holds_numbers(table, c, rows)
        else head
        for c, head in enumerate(heads)
    ]


def first_filled(table: Table, row: int) -> int:
    """The first column of a row that holds something."""
    return next((c for c in range(table.width) if table.cell(row, c) is not None), 0)


def tell_above(table: Table, header: int, notes: list[str], keep: int | None = None) -> list[str]:
    """Say which rows above the header are not used; their texts, which may speak of the unit, come back."""
    above = [n for n in table.filled if n < header and n != keep]
    if above:
        texts = "; ".join(" ".join(filter(None, (table.text(n, c) for c in range(table.width)))) for n in above)
        verb = "is" if len(above) == 1 else "are"
        notes.append(f"{rows_text([n + 1 for n in above])} above the header {verb} not used: {quoted(texts)}")
    return [table.text(n, c) for n in above for c in range(table.width) if table.text(n, c)]


def tell_columns(table: Table, header: int, used: set[int], rows: Sequence[int], notes: list[str]) -> None:
    """Say which columns are not used."""
    left = [
        c for c in range(table.width) if c not in used and any(table.cell(n, c) is not None for n in (header, *rows))
    ]
    if left:
        what, verb = ("column", "is") if len(left) == 1 else ("columns", "are")
        notes.append(f"{what} {table.titles(header, left)} {verb} not used")


def tell_rows(table: Table, rows: Sequence[int], why: str, notes: list[str]) -> None:
    """Say which rows are not used, and why: a phrase."""
    if rows:
        verb = "is" if len(rows) == 1 else "are"
        notes.append(f"{rows_text([table.number(n) for n in rows])} {verb} not used, {why}: {table.sentence(rows[0])}")


def market_of(table: Table, row: int, header: int, column: int | None, options: Reading, faults: Faults) -> str:
    """The market of a row: of its column, else what the user or the sheet is called."""
    if column is None:
        return options.market if options.market is not None else table.market
    cell = table.cell(row, column)
    if cell is None:
        place = (table.number(row), table.title(header, column), "nothing")
        faults.add("", "market_not_blank", place, "the name of a market in every row", "fill it in")
        return ""
    return name_of(cell)


def bare_quarter(cell: Cell | Stamp) -> int | None:
    """The number of a quarter that stands without its year: 3, '3' or 'Q3'."""
    stamp = cell if isinstance(cell, Stamp) else read_stamp(cell)
    if stamp is not None:
        return stamp.part if stamp.kind == "bare" else None
    if cell is None or isinstance(cell, bool | date | Stamp):
        return None
    text = tidy(name_of(cell))
    return int(text) if text in ("1", "2", "3", "4") else None


def is_bare(table: Table, column: int, rows: Sequence[int]) -> bool:
    """Whether a column holds quarters without a year."""
    cells = [cell for n in rows if (cell := table.cell(n, column)) is not None]
    bare = sum(bare_quarter(cell) is not None for cell in cells)
    return bare > 0 and 2 * bare >= len(cells)


def filled_down(table: Table, column: int | None, rows: Iterable[int]) -> dict[int, Cell]:
    """The cells of a column by row, an empty one as the one above it."""
    found: dict[int, Cell] = {}
    last: Cell = None
    for n in rows if column is not None else ():
        here = table.cell(n, column or 0)
        last = last if here is None else here
        found[n] = last
    return found


def fill_merged(
    table: Table, columns: Iterable[int | None], header: int, rows: Sequence[int], names: int | None, notes: list[str]
) -> None:
    """Fill the empty cells of columns that have a name once for several rows, as merged cells, from the one above.

    Such a column begins with a name, has no name twice in a row, and no fewer empty cells than names.

    Args:
        table: The sheet.
        columns: The columns that may be so.
        header: Row of the header.
        rows: Rows with numbers.
        names: Column of the vendors, in which a total that only some of several rows have is nobody's.
        notes: What was filled is told.
    """
    for column in columns:
        if column is None:
            continue
        found = [(n, cell) for n in rows if (cell := table.cell(n, column)) is not None]
        again = any(one == other for (_, one), (_, other) in pairwise(found))
        if not found or found[0][0] != rows[0] or again or len(rows) < 2 * len(found):
            continue
        starts = dict(found)
        of_row: dict[int, int] = {}
        start = rows[0]
        for n in rows:
            start = of_row[n] = n if n in starts else start
        sums: dict[str, set[int]] = defaultdict(set)
        for n in rows if names is not None and names != column else ():
            if is_sum(name := table.text(n, names or 0)):
                sums[name.casefold()].add(of_row[n])
        apart = {name for name, blocks in sums.items() if len(blocks) < len(starts)}
        grid = list(table.grid)
        for n in rows:
            if n not in starts and (names is None or table.text(n, names).casefold() not in apart):
                grid[n] = [*grid[n][:column], starts[of_row[n]], *grid[n][column + 1 :]]
        table.grid = grid
        notes.append(
            f"empty cells of column {quoted(table.title(header, column))} are read as the one above, as merged cells"
        )


def total_rows(table: Table, names: int, rows: Sequence[int]) -> list[int]:
    """The rows without a vendor that a region's or market's cell calls totals, as pivot tables have them."""
    return [n for n in rows if table.cell(n, names) is None and is_total_of(table.text(n, first_filled(table, n)))]


def parts_among(table: Table, heads: Sequence[Header], rows: Sequence[int]) -> list[int]:
    """The columns of texts that may part a sheet into markets by their headers."""
    return [c for c, head in enumerate(heads) if is_part(head) and not holds_numbers(table, c, rows)]


def join_time(year: Cell, quarter: Cell) -> Stamp | str:
    """A year and a quarter of two cells as one time; a text of both where they are none."""
    stamp, number = read_stamp(year), bare_quarter(quarter)
    if quarter is None and stamp is not None:
        return stamp
    if number is None or stamp is None or stamp.kind != "year":
        return said_time(year, quarter)
    is_fiscal = any(isinstance(cell, str) and tidy(cell).casefold().startswith("f") for cell in (year, quarter))
    mark = stamp.mark or getattr(read_stamp(quarter), "mark", "")
    return Stamp("fiscal" if is_fiscal else "quarter", stamp.year, number, mark=mark)


def marked(time: Cell | Stamp, text: str) -> Cell | Stamp:
    """A time with the mark that a text beside it is, such as Forecast."""
    stamp = time if isinstance(time, Stamp) else read_stamp(time)
    mark = read_mark(text)
    return time if stamp is None or not mark else replace(stamp, mark=mark)


def mark_column(table: Table, header: int, rows: Sequence[int], taken: set[int]) -> int | None:
    """The column of words such as Actual and Forecast, which say what the numbers of each row are.

    Letters such as A and F are such words only below a header such as Status; they may be classes of something.
    """
    for c in range(table.width):
        texts = {text for n in rows if (text := table.text(n, c))} if c not in taken else set()
        marks = {read_mark(text) for text in texts}
        called = table.text(header, c).casefold() in ("status", "flag", "a/f", "a/e", "actual/forecast")
        ahead = "forecast" in marks or {"actual", "estimate"} <= marks
        if ahead and None not in marks and (called or all(len(text) > 1 for text in texts)):
            taken.add(c)
            return c
    return None


_HINTS = tuple(
    (re.compile(pattern, re.I), hint)
    for pattern, hint in (
        (
            r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])",
            "this looks like a month, in which case write its quarter such as 2020Q3",
        ),
        (
            r"[2-7][0-9]{4}",
            "this looks like the number that a spreadsheet keeps for a date; format the column as dates",
        ),
        (r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}", "write the year with four digits"),
        (r"[0-9]{2}[-/.][1-4]|[1-4][-/.][0-9]{2}", "this may be a quarter or a month; write it such as 2020Q3"),
        (rf"{_A_MONTH}[a-z]*\.? 3[01]", "this may be a day without its year; write it such as 2020Q3"),
        (
            rf"{_A_MONTH}.*(?:[-\u2013/]|to|bis).*{_A_MONTH}.*",
            "these months are not those of one calendar quarter of one year; write it such as 2020Q3",
        ),
    )
)


def time_hint(cell: Cell) -> str:
    """What to do about a cell that is to hold a quarter and does not, as a phrase."""
    if cell is None:
        return "fill it in"
    text = tidy(name_of(cell))
    if re.fullmatch(r".*[0-9] ?[Pp]", text) and read_stamp(text[:-1]) is not None:
        return "P may mean preliminary or projected: leave it away, or remove the quarter if it is a forecast"
    return next((hint for pattern, hint in _HINTS if pattern.fullmatch(text)), "write it such as 2020Q3")


def said_time(year: Cell, quarter: Cell) -> str:
    """A year and a quarter of two cells, as messages show them."""
    return " ".join(tidy(name_of(cell)) for cell in (year, quarter) if cell is not None)
