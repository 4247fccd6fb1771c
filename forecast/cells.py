"""One cell of a table as people write it: a number with its signs and marks, or a quarter, a date, a year.

Nothing is decided here that needs the other cells: `1,234` has a reading with a decimal point and one with a decimal
comma, and `03/06/2020` one with the day first and one with the month first; `forecast.sheet` decides by the whole
table.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final, Literal

from forecast.errors import InvalidArgument
from forecast.quarter import FIRST_YEAR, LAST_YEAR, Quarter
from forecast.schema import MAX_DECIMALS
from forecast.visible import UNSEEN

Cell = str | int | float | date | datetime | bool | None
DecimalMark = Literal["point", "comma"]
DateOrder = Literal["day-first", "month-first"]

MONTH_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DASHES = "- -- --- \N{EN DASH} \N{EM DASH} \N{MINUS SIGN} . .. ... \N{HORIZONTAL ELLIPSIS}"
_ABSENT = "n/a na n.a. n.a #n/a n/r n.d. k.a. k.a n.v. null none nan <na> nat"
_PHRASES = ("", "n. a.", "k. a.", "not reported", "not available", "- -")
_MISSING = frozenset([*_DASHES.split(), *_ABSENT.split(), *_PHRASES])
_MARKS = re.compile(
    r"(?:[*\u2020\u2021\u00a7\u00b6#]|[\u00b9\u00b2\u00b3\u2070\u2074-\u2079]|\((?:e|p|r|a|est\.?|estimated?|prel\.?|prelim\.?|"
    r"preliminary|prov\.?|provisional|rev\.?|revised|restated|final|actual|vorl\u00e4ufig|revidiert)\)|"
    r"\[[0-9a-z]{1,2}\]|\s)+$",
    re.I,
)
_LESS = r"<=?|\u2264|less than|fewer than|under|below|at most|weniger als|unter|moins de"
_MORE = r">=?|\u2265|more than|over|above|at least|mehr als|\u00fcber|mindestens|plus de"
_ABOUT = r"~|\u223c|\u2248|about|around|approximately|approx\.?|roughly|circa|ca\.?|c\.|rund|etwa|environ"
_QUALIFIED = re.compile(rf"(?:(?P<less>{_LESS})|(?P<more>{_MORE})|(?P<about>{_ABOUT}))\s*(?=[^a-z\s])", re.I)
_CURRENCY = r"(?:us\$|usd|eur|gbp|cny|rmb|jpy|chf|[$\u20ac\u00a3\u00a5\u20b9\u20a9])"
_NUMBER = re.compile(
    rf"(?P<lead>{_CURRENCY}\s*)?(?P<minus>[-\u2212\u2013])?\s*(?P<lead2>{_CURRENCY}\s*)?"
    r"(?P<digits>[0-9.,][0-9., '\u2019]*(?:e[+-]?[0-9]{1,3})?)"
    rf"\s*(?P<percent>%|\uff05|percent|per cent|pct\.?|prozent)?(?P<plus>\s*\+)?\s*(?P<trail>{_CURRENCY})?",
    re.I,
)
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_GROUPED = {
    "point": re.compile(r"[1-9][0-9]{0,2}(?P<group>[, '\u2019])[0-9]{3}(?:(?P=group)[0-9]{3})*(?:\.[0-9]+)?"),
    "comma": re.compile(r"[1-9][0-9]{0,2}(?P<group>[. '\u2019])[0-9]{3}(?:(?P=group)[0-9]{3})*(?:,[0-9]+)?"),
}
_UNGROUPED = {
    "point": re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?", re.I),
    "comma": re.compile(r"(?:[0-9]+(?:,[0-9]+)?|,[0-9]+)(?:e[+-]?[0-9]{1,3})?", re.I),
}
SCALES: Final = {
    "k": 3, "tsd": 3, "thousand": 3, "m": 6, "mn": 6, "mm": 6, "mln": 6, "mio": 6, "million": 6, "millions": 6, "bn": 9,
    "b": 9, "mrd": 9, "md": 9, "billion": 9, "billions": 9, "tn": 12, "trillion": 12, "lakh": 5, "lakhs": 5, "crore": 7,
    "crores": 7, "cr": 7, "\u4e07": 4, "\u4ebf": 8, "\u5104": 8, "\u767e\u4e07": 6,
}  # fmt: skip
_SCALED = re.compile(
    rf"(?P<lead>(?:{_CURRENCY}\s*)?[-\u2212]?(?:{_CURRENCY}\s*)?[0-9][0-9.,' \u2019]*?)\s*"
    rf"(?P<scale>{'|'.join(sorted(SCALES, key=len, reverse=True))})\.?(?P<trail>\s*{_CURRENCY})?",
    re.I,
)
_BRACKETED = re.compile(r"(?P<lead>[^()0-9]*)\((?P<inner>[^()]*[0-9][^()]*)\)(?P<trail>\s*%)?")
_BESIDE = (
    "us usd eur gbp cny rmb jpy chf percent per cent pct pp prozent to bis and und or oder von from between zwischen "
    "less than more about around approx ca circa est prelim e p r f l o i"
)
_BESIDE_NUMBERS = frozenset([*_BESIDE.split(), *SCALES])
_INITIALS = "nm n.m. n.m n/m nmf tbd tba tbc n.s. n.c. confidential undisclosed suppressed withheld pending"
_WITHHELD = frozenset(
    [*_INITIALS.split(), "not disclosed", "not meaningful", "not material", "c", "(c)", "[c]", "x", "[x]"]
)


@dataclass(frozen=True, slots=True)
class Written:
    """A number as a cell has it, before the table has decided what its marks and its unit mean."""

    point: str | None  # plain digits such as "1234.5" where '.' is the decimal mark; None where it cannot be read so
    comma: str | None  # plain digits likewise where ',' is the decimal mark
    percent: bool = False  # with a per cent sign
    qualifier: str | None = None  # "less_than", "more_than" or "about"
    marked: bool = False  # a footnote's mark stood behind it
    typed: bool = False  # a number of a program, not a text: zeros at its end are not kept
    scale: str = ""  # what multiplies it, such as "bn", folded

    def digits(self, mark: DecimalMark, /) -> str | None:
        """The digits with one decimal mark."""
        return self.point if mark == "point" else self.comma

    @property
    def certain(self) -> DecimalMark | None:
        """The only decimal mark with which the number can be read, if there is only one."""
        if (self.point is None) == (self.comma is None):
            return None
        return "comma" if self.point is None else "point"

    @property
    def ambiguous(self) -> bool:
        """Whether the two decimal marks give two different numbers."""
        return self.point is not None and self.comma is not None and self.point != self.comma


def tidy(text: str, /) -> str:
    """The text with every run of white space of any kind as one space, none at its ends, and nothing invisible."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(UNSEEN.sub("", text).split())


