"""A sheet as analysts have it, brought to one tidy table; what was assumed is said, and nothing is guessed.

The layouts are: long (a row per quarter and vendor), wide with a column per vendor, wide with a column per quarter. A
sheet with two possible readings is refused with both of them and the option that decides.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import polars as pl

from forecast.cells import (
    MONTH_NAMES,
    Cell,
    DateOrder,
    DecimalMark,
    Stamp,
    Written,
    fiscal_quarter,
    fraction,
    is_blank,
    printed_decimals,
    quoted,
    read_number,
    read_stamp,
    tidy,
)
from forecast.errors import InvalidArgument, InvalidTable, RowViolation
from forecast.headers import Header, is_derived, is_footnote, is_sum, is_unit, read_header, spoken_of
from forecast.quarter import Quarter
from forecast.schema import MAX_AMOUNT, QUALIFIERS

Row = Sequence[Cell]
_SEARCHED = 60  # rows that are looked at for the header
_NEAR = 0.02  # by which shares of a quarter may miss one, beside half a unit of the last printed digit for each
_LISTED = 5  # names or rows that a sentence lists


@dataclass(frozen=True, slots=True)
class Reading:
    """What a user says about a sheet that the sheet itself leaves open; None: by the sheet."""

    measure: Literal["share", "percent", "amount"] | None = None  # of numbers without a sign: share is a fraction
    decimal: DecimalMark | None = None
    date_order: DateOrder | None = None
    fiscal_year_end: int | None = None  # month, 1 to 12: quarters are of fiscal years named after the year they end in
    market: str | None = None  # of a sheet that names none

    def __post_init__(self) -> None:
        """Refuse what no option may be."""
        for name, value, allowed in (
            ("measure", self.measure, ("share", "percent", "amount")),
            ("decimal", self.decimal, ("point", "comma")),
            ("date_order", self.date_order, ("day-first", "month-first")),
            ("fiscal_year_end", self.fiscal_year_end, tuple(range(1, 13))),
        ):
            if value is not None and value not in allowed:
                raise InvalidArgument(name, value, f"one of {', '.join(map(str, allowed))}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of unfit cell in one market, however many rows have it."""

    market: str
    rule: str  # name for programs
    cells: tuple[tuple[int, str, str], ...]  # row of the sheet, header of the column, text found, quoted
    allowed: str  # what would have been accepted, as a phrase
    hint: str = ""  # what to do, as a phrase

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of the sheet, each once, ascending."""
        return tuple(sorted({row for row, _, _ in self.cells}))

    def __str__(self) -> str:
        columns = list(dict.fromkeys(column for _, column, _ in self.cells))
        texts = list(dict.fromkeys(text for _, _, text in self.cells))
        place = f"column {columns[0]}" if len(columns) == 1 else f"columns {_listed(columns, 3)}"
        has = "has" if len(self.rows) == 1 else "have"
        found = texts[0] if len(texts) == 1 else f"{texts[0]}, {texts[1]}" + (" and others" if len(texts) > 2 else "")
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place} must hold {self.allowed}; {_rows(self.rows)} {has} {found}{hint}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as it was understood."""

    name: str
    layout: str  # such as "wide: a column per vendor, header in row 3"
    measure: Literal["share", "value"]
    unit: str  # as the sheet writes its numbers: "fractions", "per cent" or "amounts"
    frame: pl.DataFrame
    """One row per cell, in the order of the sheet: market, period ("2020Q3"), provider, share (a fraction) or value (an
    amount), null where not reported; decimals (of the percentage as printed, or null), qualifier (less_than, more_than,
    about, or null), published_at (ISO text or null) where the sheet has it, row (of the sheet, from 1), column (its
    header)."""
    notes: tuple[str, ...]  # what was assumed or left out, a sentence for each kind
    faults: tuple[Fault, ...]  # unfit cells, which are null in the frame

    @property
    def markets(self) -> tuple[str, ...]:
        """Markets in the order of the sheet."""
        return tuple(self.frame["market"].unique(maintain_order=True).to_list())

    @property
    def refused(self) -> dict[str, tuple[str, ...]]:
        """The markets that have faults, and a sentence for each kind of fault."""
        found: dict[str, list[str]] = {}
        for fault in self.faults:
            found.setdefault(fault.market, []).append(str(fault))
        return {market: tuple(sentences) for market, sentences in found.items()}


@dataclass(slots=True)
class _Records:
    """The cells of a sheet that hold numbers, each with what it is about; parallel lists."""

    layout: str
    measured: "Header | None"  # of the one column of numbers; None in a wide sheet
    hints: list[str]  # titles and headers that may speak of the unit
    rows: list[int] = field(default_factory=list)
    markets: list[str] = field(default_factory=list)
    times: list[Cell | Stamp] = field(default_factory=list)
    time_columns: list[str] = field(default_factory=list)
    providers: list[Cell] = field(default_factory=list)
    provider_column: str = "vendor"
    numbers: list[Cell] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    decimals: list[Cell] | None = None
    qualifiers: list[Cell] | None = None
    published: list[Cell] | None = None


@dataclass(slots=True)
class _Faults:
    found: dict[tuple[str, str, str, str], list[tuple[int, str, str]]] = field(default_factory=dict)

    def add(self, market: str, rule: str, cell: tuple[int, str, str], allowed: str, hint: str = "") -> None:
        self.found.setdefault((market, rule, allowed, hint), []).append(cell)

    def all(self) -> tuple[Fault, ...]:
        return tuple(
            Fault(market, rule, tuple(cells), allowed, hint)
            for (market, rule, allowed, hint), cells in self.found.items()
        )


def understand(grid: Sequence[Row], *, name: str, options: Reading | None = None) -> Sheet:
    """Read a sheet of market shares or amounts, in any of the layouts that people use.

    Args:
        grid: Rows of cells as the sheet has them, the first being row 1: texts, numbers, dates, booleans or None. Rows
            may differ in length.
        name: What was read, for the messages; and the market's name where neither the sheet nor `options` has one.
        options: What the user says about it.

    Returns:
        The tidy table, what was assumed, and the unfit cells by market. Sums such as a row `Total` stay in it as
        providers, and names are as the sheet spells them.

    Raises:
        InvalidTable: the sheet as a whole is not understood, or has two readings; one sentence says what it looks like
            and what to do.

    >>> sheet = understand([["Quarter", "Acme", "Others"], ["Q3 2020", "34.1%", "65.9%"]], name="phones")
    >>> sheet.layout, sheet.frame["share"].to_list()
    ('wide: a column per vendor, header in row 1', [0.341, 0.659])
    """
    options = options or Reading()
    table = _Table(grid, name)
    notes: list[str] = []
    faults = _Faults()
    records = _find(table, options, notes, faults)
    times = _quarters(records, table, options, notes, faults)
    digits, written = _digits(records, table, options, notes, faults)
    unit, unfit = _unit(records, times, digits, written, table, options, notes)
    frame = _frame(records, times, digits, written, unit, unfit, notes, faults, options)
    _check_repeats(frame, records, faults)
    return Sheet(
        name, records.layout, "value" if unit == "amounts" else "share", unit, frame, tuple(notes), faults.all()
    )


class _Table:
    """The grid with its empty rows and columns known; rows and columns count from 0."""

    def __init__(self, grid: Sequence[Row], name: str) -> None:
        self.name = name
        self.grid = grid
        self.filled = [n for n, row in enumerate(grid) if any(not is_blank(cell) for cell in row)]
        if not self.filled:
            raise self.refusal("has_rows", "the sheet is empty; it needs a header and at least one row of numbers")
        self.width = max(len(grid[n]) for n in self.filled)

    def cell(self, row: int, column: int) -> Cell:
        """A cell; None where there is nothing to see."""
        cells = self.grid[row]
        if column >= len(cells) or is_blank(cells[column]):
            return None
        return cells[column]

    def row(self, row: int) -> list[Cell]:
        return [self.cell(row, column) for column in range(self.width)]

    def text(self, row: int, column: int) -> str:
        """What a cell says, on one line; "" where it is empty."""
        cell = self.cell(row, column)
        return "" if cell is None else tidy(_name(cell))

    def below(self, header: int) -> list[int]:
        return [n for n in self.filled if n > header]

    def refusal(self, rule: str, sentence: str, *, row: int = 0, column: str = "", value: str = "") -> InvalidTable:
        error = InvalidTable(self.name, (RowViolation(rule, row, column, value or self.name, sentence),))
        error.args = (f"{self.name}: {sentence}",)
        return error


