"""Events and conditions as people write them, read before anything of the market is known.

What is read here is a sentence: what is said, of whom, and of which quarter. Whether there are such providers, and
whether the quarter is forecast, is for `forecast.events` and `forecast.conditions` to find out.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from forecast.errors import InvalidArgument
from forecast.quarter import FIRST_YEAR, LAST_YEAR, Quarter
from forecast.wording import LONGEST_TEXT, Source, plain_text, read_share


class Sign(StrEnum):
    """How two numbers are compared."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="


class Form(StrEnum):
    """What a sentence says."""

    COMPARES = "compares"
    LEADS = "leads"
    TOP = "top"
    GIVEN = "given"
    UNCHANGED = "unchanged"
    LEAVES = "leaves"
    ENTERS = "enters"


EXAMPLES = {
    Form.COMPARES: "Huawei overtakes Tencent by 2026Q4', 'Alibaba >= 40 % in 2026Q2",
    Form.LEADS: "Alibaba leads in 2026Q4",
    Form.TOP: "top 3 changes by 2026Q4",
    Form.GIVEN: "Huawei = 20 % in 2026Q4",
    Form.UNCHANGED: "Others unchanged",
    Form.LEAVES: "Tencent leaves from 2026Q2",
    Form.ENTERS: "a new provider takes 5 % from 2026Q2",
}
EVENTS = (Form.COMPARES, Form.LEADS, Form.TOP)
CONDITIONS = (Form.GIVEN, Form.UNCHANGED, Form.LEAVES, Form.ENTERS)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence that was understood, with names as they were written."""

    source: Source
    form: Form
    subject: str = ""  # of whom; several joined by +
    object: str = ""  # a rival, a share, or a number
    sign: Sign | None = None
    overtakes: bool = False  # said with such a word, rather than as being ahead
    when: str = ""  # in, by, through, from; empty without a quarter
    quarter: Quarter | None = None


Asked: TypeAlias = str | Phrase
"""A sentence as it was written, or as it was read."""

_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
_BETWEEN = r"[-/.,' ]*"
_LAST = r"(?:the )?(?:end of(?: the)?(?: year)?|end|year[- ]?end|late)"
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_QUARTERS = tuple(
    re.compile(text, re.IGNORECASE | re.ASCII)
    for text in (
        rf"{_YEAR}{_BETWEEN}Q *(?P<number>[1-4])",
        rf"(?:{_LAST} )?(?:Q|quarter) *(?P<number>[1-4])(?: of)?{_BETWEEN}{_YEAR}",
        rf"(?:{_LAST} )?(?P<number>[1-4]) *Q(?: of)?{_BETWEEN}{_YEAR}",
        rf"(?:the )?(?P<number>{'|'.join(_ORDINALS)}) quarter(?: of)? (?P<year>[0-9]{{4}})",
        rf"{_LAST} (?P<year>[0-9]{{4}})",
    )
)
_DASHES = re.compile("[\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{NON-BREAKING HYPHEN}\N{HYPHEN}]")
QUARTER_FORMS = "2026Q4, Q4 2026, 4Q26 or the end of 2026"


def read_quarter(text: str, /) -> Quarter | None:
    """The quarter that a text names in one of the usual spellings; None where it names none, or only a year.

    Years of two digits are those of this century.

    >>> [str(read_quarter(text)) for text in ("2025q4", "Q4 2025", "4Q25", "Q4'25", "2025-Q4", "the end of 2025")]
    ['2025Q4', '2025Q4', '2025Q4', '2025Q4', '2025Q4', '2025Q4']
    >>> read_quarter("2025") is None
    True
    """
    plain = _DASHES.sub("-", plain_text(text))
    if plain[:7].casefold() == "end of ":  # the end of a quarter is that quarter
        plain = plain if re.fullmatch(r"[0-9]{4}", plain[7:], re.ASCII) else plain[7:]
    for form in _QUARTERS:
        match = form.fullmatch(plain)
        if match is None:
            continue
        year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
        said = match.groupdict().get("number") or "4"
        number = _ORDINALS.get(said.casefold()) or int(said)
        return Quarter.parse(f"{year}Q{number}") if FIRST_YEAR <= year <= LAST_YEAR else None
    return None


def _words(*texts: str) -> str:
    """A pattern for phrases of words, each with any space between."""
    return "|".join(text.replace(" ", r"\s+") for text in texts)


_IS = r"(?:(?:is|are|stays?|remains?) )?"
_MOVES_UP = r"(?:rises?|climbs?|grows?|goes|go|gets?|moves?) "
_MOVES_DOWN = r"(?:falls?|drops?|sinks?|slips?|shrinks?|goes|go|gets?|moves?) "
# The longer ones first: "at least" is not "at". The words that say a change come apart from those that say a state.
_SIGNS = (
    (Sign.AT_LEAST, False, ">=|=>", _words(f"{_IS}at least", "reach(?:es)?", "hits?", f"{_IS}no less than")),
    (Sign.AT_MOST, False, "<=|=<", _words(f"{_IS}at most", f"{_IS}no more than")),
    (
        Sign.ABOVE,
        True,
        "",
        _words("overtakes?", "pass(?:es)?", "surpass(?:es)?", "beats?", f"{_MOVES_UP}(?:past|ahead of)"),
    ),
    (
        Sign.ABOVE,
        False,
        ">",
        _words(f"{_IS}(?:above|over|more than|ahead of)", f"{_MOVES_UP}(?:above|over)", "exceeds?", "leads?", "tops?"),
    ),
    (
        Sign.BELOW,
        False,
        "<",
        _words(f"{_IS}(?:below|under|less than|behind)", f"{_MOVES_DOWN}(?:below|under|behind)", "trails?"),
    ),
)
_SYMBOLS = "|".join(symbols for _, _, symbols, _ in _SIGNS if symbols)
_SUBJECT = r"(?P<a>\"[^\"]*\"|\S.*?)"
_BY_SYMBOL = re.compile(rf"{_SUBJECT}\s*(?P<sign>{_SYMBOLS})\s*(?P<b>\S.*)")
_BY_WORD = re.compile(
    rf"{_SUBJECT}\s+(?:will\s+)?(?P<sign>{'|'.join(words for *_, words in _SIGNS)})\s+(?P<b>\S.*)", re.IGNORECASE
)
_FIRST = _words("the leader", "leading", "first", "in front", "in the lead", "(?:the )?largest", "number (?:one|1)")
_LEADS = re.compile(
    rf"{_SUBJECT}\s+(?:(?:will\s+)?leads?(?:\s+the\s+market)?|(?:is|will\s+be)\s+(?:{_FIRST}))", re.IGNORECASE
)
_TOP = re.compile(r"(?:the\s+)?top\s*(?P<b>\S+)\s+changes?", re.IGNORECASE)
_GIVEN = re.compile(
    rf"{_SUBJECT}\s*(?:==?|\b(?:at|holds?|has|have|is|stays\s+at)\s+(?=[0-9.]))\s*(?P<b>\S.*)", re.IGNORECASE
)
_UNCHANGED = re.compile(rf"{_SUBJECT}\s+{_words(f'{_IS}unchanged')}", re.IGNORECASE)
_LEAVES = re.compile(rf"{_SUBJECT}\s+(?:leaves?|exits?)(?:\s+the\s+market)?", re.IGNORECASE)
_ENTERS = re.compile(
    r"(?:a\s+)?new\s+provider(?:\s+(?P<a>\S.*?))?\s+takes\s+(?P<b>\S.*?)(?:\s+in\s+proportion)?", re.IGNORECASE
)
_FORMS = (
    (Form.ENTERS, _ENTERS),
    (Form.UNCHANGED, _UNCHANGED),
    (Form.LEAVES, _LEAVES),
    (Form.LEADS, _LEADS),
    (Form.TOP, _TOP),
    (Form.COMPARES, _BY_SYMBOL),
    (Form.GIVEN, _GIVEN),
    (Form.COMPARES, _BY_WORD),
)
_MOST_TRIED = 3  # prepositions, the last ones: of many, reading a long text would take long
_PREPOSITION = re.compile(r"\s+(?P<when>in|by|through|from|at)\s+", re.IGNORECASE)
_VERBS = (
    "overtakes passes surpasses beats exceeds reaches leads leaves unchanged changes takes above below under over "  # noqa: SIM905
    "rises falls drops ahead behind least most".split()
)
_ANY_SIGN = re.compile("[<>=]")
_NUMBER = re.compile(r"[.,]?[0-9].*")


def read_phrase(text: Asked, /, field: str, allowed: Sequence[Form]) -> Phrase:
    """Read one event or condition.

    Args:
        text: As written, or read before. Case, doubled and no-break spaces, typographic quotes and signs do not count.
        field: What an error names as the place.
        allowed: The forms that may come there.

    Raises:
        InvalidArgument: the text is too long, has none of these forms, or a quarter or share in it is none; blames the
            words that are not understood.
    """
    if isinstance(text, Phrase):
        return text
    if len(text) > LONGEST_TEXT:
        shown = f"{text[:40]}..."
        raise InvalidArgument(field, shown, f"{LONGEST_TEXT} at most", f"{shown!r} has {len(text)} characters")
    source = Source(field, plain_text(text))
    what, when, quarter = _timed(source, allowed)
    found = _matched(what, allowed)
    if found is None:
        raise _not_understood(source, what, allowed)
    form, match = found
    groups = match.groupdict()
    subject, told = groups.get("a") or "", (groups.get("b") or "").strip()
    sign, overtakes = _sign(match["sign"]) if form is Form.COMPARES else (None, False)
    phrase = Phrase(source, form, subject.strip(), told, sign, overtakes, when, quarter)
    _check_when(phrase)
    if form is Form.COMPARES and _ANY_SIGN.search(told):
        raise source.refuse(told, f"{told!r} holds a second comparison", "compare once, and ask for the other apart")
    if form in (Form.GIVEN, Form.ENTERS) or (form is Form.COMPARES and is_share(told)):
        read_share(told, source)
    return phrase


def is_share(text: str, /) -> bool:
    """Whether a text is meant as a share and cannot be a name: a number with a sign of per cent."""
    return _NUMBER.fullmatch(text) is not None and re.search(r"%|per\s*cent|pct", text, re.IGNORECASE) is not None


def _sign(text: str) -> tuple[Sign, bool]:
    """What the sign or words of a comparison mean, and whether they say a change."""
    return next(
        (sign, overtakes)
        for sign, overtakes, symbols, words in _SIGNS
        if re.fullmatch(f"{symbols}|{words}" if symbols else words, text, re.IGNORECASE)
    )


def _matched(what: str, allowed: Sequence[Form]) -> tuple[Form, re.Match[str]] | None:
    for form, pattern in _FORMS:
        match = pattern.fullmatch(what) if form in allowed else None
        if match is not None:
            return form, match
    return None


def _timed(source: Source, allowed: Sequence[Form]) -> tuple[str, str, Quarter | None]:
    """What is said, and when: the words before the last preposition that a quarter follows."""
    text = source.text
    places = list(_PREPOSITION.finditer(text))[-_MOST_TRIED:]
    for place in reversed(places):
        quarter = read_quarter(text[place.end() :])
        if quarter is not None:
            when = place["when"].lower()
            return text[: place.start()], "in" if when == "at" else when, quarter
    whole = _matched(text, allowed)
    told = "" if whole is None else f" {whole[1].groupdict().get('b') or ''}"
    for place in reversed(places):
        tail = text[place.end() :]
        # Without a digit it may belong to a provider's name, such as Made in China.
        a_name = whole is not None and not re.search("[0-9]", tail) and not _PREPOSITION.match(told)
        if a_name or "%" in tail or is_share(tail) or _matched(text[: place.start()], allowed) is None:
            continue
        raise bad_quarter(source, tail)
    loose = re.search(r"\s(?P<quarter>\S+(?:\s\S+)?)$", text)
    for word in () if loose is None else (loose["quarter"], loose["quarter"].split()[-1]):
        quarter = read_quarter(word)
        before = text.removesuffix(word).rstrip()
        if quarter is not None and _matched(before, allowed) is not None:
            remedy = "write in (that quarter), by (any quarter up to it) or through (every quarter up to it)"
            raise source.refuse(word, f"nothing says how {word!r} is meant", remedy, f"in {word}")
    return text, "", None


def bad_quarter(source: Source, word: str, /) -> InvalidArgument:
    """The error for words that name no quarter."""
    if re.fullmatch(r"[0-9]{4}", word, re.ASCII):
        remedy = f"write one of its quarters, or the end of {word}"
        return source.refuse(word, f"{word!r} is a year, not a quarter", remedy, f"{word}Q4")
    return source.refuse(word, f"{word!r} is no quarter", f"write a quarter with its year, such as {QUARTER_FORMS}")


def _check_when(phrase: Phrase) -> None:
    word, source = phrase.when, phrase.source
    fit: tuple[str, ...]
    if phrase.form in EVENTS:
        fit, meant = ("in", "by", "through"), "in (that quarter), by (any up to it) or through (every one up to it)"
    elif phrase.form in (Form.LEAVES, Form.ENTERS):
        fit, meant = ("from", "in"), "from"
    else:
        fit, meant = ("in", "through"), "in (that quarter) or through (every quarter up to it)"
    if word and word not in fit:
        raise source.refuse(
            word,
            f"{word!r} does not go with this",
            f"write {meant}, such as '{EXAMPLES[phrase.form]}'",
        )
    if not word and phrase.form is Form.GIVEN:
        remedy = f"add in or through and a quarter, such as '{EXAMPLES[phrase.form]}'"
        raise source.refuse(source.text, "no quarter is named", remedy)


def _not_understood(source: Source, what: str, allowed: Sequence[Form]) -> InvalidArgument:
    examples = "such as " + ", ".join(f"'{EXAMPLES[form]}'" for form in allowed)
    if not what:
        return InvalidArgument(source.field, what, f"write one {examples}", "is empty")
    if Form.GIVEN not in allowed and _matched(what, CONDITIONS) is not None:
        remedy = "an event is a comparison, such as 'Huawei > 20 % in 2026Q4'"
        return source.refuse(what, f"{what!r} is a condition, not an event", remedy)
    for word in what.split():
        near = difflib.get_close_matches(word.casefold(), _VERBS, n=1, cutoff=0.75)
        if near and near[0] != word.casefold() and _matched(what.replace(word, near[0]), allowed) is not None:
            return source.refuse(word, f"{word!r} is not understood", f"did you mean {near[0]}?", near[0])
    if _matched(f"X {what}", allowed) is not None:
        return source.refuse(what, f"no provider stands before {what!r}", f"write a sentence {examples}")
    return source.refuse(what, f"{what!r} is not understood", f"write a sentence {examples}")
