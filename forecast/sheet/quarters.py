"""The quarter of every cell of a sheet, by what the sheet as a whole says of dates and fiscal years."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from forecast.cells import Cell, quoted
from forecast.headers import fiscal_end, says_fiscal_quarters
from forecast.quarter import Quarter
from forecast.sheet.columns import time_hint
from forecast.sheet.grid import Table
from forecast.sheet.reading import Faults, Reading, Records
from forecast.sheet.wording import listed, rows_text
from forecast.stamps import MONTH_NAMES, DateOrder, Mark, Stamp, fiscal_quarter, read_stamp

_SURELY = (1990, 2040)  # years of which two digits leave no doubt


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What a text of the sheet says of fiscal years."""

    text: str
    month: int | None  # in which they end
    of_quarters: bool  # whether it says that the quarters of the sheet are of them


First = dict[Stamp, tuple[int, str]]  # of each time, the row (from 1) and the text of its first use


def find_quarters(
    records: Records, table: Table, options: Reading, notes: list[str], faults: Faults
) -> list[str | None]:
    """The quarter of every record, such as "2020Q3"; None where the cell holds none, which is noted as a fault.

    Records of whole years are dropped where all four quarters of the year are there too.

    Raises:
        InvalidTable: the times have two readings, or are not of quarters at all.
    """
    known: dict[Cell | Stamp, Stamp | None] = {}
    first: First = {}
    stamps: list[Stamp | None] = []
    for n, time in enumerate(records.times):
        if time not in known:
            known[time] = time if isinstance(time, Stamp) else read_stamp(time)
        stamp = known[time]
        if stamp is not None and stamp not in first:
            first[stamp] = (records.rows[n], quoted(records.said[n]).strip("'"))
        stamps.append(stamp)
    stamps = _measured(records, stamps, first, table, notes)
    spoken = _spoken(records)
    quarter_of, why = _resolve(first, table, options, notes, spoken)
    whole = _whole_years(first, quarter_of)
    if whole:
        years = sorted({str(stamp.year) for stamp in whole})
        notes.append(f"whole years beside their four quarters are not used: {listed(years)}")
        by_quarter = {
            (records.markets[n], records.providers[n], stamp.year)
            for n, stamp in enumerate(stamps)
            if stamp is not None and stamp not in whole
        }
        gone = {
            n
            for n, stamp in enumerate(stamps)
            if stamp in whole and (records.markets[n], records.providers[n], stamp.year) in by_quarter
        }
        records.drop(gone)
        stamps = [stamp for n, stamp in enumerate(stamps) if n not in gone]
    texts = {stamp: None if quarter is None else str(quarter) for stamp, quarter in quarter_of.items()}
    dates: dict[tuple[str, str], tuple[Stamp, int]] = {}
    result: list[str | None] = []
    for n, stamp in enumerate(stamps):
        quarter = None if stamp is None else texts[stamp]
        if stamp is None or quarter is None:
            allowed, hint = ("quarters", time_hint(records.said[n])) if stamp is None else why[stamp]
            place = (records.rows[n], records.time_columns[n], quoted(records.said[n]))
            faults.add(records.markets[n], "period_is_quarter", place, allowed, hint)
        elif stamp.kind not in ("quarter", "fiscal"):
            other, row = dates.setdefault((records.markets[n], quarter), (stamp, records.rows[n]))
            if other != stamp:
                place = (records.rows[n], records.time_columns[n], quoted(records.said[n]))
                hint = f"{first[other][1]} (row {row}) is in {quarter} too"
                faults.add(records.markets[n], "one_date_per_quarter", place, "one date for each quarter", hint)
        result.append(quarter)
    return result