def _name(cell: Cell) -> str:
    """A cell as a name: as written, and 360.0 as 360."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return str(cell)


# --- where things stand -------------------------------------------------------------------------------------------


def _find(table: _Table, options: Reading, notes: list[str], faults: _Faults) -> _Records:
    """Find the layout and take the cells out."""
    for header in table.filled[:_SEARCHED]:
        heads = [read_header(table.text(header, column)) for column in range(table.width)]
        roles = {head.role for head in heads}
        written = {head.base for head in heads}
        if {"providers", "measure"} <= written:
            sentence = "this is a table of figures (columns providers and measure), not a sheet of shares"
            raise table.refusal("is_shares", f"{sentence}; import it as figures", row=header + 1)
        if "provider" in roles and roles & {"period", "year"} and len(table.below(header)):
            times = [c for c, head in enumerate(heads) if head.role in ("period", "year")]
            if any(_is_time(table.cell(n, c)) for n in table.below(header)[:_SEARCHED] for c in times):
                return _long(table, header, heads, options, notes, faults)
        found = _times_across(table, header)
        if found:
            return _wide_quarters(table, header, heads, found, options, notes, faults)
    return _wide_vendors(table, options, notes, faults)


def _is_time(cell: Cell) -> bool:
    return read_stamp(cell) is not None or (isinstance(cell, int | str | float) and tidy(str(cell)) in "1234")


def _is_number(cell: Cell) -> bool:
    """Whether a cell holds a number: not nothing, and not something else."""
    if cell is None or isinstance(cell, bool):
        return False
    try:
        return read_number(cell) is not None
    except InvalidArgument:
        return False


def _says_nothing(cell: Cell) -> bool:
    """Whether a cell is empty or says that nothing was reported."""
    try:
        return read_number(cell) is None
    except InvalidArgument:
        return False


def _holds_numbers(table: _Table, column: int, rows: Iterable[int]) -> bool:
    """Whether a column is one of numbers: at least one, and no fewer than there are other texts."""
    numbers = others = 0
    for n in rows:
        cell = table.cell(n, column)
        if _is_number(cell):
            numbers += 1
        elif not _says_nothing(cell):
            others += 1
    return numbers > 0 and numbers >= others


def _titles(table: _Table, header: int, notes: list[str], keep: Iterable[int] = ()) -> list[str]:
    """Say which rows above the header are not used; their texts may speak of the unit."""
    above = [n for n in table.filled if n < header and n not in set(keep)]
    if above:
        texts = "; ".join(" ".join(filter(None, (table.text(n, c) for c in range(table.width)))) for n in above)
        verb = "is" if len(above) == 1 else "are"
        rows = _rows([n + 1 for n in above])
        notes.append(f"{rows} above the header {verb} not used: {quoted(texts)}")
    return [table.text(n, c) for n in above for c in range(table.width) if table.text(n, c)]


def _one(table: _Table, heads: list[Header], role: str, header: int, what: str) -> int | None:
    """The column of a role; the plainest name wins, and two of the same worth are refused."""
    found = [c for c, head in enumerate(heads) if head.role == role]
    if len(found) > 1:
        best = max(heads[c].worth for c in found)
        found = [c for c in found if heads[c].worth == best]
    if len(found) > 1:
        names = " and ".join(quoted(table.text(header, c)) for c in found[:3])
        raise table.refusal(
            f"one_{role}_column",
            f"columns {names} (row {header + 1}) could both be the {what}; keep one of them, or call the right one "
            f"'{role}'",
            row=header + 1,
        )
    return found[0] if found else None


def _choose_measure(table: _Table, heads: list[Header], header: int, options: Reading) -> int | None:
    shares = [c for c, head in enumerate(heads) if head.role == "share"]
    amounts = [c for c, head in enumerate(heads) if head.role == "amount"]
    if shares and amounts and options.measure is None:
        names = f"{quoted(table.text(header, shares[0]))} and {quoted(table.text(header, amounts[0]))}"
        raise table.refusal(
            "share_or_value",
            f"columns {names} hold shares and amounts, and one of them is to be read; say which with --measure share, "
            "--measure percent or --measure amount",
            row=header + 1,
        )
    if options.measure == "amount":
        return _one(table, heads, "amount" if amounts else "share", header, "amount")
    return _one(table, heads, "share" if shares else "amount", header, "share" if shares else "amount")


def _stranger(table: _Table, heads: list[Header], header: int, used: set[int]) -> int:
    """The column of numbers of a long sheet whose header says nothing known, if there is but one."""
    rows = table.below(header)
    free = [c for c in range(table.width) if c not in used and _holds_numbers(table, c, rows)]
    if len(free) == 1:
        return free[0]
    names = ", ".join(quoted(table.text(header, c)) for c in range(table.width) if table.text(header, c))
    found = "none holds numbers" if not free else f"{len(free)} of them hold numbers"
    raise table.refusal(
        "share_or_value",
        f"no column of shares or amounts was found: row {header + 1} has {names}, and {found}; call the column 'share' "
        "or 'value'",
        row=header + 1,
    )


def _unused(table: _Table, header: int, used: set[int], rows: Sequence[int], notes: list[str]) -> None:
    left = [
        c for c in range(table.width) if c not in used and any(table.cell(n, c) is not None for n in (header, *rows))
    ]
    if left:
        names = [quoted(table.text(header, c)) if table.text(header, c) else _letters(c) for c in left]
        verb = "is" if len(left) == 1 else "are"
        notes.append(f"{'column' if len(left) == 1 else 'columns'} {_listed(names)} {verb} not used")


def _letters(column: int) -> str:
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _tell_rows(table: _Table, rows: Sequence[int], why: str, notes: list[str]) -> None:
    if rows:
        first = "; ".join(filter(None, (table.text(rows[0], c) for c in range(table.width))))
        verb = "is" if len(rows) == 1 else "are"
        notes.append(f"{_rows([n + 1 for n in rows])} {verb} {why}, not used: {quoted(first)}")


def _market_of(cell: Cell, default: str | None) -> str:
    if default is not None:
        return default
    return "" if cell is None else _name(cell)


def _long(
    table: _Table, header: int, heads: list[Header], options: Reading, notes: list[str], faults: _Faults
) -> _Records:
    provider = _one(table, heads, "provider", header, "vendor")
    year, period = _one(table, heads, "year", header, "year"), _one(table, heads, "period", header, "quarter")
    market = _one(table, heads, "market", header, "market")
    extra = {role: _one(table, heads, role, header, role) for role in ("decimals", "qualifier", "published_at")}
    assert provider is not None
    used = {c for c in (provider, year, period, market, *extra.values()) if c is not None}
    measure = _choose_measure(table, heads, header, options)
    if measure is None:
        measure = _stranger(table, heads, header, used)
    used.add(measure)
    titles = _titles(table, header, notes)
    rows = table.below(header)
    if market is not None and all(table.cell(n, market) is None for n in rows):
        market = None
    default = _default_market(table, options) if market is None else None
    joined = year is not None and (period is None or _bare(table, period, rows))
    if not joined and year is not None:
        used.discard(year)
    _unused(table, header, used, rows, notes)
    what = table.text(header, measure) or _letters(measure)
    period_name = table.text(header, year if period is None and year is not None else period or 0)
    records = _Records(
        f"long: a row per quarter and vendor, header in row {header + 1}",
        heads[measure],
        [*titles, table.text(header, measure)],
        provider_column=table.text(header, provider),
    )
    for role, column in extra.items():
        if column is not None:
            setattr(records, {"decimals": "decimals", "qualifier": "qualifiers"}.get(role, "published"), [])
    headers, left, apart = [], [], []
    last_year: Cell = None
    titles_of = table.grid[header]
    last_good = max(
        (n for n in rows if table.cell(n, provider) is not None and _is_number(table.cell(n, measure))), default=header
    )
    for n in rows:
        cells = table.grid[n]
        size = len(cells)
        who = cells[provider] if provider < size else None
        number = cells[measure] if measure < size else None
        when = cells[period] if period is not None and period < size else None
        blank_who, blank_number = is_blank(who), is_blank(number)
        if cells is not titles_of and list(cells) == list(titles_of):
            headers.append(n)
            continue
        if blank_who and blank_number:
            left.append(n)
            continue
        if blank_number and is_blank(when) and not joined:
            left.append(n)
            continue
        if (n > last_good or is_footnote(table.text(n, _first(table, n)))) and not _is_number(number):
            stamp = read_stamp(when)
            if stamp is None and not (joined and _is_time(when)):
                left.append(n)
                continue
        time: Cell | Stamp = None if is_blank(when) else when
        if joined:
            assert year is not None
            here = cells[year] if year < size else None
            last_year = last_year if is_blank(here) else here
            time = _join(last_year, time)
        records.rows.append(n + 1)
        records.markets.append(default if default is not None else _market_of(table.cell(n, market or 0), None))
        records.times.append(time)
        records.time_columns.append(period_name)
        records.providers.append(None if blank_who else who)
        records.numbers.append(None if blank_number else number)
        records.columns.append(what)
        for target, column in (
            (records.decimals, extra["decimals"]),
            (records.qualifiers, extra["qualifier"]),
            (records.published, extra["published_at"]),
        ):
            if target is not None and column is not None:
                target.append(table.cell(n, column))
        if default is None and not records.markets[-1].strip():
            apart.append(n)
    _tell_rows(table, headers, "the header again", notes)
    _tell_rows(table, left, _kind_of_rows(left), notes)
    if not records.rows:
        raise table.refusal("has_rows", f"there is no row of numbers below the header in row {header + 1}")
    for n in apart:
        cell = (n + 1, table.text(header, market or 0), "nothing")
        faults.add("", "market_not_blank", cell, "the name of a market in every row", "fill it down")
    return records


def _kind_of_rows(rows: Sequence[int]) -> str:
    return "a footnote or text" if len(rows) == 1 else "footnotes or text"


def _first(table: _Table, row: int) -> int:
    return next((c for c in range(table.width) if table.cell(row, c) is not None), 0)


def _default_market(table: _Table, options: Reading) -> str:
    return options.market if options.market is not None else table.name


def _bare(table: _Table, column: int, rows: Sequence[int]) -> bool:
    """Whether a column holds quarters without a year."""
    cells = [cell for n in rows if (cell := table.cell(n, column)) is not None]
    bare = sum(_quarter_number(cell) is not None for cell in cells)
    return bare > 0 and 2 * bare >= len(cells)


def _quarter_number(cell: Cell | Stamp) -> int | None:
    stamp = cell if isinstance(cell, Stamp) else read_stamp(cell)
    if stamp is not None:
        return stamp.part if stamp.kind == "bare" else None
    if isinstance(cell, bool | date) or cell is None or isinstance(cell, Stamp):
        return None
    text = tidy(_name(cell))
    return int(text) if text in ("1", "2", "3", "4") else None


def _join(year: Cell, quarter: Cell | Stamp) -> Stamp | Cell:
    """A year and a quarter of two cells as one time; a text of both where they are none."""
    stamp, number = read_stamp(year), _quarter_number(quarter)
    if quarter is None and stamp is not None:
        return stamp
    if number is None or stamp is None or stamp.kind != "year":
        return f"{'' if year is None else _name(year)} {'' if quarter is None else quarter}".strip()
    is_fiscal = isinstance(year, str) and tidy(year).casefold().startswith("fy")
    return Stamp("fiscal" if is_fiscal else "quarter", stamp.year, number)


def _times_across(table: _Table, header: int) -> dict[int, Stamp | Cell]:
    """The columns of a header row that are quarters, with a row of years above it where the quarters have none."""
    stamps = {
        c: stamp
        for c in range(table.width)
        if (cell := table.cell(header, c)) is not None and (stamp := read_stamp(cell)) is not None
    }
    rows = table.below(header)
    bare = [c for c, stamp in stamps.items() if stamp.kind == "bare"]
    result: dict[int, Stamp | Cell] = {}
    if len(bare) >= 2:
        above = next((n for n in reversed(table.filled) if n < header), None)
        years: dict[int, Cell] = {}
        last: Cell = None
        if above is not None:
            for c in range(table.width):
                cell = table.cell(above, c)
                stamp = read_stamp(cell)
                if stamp is not None and stamp.kind == "year":
                    last = cell
                elif cell is not None:
                    last = None
                years[c] = last
        for c, stamp in stamps.items():
            joined = _join(years.get(c), table.cell(header, c)) if stamp.kind == "bare" else stamp
            result[c] = joined if isinstance(joined, Stamp) else stamp
    else:
        result = dict(stamps)
    across = {c: stamp for c, stamp in result.items() if _holds_numbers(table, c, rows) or _all_nothing(table, c, rows)}
    numbers = [c for c in across if _holds_numbers(table, c, rows)]
    named = any(read_header(table.text(header, c)).role == "provider" for c in range(table.width))
    enough = len(numbers) >= 2 or (len(numbers) == 1 and named)
    # a row of data has at most one time among numbers that are shares
    return across if enough else {}


def _all_nothing(table: _Table, column: int, rows: Sequence[int]) -> bool:
    return all(_says_nothing(table.cell(n, column)) for n in rows)


def _wide_quarters(
    table: _Table,
    header: int,
    heads: list[Header],
    across: dict[int, Stamp | Cell],
    options: Reading,
    notes: list[str],
    faults: _Faults,
) -> _Records:
    rows = table.below(header)
    first = min(across)
    texts = [
        c
        for c in range(table.width)
        if c not in across and any(isinstance(table.cell(n, c), str) and not _is_number(table.cell(n, c)) for n in rows)
    ]
    provider = _one(table, heads, "provider", header, "vendor")
    market = _one(table, heads, "market", header, "market")
    above = next((n for n in reversed(table.filled) if n < header), None)
    joined = above is not None and any(
        stamp.kind == "bare" for c in across if (stamp := read_stamp(table.cell(header, c)))
    )
    if joined and above is not None and provider is None:
        upper = [read_header(table.text(above, c)) for c in range(table.width)]
        provider = _one(table, upper, "provider", above, "vendor")
        market = _one(table, upper, "market", above, "market") if market is None else market
    if provider is None:
        free = [c for c in texts if c < first and c != market] or [c for c in texts if c != market]
        if not free and market is None and first > 0:
            free = [first - 1]  # names such as 360
        if not free and market is not None:
            provider, market = market, None
        elif len(free) == 1:
            provider = free[0]
        else:
            names = [quoted(table.text(header, c)) if table.text(header, c) else _letters(c) for c in free]
            found = f"columns {_listed(names)} hold texts" if free else "no column holds names"
            raise table.refusal(
                "provider_column",
                f"the sheet has a column per quarter (row {header + 1}), and {found}; call the one with the vendors "
                "'vendor'",
                row=header + 1,
            )
    used = {provider, *across} | ({market} if market is not None else set())
    keep = [above] if joined and above is not None else []
    titles = _titles(table, header, notes, keep)
    _unused(table, header, used, rows, notes)
    default = _default_market(table, options) if market is None else None
    place = (
        f"headers in rows {above + 1} and {header + 1}" if keep and above is not None else f"header in row {header + 1}"
    )
    records = _Records(
        f"wide: a column per quarter, {place}",
        None,
        [*titles, table.text(header, provider)],
        provider_column=table.text(header, provider) or _letters(provider),
    )
    if keep and above is not None:
        records.hints.extend(table.text(above, c) for c in range(table.width) if c not in across)
    left, again = [], []
    for n in rows:
        if all(table.cell(n, c) == table.cell(header, c) for c in across):
            again.append(n)
            continue
        who = table.cell(n, provider)
        if all(table.cell(n, c) is None for c in across) or (
            not any(_is_number(table.cell(n, c)) for c in across)
            and (who is None or is_footnote(table.text(n, _first(table, n))))
        ):
            left.append(n)
            continue
        where = default if default is not None else _market_of(table.cell(n, market or 0), None)
        if not where.strip():
            cell = (n + 1, table.text(header, market or 0), "nothing")
            faults.add("", "market_not_blank", cell, "the name of a market in every row", "fill it down")
        for c, time in across.items():
            records.rows.append(n + 1)
            records.markets.append(where)
            records.times.append(time)
            records.time_columns.append(table.text(header, c))
            records.providers.append(who)
            records.numbers.append(table.cell(n, c))
            records.columns.append(table.text(header, c))
    _tell_rows(table, again, "the header again", notes)
    _tell_rows(table, left, "without numbers" if len(left) == 1 else "without numbers", notes)
    if not records.rows:
        raise table.refusal("has_rows", f"there is no row of numbers below the header in row {header + 1}")
    return records


def _wide_vendors(table: _Table, options: Reading, notes: list[str], faults: _Faults) -> _Records:
    period, year, header = _period_column(table)
    rows = table.below(header)
    heads = [read_header(table.text(header, c)) for c in range(table.width)]
    market = _one(table, heads, "market", header, "market")
    if market is not None and _holds_numbers(table, market, rows):
        market = None  # a column `Market` of numbers is a sum
    taken = {c for c in (period, year, market) if c is not None}
    vendors = []
    for c in range(table.width):
        if c in taken or not _holds_numbers(table, c, rows):
            continue
        title = table.text(header, c)
        if not title or title.startswith("Unnamed:"):
            if _counts(table, c, rows):
                continue
            raise table.refusal(
                "provider_not_blank",
                f"column {_letters(c)} holds numbers but row {header + 1}, the header, has no name for it; write the "
                "vendor's name there",
                row=header + 1,
            )
        if is_derived(title):
            continue
        vendors.append(c)
    plain = [c for c in vendors if heads[c].role in ("share", "amount") and heads[c].worth > 1]
    if plain:
        names = _listed([quoted(table.text(header, c)) for c in range(table.width) if table.text(header, c)])
        raise table.refusal(
            "provider_column",
            f"no column of vendors was found: row {header + 1} has {names}, of which "
            f"{quoted(table.text(header, plain[0]))} is a measure; call the column with the vendors 'vendor'",
            row=header + 1,
        )
    if not vendors:
        raise table.refusal(
            "share_or_value",
            f"there are quarters in column {quoted(table.text(header, period))}, but no column of numbers below row "
            f"{header + 1}; it needs a column per vendor, or the columns quarter, vendor and share",
        )
    titles = Counter(tidy(table.text(header, c)) for c in vendors)
    twice = next((title for title, count in titles.items() if count > 1), None)
    if twice is not None:
        places = " and ".join(_letters(c) for c in vendors if tidy(table.text(header, c)) == twice)
        raise table.refusal(
            "provider_once",
            f"columns {places} are both called {quoted(twice)} in row {header + 1}; each vendor needs one column",
            row=header + 1,
        )
    hints = _titles(table, header, notes)
    default = _default_market(table, options) if market is None else None
    _unused(table, header, {*taken, *vendors}, rows, notes)
    records = _Records(
        f"wide: a column per vendor, header in row {header + 1}", None, [*hints, table.text(header, period)]
    )
    period_name = table.text(header, period) or _letters(period)
    names = {c: table.grid[header][c] for c in vendors}
    left, again, sums = [], [], []
    last_year: Cell = None
    for n in rows:
        when: Cell | Stamp = table.cell(n, period)
        if year is not None:
            here = table.cell(n, year)
            last_year = last_year if here is None else here
            when = _join(last_year, when)
        stamp = when if isinstance(when, Stamp) else read_stamp(when)
        if stamp is None:
            cells = [table.cell(n, c) for c in vendors]
            if all(
                cell is None or (isinstance(cell, str) and tidy(cell) == table.text(header, c))
                for c, cell in zip(vendors, cells, strict=True)
            ) and any(cell is not None for cell in cells):
                again.append(n)
                continue
            if not any(_is_number(cell) for cell in cells):
                units = [table.text(n, c) for c in range(table.width) if table.cell(n, c) is not None]
                if all(is_unit(unit) for unit in units):
                    records.hints.extend(units)
                left.append(n)
                continue
            if isinstance(when, str) and (is_sum(when) or is_derived(when)):
                sums.append(n)
                continue
        where = default if default is not None else _market_of(table.cell(n, market or 0), None)
        if not where.strip():
            cell_ = (n + 1, table.text(header, market or 0), "nothing")
            faults.add("", "market_not_blank", cell_, "the name of a market in every row", "fill it down")
        for c in vendors:
            records.rows.append(n + 1)
            records.markets.append(where)
            records.times.append(when)
            records.time_columns.append(period_name)
            records.providers.append(names[c])
            records.numbers.append(table.cell(n, c))
            records.columns.append(table.text(header, c))
    _tell_rows(table, again, "the header again", notes)
    _tell_rows(table, left, _kind_of_rows(left), notes)
    _tell_rows(table, sums, "no quarter but a sum or a change over quarters", notes)
    return records


def _counts(table: _Table, column: int, rows: Sequence[int]) -> bool:
    """Whether a column without a header only counts the rows, as programs write it."""
    numbers = [tidy(_name(cell)) for n in rows if (cell := table.cell(n, column)) is not None]
    return any(numbers == [str(k + start) for k in range(len(numbers))] for start in (0, 1))


def _period_column(table: _Table) -> tuple[int, int | None, int]:
    """The column of quarters, that of their years where they stand apart, and the header row of a wide sheet."""
    counts: dict[int, int] = {}
    bare: dict[int, int] = {}
    years: dict[int, int] = {}
    for c in range(table.width):
        for n in table.filled:
            cell = table.cell(n, c)
            stamp = read_stamp(cell)
            if stamp is None:
                if cell is not None and _quarter_number(cell) is not None:
                    bare[c] = bare.get(c, 0) + 1
            elif stamp.kind == "bare":
                bare[c] = bare.get(c, 0) + 1
            elif stamp.kind == "year":
                years[c] = years.get(c, 0) + 1
            else:
                counts[c] = counts.get(c, 0) + 1
    column, year = None, None
    if counts:
        column = max(counts, key=lambda c: (counts[c], -c))
    if years and bare and (column is None or bare[max(bare, key=lambda c: bare[c])] > counts[column]):
        after = [c for c in bare if c > min(years)]
        if after:
            column, year = after[0], min(years)
    if column is None and years:
        column = max(years, key=lambda c: (years[c], -c))
    if column is None and bare and any(read_stamp(table.cell(n, c)) for c in bare for n in table.filled):
        column = max(bare, key=lambda c: (bare[c], -c))
    if column is None:
        raise _nothing_found(table)
    is_time = _quarter_number if year is not None else read_stamp
    first = next(n for n in table.filled if is_time(table.cell(n, column)) is not None)
    above = [n for n in table.filled if n < first]
    while above and all(is_unit(text) for c in range(table.width) if (text := table.text(above[-1], c))):
        above.pop()
    if not above or not any(table.text(above[-1], c) for c in range(table.width) if c != column):
        raise table.refusal(
            "has_header",
            f"there is no header above the first quarter in row {first + 1}; write the names of the columns in a row "
            "above it, such as quarter, vendor, share",
            row=first + 1,
        )
    return column, year, above[-1]


def _nothing_found(table: _Table) -> InvalidTable:
    first = table.filled[0]
    names = [quoted(table.text(first, c)) for c in range(table.width) if table.cell(first, c) is not None]
    heads = [read_header(table.text(first, c)) for c in range(table.width)]
    given = next((c for c, head in enumerate(heads) if head.role == "period"), None)
    way = "it needs quarters such as 2020Q3 in a column, or as the headers of columns"
    if given is not None and len(table.filled) > 1:
        row = next((n for n in table.filled[1:] if table.cell(n, given) is not None), None)
        if row is not None:
            found = quoted(table.cell(row, given))
            return table.refusal(
                "period_is_quarter",
                f"column {quoted(table.text(first, given))} holds no quarters: row {row + 1} has {found}; write 2020Q3",
                row=row + 1,
                column=table.text(first, given),
                value=found,
            )
    return table.refusal(
        "period_column", f"no quarters were found; row {first + 1} has {_listed(names)}; {way}", row=first + 1
    )


# --- quarters -----------------------------------------------------------------------------------------------------


def _quarters(
    records: _Records, table: _Table, options: Reading, notes: list[str], faults: _Faults
) -> list[str | None]:
    """The quarter of every record; None where the cell holds none."""
    known: dict[Cell | Stamp, Stamp | None] = {}
    first: dict[Stamp, tuple[int, str]] = {}  # row and text of its first use
    stamps: list[Stamp | None] = []
    for n, time in enumerate(records.times):
        if time not in known:
            known[time] = time if isinstance(time, Stamp) else read_stamp(time)
        stamp = known[time]
        if stamp is not None and stamp not in first:
            text = records.time_columns[n] if isinstance(time, Stamp) else quoted(time).strip("'")
            first[stamp] = (records.rows[n], text)
        stamps.append(stamp)
    quarter_of, why = _resolve(first, table, options, notes)
    result: list[str | None] = []
    dates: dict[tuple[str, str], tuple[Stamp, int]] = {}
    dropped = _whole_years(first, quarter_of)
    annual: list[int] = []
    texts = {stamp: (None if quarter_of.get(stamp) is None else str(quarter_of[stamp])) for stamp in first}
    for n, stamp in enumerate(stamps):
        market, row = records.markets[n], records.rows[n]
        time = records.times[n]
        cell = (row, records.time_columns[n], quoted(time if not isinstance(time, Stamp) else records.time_columns[n]))
        if stamp is None:
            faults.add(market, "period_is_quarter", cell, "quarters", "write them as 2020Q3")
            result.append(None)
        elif stamp in dropped:
            annual.append(n)
            result.append(None)
        elif texts[stamp] is None:
            allowed, hint = why[stamp]
            faults.add(market, "period_is_quarter", cell, allowed, hint)
            result.append(None)
        else:
            quarter = texts[stamp]
            assert quarter is not None
            if stamp.kind not in ("quarter", "fiscal"):
                other, earlier = dates.setdefault((market, quarter), (stamp, row))
                if other != stamp:
                    allowed = "one date for each quarter"
                    hint = (
                        f"row {earlier} has another date of {quarter}" if earlier != row else f"both are in {quarter}"
                    )
                    faults.add(market, "one_date_per_quarter", cell, allowed, hint)
            result.append(quarter)
    if annual:
        year = sorted(
            {records.times[n].year if isinstance(records.times[n], Stamp) else stamps[n].year for n in annual}
        )  # type: ignore[union-attr]
        notes.append(f"whole years beside their four quarters are not used: {_listed([str(y) for y in year])}")
        _drop(records, result, set(annual))
    return result


def _drop(records: _Records, times: list[str | None], gone: set[int]) -> None:
    for values in (
        records.rows, records.markets, records.times, records.time_columns, records.providers, records.numbers,
        records.columns, records.decimals, records.qualifiers, records.published, times,
    ):  # fmt: skip
        if values is not None:
            values[:] = [value for n, value in enumerate(values) if n not in gone]  # type: ignore[index]


def _whole_years(first: dict[Stamp, tuple[int, str]], quarter_of: dict[Stamp, Quarter | None]) -> set[Stamp]:
    """Years that stand beside all four of their quarters."""
    there = {quarter for quarter in quarter_of.values() if quarter is not None}
    return {
        stamp for stamp in first if stamp.kind == "year" and all(Quarter(4 * stamp.year + k) in there for k in range(4))
    }


def _resolve(
    first: dict[Stamp, tuple[int, str]], table: _Table, options: Reading, notes: list[str]
) -> tuple[dict[Stamp, Quarter | None], dict[Stamp, tuple[str, str]]]:
    """The quarter of each time, by what the table as a whole says; and why some have none."""
    kinds: dict[str, list[Stamp]] = defaultdict(list)
    for stamp in first:
        kinds[stamp.kind].append(stamp)
    quarter_of: dict[Stamp, Quarter | None] = {}
    why: dict[Stamp, tuple[str, str]] = {}

    def place(stamp: Stamp) -> str:
        row, text = first[stamp]
        return f"row {row} has '{text}'"

    usable = [kind for kind in kinds if kind not in ("year", "half", "bare")]
    if not usable and first:
        kind, found = next((k, v[0]) for k, v in kinds.items())
        what = {"year": "years", "half": "half-years", "bare": "quarters without a year"}[kind]
        way = {
            "year": "add a column of quarters (1 to 4), or give figures by quarter",
            "half": "give figures by quarter",
            "bare": "add a column of years, or write 2020Q3",
        }[kind]
        raise table.refusal(
            "period_is_quarter", f"the sheet has {what}, not quarters: {place(found)}; {way}", row=first[found][0]
        )
    for stamp in (*kinds["year"], *kinds["half"], *kinds["bare"]):
        quarter_of[stamp] = None
        what = {"year": "a whole year", "half": "a half-year", "bare": "a quarter without a year"}[stamp.kind]
        why[stamp] = ("quarters", f"this is {what}; write 2020Q3, or remove it")
    _fiscal(kinds, quarter_of, place, table, options, notes, first)
    _dates(kinds, quarter_of, why, place, table, options, notes, first)
    return quarter_of, why


def _fiscal(
    kinds: dict[str, list[Stamp]],
    quarter_of: dict[Stamp, Quarter | None],
    place: Callable[[Stamp], str],
    table: _Table,
    options: Reading,
    notes: list[str],
    first: dict[Stamp, tuple[int, str]],
) -> None:
    fiscal, plain = kinds["fiscal"], kinds["quarter"]
    end = options.fiscal_year_end
    if fiscal and plain:
        raise table.refusal(
            "fiscal_or_calendar",
            f"fiscal and calendar quarters stand side by side: {place(fiscal[0])} and {place(plain[0])}; write all of "
            "them in one way",
            row=first[fiscal[0]][0],
        )
    if fiscal and end is None:
        raise table.refusal(
            "fiscal_year_end",
            f"the quarters are fiscal: {place(fiscal[0])}; say in which month the fiscal year ends, such as "
            "--fiscal-year-end 6 for June",
            row=first[fiscal[0]][0],
        )
    if end is not None:
        for stamp in (*fiscal, *plain):
            quarter_of[stamp] = fiscal_quarter(stamp.year, stamp.part, year_end=end)
        if fiscal or plain:
            one = (fiscal or plain)[0]
            notes.append(
                f"quarters are fiscal, of years that end in {MONTH_NAMES[end - 1]}, each read as the calendar quarter "
                f"in which it ends: '{first[one][1]}' as {quarter_of[one]}"
            )
        return
    for stamp in plain:
        quarter_of[stamp] = Quarter(4 * stamp.year + stamp.part - 1)
    odd = next((stamp for stamp in plain if first[stamp][1] != str(quarter_of[stamp])), None)
    if odd is not None and not _joined_text(first[odd][1]):
        notes.append(f"'{first[odd][1]}' read as {quarter_of[odd]}")


def _joined_text(text: str) -> bool:
    """Whether the text is only a part of the time, the year standing elsewhere."""
    stamp = read_stamp(text)
    return stamp is None or stamp.kind == "bare"


def _dates(
    kinds: dict[str, list[Stamp]],
    quarter_of: dict[Stamp, Quarter | None],
    why: dict[Stamp, tuple[str, str]],
    place: Callable[[Stamp], str],
    table: _Table,
    options: Reading,
    notes: list[str],
    first: dict[Stamp, tuple[int, str]],
) -> None:
    loose = kinds["loose"]
    if loose and not kinds["month"]:
        stamp = loose[0]
        raise table.refusal(
            "period_is_quarter",
            f"{place(stamp)}, which may be quarter {stamp.part} or month {stamp.part} of {stamp.year}; write 2020Q3 or "
            "2020-09",
            row=first[stamp][0],
        )
    either = kinds["either"]
    settled = [*kinds["day"], *kinds["month"], *loose]
    days = {stamp: stamp for stamp in settled}
    if either:
        order = options.date_order or _order(either, settled, place, table, first)
        days |= {stamp: day for stamp in either if (day := stamp.in_order(order)) is not None}
        if options.date_order is None:
            notes.append(f"dates are read {order.replace('-', ' ')}, the only order in which they end quarters")
    if not days:
        return
    unfit = [stamp for stamp, day in days.items() if not _ends(day) and not _starts(day)]
    if 2 * len(unfit) >= len(days):
        stamp = unfit[0]
        months = sorted({day.part for day in days.values()})
        monthly = len({(day.year, day.part) for day in days.values()}) > len(
            {(day.year, (day.part - 1) // 3) for day in days.values()}
        )
        what = (
            "the dates are monthly" if monthly else f"the dates lie in {_listed([MONTH_NAMES[m - 1] for m in months])}"
        )
        way = (
            "give one row per quarter: sum amounts over its months, or take its last month"
            if monthly
            else "a quarter's date lies in March, June, September or December, or is its first day; write 2020Q3"
        )
        raise table.refusal("period_is_quarter", f"{what}: {place(stamp)}; {way}", row=first[stamp][0])
    ends = [stamp for stamp, day in days.items() if _ends(day)]
    starts = [stamp for stamp, day in days.items() if _starts(day)]
    if ends and starts:
        raise table.refusal(
            "period_is_quarter",
            f"some dates end quarters and some begin them: {place(ends[0])} and {place(starts[0])}; write them in one "
            "way, or as 2020Q3",
            row=first[starts[0]][0],
        )
    for stamp, day in days.items():
        fit = stamp not in unfit
        quarter_of[stamp] = Quarter(4 * day.year + (day.part - 1) // 3) if fit else None
        if not fit:
            why[stamp] = (
                "dates in the last month of a quarter" if ends else "first days of quarters",
                "write the quarter as 2020Q3",
            )
    example = (ends or starts)[0]
    notes.append(f"'{first[example][1]}' read as {quarter_of[example]}")


def _ends(day: Stamp) -> bool:
    return day.part in (3, 6, 9, 12)


def _starts(day: Stamp) -> bool:
    return day.kind == "day" and day.day == 1 and day.part in (1, 4, 7, 10)


def _order(
    either: list[Stamp],
    settled: list[Stamp],
    place: Callable[[Stamp], str],
    table: _Table,
    first: dict[Stamp, tuple[int, str]],
) -> DateOrder:
    """The one order of day and month in which all dates are of quarters."""
    orders: tuple[DateOrder, DateOrder] = ("day-first", "month-first")
    fit = []
    for order in orders:
        days = [*settled, *(day for stamp in either if (day := stamp.in_order(order)) is not None)]
        quarters = {(day.year, (day.part - 1) // 3) for day in days}
        if len(days) == len(settled) + len(either) and len(quarters) == len(set(days)) and (
            all(map(_ends, days)) or all(map(_starts, days))
        ):  # fmt: skip
            fit.append(order)
    if len(fit) == 1:
        return fit[0]
    stamp = either[0]
    shown = [f"{day.year}-{day.part:02}-{day.day:02}" for order in orders if (day := stamp.in_order(order)) is not None]
    raise table.refusal(
        "date_order",
        f"{place(stamp)}, which may be {' (day first) or '.join(shown)} (month first); say which with --date-order "
        "day-first or --date-order month-first",
        row=first[stamp][0],
    )


# --- numbers ------------------------------------------------------------------------------------------------------


def _digits(
    records: _Records, table: _Table, options: Reading, notes: list[str], faults: _Faults
) -> tuple[list[str | None], list[Written | None]]:
    """Plain digits of every record's number, by the decimal mark that the sheet shows; None where there are none."""
    written: list[Written | None] = []
    known: dict[str, Written | None] = {}
    missing: dict[str, list[int]] = {}
    shares = options.measure in ("share", "percent") or (
        options.measure is None and records.measured is not None and records.measured.role == "share"
    )
    for n, cell in enumerate(records.numbers):
        try:
            if isinstance(cell, str):
                if cell not in known:
                    found = read_number(cell)
                    if shares and found is not None and found.ambiguous:
                        found = _without_thousands(found)
                    known[cell] = found
                value = known[cell]
                if value is None:
                    missing.setdefault(tidy(cell), []).append(records.rows[n])
            else:
                value = read_number(cell)
        except InvalidArgument as error:
            place = (records.rows[n], records.columns[n], quoted(cell))
            allowed = "numbers" if error.allowed.endswith("reported") else error.allowed.replace("a number", "numbers")
            faults.add(
                records.markets[n], "column_type", place, allowed, "leave the cell empty where nothing was reported"
            )
            value = None
        written.append(value)
    if missing:
        rows = sorted({row for found in missing.values() for row in found})
        notes.append(f"{_rows(rows)}: {_listed([quoted(text) for text in missing])} read as not reported")
    mark = _decimal_mark(records, written, table, options, notes, faults)
    if any(value is not None and value.marked for value in written):
        n = next(n for n, value in enumerate(written) if value is not None and value.marked)
        notes.append(f"footnote marks behind numbers are not used, such as in {quoted(records.numbers[n])}")
    return [None if value is None else value.digits(mark) for value in written], written


