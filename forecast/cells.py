"""One cell of a table as people write it: a number with its signs and marks.

Nothing is decided here that needs the other cells: `1,234` has a reading with a decimal point and one with a decimal
comma; `forecast.sheet` decides by the whole table.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final, Literal

from forecast.errors import InvalidArgument
from forecast.schema import MAX_DECIMALS
from forecast.visible import UNSEEN

Cell = str | int | float | date | datetime | bool | None
DecimalMark = Literal["point", "comma"]

_DASHES = "- -- --- \N{EN DASH} \N{EM DASH} \N{MINUS SIGN} . .. ... \N{HORIZONTAL ELLIPSIS}"
_ABSENT = "n/a na n.a. n.a #n/a n/r n.d. k.a. k.a n.v. null none nan <na> nat"
_PHRASES = ("", "n. a.", "k. a.", "not reported", "not available", "- -")
_MISSING = frozenset([*_DASHES.split(), *_ABSENT.split(), *_PHRASES])
MARKS = re.compile(
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
_INDIAN = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?")  # lakhs and crores, such as 1,23,45,678
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
    bare = MARKS.sub("", text)
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


def _digits(text: str, mark: DecimalMark, sign: str) -> str | None:
    if _UNGROUPED[mark].fullmatch(text):
        plain = text.replace(",", ".") if mark == "comma" else text
        if "e" in plain.lower():
            plain = format(Decimal(plain), "f")
        return sign + (f"0{plain}" if plain.startswith(".") else plain)
    if mark == "point" and _INDIAN.fullmatch(text):
        return sign + text.replace(",", "")
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
