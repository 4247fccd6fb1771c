import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from forecast.events import (
    Event,
    Leads,
    Limit,
    Overtakes,
    Statement,
    TopChanges,
    When,
    concentration,
    event_probabilities,
    event_probability,
    events_frame,
    league,
    parse_event,
    ranks,
)
from forecast.forecasting import forecast_shares
from forecast.grammar import Sign
from forecast.results import Forecast
from tests.forecast.drawn import ORIGIN, forecast_of, four_quarters, walks

RAMP = (np.arange(1000) + 0.5) / 1000  # uniform on (0, 1)


def ramp_forecast() -> Forecast:
    """A is uniform in 2026Q1 and one less that in 2026Q2; B has the rest; at the origin A had 0.3."""
    first = np.stack([RAMP, 1.0 - RAMP], axis=1)
    return forecast_of(np.stack([first, first[:, ::-1]], axis=1), [0.3, 0.7])


@pytest.mark.parametrize(
    ("text", "probability", "already"),
    [
        ("A > 40 % in 2026Q1", 0.6, False),
        ("A > 0.4 in 2026Q2", 0.6, False),
        ("A above 40% by 2026Q2", 1.0, False),
        ("A > 60 % by 2026Q2", 0.8, False),
        ("A > 60 % by 2026Q1", 0.4, False),
        ("A > 40 % through 2026Q2", 0.2, False),
        ("A <= 40 % in 2026Q1", 0.4, True),
        ("A below 40 % in 2026Q1", 0.4, True),
        ("A at most 40 % in 2026Q1", 0.4, True),
        ("A overtakes B in 2026Q1", 0.5, False),
        ("A overtakes B by 2026Q2", 1.0, False),
        ("A overtakes B through 2026Q2", 0.0, False),
        ("b overtakes a in 2026Q1", 0.5, True),
        ("B leads in 2026q1", 0.5, True),
        ("A leads", 1.0, False),
        ("the top 1 changes in 2026Q2", 0.5, False),
        ("A + B > 50 % in 2026Q1", 1.0, True),
    ],
)
def test_probabilities_are_those_of_uniform_draws(text: str, probability: float, already: bool) -> None:
    found = event_probability(ramp_forecast(), text)
    assert found.probability == pytest.approx(probability, abs=1e-12)
    assert found.at_origin is already
    assert found.reference.startswith("2025Q4: ")
    assert found.draws == 1000
    assert found.standard_error == pytest.approx(np.sqrt(probability * (1 - probability) / 1000))


def test_walks_pass_a_line_at_any_time_twice_as_often_as_at_the_end() -> None:
    rng = np.random.default_rng(5)
    paths = 0.5 + 0.0005 * rng.standard_normal((4000, 400)).cumsum(axis=1)
    made = forecast_of(np.stack([paths, 1.0 - paths], axis=2), [0.5, 0.5])
    last = ORIGIN + 400
    end, ever = (Event(Limit(("A",), Sign.ABOVE, 0.51), when, last) for when in (When.IN, When.BY))
    # The reflection principle; a walk in steps misses some of the touches of a Brownian one.
    ratio = event_probability(made, ever).probability / event_probability(made, end).probability
    assert ratio == pytest.approx(2.0, abs=0.15)


def statements(made: Forecast) -> list[Statement]:
    a, b, c, _ = made.providers
    return [
        Overtakes(a, b),
        Leads(c),
        Limit((a, c), Sign.ABOVE, 0.5),
        Limit((b,), Sign.AT_MOST, 0.2),
        TopChanges(1),
        TopChanges(2),
    ]


LATEST = [0.4, 0.3, 0.2, 0.1]


@given(st.integers(0, 500))
def test_at_any_time_is_at_least_at_the_end_and_at_the_end_at_least_throughout(seed: int) -> None:
    made = forecast_of(walks(seed, 200, 5, LATEST, step=0.1), LATEST)
    for statement in statements(made):
        through, at, by = (
            event_probability(made, Event(statement, when, made.periods[-1])).probability
            for when in (When.THROUGH, When.IN, When.BY)
        )
        assert 0.0 <= through <= at <= by <= 1.0
        ever = [event_probability(made, Event(statement, When.BY, q)).probability for q in made.periods]
        assert all(earlier <= later for earlier, later in pairwise(ever))