def _without_thousands(number: Written) -> Written:
    """A share: the reading as a group of thousands would be 1000 or more."""
    assert number.point is not None
    point, comma = (number.point, None) if "." in number.point else (None, number.comma)
    return Written(point, comma, number.percent, number.qualifier, number.marked, number.typed)


def _decimal_mark(
    records: _Records,
    written: list[Written | None],
    table: _Table,
    options: Reading,
    notes: list[str],
    faults: _Faults,
) -> DecimalMark:
    certain: dict[DecimalMark, list[int]] = {"point": [], "comma": []}
    ambiguous: list[int] = []
    for n, value in enumerate(written):
        if value is None or value.point == value.comma:
            continue
        if (only := value.certain) is not None:
            certain[only].append(n)
        else:
            ambiguous.append(n)
    points, commas = len(certain["point"]), len(certain["comma"])
    if options.decimal is not None:
        mark: DecimalMark = options.decimal
    elif ambiguous and not points and not commas:
        n = ambiguous[0]
        value = written[n]
        assert value is not None
        raise table.refusal(
            "decimal_mark",
            f"row {records.rows[n]} has {quoted(records.numbers[n])}, which may be {value.point} or {value.comma}, and "
            "no other number of the sheet decides; say which with --decimal point or --decimal comma",
            row=records.rows[n],
            column=records.columns[n],
            value=quoted(records.numbers[n]),
        )
    elif points and commas and (points == commas or ambiguous):
        one, other = (certain[name][0] for name in ("point", "comma"))  # type: ignore[index]
        raise table.refusal(
            "decimal_mark",
            f"row {records.rows[one]} has {quoted(records.numbers[one])} with a decimal point and row "
            f"{records.rows[other]} has {quoted(records.numbers[other])} with a decimal comma; write all numbers in one "
            "way, or say which is right with --decimal point or --decimal comma",
            row=records.rows[one],
        )
    else:
        mark = "comma" if commas > points else "point"
    for n in certain["point" if mark == "comma" else "comma"]:
        place = (records.rows[n], records.columns[n], quoted(records.numbers[n]))
        faults.add(records.markets[n], "decimal_mark", place, f"numbers with a decimal {mark}, as the others")
        written[n] = None
    if mark == "comma" and (commas or ambiguous):
        n = (certain["comma"] or ambiguous)[0]
        value = written[n]
        notes.append(f"decimal comma: {quoted(records.numbers[n])} read as {'' if value is None else value.comma}")
    elif ambiguous:
        n = ambiguous[0]
        value = written[n]
        notes.append(f"decimal point: {quoted(records.numbers[n])} read as {'' if value is None else value.point}")
    return mark


