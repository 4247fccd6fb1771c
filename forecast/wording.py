"""The words in which people name providers, quarters ahead and shares, read with errors that say what was meant."""

import re
from collections.abc import Sequence

import polars as pl

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from forecast.results import OTHERS

LONGEST_TEXT = 500  # characters of an event or a condition
_MINUS = "\N{MINUS SIGN}"
_BEFORE = {"about": "about ", "more_than": "> ", "less_than": "< "}
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(%?)", re.ASCII)


def check_text(text: str, /, field: str) -> str:
    """The text without spaces around it.

    Raises:
        InvalidArgument: it is longer than anything that is asked in earnest; reading it would take long.
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidArgument(field, f"{text[:40]}...", f"a text of at most {LONGEST_TEXT} characters")
    return text.strip()


def find_provider(text: str, providers: Sequence[str], /, field: str) -> str:
    """The provider that a text names: its name, or words it starts with where no other starts with them.

    Case does not count: of Alibaba Cloud and Huawei Cloud, ``huawei`` is the second.

    Args:
        text: As written.
        providers: Names to choose from.
        field: What the error names as the place.

    Raises:
        InvalidArgument: no provider, or several, can be meant.
    """
    wanted = " ".join(text.split()).casefold()
    same = [name for name in providers if name.casefold() == wanted]
    found = same or [name for name in providers if wanted and f"{name} ".casefold().startswith(f"{wanted} ")]
    if len(found) != 1:
        raise InvalidArgument(f"{field}.provider", text.strip(), f"one of {', '.join(found or providers)}")
    return found[0]


def find_quarter(text: str, periods: Sequence[Quarter], /, field: str) -> Quarter:
    """The quarter of a forecast that a text names, such as ``2026Q4``.

    Raises:
        InvalidArgument: it is no quarter, or none of `periods`.
    """
    quarter = Quarter.parse(text.strip().upper(), field=f"{field}.quarter")
    if quarter not in periods:
        raise InvalidArgument(f"{field}.quarter", text.strip(), f"{periods[0]} to {periods[-1]}, the quarters forecast")
    return quarter


def read_share(text: str, /, field: str) -> float:
    """A share as people write it, ``40 %``, ``40%`` or ``0.4``, as a fraction in [0, 1].

    Raises:
        InvalidArgument: it is no number of that form, or not within 0 to 100 %.
    """
    match = _SHARE.fullmatch(text.strip())
    value = float("nan") if match is None else float(match[1]) / (100.0 if match[2] else 1.0)
    if not 0.0 <= value <= 1.0:
        hint = f"; did you mean {text.strip()} %?" if match and not match[2] and value <= 100.0 else ""
        raise InvalidArgument(f"{field}.share", text.strip(), f"0 % to 100 %, such as 40 % or 0.4{hint}")
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
