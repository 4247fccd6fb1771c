"""The tidy table of a sheet."""

from collections.abc import Sequence

import polars as pl

from forecast.cells import Cell, Stamp, Written, fraction, printed_decimals, quoted, read_stamp, tidy
from forecast.schema import MAX_AMOUNT, QUALIFIERS
from forecast.sheet.digits import find_digits
from forecast.sheet.grid import Row, Table, name_of, says_nothing
from forecast.sheet.layout import find_layout
from forecast.sheet.quarters import find_quarters
from forecast.sheet.reading import Faults, Reading, Records, Sheet
from forecast.sheet.unit import find_unit


def understand(grid: Sequence[Row], *, name: str, options: Reading | None = None, below_header: bool = False) -> Sheet:
    """Read a sheet of market shares or amounts, in any of the layouts that people use.

    Args:
        grid: Rows of cells as the sheet has them, the first being row 1: texts, numbers, dates, booleans or None. Rows
            may differ in length.
        name: What was read, for the messages; and the market's name where neither the sheet nor `options` has one.
        options: What the user says about it.
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
    table = Table(grid, name, below_header=below_header)
    notes: list[str] = []
    faults = Faults()
    records = find_layout(table, options, notes, faults)
    times = find_quarters(records, table, options, notes, faults)
    digits, written = find_digits(records, table, options, notes, faults)
    unit, unfit = find_unit(records, times, digits, written, table, options, notes)
    frame = tidy_frame(records, times, digits, written, unit, unfit, notes, faults, options)
    check_repeats(frame, records, faults)
    return Sheet(
        name, records.layout, "value" if unit == "amounts" else "share", unit, frame, tuple(notes), faults.all()
    )


def tidy_frame(
    records: Records,
    times: list[str | None],
    digits: list[str | None],
    written: list[Written | None],
    unit: str,
    unfit: dict[int, tuple[str, str, str]],
    notes: list[str],
    faults: Faults,
    options: Reading,
) -> pl.DataFrame:
    """The records as a frame, unfit cells null and noted among the faults."""
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
        if who is None or not tidy(name_of(who)):
            place = (records.rows[n], records.provider_column, "nothing")
            faults.add(
                records.markets[n], "provider_not_blank", place, "the name of a vendor in every row", "fill it down"
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
    decimals: list[int | None], digits: list[str | None], written: list[Written | None], records: Records
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


def _published(records: Records, faults: Faults, notes: list[str], options: Reading) -> list[str | None]:
    cells = records.published or []
    known: dict[Cell, Stamp | None] = {}
    for cell in cells:
        if cell not in known:
            known[cell] = None if says_nothing(cell) else read_stamp(cell)
    either = [stamp for stamp in known.values() if stamp is not None and stamp.kind == "either"]
    order = options.date_order
    result: list[str | None] = []
    for n, cell in enumerate(cells):
        stamp = known[cell]
        if stamp is not None and stamp.kind == "either":
            stamp = stamp.in_order(order) if order is not None else stamp
        if cell is None or (stamp is None and says_nothing(cell)):
            result.append(None)
        elif stamp is not None and stamp.kind == "day":
            result.append(f"{stamp.year}-{stamp.part:02}-{stamp.day:02}")
        else:
            place = (records.rows[n], "published_at", quoted(cell))
            hint = "say which with --date-order day-first or --date-order month-first" if stamp in either else ""
            faults.add(records.markets[n], "published_at_is_day", place, "dates such as 2020-06-18", hint)
            result.append(None)
    return result


def check_repeats(frame: pl.DataFrame, records: Records, faults: Faults) -> None:
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