# --- the unit -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sums:
    """How the numbers without a sign add up in their quarters, sums such as Total left out."""

    one: list[bool]  # near 1
    hundred: list[bool]  # near 100
    over_one: list[bool]  # clearly above 1
    over_hundred: list[bool]
    first: tuple[str, float]  # a quarter and its sum
    least: float
    most: float


def _unit(
    records: _Records,
    times: list[str | None],
    digits: list[str | None],
    written: list[Written | None],
    table: _Table,
    options: Reading,
    notes: list[str],
) -> tuple[str, dict[int, tuple[str, str, str]]]:
    """What the numbers are: "fractions", "per cent" (where without a sign) or "amounts"; and the cells that cannot be."""
    signed = [n for n, value in enumerate(written) if value is not None and value.percent]
    bare = [n for n, value in enumerate(written) if value is not None and not value.percent and digits[n] is not None]
    role = records.measured.role if records.measured is not None else None
    column = quoted(records.columns[0])
    if options.measure is not None:
        return {"share": "fractions", "percent": "per cent", "amount": "amounts"}[options.measure], {}
    sums = _sums(records, times, digits, bare, written)
    says = spoken_of(records.hints)
    if role == "amount":
        if signed and not bare:
            n = signed[0]
            raise table.refusal(
                "unit_of_measure",
                f"column {column} should hold amounts, but holds per cents: row {records.rows[n]} has "
                f"{quoted(records.numbers[n])}; if they are shares, say so with --measure percent",
                row=records.rows[n],
            )
        if records.columns[0] != "value":
            notes.append(f"column {column} read as amounts")
        hint = "if they are shares, say so with --measure percent"
        return "amounts", {n: ("unit_of_measure", "amounts, without a per cent sign", hint) for n in signed}
    if signed:
        return _beside_signs(signed, bare, digits, records, says)
    if not bare or sums is None:
        return "fractions", {}
    if role == "share":
        return _shares(sums, bare, digits, records, times, table, notes, percent=says == "percent")
    return _open(sums, bare, digits, records, times, table, notes, says)


