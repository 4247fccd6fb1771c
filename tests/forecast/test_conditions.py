import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.charts.build import forecast_sheet
from forecast.conditions import (
    Condition,
    Enters,
    Leaves,
    Pinned,
    condition_forecast,
    parse_conditions,
)
from forecast.draws import summarise
from forecast.errors import InvalidArgument
from forecast.events import TOLERANCE, Event, Leads, Overtakes, When, event_probability
from forecast.forecasting import forecast_shares
from forecast.results import Forecast
from tests.forecast.drawn import forecast_of, four_quarters, walks

LATEST = [0.4, 0.3, 0.2, 0.1]
NAMES = ["A", "B", "C", "Others"]


def example(seed: int = 1, n: int = 2000, step: float = 0.05) -> Forecast:
    return forecast_of(walks(seed, n, 4, LATEST, step=step), LATEST, NAMES)


def given_draws(forecast: Forecast) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    assert forecast.draws is not None
    return forecast.draws


def check_composed(forecast: Forecast) -> None:
    draws = given_draws(forecast)
    assert draws.shape == (len(draws), forecast.horizon, len(forecast.providers))
    assert (draws >= 0.0).all()
    np.testing.assert_allclose(draws.sum(axis=2), 1.0, rtol=0, atol=1e-12)
    summary = summarise(draws, forecast.levels)
    np.testing.assert_array_equal(forecast.mean, summary.mean)
    np.testing.assert_array_equal(forecast.lower, summary.lower)
    assert forecast.latest is not None and len(forecast.latest) == len(forecast.providers)


