"""What the header of a column means: vendor, quarter, share, amount, market; and what titles and footnotes say."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from forecast.cells import tidy

Role = Literal[
    "provider", "period", "year", "share", "amount", "market", "decimals", "qualifier", "published_at", "unit"
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EXACT: Final[dict[Role, frozenset[str]]] = {
    "provider": _words(
        "provider vendor company brand manufacturer supplier firm maker oem player competitor operator producer "
        "participant issuer carrier seller hersteller anbieter marke unternehmen firma lieferant fournisseur marque "
        "fabricant entreprise soci\u00e9t\u00e9 constructeur proveedor marca fabricante empresa "
        "op\u00e9rateur operador operadora operatore azienda produttore leverancier merk fabrikant "
        "\u5382\u5546 \u54c1\u724c \u516c\u53f8 \u4f01\u4e1a \u4f9b\u5e94\u5546"
    ),
    "period": _words(
        "period quarter date time qtr fq month monat mois quartal zeitraum datum periode trimestre p\u00e9riode fecha "
        "trimester kvartal kwartaal kwarta\u0142 \u5b63\u5ea6 \u65f6\u95f4 \u65e5\u671f \u671f\u95f4 \u56db\u534a\u671f"
    ),
    "year": _words("year jahr ann\u00e9e annee a\u00f1o yr fy cy gesch\u00e4ftsjahr kalenderjahr exercice")
    | {"fiscal year", "calendar year", "financial year"},
    "share": frozenset({"share", "market share", "marktanteil", "anteil", "mkt share", "ms", "part de march\u00e9"})
    | _words(
        "\u5e02\u573a\u4efd\u989d \u4efd\u989d \u5e02\u5360\u7387 \u5e02\u573a\u5360\u6709\u7387 "
        "\u5360\u6709\u7387 \u5360\u6bd4"
    ),
    "amount": _words(
        "value units revenue sales shipments volume amount "
        "\u51fa\u8d27\u91cf \u9500\u91cf \u9500\u552e\u989d \u8425\u6536 \u6536\u5165"
    ),
    "market": _words("market segment markt marktsegment march\u00e9 mercado \u5e02\u573a \u7ec6\u5206\u5e02\u573a"),
    "decimals": frozenset({"decimals"}),
    "qualifier": frozenset({"qualifier"}),
    "unit": frozenset({"unit", "einheit", "unit\u00e9"}),
    "published_at": frozenset(
        {"published at", "published", "published on", "publication date", "date published", "release date"}
    ),
}
_PARTS: Final = _words(
    "region regions country countries geography geo area territory zone continent state province city location "
    "segment subsegment product products category categories subcategory channel channels application applications "
    "technology platform industry sector vertical model class customer land gebiet kontinent produkt produktgruppe "
    "kategorie sparte branche kanal modell pays r\u00e9gion produit cat\u00e9gorie canal secteur pa\u00eds regi\u00f3n "
    "producto categor\u00eda \u5730\u533a \u533a\u57df \u56fd\u5bb6 \u4ea7\u54c1"
) | {
    "sub segment", "product type", "product category", "product group", "product line", "form factor", "end use",
    "end user", "price band",
}  # fmt: skip
_NAMING = _EXACT["provider"]
_OWN = _words("market period provider share value decimals qualifier published_at")
_SHARE_WORDS = _words(
    "share shares marktanteil marktanteile anteil anteile cuota quota marktaandeel participa\u00e7\u00e3o "
    "participaci\u00f3n"
)
_AMOUNT_WORDS = _words(
    "value values unit units revenue revenues sales shipments shipment volume volumes amount amounts turnover spend "
    "spending umsatz ums\u00e4tze absatz menge st\u00fcck wert ventes unit\u00e9s montant ventas ingresos"
)
_WIDE = str.maketrans("\uff08\uff09\uff1a\uff0c", "():,")  # as Chinese texts have them
_PERCENT = re.compile(r"%|\uff05|\b(?:percent|per cent|percentage|pct|prozent)\b", re.I)
_PERIOD_PHRASES = frozenset(
    {"calendar quarter", "fiscal quarter", "reporting period", "reporting date", "quarter end", "quarter ending",
     "period end", "period ending", "time period", "end date", "quarter ended", "period ended"}
)  # fmt: skip
_MONEY = re.compile(r"\b(?:usd|eur|million|billion|mn|bn)\b|[$\u20ac\u00a3]", re.I)
_SUM_NAMES = re.compile(
    r"(?:grand |sub|market |overall )?-?total(?:s| market| vendors| industry)?|total .*|gesamt(?:markt)?|summe|"
    r"insgesamt|sum|check(?: ?sum)?|all(?: vendors| companies| brands)?|market|industry|ensemble|somme|top ?[0-9]+",
    re.I,
)
_MARKET_SIZE = re.compile(
    r"(?:total |overall |global |world(?:wide)? )?(?:addressable )?(?:market|industry) (?:size|volume|value|revenues?|"
    r"sales|shipments|total)|tam|marktvolumen|marktgr\u00f6\u00dfe|(?:total|overall|gesamt) ?(?:market|industry|units|"
    r"sales|revenues?|shipments?|volumes?|value)|gesamtmarkt|taille du march\u00e9|tama\u00f1o del mercado|"
    r"\u5e02\u573a\u89c4\u6a21|\u603b\u51fa\u8d27\u91cf|\u603b\u9500\u91cf",
    re.I,
)
_OF_SEVERAL = re.compile(
    r"\b(?:cumulative|cumulated|kumuliert\w*|cumul\u00e9\w*|acumulad\w*|trailing|ltm|ttm|"
    r"(?:rolling|moving|last|past) (?:12|twelve|four|4)[ -](?:months?|quarters?)|moving average)\b",
    re.I,
)
_THINGS = re.compile(
    r"\b(?:units?|pieces|pcs|st\u00fcck|stk|einheiten|unit\u00e9s|unidades|unit\u00e0|pezzi|handsets|devices|subscribers|"
    r"subscriptions|vehicles|registrations)\b|[\u53f0\u4ef6\u8f86\u6237]",
    re.I,
)
_SCALE = re.compile(
    r"\b(?:thousands?|tsd|k|mil|million(?:en|s|es)?|mill?ones|mn|mln|mio|m|mm|billions?|bn|b|mrd|md|milliarden|lakhs?|"
    r"crores?|cr|x ?1[,. ]?000)\b|(?<![0-9])0?00(?:s|\b)|[\u5343\u4e07\u4ebf\u5104]|\$m|\u20acm",
    re.I,
)
_SPANS = r"(?:yoy|y/y|y-o-y|qoq|q/q|q-o-q|year[- ](?:on|over)[- ]year|quarter[- ](?:on|over)[- ]quarter)"
_TAIL = (
    rf"(?: ?[%\uff05]| ?\([^)]*\)| in (?:%|pp|per cent|percent)| pp| rate| {_SPANS}| (?:vs\.?|of|from|since|over) .*)"
)
_DERIVED = re.compile(
    rf"{_SPANS}(?:[ %(].*)?|cagr(?:[ %(].*)?|(?:(?:annual|market|total|{_SPANS}) )?(?:growth|change|delta){_TAIL}+|"
    rf"(?:annual|market|total) (?:growth|change)|(?:rank|hhi|average|avg\.?|mean|median|min|max){_TAIL}+|hhi index|"
    r"ranking|average|avg\.?|median|minimum|maximum|durchschnitt|mittelwert|herfindahl.*|\u0394.*|\u540c\u6bd4.*|\u73af\u6bd4.*|\u589e\u957f\u7387|\u589e\u901f|\u589e\u5e45",
    re.I,
)
_CURRENCIES = r"(?:usd|us\$|eur|gbp|jpy|cny|rmb|inr|chf|[$\u20ac\u00a3\u00a5])"
_PRICES = r"asp|arpu|arppu|(?:average |avg\.? )?(?:selling |unit )?price|(?:durchschnitts)?preis|prix(?: moyen)?"
_COUNTED = (
    r"vendors?|companies|brands?|providers?|players?|suppliers?|manufacturers?|makers?|firms?|oems?|competitors?|"
    r"customers?|employees|stores?|outlets?|countries|models?|products?|respondents|weeks|days|anbieter|hersteller"
)
_OF_ANOTHER_KIND = re.compile(
    rf"(?:{_PRICES})(?: ?[(\[].*[)\]]| in .+|,? ?{_CURRENCIES})|arpu|arppu|(?:average|avg\.?) (?:selling )?price|"
    rf"(?:#|no\.?|nr\.?|number|num\.?|count|anzahl|nombre)(?: of| der| de)? ?(?:{_COUNTED})|"
    rf"(?:fx|exchange)[ -]?rate.*|{_CURRENCIES}/{_CURRENCIES}|(?:real |nominal )?gdp(?: growth)?(?: .*)?|cpi|"
    r"(?:gross|operating|net|ebitda?|profit) margins?|(?:market |household )?penetration(?: rate)?|"
    r"(?:attach|churn|response|adoption|utili[sz]ation|occupancy|take)[ -]rates?|installed base(?: .*)?|"
    r"inflation(?: rate)?|population|(?:working|trading) days|sample(?: size)?|respondents|n ?=.*",
    re.I,
)
_NUMBERING = re.compile(r"#|no\.?|nr\.?|id|n\u00b0|row|index|line|pos\.?|lfd\.? ?nr\.?|zeile", re.I)
_MADE_OF_ONE = re.compile(
    rf"(?:(?:share |revenue |unit )?(?:growth|change|delta)|rank|wachstum|ver\u00e4nderung|{_PRICES}|margin|{_SPANS})"
    rf"{_TAIL}*|{_SPANS}(?: growth| change)?{_TAIL}*",
    re.I,
)
_MAY_BE_DERIVED = re.compile(
    rf"{_PRICES}|growth|change|delta|hhi|rank|mean|min|max|ver\u00e4nderung|wachstum|variation|difference|diff\.?", re.I
)
_GROWTH = re.compile(
    rf"\b{_SPANS}\b|\bcagr\b|\bgrowth (?:rates?|by|of|in|vs\.?)\b|\bgrowth(?: \(?%\)?| \(.*\))?$|"
    r"\b(?:change|delta) (?:in|vs\.?|from|since|over|of)\b|\b(?:change|delta)(?: \(.*\)| in (?:%|pp)| ?%)?$|"
    r"\b(?:wachstum|ver\u00e4nderung|croissance|crecimiento)|\u0394|\bindex(?:ed)?\b.*\b100\b|\u540c\u6bd4|\u73af\u6bd4|\u589e\u957f\u7387|\u589e\u901f|\u589e\u5e45",
    re.I,
)
_FISCAL = re.compile(
    r"\bfiscal\b|\bfinancial (?:years?|quarters?)\b|gesch\u00e4ftsjahr|\bfye\b|\bfq\b|^fys?$|"
    r"\bfys? (?:ends?|ending|ended)\b|\bexercice fiscal",
    re.I,
)
_FISCAL_QUARTERS = re.compile(
    r"\b(?:fiscal|financial)(?: year)? quarters?\b|\bfqs?\b|\bby fiscal\b|"
    r"\bquarters? (?:is|are|follow|by|in|of)(?: of)?(?: the| a)? (?:fiscal|fy)\b|"
    r"gesch\u00e4ftsjahresquartal|gesch\u00e4ftsquartal|\btrimestre fiscal",
    re.I,
)
_FISCAL_END = re.compile(
    r"\b(?:ends?|ending|ended|endet|to|bis)\b\W*(?:(?:in|on|the|of|im|am|last|day|[0-9]+(?:st|nd|rd|th)?)\W+)*"
    r"(?P<month>jan|feb|mar|m\u00e4r|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)",
    re.I,
)
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "m\u00e4r": 3, "apr": 4, "may": 5, "mai": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12,
}  # fmt: skip
_FOOTNOTE = re.compile(
    r"(?:sources?|notes?|quellen?|anmerkung(?:en)?|hinweise?|fu\u00dfnoten?|remarks?|disclaimer|copyright|figures|data|"
    r"numbers|estimates?|e =|p =|n/a =|n/?a:|legend|last updated|updated|as of|stand)\b|"
    r"[*\u2020\u2021\u00a7\u00a9\u00b9\u00b2\u00b3]|\([0-9a-z*]\)|\[[0-9a-z]\]|[0-9]\) ",
    re.I,
)
_REMARK = re.compile(
    r"(?:sources?|notes?|quellen?|anmerkung(?:en)?|hinweise?|fu\u00dfnoten?|remarks?|disclaimer|copyright|legend)\b|"
    r"\((?:blank|leer|vide|en blanco|vuoto)\)|"
    r"[*\u2020\u2021\u00a7\u00a9]",
    re.I,
)
_UNITS = re.compile(
    r"\(?(?:in )?%\)?|percent|per cent|pct|units?|mn|bn|m|k|million|billion|(?:million|mn|thousand|k) units|"
    r"\(?(?:usd|eur|gbp|us\$|cny|rmb|jpy|inr|krw|chf|brl|"
    r"[$\u20ac\u00a3\u00a5\u20b9]) ?(?:m|mn|bn|k|million|billion|mio\.?|mrd\.?)?\)?",
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
    folded = tidy(text).casefold().replace("_", " ").translate(_WIDE)
    percent = _PERCENT.search(folded) is not None
    if speaks_of_growth(folded):
        return Header(folded, None, 0, percent)
    base = _PERCENT.sub(" ", re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", folded))
    base = tidy(re.sub(r"[,;:*.]", " ", base)).removesuffix(" in")
    if base in _PERIOD_PHRASES:
        return Header(base, "period", 1, percent)
    for role, names in _EXACT.items():
        if base in names:
            return Header(base, role, 3 if base.replace(" ", "_") in _OWN else 2, percent)
    if not base and percent:
        return Header(base, "share", 2, percent)
    return Header(base, *_by_words(base), percent)


def _by_words(base: str) -> tuple[Role | None, int]:
    """The role that a word of a header tells, and its worth."""
    words = base.split()
    if not 0 < len(words) <= 6:
        return None, 0
    if _SHARE_WORDS & set(words):
        return "share", 1
    if base in ("name", "names", "retailer") or _EXACT["provider"] & set(words):
        return "provider", 1
    if base in ("market name", "market segment"):
        return "market", 1
    amount = bool(_AMOUNT_WORDS & set(words))
    return ("amount", 2 if len(words) == 1 else 1) if amount else (None, 0)


def calls_names(head: Header, /) -> bool:
    """Whether a header says that its column holds vendors' names, and cannot be the name of one of them.

    >>> calls_names(read_header("Company name")), calls_names(read_header("Ford Motor Company"))
    (True, False)
    """
    return head.role == "provider" and (head.worth > 1 or set(head.base.split()) <= {"name", "names"} | _NAMING)


def is_part(head: Header, /) -> bool:
    """Whether a header is that of a column which may part a sheet into markets, such as region or product.

    >>> is_part(read_header("Country name")), is_part(read_header("Ticker"))
    (True, False)
    """
    return head.role == "market" or head.base.removesuffix(" name") in _PARTS


def measure_of(text: str, /) -> tuple[str, Literal["share", "amount"] | None]:
    """A vendor's header as the vendor's name, folded, and the measure that it adds to it.

    >>> measure_of("Acme units"), measure_of("Acme (%)"), measure_of("Acme")
    (('acme', 'amount'), ('acme', 'share'), ('acme', None))
    """
    head = read_header(text)
    words = head.base.split()
    rest = " ".join(word for word in words if word not in _SHARE_WORDS | _AMOUNT_WORDS) or head.base
    if head.percent or _SHARE_WORDS & set(words):
        return rest, "share"
    return rest, "amount" if _AMOUNT_WORDS & set(words) else None


def is_sum(name: str, /) -> bool:
    """Whether a name is that of a sum over vendors or quarters, such as Total."""
    return _SUM_NAMES.fullmatch(tidy(name)) is not None


def is_total_of(name: str, /) -> bool:
    """Whether a region's or market's cell says that its row is the total of others, as in pivot tables.

    >>> is_total_of("EMEA Total"), is_total_of("Grand Total"), is_total_of("EMEA")
    (True, True, False)
    """
    return is_sum(name) or re.fullmatch(r".+[ -](?:total|ergebnis|result)|gesamtergebnis", tidy(name), re.I) is not None


def is_market_size(name: str, /) -> bool:
    """Whether a name is that of the size of a market, with a unit behind it or without.

    >>> is_market_size("Market size (USD bn)"), is_market_size("Total (M units)"), is_market_size("Total")
    (True, True, False)
    """
    base = tidy(re.sub(r"\([^)]*\)|\[[^\]]*\]|,.*| in .*", "", tidy(name)))
    is_amount = base != tidy(name) and not _PERCENT.search(name) and (has_scale(name) or counts_things(name))
    return _MARKET_SIZE.fullmatch(base) is not None or (is_amount and is_sum(base))


def speaks_of_several_quarters(text: str, /) -> bool:
    """Whether a title says that its numbers are of more than one quarter each.

    >>> speaks_of_several_quarters("Cumulative shipments"), speaks_of_several_quarters("Shipments by quarter")
    (True, False)
    """
    return _OF_SEVERAL.search(tidy(text)) is not None


def counts_things(text: str, /) -> bool:
    """Whether a header says that its numbers count things, each a whole one.

    >>> counts_things("Shipments (units)"), counts_things("Revenue")
    (True, False)
    """
    return _THINGS.search(tidy(text)) is not None


def has_scale(text: str, /) -> bool:
    """Whether a header says that its numbers are thousands, millions or the like.

    >>> has_scale("M units"), has_scale("Units ('000)"), has_scale("Units sold")
    (True, True, False)
    """
    return _SCALE.search(tidy(text)) is not None


def derived_name(name: str, /) -> Literal["sure", "open"] | None:
    """Whether a name is that of a number made of others, such as a rank; open where a vendor may be called so too.

    >>> derived_name("YoY growth"), derived_name("Growth"), derived_name("Growth Partners")
    ('sure', 'open', None)
    """
    folded = tidy(name)
    if _DERIVED.fullmatch(folded) is not None or _OF_ANOTHER_KIND.fullmatch(folded) is not None:
        return "sure"
    return "open" if _MAY_BE_DERIVED.fullmatch(folded) is not None else None


def is_of_another_kind(name: str, /) -> bool:
    """Whether a name is that of a price, a count or the like, and of nothing made of the vendors' numbers.

    >>> is_of_another_kind("ASP (USD)"), is_of_another_kind("# vendors"), is_of_another_kind("Pricewise")
    (True, True, False)
    """
    return _OF_ANOTHER_KIND.fullmatch(tidy(name)) is not None


def numbers_rows(name: str, /) -> bool:
    """Whether a column so called may count the rows."""
    return _NUMBERING.fullmatch(tidy(name)) is not None


def is_made_of_one(rest: str, /) -> bool:
    """Whether words behind a vendor's name say that a number is a growth, rank, price or the like of it.

    >>> is_made_of_one("YoY %"), is_made_of_one("- change (pp)"), is_made_of_one("Growth Fund")
    (True, True, False)
    """
    return _MADE_OF_ONE.fullmatch(tidy(rest).lstrip("-: ")) is not None


def speaks_of_growth(text: str, /) -> bool:
    """Whether a title or header says that its numbers are a growth or change.

    >>> speaks_of_growth("Share change (pp)"), speaks_of_growth("YoY growth"), speaks_of_growth("Growing vendors")
    (True, True, False)
    """
    return _GROWTH.search(tidy(text).replace("_", " ")) is not None


def fiscal_end(texts: Iterable[str], /) -> tuple[str, int | None] | None:
    """The first text that says that years are fiscal, and the month in which they end, if it says that too.

    >>> fiscal_end(["Phones", "Fiscal year ends in March"])
    ('Fiscal year ends in March', 3)
    """
    said = [tidy(text) for text in texts]
    if any("calendar" in text.casefold() for text in said):
        return None
    fiscal = [text for text in said if _FISCAL.search(text)]
    for text in fiscal:
        if found := _FISCAL_END.search(text):
            return text, _MONTHS[found["month"].casefold()]
    return (fiscal[0], None) if fiscal else None


def says_fiscal_quarters(text: str, /) -> bool:
    """Whether a title or remark says that quarters are fiscal, and not only that there is a fiscal year.

    >>> says_fiscal_quarters("Fiscal quarters"), says_fiscal_quarters("Fiscal year ends in March")
    (True, False)
    """
    return _FISCAL_QUARTERS.search(tidy(text)) is not None


def is_footnote(text: str, /) -> bool:
    """Whether a row that begins so is a remark."""
    return _FOOTNOTE.match(tidy(text)) is not None


def is_remark(text: str, /) -> bool:
    """Whether a row that begins so is a remark wherever it stands, and no title of what follows."""
    return _REMARK.match(tidy(text)) is not None


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
