"""Sheets whose header names a measure for every column: one measure is read, and the others are compared with it.

Such a header is `4Q23 Shipments | 4Q23 Market Share`, or has two rows: quarters or vendors over measures, or measures
over quarters or vendors.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from forecast.cells import Cell, is_blank, quoted, tidy
from forecast.headers import Header, derived_name, is_unit, read_header, speaks_of_growth
from forecast.sheet.columns import holds_numbers
from forecast.sheet.grid import Table, is_like_number, is_number, name_of
from forecast.sheet.reading import Reading
from forecast.sheet.wording import listed
from forecast.stamps import read_stamp

_SEARCHED = 20  # rows, empty ones aside, among which such a header is looked for
_SAMPLED = 200  # rows by which a column is known to hold numbers
_LONGEST = 5  # words of a quarter
_TOGETHER = re.compile(r"(?:\u5b63\u5ea6|[qQ][1-4]|[1-4][qQ][0-9]{2,4})(?=[\u4e00-\u9fff])")  # 2023Q4 before a word
_ENDS = " -\u2013:,/()[]|"
_QUARTERLY = ("quarter", "fiscal", "month", "loose", "day", "either", "half")

Measure = Literal["share", "amount", "other"]


@dataclass(frozen=True, slots=True)
class _Column:
    """What a header says of one column of numbers."""

    label: Cell  # the quarter or vendor
    measure: Measure
    words: str  # that name the measure


_Columns = dict[int, _Column]


def one_measure(table: Table, options: Reading, notes: list[str]) -> Table:
    """The table with the columns of one measure, under their quarters or vendors; itself where no measure is named.

    Shares are read unless amounts are asked for. The numbers of other measures stay in `beside` of the result.

    Raises:
        InvalidTable: nothing says which measure is to be read.
    """
    for header in table.filled[:_SEARCHED]:
        above = table.above(header)
        rows = table.below(header)
        for c in range(table.width):
            if kinds := _measures_down(table, header, rows, c):
                return _kept_rows(table, header, c, kinds, options, notes)
        if found := _of_one_row(table, header):
            return _kept(table, [header], found, options)
        if above is not None and (found := _of_two_rows(table, above, header)):
            return _kept(table, [above, header], found, options)
    return table


def _kept(table: Table, headers: Sequence[int], found: _Columns, options: Reading) -> Table:
    """The table with the columns that are read."""
    header = headers[-1]
    wanted, beside = _chosen(table, header, found, options)
    grid = [list(row) + [None] * (table.width - len(row)) for row in table.grid]
    for c in range(table.width):
        texts = [cell for n in headers if (cell := table.cell(n, c)) is not None]
        for n in headers:
            grid[n][c] = None
        if c in beside:
            grid[header][c] = found[c].label
        elif c not in found:
            grid[header][c] = texts[-1] if texts else None
        elif found[c].measure == "other":
            grid[header][c] = _title(found[c])
        else:
            for row in grid:
                row[c] = None
    result = table.with_grid(grid)
    words = found[next(iter(beside))].words
    result.measured = Header(words, wanted, 2, percent=read_header(words).percent)
    result.beside = beside
    result.columns = {c: _title(found[c]) for c in beside}
    return result


def _measures_down(table: Table, header: int, rows: Sequence[int], column: int) -> dict[str, Measure]:
    """The measures that a column names, where it names one in every row of numbers, and several."""
    title = table.text(header, column)
    if not rows or not title or measure_named(title) or not measure_named(table.text(rows[0], column)):
        return {}
    if read_header(title).role in ("unit", "provider", "market", "period"):
        return {}
    found: dict[str, Measure] = {}
    for n in rows:
        if not any(is_number(table.cell(n, c)) for c in range(table.width)):
            continue
        text = table.text(n, column)
        kind = found.get(text) or measure_named(text)
        if kind is None:
            return {}
        found[text] = kind
    return found if len(found) > 1 and set(found.values()) != {"other"} and not all(map(is_unit, found)) else {}


def _kept_rows(
    table: Table, header: int, column: int, kinds: dict[str, Measure], options: Reading, notes: list[str]
) -> Table:
    """The table with the rows of one measure; their empty cells are those of rows of other measures above them."""
    shares, amounts = ([text for text, kind in kinds.items() if kind == wanted] for wanted in ("share", "amount"))
    wanted = amounts if amounts and (options.measure == "amount" or not shares) else shares
    title = quoted(table.text(header, column))
    if len(wanted) > 1:
        raise table.refusal(
            "share_or_value",
            f"column {title} has several measures: {listed(list(map(quoted, wanted)))}; keep the rows of one of them",
            row=header,
        )
    grid = [list(row) + [None] * (table.width - len(row)) for row in table.grid]
    above: list[Cell] = [None] * table.width
    for n in table.below(header):
        text = table.text(n, column)
        if text and text != wanted[0]:
            above = [here if _is_name(here) else last for here, last in zip(grid[n], above, strict=True)]
            grid[n] = [None] * table.width
        elif text:
            grid[n] = [last if is_blank(here) else here for here, last in zip(grid[n], above, strict=True)]
            above = [None] * table.width
        grid[n][column] = None
    grid[header][column] = None
    left = listed([quoted(text) for text in kinds if text != wanted[0]])
    notes.append(f"rows of {quoted(wanted[0])} in column {title} are read, and those of {left} are not used")
    result = table.with_grid(grid)
    head = read_header(wanted[0])
    result.measured = Header(wanted[0], "amount" if wanted is amounts else "share", 2, percent=head.percent)
    return result


def _is_name(cell: Cell) -> bool:
    """Whether a cell holds a text that is no number."""
    return isinstance(cell, str) and not is_blank(cell) and not is_number(cell)


def _chosen(
    table: Table, header: int, found: _Columns, options: Reading
) -> tuple[Literal["share", "amount"], dict[int, dict[str, int]]]:
    """The measure that is read, and its columns, each with the columns of other measures by their names."""
    kinds: dict[Measure, dict[str, list[int]]] = {"share": defaultdict(list), "amount": defaultdict(list)}
    for c, column in found.items():
        if column.measure != "other":
            kinds[column.measure][column.words.casefold()].append(c)
    is_amount = bool(kinds["amount"]) and (options.measure == "amount" or not kinds["share"])
    wanted, other = kinds["amount" if is_amount else "share"], kinds["share" if is_amount else "amount"]
    if len(wanted) > 1:
        titles = listed([quoted(found[columns[0]].words) for columns in wanted.values()])
        raise table.refusal(
            "share_or_value",
            f"row {header + 1} has several measures: {titles}; keep the columns of one of them",
            row=header,
        )
    read = next(iter(wanted.values()))
    place = {_key(found[c].label): c for c in read}
    beside: dict[int, dict[str, int]] = {c: {} for c in read}
    for c in (c for columns in other.values() for c in columns):
        column = found[c]
        if _key(column.label) not in place:
            raise table.refusal(
                "share_or_value",
                f"row {header + 1} has {quoted(column.words)} for {quoted(column.label)} and no "
                f"{quoted(found[read[0]].words)}, which others have; keep the columns of one measure",
                row=header,
            )
        beside[place[_key(column.label)]][column.words] = c
    return "amount" if is_amount else "share", beside


def _title(column: _Column) -> str:
    return f"{tidy(name_of(column.label))} {column.words}"


def _key(label: Cell) -> object:
    return read_stamp(label) or tidy(name_of(label)).casefold()


def measure_named(text: str) -> Measure | None:
    """The measure that words name; `other` for a growth, a rank, a price and the like.

    >>> measure_named("Market Share"), measure_named("Shipments (M)"), measure_named("YoY"), measure_named("Acme")
    ('share', 'amount', 'other', None)
    """
    if is_number(text) or is_like_number(text):
        return None
    if speaks_of_growth(text) or derived_name(text) is not None:
        return "other"
    head = read_header(text)
    if head.role == "share" or head.percent:
        return "share"
    return "amount" if head.role == "amount" or is_unit(text) else None


def _is_quarterly(cell: Cell) -> bool:
    stamp = read_stamp(cell)
    return stamp is not None and stamp.kind in _QUARTERLY and not is_number(cell)


def _split(text: str) -> _Column | None:
    """A header as a quarter and the measure around it."""
    words = _TOGETHER.sub(r"\g<0> ", text).split(" ")
    spans = [(i, j) for i in range(len(words)) for j in range(i + 1, min(i + _LONGEST, len(words)) + 1)]
    for i, j in sorted(spans, key=lambda span: span[0] - span[1]):
        label = " ".join(words[i:j]).strip(_ENDS)
        rest = " ".join([*words[:i], *words[j:]]).strip(" -\u2013:,/")
        if rest and _is_quarterly(label) and (kind := measure_named(rest)):
            return _Column(label, kind, rest)
    return None


def _split_vendor(text: str) -> _Column | None:
    """A header as a vendor and the plain name of a measure behind it."""
    words = text.split(" ")
    for k in range(1, len(words)):
        label, rest = " ".join(words[:k]).strip(_ENDS), " ".join(words[k:])
        plain = read_header(rest).worth > 1 or is_unit(rest.strip("()[]"))
        if label and plain and (kind := measure_named(rest)) and measure_named(label) is None:
            return _Column(label, kind, rest)
    return None


def _of_one_row(table: Table, header: int) -> _Columns:
    """The columns of a header whose cells each have a quarter or vendor, and a measure."""
    rows = table.below(header)[:_SAMPLED]
    for split in (_split, _split_vendor):
        found = {c: column for c in range(table.width) if (column := split(table.text(header, c))) is not None}
        found = {c: column for c, column in found.items() if holds_numbers(table, c, rows, unread=True)}
        if split is _split:
            found |= _beside_quarters(table, header, found)
        if _is_whole(table, found, rows) or (split is _split_vendor and _is_all(table, found, rows)):
            return found
    return {}


def _is_all(table: Table, found: _Columns, rows: Sequence[int]) -> bool:
    """Whether all columns of numbers are vendors' with one measure."""
    names = {_key(column.label) for column in found.values()}
    kinds = {(column.measure, column.words.casefold()) for column in found.values()}
    if len(kinds) != 1 or not 1 < len(names) == len(found):
        return False
    timed = any(read_stamp(table.cell(n, c)) is not None for n in rows for c in range(min(found)))
    return timed and not any(holds_numbers(table, c, rows) for c in range(table.width) if c not in found)


