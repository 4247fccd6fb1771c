"""Where things stand in a sheet: which row is the header, and whether it is long or wide."""

from forecast.headers import read_header
from forecast.sheet.columns import without_numbers
from forecast.sheet.grid import Table
from forecast.sheet.long import has_names, take_long
from forecast.sheet.reading import Faults, Reading, Records
from forecast.sheet.wide import take_quarters, take_vendors, times_across

_SEARCHED = 60  # rows, empty ones aside, among which the header is looked for


def find_layout(table: Table, options: Reading, notes: list[str], faults: Faults) -> Records:
    """Find the layout and take the cells.

    Raises:
        InvalidTable: no header, no quarters, no vendors or no numbers were found, or several that could be them.
    """
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
