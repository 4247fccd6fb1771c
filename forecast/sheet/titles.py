"""Titles of blocks, such as a row EMEA above the vendors of EMEA and a row APAC above those of APAC: their markets."""

from collections.abc import Sequence

from forecast.cells import quoted
from forecast.headers import is_footnote, is_sum
from forecast.names import is_residual
from forecast.sheet.grid import Table, is_number
from forecast.sheet.measures import measure_named
from forecast.sheet.wording import listed, rows_text
from forecast.stamps import read_mark, read_stamp


def block_markets(table: Table, rows: Sequence[int], names: int, notes: list[str]) -> dict[int, str]:
    """The market of each row by the title of its block; none where titles leave it open what they stand for.

    They are markets where all rows have a title above them, and every block has a vendor that another one has too:
    within one market it would be given twice.

    Args:
        table: The sheet.
        rows: The rows below the header.
        names: Column of the vendors.
        notes: What is read as markets is told.
    """
    titles = [n for n in rows if _is_title(table, n)]
    if len(titles) < 2 or titles[0] != rows[0] or len({table.text(n, _first(table, n)) for n in titles}) < len(titles):
        return {}
    found: dict[int, str] = {}
    title = ""
    blocks: list[set[str]] = []
    for n in rows:
        if n in titles:
            title = table.text(n, _first(table, n))
            blocks.append(set())
        else:
            found[n], name = title, table.text(n, names)
            if name and not is_sum(name) and not is_residual(name):
                blocks[-1].add(name.casefold())
    if not all(any(block & other for other in blocks if other is not block) for block in blocks):
        return {}
    texts = listed([quoted(table.text(n, _first(table, n))) for n in titles])
    notes.append(f"{rows_text([table.number(n) for n in titles])} name the market of the rows below: {texts}")
    return found


def _is_title(table: Table, row: int) -> bool:
    """Whether a row has one text alone, that names neither a time, a measure or sum, nor a remark."""
    texts = [text for c in range(table.width) if (text := table.text(row, c))]
    if len(texts) != 1 or is_number(texts[0]) or is_footnote(texts[0]) or is_sum(texts[0]):
        return False
    return not (read_stamp(texts[0]) or measure_named(texts[0]) or read_mark(texts[0]))


def _first(table: Table, row: int) -> int:
    return next(c for c in range(table.width) if table.text(row, c))
