"""Sheets with a row per quarter and vendor."""

from collections.abc import Sequence

from forecast.cells import Cell, quoted, read_number
from forecast.headers import Header, is_footnote, is_market_size, is_sum, read_header, speaks_of_growth
from forecast.sheet.blocks import check_above, names_columns, part_silent
from forecast.sheet.columns import (
    bare_quarter,
    column_of,
    fill_merged,
    filled_down,
    first_filled,
    holds_numbers,
    is_bare,
    join_time,
    mark_column,
    marked,
    market_of,
    parts_among,
    said_time,
    tell_above,
    tell_columns,
    tell_rows,
    total_rows,
)
from forecast.sheet.grid import Table, is_number
from forecast.sheet.parts import part_column
from forecast.sheet.reading import Faults, Reading, Records
from forecast.sheet.wording import listed
from forecast.stamps import Stamp, read_stamp


def take_long(
    table: Table, header: int, heads: Sequence[Header], options: Reading, notes: list[str], faults: Faults
) -> Records:
    """The cells of a sheet whose header has a column of vendors and one of quarters, or of years and quarters."""
    table.header = header
    check_above(table, header)
    columns = _Columns(table, header, heads, options)
    sums = total_rows(table, columns.provider, table.below(header))
    rows = sorted(set(table.below(header)) - set(sums))
    titles = tell_above(table, header, notes)
    years = filled_down(table, columns.year, rows)
    numbered = [n for n in rows if is_number(table.cell(n, columns.measure))]
    last = numbered[-1] if numbered else header
    given = [n for n in rows if table.cell(n, columns.measure) is not None and n <= last]
    fill_merged(table, [columns.provider], header, given, None, notes)
    fill_merged(table, [columns.period], header, given, columns.provider, notes)
    sums = sorted({*sums, *(n for n in given if columns.is_total_over_quarters(n))})
    rows = sorted(set(rows) - set(sums))
    fill_merged(table, parts_among(table, heads, rows), header, given, columns.provider, notes)
    columns.market = part_column(
        table,
        header,
        heads,
        lambda n: [
            (
                table.cell(n, columns.provider),
                (years.get(n), table.cell(n, columns.when)),
                table.cell(n, columns.measure),
            )
        ],
        columns.market,
        columns.used,
        notes,
    )
    marks = mark_column(table, header, given, columns.used)
    tell_columns(table, header, columns.used, rows, notes)
    title = table.title(header, columns.measure)
    records = Records(
        f"long: a row per quarter and vendor, header in row {header + 1}",
        columns.measured,
        table.title(header, columns.provider),
        columns.market is not None,
        [*titles, title, *columns.units, *([table.text(header, columns.year)] if columns.year is not None else [])],
        titles,
    )
    columns.prepare(records)
    time_title = table.title(header, columns.when)
    silent: list[int] = []
    holes: list[int] = []
    named: dict[Cell, str] = {}
    for n in rows:
        who = table.cell(n, columns.provider)
        number = table.cell(n, columns.measure)
        time, said = columns.time_of(n, years, marks)
        if number is None and (who is None or said is None):
            (silent if said is None or read_stamp(table.cell(n, columns.when)) is None else holes).append(n)
            continue
        if (number is None or n > last or isinstance(number, str)) and _is_remark(table, n, last, number, time):
            silent.append(n)
            continue
        market = table.cell(n, columns.market) if columns.market is not None else None
        if market not in named or market is None:
            named[market] = market_of(table, n, header, columns.market, options, faults)
        beside = {table.title(header, c): table.cell(n, c) for c in columns.beside}
        records.add(table.number(n), named[market], time, said, time_title, who, number, title, beside)
        columns.take(n, records)
    repeated, remarks = part_silent(table, header, silent, numbered)
    records.remarks = [table.text(n, first_filled(table, n)) for n in remarks]
    remarks = sorted(remarks + holes)
    tell_rows(table, repeated, "the header again", notes)
    tell_rows(table, sums, "a total over vendors or quarters", notes)
    tell_rows(
        table, remarks, "a remark or without a number" if len(remarks) == 1 else "remarks or without numbers", notes
    )
    if not records.rows:
        raise table.refusal("has_rows", f"there is no row of numbers below the header in row {header + 1}", row=header)
    return records