def printable(text: str, /) -> str:
    """A text as messages show it: 60 characters at most, what does not print as an escape."""
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)


def quoted(cell: Cell, /) -> str:
    """A cell as messages show it: quoted, 60 characters at most, control characters as escapes."""
    if isinstance(cell, str):
        return f"'{printable(cell)}'"
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime) and cell.time() == time():
        cell = cell.date()
    return "nothing" if cell is None else str(cell)


def is_blank(cell: Cell, /) -> bool:
    """Whether a cell holds nothing: none, white space, or a program's not-a-number."""
    if cell is None:
        return True
    if isinstance(cell, str):
        return not cell or cell.isspace() or not tidy(cell)
    return isinstance(cell, float) and math.isnan(cell)


def read_number(cell: Cell, /) -> Written | None:
    """Read a number with what people write around it.

    Args:
        cell: A number, or a text such as '23.4%', '1,234', '1.234,5', '1 234', '$ 5', '34.1*', '<1%', 'about 16 %',
            '(5)', '$3.1bn'.

    Returns:
        The number with its possible decimal marks; None where the cell says that nothing was reported: empty, 'n/a',
        a dash, dots and the like.

    Raises:
        InvalidArgument: the cell holds something else; `allowed` says what to write.

    >>> read_number("<1,5 %")
    Written(point=None, comma='1.5', percent=True, qualifier='less_than', marked=False, typed=False, scale='')
    """
    if isinstance(cell, str):
        if _PLAIN.fullmatch(cell):
            whole, _, rest = cell.partition(".")
            if not rest:
                return Written(whole, whole)
            grouped = len(rest) == 3 and len(whole) <= 3 and whole[0] != "0"
            return Written(cell, whole + rest if grouped else None)
        return _read_text(cell)
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise InvalidArgument("number", quoted(cell), "a number")
    if isinstance(cell, float):
        if math.isnan(cell):
            return None
        if math.isinf(cell):
            raise InvalidArgument("number", quoted(cell), "a finite number")
    text = repr(cell)
    plain = format(Decimal(text), "f") if "e" in text else text.removesuffix(".0")
    return Written(plain, plain, typed=True)


