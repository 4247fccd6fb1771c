"""Names of providers and markets as people write them: one spelling each, the residual part, and rows that are sums."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from forecast.results import OTHERS
from forecast.visible import UNSEEN

_SPACES = re.compile(r"\s+")
_FOOTNOTE = re.compile(r"(?:\s*(?:[*†‡§¹²³⁰⁴-⁹]|\([0-9a-z*]\)|\[[0-9a-z*]\]))+$")  # marks behind a name
_STAR = re.compile(r"(?:\s*(?:[*†‡§]|\(\*\)|\[\*\]))+$")  # of these the marks that tell no name from another
_REMARK = re.compile(r"\s*\([^()]*\)$")

_RANKED = re.compile(r"(?:(?:T-?|=)?[0-9]{1,2}[.)=]|#[0-9]{1,2}[.):]?)\s*(?P<name>[^\W\d].*)", re.IGNORECASE)

_WHOM = (
    r"(?:vendors?|companies|brands?|providers?|players?|suppliers?|manufacturers?|makers?|firms?|oems?|markets?|names?)"
)
_RESIDUAL = re.compile(
    rf"(?:all |the |any )?(?:others?|remaining|rest|remainder|residual)(?: of)?(?: the)?(?: {_WHOM})?(?: combined)?"
    r"|sonstige[nrs]?(?: anbieter| hersteller| marken)?|andere(?: anbieter| hersteller| marken)?|übrige(?:r markt)?"
    r"|rest des marktes|restlicher markt|autres|le reste|otros|otras|resto(?: del mercado)?|outros|outras|altri|altre"
    r"|övriga|øvrige|overige(?:n)?|その他|其他|其它|기타|прочие|другие"
)
_TOTAL = re.compile(
    rf"(?:(?:grand|overall|market|world|worldwide|global|industry|sum|all)[ -]?)?totals?(?: {_WHOM}| sales| units)?"
    rf"|sum(?:me)?|(?:all|whole|entire|total|overall) {_WHOM}|market(?: size)?|gesamt(?:markt|summe)?|insgesamt"
    r"|check(?: ?sum)?|ensemble|totale?|totaal|suma|somma|合計|総計|总计|合计|합계|итого|всего"
)
_WHOLE = re.compile(r"(?:the )?(?:world(?: ?wide)?|global|industry|globally|weltweit|monde|mondial|mundial|mundo|全球)")
_SUBTOTAL = re.compile(
    rf"(?:sub[ -]?totals?|zwischensumme|sous-total|subtotale)\b.*|.+ sub[ -]?total|top[ -]?[0-9]+(?: {_WHOM})?"
)
_PART = re.compile(
    r"(?:[-\u2013\u2014\u2022\u00b7>*]\s*)?"
    r"(?:(?:of which|thereof|davon|darunter|waarvan|di cui|de los cuales|dont)\b[ :,]*|o/w\s+)\S.*"
)
_JOINED = re.compile(r"\s*(?:\||,|;|\+|/|&| and | und | et )\s*")


@lru_cache(maxsize=65536)
def plain_name(name: str, /) -> str:
    r"""A name without what nobody sees: composed characters, single spaces, none at either end, no soft hyphens.

    >>> plain_name("  Acme\u00a0 Corp\u2060 ")
    'Acme Corp'
    """
    composed = unicodedata.normalize("NFC", UNSEEN.sub("", name).replace("\u00ad", ""))
    return _SPACES.sub(" ", composed).strip()


@lru_cache(maxsize=65536)
def name_key(name: str, /) -> str:
    """What two spellings of one name have in common: neither case, width, spaces nor stars behind it count.

    >>> name_key("ACME *") == name_key("Acme"), name_key("Fund (1)") == name_key("Fund (2)")
    (True, False)
    """
    plain = plain_name(name)
    bare = _STAR.sub("", plain) or plain
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", bare).casefold())


@lru_cache(maxsize=65536)
def shown_name(name: str, /) -> str:
    """The spelling under which a provider is kept: the residual part is `Others`; stars go.

    >>> shown_name("Rest of market"), shown_name("Others*"), shown_name("Acme †")
    ('Others', 'Others', 'Acme')
    """
    if is_residual(name):
        return OTHERS
    plain = plain_name(name)
    return _STAR.sub("", plain) or plain


def unmarked(names: Iterable[str], /) -> dict[str, str]:
    """Names of a table that end in a footnote's number or letter, without it.

    Names that differ in nothing but such a mark are names of their own, and not among these.

    >>> unmarked(["Acme (1)", "Fund (1)", "Fund (2)", "Top 3"])
    {'Acme (1)': 'Acme'}
    """
    marks: dict[str, set[str]] = {}
    stems = {name: stem_of(name) for name in names}
    for name, stem in stems.items():
        if name_key(name) != name_key(stem):
            marks.setdefault(name_key(stem), set()).add(name_key(name))
    return {
        name: stem
        for name, stem in stems.items()
        if name_key(name) != name_key(stem) and len(marks[name_key(stem)]) == 1
    }


def stem_of(name: str, /) -> str:
    """A name without the marks of footnotes.

    >>> stem_of("Acme¹ *")
    'Acme'
    """
    plain = plain_name(name)
    return _FOOTNOTE.sub("", plain) or plain


def _said(name: str) -> str:
    """What a name says of its kind: without marks and remarks."""
    return _REMARK.sub("", name_key(stem_of(name)))


def without_rank(name: str, /) -> str | None:
    """A name without the rank that a press table puts before it; None where it has none.

    >>> without_rank("1. Acme"), without_rank("T4. Acme"), without_rank("7-Eleven")
    ('Acme', 'Acme', None)
    """
    found = _RANKED.fullmatch(plain_name(name))
    return found["name"] if found else None


def is_plainest(name: str, /) -> bool:
    """Whether a name has none of the characters that stand for others: ligatures, letters in circles or of full width.

    >>> is_plainest("fit"), is_plainest("\ufb01t")
    (True, False)
    """
    return unicodedata.is_normalized("NFKC", name)


def figure_name(name: str, /) -> str:
    """The spelling of a name in a table of figures, where totals and the largest few have names of their own.

    >>> figure_name("Total"), figure_name("Top 3"), figure_name(" rest of market"), figure_name("AWS")
    ('TOTAL', 'TOP3', 'Others', 'AWS')
    """
    key = name_key(stem_of(name))
    if is_total(name):
        return "TOTAL"
    top = re.fullmatch(rf"top[ -]?([0-9]+)(?: {_WHOM})?", key)
    return f"TOP{top[1]}" if top else shown_name(name)


def is_residual(name: str, /) -> bool:
    """Whether a name stands for what the named providers leave.

    >>> is_residual("All others"), is_residual("Others (incl. Oppo)"), is_residual("Otherside")
    (True, True, False)
    """
    return _RESIDUAL.fullmatch(_said(name)) is not None


def is_total(name: str, /) -> bool:
    """Whether a name usually stands for the whole market; its numbers decide.

    >>> is_total("Grand Total"), is_total("Gesamt"), is_total("Totalplay")
    (True, True, False)
    """
    return _TOTAL.fullmatch(_said(name)) is not None


def is_whole(name: str, /) -> bool:
    """Whether a name may stand for the whole market or for a firm, as its numbers say.

    >>> is_whole("Worldwide"), is_whole("World Bank")
    (True, False)
    """
    return _WHOLE.fullmatch(_said(name)) is not None


def is_subtotal(name: str, /) -> bool:
    """Whether a name usually stands for several providers together; its numbers decide.

    >>> is_subtotal("Top 3"), is_subtotal("Subtotal Asia"), is_subtotal("Topcon")
    (True, True, False)
    """
    return _SUBTOTAL.fullmatch(_said(name)) is not None


def is_part(name: str, /) -> bool:
    """Whether a name usually stands for a part of the row above it.

    >>> is_part("- of which Retail"), is_part("davon Inland"), is_part("Retail of which")
    (True, True, False)
    """
    return _PART.fullmatch(_said(name)) is not None


def joined_names(name: str, /) -> tuple[str, ...]:
    """The keys of the names that a name joins by a comma, plus, bar or the like; empty where it joins none.

    >>> joined_names("AWS, Azure"), joined_names("AWS")
    (('aws', 'azure'), ())
    """
    parts = [part for part in _JOINED.split(plain_name(name)) if part]
    return tuple(name_key(part) for part in parts) if len(parts) > 1 else ()