def _is_remark(table: Table, row: int, last: int, number: Cell, time: Cell | Stamp) -> bool:
    """Whether a row without a number and a quarter is a remark or a header: it stands below all numbers or says so."""
    if is_number(number):
        return False
    if row <= last and not (is_footnote(table.text(row, first_filled(table, row))) or names_columns(table, row)):
        return False
    stamp = time if isinstance(time, Stamp) else read_stamp(time)
    return stamp is None or stamp.kind == "year"


class _Columns:
    """Which column of a long sheet is what."""

    def __init__(self, table: Table, header: int, heads: Sequence[Header], options: Reading) -> None:
        self.table = table
        self.units: list[str] = []
        rows = table.below(header)
        provider = column_of(table, heads, "provider", header, "vendor")
        assert provider is not None  # by which the layout was told
        self.provider = provider
        self.period = column_of(table, heads, "period", header, "quarter")
        self.year = column_of(table, heads, "year", header, "year")
        if self.year is not None and self.period is not None and not is_bare(table, self.period, rows):
            self.year = None
        self.market = column_of(table, heads, "market", header, "market")
        if self.market is not None and all(table.cell(n, self.market) is None for n in rows):
            self.market = None
        self.decimals, self.qualifier, self.published = (
            column_of(table, heads, role, header, role) for role in ("decimals", "qualifier", "published_at")
        )
        others = (self.period, self.year, self.market, self.decimals, self.qualifier, self.published)
        self.used = {self.provider, *(c for c in others if c is not None)}
        if self.period is None and self.year is not None and not any(
            bare_quarter(table.cell(n, self.year)) for n in rows
        ):  # fmt: skip
            self.period, self.year = self.year, None
        self.when = self.period if self.period is not None else self.year or 0
        self.unit = next((c for c, head in enumerate(heads) if head.role == "unit"), None)
        self.measure = self._measure(heads, header, options)
        self.beside = self._beside(heads, rows)
        self.used |= {self.measure, *self.beside}
        self.measured = table.measured or heads[self.measure]
        if self.unit is not None and self.unit != self.measure:
            self._take_unit(rows, header)

    def _take_unit(self, rows: Sequence[int], header: int) -> None:
        """Take the unit that a column of units gives to all numbers."""
        assert self.unit is not None
        self.units = list(dict.fromkeys(filter(None, (self.table.text(n, self.unit) for n in rows))))
        self.used.add(self.unit)
        if len(self.units) > 1:
            raise self.table.refusal(
                "unit_of_measure",
                f"column {quoted(self.table.text(header, self.unit))} has several units: "
                f"{listed([quoted(unit) for unit in self.units])}; keep the rows of one",
                row=header,
            )
        if self.units and read_header(self.units[0]).percent:
            self.measured = Header(self.measured.base, "share", self.measured.worth, percent=True)

    def prepare(self, records: Records) -> None:
        """Give the records the lists of the columns that are there."""
        records.decimals = None if self.decimals is None else []
        records.qualifiers = None if self.qualifier is None else []
        records.published = None if self.published is None else []

    def is_total_over_quarters(self, row: int) -> bool:
        """Whether a row is called a total and has no quarter."""
        time = self.table.cell(row, self.when)
        return time is None and is_sum(self.table.text(row, self.provider))

    def time_of(self, row: int, years: dict[int, Cell], marks: int | None) -> tuple[Cell | Stamp, Cell]:
        """The time of a row, and as the sheet says it; `marks` is a column of words such as Forecast."""
        said = None if self.period is None else self.table.cell(row, self.period)
        time: Cell | Stamp = said
        if self.year is not None:
            time, said = join_time(years[row], said), said_time(years[row], said)
        return (time if marks is None else marked(time, self.table.text(row, marks))), said

    def take(self, row: int, records: Records) -> None:
        """Take what a row says beside its number."""
        for target, column in (
            (records.decimals, self.decimals),
            (records.qualifiers, self.qualifier),
            (records.published, self.published),
        ):
            if target is not None and column is not None:
                target.append(self.table.cell(row, column))

    def _beside(self, heads: Sequence[Header], rows: Sequence[int]) -> list[int]:
        """Columns of amounts next to that of shares, or of shares next to that of amounts."""
        role = heads[self.measure].role
        other = None if role not in ("share", "amount") else "amount" if role == "share" else "share"
        return [
            c
            for c, head in enumerate(heads)
            if other is not None
            and head.role == other
            and c not in self.used
            and not is_market_size(head.base)
            and holds_numbers(self.table, c, rows)
        ]

    def _measure(self, heads: Sequence[Header], header: int, options: Reading) -> int:
        """The column of the numbers."""
        table = self.table
        first, second = ("amount", "share") if options.measure == "amount" else ("share", "amount")
        for role in (first, second):
            if (column := column_of(table, heads, role, header, role)) is not None:
                return column
        rows = table.below(header)
        free = [c for c in range(table.width) if c not in self.used and holds_numbers(table, c, rows, unread=True)]
        level = [c for c in free if not speaks_of_growth(table.text(header, c))]
        if free and not level and options.measure is None:
            raise table.refusal(
                "share_or_value",
                f"column {table.titles(header, free[:1])} (row {header + 1}) is a growth or change by its name, and no "
                "other holds numbers; give shares or amounts, not their change, or say what the numbers are with "
                "--measure share, --measure percent or --measure amount",
                row=header,
            )
        free = level or free
        if len(free) == 1:
            return free[0]
        found = "none holds numbers" if not free else f"{table.titles(header, free)} hold numbers"
        raise table.refusal(
            "share_or_value",
            f"no column of shares or amounts was found: row {header + 1} has {table.titles(header)}, and {found}; call "
            "the column 'share' or 'value'",
            row=header,
        )


