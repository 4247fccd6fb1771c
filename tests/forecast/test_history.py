from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import NotEnoughData, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.history import ShareSpaceModel, reconstruct
from forecast.posterior import Design, Posterior
from forecast.results import History, Status

FIGURES, BREAKS = load_figures(), load_breaks()
NO_BREAKS = BREAKS.clear()


def stated(*rows: tuple[str, str, float], decimals: int = 1, published: date = date(2021, 1, 1)) -> pl.DataFrame:
    """Curated figures of a market `m` by house `h`."""
    made = [
        {
            "figure_id": n,
            "market": "m",
            "research_house": "h",
            "house": "h",
            "period": period,
            "annual": False,
            "providers": providers,
            "measure": "share",
            "unit": "fraction",
            "value": value,
            "qualifier": "exact",
            "decimals": decimals,
            "mark": "ok",
            "published_at": published,
            "published_inferred": False,
            "pages": 1,
            "stated_as": "",
            "publisher": "press",
            "source_title": "",
            "source_url": "",
            "note": "",
        }
        for n, (period, providers, value) in enumerate(rows)
    ]
    return pl.DataFrame(made, schema=FIGURES.schema)


def rebuilt(*rows: tuple[str, str, float], decimals: int = 1) -> History:
    return reconstruct(stated(*rows, decimals=decimals), NO_BREAKS, market="m", house="h")


def cell(history: History, period: str, provider: str) -> tuple[float, float, Status]:
    t = [str(q) for q in history.quarters].index(period)
    k = history.providers.index(provider)
    return float(history.share[t, k]), float(history.sd[t, k]), history.status[t][k]


def made_design(seed: int, lags: int) -> Design:
    """Observations at random: sums of shares of a quarter, some of them less what was `lags` quarters before."""
    rng = np.random.default_rng(seed)
    T, K, N = 9, 4, 25
    rows = sorted(int(row) for row in rng.integers(0, T, N) if row != 4)  # nothing is said of the fifth quarter
    weights = []
    for row in rows:
        own = np.zeros((1 + (lags if row >= lags and rng.random() < 0.4 else 0), K))
        own[0, : rng.integers(1, K)] = 1.0
        if len(own) > 1:
            own[-1] = -rng.uniform(0.5, 1.5) * own[0]
        weights.append(own)
    n = len(rows)
    return Design(
        tuple(rows),
        tuple(weights),
        rng.uniform(0.1, 0.6, n),
        rng.uniform(1e-5, 1e-3, n),
        rng.uniform(0.005, 0.05, (T, K)),
    )


@pytest.mark.parametrize("lags", [0, 4, 7])
def test_the_filter_and_the_joint_solution_of_all_quarters_agree(lags: int) -> None:
    design = made_design(4 + lags, lags)
    assert design.lags == lags
    posterior = Posterior(design)
    shares, covariance = ShareSpaceModel(design).smoothed()
    np.testing.assert_allclose(shares, posterior.shares, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-12)
    for n, (row, weights) in enumerate(zip(design.row, design.weights, strict=True)):
        if len(weights) == 1:
            spread = weights[0] @ covariance[row] @ weights[0]
            assert spread == pytest.approx(posterior.spread[n], rel=1e-6)


def test_every_quarter_sums_to_one_and_unknown_is_never_zero() -> None:
    for house in ("canalys", "synergy"):
        history = reconstruct(FIGURES, BREAKS, market="world-cloud", house=house)
        np.testing.assert_allclose(np.nansum(history.share, axis=1), 1.0, atol=1e-9)
        np.testing.assert_allclose(history.smoothed.sum(axis=1), 1.0, atol=1e-12)
        unknown = np.array([[s is Status.UNKNOWN for s in row] for row in history.status])
        assert np.array_equal(np.isnan(history.share), unknown)
        assert unknown.any()


def test_status_tells_how_a_cell_is_known() -> None:
    history = rebuilt(
        ("2020Q1", "A", 0.5), ("2020Q1", "B", 0.3),
        ("2020Q2", "A|B", 0.79),
        ("2020Q3", "A", 0.48),
        ("2020Q4", "A", 0.47), ("2020Q4", "B", 0.3),
        ("2021Q1", "A", 0.46),
    )  # fmt: skip
    status = {
        p: [str(s) for s in column]
        for p, column in zip(history.providers, zip(*history.status, strict=True), strict=True)
    }
    assert status["A"] == ["reported", "combined", "reported", "reported", "reported"]
    assert status["B"] == ["reported", "combined", "inferred", "reported", "unknown"]
    assert status["Others"] == ["combined", "combined", "inferred", "combined", "inferred"]
    assert history.to_frame().filter(pl.col("status") == "unknown")["share"].to_list() == [None]


def test_a_combined_share_pins_the_sum_more_than_its_members() -> None:
    rows = [(f"2020Q{q}", name, value) for q in (1, 4) for name, value in (("A", 0.5), ("B", 0.3))]
    history = rebuilt(*rows, ("2020Q2", "A|B", 0.84))
    a, sd_a, _ = cell(history, "2020Q2", "A")
    b, _, _ = cell(history, "2020Q2", "B")
    others, sd_others, _ = cell(history, "2020Q2", "Others")
    assert a + b == pytest.approx(0.84, abs=0.004)
    assert a > 0.5 and b > 0.3
    assert others == pytest.approx(0.16, abs=0.004)
    assert sd_others < 0.5 * sd_a