def _read_text(cell: str) -> Written | None:
    text = tidy(cell)
    if text.lower() in _MISSING:
        return None
    bare = _MARKS.sub("", text)
    marked = bare != text
    if bare.lower() in _MISSING and bare:
        return None
    qualifier = None
    if found := _QUALIFIED.match(bare):
        qualifier = "less_than" if found["less"] else "more_than" if found["more"] else "about"
        bare = bare[found.end() :]
    negative = _BRACKETED.fullmatch(bare)
    if negative is not None:  # as accountants write a negative number
        bare = f"-{negative['lead']}{negative['inner']}{negative['trail'] or ''}"
    scaled = _SCALED.fullmatch(bare)
    if scaled is not None:
        bare = f"{scaled['lead']}{scaled['trail'] or ''}"
    match = _NUMBER.fullmatch(bare)
    if match is None:
        raise InvalidArgument("number", quoted(cell), "a number, or nothing where none was reported")
    sign = "-" if match["minus"] else ""
    digits = match["digits"].strip()
    point, comma = (_digits(digits, mark, sign) for mark in ("point", "comma"))
    percent = match["percent"] is not None
    if percent and point is not None and comma is not None and point != comma:
        # a group of thousands would be 1000 % or more
        point, comma = (point, None) if "." in point else (None, comma)
    if point is None and comma is None:
        raise InvalidArgument("number", quoted(cell), "a number, or nothing where none was reported")
    if match["plus"]:
        if qualifier is not None:
            raise InvalidArgument("number", quoted(cell), "one sign of a bound")
        qualifier = "more_than"
    return Written(point, comma, percent, qualifier, marked, scale="" if scaled is None else scaled["scale"].casefold())


def is_like_number(cell: Cell, /) -> bool:
    """Whether a text that `read_number` refuses stands where a number should, and is no remark.

    >>> is_like_number("40-45%"), is_like_number("n.m."), is_like_number("#REF!"), is_like_number("2 new entrants")
    (True, True, True, False)
    """
    if not isinstance(cell, str):
        return False
    text = tidy(cell).casefold()
    if text in _WITHHELD or text.startswith(("=", "#")):
        return True
    words = re.findall(r"[^\W\d_]+", text)
    return any(c.isdigit() for c in text) and read_stamp(cell) is None and _BESIDE_NUMBERS.issuperset(words)


def _digits(text: str, mark: DecimalMark, sign: str) -> str | None:
    if _UNGROUPED[mark].fullmatch(text):
        plain = text.replace(",", ".") if mark == "comma" else text
        if "e" in plain.lower():
            plain = format(Decimal(plain), "f")
        return sign + (f"0{plain}" if plain.startswith(".") else plain)
    if found := _GROUPED[mark].fullmatch(text):
        plain = text.replace(found["group"], "")
        return sign + (plain.replace(",", ".") if mark == "comma" else plain)
    return None


def fraction(digits: str, /, *, percent: bool) -> float:
    """The share of plain digits: the float nearest to what is written, which dividing by 100 would miss at times.

    >>> fraction("34.1", percent=True)
    0.341
    """
    return float(f"{digits}e-2" if percent else digits)


def printed_decimals(digits: str, /, *, percent: bool) -> int | None:
    """Decimals of the percentage that plain digits stand for; None where nobody would have printed so many.

    >>> printed_decimals("34.1", percent=True), printed_decimals("0.341", percent=False)
    (1, 1)
    """
    rest = digits.partition(".")[2]
    if len(rest) > MAX_DECIMALS + 2 and len(digits) > 15:
        # 0.30000000000000004 is 0.3 with the noise of a sum in a program
        rest = f"{float(digits):.14f}".rstrip("0").partition(".")[2]
    decimals = len(rest) if percent else max(len(rest) - 2, 0)
    return decimals if decimals <= MAX_DECIMALS else None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as a cell has it."""

    kind: Literal["quarter", "fiscal", "bare", "month", "loose", "day", "either", "half", "year"]
    year: int  # 0 where a quarter stands without one
    part: int = 0  # quarter, month or half; of a day in either order, the first number
    day: int = 0  # of the month; of a day in either order, the second number

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


def read_stamp(cell: Cell, /) -> Stamp | None:
    """Read a quarter, a date, a month, a half-year or a year.

    Args:
        cell: A date, or a text such as '2020Q3', 'Q3 2020', '3Q20', "Q3'20", 'FY21 Q3', '3. Quartal 2020',
            '2020-09-30', '30.09.2020', 'Sep-20'; a whole number such as 2020 is a year.

    Returns:
        What the cell says; None where it says no time.

    >>> read_stamp("3Q20")
    Stamp(kind='quarter', year=2020, part=3, day=0)
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
    text = _MARKS.sub("", tidy(cell)).casefold()
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