def _beside_signs(
    signed: list[int], bare: list[int], digits: list[str | None], records: _Records, says: str | None
) -> tuple[str, dict[int, tuple[str, str, str]]]:
    """Numbers without a sign beside some with one: 34.1 can only be a per cent, and 0.341 can be two things."""
    hint = "write 34.1% or leave the sign away in all cells"
    unfit = {
        n: (
            "unit_of_measure",
            "per cents with their sign, as the other cells",
            f"this may be a fraction or a per cent; {hint}",
        )
        for n in bare
        if (text := digits[n]) is not None and 0 < abs(float(text)) <= 1
    }
    return "per cent", unfit


def _sums(
    records: _Records, times: list[str | None], digits: list[str | None], bare: list[int], written: list[Written | None]
) -> _Sums | None:
    totals: dict[tuple[str, str, Cell], float] = defaultdict(float)
    slack: dict[tuple[str, str, Cell], float] = defaultdict(float)
    summed: dict[Cell, bool] = {}
    for n in bare:
        quarter, text, who = times[n], digits[n], records.providers[n]
        if quarter is None or text is None:
            continue
        if who not in summed:
            summed[who] = isinstance(who, str) and is_sum(who)
        if summed[who]:
            continue
        key = (records.markets[n], quarter, records.published[n] if records.published is not None else None)
        totals[key] += float(text)
        slack[key] += 0.5 * 10.0 ** -len(text.partition(".")[2])
    if not totals:
        return None
    one, hundred, over_one, over_hundred = [], [], [], []
    for key, total in totals.items():
        off_one = max(_NEAR, min(slack[key], 0.1))
        off_hundred = max(100 * _NEAR, min(slack[key], 10.0))
        one.append(abs(total - 1) <= off_one + 1e-9)
        hundred.append(abs(total - 100) <= off_hundred + 1e-9)
        over_one.append(total > 1 + off_one + 1e-9)
        over_hundred.append(total > 100 + off_hundred + 1e-9)
    (_, quarter, _), total = next(iter(totals.items()))
    return _Sums(one, hundred, over_one, over_hundred, (quarter, total), min(totals.values()), max(totals.values()))


