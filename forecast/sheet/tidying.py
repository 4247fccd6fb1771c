"""A sheet as one tidy table: a row per cell, with what was assumed and which cells are unfit."""

import re
from collections.abc import Sequence

import polars as pl

from forecast.cells import Cell, Written, fraction, printed_decimals, quoted, tidy
from forecast.headers import is_sum
from forecast.quarter import Quarter
from forecast.schema import MAX_AMOUNT, QUALIFIERS
from forecast.sheet.agreement import check_agreement
from forecast.sheet.derived import drop_derived
from forecast.sheet.digits import find_digits
from forecast.sheet.grid import Row, Table, name_of, says_nothing
from forecast.sheet.layout import find_layout
from forecast.sheet.measures import one_measure
from forecast.sheet.one_unit import check_one_unit
from forecast.sheet.quarters import find_quarters
from forecast.sheet.ranks import drop_ranks
from forecast.sheet.reading import Faults, Reading, Records, Sheet, Unit
from forecast.sheet.unit import Unfit, find_unit
from forecast.sheet.wording import listed
from forecast.stamps import DateOrder, read_stamp

_HIGHEST_SUM = 1.1  # of rounded shares, in a row or column such as Total
_RANGES: dict[Unit, tuple[str, str, str]] = {
    "fractions": ("share_in_unit_interval", "fractions of 0 to 1", ""),
    "per cent": ("share_in_unit_interval", "per cents of 0 to 100", ""),
    "amounts": ("value_not_negative", "amounts of 0 or more", ""),
}