def _measured(
    records: Records, stamps: list[Stamp | None], first: First, table: Table, notes: list[str]
) -> list[Stamp | None]:
    """Leave out times that are forecasts by a mark behind them, and tell of the others that have one.

    Next to numbers that are marked as actual, estimates are forecasts too.
    """
    by_mark: dict[Mark, list[Stamp]] = defaultdict(list)
    for stamp in first:
        by_mark[stamp.mark].append(stamp)
    ahead = by_mark["forecast"] + (by_mark["estimate"] if by_mark["actual"] else [])
    told = by_mark["revised"] + ([] if by_mark["actual"] else by_mark["estimate"])
    if told:
        texts = listed([f"'{first[stamp][1]}'" for stamp in told])
        notes.append(f"{texts}: numbers that are marked as estimated, preliminary or revised are used as any other")
    if not ahead:
        return stamps
    gone = {n for n, stamp in enumerate(stamps) if stamp in ahead}
    texts = listed([f"'{first[stamp][1]}'" for stamp in ahead])
    if len(gone) == len(stamps):
        raise table.refusal("has_rows", f"the sheet has nothing but forecasts by their marks: {texts}")
    below = [n for n in gone if records.time_columns[n] != records.said[n]]
    where = f" ({rows_text(sorted({records.rows[n] for n in below}))})" if below else ""
    verb = "is a forecast by its mark" if len(ahead) == 1 else "are forecasts by their marks"
    notes.append(f"{texts}{where} {verb}, not measured, and not used")
    records.drop(gone)
    for stamp in ahead:
        del first[stamp]
    return [stamp for n, stamp in enumerate(stamps) if n not in gone]


def _spoken(records: Records) -> _Spoken | None:
    """What the sheet says of fiscal years, first of all what the header of its quarters says."""
    headers = [hint for hint in records.hints if hint not in records.titles] + records.time_columns[:1]
    loose = [*records.titles, *records.remarks]
    told = fiscal_end([*headers, *loose])
    if told is None:
        return None
    of_quarters = fiscal_end(headers) is not None or any(map(says_fiscal_quarters, loose))
    return _Spoken(*told, of_quarters=of_quarters)


def _end_option(month: int | None) -> str:
    """The option that says in which month a fiscal year ends, as a phrase; `month` is the one that the sheet says."""
    return f"such as --fiscal-year-end {month or 6} for {MONTH_NAMES[(month or 6) - 1]}"


def _whole_years(first: First, quarter_of: dict[Stamp, Quarter | None]) -> set[Stamp]:
    """Years that stand beside all four of their quarters."""
    there = {quarter for quarter in quarter_of.values() if quarter is not None}
    return {
        stamp for stamp in first if stamp.kind == "year" and all(Quarter(4 * stamp.year + k) in there for k in range(4))
    }


def _resolve(
    first: First, table: Table, options: Reading, notes: list[str], spoken: _Spoken | None
) -> tuple[dict[Stamp, Quarter | None], dict[Stamp, tuple[str, str]]]:
    """The quarter of each time, by what the table as a whole says; and why some have none."""
    kinds: dict[str, list[Stamp]] = defaultdict(list)
    for stamp in first:
        kinds[stamp.kind].append(stamp)
    quarter_of: dict[Stamp, Quarter | None] = {}
    why: dict[Stamp, tuple[str, str]] = {}

    def place(stamp: Stamp) -> str:
        row, text = first[stamp]
        return f"row {row} has '{text}'"

    usable = [kind for kind in kinds if kind not in ("year", "half", "bare")]
    if not usable and first:
        kind, found = next((k, v[0]) for k, v in kinds.items())
        what = {"year": "years", "half": "half-years", "bare": "quarters without a year"}[kind]
        way = {
            "year": "add a column of quarters (1 to 4), or give figures by quarter",
            "half": "give figures by quarter",
            "bare": "add a column of years, or write quarters such as 2020Q3",
        }[kind]
        raise table.refusal(
            "period_is_quarter", f"the sheet has {what}, not quarters: {place(found)}; {way}", row=first[found][0] - 1
        )
    for stamp in (*kinds["year"], *kinds["half"], *kinds["bare"]):
        quarter_of[stamp] = None
        what = {"year": "a whole year", "half": "a half-year", "bare": "a quarter without a year"}[stamp.kind]
        why[stamp] = ("quarters", f"this is {what}; write its quarter such as 2020Q3, or remove it")
    _fiscal(kinds, quarter_of, place, table, options, notes, first, spoken)
    _dates(kinds, quarter_of, why, place, table, options, notes, first)
    return quarter_of, why