def _shares(
    sums: _Sums,
    bare: list[int],
    digits: list[str | None],
    records: _Records,
    times: list[str | None],
    table: _Table,
    notes: list[str],
    *,
    percent: bool,
) -> tuple[str, dict[int, tuple[str, str, str]]]:
    """The unit of a column that says it holds shares."""
    large = [n for n in bare if (text := digits[n]) is not None and abs(float(text)) > 1]
    count = len(sums.one)
    header = quoted(records.columns[0])
    if percent and not large and not any(sums.over_one) and not any(sums.one):
        raise _two_readings(
            table,
            f"column {header} says per cent, but its quarters sum to {_span(sums)}, so that {records.columns[0]} may be "
            "fractions or per cents",
            "--measure share or --measure percent",
        )
    if not large and not any(sums.over_one):
        if percent:
            notes.append(f"column {header} read as fractions of 1: the quarters sum to about 1")
        return "fractions", {}
    near_one, near_hundred = sum(sums.one), sum(sums.hundred)
    if near_one and near_one > near_hundred and 2 * near_one >= count:
        hint = "the other quarters hold fractions that sum to 1"
        return "fractions", {n: ("share_in_unit_interval", "fractions of 0 to 1", hint) for n in large}
    if near_one and near_one * 2 < count:
        suspicious = _cells_of(sums, records, times, bare, near=sums.one)
        hint = "the other quarters hold per cents that sum to 100; write 34.1"
        notes.append(_told_percent(sums))
        return "per cent", {n: ("unit_of_measure", "per cents as the other quarters", hint) for n in suspicious}
    if not large:
        # parts up to 1 that sum to more
        return "fractions", {}
    if any(float(digits[n] or 0) > 100 for n in large) and not near_hundred:
        raise table.refusal(
            "share_in_unit_interval",
            f"column {header} should hold shares, but has numbers such as {quoted(records.numbers[large[0]])} that are "
            "no shares; if they are amounts, say so with --measure amount",
            row=records.rows[large[0]],
        )
    notes.append(_told_percent(sums))
    return "per cent", {}