def test_known_truth_is_found_again_from_rounded_statements() -> None:
    rng = np.random.default_rng(8)
    truth = np.array([0.42, 0.25, 0.12, 0.21]) + np.vstack([np.zeros(4), 0.008 * rng.standard_normal((23, 4))]).cumsum(
        0
    )
    truth /= truth.sum(axis=1, keepdims=True)
    rows = []
    for t, row in enumerate(truth):
        period = f"{2018 + t // 4}Q{t % 4 + 1}"
        if t % 3 == 2:
            rows.append((period, "A|B|C", round(float(row[:3].sum()), 2)))
        else:
            rows += [(period, name, round(float(x), 2)) for name, x in zip("ABC", row[:3], strict=True)]
    history = rebuilt(*rows, decimals=0)
    errors = history.share - truth
    assert np.abs(errors).mean() < 0.006
    assert 0.88 <= np.mean(np.abs(errors) <= 1.96 * history.sd) <= 1.0
    assert history.draws is not None
    np.testing.assert_allclose(history.draws.mean(axis=0), history.smoothed, atol=0.01)


def test_china_cloud_is_rebuilt_as_published() -> None:
    history = reconstruct(FIGURES, BREAKS, market="cn-cloud")
    assert history.providers == ("Alibaba Cloud", "Huawei Cloud", "Tencent Cloud", "Baidu AI Cloud", "Others")
    share, sd, status = cell(history, "2020Q3", "Alibaba Cloud")
    assert share == pytest.approx(0.409, abs=0.003) and sd < 0.004 and status is Status.REPORTED
    assert cell(history, "2020Q3", "Others")[0] == pytest.approx(0.20, abs=0.005)
    assert cell(history, "2023Q2", "Huawei Cloud")[2] is Status.COMBINED
    assert cell(history, "2021Q4", "Alibaba Cloud")[2] is Status.INFERRED
    assert cell(history, "2024Q1", "Baidu AI Cloud")[2] is Status.UNKNOWN
    assert [str(q) for q, _ in history.breaks] == ["2020Q1", "2023Q2", "2025Q1"]
    assert any("97 %" in w for w in history.warnings)
    assert history.quarters[-1].year == 2025 and history.quarters[-1].number == 4


def test_a_slip_left_out_stays_out() -> None:
    history = reconstruct(FIGURES, BREAKS, market="cn-cloud")
    top_four = sum(cell(history, "2023Q1", name)[0] for name in history.providers[:4])
    assert top_four == pytest.approx(0.79, abs=0.01)


def test_as_of_sees_only_what_was_published_by_then() -> None:
    early = reconstruct(FIGURES, BREAKS, market="cn-cloud", as_of=date(2021, 1, 15))
    assert str(early.quarters[-1]) == "2020Q3"
    assert early.vintage is not None and early.vintage <= date(2021, 1, 15)
    assert [str(q) for q, _ in early.breaks] == ["2020Q1"]


@settings(max_examples=12)
@given(st.dates(date(2020, 7, 1), date(2025, 12, 31)))
def test_figures_published_later_never_change_an_earlier_answer(as_of: date) -> None:
    cut = FIGURES.filter((pl.col("published_at") <= as_of) | (pl.col("market") != "cn-cloud"))
    later = stated(("2020Q1", "Alibaba Cloud", 0.99), published=as_of + timedelta(days=1)).with_columns(
        market=pl.lit("cn-cloud"), house=pl.lit("canalys")
    )
    answers = [
        reconstruct(f, BREAKS, market="cn-cloud", as_of=as_of) for f in (FIGURES, cut, pl.concat([FIGURES, later]))
    ]
    for other in answers[1:]:
        assert other.content_hash == answers[0].content_hash
        assert other.smoothed.tobytes() == answers[0].smoothed.tobytes()
        assert other.status == answers[0].status


def test_values_since_revised_are_not_joined_to_later_ones() -> None:
    before = reconstruct(FIGURES, BREAKS, market="world-cloud", as_of=date(2024, 6, 1))
    after = reconstruct(FIGURES, BREAKS, market="world-cloud")
    drop = cell(before, "2023Q2", "Azure")[0] - cell(after, "2023Q2", "Azure")[0]
    assert 0.02 < drop < 0.09
    assert any("was revised on 2024" in w for w in after.warnings)


def test_unknown_names_and_early_dates_are_refused_with_what_is_known() -> None:
    with pytest.raises(NotFound, match="market 'mars' is not known; known: cn-cloud, world-cloud, world-smartphones"):
        reconstruct(FIGURES, BREAKS, market="mars")
    with pytest.raises(NotFound, match="house 'idc' is not known; known: canalys"):
        reconstruct(FIGURES, BREAKS, market="cn-cloud", house="idc")
    with pytest.raises(NotEnoughData, match=r"'cn-cloud' has 0 quarter.*as of 2015-01-01"):
        reconstruct(FIGURES, BREAKS, market="cn-cloud", as_of=date(2015, 1, 1))


def test_the_source_line_names_publishers_and_is_empty_where_none_is_told() -> None:
    rows = stated(*[(f"2020Q{q}", "A", 0.4) for q in (1, 2, 3, 4)])
    named = rows.with_columns(publisher=pl.Series(["b", "a", "b", None]))
    assert reconstruct(named, NO_BREAKS, market="m", house="h").source_line == "Source: b, a"
    silent = rows.with_columns(publisher=pl.lit(None, pl.String))
    assert reconstruct(silent, NO_BREAKS, market="m", house="h").source_line == ""
