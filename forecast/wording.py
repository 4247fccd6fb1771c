"""The words in which people name providers, quarters ahead and shares, read with errors that say what was meant."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from forecast.errors import InvalidArgument, listed, nearest
from forecast.quarter import Quarter
from forecast.results import OTHERS

LONGEST_TEXT = 500  # characters of an event or a condition
_MINUS = "\N{MINUS SIGN}"
_BEFORE = {"about": "about ", "more_than": "> ", "less_than": "< "}
_SHARE = re.compile(r"([0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)\s*(%|per\s*cent|pct)?", re.ASCII | re.IGNORECASE)
_SHOWN = 80  # characters of a text that an error repeats
_PLAIN = {
    **{0xFF01 + n: 0x21 + n for n in range(94)},  # letters and signs of full width, as a Chinese keyboard gives
    **dict.fromkeys(
        map(ord, "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\u201e\u201f\u00ab\u00bb"), '"'
    ),
    **dict.fromkeys(
        map(ord, "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\u201a\u201b\u2032\u02bc"), "'"
    ),
    **dict.fromkeys(map(ord, "\u2265\u2a7e\u2267"), ">="),
    **dict.fromkeys(map(ord, "\u2264\u2a7d\u2266"), "<="),
    **dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"), None),  # soft hyphen, zero widths
}


def plain_text(text: str, /) -> str:
    """A text as if it were typed plainly: single spaces, straight quotes, ASCII signs, and nothing that nobody sees.

    >>> plain_text("\u201cAcme\u201d\u00a0\u2265  40\u202f%")
    '"Acme" >= 40 %'
    """
    return " ".join(text.translate(_PLAIN).split())


@dataclass(frozen=True, slots=True)
class Source:
    """A text that somebody wrote, and where; says what is wrong with a part of it."""

    field: str  # such as "events[0]"
    text: str

    def refuse(self, word: str, problem: str, remedy: str, instead: str = "") -> InvalidArgument:
        """The error that blames one word.

        Args:
            word: The word or words that are not understood.
            problem: What is wrong, as a sentence without its end.
            remedy: What to write, as a sentence without its end.
            instead: What may stand in place of the word; shown as the text with it.
        """
        shown = self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}..."
        example = ""
        place = _place_of(word, shown) if instead else None
        if place is not None:
            before, after = shown[:place], shown[place + len(word) :]
            remedy += "" if remedy.endswith("?") else ";"
            example = (
                f" For example: {before}{instead}{after}"
                if remedy.endswith("?")
                else f" for example: {before}{instead}{after}"
            )
        return InvalidArgument(self.field, word, f"{remedy}{example}", f"{shown!r}: {problem}")


def _place_of(word: str, text: str) -> int | None:
    """Where a word stands in a text: behind a sign of comparison, else last, and never within another word."""
    if not word:
        return None
    alone = rf"(?<![\w.,]){re.escape(word)}(?![\w%])"
    found = [*re.finditer(alone, text)]
    told = [match for match in found if text[: match.start()].rstrip().endswith(("<", ">", "="))]
    return (told or found)[-1].start() if found else None


def find_provider(text: str, providers: Sequence[str], /, source: Source, *, or_else: str = "") -> str:
    """The provider that a text names: its name, or words it starts with where no other starts with them.

    Case, width, quotes and doubled spaces do not count: of Alibaba Cloud and Huawei Cloud, ``huawei`` is the second.

    Args:
        text: As written.
        providers: Names to choose from.
        source: Where it stands, for the error.
        or_else: What else may stand there, as a phrase.

    Raises:
        InvalidArgument: no provider, or several, can be meant.
    """
    found = providers_named(text, providers)
    if len(found) == 1:
        return found[0]
    word = text.strip()
    if found:
        problem = f"{word!r} may be {' or '.join(found)}"
        raise source.refuse(word, problem, "write as much of the name as it takes", found[0])
    near = nearest(word.strip("\"'"), providers)
    meant = f"did you mean {near}? " if near else ""
    problem = f"no provider is called {word!r}" + (f", and it is no {or_else}" if or_else else "")
    raise source.refuse(word, problem, f"{meant}the providers are {listed(providers)}", near or providers[0])


def providers_named(text: str, providers: Sequence[str], /) -> list[str]:
    """The providers that a text may mean: the one that is called so, else those whose names start with its words."""
    for wanted in dict.fromkeys((_folded(text), _folded(text).strip("\"'"))):
        same = [name for name in providers if _folded(name) == wanted]
        found = same or [name for name in providers if wanted and f"{_folded(name)} ".startswith(f"{wanted} ")]
        if found:
            return found[:1] if same else found
    return []


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", plain_text(name)).casefold().split())


def check_quarter(quarter: Quarter, periods: Sequence[Quarter], /, source: Source) -> Quarter:
    """The quarter, which is one of a forecast.

    Raises:
        InvalidArgument: it is none of `periods`.
    """
    if quarter not in periods:
        first, last = periods[0], periods[-1]
        remedy = f"ask of {first} to {last}" if last > first else f"ask of {first}"
        more = ", or forecast further ahead" if quarter > last else ""
        raise source.refuse(str(quarter), f"{quarter} is not among the quarters forecast", f"{remedy}{more}")
    return quarter


def read_share(text: str, /, source: Source) -> float:
    """A share as people write it, ``40 %``, ``40 per cent`` or ``0.4``, as a fraction in [0, 1].

    Raises:
        InvalidArgument: it is no number of that form, or not within 0 to 100 %.
    """
    word = text.strip()
    match = _SHARE.fullmatch(word)
    value = float("nan") if match is None else float(match[1].replace(",", ".")) / (100.0 if match[2] else 1.0)
    if not 0.0 <= value <= 1.0:
        if match and not match[2] and value <= 100.0:
            raise source.refuse(word, f"{word!r} is more than all", f"did you mean {word} %?", f"{word} %")
        problem = f"{word!r} is no share" if match is None else f"{word!r} is more than all"
        raise source.refuse(word, problem, "write 0 % to 100 %, such as 40 % or 0.4", "40 %")
    return value


def per_cent(share: float, /) -> str:
    """A share as text, to a tenth of a per cent.

    >>> per_cent(0.4), per_cent(0.1234)
    ('40 %', '12.3 %')
    """
    return f"{100.0 * share:.1f}".removesuffix(".0") + " %"


def exact_per_cent(share: float, /) -> str:
    """A share as text that reads as itself.

    >>> exact_per_cent(0.4), exact_per_cent(0.123456)
    ('40 %', '12.3456 %')
    """
    return f"{100.0 * share:.10g} %"


def points_text(change: float, /, decimals: int = 2) -> str:
    """A difference of shares in points, with its sign unless it shows as zero.

    >>> points_text(0.0123), points_text(-0.2, decimals=1), points_text(0.00001)
    ('+1.23', '−20.0', '0.00')
    """
    text = f"{100.0 * abs(change):.{decimals}f}"
    return text if not float(text) else f"{'+' if change > 0 else _MINUS}{text}"


def value_text(value: float, measure: str, unit: str, qualifier: str, decimals: int) -> str:
    """The value of a figure, as it was stated.

    >>> value_text(0.334, "share", "fraction", "about", 1), value_text(0.54, "yoy_growth", "fraction", "exact", 0)
    ('about 33.4 %', '+54 % a year')
    """
    before = _BEFORE.get(qualifier, "")
    if unit != "fraction":
        return f"{before}{value:.{decimals}f} {unit.replace('million units', 'mn units')}"
    number = f"{100 * abs(value):.{decimals}f} %"
    if measure != "yoy_growth":
        return before + number
    return f"{before}{_MINUS if value < 0 else '+'}{number} a year"


def whom(providers: str, /) -> str:
    """Whom a figure speaks of: the names of a sum joined by +, the whole market by its name.

    >>> whom("Alibaba Cloud|Huawei Cloud"), whom("TOTAL")
    ('Alibaba Cloud + Huawei Cloud', 'the market')
    """
    return "the market" if providers == "TOTAL" else " + ".join(providers.split("|"))


def probability_text(probability: float, draws: int, /) -> str:
    """A probability as text; what no draw, or every draw, says is not called impossible or certain.

    >>> probability_text(0.337, 2000), probability_text(0.0, 2000), probability_text(1.0, 2000)
    ('33.7 %', 'under 0.1 %', 'over 99.9 %')
    """
    least = max(2.0 / draws, 0.001)
    if probability < least:
        return f"under {100.0 * least:.2g} %"
    if probability > 1.0 - least:
        return f"over {100.0 - 100.0 * least:.3g} %"
    return f"{100.0 * probability:.1f} %"


def named(providers: Sequence[str], /) -> list[int]:
    """Places of the providers that stand for a company: all but `Others`."""
    return [k for k, name in enumerate(providers) if name != OTHERS]


def source_line_of(figures: pl.DataFrame, /) -> str:
    """The publishers with most figures and how many more there are; empty where none is named."""
    named = figures.filter(pl.col("publisher").fill_null("") != "")
    names = (
        named.group_by("publisher").len().sort(["len", "publisher"], descending=[True, False])["publisher"].to_list()
    )
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"Source: {', '.join(names[:4])}{more}" if names else ""