def _told_percent(sums: _Sums) -> str:
    if 2 * sum(sums.hundred) >= len(sums.hundred):
        return "read as per cent: the quarters sum to about 100"
    return "read as per cent: there are shares above 1"


def _cells_of(sums: _Sums, records: _Records, times: list[str | None], bare: list[int], near: list[bool]) -> list[int]:
    """The cells of the quarters that a list of flags marks, in the order in which `_sums` met the quarters."""
    order: dict[tuple[str, str, Cell], int] = {}
    found = []
    for n in bare:
        quarter, who = times[n], records.providers[n]
        if quarter is None or (isinstance(who, str) and is_sum(who)):
            continue
        key = (records.markets[n], quarter, records.published[n] if records.published is not None else None)
        if near[order.setdefault(key, len(order))]:
            found.append(n)
    return found


def _open(
    sums: _Sums,
    bare: list[int],
    digits: list[str | None],
    records: _Records,
    times: list[str | None],
    table: _Table,
    notes: list[str],
    says: str | None,
) -> tuple[str, dict[int, tuple[str, str, str]]]:
    """The unit of numbers whose headers do not say it: by their sums, then by the words around them."""
    count = len(sums.one)
    near_one, near_hundred = sum(sums.one), sum(sums.hundred)
    if near_one == count:
        notes.append("read as shares, fractions of 1: the quarters sum to about 1")
        return "fractions", {}
    if near_hundred == count:
        notes.append("read as per cent: the quarters sum to about 100")
        return "per cent", {}
    if says in ("share", "percent"):
        if any(sums.over_hundred) and not near_hundred:
            raise _two_readings(
                table,
                f"the sheet speaks of shares, but its quarters sum to {_span(sums)}, so that the numbers may be amounts",
                "--measure amount, or --measure percent",
            )
        return _shares(sums, bare, digits, records, times, table, notes, percent=says == "percent")
    if says == "amount" or (all(sums.over_hundred) and not near_hundred):
        why = f"the quarters sum to {_span(sums)}" if says is None else "the words of the sheet say so"
        notes.append(f"read as amounts: {why}")
        return "amounts", {}
    most = "fractions of 1" if not any(sums.over_one) else "per cents"
    flag = "--measure share" if most == "fractions of 1" else "--measure percent"
    raise _two_readings(
        table,
        f"the numbers may be {most} or amounts: the quarters sum to {_span(sums)} (in {sums.first[0]} to "
        f"{sums.first[1]:.6g})",
        f"{flag} or --measure amount",
    )


