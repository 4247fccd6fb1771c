"""What else a sheet shows of the comma or point in numbers such as 34,998, which may part thousands or decimals."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from forecast.cells import DecimalMark, Written, quoted, read_number
from forecast.errors import InvalidArgument
from forecast.headers import counts_things, has_scale, is_sum
from forecast.sheet.agreement import odd_share
from forecast.sheet.grid import Table, name_of
from forecast.sheet.reading import Records
from forecast.stamps import read_stamp

_NEAR = 0.002  # by which a total may miss the sum of its quarter, of it
_MARKS: tuple[DecimalMark, DecimalMark] = ("point", "comma")


def shown_mark(
    records: Records, written: Sequence[Written | None], ambiguous: Sequence[int], table: Table
) -> tuple[DecimalMark, str] | None:
    """The decimal mark that something besides the numbers shows, and what shows it, as a clause.

    Args:
        records: The cells.
        written: Their numbers, none of which has but one reading.
        ambiguous: Records with two readings.
        table: The sheet.
    """
    if found := _of_other_cells(table):
        return found
    header = next((text for text in _headers(records) if counts_things(text)), None)
    with_commas = all("," in str(records.numbers[n]) for n in ambiguous)  # 34.998 is how programs write a number
    if header is not None and with_commas and not any(map(has_scale, _headers(records))):
        return "point", f"{quoted(header)} counts whole things"
    fits = [mark for mark in _MARKS if _adds_up(records, written, mark)]
    if len(fits) == 1:
        return fits[0], "the total is the sum of its quarter only so"
    names = dict.fromkeys(name for beside in records.beside for name in beside)
    times = [str(time) for time in records.times]
    fits = [mark for mark in _MARKS if any(odd_share(records, times, written, mark, name) is None for name in names)]
    return (fits[0], "only so they agree with the shares next to them") if len(fits) == 1 else None


def _headers(records: Records) -> list[str]:
    """Titles and headers that speak of the numbers."""
    return list(dict.fromkeys([*records.hints, *records.columns]))


def _of_other_cells(table: Table) -> tuple[DecimalMark, str] | None:
    """The mark of every text below the header that is a number with one reading, and the first of them."""
    found: dict[DecimalMark, str] = {}
    for n in table.below(table.header):
        for c, cell in enumerate(table.whole.grid[n]):
            if not isinstance(cell, str) or read_stamp(cell) is not None:
                continue
            try:
                written = read_number(cell)
            except InvalidArgument:
                continue
            if written is not None and (mark := written.certain) is not None:
                found.setdefault(
                    mark, f"{quoted(cell)} in column {quoted(table.whole.title(table.header, c))} has a decimal {mark}"
                )
    return next(iter(found.items())) if len(found) == 1 else None


def _adds_up(records: Records, written: Sequence[Written | None], mark: DecimalMark) -> bool:
    """Whether every total is the sum of its quarter with one reading of the numbers."""
    parts: dict[Hashable, list[float]] = defaultdict(list)
    totals: dict[Hashable, float] = {}
    for n, value in enumerate(written):
        digits = None if value is None else value.digits(mark)
        if digits is None:
            continue
        key = records.markets[n], records.times[n]
        if is_sum(name_of(records.providers[n])):
            totals[key] = float(digits)
        else:
            parts[key].append(float(digits))
    return bool(totals) and all(
        parts[key] and abs(sum(parts[key]) - total) <= _NEAR * total for key, total in totals.items()
    )
