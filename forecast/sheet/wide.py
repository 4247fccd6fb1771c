"""Sheets with a column per quarter, and sheets with a column per vendor."""

import re
from collections import Counter
from collections.abc import Sequence

from forecast.cells import Cell, quoted
from forecast.headers import (
    Header,
    derived_name,
    is_footnote,
    is_part,
    is_sum,
    is_unit,
    measure_of,
    read_header,
)
from forecast.sheet.blocks import check_above, part_silent
from forecast.sheet.columns import (
    column_of,
    fill_merged,
    filled_down,
    first_filled,
    holds_numbers,
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
    without_numbers,
)
from forecast.sheet.grid import Table, is_number, letters
from forecast.sheet.parts import part_column
from forecast.sheet.period_column import period_column
from forecast.sheet.reading import Faults, Reading, Records
from forecast.sheet.titles import block_markets
from forecast.sheet.wording import listed
from forecast.stamps import Stamp, read_mark, read_stamp

_BEHIND = re.compile(r"(?P<name>.*\S) ?[(\[](?P<unit>[^()\[\]]+)[)\]]")
Across = dict[int, tuple[Stamp, str]]  # by column: a time, and as the sheet says it


def times_across(table: Table, header: int) -> tuple[Across, int | None]:
    """The columns of a header row that are times, and the row of years above it where its quarters have none.

    Nothing comes back for a row that is no header of quarters.
    """
    stamps = {}
    for c in range(table.width):
        cell = table.cell(header, c)
        stamp = read_stamp(cell)
        if stamp is not None and (stamp.kind == "year" or not is_number(cell)):
            stamps[c] = stamp
    quarters = [c for c, stamp in stamps.items() if stamp.kind != "year"]
    rows = table.below(header)
    numbers = [c for c in quarters if holds_numbers(table, c, rows)]
    named = any(read_header(table.text(header, c)).role == "provider" for c in range(table.width))
    if not (len(numbers) >= 2 or (numbers and (named or _named(table, numbers[0], rows)))):
        return {}, None
    above = table.above(header)
    bare = [c for c in quarters if stamps[c].kind == "bare"]
    years: dict[int, Cell] = {}
    last: Cell = None
    if bare and above is not None:
        for c in range(table.width):
            cell = table.cell(above, c)
            stamp = read_stamp(cell)
            if cell is not None:
                last = cell if stamp is not None and stamp.kind == "year" else None
            years[c] = last
    across: Across = {}
    for c, stamp in stamps.items():
        said = table.text(header, c)
        year = years.get(c)
        joined = join_time(year, table.cell(header, c)) if stamp.kind == "bare" and year is not None else stamp
        across[c] = (joined, said_time(year, said)) if isinstance(joined, Stamp) and joined != stamp else (stamp, said)
    _take_marks(table, header, across)
    return across, above if any(year is not None for year in years.values()) else None


def _take_marks(table: Table, header: int, across: Across) -> None:
    """Give quarters the marks of a row above or below them, each of which holds until the next, such as Forecast."""
    below = table.below(header)
    for n in (table.above(header), below[0] if below else None):
        words = {c: text for c in across if n is not None and (text := table.text(n, c))}
        once = len({stamp for stamp, _ in across.values()}) == len(across)  # else letters may be segments
        if not words or not once or None in map(read_mark, words.values()):
            continue
        last = ""
        for c, (stamp, said) in across.items():
            last = words.get(c, last)
            time = marked(stamp, last)
            across[c] = (time if isinstance(time, Stamp) else stamp, f"{said} {last}".strip())


def _are_bare(across: Across) -> bool:
    """Whether quarters stand without their years, which a column may have."""
    return all(stamp.kind == "bare" for stamp, _ in across.values())


def _named(table: Table, quarter: int, rows: Sequence[int]) -> bool:
    """Whether every number below the header of a quarter has a name, which is no time, in a column left of it."""
    numbered = [n for n in rows if is_number(table.cell(n, quarter))]
    return any(
        all(
            isinstance(cell := table.cell(n, c), str) and not is_number(cell) and not read_stamp(cell) for n in numbered
        )
        for c in range(quarter)
    )