def _beside_quarters(table: Table, header: int, found: _Columns) -> _Columns:
    """Columns whose header is only a measure, of the quarter left of them; and those whose header is only a quarter."""
    rows = table.below(header)[:_SAMPLED]
    plain: dict[int, str] = {}
    more: _Columns = {}
    label: Cell = None
    for c in range(table.width):
        text = table.text(header, c)
        if c in found:
            label = found[c].label
        elif _is_quarterly(text):
            label = plain[c] = text
        elif label is not None and (kind := measure_named(text)) and (kind == "other" or read_header(text).worth > 1):
            if kind != "other" and holds_numbers(table, c, rows, unread=True):
                more[c] = _Column(label, kind, text)
        else:
            label = None
    if not any(column.measure == "share" for column in (found | more).values()):
        return {}
    amounts = {c: _Column(label, "amount", "amount") for c, label in plain.items() if holds_numbers(table, c, rows)}
    signed = any("%" in table.text(n, c) for n in rows for c in amounts)
    return more | ({} if signed else amounts)


def _of_two_rows(table: Table, upper: int, lower: int) -> _Columns:
    """The columns of a header of two rows, one of them of measures, and one of quarters or vendors."""
    texts = [table.text(n, c) for n in (upper, lower) for c in range(table.width)]
    if not any(measure_named(text) for text in texts if text):
        return {}
    rows = table.below(lower)[:_SAMPLED]
    under = [table.cell(lower, c) for c in range(table.width)]
    numbers = [c for c in range(table.width) if holds_numbers(table, c, rows, unread=True)]
    for labels_above in (True, False):
        over = _over(table, upper, numbers)
        found: _Columns = {}
        for c in numbers:
            label, words = (over.get(c), under[c]) if labels_above else (under[c], over.get(c))
            if label is None or not isinstance(words, str) or measure_named(name_of(label)) is not None:
                continue
            if kind := measure_named(words):
                found[c] = _Column(label, kind, tidy(words))
        if _is_whole(table, found, rows):
            return found
    return {}


def _over(table: Table, upper: int, numbers: Sequence[int]) -> dict[int, Cell]:
    """The cell of the upper row that stands over each column of numbers: its own, or the next one left of it."""
    found: dict[int, Cell] = {}
    last: Cell = None
    for c in numbers:
        last = table.cell(upper, c) if table.cell(upper, c) is not None else last
        found[c] = last
    return found


def _is_whole(table: Table, found: _Columns, rows: Sequence[int]) -> bool:
    """Whether columns are those of a header of two rows: of quarters, or of vendors each with the same measures."""
    level = {c: column for c, column in found.items() if column.measure != "other"}
    if not level:
        return False
    if all(_is_quarterly(column.label) for column in level.values()):
        return True
    if any(
        read_stamp(column.label) is not None or read_header(name_of(column.label)).role for column in level.values()
    ):
        return False
    measures: dict[object, list[str]] = defaultdict(list)
    for column in level.values():
        measures[_key(column.label)].append(column.words.casefold())
    first, *rest = measures.values()
    timed = any(read_stamp(table.cell(n, c)) is not None for n in rows for c in range(min(found)))
    return timed and len(first) > 1 and bool(rest) and all(other == first for other in rest)
