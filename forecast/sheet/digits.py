"""The digits of every number of a sheet, by the decimal mark that the sheet as a whole shows."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from forecast.cells import SCALES, DecimalMark, Written, quoted, read_number, tidy
from forecast.errors import InvalidArgument, InvalidTable
from forecast.headers import is_sum
from forecast.sheet.grid import Table, name_of
from forecast.sheet.reading import Faults, Reading, Records
from forecast.sheet.thousands import shown_mark
from forecast.sheet.wording import listed, rows_text


def find_digits(
    records: Records, table: Table, options: Reading, notes: list[str], faults: Faults
) -> tuple[list[str | None], list[Written | None], DecimalMark]:
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
            if isinstance(cell, str) and cell.startswith("="):
                if not is_sum(name_of(records.providers[n])):
                    raise _without_result(records, n, table) from error
                missing.setdefault(tidy(cell), []).append(records.rows[n])
                written.append(None)
                continue
            allowed = "numbers" if error.allowed.endswith("reported") else error.allowed.replace("a number", "numbers")
            hint = "leave the cell empty where nothing was reported"
            faults.add(records.markets[n], "column_type", records.place(n), allowed, hint)
            value = None
        written.append(value)
    if missing:
        rows = sorted({row for found in missing.values() for row in found})
        notes.append(f"{rows_text(rows)}: {listed([quoted(text) for text in missing])} read as not reported")
    mark = _decimal_mark(records, written, table, options, notes, faults)
    if any(value is not None and value.marked for value in written):
        n = next(n for n, value in enumerate(written) if value is not None and value.marked)
        notes.append(f"footnote marks behind numbers are not used, such as in {quoted(records.numbers[n])}")
    digits = [None if value is None else value.digits(mark) for value in written]
    return _in_one_scale(records, digits, written, notes, faults), written, mark


def _without_result(records: Records, n: int, table: Table) -> InvalidTable:
    """The refusal of a sheet with a formula in place of a number."""
    return table.refusal(
        "formula_without_result",
        f"column {records.columns[n]} must hold numbers; row {records.rows[n]} has {quoted(records.numbers[n])}, a "
        "formula without its result; open the file in a spreadsheet program and save it, so that it holds the numbers",
        row=records.rows[n] - 1,
        column=records.columns[n],
        value=quoted(records.numbers[n]),
    )


def _in_one_scale(
    records: Records, digits: list[str | None], written: Sequence[Written | None], notes: list[str], faults: Faults
) -> list[str | None]:
    """The digits of each market in its smallest unit, such as the million of 3.1bn beside 850m."""
    cells: dict[str, list[int]] = defaultdict(list)
    for n, value in enumerate(written):
        if value is not None and digits[n] is not None and not value.percent:
            cells[records.markets[n]].append(n)
    scales = {n: value.scale for n, value in enumerate(written) if value is not None and value.scale}
    digits = list(digits)
    for market, mine in cells.items() if scales else ():
        scaled = [n for n in mine if n in scales]
        bare = [n for n in mine if n not in scales and float(digits[n] or 0)]
        kinds = sorted({scales[n] for n in scaled}, key=SCALES.__getitem__)
        odd = min(scaled, bare, key=len) if bare else scaled if {"m", "mm"} <= set(kinds) else []
        for n in odd if scaled else ():
            hint = f"here some have {listed([quoted(kind) for kind in kinds])} behind them, and some nothing"
            if not bare:
                hint = "'m' beside 'mm' may be a thousand or a million"
            faults.add(market, "one_scale", records.place(n), "numbers of one unit", hint)
            digits[n] = None
        if not scaled or odd:
            continue
        least = SCALES[kinds[0]]
        for n in scaled:
            text = digits[n]
            if text is not None and SCALES[scales[n]] > least:
                digits[n] = format(Decimal(text).scaleb(SCALES[scales[n]] - least), "f")
        n = max(scaled, key=lambda n: SCALES[scales[n]])
        unit = f"1{'0' * least}"
        notes.append(f"amounts are in units of {int(unit):,}: {quoted(records.numbers[n])} read as {digits[n]}")
    return digits


def _without_thousands(number: Written) -> Written:
    """A share: the reading as a group of thousands would be 1000 or more."""
    assert number.point is not None
    point, comma = (number.point, None) if "." in number.point else (None, number.comma)
    return Written(point, comma, number.percent, number.qualifier, number.marked, number.typed)


def _decimal_mark(
    records: Records,
    written: list[Written | None],
    table: Table,
    options: Reading,
    notes: list[str],
    faults: Faults,
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
    alone = bool(ambiguous) and not points and not commas
    shown = shown_mark(records, written, ambiguous, table) if alone and options.decimal is None else None
    if options.decimal is not None:
        mark: DecimalMark = options.decimal
    elif shown is not None:
        mark = shown[0]
    elif alone:
        n = ambiguous[0]
        value = written[n]
        assert value is not None
        raise table.refusal(
            "decimal_mark",
            f"row {records.rows[n]} has {quoted(records.numbers[n])}, which may be {value.point} or {value.comma}, and "
            "no other number of the sheet decides; say which with --decimal point or --decimal comma",
            row=records.rows[n] - 1,
            column=records.columns[n],
            value=quoted(records.numbers[n]),
        )
    elif points and commas and (points == commas or ambiguous):
        one, other = certain["point"][0], certain["comma"][0]
        raise table.refusal(
            "decimal_mark",
            f"row {records.rows[one]} has {quoted(records.numbers[one])} with a decimal point and row "
            f"{records.rows[other]} has {quoted(records.numbers[other])} with a decimal comma; write all numbers in "
            "one way, or say which is right with --decimal point or --decimal comma",
            row=records.rows[one] - 1,
        )
    else:
        mark = "comma" if commas > points else "point"
    for n in certain["point" if mark == "comma" else "comma"]:
        faults.add(
            records.markets[n], "decimal_mark", records.place(n), f"numbers with a decimal {mark}, as the others"
        )
        written[n] = None
    if told := (certain["comma"] if mark == "comma" else []) or ambiguous:
        value = written[told[0]]
        read = None if value is None else value.digits(mark)
        why = "" if shown is None else f", as {shown[1]}"
        notes.append(f"decimal {mark}: {quoted(records.numbers[told[0]])} read as {read}{why}")
    return mark
