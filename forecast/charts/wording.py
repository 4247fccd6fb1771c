"""Text on charts: numbers, dates and names in words, and how much room they take."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from forecast.results import level_name

NBSP = "\N{NO-BREAK SPACE}"
EN_DASH = "\N{EN DASH}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

MARKET_NAMES = {
    "cn-cloud": "China cloud infrastructure",
    "world-cloud": "World cloud infrastructure",
    "world-smartphones": "World smartphones",
}
HOUSE_NAMES = {
    "abi": "ABI Research",
    "canalys": "Canalys",
    "counterpoint": "Counterpoint",
    "idc": "IDC",
    "strategy_analytics": "Strategy Analytics",
    "synergy": "Synergy",
}
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)  # strftime would ask the locale
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # would reorder text around them
_NON_CHARACTERS = re.compile("[\ud800-\udfff\ufffe\uffff]")  # XML 1.0 and UTF-8 refuse them


def clean(text: str, /) -> str:
    """One line that any format can carry: without control characters and lone surrogates, per cent signs kept near."""
    text = _NON_CHARACTERS.sub(UNPRINTABLE, text)
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text if c not in _BIDI_CONTROLS)
    return re.sub("(?<=[0-9]) %", f"{NBSP}%", re.sub(" {2,}", " ", "".join(kept)).strip())


def per_cent(share: float, /, digits: int = 1) -> str:
    """A share as text, such as ``41.2 %``."""
    return f"{share * 100:.{digits}f}{NBSP}%"


def per_cent_range(low: float, high: float, /) -> str:
    """Two shares as text, the sign once."""
    return f"{low * 100:.1f}{EN_DASH}{per_cent(high)}"


def level_text(level: float, /) -> str:
    """A level as text: ``80 %``."""
    return f"{level_name(level)}{NBSP}%"


def day(when: date, /) -> str:
    """A date as text: ``15 January 2021``."""
    return f"{when.day}{NBSP}{_MONTHS[when.month - 1]}{NBSP}{when.year}"


def listed(items: Sequence[str], /) -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def counted(number: int, noun: str, /) -> str:
    """``1 quarter``, ``8 quarters``."""
    return f"{number}{NBSP}{noun}" if number == 1 else f"{number}{NBSP}{noun}s"


def text_width(text: str, /, size: float, *, bold: bool = False) -> float:
    """Width of a line in the unit of `size`, estimated for the widest of the fonts in use, DejaVu Sans."""
    return size * (1.1 if bold else 1.0) * sum(map(_advance, text))


def _advance(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.02
    if char in "il.,:;|!'()[]jtfrI \N{NO-BREAK SPACE}/":
        return 0.41
    if char in "mwMW@%\N{HORIZONTAL ELLIPSIS}\N{EM DASH}":
        return 1.0
    return 0.72 if char.isupper() else 0.64


def wrapped(text: str, /, width: float, size: float, *, bold: bool = False, most: int = 100) -> tuple[str, ...]:
    """Break text into at most `most` lines of `width`, between words where that can be; a cut shows as an ellipsis."""
    lines = [""]
    for piece in re.findall(r"\S+| +", text.replace(NBSP, "\0")):  # no break at a no-break space: \s would match it
        word = piece.replace("\0", NBSP)
        if text_width(lines[-1] + word, size, bold=bold) <= width:
            lines[-1] += word
            continue
        if text_width(word, size, bold=bold) <= width:
            lines.append(word)
            continue
        for char in word:  # a word wider than a line
            if lines[-1] and text_width(lines[-1] + char, size, bold=bold) > width:
                lines.append("")
            lines[-1] += char
    lines = [line.strip(" ") for line in lines if line.strip(" ")] or [""]
    if len(lines) > most:
        lines = lines[:most]
        while text_width(lines[-1] + ELLIPSIS, size, bold=bold) > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] += ELLIPSIS
    return tuple(lines)