def _span(sums: _Sums) -> str:
    return f"{sums.least:.6g}" if sums.least == sums.most else f"{sums.least:.6g} to {sums.most:.6g}"


def _two_readings(table: _Table, found: str, flags: str) -> InvalidTable:
    return table.refusal("unit_of_measure", f"{found}; say which with {flags}")


# --- the tidy table -----------------------------------------------------------------------------------------------


def _frame(
    records: _Records,
    times: list[str | None],
    digits: list[str | None],
    written: list[Written | None],
    unit: str,
    unfit: dict[int, tuple[str, str, str]],
    notes: list[str],
    faults: _Faults,
    options: Reading,
) -> pl.DataFrame:
    values: list[float | None] = []
    decimals: list[int | None] = []
    qualifiers: list[str | None] = []
    amounts = unit == "amounts"
    for n, value in enumerate(written):
        text = digits[n]
        number = None
        printed = None
        if value is not None and text is not None:
            percent = not amounts and (value.percent or unit == "per cent")
            number = fraction(text, percent=percent)
            printed = None if amounts else printed_decimals(text, percent=percent)
            fault = unfit.get(n)
            if fault is None and amounts and value.percent:
                fault = ("unit_of_measure", "amounts, without a per cent sign", "")
            if fault is None and not 0 <= number <= (MAX_AMOUNT if amounts else 1.0):
                fault = (
                    ("value_not_negative", "amounts of 0 or more", "")
                    if amounts
                    else ("share_in_unit_interval", _share_range(unit), "")
                )
            if fault is not None:
                rule, allowed, hint = fault
                place = (records.rows[n], records.columns[n], quoted(records.numbers[n]))
                faults.add(records.markets[n], rule, place, allowed, hint)
                number = printed = None
        values.append(number)
        decimals.append(printed)
        qualifiers.append(None if value is None or number is None else value.qualifier)
    if not amounts:
        _restore_zeros(decimals, digits, written, records)
    _given(records, decimals, qualifiers, faults)
    providers: list[str] = []
    for n, who in enumerate(records.providers):
        if who is None or not tidy(_name(who)):
            place = (records.rows[n], records.provider_column, "nothing")
            faults.add(
                records.markets[n], "provider_not_blank", place, "the name of a vendor in every row", "fill it down"
            )
            values[n] = None
        providers.append("" if who is None else _name(who))
    columns: dict[str, pl.Series] = {
        "market": pl.Series(records.markets, dtype=pl.String),
        "period": pl.Series(times, dtype=pl.String),
        "provider": pl.Series(providers, dtype=pl.String),
        "value" if amounts else "share": pl.Series(values, dtype=pl.Float64),
        "decimals": pl.Series(decimals, dtype=pl.Int64),
        "qualifier": pl.Series(qualifiers, dtype=pl.String),
    }
    if records.published is not None:
        columns["published_at"] = pl.Series(_published(records, faults, notes, options), dtype=pl.String)
    columns["row"] = pl.Series(records.rows, dtype=pl.Int64)
    columns["column"] = pl.Series(records.columns, dtype=pl.String)
    bounds = sorted({q for q in qualifiers if q is not None})
    if bounds:
        n = next(n for n, q in enumerate(qualifiers) if q is not None)
        names = {"less_than": "upper bounds", "more_than": "lower bounds", "about": "rough numbers"}
        notes.append(f"{' and '.join(names[b] for b in bounds)} are kept as such, as {quoted(records.numbers[n])}")
    return pl.DataFrame(columns)


def _share_range(unit: str) -> str:
    return "per cents of 0 to 100" if unit == "per cent" else "fractions of 0 to 1"


def _restore_zeros(
    decimals: list[int | None], digits: list[str | None], written: list[Written | None], records: _Records
) -> None:
    """Give numbers without a sign the decimals of the longest of their market, unless zeros at their ends are kept.

    Programs write 0.18 for 0.180, so that what stands beside 0.341 is known to a tenth of a per cent too.
    """
    kept: set[str] = set()
    most: dict[str, int | None] = {}
    plain = [n for n, value in enumerate(written) if value is not None and not value.percent and digits[n] is not None]
    for n in plain:
        market, text, value = records.markets[n], digits[n] or "", written[n]
        if value is not None and not value.typed and "." in text and text.endswith("0"):
            kept.add(market)
        here = decimals[n]
        best = most.get(market, 0)
        most[market] = None if here is None or best is None else max(here, best)
    for n in plain:
        if records.markets[n] not in kept:
            decimals[n] = most[records.markets[n]]


def _given(records: _Records, decimals: list[int | None], qualifiers: list[str | None], faults: _Faults) -> None:
    """Take decimals and qualifiers from columns of their own where the sheet has them."""
    for n, cell in enumerate(records.decimals or ()):
        if cell is None:
            continue
        text = _name(cell).strip()
        if text.isascii() and text.isdigit() and int(text) <= 6:
            decimals[n] = int(text)
        elif not _says_nothing(cell):
            place = (records.rows[n], "decimals", quoted(cell))
            faults.add(records.markets[n], "decimals_in_range", place, "whole numbers of 0 to 6")
    for n, cell in enumerate(records.qualifiers or ()):
        if cell is None:
            continue
        text = tidy(_name(cell)).casefold().replace(" ", "_")
        if text in QUALIFIERS:
            qualifiers[n] = None if text == "exact" else text
        else:
            place = (records.rows[n], "qualifier", quoted(cell))
            faults.add(records.markets[n], "qualifier_known", place, f"one of {', '.join(QUALIFIERS)}")


def _published(records: _Records, faults: _Faults, notes: list[str], options: Reading) -> list[str | None]:
    cells = records.published or []
    known: dict[Cell, Stamp | None] = {}
    for cell in cells:
        if cell not in known:
            known[cell] = None if _says_nothing(cell) else read_stamp(cell)
    either = [stamp for stamp in known.values() if stamp is not None and stamp.kind == "either"]
    order = options.date_order
    result: list[str | None] = []
    for n, cell in enumerate(cells):
        stamp = known[cell]
        if stamp is not None and stamp.kind == "either":
            stamp = stamp.in_order(order) if order is not None else stamp
        if cell is None or (stamp is None and _says_nothing(cell)):
            result.append(None)
        elif stamp is not None and stamp.kind == "day":
            result.append(f"{stamp.year}-{stamp.part:02}-{stamp.day:02}")
        else:
            place = (records.rows[n], "published_at", quoted(cell))
            hint = "say which with --date-order day-first or --date-order month-first" if stamp in either else ""
            faults.add(records.markets[n], "published_at_is_day", place, "dates such as 2020-06-18", hint)
            result.append(None)
    return result


def _check_repeats(frame: pl.DataFrame, records: _Records, faults: _Faults) -> None:
    """A vendor that is given twice for a quarter makes its market unfit."""
    key = [name for name in ("market", "period", "provider", "published_at") if name in frame.columns]
    there = frame.filter(pl.col("period").is_not_null(), pl.col("provider") != "")
    if not there.select(key).is_duplicated().any():
        return
    firsts = there.with_columns(first=pl.col("row").first().over(key), nth=pl.int_range(pl.len()).over(key))
    for market, period, provider, row, column, first in firsts.filter(pl.col("nth") > 0).select(
        "market", "period", "provider", "row", "column", "first"
    ).iter_rows():  # fmt: skip
        text = f"{quoted(provider)} in {period} again (row {first})" if row != first else f"{period} twice"
        faults.add(
            market, "cell_once", (row, column, text), "one number per quarter and vendor",
            "if the rows are of several markets, add a column 'market'",
        )  # fmt: skip


# --- wording ------------------------------------------------------------------------------------------------------


def _rows(rows: Sequence[int]) -> str:
    """Rows as ranges: 'row 3', 'rows 3 to 7 and 9'."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return "rows " + _listed([str(a) if a == b else f"{a} to {b}" for a, b in spans])


def _listed(items: Sequence[str], most: int = _LISTED) -> str:
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else "none"