@given(st.integers(0, 500), st.floats(0.0, 1.0))
def test_complementary_events_sum_to_one(seed: int, share: float) -> None:
    made = forecast_of(walks(seed, 200, 4, LATEST, step=0.1), LATEST)
    last = made.periods[-1]

    def p(statement: Statement, when: When) -> float:
        return event_probability(made, Event(statement, when, last)).probability

    above, below = Limit(("A", "C"), Sign.ABOVE, share), Limit(("A", "C"), Sign.AT_MOST, share)
    assert p(above, When.IN) + p(below, When.IN) == pytest.approx(1.0, abs=1e-12)
    assert p(above, When.BY) + p(below, When.THROUGH) == pytest.approx(1.0, abs=1e-12)
    assert p(Overtakes("A", "B"), When.IN) + p(Overtakes("B", "A"), When.IN) == pytest.approx(1.0, abs=1e-12)
    assert sum(p(Leads(name), When.IN) for name in made.providers) == pytest.approx(1.0, abs=1e-12)
    assert 1.0 - p(TopChanges(1), When.IN) == pytest.approx(p(Leads("A"), When.IN), abs=1e-12)


@given(st.integers(0, 500), st.permutations(range(4)))
def test_the_order_of_providers_does_not_matter(seed: int, order: list[int]) -> None:
    draws = walks(seed, 100, 3, [0.3, 0.3, 0.2, 0.2], step=0.1)
    one = forecast_of(draws, [0.3, 0.3, 0.2, 0.2], ["A", "B", "C", "Others"])
    names = [one.providers[k] for k in order]
    other = forecast_of(draws[..., order], [[0.3, 0.3, 0.2, 0.2][k] for k in order], names)
    for text in ("A overtakes B", "C leads", "A + C > 40 %", "top 2 changes in 2026Q2", "top 1 changes"):
        assert event_probability(one, text).probability == event_probability(other, text).probability
    np.testing.assert_allclose(concentration(one).mean, concentration(other).mean, rtol=1e-12)
    mine, theirs = ranks(one), ranks(other)
    places = [theirs.providers.index(name) for name in mine.providers]
    np.testing.assert_array_equal(mine.expected, theirs.expected[:, places])
    np.testing.assert_array_equal(mine.first, theirs.first[:, places])


@given(st.integers(0, 500))
def test_ranks_sum_to_those_of_all_places_and_the_index_lies_between_its_bounds(seed: int) -> None:
    draws = np.round(walks(seed, 100, 3, LATEST, step=0.2), 1)  # with ties
    made = forecast_of(draws / draws.sum(axis=2, keepdims=True), LATEST)
    found, index = ranks(made), concentration(made)
    np.testing.assert_allclose(found.expected.sum(axis=1), 10.0, rtol=1e-12)
    assert found.latest.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert ((found.first >= 0.0) & (found.first.sum(axis=1, keepdims=True) <= 1.0 + 1e-12)).all()
    assert ((index.lower <= index.median) & (index.median <= index.upper)).all()
    assert ((index.lower >= 1 / 4 - 1e-12) & (index.upper <= 1.0)).all()
    assert index.latest == pytest.approx(0.3)


def test_the_top_changes_when_its_last_member_falls_out_and_not_when_its_order_does() -> None:
    paths = [[0.5, 0.2, 0.3], [0.3, 0.5, 0.2], [0.3, 0.2, 0.5], [0.5, 0.3, 0.2]]
    made = forecast_of(np.array(paths)[:, None, :], [0.5, 0.3, 0.2])
    assert event_probability(made, "top 2 changes").probability == 0.5
    assert event_probability(made, "top 1 changes").probability == 0.5
    assert event_probability(made, "top 2 changes").reference == "2025Q4: A 50 %, B 30 %"


