"""What the header of a column means: vendor, quarter, share, amount, market; and what titles and footnotes look like."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from forecast.cells import tidy

Role = Literal["provider", "period", "year", "share", "amount", "market", "decimals", "qualifier", "published_at"]

_EXACT: Final[dict[Role, frozenset[str]]] = {
    "provider": frozenset(
        "provider vendor company brand manufacturer supplier firm maker oem player competitor operator producer "
        "participant issuer carrier seller hersteller anbieter marke unternehmen firma lieferant fournisseur marque "
        "fabricant entreprise soci\u00e9t\u00e9 constructeur proveedor marca fabricante empresa".split()  # noqa: SIM905
    ),
    "period": frozenset(
        "period quarter date time qtr quartal zeitraum datum periode trimestre p\u00e9riode fecha trimester".split()  # noqa: SIM905
    ),
    "year": frozenset("year jahr ann\u00e9e annee a\u00f1o yr fy".split()) | {"fiscal year"},  # noqa: SIM905
    "share": frozenset({"share", "market share", "marktanteil", "anteil", "mkt share", "ms"}),
    "amount": frozenset({"value", "units", "revenue", "sales", "shipments", "volume", "amount"}),
    "market": frozenset({"market", "segment", "markt", "marktsegment", "march\u00e9", "mercado"}),
    "decimals": frozenset({"decimals"}),
    "qualifier": frozenset({"qualifier"}),
    "published_at": frozenset(
        {"published at", "published", "published on", "publication date", "date published", "release date"}
    ),
}
_SHARE_WORDS = frozenset("share shares marktanteil marktanteile anteil anteile".split())  # noqa: SIM905
_AMOUNT_WORDS = frozenset(
    "value values unit units revenue revenues sales shipments shipment volume volumes amount amounts turnover spend "  # noqa: SIM905
    "spending umsatz ums\u00e4tze absatz menge st\u00fcck wert ventes unit\u00e9s montant chiffre ventas ingresos".split()
)
_PROVIDER_WORDS = _EXACT["provider"]
_WEAK = frozenset({"name", "names"})
_PERCENT = re.compile(r"%|\uff05|\b(?:percent|per cent|percentage|pct|prozent)\b", re.I)
_SUM_NAMES = re.compile(
    r"(?:grand |sub|market |overall )?-?total(?:s| market| vendors| industry)?|total .*|gesamt(?:markt)?|summe|insgesamt|"
    r"sum|all(?: vendors| companies| brands)?|market|industry|ensemble|somme|"
    r"top ?[0-9]+",
    re.I,
)
_DERIVED = re.compile(
    r"(?:yoy|y/y|qoq|q/q|y-o-y|q-o-q|year[- ]on[- ]year|cagr|growth|change|delta|hhi|rank|average|avg\.?|mean|median|"
    r"min|max|ver\u00e4nderung|wachstum|durchschnitt|mittelwert)"
    r"(?:[ %().].*)?|(?:annual|yoy|qoq|total|market) (?:growth|change)(?:[ %(].*)?",
    re.I,
)
_FOOTNOTE = re.compile(
    r"(?:sources?|notes?|quellen?|anmerkung(?:en)?|hinweise?|fu\u00dfnoten?|remarks?|disclaimer|copyright|figures|data|"
    r"numbers|estimates?|e =|p =|n/a =|n/?a:|legend|last updated|updated|as of|stand)\b|[*\u2020\u2021\u00a7\u00a9\u00b9\u00b2\u00b3]|"
    r"\([0-9a-z*]\)|\[[0-9a-z]\]|[0-9]\) ",
    re.I,
)
_UNITS = re.compile(
    r"in %|%|\(?%\)?|\(?in %\)?|percent|per cent|pct|units?|mn|bn|m|k|million|billion|\(?(?:usd|eur|gbp|us\$|[$\u20ac\u00a3\u00a5]) ?"
    r"(?:m|mn|bn|k|million|billion|mio\.?|mrd\.?)?\)?|(?:million|mn|thousand|k) units",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a column says."""

    base: str  # its words, folded, without what stands in brackets
    role: Role | None
    worth: int = (
        0  # of two columns with one role the higher counts: 3 the table's own word, 2 a synonym, 1 a part of it
    )
    percent: bool = False  # says per cent


def read_header(text: str, /) -> Header:
    """Tell the role of a column by its header; case, spaces, underscores and units in brackets do not count.

    >>> read_header("Market share (%)")
    Header(base='market share', role='share', worth=2, percent=True)
    """
    folded = tidy(text).casefold().replace("_", " ")
    percent = _PERCENT.search(folded) is not None
    base = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", folded)
    base = _PERCENT.sub(" ", base)
    base = tidy(re.sub(r"[,;:*.]| in$| in (?=,)", " ", base))
    base = base.removesuffix(" in")
    words = base.split()
    for role, names in _EXACT.items():
        if base in names:
            return Header(base, role, 3 if base.replace(" ", "_") in _OWN else 2, percent)
    if not base and percent:
        return Header(base, "share", 2, percent)
    if len(words) <= 6:
        if _SHARE_WORDS & set(words):
            return Header(base, "share", 1, percent)
        if base in _WEAK or (_PROVIDER_WORDS & set(words)):
            return Header(base, "provider", 1, percent)
        if base in ("market name", "market segment"):
            return Header(base, "market", 1, percent)
        if words and words[-1] in _EXACT["period"] | {"ending", "end"} and words[0] in {
            "calendar", "fiscal", "reporting", "quarter", "time", "period",
        }:  # fmt: skip
            return Header(base, "period", 1, percent)
        if _AMOUNT_WORDS & set(words):
            return Header(base, "amount", 2 if len(words) == 1 else 1, percent)
    return Header(base, None, 0, percent)


_OWN = frozenset({"market", "period", "provider", "share", "value", "decimals", "published_at", "qualifier"})


def is_sum(name: str, /) -> bool:
    """Whether a name is that of a sum over vendors or quarters, such as Total."""
    return _SUM_NAMES.fullmatch(tidy(name)) is not None


def is_derived(name: str, /) -> bool:
    """Whether a header or a row's name is that of a number made of others, such as growth or a rank."""
    return _DERIVED.fullmatch(tidy(name)) is not None


def is_footnote(text: str, /) -> bool:
    """Whether a row that begins so is a remark."""
    return _FOOTNOTE.match(tidy(text)) is not None


def is_unit(text: str, /) -> bool:
    """Whether a text only names a unit, as in a row below the headers."""
    return _UNITS.fullmatch(tidy(text)) is not None


def spoken_of(texts: Iterable[str], /) -> Literal["percent", "share", "amount"] | None:
    """What titles and headers say that the numbers are; shares before amounts, as in "share of revenue"."""
    joined = " ".join(tidy(text).casefold() for text in texts)
    words = set(re.findall(r"\w+", joined))
    if _PERCENT.search(joined):
        return "percent"
    if _SHARE_WORDS & words:
        return "share"
    if (_AMOUNT_WORDS - {"value", "values"}) & words or re.search(
        r"\b(?:usd|eur|million|billion|mn|bn)\b|[$\u20ac\u00a3]", joined
    ):
        return "amount"
    return None