def take_quarters(
    table: Table, header: int, across: Across, years: int | None, options: Reading, notes: list[str], faults: Faults
) -> Records:
    """The cells of a sheet with a column per quarter; `years` is the row of years above the header, if there is one."""
    table.header = header
    check_above(table, header, years)
    rows = table.below(header)
    provider, market = _names(table, header, across, years)
    sums = total_rows(table, provider, rows)
    rows = sorted(set(rows) - set(sums))
    titles = tell_above(table, header, notes, years)
    heads = [read_header(table.text(header, c)) for c in range(table.width)]
    given = [n for n in rows if any(is_number(table.cell(n, c)) for c in across)]
    parts = [c for c in parts_among(table, heads, rows) if c not in across and c != provider]
    fill_merged(table, [provider] if parts else [], header, given, None, notes)
    fill_merged(table, parts, header, given, provider, notes)
    year = column_of(table, heads, "year", header, "year") if _are_bare(across) else None
    years_down = filled_down(table, year, rows)
    taken = {c for c in (provider, market, year, *across) if c is not None}
    market = part_column(
        table,
        header,
        heads,
        lambda n: [(table.cell(n, provider), (years_down.get(n), c), table.cell(n, c)) for c in across],
        market,
        taken,
        notes,
    )
    blocks = block_markets(table, rows, provider, notes) if market is None else {}
    rows = [n for n in rows if n in blocks] if blocks else rows
    tell_columns(table, header, taken, rows, notes)
    place = f"header in row {header + 1}" if years is None else f"header in rows {years + 1} and {header + 1}"
    corner = [table.text(n, c) for n in (header, years) if n is not None for c in range(table.width) if c not in across]
    records = Records(
        f"wide: a column per quarter, {place}",
        table.measured,
        table.title(header, provider),
        market is not None or bool(blocks),
        [*titles, *filter(None, corner), *_measure_words(table)],
        titles,
    )
    silent: list[int] = []
    numbered: list[int] = []
    for n in rows:
        cells = {c: table.cell(n, c) for c in across}
        who = table.cell(n, provider)
        if all(cell is None or read_stamp(cell) is not None for cell in cells.values()) and any(
            cell is not None and not is_number(cell) for cell in cells.values()
        ):
            silent.append(n)  # a header
            continue
        if any(map(is_number, cells.values())):
            numbered.append(n)
        elif (
            who is None
            or is_footnote(table.text(n, first_filled(table, n)))
            or all(cell is None for cell in cells.values())
        ):
            silent.append(n)
            continue
        where = blocks[n] if blocks else market_of(table, n, header, market, options, faults)
        for c, (stamp, text) in across.items():
            title = table.title(header, c)
            time = stamp if year is None else join_time(years_down[n], table.cell(header, c))
            said = text if year is None else said_time(years_down[n], text)
            records.add(table.number(n), where, time, said, title, who, cells[c], title, table.others(n, c))
    repeated, remarks = part_silent(table, header, silent, numbered, down=False)
    tell_rows(table, repeated, "the header again", notes)
    tell_rows(table, remarks, "without a number", notes)
    tell_rows(table, sums, "a total over vendors or quarters", notes)
    records.remarks = [table.text(n, first_filled(table, n)) for n in remarks]
    return records


def _measure_words(table: Table) -> list[str]:
    return [] if table.measured is None else [table.measured.base]