def test_others_is_nobodys_rival() -> None:
    draws = np.tile([0.2, 0.1, 0.7], (10, 1, 1))
    made = forecast_of(draws, [0.2, 0.1, 0.7], ["A", "B", "Others"])
    assert event_probability(made, "A leads").probability == 1.0
    assert ranks(made).providers == ("A", "B")
    assert concentration(made).latest == pytest.approx(0.05)
    assert event_probability(made, "Others > 60 %").probability == 1.0
    with pytest.raises(InvalidArgument, match="Others stands for many, so that it cannot lead; name a provider"):
        event_probability(made, "Others leads")
    with pytest.raises(InvalidArgument, match="'2' is not a number of the largest that can change; write 1 to 1"):
        event_probability(made, "top 2 changes")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Hauwei leads by Q2 2026",
            "event 'Hauwei leads by Q2 2026': no provider is called 'Hauwei'; did you mean Huawei? the providers are "
            "Alibaba Cloud, Alibaba Mini, Huawei; for example: Huawei leads by Q2 2026",
        ),
        (
            "Alibaba leads",
            "event 'Alibaba leads': 'Alibaba' may be Alibaba Cloud or Alibaba Mini; write as much of the name as it "
            "takes; for example: Alibaba Cloud leads",
        ),
        (
            "Huawei leads in 4Q25",
            "event 'Huawei leads in 4Q25': 2025Q4 is not among the quarters forecast; ask of 2026Q1 to 2026Q2",
        ),
        (
            "Huawei leads in 2026Q3",
            "event 'Huawei leads in 2026Q3': 2026Q3 is not among the quarters forecast; ask of 2026Q1 to 2026Q2, or "
            "forecast further ahead",
        ),
        (
            "Huawei leads in 2026Q5",
            "event 'Huawei leads in 2026Q5': '2026Q5' is no quarter; write a quarter with its year, such as 2026Q4, Q4 "
            "2026, 4Q26 or the end of 2026",
        ),
        (
            "Huawei leads by 2026",
            "event 'Huawei leads by 2026': '2026' is a year, not a quarter; write one of its quarters, or the end of "
            "2026; for example: Huawei leads by 2026Q4",
        ),
        ("Huawei leads by Christmas", "'Christmas' is no quarter; write a quarter with its year"),
        ("Huawei overtakes Alibaba Cloud by Christmas", "'Christmas' is no quarter; write a quarter with its year"),
        (
            "Huawei leads Q1 2026",
            "event 'Huawei leads Q1 2026': nothing says how 'Q1 2026' is meant; write in (that quarter), by (any "
            "quarter up to it) or through (every quarter up to it); for example: Huawei leads in Q1 2026",
        ),
        (
            "Huawei > 40 in 2026Q1",
            "event 'Huawei > 40 in 2026Q1': '40' is more than all; did you mean 40 %? For example: Huawei > 40 % in "
            "2026Q1",
        ),
        (
            "Huawei > 140 % in 2026Q1",
            "event 'Huawei > 140 % in 2026Q1': '140 %' is more than all; write 0 % to 100 %, such as 40 % or 0.4; for "
            "example: Huawei > 40 % in 2026Q1",
        ),
        (
            "Huawei > much in 2026Q1",
            "event 'Huawei > much in 2026Q1': no provider is called 'much', and it is no share such as 40 %; the "
            "providers are",
        ),
        ("Huawei + Huawei > 40 %", "'Huawei + Huawei' names a provider twice; name each provider once in a sum"),
        ("Huawei overtakes huawei", "Huawei is compared with itself; name a provider other than Huawei"),
        ("Huawei >= Alibaba Mini", ">= compares with a share, and 'Alibaba Mini' is a provider; write Huawei > Alib"),
        ("Huawei > 4 % > 2 %", "'4 % > 2 %' holds a second comparison; compare once, and ask for the other apart"),
        ("top 0 changes", "'0' is not a number of the largest that can change; write 1 to 2, as 3 providers are named"),
        ("top x changes", "'x' is not a number of the largest that can change; write 1 to 2"),
        (
            "Huawei leeds by 2026Q1",
            "event 'Huawei leeds by 2026Q1': 'leeds' is not understood; did you mean leads? For example: Huawei leads "
            "by 2026Q1",
        ),
        (
            "Huawei wins by 2026Q1",
            "event 'Huawei wins by 2026Q1': 'Huawei wins' is not understood; write a sentence such as 'Huawei "
            "overtakes Tencent by 2026Q4', 'Alibaba >= 40 % in 2026Q2', 'Alibaba leads in 2026Q4', 'top 3 changes by "
            "2026Q4'",
        ),
        ("Huawei = 4 % in 2026Q1", "'Huawei = 4 %' is a condition, not an event; an event is a comparison, such as"),
        ("Huawei leads from 2026Q1", "'from' does not go with this; write in (that quarter), by (any up to it) or"),
        ("", "event is empty; write one such as 'Huawei overtakes Tencent by 2026Q4'"),
        ("> 40 %", "event '> 40 %': no provider stands before '> 40 %'; write a sentence such as"),
        ("A" * 501, f"event '{'A' * 40}...' has 501 characters; 500 at most"),
    ],
)
def test_a_text_that_is_no_event_is_told_what_would_be(text: str, said: str) -> None:
    names = ["Alibaba Cloud", "Alibaba Mini", "Huawei"]
    made = forecast_of(np.tile([0.5, 0.3, 0.2], (4, 2, 1)), [0.5, 0.3, 0.2], names)
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        event_probability(made, text)


@pytest.mark.parametrize(
    "text",
    [
        "Huawei overtakes Alibaba Cloud by 2026Q2",
        "Huawei leads in 2026Q1",
        "Huawei + Alibaba Mini > 12.5 % through 2026Q2",
        "Huawei <= 3 % by 2026Q1",
        "top 2 changes by 2026Q2",
    ],
)
def test_an_event_written_out_reads_as_itself(text: str) -> None:
    names = ("Alibaba Cloud", "Alibaba Mini", "Huawei")
    periods = (ORIGIN + 1, ORIGIN + 2)
    event = parse_event(text, names, periods)
    assert str(event) == text
    assert parse_event(str(event), names, periods) == event