@given(
    st.integers(0, 200),
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.5),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([0.001, 0.05, 0.3]),
)
def test_every_draw_is_a_composition_that_meets_the_given_shares(
    seed: int, one: float, other: float, first: int, second: int, step: float
) -> None:
    made = example(seed, 100, step)
    conditions = [
        Pinned("A", one, (made.origin + first,)),
        Pinned("Others", other, tuple(made.periods[:second])),
    ]
    found = condition_forecast(made, conditions).forecast
    check_composed(found)
    draws = given_draws(found)
    np.testing.assert_allclose(draws[:, first - 1, 0], one, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(draws[:, :second, 3], other, rtol=0, atol=TOLERANCE)


@given(st.integers(0, 200), st.floats(0.0, 0.9), st.integers(1, 4), st.integers(1, 4))
def test_suppositions_keep_every_draw_a_composition_and_the_proportions_of_the_rest(
    seed: int, share: float, enters: int, leaves: int
) -> None:
    made = example(seed, 50)
    conditions: list[Condition] = [Enters("D", share, made.origin + enters), Leaves("B", made.origin + leaves)]
    found = condition_forecast(made, conditions)
    check_composed(found.forecast)
    assert found.forecast.providers == ("A", "B", "C", "D", "Others")
    assert found.effective_draws == pytest.approx(50)
    draws, before = given_draws(found.forecast), given_draws(made)
    np.testing.assert_allclose(draws[:, leaves - 1 :, 1], 0.0, atol=0)
    np.testing.assert_allclose(draws[:, : enters - 1, 3], 0.0, atol=0)
    np.testing.assert_allclose(draws[:, enters - 1 :, 3], share, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(draws[:, :, 0] * before[:, :, 2], draws[:, :, 2] * before[:, :, 0], rtol=1e-9)


@given(st.integers(0, 50), st.permutations(range(4)))
def test_the_order_of_providers_does_not_matter(seed: int, order: list[int]) -> None:
    made = example(seed, 200)
    turned = forecast_of(given_draws(made)[..., order], [LATEST[k] for k in order], [NAMES[k] for k in order])
    texts = ["A = 45 % in 2026Q3", "Others unchanged", "C overtakes B by 2026Q4"]
    try:
        one = condition_forecast(made, texts)
    except InvalidArgument:
        with pytest.raises(InvalidArgument, match="at least 20"):
            condition_forecast(turned, texts)
        return
    other = condition_forecast(turned, texts)
    np.testing.assert_allclose(one.forecast.mean[:, order], other.forecast.mean, rtol=0, atol=1e-6)


def gaussian(n: int, scale: float = 1.0, heavy: bool = False) -> Forecast:
    """Three parts over two quarters whose first four shares are jointly Gaussian, or t with five degrees of freedom."""
    rng = np.random.default_rng(4)
    root = 0.02 * scale * np.array([[1.0, 0, 0, 0], [-0.6, 0.8, 0, 0], [0.9, 0.1, 0.4, 0], [-0.5, 0.7, -0.3, 0.4]])
    z = rng.standard_normal((n, 4)) @ root.T
    if heavy:
        z *= np.sqrt(5.0 / rng.chisquare(5.0, size=(n, 1)))
    shares = z.reshape(n, 2, 2) + np.array([0.4, 0.35])
    return forecast_of(np.concatenate([shares, 1.0 - shares.sum(axis=2, keepdims=True)], axis=2), [0.4, 0.35, 0.25])


@pytest.mark.parametrize("away", [0.0, 1.0, 2.5, -4.0])
def test_gaussian_draws_are_conditioned_as_by_the_textbook(away: float) -> None:
    made = gaussian(200_000, 0.1)  # narrow: parts of what is left are then Gaussian as well
    draws = given_draws(made)
    covariance = np.cov(draws.reshape(len(draws), -1).T)
    value = 0.4 + away * float(np.sqrt(covariance[0, 0]))
    found = condition_forecast(made, [Pinned("A", value, (made.origin + 1,))], proportional=0.0)
    slope = covariance[:, 0] / covariance[0, 0]
    mean = draws.mean(axis=0).ravel() + slope * (value - draws[:, 0, 0].mean())
    spread = covariance - np.outer(slope, covariance[0])
    given_flat = given_draws(found.forecast).reshape(len(draws), -1)
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(given_flat.mean(axis=0) / sd, mean / sd, rtol=0, atol=0.03)
    np.testing.assert_allclose(np.cov(given_flat.T) / np.outer(sd, sd), spread / np.outer(sd, sd), rtol=0, atol=0.03)
    (said,) = found.plausibility
    normal = {0.0: 1.0, 1.0: 0.3173, 2.5: 0.0124, -4.0: 0.0001}[away]
    assert said.probability == pytest.approx(normal, abs=0.005)


def test_heavy_tails_widen_what_is_given_far_out() -> None:
    # A t vector given one part at d: the scale of the rest grows by (5 + d^2) / (5 + 1), as d standard units are common
    # only where the whole draw is wide. Where they are ordinary nothing becomes surer, so this is against d = 1.
    made = gaussian(200_000, 0.5, heavy=True)
    unit = float(np.std(given_draws(made)[:, 0, 0]) * np.sqrt(3.0 / 5.0))

    def spread(away: float) -> float:
        found = condition_forecast(made, [Pinned("A", 0.4 + away * unit, (made.origin + 1,))], proportional=0.0)
        return float(np.std(given_draws(found.forecast)[:, 0, 1]))

    assert spread(3.0) / spread(1.0) == pytest.approx(np.sqrt((5.0 + 9.0) / 6.0), rel=0.15)
    assert spread(0.0) == pytest.approx(spread(1.0), rel=0.1)
    light = gaussian(200_000, 0.5)
    far = condition_forecast(light, [Pinned("A", 0.43, (light.origin + 1,))], proportional=0.0)
    near = condition_forecast(light, [Pinned("A", 0.40, (light.origin + 1,))], proportional=0.0)
    ratio = np.std(given_draws(far.forecast)[:, 0, 1]) / np.std(given_draws(near.forecast)[:, 0, 1])
    assert ratio == pytest.approx(1.0, abs=0.1)


def test_an_event_is_conditioned_on_by_the_draws_in_which_it_happens() -> None:
    made = example(3)
    event = Event(Overtakes("B", "A"), When.IN, made.origin + 4)
    count = round(event_probability(made, event).probability * 2000)
    assert count > 20
    found = condition_forecast(made, [event])
    assert found.effective_draws == pytest.approx(count)
    assert event_probability(found.forecast, event).probability == 1.0
    happened = given_draws(made)[event.happens(made)]
    np.testing.assert_array_equal(given_draws(found.forecast), happened)
    assert found.forecast.provenance.notes[-1] == f"given all that, the answer rests on {count:,} of 2,000 draws"


def test_events_and_shares_are_met_together() -> None:
    made = example(3)
    texts = ["B overtakes A in 2026Q4", "C = 22 % in 2026Q4", "a new provider takes 2 % from 2026Q3"]
    found = condition_forecast(made, texts)
    check_composed(found.forecast)
    assert event_probability(found.forecast, "B overtakes A in 2026Q4").probability == 1.0
    np.testing.assert_allclose(given_draws(found.forecast)[:, 3, 2], 0.22, rtol=0, atol=TOLERANCE)
    assert found.effective_draws >= 20


def test_a_share_as_expected_is_likely_and_one_far_out_is_not() -> None:
    made = example(1)
    mean = float(made.mean[3, 0])

    def said(share: float) -> str:
        return condition_forecast(made, [f"A = {100 * share:.2f} % in 2026Q4"]).plausibility[0].statement

    assert "the forecast of 2026Q4 has 4" in said(mean)
    assert "probability of 9" in said(mean)
    assert "under 0.1 %; no draw goes so far" in said(0.9)


def test_a_provider_comes_to_its_given_share_along_its_own_path() -> None:
    # A walk that is at 45 % after four quarters was on average at a quarter of the way after the first.
    made = forecast_of(walks(5, 20_000, 4, [0.4, 0.3, 0.2, 0.1]), LATEST, NAMES)
    start, end = float(made.mean[0, 0]), 0.45
    path = condition_forecast(made, [f"A = {100 * end} % in 2026Q4"]).forecast.mean[:, 0]
    np.testing.assert_allclose(path, 0.4 + 0.05 * np.array([0.25, 0.5, 0.75, 1.0]), atol=2e-3)
    assert abs(path[0] - start) > 0.01


def test_the_others_move_some_way_towards_who_moves_with_what_is_given() -> None:
    # B gains whenever A does, so that C and the rest pay for both.
    rng = np.random.default_rng(3)
    gain = 0.02 * rng.standard_normal(4000)
    parts = np.stack([0.4 + gain, 0.3 + gain, 0.2 - gain, 0.1 - gain], axis=1)[:, None, :]
    made = forecast_of(parts, LATEST, NAMES)
    ratios = []
    for proportional in (0.0, 0.75, 1.0):
        mean = condition_forecast(made, ["A = 44 % in 2026Q1"], proportional=proportional).forecast.mean[0]
        ratios.append(mean[1] / mean[2])
    assert ratios[0] == pytest.approx(0.34 / 0.16, rel=0.02)
    assert ratios[2] == pytest.approx(0.3 / 0.2, rel=0.02)
    assert ratios[2] < ratios[1] < 0.5 * (ratios[0] + ratios[2])


def test_shares_given_together_are_less_likely_than_each() -> None:
    found = condition_forecast(example(1), ["A = 45 % in 2026Q4", "B = 33 % in 2026Q4"])
    assert found.together is not None
    assert all(line.probability is not None and found.together < line.probability for line in found.plausibility)
    assert condition_forecast(example(1), ["A = 45 % in 2026Q4"]).together is None


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a = 42.25 % in 2026Q2", "A = 42.25 % in 2026Q2"),
        ("B at 30% through 2026Q3", "B = 30 % through 2026Q3"),
        ("Others unchanged", "Others unchanged through 2026Q4"),
        ("C unchanged in 2026Q2", "C unchanged in 2026Q2"),
        ("A leaves", "A leaves from 2026Q1"),
        ("A leaves in 2026Q3", "A leaves from 2026Q3"),
        ("a new provider takes 5 % in proportion", "a new provider takes 5 % in proportion from 2026Q1"),
        ("new provider D Corp takes 5% from 2026Q2", "new provider D Corp takes 5 % in proportion from 2026Q2"),
        ("A leads in 2026Q2", "A leads in 2026Q2"),
        ("A > 40 % by 2026Q2", "A > 40 % by 2026Q2"),
    ],
)
def test_a_condition_is_read_and_written_out_reads_as_itself(text: str, condition: str) -> None:
    made = example(1, 10)
    (parsed,) = parse_conditions([text], made)
    assert str(parsed) == condition
    assert parse_conditions([condition], made) == (parsed,)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["A wins"], r"conditions\[0\] 'A wins': 'A wins' is not understood; write a sentence such as 'Huawei = 20 %"),
        (
            ["A = 30 % in 2026Q2", "Z leaves"],
            r"conditions\[1\] 'Z leaves': no provider is called 'Z'; the providers are A, B, C, Others; for exa",
        ),
        (["A = 30 in 2026Q2"], r"conditions\[0\] 'A = 30 in 2026Q2': '30' is more than all; did you mean 30 %\?"),
        (["A = 30 % in 2027Q2"], "2027Q2 is not among the quarters forecast; ask of 2026Q1 to 2026Q4"),
        (["A = 30 %"], "no quarter is named; add in or through and a quarter, such as 'Huawei = 20 % in 2026Q4'"),
        (["A = 30 % by 2026Q2"], r"'by' does not go with this; write in \(that quarter\) or through \(every quarter"),
        (["A = 70 % in 2026Q2", "B = 40 % in 2026Q2"], "sum to 110 % in 2026Q2; they have to sum to 100 % at most"),
        ([f"{n} = 20 % in 2026Q2" for n in NAMES], "sum to 80 % in 2026Q2; they have to sum to 100 %"),
        (["A leaves", "A = 20 % in 2026Q2"], "another condition gives A 0 % in 2026Q2; give each share one value"),
        (["A leaves", "B leaves", "C leaves", "Others leaves"], "sum to 0 % in 2026Q1; they have to sum to 100 %"),
        (["new provider A takes 5 %"], r"conditions\[0\] .* 'A' is a provider that is there already; give a newcomer"),
        (["new provider takes 5 %"] * 2, r"conditions\[1\] .* 'New provider' is a provider that is there already"),
        (["A = 1 % in 2026Q1", "new provider" + " " * 500], r"conditions\[1\] .* has 512 characters; 500 at most"),
        (["new provider takes 100 %"], "'100 %' leaves nothing to the others; write less than 100 %"),
        (["new provider takes 5 %", "New provider unchanged"], "is a newcomer, with no share at the origin to stay at"),
        (["Others > 90 % in 2026Q1"], "it happens in 0 of 2,000 draws; at least 20 are needed"),
        (
            ["A leads in 2026Q1", "B leads in 2026Q1"],
            r"conditions\[1\] 'B leads in 2026Q1': it happens in 0 of 2,000 draws beside the other conditions",
        ),
    ],
)
def test_conditions_that_cannot_be_met_say_which_and_why(texts: list[str], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        condition_forecast(example(1), texts)


WORDS = st.sampled_from(
    [
        "A",
        "B",
        "C",
        "Others",
        "in",
        "by",
        "through",
        "from",
        "2026Q1",
        "2026Q4",
        "2025Q4",
        "overtakes",
        "leads",
        "top",
        "3",
        "1",
        "changes",
        ">",
        "<",
        "<=",
        "=",
        "+",
        "at",
        "most",
        "40",
        "%",
        "40%",
        "0.4",
        "nan",
        "-5",
        "100%",
        "0%",
        "unchanged",
        "leaves",
        "new",
        "provider",
        "takes",
        "5%",
        "proportion",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=7).map(" ".join) | st.text(max_size=30), min_size=1, max_size=2))