def _names(table: Table, header: int, across: Across, years: int | None) -> tuple[int, int | None]:
    """The columns of the vendors and of the markets of a sheet with a column per quarter."""
    rows = table.below(header)
    provider = market = None
    for row in (header, years):
        if row is not None:
            heads = [
                read_header(table.text(row, c)) if c not in across else Header("", None) for c in range(table.width)
            ]
            heads = without_numbers(table, heads, rows)
            provider = column_of(table, heads, "provider", row, "vendor") if provider is None else provider
            market = column_of(table, heads, "market", row, "market") if market is None else market
    if provider is not None:
        return provider, market
    first = min(across)
    texts = [
        c
        for c in range(table.width)
        if c not in across
        and c != market
        and any(isinstance(cell := table.cell(n, c), str) and not is_number(cell) for n in rows)
    ]
    free = [c for c in texts if c < first] or texts
    if not free and market is not None:
        return market, None  # the only names are called markets: those of vendors
    if not free and first > 0 and any(table.cell(n, first - 1) is not None for n in rows):
        free = [first - 1]  # names such as 360
    if len(free) != 1:
        found = f"columns {table.titles(header, free)} hold texts" if free else "no column holds names"
        raise table.refusal(
            "provider_column",
            f"the sheet has a column per quarter (row {header + 1}), and {found}; call the one with the "
            "vendors 'vendor'",
            row=header,
        )
    return free[0], market


def take_vendors(table: Table, options: Reading, notes: list[str], faults: Faults) -> Records:
    """The cells of a sheet with a column per vendor."""
    period, year, header = period_column(table)
    rows = table.below(header)
    table.header = header
    check_above(table, header)
    heads = [read_header(table.text(header, c)) for c in range(table.width)]
    market = column_of(table, heads, "market", header, "market")
    if market is not None and holds_numbers(table, market, rows):
        market = None  # a column `Market` of numbers is a sum
    taken = {c for c in (period, year, market) if c is not None}
    vendors = _vendors(table, header, heads, taken, period)
    titles = tell_above(table, header, notes)
    filled = filled_down(table, year, rows)
    given = [n for n in rows if any(is_number(table.cell(n, c)) for c in vendors)]
    fill_merged(table, [c for c in parts_among(table, heads, rows) if c not in vendors], header, given, None, notes)
    used = {*taken, *vendors}
    market = part_column(
        table,
        header,
        heads,
        lambda n: [(table.text(header, c), (filled.get(n), table.cell(n, period)), table.cell(n, c)) for c in vendors],
        market,
        used,
        notes,
    )
    marks = mark_column(table, header, given, used)
    tell_columns(table, header, used, rows, notes)
    names = [table.text(header, c) for c in vendors]
    spoken = names if all(read_header(name).percent for name in names) else []
    shown = _without_unit(table, header, vendors, notes)
    records = Records(
        f"wide: a column per vendor, header in row {header + 1}",
        table.measured,
        "header",
        market is not None,
        [*titles, *(table.text(header, c) for c in (period, year) if c is not None), *spoken, *_measure_words(table)],
        titles,
    )
    time_title = table.title(header, period)
    silent: list[int] = []
    numbered: list[int] = []
    sums: list[int] = []
    for n in rows:
        said = table.cell(n, period)
        time, said = (said, said) if year is None else (join_time(filled[n], said), said_time(filled[n], said))
        time = time if marks is None else marked(time, table.text(n, marks))
        cells = {c: table.cell(n, c) for c in vendors}
        if not isinstance(time, Stamp) and read_stamp(time) is None:
            if not any(map(is_number, cells.values())):
                units = [table.text(n, c) for c in range(table.width) if table.text(n, c)]
                records.hints.extend(units if all(map(is_unit, units)) and not numbered else [])
                silent.append(n)
                continue
            label = table.text(n, first_filled(table, n))
            if is_sum(label) or derived_name(label):
                sums.append(n)
                continue
        numbered.append(n)
        where = market_of(table, n, header, market, options, faults)
        for c in vendors:
            records.add(
                table.number(n), where, time, said, time_title, shown[c], cells[c], table.title(header, c),
                table.others(n, c),
            )  # fmt: skip
    repeated, remarks = part_silent(table, header, silent, numbered)
    tell_rows(table, repeated, "the header again", notes)
    tell_rows(table, remarks, "without a number", notes)
    records.remarks = [table.text(n, first_filled(table, n)) for n in remarks]
    tell_rows(table, sums, "a sum or a change over quarters", notes)
    return records


