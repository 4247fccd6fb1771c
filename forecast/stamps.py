"""One cell of a table as a time: a quarter, a date, a month, a half-year or a year.

Nothing is decided here that needs the other cells: `03/06/2020` has one reading with the day first and one with the
month first; `forecast.sheet` decides by the whole table.
"""

import math
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from forecast.cells import MARKS, Cell, tidy
from forecast.quarter import FIRST_YEAR, LAST_YEAR, Quarter

DateOrder = Literal["day-first", "month-first"]
Mark = Literal["", "actual", "estimate", "revised", "forecast"]  # estimate: in part; revised: or yet to be revised

MONTH_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as a cell has it."""

    kind: Literal["quarter", "fiscal", "bare", "month", "loose", "day", "either", "half", "year"]
    year: int  # 0 where a quarter stands without one
    part: int = 0  # quarter, month or half; of a day in either order, the first number
    day: int = 0  # of the month; of a day in either order, the second number
    mark: Mark = ""  # what is said of the numbers of this time

    def in_order(self, order: DateOrder, /) -> "Stamp | None":
        """The day that a text such as 03/06/2020 stands for in one order; None where there is no such day."""
        month, day = (self.day, self.part) if order == "day-first" else (self.part, self.day)
        return _day(self.year, month, day)


_YEAR = r"(?P<year>(?:19|2[01])[0-9]{2}|2200)"
_SHORT = r"(?P<short>[0-9]{2})"
_ANY_YEAR = rf"(?:{_YEAR}|(?<![0-9]){_SHORT})"
_GAP = r"[ \-\u2013/._,'\u2019]*"
_NUM = r"(?P<n>[1-4])"
_QUARTER_WORD = r"(?:quartal|quarter|trimestre|trim\.?|qtr\.?|kwartaal|kvartal)"
_ORDINAL_N = rf"{_NUM}(?:\.|st|nd|rd|th|e|er|re|\u00e8me|eme|\u00ba|\u00b0)? ?{_QUARTER_WORD}"
_ORDINALS = {"first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th"}
_CHINESE_N = str.maketrans("\u4e00\u4e8c\u4e09\u56db", "1234")
_FISCAL = r"f(?:iscal )?(?:y|year)?"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("quarter", rf"{_YEAR}{_GAP}[qtk] ?{_NUM}"),
        ("quarter", rf"[qtk] ?{_NUM}{_GAP}(?:of )?{_YEAR}"),
        ("quarter", rf"[qt]{_NUM}[ \-\u2013/._'\u2019]+{_SHORT}"),
        ("quarter", rf"{_NUM} ?[qt](?:{_GAP}{_YEAR}|[ \-/'\u2019]*{_SHORT})"),
        ("quarter", rf"'?{_SHORT}{_GAP}q{_NUM}"),
        ("quarter", rf"(?:{_ORDINAL_N}|{_QUARTER_WORD} ?{_NUM.replace('<n>', '<m>')}){_GAP}(?:of )?{_YEAR}"),
        ("quarter", rf"{_YEAR}{_GAP}(?:{_ORDINAL_N}|{_QUARTER_WORD} ?{_NUM.replace('<n>', '<m>')})"),
        ("quarter", rf"{_YEAR} ?\u5e74 ?(?:\u7b2c? ?{_NUM} ?\u5b63\u5ea6|q{_NUM.replace('<n>', '<m>')})"),
        ("quarter", rf"cy{_GAP}{_ANY_YEAR}{_GAP}c?q ?{_NUM}"),
        ("quarter", rf"cq ?{_NUM}{_GAP}(?:cy)?{_GAP}{_ANY_YEAR}"),
        ("quarter", rf"(?:q{_NUM}|{_NUM.replace('<n>', '<m>')}c?q){_GAP}cy{_GAP}{_ANY_YEAR}"),
        ("quarter", rf"{_NUM}cq{_GAP}{_ANY_YEAR}"),
        ("fiscal", rf"q{_NUM}{_GAP}fy{_GAP}{_ANY_YEAR}"),
        ("fiscal", rf"{_NUM}q{_GAP}fy{_GAP}{_ANY_YEAR}"),
        ("fiscal", rf"fy{_GAP}{_ANY_YEAR}{_GAP}f?q ?{_NUM}"),
        ("fiscal", rf"fy{_GAP}{_ANY_YEAR}{_GAP}{_NUM}q"),
        ("fiscal", rf"fq ?{_NUM}{_GAP}(?:fy)?{_GAP}{_ANY_YEAR}"),
        ("fiscal", rf"f?{_NUM}fq{_GAP}{_ANY_YEAR}"),
        ("fiscal", rf"{_YEAR}{_GAP}fq ?{_NUM}"),
        ("fiscal", rf"fiscal q{_NUM}{_GAP}{_ANY_YEAR}"),
        ("fiscal", rf"q{_NUM}{_GAP}(?:of )?fiscal (?:year )?{_ANY_YEAR}"),
        ("fiscal", rf"fiscal (?:year )?{_ANY_YEAR}{_GAP}q{_NUM}"),
        ("bare", rf"(?:[qt] ?{_NUM}|{_NUM.replace('<n>', '<m>')} ?[qt])"),
        ("bare", rf"(?:fq ?{_NUM}|fiscal (?:q|{_QUARTER_WORD}) ?{_NUM.replace('<n>', '<m>')})"),
        ("bare", rf"(?:{_ORDINAL_N}|{_QUARTER_WORD} ?{_NUM.replace('<n>', '<m>')})"),
        ("half", rf"(?:h|hj|s) ?(?P<n>[12]){_GAP}(?:fy)?{_ANY_YEAR}"),
        ("half", rf"(?P<n>[12]) ?\.? ?(?:h|hj|s|halbjahr|half){_GAP}(?:of )?{_ANY_YEAR}"),
        ("half", rf"(?:fy)?{_YEAR}{_GAP}(?:h|hj|s) ?(?P<n>[12])"),
        ("year", rf"(?:cy ?|year ?|jahr ?)?{_YEAR}(?:\.0)?"),
        ("year", rf"(?:fy|cy|fiscal(?: year)?){_GAP}{_ANY_YEAR}"),
    )
)
_ENDED = re.compile(
    r"(?:q\.?e\.?|(?:quarter|qtr|period|three months|3 months)[ -](?:ended|ending|end|to))[ :.-]+(?P<day>.+)"
)
_PAIR = re.compile(r"(?<![0-9])(?P<year>(?:19|20)[0-9]{2})[-/\u2013](?P<next>(?:20)?[0-9]{2})(?![0-9])")
_TIME = r"(?:[t ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?)?"
_ISO_DAY = re.compile(rf"{_YEAR}(?P<mark>[-/.]?)(?P<month>[0-9]{{2}})(?P=mark)(?P<day>[0-9]{{2}}){_TIME}")
_EITHER = re.compile(rf"(?P<a>[0-9]{{1,2}})(?P<mark>[-/.]|\. )(?P<b>[0-9]{{1,2}})(?P=mark){_YEAR}{_TIME}")
_ISO_MONTH = re.compile(rf"{_YEAR}[-/.](?P<month>[0-9]{{1,2}})")
_MONTH_YEAR = re.compile(rf"(?P<month>[0-9]{{1,2}})[-/.]{_YEAR}")
_NAME = r"(?P<name>[a-z\u00fb\u00e4\u00e9]{3,10})\.?"
_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_NAME}[ \-/,]*{_YEAR}",
        rf"{_NAME}[\-/'\u2019 ]*['\u2019\-/]{_SHORT}",
        rf"{_NAME} (?P<short>[0-2][0-9])",
        rf"{_YEAR}[ \-/]{_NAME}",
        rf"(?P<day>[0-9]{{1,2}})[. \-/]{{1,2}}{_NAME}[ \-/,]*(?:{_YEAR}|(?<=[\-/]){_SHORT})",
        rf"{_NAME} ?(?P<day>[0-9]{{1,2}}),? {_YEAR}",
    )
)
_TO = r" ?(?:-|\u2013|to|bis|through|/) ?"
_SPAN_YEAR = rf"[ \-/,'\u2019]*(?:{_YEAR}|{_SHORT})"
_SPAN = re.compile(
    rf"(?:(?P<before>(?:19|2[01])[0-9]{{2}})[ :]*)?"
    rf"(?:(?P<three>jfm|amj|jas|ond)|(?P<from>[a-z\u00e4\u00e9\u00fb]{{3,10}})\.?{_TO}(?P<to>[a-z\u00e4\u00e9\u00fb]{{3,10}})\.?)"
    rf"(?:{_SPAN_YEAR})?"
)  # months of a quarter, such as Jan-Mar 2022
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier janv",
            "feb february februar f\u00e9vrier",
            "mar mrz march m\u00e4rz m\u00e4r maerz mars",
            "apr april avril avr",
            "may mai",
            "jun june juni juin",
            "jul july juli juillet juil",
            "aug august ao\u00fbt aout",
            "sep sept september septembre",
            "oct okt october oktober octobre",
            "nov november novembre",
            "dec dez december dezember d\u00e9cembre d\u00e9c",
        ),
        start=1,
    )
    for name in names.split()
}

_MARK_WORDS: dict[Mark, str] = {
    "actual": r"a|act\.?|actuals?|final|ist|reported|\u5b9e\u9645",
    "estimate": r"e|est\.?|estimates?|estimated|gesch\u00e4tzt|\u4f30\u8ba1",
    "revised": r"r|rev\.?|revised|restated|revidiert|prel\.?|prelim\.?|preliminary|prov\.?|provisional|vorl\u00e4ufig|"
    r"\u521d\u6b65|\u521d\u503c",
    "forecast": r"f|fc|fcst\.?|forecasts?|forecasted|projected|projections?|proj\.?|outlook|guidance|budget|plan|"
    r"prognose|pr\u00e9visions?|previsi\u00f3n|\u9884\u6d4b|\u9884\u8ba1",
}
_MARK = re.compile("|".join(f"(?P<{mark}>{words})" for mark, words in _MARK_WORDS.items()), re.I)
_MARKED = re.compile(
    r"(?P<time>.*[0-9qt\u5ea6])\s*(?P<mark>[\[(][^\[\]()]+[\])]|(?:(?<=\s)|(?<=[0-9q]))[^\W\d_]+\.?)\*?", re.I
)


def read_mark(text: str, /) -> Mark | None:
    """What a word says of the numbers that it stands beside; None where it says nothing of the kind.

    >>> read_mark("Actual"), read_mark("(F)"), read_mark("E"), read_mark("Acme")
    ('actual', 'forecast', 'estimate', None)
    """
    found = _MARK.fullmatch(tidy(text).strip("()[]"))
    return found.lastgroup if found else None  # type: ignore[return-value]


def read_stamp(cell: Cell, /) -> Stamp | None:
    """Read a quarter, a date, a month, a half-year or a year.

    Args:
        cell: A date, or a text such as '2020Q3', 'Q3 2020', '3Q20', "Q3'20", 'FY21 Q3', '3. Quartal 2020',
            '2020-09-30', '30.09.2020', 'Sep-20'; a whole number such as 2020 is a year.

    Returns:
        What the cell says; None where it says no time.

    >>> read_stamp("3Q20")
    Stamp(kind='quarter', year=2020, part=3, day=0, mark='')
    """
    if isinstance(cell, date):  # a datetime too
        return _day(cell.year, cell.month, cell.day)
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, int | float):
        whole = cell == int(cell) if math.isfinite(cell) else False
        return Stamp("year", int(cell)) if whole and FIRST_YEAR <= cell <= LAST_YEAR else None
    if len(cell) > 60:
        return None
    if (marked := _MARKED.fullmatch(tidy(cell))) and (mark := read_mark(marked["mark"])):
        stamp = _read_text(marked["time"])
        return None if stamp is None else replace(stamp, mark=mark)
    return _read_text(cell)


def _read_text(cell: str) -> Stamp | None:
    """The time of a text without a mark such as E behind it."""
    text = MARKS.sub("", tidy(cell)).casefold()
    if behind := _ENDED.fullmatch(text):
        stamp = _read_text(behind["day"])
        return stamp if stamp is not None and stamp.kind in ("day", "either", "month") else None
    if text.endswith("\u5b63\u5ea6"):
        text = text.translate(_CHINESE_N)
    for word, short in _ORDINALS.items():
        text = text.replace(f"{word} quarter", f"{short} quarter")
    if (
        "q" in text and (pair := _PAIR.search(text)) and (int(pair["next"]) - int(pair["year"])) % 100 == 1
    ):  # Q1 2022-23
        text = (
            f"{text[: pair.start()].removesuffix('fy').rstrip()} fy{int(pair['year']) + 1}{text[pair.end() :]}".strip()
        )
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            found = match.groupdict()
            number = found.get("n") or found.get("m") or "0"
            year = _year(found) if found.get("year") or found.get("short") else 0
            return Stamp(kind, year, int(number))  # type: ignore[arg-type]
    return _read_date(text) or _quarter_of_months(text)


def _year(found: dict[str, str | None]) -> int:
    if found.get("year"):
        return int(found["year"] or 0)
    short = int(found["short"] or 0)
    return short + (2000 if short < 70 else 1900)


def _read_date(text: str) -> Stamp | None:
    if match := _ISO_DAY.fullmatch(text):
        return _day(int(match["year"]), int(match["month"]), int(match["day"]))
    if match := _EITHER.fullmatch(text):
        stamp = Stamp("either", int(match["year"]), int(match["a"]), int(match["b"]))
        readings = {stamp.in_order("day-first"), stamp.in_order("month-first")} - {None}
        return stamp if len(readings) > 1 else next(iter(readings), None)
    if (match := _ISO_MONTH.fullmatch(text)) or (match := _MONTH_YEAR.fullmatch(text)):
        month = int(match["month"])
        kind: Literal["loose", "month"] = "loose" if len(match["month"]) == 1 and month <= 4 else "month"
        return Stamp(kind, int(match["year"]), month) if 1 <= month <= 12 else None
    for pattern in _NAMED:
        if (match := pattern.fullmatch(text)) and (number := _MONTHS.get(match["name"])):
            year = _year(match.groupdict())
            if match.groupdict().get("day"):
                return _day(year, number, int(match["day"]))
            return Stamp("month", year, number)
    return None


def _quarter_of_months(text: str) -> Stamp | None:
    """The quarter of which a text names the first and the last month, and one year."""
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    if match["three"]:
        number = ("jfm", "amj", "jas", "ond").index(match["three"]) + 1
    else:
        first, last = _MONTHS.get(match["from"]), _MONTHS.get(match["to"])
        if first is None or last != first + 2 or first % 3 != 1:
            return None
        number = (first + 2) // 3
    behind = match["year"] or match["short"]
    if (match["before"] is None) == (behind is None):
        return None
    return Stamp("quarter", int(match["before"]) if match["before"] else _year(match.groupdict()), number)


def _day(year: int, month: int, day: int) -> Stamp | None:
    try:
        date(year, month, day)
    except ValueError:
        return None
    return Stamp("day", year, month, day) if FIRST_YEAR <= year <= LAST_YEAR else None


def fiscal_quarter(year: int, number: int, /, *, year_end: int) -> Quarter:
    """The calendar quarter in which the last month of a fiscal quarter lies.

    Args:
        year: The fiscal year, named after the calendar year in which it ends.
        number: Quarter of the fiscal year, 1 to 4.
        year_end: Month in which the fiscal year ends, 1 to 12.

    >>> str(fiscal_quarter(2021, 1, year_end=6)), str(fiscal_quarter(2021, 4, year_end=1))
    ('2020Q3', '2021Q1')
    """
    months = 12 * year + year_end - 1 - 3 * (4 - number)  # counted from January of year 0
    return Quarter(months // 3)
