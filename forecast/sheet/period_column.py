"""The column of quarters of a sheet with a column per vendor, and its header."""

from collections import Counter

from forecast.cells import quoted
from forecast.headers import is_unit, read_header
from forecast.sheet.columns import bare_quarter, holds_numbers, time_hint
from forecast.sheet.grid import Table, is_number, letters
from forecast.stamps import read_stamp


def period_column(table: Table) -> tuple[int, int | None, int]:
    """The column of quarters, that of their years where they stand apart, and the header row of a wide sheet."""
    times: Counter[int] = Counter()
    years: Counter[int] = Counter()
    bare: Counter[int] = Counter()
    for c in range(table.width):
        for n in table.filled:
            cell = table.cell(n, c)
            stamp = read_stamp(cell)
            if stamp is None or stamp.kind == "bare":
                bare[c] += bare_quarter(cell) is not None
            elif stamp.kind == "year":
                years[c] += 1
            elif not is_number(cell):
                times[c] += 1
    column, year = _best(times), None
    for c in sorted(bare):
        before = [y for y in years if y < c and years[y]]
        if bare[c] and before and bare[c] > times[column if column is not None else c]:
            column, year = c, before[-1]
            break
    if column is None:
        column = _best(bare) if any(read_stamp(table.cell(n, c)) for c in bare for n in table.filled) else None
        column = _best(years) if column is None or years[_best(years) or 0] > bare[column] else column
    if column is None:
        raise _nothing_found(table)
    is_time = bare_quarter if year is not None else read_stamp
    first = next(n for n in table.filled if is_time(table.cell(n, column)) is not None)
    above = [n for n in table.filled if n < first]
    while above and all(is_unit(text) for c in range(table.width) if (text := table.text(above[-1], c))):
        above.pop()
    if not above or not any(table.text(above[-1], c) for c in range(table.width) if c != column):
        raise table.refusal(
            "has_header",
            f"there is no header above the first quarter in row {first + 1}; write the names of the columns in a row "
            "above it, such as quarter, vendor, share",
            row=first,
        )
    _check_one_table(table, above[-1], column, times)
    return column, year, above[-1]


def _check_one_table(table: Table, header: int, period: int, times: Counter[int]) -> None:
    """Refuse quarters on both sides of numbers: nothing says which of them the numbers belong to, or whose."""
    rows = table.below(header)
    for c in range(period + 2, table.width - 1):
        if 2 * times[c] < times[period] or not times[c] or read_header(table.text(header, c)).role == "published_at":
            continue
        sides = (range(period + 1, c), range(c + 1, table.width))
        if all(any(holds_numbers(table, k, rows) for k in side) for side in sides):
            raise table.refusal(
                "one_period_column",
                f"columns {letters(period)} and {letters(c)} both hold quarters, as two tables side by side do; put "
                "each table on a sheet of its own",
                row=header,
            )


def _best(counts: Counter[int]) -> int | None:
    """The column with most; the leftmost of several."""
    best = max(counts.values(), default=0)
    return min(c for c, count in counts.items() if count == best) if best else None


def _nothing_found(table: Table) -> Exception:
    first = table.filled[0]
    heads = [read_header(table.text(first, c)) for c in range(table.width)]
    given = next((c for c, head in enumerate(heads) if head.role == "period"), None)
    row = next((n for n in table.filled[1:] if given is not None and table.cell(n, given) is not None), None)
    if given is not None and row is not None:
        found = quoted(table.cell(row, given))
        return table.refusal(
            "period_is_quarter",
            f"column {quoted(table.text(first, given))} holds no quarters: row {row + 1} has {found}; "
            f"{time_hint(table.cell(row, given))}",
            row=row,
            column=table.text(first, given),
            value=found,
        )
    return table.refusal(
        "period_column",
        f"no quarters were found; row {first + 1} has {table.titles(first)}; it needs quarters such as 2020Q3 in "
        "a column, or as the headers of columns",
        row=first,
    )