def _vendors(table: Table, header: int, heads: Sequence[Header], taken: set[int], period: int) -> list[int]:
    """The columns that are vendors'; also those of texts in place of numbers, so that these are told by the cell."""
    rows = table.below(header)
    vendors = []
    for c in range(table.width):
        title = table.text(header, c)
        unread = (
            bool(title) and heads[c].role not in ("period", "year", "published_at", "unit") and not is_part(heads[c])
        )
        if c in taken or not holds_numbers(table, c, rows, unread=unread):
            continue
        if title and not title.startswith("Unnamed:"):
            vendors.append(c)
        elif not _counts(table, c, rows):
            raise table.refusal(
                "provider_not_blank",
                f"column {letters(c)} holds numbers, but the header in row {header + 1} has no name for it; write the "
                "vendor's name there",
                row=header,
            )
    if not vendors:
        raise table.refusal(
            "share_or_value",
            f"there are quarters in column {quoted(table.title(header, period))}, but no column of numbers below row "
            f"{header + 1}; it needs a column per vendor, or the columns quarter, vendor and share",
            row=header,
        )
    named = [c for c in vendors if derived_name(table.text(header, c)) != "sure"]
    _check_one_measure(table, header, heads, named)
    counts = Counter(table.text(header, c) for c in named)
    twice = next((title for title, count in counts.items() if count > 1), None)
    if twice is not None:
        places = listed([letters(c) for c in named if table.text(header, c) == twice])
        raise table.refusal(
            "provider_once",
            f"columns {places} are all called {quoted(twice)} in row {header + 1}; each vendor needs one column",
            row=header,
        )
    return vendors


def _without_unit(table: Table, header: int, vendors: Sequence[int], notes: list[str]) -> dict[int, Cell]:
    """The names of vendors by column; a unit in brackets behind all of them is no part of them.

    Raises:
        InvalidTable: there are two such units, so that the numbers of a quarter are not of one kind.
    """
    names = {c: table.grid[header][c] for c in vendors}
    named = [c for c in vendors if derived_name(table.text(header, c)) is None]
    found = {c: match for c in named if (match := _BEHIND.fullmatch(table.text(header, c))) and is_unit(match["unit"])}
    units = {match["unit"].casefold(): c for c, match in found.items()}
    if len(units) > 1:
        raise table.refusal(
            "one_unit",
            f"columns {table.titles(header, units.values())} have several units; give all vendors in one of them",
            row=header,
        )
    if not found or any(c not in found and not is_sum(table.text(header, c)) for c in named):
        return names
    first = next(iter(found))
    notes.append(
        f"a unit behind all names is no part of them: {table.titles(header, [first])} is {quoted(found[first]['name'])}"
    )
    return names | {c: match["name"] for c, match in found.items()}


def _check_one_measure(table: Table, header: int, heads: Sequence[Header], vendors: Sequence[int]) -> None:
    """Refuse columns that are named after a measure, and two measures of one vendor."""
    plain = next((c for c in vendors if heads[c].role in ("share", "amount") and heads[c].worth > 1), None)
    if plain is not None:
        raise table.refusal(
            "provider_column",
            f"no column of vendors was found: row {header + 1} has {table.titles(header)}, of which "
            f"{quoted(table.text(header, plain))} is a measure; call the column with the vendors 'vendor'",
            row=header,
        )
    seen: dict[str, tuple[str | None, int]] = {}
    kinds: dict[str, int] = {}
    for c in vendors:
        vendor, measure = measure_of(table.text(header, c))
        other = seen.setdefault(vendor, (measure, c))
        if measure is not None:
            kinds.setdefault(measure, c)
        clash = other[1] if other[1] != c else kinds.get("share") if measure == "amount" else None
        if measure == "share" and clash is None:
            clash = kinds.get("amount")
        if clash is not None and clash != c and (other[0] != measure or len(kinds) > 1):
            raise table.refusal(
                "share_or_value",
                f"columns {table.titles(header, [clash, c])} hold two measures; keep the columns of one",
                row=header,
            )


def _counts(table: Table, column: int, rows: Sequence[int]) -> bool:
    """Whether a column without a header only counts the rows, as programs write it."""
    numbers = [table.text(n, column) for n in rows if table.cell(n, column) is not None]
    return any(numbers == [str(k + start) for k in range(len(numbers))] for start in (0, 1))