def _fiscal(
    kinds: dict[str, list[Stamp]],
    quarter_of: dict[Stamp, Quarter | None],
    place: Callable[[Stamp], str],
    table: Table,
    options: Reading,
    notes: list[str],
    first: First,
    spoken: _Spoken | None,
) -> None:
    fiscal, plain = kinds["fiscal"], kinds["quarter"]
    end = options.fiscal_year_end
    month = None if spoken is None else spoken.month
    if end is None and plain and not fiscal and spoken is not None and spoken.of_quarters and month != 12:
        raise table.refusal(
            "fiscal_year_end",
            f"{quoted(spoken.text)} says that the quarters are fiscal: {place(plain[0])}; say in which month "
            f"the fiscal year ends, {_end_option(month)}, or "
            "--fiscal-year-end 12 if they are calendar quarters",
            row=first[plain[0]][0] - 1,
        )
    if fiscal and plain:
        raise table.refusal(
            "fiscal_or_calendar",
            f"fiscal and calendar quarters stand side by side: {place(fiscal[0])} and {place(plain[0])}; write all of "
            "them in one way",
            row=first[fiscal[0]][0] - 1,
        )
    if fiscal and end is None:
        raise table.refusal(
            "fiscal_year_end",
            f"the quarters are fiscal: {place(fiscal[0])}; say in which month the fiscal year ends, "
            f"{_end_option(month)}",
            row=first[fiscal[0]][0] - 1,
        )
    if end is not None:
        for stamp in (*fiscal, *plain):
            quarter_of[stamp] = fiscal_quarter(stamp.year, stamp.part, year_end=end)
        if fiscal or plain:
            one = (fiscal or plain)[0]
            notes.append(
                f"quarters are fiscal, of years that end in {MONTH_NAMES[end - 1]}, each read as the calendar quarter "
                f"in which it ends: '{first[one][1]}' as {quarter_of[one]}"
            )
        return
    if plain and spoken is not None and month != 12:
        notes.append(
            f"{quoted(spoken.text)} speaks of a fiscal year, but no quarter does: they are read as calendar quarters; "
            f"if they are fiscal, say in which month the year ends, {_end_option(month)}"
        )
    for stamp in plain:
        quarter_of[stamp] = Quarter(4 * stamp.year + stamp.part - 1)
    odd = next((stamp for stamp in plain if first[stamp][1] != str(quarter_of[stamp])), None)
    if odd is not None:
        notes.append(f"'{first[odd][1]}' read as {quarter_of[odd]}")
    short = [stamp for stamp in plain if str(stamp.year) not in first[stamp][1]]
    ends = (
        [
            stamp
            for stamp in {min(short, key=_place), max(short, key=_place)}
            if not _SURELY[0] <= stamp.year < _SURELY[1]
        ]
        if short
        else []
    )
    for stamp in sorted(ends, key=_place):
        notes.append(
            f"years of two digits are those from 1970 to 2069: '{first[stamp][1]}' read as {quarter_of[stamp]}"
        )


