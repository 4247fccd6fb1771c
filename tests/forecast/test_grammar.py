import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.conditions import parse_conditions
from forecast.errors import InvalidArgument
from forecast.events import Event, Leads, Limit, Overtakes, TopChanges, When, parse_event
from forecast.grammar import CONDITIONS, EVENTS, Sign, read_phrase, read_quarter
from forecast.quarter import Quarter
from tests.forecast.drawn import forecast_of, walks

NAMES = ("Alibaba Cloud", "Huawei", "Disney+", "Made in China", "360", "Others")
FIRST = Quarter.parse("2026Q1")
PERIODS = tuple(FIRST + step for step in range(8))
WORDS = {
    Sign.ABOVE: (">", "above", "is above", "over", "exceeds", "passes", "rises above", "climbs over", "is more than"),
    Sign.AT_LEAST: (">=", "\u2265", "=>", "at least", "is at least", "reaches"),
    Sign.BELOW: ("<", "below", "is under", "falls below", "drops under", "sinks below", "less than"),
    Sign.AT_MOST: ("<=", "\u2264", "at most", "is at most", "no more than"),
}
TOKENS = ("A", "B", "in", "by", "2026Q4", ">", "40", "%", "leads", "is", "at")
OVERTAKES = ("overtakes", "passes", "surpasses", "beats", "will overtake", "rises past")
AHEAD = (">", "ahead of", "is ahead of", "is above", "exceeds", "leads")
BEHIND = ("<", "behind", "falls behind", "is below", "trails")


@st.composite
def spellings(draw: st.DrawFn, quarter: Quarter) -> str:
    """One of the usual ways to write a quarter."""
    year, number, short = quarter.year, quarter.number, quarter.year % 100
    forms = [
        f"{year}Q{number}",
        f"{year}q{number}",
        f"{year}-Q{number}",
        f"{year} Q{number}",
        f"{year}/Q{number}",
        f"Q{number} {year}",
        f"Q{number}-{year}",
        f"Q{number}/{year}",
        f"Q{number}'{short:02}",
        f"Q{number} \u2019{short:02}",
        f"Q{number} of {year}",
        f"{number}Q{short:02}",
        f"{number}Q {year}",
        f"{number}q'{short:02}",
        f"quarter {number} of {year}",
        f"the {('first', 'second', 'third', 'fourth')[number - 1]} quarter of {year}",
        f"the end of Q{number} {year}",
        f"end of {year}q{number}",
    ]
    if number == 4:
        forms += [f"the end of {year}", f"end of {year}", f"year-end {year}", f"end {year}"]
    return draw(st.sampled_from(forms))


@st.composite
def dressed(draw: st.DrawFn, text: str) -> str:
    """The same text in other letters, with other and more spaces."""
    space = draw(st.sampled_from((" ", "  ", "\u00a0", "\u202f", "\t")))
    letters = draw(st.sampled_from((text, text.upper(), text.lower())))
    return draw(st.sampled_from(("", " "))) + letters.replace(" ", space) + draw(st.sampled_from(("", "\n")))


@st.composite
def quoted(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from(("{}", '"{}"', "\u201c{}\u201d", "\u201e{}\u201c", "\u2018{}\u2019"))).format(name)


@st.composite
def shares(draw: st.DrawFn, per_cent: int) -> str:
    forms = ["{} %", "{}%", "{} per cent", "{} percent", "{}\u00a0%", "{}.0 %", "{},0 %", "{}\uff05"]
    return draw(st.sampled_from([*(form.format(per_cent) for form in forms), str(per_cent / 100)]))