def has_names(table: Table, header: int, heads: Sequence[Header]) -> bool:
    """Whether the texts below a header fit a long sheet: a column of vendors, and one of times.

    Raises:
        InvalidTable: the column of vendors holds one number for each time, as that of one vendor does.
    """
    times = [c for c, head in enumerate(heads) if head.role in ("period", "year")]
    names = [c for c, head in enumerate(heads) if head.role == "provider"]
    if not times or not names:
        return False
    rows = table.below(header)
    across = [stamp for c in range(table.width) if (stamp := read_stamp(table.cell(header, c))) is not None]
    if not any(_is_time(table.cell(n, c)) for n in rows for c in times) or len(across) > 1:
        return False
    best = max(names, key=lambda c: heads[c].worth)
    if all(is_number(cell) for n in rows if (cell := table.cell(n, best)) is not None):
        _check_names(table, header, best, [n for n in rows if any(_is_time(table.cell(n, c)) for c in times)], times)
    return True


def _is_time(cell: Cell) -> bool:
    return read_stamp(cell) is not None or bare_quarter(cell) is not None


def _check_names(table: Table, header: int, column: int, rows: Sequence[int], times: Sequence[int]) -> None:
    """Refuse vendors' names that are numbers where they may be those of one vendor: one a quarter, or not whole."""
    cells = [(n, cell) for n in rows if (cell := table.cell(n, column)) is not None]
    once = len({tuple(table.text(n, c) for c in times) for n, _ in cells}) == len(cells)
    if cells and (once or any(_is_measure(cell) for _, cell in cells)):
        title = quoted(table.text(header, column))
        raise table.refusal(
            "provider_column",
            f"column {title} is called as one of vendors is, but holds numbers: row {table.number(cells[0][0])} has "
            f"{quoted(cells[0][1])}; write names there, or give {title} a longer name if it is that of a vendor",
            row=header,
            column=table.text(header, column),
        )


def _is_measure(cell: Cell) -> bool:
    """Whether a number is no name, since it has a per cent sign or decimals."""
    written = read_number(cell)
    return written is not None and (written.percent or not (written.point or written.comma or "").isdigit())