def _dates(
    kinds: dict[str, list[Stamp]],
    quarter_of: dict[Stamp, Quarter | None],
    why: dict[Stamp, tuple[str, str]],
    place: Callable[[Stamp], str],
    table: Table,
    options: Reading,
    notes: list[str],
    first: First,
) -> None:
    loose = kinds["loose"]
    if loose and not kinds["month"]:
        stamp = loose[0]
        raise table.refusal(
            "period_is_quarter",
            f"{place(stamp)}, which may be quarter {stamp.part} or month {stamp.part} of {stamp.year}; write it "
            "such as 2020Q3 or 2020-09",
            row=first[stamp][0] - 1,
        )
    either = kinds["either"]
    settled = [*kinds["day"], *kinds["month"], *loose]
    days = {stamp: stamp for stamp in settled}
    if either:
        order = options.date_order or _order(either, settled, place, table, first)
        days |= {stamp: day for stamp in either if (day := stamp.in_order(order)) is not None}
        if options.date_order is None:
            notes.append(
                f"dates are read {order.replace('-', ' ')}, the only order in which all of them are of quarters"
            )
    if not days:
        return
    unfit = [stamp for stamp, day in days.items() if not _ends(day) and not _starts(day)]
    per_quarter = Counter((year, (month - 1) // 3) for year, month in {(day.year, day.part) for day in days.values()})
    monthly = per_quarter.total() > (len(per_quarter) if len(unfit) == len(days) else 1.5 * len(per_quarter))
    if 2 * len(unfit) >= len(days) or (monthly and unfit):
        stamp = unfit[0]
        months = sorted({day.part for day in days.values()})
        what = (
            "the dates are monthly" if monthly else f"the dates lie in {listed([MONTH_NAMES[m - 1] for m in months])}"
        )
        way = (
            "quarters are wanted: of shares keep the last month of each quarter, of amounts the sum of its months, and "
            "write it such as 2020Q3"
            if monthly
            else "a quarter's date lies in March, June, September or December, or is its first day; write quarters "
            "such as 2020Q3"
        )
        raise table.refusal("period_is_quarter", f"{what}: {place(stamp)}; {way}", row=first[stamp][0] - 1)
    ends = [stamp for stamp, day in days.items() if _ends(day)]
    starts = [stamp for stamp, day in days.items() if _starts(day)]
    if ends and starts:
        raise table.refusal(
            "period_is_quarter",
            f"some dates end quarters and some begin them: {place(ends[0])} and {place(starts[0])}; write them in one "
            "way, or quarters such as 2020Q3",
            row=first[starts[0]][0] - 1,
        )
    for stamp, day in days.items():
        fit = stamp not in unfit
        quarter_of[stamp] = Quarter(4 * day.year + (day.part - 1) // 3) if fit else None
        if not fit:
            why[stamp] = (
                "dates in the last month of a quarter" if ends else "first days of quarters",
                "write the quarter such as 2020Q3",
            )
    example = (ends or starts)[0]
    notes.append(f"'{first[example][1]}' read as {quarter_of[example]}")


def _place(stamp: Stamp) -> tuple[int, int]:
    return stamp.year, stamp.part


def _ends(day: Stamp) -> bool:
    return day.part in (3, 6, 9, 12)


def _starts(day: Stamp) -> bool:
    return day.kind == "day" and day.day == 1 and day.part in (1, 4, 7, 10)


def _order(
    either: list[Stamp],
    settled: list[Stamp],
    place: Callable[[Stamp], str],
    table: Table,
    first: First,
) -> DateOrder:
    """The one order of day and month in which all dates are of quarters."""
    orders: tuple[DateOrder, DateOrder] = ("day-first", "month-first")
    fit = []
    for order in orders:
        days = [*settled, *(day for stamp in either if (day := stamp.in_order(order)) is not None)]
        quarters = {(day.year, (day.part - 1) // 3) for day in days}
        if len(days) == len(settled) + len(either) and len(quarters) == len(set(days)) and (
            all(map(_ends, days)) or all(map(_starts, days))
        ):  # fmt: skip
            fit.append(order)
    if len(fit) == 1:
        return fit[0]
    stamp = either[0]
    shown = [f"{day.year}-{day.part:02}-{day.day:02}" for order in orders if (day := stamp.in_order(order)) is not None]
    raise table.refusal(
        "date_order",
        f"{place(stamp)}, which may be {' (day first) or '.join(shown)} (month first); say which with --date-order "
        "day-first or --date-order month-first",
        row=first[stamp][0] - 1,
    )
