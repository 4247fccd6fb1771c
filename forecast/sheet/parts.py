"""Columns beside the vendors and quarters that may part a sheet into markets, such as region or product."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from forecast.cells import Cell, quoted, read_number
from forecast.errors import InvalidArgument
from forecast.headers import Header, is_part, is_sum
from forecast.sheet.columns import holds_numbers
from forecast.sheet.grid import Table, is_number, name_of
from forecast.sheet.wording import listed

Cells = Callable[[int], Iterable[tuple[Hashable, Hashable, Cell]]]  # of a row: vendor, time and number
_NEAR = 0.02  # by which the shares of a whole may miss it, of it


def part_column(
    table: Table,
    header: int,
    heads: Sequence[Header],
    cells_of: Cells,
    market: int | None,
    taken: set[int],
    notes: list[str],
) -> int | None:
    """The column of markets: the given one, or else the one column that parts the rows.

    Args:
        table: The sheet.
        header: Row of the header.
        heads: What the headers of its columns say.
        cells_of: What the cells of a row are about.
        market: The column that is called the market, if there is one.
        taken: Columns that are something else; the column that is found is added.
        notes: A column that is read as the market is told.

    Raises:
        InvalidTable: a column may part the rows into markets or not, or does so beside the market.
    """
    rows = table.below(header)
    found = [
        c
        for c in range(table.width)
        if c not in taken and c != market and is_part(heads[c]) and not holds_numbers(table, c, rows)
    ]
    parting = [c for c in found if _parts(table, header, c, cells_of, market)]
    if not parting:
        return market
    c = parting[0]
    title = table.title(header, c)
    values = list(dict.fromkeys(filter(None, (table.text(n, c) for n in rows))))
    has = f"column {quoted(title)} has {listed([quoted(value) for value in values], 3)}"
    if market is not None or len(parting) > 1:
        other = quoted(table.title(header, parting[1] if market is None else market))
        raise table.refusal(
            "one_market_column",
            f"{has}, beside column {other}; keep the rows of one of them, or make one column 'market' of both",
            row=header,
            column=title,
        )
    by_vendor, by_time = _told(table, header, c, cells_of, None)
    if by_time or (not _whole(table, header, cells_of, c) and (by_vendor or _whole(table, header, cells_of, None))):
        raise table.refusal(
            "market_column",
            f"{has}, which may be markets or say something of the vendors or quarters; call the column 'market', or "
            "remove it",
            row=header,
            column=title,
        )
    notes.append(f"column {quoted(title)} read as the market")
    taken.add(c)
    return c


def _parts(table: Table, header: int, column: int, cells_of: Cells, market: int | None) -> bool:
    """Whether a column may part the rows of a market.

    It does not where it has one value, or one for each vendor such as a model, nor where it says something of vendors
    such as the country of their seat: then all of them make a whole.
    """
    of_market: dict[str, set[str]] = defaultdict(set)
    vendors: dict[str, set[Hashable]] = defaultdict(set)
    for n in table.below(header):
        value = table.text(n, column)
        there = [who for who, _, number in cells_of(n) if is_number(number)] if value else []
        if there:
            vendors[value].update(there)
            of_market["" if market is None else table.text(n, market)].add(value)
    if all(len(values) == 1 for values in of_market.values()) or all(len(who) == 1 for who in vendors.values()):
        return False
    by_vendor, by_time = _told(table, header, column, cells_of, market)
    return by_time or not (by_vendor and _whole(table, header, cells_of, market))


def _told(table: Table, header: int, column: int, cells_of: Cells, market: int | None) -> tuple[bool, bool]:
    """Whether every vendor of a market has one value of a column, and whether every quarter has."""
    by_vendor: dict[Hashable, set[str]] = defaultdict(set)
    by_time: dict[Hashable, set[str]] = defaultdict(set)
    for n in table.below(header):
        if value := table.text(n, column):
            of = "" if market is None else table.text(n, market)
            for who, time, number in cells_of(n):
                if is_number(number):
                    by_vendor[of, who].add(value)
                    by_time[of, time].add(value)
    one_each, one_a_time = (all(len(values) == 1 for values in by.values()) for by in (by_vendor, by_time))
    return one_each, one_a_time


def _whole(table: Table, header: int, cells_of: Cells, column: int | None) -> bool:
    """Whether the numbers of every quarter, and of every value of a column, are the shares of a whole."""
    sums: dict[Hashable, float] = defaultdict(float)
    for n in table.below(header):
        for who, time, number in cells_of(n):
            if isinstance(who, str) and is_sum(name_of(who)):
                continue
            try:
                written = read_number(number)
            except InvalidArgument:
                return False
            if written is not None:
                sums[None if column is None else table.text(n, column), time] += float(
                    written.point or written.comma or 0
                )
    return any(all(abs(total / whole - 1) <= _NEAR for total in sums.values()) for whole in (1.0, 100.0))