def understand(
    grid: Sequence[Row],
    *,
    name: str,
    options: Reading | None = None,
    source: str = "",
    below_header: bool = False,
) -> Sheet:
    """Read a sheet of market shares or amounts, in any of the layouts that people use.

    Args:
        grid: Rows of cells as the sheet has them, the first being row 1: texts, numbers, dates, booleans or None. Rows
            may differ in length.
        name: What was read, and the market's name where neither the sheet nor `options` has one.
        options: What the user says about it.
        source: What was read, for the messages, where that is not `name`: the name of a file.
        below_header: Whether messages count rows from the one below a header in the first row, as in a text file or a
            frame, and not as a workbook shows them.

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
    notes: list[str] = []
    table = one_measure(Table(grid, source or name, name, below_header=below_header), options, notes)
    faults = Faults()
    records = find_layout(table, options, notes, faults)
    drop_ranks(records, notes)
    drop_derived(records, table, options, notes)
    times = find_quarters(records, table, options, notes, faults)
    digits, written, mark = find_digits(records, table, options, notes, faults)
    check_agreement(records, times, written, mark, table, options, notes)
    unit, unfit = find_unit(records, times, digits, written, table, options, notes)
    if unit == "amounts":
        check_one_unit(records, table)
    if options.market is None and not records.named:
        notes.append(f"the market is called {quoted(name)}, as the sheet names none")
    _tell_gaps(records, times, notes)
    frame = _frame(records, times, digits, written, unit, unfit, notes, faults, options)
    _check_repeats(frame, faults)
    return Sheet(
        source or name,
        records.layout,
        "value" if unit == "amounts" else "share",
        unit,
        frame,
        tuple(notes),
        faults.all(),
    )


def _tell_gaps(records: Records, times: Sequence[str | None], notes: list[str]) -> None:
    """Say which quarters are missing between the first and the last of a market."""
    there: dict[str, set[int]] = {}
    for market, time in dict.fromkeys(zip(records.markets, times, strict=True)):
        if time is not None:
            there.setdefault(market, set()).add(Quarter.parse(time).index)
    for market, found in there.items():
        gaps = [str(Quarter(index)) for index in range(min(found), max(found)) if index not in found]
        if gaps:
            of = f" of {quoted(market)}" if len(there) > 1 else ""
            notes.append(f"quarters missing between the first and the last{of}: {listed(gaps)}")


def _frame(
    records: Records,
    times: Sequence[str | None],
    digits: Sequence[str | None],
    written: Sequence[Written | None],
    unit: Unit,
    unfit: Unfit,
    notes: list[str],
    faults: Faults,
    options: Reading,
) -> pl.DataFrame:
    values: list[float | None] = []
    decimals: list[int | None] = []
    qualifiers: list[str | None] = []
    amounts = unit == "amounts"
    for n, value in enumerate(written):
        number = printed = None
        text = digits[n]
        if value is not None and text is not None:
            percent = not amounts and (value.percent or unit == "per cent")
            number = fraction(text, percent=percent)
            printed = None if amounts else printed_decimals(text, percent=percent)
            most = MAX_AMOUNT if amounts else _HIGHEST_SUM if is_sum(name_of(records.providers[n])) else 1.0
            fault = unfit.get(n)
            if fault is None and amounts and value.percent:
                fault = ("unit_of_measure", "amounts, without a per cent sign", "")
            if fault is None and value.scale and not amounts:
                fault = ("unit_of_measure", f"shares, without {quoted(value.scale)} behind them", "")
            if fault is None and not 0 <= number <= most:
                fault = _RANGES[unit]
                if number < 0 and "(" in str(records.numbers[n]):
                    fault = (*fault[:2], "a number in brackets is negative")
            if fault is not None:
                faults.add(records.markets[n], fault[0], records.place(n), fault[1], fault[2])
                number = printed = None
        values.append(number)
        decimals.append(printed)
        qualifiers.append(None if value is None or number is None else value.qualifier)
    if not amounts:
        _restore_zeros(decimals, digits, written, records)
    bounded = next((n for n, qualifier in enumerate(qualifiers) if qualifier is not None), None)
    if bounded is not None:
        notes.append(f"bounds and rough numbers are kept as such: {quoted(records.numbers[bounded])}")
    _given(records, decimals, qualifiers, faults)
    providers: list[str] = []
    for n, who in enumerate(records.providers):
        if who is None:
            place = (records.rows[n], records.provider_column, "nothing")
            faults.add(
                records.markets[n], "provider_not_blank", place, "the name of a vendor in every row", "fill it in"
            )
            values[n] = None
        providers.append("" if who is None else name_of(who))
    columns: dict[str, pl.Series] = {
        "market": pl.Series(records.markets, dtype=pl.String),
        "period": pl.Series(times, dtype=pl.String),
        "provider": pl.Series(providers, dtype=pl.String),
        "value" if amounts else "share": pl.Series(values, dtype=pl.Float64),
        "decimals": pl.Series(decimals, dtype=pl.Int64),
        "qualifier": pl.Series(qualifiers, dtype=pl.String),
    }
    if records.published is not None:
        columns["published_at"] = pl.Series(_published(records, faults, options), dtype=pl.String)
    columns["row"] = pl.Series(records.rows, dtype=pl.Int64)
    columns["column"] = pl.Series(records.columns, dtype=pl.String)
    return pl.DataFrame(columns)


def _restore_zeros(
    decimals: list[int | None], digits: Sequence[str | None], written: Sequence[Written | None], records: Records
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


def _given(records: Records, decimals: list[int | None], qualifiers: list[str | None], faults: Faults) -> None:
    """Take decimals and qualifiers from columns of their own where the sheet has them."""
    for n, cell in enumerate(records.decimals or ()):
        if cell is None:
            continue
        text = name_of(cell).strip()
        if text.isascii() and text.isdigit() and int(text) <= 6:
            decimals[n] = int(text)
        elif not says_nothing(cell):
            place = (records.rows[n], "decimals", quoted(cell))
            faults.add(records.markets[n], "decimals_in_range", place, "whole numbers of 0 to 6")
    for n, cell in enumerate(records.qualifiers or ()):
        if cell is None:
            continue
        text = tidy(name_of(cell)).casefold().replace(" ", "_")
        if text in QUALIFIERS:
            qualifiers[n] = None if text == "exact" else text
        else:
            place = (records.rows[n], "qualifier", quoted(cell))
            faults.add(records.markets[n], "qualifier_known", place, f"one of {', '.join(QUALIFIERS)}")


def _published(records: Records, faults: Faults, options: Reading) -> list[str | None]:
    """Days of publication as ISO texts, by the order of day and month that the column shows."""
    cells = records.published or []
    known = {cell: None if says_nothing(cell) else read_stamp(cell) for cell in set(cells)}
    order = options.date_order
    if order is None:
        shown = {_shown_order(cell) for cell in known} - {None}
        order = shown.pop() if len(shown) == 1 else None
    result: list[str | None] = []
    for n, cell in enumerate(cells):
        stamp = known[cell]
        open_ = stamp is not None and stamp.kind == "either"
        if stamp is not None and open_ and order is not None:
            stamp = stamp.in_order(order)
        if stamp is not None and stamp.kind == "day":
            result.append(f"{stamp.year}-{stamp.part:02}-{stamp.day:02}")
            continue
        result.append(None)
        if not says_nothing(cell):
            hint = "say which with --date-order day-first or --date-order month-first" if open_ else ""
            place = (records.rows[n], "published_at", quoted(cell))
            faults.add(records.markets[n], "published_at_is_day", place, "dates such as 2020-06-18", hint)
    return result


def _shown_order(cell: Cell) -> DateOrder | None:
    """The order of day and month in a text such as 30/09/2020, which has but one."""
    match = re.fullmatch(r"\s*([0-9]{1,2})[-/.]([0-9]{1,2})[-/.][0-9]{4}\s*", cell) if isinstance(cell, str) else None
    if match is None or max(int(match[1]), int(match[2])) <= 12:
        return None
    return "day-first" if int(match[1]) > 12 else "month-first"


def _check_repeats(frame: pl.DataFrame, faults: Faults) -> None:
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
