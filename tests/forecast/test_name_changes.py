from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, NotFound
from forecast.name_changes import NameChange, Names, check_declared, parse_name_change
from forecast.quarter import Quarter

Q = Quarter.parse
PROVIDERS = ("Acme", "Borealis", "Cygnus", "Swan", "Delta")


def renamed(old: str, new: str, **more: object) -> NameChange:
    return NameChange(old, new, "renamed", **more)  # type: ignore[arg-type]


def merged(provider: str, into: str, period: str = "2023Q1", **more: object) -> NameChange:
    return NameChange(provider, into, "merged", Q(period), **more)  # type: ignore[arg-type]


@st.composite
def changes(draw: st.DrawFn) -> list[NameChange]:
    """Changes of a few providers, circles and contradictions among them."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        provider, into = draw(st.permutations(PROVIDERS))[:2]
        kind = draw(st.sampled_from(["renamed", "merged"]))
        day = draw(st.none() | st.dates(date(2020, 1, 1), date(2020, 1, 9)))
        quarter = Quarter(Q("2020Q1").index + draw(st.integers(0, 8)))
        found.append(NameChange(provider, into, kind, quarter, published_at=day))  # type: ignore[arg-type]
    return found


@given(changes())
def test_every_provider_has_one_owner_in_the_end_whatever_was_declared(given: list[NameChange]) -> None:
    names = Names.known(given, market="phones")
    last = Q("2200Q4")
    for name in PROVIDERS:
        final = names.final(name)
        assert names.final(final) == final
        assert names.owner(name, last) == final
        assert names.owner(name, Q("1900Q1")) == names.current(name)
    assert set(names.changes) | set(names.circular) <= set(given)


@given(changes(), st.dates(date(2019, 12, 31), date(2020, 1, 10)))
def test_what_becomes_known_later_changes_nothing_that_was_known_before(given: list[NameChange], day: date) -> None:
    dated = [change for change in given if change.published_at is not None]
    by_then = [change for change in dated if change.published_at is not None and change.published_at <= day]
    assert Names.known(dated, market="phones", as_of=day) == Names.known(by_then, market="phones")


def test_of_several_changes_of_a_provider_the_last_counts_and_that_of_a_house_before_that_of_all() -> None:
    first, later = (renamed("Cygnus", to, published_at=date(2023, 1, day)) for day, to in ((1, "Swan"), (2, "Delta")))
    assert Names.known([later, first], market="m").current("Cygnus") == "Delta"
    assert Names.known([later, first], market="m", as_of=date(2023, 1, 1)).current("Cygnus") == "Swan"
    own = renamed("Cygnus", "Borealis", house="own", published_at=date(2020, 1, 1))
    assert Names.known([later, own, first], market="m", house="own").current("Cygnus") == "Borealis"
    assert Names.known([later, own, first], market="m", house="idc").current("Cygnus") == "Delta"
    asked = renamed("Cygnus", "Acme")
    assert Names.known([later, asked, own], market="m", house="own").current("Cygnus") == "Acme"
    assert not Names.known([renamed("Cygnus", "Swan", market="other")], market="m")


def test_names_follow_one_another_and_a_merger_may_be_told_by_any_of_them() -> None:
    given = [renamed("Cygnus", "Swan"), renamed("Acme", "Acme Group"), merged("Cygnus", "Acme", "2023Q1")]
    names = Names.known(given, market="m")
    assert [names.owner("Cygnus", Q(q)) for q in ("2022Q4", "2023Q1")] == ["Swan", "Acme Group"]
    chained = Names.known([merged("Cygnus", "Swan", "2023Q3"), merged("Swan", "Acme", "2023Q1")], market="m")
    assert [chained.owner("Cygnus", Q(q)) for q in ("2023Q2", "2023Q3")] == ["Cygnus", "Acme"]


def test_the_changes_of_a_provider_are_all_those_on_its_way_to_whom_it_is_part_of() -> None:
    renamings = [renamed("Cygnus", "Swan"), renamed("Swan", "Delta")]
    mergers = [merged("Delta", "Borealis"), merged("Borealis", "Acme", "2023Q3")]
    names = Names.known([*renamings, *mergers, renamed("Rigel", "Vega")], market="m")
    assert names.of(["Cygnus"]) == (*renamings, *mergers)
    assert Names.known(names.of(["Cygnus"]), market="m").final("Cygnus") == "Acme"
    assert names.of(["Rigel"]) == (renamed("Rigel", "Vega"),)


def test_changes_that_lead_back_are_not_followed_and_said_so() -> None:
    early, late = renamed("A", "B", published_at=date(2021, 1, 1)), renamed("B", "A", published_at=date(2022, 1, 1))
    names = Names.known([early, late], market="m")
    assert (names.current("A"), names.current("B"), names.circular) == ("A", "A", (early,))
    assert names.told(["A"]) == (
        "as declared: B is called A",
        "not followed, as later changes lead back to A: A is called B",
    )
    assert names.told(["C"]) == ()


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("Cygnus=Swan@2023Q1", "renamed", "Cygnus is called Swan from 2023Q1 on"),
        (" Cygnus = Swan Inc. ", "renamed", "Cygnus is called Swan Inc."),
        ("a@b=c@2023Q1", "merged", "a@b is part of c from 2023Q1 on"),
    ],
)
def test_a_change_is_read_from_a_text(text: str, kind: str, shown: str) -> None:
    assert str(parse_name_change(text, kind)) == shown  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("Cygnus", "renamed", r"name_changes is 'Cygnus'; allowed: OLD=NEW, or OLD=NEW@QUARTER, such as"),
        ("Cygnus=Acme", "merged", r"is 'Cygnus=Acme'; allowed: PROVIDER=INTO@QUARTER, such as Cygnus=Acme@2023Q1$"),
        ("Cygnus=Acme@soon", "merged", r"allowed: PROVIDER=INTO@QUARTER.*is 'soon'; allowed: a quarter"),
        ("Cygnus=Others@2023Q1", "merged", "into is 'Others'; allowed: the name of one provider"),
        ("=Acme@2023Q1", "merged", "provider is ''; allowed: the name of one provider"),
        ("A=A", "renamed", "into is 'A'; allowed: another name"),
        ("A|B=C", "renamed", r"provider is 'A\|B'"),
    ],
)
def test_a_text_that_is_no_change_is_refused_with_the_form_allowed(text: str, kind: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        parse_name_change(text, kind)  # type: ignore[arg-type]


def test_a_change_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="kind is 'sold'; allowed: one of renamed, merged"):
        NameChange("A", "B", "sold")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="period is ''; allowed: the first quarter of a merger"):
        NameChange("A", "B", "merged")
    with pytest.raises(InvalidArgument, match=r"house is 'a.*allowed: a name of 200 characters at most"):
        NameChange("A", "B", "renamed", house="a\0b")


@pytest.mark.parametrize(
    "given",
    [[renamed("A", "B"), renamed("B", "A")], [renamed("A", "B"), renamed("B", "C"), renamed("C", "A", market="m")]],
)
def test_renamings_asked_together_that_lead_in_a_circle_are_refused(given: list[NameChange]) -> None:
    with pytest.raises(InvalidArgument, match=r"lead in a circle: A is called B; B is called .*; keep the one to"):
        check_declared(given)
    check_declared(given[:-1])
    check_declared([renamed("A", "B", period=Quarter.parse("2021Q1")), renamed("B", "A")])


def test_a_change_asked_of_a_provider_that_the_market_does_not_have_is_refused_with_a_near_name() -> None:
    with pytest.raises(NotFound, match="provider 'Cygnuss' is not known; did you mean Cygnus\\?"):
        check_declared([merged("Cygnuss", "Acme")], ["Acme", "Cygnus"])
    check_declared([renamed("Cygnus", "Swan"), merged("Swan", "Acme")], ["Acme", "Cygnus"])
