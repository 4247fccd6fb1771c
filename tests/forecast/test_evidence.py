from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from forecast.breaks import Revision, SeriesBreaks
from forecast.evidence import (
    GROWTH_ERROR,
    RESTATED_ERROR,
    SOURCE_ERROR,
    Evidence,
    Observation,
    evidence,
)
from forecast.quarter import Quarter
from forecast.statements import Kind

DAY = date(2021, 5, 1)
q = Quarter.parse


def figures(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Rows of period, providers, value, then measure, qualifier, decimals and day where they are not usual."""
    usual = ("share", "exact", 1, DAY)
    return pl.DataFrame(
        [(n, *row, *usual[len(row) - 3 :]) for n, row in enumerate(rows)],
        schema={
            "figure_id": pl.Int64,
            "period": pl.String,
            "providers": pl.String,
            "value": pl.Float64,
            "measure": pl.String,
            "qualifier": pl.String,
            "decimals": pl.Int64,
            "published_at": pl.Date,
        },
        orient="row",
    )


BASE = [("2020Q1", "A", 0.5), ("2020Q1", "B", 0.3), ("2021Q1", "A", 0.52), ("2021Q1", "B", 0.28)]
YEAR = [("2020Q1", "A", 0.5), ("2020Q1", "B", 0.3), ("2020Q4", "A", 0.52), ("2020Q4", "B", 0.28)]


def said(*rows: tuple[object, ...], breaks: SeriesBreaks = SeriesBreaks()) -> Evidence:  # noqa: B008
    return evidence(figures(*BASE, *rows), breaks)


def of(kind: Kind, found: Evidence) -> list[Observation]:
    return [o for o in found.observations if o.kind is kind]


def about(found: Evidence, *figure_ids: int) -> Observation:
    (one,) = [o for o in found.observations if set(figure_ids) <= set(o.figure_ids)]
    return one


def test_a_combined_share_is_the_sum_of_its_members() -> None:
    found = said(("2020Q2", "A|B", 0.81, "share", "exact", 0))
    one = about(found, 4)
    assert found.providers == ("A", "B", "Others")
    np.testing.assert_array_equal(one.weights, [[1, 1, 0]])
    assert (one.quarter, one.members, one.kind) == (q("2020Q2"), (0, 1), Kind.SHARE)
    assert one.variance == pytest.approx(0.01**2 / 12 + SOURCE_ERROR**2)


def test_a_stated_rest_takes_in_whoever_is_not_listed_beside_it() -> None:
    found = said(("2020Q3", "A", 0.5), ("2020Q3", "Others", 0.5))
    np.testing.assert_array_equal(about(found, 5).weights, [[0, 1, 1]])
    assert about(found, 5).rest
    found = said(("2020Q3", "A", 0.5), ("2020Q3", "B", 0.3), ("2020Q3", "Others", 0.2))
    np.testing.assert_array_equal(about(found, 6).weights, [[0, 0, 1]])


def test_a_rest_is_beside_those_who_make_it_whole() -> None:
    """A later release lists another five: its rest takes in whoever dropped out, though an earlier one told of it."""
    later = DAY + timedelta(days=365)
    first = [("2020Q3", name, share) for name, share in (("A", 0.5), ("B", 0.25), ("C", 0.1), ("Others", 0.15))]
    again = [("2020Q3", name, share, "share", "exact", 1, later) for name, share in (("B", 0.249), ("Others", 0.251))]
    found = said(("2021Q1", "C", 0.1), *first, *again)
    assert found.providers == ("A", "B", "C", "Others")
    np.testing.assert_array_equal(about(found, 8).weights, [[0, 0, 0, 1]])
    np.testing.assert_array_equal(about(found, 10).weights, [[0, 0, 1, 1]])


def test_who_is_first_told_of_in_a_later_release_was_not_listed_before() -> None:
    later = DAY + timedelta(days=365)
    found = said(
        ("2020Q3", "A", 0.5),
        ("2020Q3", "Others", 0.3, "share", "exact", 0),  # beside B too, whose share is told in a sum alone
        ("2020Q3", "A|B", 0.7),
        ("2020Q4", "C", 0.1),
        ("2020Q3", "C", 0.2, "share", "exact", 1, later),  # would make it whole
        ("2021Q1", "C", 0.1),
    )
    assert found.providers == ("A", "B", "C", "Others")
    np.testing.assert_array_equal(about(found, 5).weights, [[0, 0, 1, 1]])


def test_a_rest_that_fits_no_listing_is_not_used_and_said_so() -> None:
    found = said(("2020Q3", "A", 0.6), ("2020Q3", "Others", 0.6))
    assert all(5 not in o.figure_ids for o in found.observations)
    assert found.left_out == ("1 figure not used: shares of the rest beside providers that are not known",)


def test_statements_that_printing_reconciles_are_one_measurement_and_others_are_two() -> None:
    found = said(
        ("2020Q2", "A", 0.464, "share", "exact", 1),
        ("2020Q2", "A", 0.46, "share", "exact", 0),
        ("2020Q2", "A", 0.46, "share", "more_than", 0),
        ("2020Q2", "A", 0.466, "share", "exact", 1),
    )
    one, other = (o for o in found.observations if o.quarter == q("2020Q2"))
    assert (sorted(one.figure_ids), other.figure_ids) == ([4, 5, 6], (7,))
    assert one.value == pytest.approx(0.464, abs=2e-4)
    assert SOURCE_ERROR**2 < one.variance < 0.001**2 / 12 + SOURCE_ERROR**2


def test_a_number_cut_off_where_it_should_be_rounded_counts_little() -> None:
    later = DAY + timedelta(days=90)
    rows = (
        ("2020Q2", "A", 0.409),
        ("2020Q2", "A", 0.4, "share", "exact", 0),
        ("2020Q2", "A", 0.42, "share", "exact", 0, later),
    )
    cut, other_release = (about(said(*rows), n) for n in (5, 6))
    assert other_release.variance == pytest.approx(0.01**2 / 12 + SOURCE_ERROR**2)
    assert cut.variance == pytest.approx(other_release.variance + 0.01**2)


def test_an_amount_is_a_share_where_the_total_of_the_release_stands_beside_it() -> None:
    later = DAY + timedelta(days=200)
    found = said(
        ("2020Q2", "A", 6.2, "spend_usd_bn", "exact", 1),
        ("2020Q2", "TOTAL", 12.5, "spend_usd_bn", "exact", 1),
        ("2020Q2", "TOTAL", 13.0, "spend_usd_bn", "exact", 1, later),
        ("2020Q3", "A", 6.2, "spend_usd_bn", "exact", 1),
        ("2020Q3", "TOTAL", 12.5, "spend_usd_bn", "exact", 1, later),  # not known then
    )
    (one,) = of(Kind.AMOUNT, found)
    assert one.figure_ids == (4, 5)
    assert one.value == pytest.approx(6.2 / 12.5)
    drawn = np.random.default_rng(0).uniform(-0.05, 0.05, (2, 200_000))
    ratios = (6.2 + drawn[0]) / (12.5 + drawn[1])
    assert one.variance - SOURCE_ERROR**2 == pytest.approx(ratios.var(), rel=0.02)
    assert found.left_out == ("1 amount not used: the same release does not give the market's total",)


def test_an_amount_names_a_provider_unless_it_tells_next_to_nothing_of_its_share() -> None:
    total = ("2020Q2", "TOTAL", 10.0, "spend_usd_bn", "exact", 1)
    one, two = (("2020Q2", "C", 1.0, "spend_usd_bn", "exact", d) for d in (1, 0))  # "1.0 bn", "1 bn"
    assert "C" in said(total, one, ("2020Q3", "C", 0.1)).providers
    assert "C" not in said(total, two, ("2020Q3", "C", 0.1)).providers


def test_growth_beside_the_growth_of_the_market_ties_a_share_to_the_one_a_year_before() -> None:
    found = said(
        ("2021Q1", "A", 0.54, "yoy_growth", "exact", 0),
        ("2021Q1", "TOTAL", 0.18, "yoy_growth", "exact", 0),
    )
    (one,) = of(Kind.GROWTH, found)
    ratio = 1.54 / 1.18
    np.testing.assert_allclose(one.weights[[0, 4], 0], [1.0, -ratio])
    assert np.count_nonzero(one.weights) == 2 and one.lags == 4 and one.value == 0.0
    assert one.figure_ids == (4, 5)
    drawn = np.random.default_rng(0).uniform(-0.005, 0.005, (2, 200_000))
    implied = 0.5 * (1.54 + drawn[0]) / (1.18 + drawn[1])  # of the share a year before
    assert one.variance - GROWTH_ERROR**2 == pytest.approx(implied.var(), rel=0.02)


def test_growth_says_nothing_across_a_break_or_without_the_market_or_on_a_revised_base() -> None:
    growth = ("2021Q1", "A", 0.54, "yoy_growth", "exact", 0)
    market = ("2021Q1", "TOTAL", 0.18, "yoy_growth", "exact", 0)
    assert of(Kind.GROWTH, said(growth)) == []
    jumps = SeriesBreaks(((q("2020Q3"), "a new base"),))
    assert of(Kind.GROWTH, said(growth, market, breaks=jumps)) == []
    before = SeriesBreaks(((q("2020Q1"), "a new base"),))
    assert len(of(Kind.GROWTH, said(growth, market, breaks=before))) == 1
    told = date(2021, 8, 1)
    for first, last, used in (("2021Q1", "2021Q1", 0), ("2020Q1", "2020Q1", 0), ("2020Q2", "2020Q4", 0)):
        revised = SeriesBreaks((), (Revision(q(first), q(last), told),))
        assert len(of(Kind.GROWTH, said(growth, market, breaks=revised))) == used
    anew = [(*row, told) for row in (growth, market)]
    revised = SeriesBreaks((), (Revision(q("2020Q1"), q("2021Q1"), told),))
    shares = [(*row, "share", "exact", 1, told) for row in BASE]
    assert len(of(Kind.GROWTH, evidence(figures(*shares, *anew), revised))) == 1


def test_a_whole_year_is_the_mean_of_its_quarters_by_what_was_spent() -> None:
    totals = [(f"2020Q{n}", "TOTAL", float(n), "spend_usd_bn", "exact", 1) for n in (1, 2, 3, 4)]
    (one,) = of(Kind.YEAR, said(("2020", "A", 0.51, "share", "exact", 0), *totals))
    np.testing.assert_allclose(one.weights[:, 0], [0.4, 0.3, 0.2, 0.1])  # the fourth quarter first
    assert one.quarter == q("2020Q4") and not one.weights[:, 1:].any()
    (equal,) = of(Kind.YEAR, said(("2020", "A", 0.51, "share", "exact", 0), *totals[:3]))
    np.testing.assert_allclose(equal.weights[:, 0], 0.25)
    assert equal.variance > one.variance


def test_a_year_that_a_break_divides_or_the_quarters_do_not_cover_is_not_used() -> None:
    year = ("2020", "A", 0.51, "share", "exact", 0)
    assert of(Kind.YEAR, said(year, breaks=SeriesBreaks(((q("2020Q2"), "a new base"),)))) == []
    assert len(of(Kind.YEAR, said(year, breaks=SeriesBreaks(((q("2020Q1"), "a new base"),))))) == 1
    assert of(Kind.YEAR, said(("2019", "A", 0.51, "share", "exact", 0))) == []


def test_growth_of_a_whole_year_gives_the_year_before_or_where_that_was_told_the_year() -> None:
    growth = [("2021", name, value, "yoy_growth", "exact", 0) for name, value in (("A", 0.5), ("TOTAL", 0.2))]
    (before,) = of(Kind.GROWTH, said(("2021", "A", 0.6, "share", "exact", 0), ("2021Q4", "A", 0.6), *growth))
    assert before.quarter == q("2020Q4") and before.value == pytest.approx(0.6 * 1.2 / 1.5)
    (year,) = of(Kind.GROWTH, said(("2020", "A", 0.48, "share", "exact", 0), ("2021Q4", "A", 0.6), *growth))
    assert year.quarter == q("2021Q4") and year.value == pytest.approx(0.48 * 1.5 / 1.2)
    assert of(Kind.GROWTH, said(*growth)) == []
    first = [("2020", name, value, "yoy_growth", "exact", 0) for name, value in (("A", 0.5), ("TOTAL", 0.2))]
    assert of(Kind.GROWTH, said(("2020", "A", 0.5), *first)) == []  # of 2019 no quarter is told


def test_a_release_that_tells_a_quarter_again_counts_more_and_a_lone_late_mention_does_not() -> None:
    later = DAY + timedelta(days=270)
    again = [("2020Q1", "A", 0.49, "share", "exact", 1, later), ("2020Q1", "B", 0.31, "share", "exact", 1, later)]
    found = said(*again)
    assert about(found, 0).variance - about(found, 4).variance == pytest.approx(RESTATED_ERROR**2)
    lone = said(again[0])
    assert about(lone, 0).variance == pytest.approx(about(lone, 4).variance)


def test_a_table_that_rounding_cannot_make_whole_is_found() -> None:
    cells = (("A", 0.403), ("B", 0.174), ("C", 0.146), ("D", 0.084), ("Others", 0.189))
    rows = [("2020Q4", name, share) for name, share in cells]
    (table,) = said(*rows).tables
    assert table.total == pytest.approx(0.996)
    assert table.figure_ids == (4, 5, 6, 7, 8)
    sound = [("2020Q4", name, share + (0.002 if name == "C" else 0.0)) for name, share in cells]
    assert said(*sound).tables == ()
    padded = [("2020Q4", name, round(share, 3), "share", "exact", 2) for name, share in cells]
    assert len(said(*padded).tables) == 1  # zeros that are not printed precision do not make it worse
    padded = [
        ("2020Q4", name, round(x, 3), "share", "exact", 2) for name, x in (("A", 0.5), ("B", 0.2), ("Others", 0.301))
    ]
    assert said(*padded).tables == ()


def test_whoever_is_named_too_seldom_and_the_unnamed_top_are_said_to_be_left_out() -> None:
    found = said(("2020Q2", "TOP3", 0.6), ("2020Q2", "A|Z", 0.5), ("2020Q2", "Z", 0.1))
    assert {o.figure_ids for o in found.observations} == {(0,), (1,), (2,), (3,)}
    assert found.left_out == (
        "1 figure not used: the top providers of a quarter, without their names",
        "named in too few quarters to follow, counted in Others: Z (2)",
    )


def test_nothing_is_said_where_only_years_are_told() -> None:
    assert evidence(figures(("2020", "A", 0.5))).observations == ()


def test_the_order_of_the_rows_is_no_evidence() -> None:
    rows = figures(*BASE, ("2021Q1", "A", 0.54, "yoy_growth", "exact", 0), ("2021Q1", "TOTAL", 0.18, "yoy_growth"))
    turned = rows.reverse()
    for one, other in zip(evidence(rows).observations, evidence(turned).observations, strict=True):
        assert one.figure_ids == other.figure_ids
        assert one.weights.tobytes() == other.weights.tobytes()
        assert (one.value, one.variance) == (other.value, other.variance)