def test_a_forecast_without_draws_is_refused() -> None:
    made = forecast_shares(four_quarters())
    for ask in (ranks, concentration, lambda made: event_probability(made, "A leads")):
        with pytest.raises(InvalidArgument, match="keep_draws=True"):
            ask(made)


def test_a_real_forecast_tells_events_against_its_origin() -> None:
    made = forecast_shares(four_quarters(), keep_draws=True)
    assert made.latest is not None
    found = event_probability(made, f"{made.providers[0]} > 1 %")
    assert found.reference == f"{made.origin}: {made.providers[0]} {100 * made.latest[0]:.1f}".removesuffix(".0") + " %"
    frame = events_frame([found])
    assert frame.columns[:4] == ["event", "when", "period", "probability"]
    assert frame["event"].item() == str(found.event)
    table, order, index = league(made).to_frame(), ranks(made), concentration(made)
    assert table.columns[:7] == ["market", "period", "provider", "rank", "leads", "hhi", "hhi_lower_80"]
    assert table["period"].to_list() == [str(made.origin + h) for h in range(9) for _ in "ABC"]
    np.testing.assert_array_equal(table["rank"].to_numpy()[3:].reshape(8, 3), order.expected)
    np.testing.assert_array_equal(table["leads"].to_numpy()[3:].reshape(8, 3), order.first)
    np.testing.assert_array_equal(table["hhi_upper_80"].to_numpy()[3::3], index.upper[0])
    assert table["hhi"].to_list()[:4] == [index.latest] * 3 + [index.mean[0]]


def test_the_concentration_of_a_quarter_can_be_asked_for_as_an_event() -> None:
    made = forecast_of(walks(2, 800, 3, [0.4, 0.3, 0.2, 0.1]), [0.4, 0.3, 0.2, 0.1], ["A", "B", "C", "Others"])
    assert made.draws is not None
    index = np.square(made.draws[..., :3]).sum(axis=2)
    found = event_probability(made, "HHI > 0.285 in 2026Q3")
    assert found.probability == (index[:, 2] > 0.285).mean()
    assert 0.05 < found.probability < 0.95
    assert (found.reference, found.at_origin) == ("2025Q4: HHI 0.290", True)
    assert event_probability(made, "hhi above 2,850 in 2026Q3").event == found.event
    below = event_probability(made, "HHI below 2900 through 2026Q3")
    assert str(below.event) == "HHI < 0.29 through 2026Q3"
    assert below.probability == (index <= 0.29).all(axis=1).mean()
    assert parse_event(str(below.event), made.providers, made.periods) == below.event
    for text in ("HHI > 40 %", "HHI > 10001", "HHI > -1", "HHI > x", "HHI > 1e3"):
        with pytest.raises(
            InvalidArgument, match=r"is no index of concentration; write 0 to 1, such as 0\.25, or points up to"
        ):
            event_probability(made, text)
    named = forecast_of(walks(2, 50, 1, [0.6, 0.4]), [0.6, 0.4], ["HHI", "B"])
    assert str(event_probability(named, "HHI > 50 %").event) == "HHI > 50 % by 2026Q1"


def test_several_events_come_together_and_the_wrong_one_is_named() -> None:
    made = forecast_of(walks(2, 100, 3, [0.4, 0.3, 0.3]), [0.4, 0.3, 0.3])
    found = event_probabilities(made, ["A leads", "B overtakes A by 2026Q2"])
    assert found == tuple(event_probability(made, text) for text in ("A leads", "B overtakes A by 2026Q2"))
    assert found.to_frame().equals(events_frame(found))
    assert len(event_probabilities(made, "A leads")) == 1
    with pytest.raises(InvalidArgument, match=r"events\[1\] 'Z leads': no provider is called 'Z'"):
        event_probabilities(made, ["A leads", "Z leads"])


def test_at_least_holds_of_a_share_that_is_just_so_and_above_does_not() -> None:
    made = forecast_of(np.tile([0.1 + 0.2, 0.7], (50, 1, 1)), [0.3, 0.7])  # the sum is not 0.3 to the last bit
    for sign, probability in ((">=", 1.0), ("<=", 1.0), (">", 0.0), ("<", 0.0)):
        assert event_probability(made, f"A {sign} 30 %").probability == probability
        assert event_probability(made, f"A + B {sign} 100 %").probability == probability