def test_any_text_is_met_or_refused_with_a_reason(texts: list[str]) -> None:
    made = example(1, 60)
    try:
        found = condition_forecast(made, texts).forecast
    except InvalidArgument as error:
        assert error.field.startswith("conditions")
    else:
        check_composed(found)


@pytest.mark.parametrize(
    "condition",
    [
        Pinned("Z", 0.2, (example(1, 10).periods[0],)),
        Pinned("A", 1.2, (example(1, 10).periods[0],)),
        Pinned("A", 0.2, (example(1, 10).origin,)),
        Leaves("Z", example(1, 10).periods[0]),
        Event(Leads("Z"), When.IN, example(1, 10).periods[0]),
    ],
    ids=str,
)
def test_a_condition_made_by_hand_is_checked_as_well(condition: Condition) -> None:
    with pytest.raises(
        InvalidArgument, match=r"conditions\[0\] '.*(is called 'Z'|1\.2 is no share|not among the quarters)"
    ):
        condition_forecast(example(1, 10), [condition])


def test_no_condition_leaves_the_forecast_as_it_was() -> None:
    made = example(1, 100)
    found = condition_forecast(made, [])
    np.testing.assert_array_equal(given_draws(found.forecast), given_draws(made))
    np.testing.assert_array_equal(found.forecast.mean, made.mean)
    assert found.effective_draws == 100.0