@st.composite
def events(draw: st.DrawFn) -> tuple[str, Event]:
    """A text, and the event that it says."""
    name, other = draw(st.permutations([name for name in NAMES if name != "Others"]))[:2]
    when, quarter = draw(st.sampled_from(list(When))), draw(st.sampled_from(PERIODS))
    kind = draw(st.sampled_from(("limit", "sum", "overtakes", "ahead", "behind", "leads", "top")))
    one, two = draw(quoted(name)), draw(quoted(other))
    said: Leads | Limit | Overtakes | TopChanges
    if kind in ("limit", "sum"):
        sign, per_cent = draw(st.sampled_from(list(Sign))), draw(st.integers(1, 99))
        verb, share = draw(st.sampled_from(WORDS[sign])), draw(shares(per_cent))
        whom, summed = (one, (name,)) if kind == "limit" else (f"{name} + {other}", (name, other))
        text, said = f"{whom} {verb} {share}", Limit(summed, sign, per_cent / 100)
    elif kind == "leads":
        text, said = (
            f"{one} {draw(st.sampled_from(('leads', 'leads the market', 'is first', 'is leading')))}",
            Leads(name),
        )
    elif kind == "top":
        text, said = draw(st.sampled_from(("top 3 changes", "the top 3 changes", "the top 3 change"))), TopChanges(3)
    elif kind == "behind":
        text, said = f"{one} {draw(st.sampled_from(BEHIND))} {two}", Overtakes(other, name)
    else:
        verb = draw(st.sampled_from(OVERTAKES if kind == "overtakes" else AHEAD))
        text, said = f"{one} {verb} {two}", Overtakes(name, other)
    preposition = draw(st.sampled_from(("in", "at"))) if when is When.IN else str(when)
    return draw(dressed(f"{text} {preposition} {draw(spellings(quarter))}")), Event(said, when, quarter)


@given(events())
def test_every_way_to_write_an_event_is_the_same_event(case: tuple[str, Event]) -> None:
    text, event = case
    assert parse_event(text, NAMES, PERIODS) == event
    assert parse_event(str(event), NAMES, PERIODS) == event


@given(st.integers(4 * 2000, 4 * 2099 + 3).map(Quarter).flatmap(lambda q: st.tuples(st.just(q), spellings(q))))
def test_every_spelling_of_a_quarter_is_that_quarter(case: tuple[Quarter, str]) -> None:
    quarter, text = case
    assert read_quarter(text) == quarter


@pytest.mark.parametrize(
    "text",
    ["2026", "Q4", "2026Q5", "Q0 2026", "5Q26", "H2 2026", "FY26Q4", "2026Q", "Q4 1026", "Christmas", "4/26", ""],
)
def test_what_names_no_one_quarter_is_none(text: str) -> None:
    assert read_quarter(text) is None


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("huawei = 20% in Q4 2026", "Huawei = 20 % in 2026Q4"),
        ("HUAWEI is 20 per cent through the end of 2026", "Huawei = 20 % through 2026Q4"),
        ("Huawei stays unchanged", "Huawei unchanged through 2027Q4"),
        ("Huawei leaves the market from 2Q26", "Huawei leaves from 2026Q2"),
        ("A new provider takes 5 percent from Q2'26", "a new provider takes 5 % in proportion from 2026Q2"),
        ("\u201cHuawei\u201d \u2265 20\u00a0% by Q4 2026", "Huawei >= 20 % by 2026Q4"),
    ],
)
def test_conditions_are_written_as_freely_as_events(text: str, condition: str) -> None:
    latest = [0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    made = forecast_of(walks(1, 20, 8, latest), latest, list(NAMES))
    (parsed,) = parse_conditions([text], made)
    assert str(parsed) == condition


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A = 20 % in 2026Q9", "'2026Q9' is no quarter; write a quarter with its year"),
        ("A = 120 % in 2026Q4", "'120 %' is more than all; write 0 % to 100 %"),
        ("A = 20 in 2027Q1", "did you mean 20 %? For example: A = 20 % in 2027Q1"),
        ("A2027 = 27 in Q4 27", "did you mean 27 %? For example: A2027 = 27 % in Q4 27"),
        ("A unchangd", "'unchangd' is not understood; did you mean unchanged? For example: A unchanged"),
        ("A leaves by 2026Q2", "'by' does not go with this; write from, such as 'Tencent leaves from 2026Q2'"),
        ("a new provider takes much from 2026Q2", "'much' is no share; write 0 % to 100 %, such as 40 % or 0.4"),
    ],
)
def test_a_condition_is_refused_before_anything_of_the_market_is_known(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        read_phrase(text, "conditions[0]", (*CONDITIONS, *EVENTS))


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["A", "B", "in", "by", "2026Q4", ">", "40", "%", "leads", "is", "at"])).map(" ".join)
)
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        read_phrase(text, "events[3]", EVENTS)
    except InvalidArgument as error:
        assert error.field == "events[3]" and str(error).startswith("events[3] ")


@pytest.mark.parametrize("part", [" in", "a in 2 ", "is at least ", "x at ", '"', "rises ", "1Q ", "end of "])
def test_a_long_text_of_the_worst_kind_is_refused_at_once(part: str) -> None:
    with pytest.raises(InvalidArgument):  # a pattern that tries every split of it would not come to an end
        read_phrase((part * 500)[:490] + " 2026Q", "event", EVENTS)
