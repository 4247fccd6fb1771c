"""Where things stand in a sheet: which row is the header, and whether it is long or wide."""

from itertools import pairwise

from forecast.cells import quoted
from forecast.headers import read_header
from forecast.sheet.columns import without_numbers
from forecast.sheet.grid import Table, is_number
from forecast.sheet.long import has_names, take_long
from forecast.sheet.reading import Faults, Reading, Records
from forecast.sheet.wide import take_quarters, take_vendors, times_across
from forecast.sheet.wording import listed
from forecast.stamps import read_stamp

_SEARCHED = 60  # rows, empty ones aside, among which the header is looked for


def find_layout(table: Table, options: Reading, notes: list[str], faults: Faults) -> Records:
    """Find the layout and take the cells.

    Raises:
        InvalidTable: no header, no quarters, no vendors or no numbers were found, or several that could be them.
    """
    for upper, lower in pairwise(table.filled[:_SEARCHED]):
        _check_one_level(table, upper, lower)
    for header in table.filled[:_SEARCHED]:
        heads = [read_header(table.text(header, column)) for column in range(table.width)]
        heads = without_numbers(table, heads, table.below(header))
        if {"providers", "measure"} <= {head.base for head in heads}:
            raise table.refusal(
                "is_shares",
                "this is a table of figures (columns providers and measure), not of shares; import it as figures",
                row=header,
            )
        if has_names(table, header, heads):
            return take_long(table, header, heads, options, notes, faults)
        across, years = times_across(table, header)
        if across:
            return take_quarters(table, header, across, years, options, notes, faults)
    return take_vendors(table, options, notes, faults)


def _check_one_level(table: Table, upper: int, lower: int) -> None:
    """Refuse a header of two rows, of which each cell of the upper one stands over the same names in the lower one.

    Years over quarters are none: their quarters are read with them.
    """
    spans: list[tuple[str, list[str]]] = []
    for c in range(table.width):
        over, under = table.text(upper, c), table.text(lower, c)
        if over and (not spans or spans[-1][0] != over):
            spans.append((over, []))
        if spans and under:
            timed = read_stamp(table.cell(lower, c)) is not None and read_stamp(spans[-1][0]) is not None
            if timed or is_number(table.cell(lower, c)):
                return
            spans[-1][1].append(under)
    spans = [(over, names) for over, names in spans if len(set(names)) > 1]
    if len(spans) < 2 or any(names != spans[0][1] for _, names in spans):
        return
    labels, names = [quoted(over) for over, _ in spans], [quoted(name) for name in spans[0][1]]
    raise table.refusal(
        "one_header",
        f"rows {upper + 1} and {lower + 1} are a header of two levels: {listed(labels, 3)} each stand over "
        f"{listed(names, 3)}; give one row for each number, in columns such as quarter, vendor and share (and market), "
        "or put the columns of each on a sheet of its own",
        row=upper,
    )