def test_a_forecast_given_something_says_so_and_claims_no_measured_coverage() -> None:
    made = forecast_shares(four_quarters(), keep_draws=True)
    assert made.provenance.measured_coverage
    found = condition_forecast(made, ["A = 40 % in 2026Q2"]).forecast
    check_composed(found)
    assert found.provenance.measured_coverage == ()
    assert found.provenance.notes[-1].startswith("given that A = 40 % in 2026Q2: the forecast of 2026Q2 has ")
    assert found.given == ("A = 40 % in 2026Q2",)
    assert forecast_sheet(found).notes[0] == "What if: A = 40\N{NO-BREAK SPACE}% in 2026Q2."
    with pytest.raises(InvalidArgument, match="keep_draws=True"):
        condition_forecast(forecast_shares(four_quarters()), [])


def test_in_proportion_the_others_keep_their_ratios() -> None:
    made = example(2)
    found = condition_forecast(made, [Pinned("A", float(made.median[0, 0]), (made.origin + 1,))], proportional=1.0)
    np.testing.assert_allclose(
        found.forecast.mean[0, 1:] / found.forecast.mean[0, 1], made.mean[0, 1:] / made.mean[0, 1], rtol=0.01
    )
    with pytest.raises(InvalidArgument, match=r"proportional is 1\.5; allowed: 0 to 1"):
        condition_forecast(made, [], proportional=1.5)
