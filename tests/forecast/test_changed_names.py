"""Histories and forecasts of providers that were renamed or have merged."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.backtest import backtest_figures
from forecast.diff import forecast_changes
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history, forecast_shares
from forecast.history import reconstruct
from forecast.merging import STATEMENT_SCHEMA, figures_in_force, share_statements
from forecast.name_changes import NameChange
from forecast.preparing import prepare_history
from forecast.quarter import Quarter
from forecast.results import History, Status
from forecast.shares import check_shares, sound_shares

Q = Quarter.parse
FIGURES, NO_BREAKS = load_figures(), load_breaks().clear()
FIRST, SINCE, QUARTERS = Q("2021Q1"), 8, 12
MERGER = NameChange("Cygnus", "Borealis", "merged", FIRST + SINCE, published_at=date(2023, 2, 1))
RENAMING = NameChange("Cygnus", "Swan", "renamed", FIRST + SINCE, published_at=date(2023, 2, 1))
SHARES = {"Acme": 0.34, "Borealis": 0.18, "Cygnus": 0.12, "Others": 0.36}


def published(quarter: Quarter) -> date:
    later = quarter + 1
    return date(later.year, 3 * later.number - 1, 15)


def table(
    *, merged: bool = False, renamed: bool = False, together: bool = False, quarters: int = QUARTERS
) -> pl.DataFrame:
    """Shares that drift, published in the quarter after; Cygnus is part of Borealis, or called Swan, from SINCE on."""
    rows = []
    for n in range(quarters):
        drift = {"Acme": -0.004 * n, "Borealis": 0.005 * n, "Cygnus": -0.001 * n, "Others": 0.0}
        shares = {name: round(share + drift[name], 3) for name, share in SHARES.items()}
        if together or (merged and n >= SINCE):
            shares["Borealis"] = round(shares["Borealis"] + shares.pop("Cygnus"), 3)
        if renamed and n >= SINCE:
            shares["Swan"] = shares.pop("Cygnus")
        rows += [("m", str(FIRST + n), name, share, published(FIRST + n)) for name, share in shares.items()]
    return pl.DataFrame(rows, schema=["market", "period", "provider", "share", "published_at"], orient="row")


def figures(shares: pl.DataFrame, *, kind: str = "figures") -> pl.DataFrame:
    """The shares as those whom they are published by state them; of kind `shares`, as their owner does."""
    stored = share_statements(sound_shares(shares, dated=True), house="h", today=date(2026, 1, 1))
    return figures_in_force(FIGURES.clear(), stored.with_columns(kind=pl.lit(kind)), None)


def history(shares: pl.DataFrame, *changes: NameChange, as_of: date | None = None, kind: str = "figures") -> History:
    found = figures(shares, kind=kind)
    return reconstruct(found, NO_BREAKS, market="m", house="h", as_of=as_of, name_changes=changes)


def more(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    """Figures of the market beside shares: period, providers, measure, value."""
    one = figures(table()).head(1)
    return pl.concat(
        [
            one.with_columns(
                figure_id=pl.lit(n, dtype=pl.Int64),
                period=pl.lit(period),
                annual=pl.lit(len(period) == 4),
                providers=pl.lit(providers),
                measure=pl.lit(measure),
                value=pl.lit(value),
                decimals=pl.lit(1, dtype=pl.Int64),
                published_at=pl.lit(published(Q(period if "Q" in period else f"{period}Q4"))),
            )
            for n, (period, providers, measure, value) in enumerate(rows)
        ]
    )


def test_a_renamed_provider_has_the_history_that_one_name_throughout_would_give() -> None:
    made = history(table(renamed=True), RENAMING)
    plain = history(table().with_columns(pl.col("provider").replace("Cygnus", "Swan")))
    assert made.providers == plain.providers == ("Acme", "Borealis", "Swan", "Others")
    for name in ("share", "sd", "smoothed", "smoothed_sd", "draws"):
        np.testing.assert_allclose(getattr(made, name), getattr(plain, name), atol=1e-12)  # ids order observations
    assert made.status == plain.status
    assert made.warnings == ("as declared: Cygnus is called Swan from 2023Q1 on",)
    assert made.name_changes == (RENAMING,)
    assert made.content_hash != plain.content_hash


@pytest.mark.parametrize("change", [RENAMING, MERGER])
def test_before_a_change_is_known_everything_is_as_without_it(change: NameChange) -> None:
    shares = table(renamed=change is RENAMING, merged=change is MERGER)
    day = date(2023, 1, 31)
    one, other = history(shares, change, as_of=day), history(shares, as_of=day)
    assert one.content_hash == other.content_hash
    assert one.smoothed.tobytes() == other.smoothed.tobytes()
    assert one.name_changes == ()
    assert history(shares, change, as_of=date(2023, 2, 1)).name_changes == (change,)


def test_who_has_merged_is_there_until_the_quarter_before_and_has_nothing_after() -> None:
    made = history(table(merged=True), MERGER)
    k, into = (made.providers.index(name) for name in ("Cygnus", "Borealis"))
    before, after = slice(0, SINCE), slice(SINCE, None)
    told = {name: table().filter(pl.col("provider") == name)["share"].to_numpy() for name in ("Cygnus", "Borealis")}
    assert np.abs(made.share[before, k] - told["Cygnus"][before]).max() < 0.004
    assert np.abs(made.share[before, into] - told["Borealis"][before]).max() < 0.004
    assert np.abs(made.share[after, into] - (told["Cygnus"] + told["Borealis"])[after]).max() < 0.004
    assert np.isnan(made.share[after, k]).all() and np.isnan(made.sd[after, k]).all()
    assert {row[k] for row in made.status[SINCE:]} == {Status.UNKNOWN}
    assert {row[into] for row in made.status} == {Status.REPORTED}
    assert all(row[k] == () for row in made.sources[SINCE:])
    assert made.draws is not None
    for shares in (made.smoothed, made.smoothed_sd, made.draws):
        assert (shares[..., after, k] == 0.0).all()
    np.testing.assert_allclose(made.smoothed.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.nansum(made.share, axis=1), 1.0)
    assert made.smoothed_sd[after, into].max() < 0.004


def test_an_owner_has_what_has_merged_added_up_in_every_quarter() -> None:
    made = history(table(merged=True), MERGER, kind="shares")
    assert made.providers == ("Borealis", "Acme", "Others")
    told = {name: table().filter(pl.col("provider") == name)["share"].to_numpy() for name in SHARES}
    sums = np.column_stack([told["Borealis"] + told["Cygnus"], told["Acme"], told["Others"]])
    for shares in (made.share, made.smoothed):
        np.testing.assert_allclose(shares, sums, atol=1e-12)
    into = made.providers.index("Borealis")
    before, after = [Status.COMBINED] * SINCE, [Status.REPORTED] * (QUARTERS - SINCE)
    assert [row[into] for row in made.status] == [*before, *after]
    assert [len(row[into]) for row in made.sources] == [2] * SINCE + [1] * (QUARTERS - SINCE)
    assert {row[k] for row in made.status for k in (1, 2)} == {Status.REPORTED}
    assert made.warnings == ("as declared: Cygnus is part of Borealis from 2023Q1 on",)
    assert made.name_changes == (MERGER,)


def test_an_owner_s_renamed_provider_is_one_series_as_if_it_had_one_name_throughout() -> None:
    made = history(table(renamed=True), RENAMING, kind="shares")
    plain = history(table().with_columns(pl.col("provider").replace("Cygnus", "Swan")), kind="shares")
    assert made.providers == plain.providers == ("Acme", "Borealis", "Swan", "Others")
    for name in ("share", "sd", "smoothed", "smoothed_sd", "completed"):
        np.testing.assert_array_equal(getattr(made, name), getattr(plain, name))
    assert made.status == plain.status
    assert {status for row in made.status for status in row} == {Status.REPORTED}
    assert made.warnings == ("as declared: Cygnus is called Swan from 2023Q1 on", *plain.warnings)


def test_where_one_of_two_that_merged_is_silent_the_share_of_the_other_is_not_that_of_both() -> None:
    quarter = str(FIRST + 2)
    gap = table(merged=True).filter(~((pl.col("period") == quarter) & (pl.col("provider") == "Cygnus")))
    made = history(gap, MERGER, kind="shares")
    into = made.providers.index("Borealis")
    assert made.status[2][into] == Status.INFERRED
    whole = history(table(merged=True), MERGER, kind="shares")
    np.testing.assert_allclose(made.share, whole.share, atol=1e-12)  # what the others leave


def test_changes_that_lead_in_a_circle_are_told_of_an_owner_s_table_too() -> None:
    back = NameChange("Swan", "Cygnus", "renamed", published_at=date(2023, 3, 1))
    told = "not followed, as later changes lead back to Cygnus: Cygnus is called Swan from 2023Q1 on"
    for kind in ("figures", "shares"):
        made = history(table(), RENAMING, back, kind=kind)
        assert told in made.warnings
        assert "Cygnus" in made.providers


def test_an_owner_s_history_keeps_no_change_of_providers_that_the_table_does_not_have() -> None:
    other = NameChange("Rigel", "Vega", "renamed", published_at=date(2020, 1, 1))
    for kind in ("figures", "shares"):
        made = history(table(), other, MERGER, kind=kind)
        assert made.name_changes == (MERGER,)
        assert not [text for text in made.warnings if "Rigel" in text]


@settings(max_examples=30)
@given(
    st.integers(0, QUARTERS),
    st.sampled_from([("Cygnus", "Borealis"), ("Borealis", "Acme"), ("Cygnus", "Swan")]),
    st.sampled_from(["", "h"]),
    st.integers(0, 2**32 - 1),
)
def test_a_forecast_of_an_owner_s_history_is_that_of_the_table_with_the_same_change(
    since: int, names: tuple[str, str], house: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = table().filter(pl.Series(rng.random(4 * QUARTERS) < 0.9))
    change = NameChange(*names, "renamed" if names[1] == "Swan" else "merged", FIRST + since, house=house)
    made = forecast_history(history(rows, change, kind="shares"), horizon=3)
    given = check_shares(rows.drop("published_at"))
    plain = forecast_shares(given, horizon=3, name_changes=[replace(change, house="")])
    assert set(made.providers) == set(plain.providers)
    order = [made.providers.index(name) for name in plain.providers]
    for name in ("mean", "median", "lower", "upper"):
        np.testing.assert_allclose(getattr(made, name)[..., order], getattr(plain, name), rtol=0.0, atol=1e-9)


def test_nothing_jumps_where_two_merge_and_others_are_told_as_well_as_without() -> None:
    made, pieces = history(table(merged=True), MERGER), history(table())
    for name in ("Acme", "Others"):
        k, j = made.providers.index(name), pieces.providers.index(name)
        np.testing.assert_allclose(made.share[:, k], pieces.share[:, j], atol=2e-3)
        assert made.sd[:, k].max() < 1.2 * pieces.sd[:, j].max()


def test_where_nothing_is_said_a_merger_makes_nothing_less_certain() -> None:
    silent = [str(FIRST + n) for n in (1, 2, 4, 5, 9, 10)]
    made, pieces = (
        history(shares.filter(~pl.col("period").is_in(silent)), *changes)
        for shares, changes in ((table(merged=True), [MERGER]), (table(), []))
    )
    for name in ("Acme", "Borealis", "Others"):
        k, j = made.providers.index(name), pieces.providers.index(name)
        assert (made.smoothed_sd[:SINCE, k] < 1.15 * pieces.smoothed_sd[:SINCE, j]).all()


def test_a_forecast_sees_the_two_as_one_as_if_they_had_been_one_all_along() -> None:
    made = forecast_history(history(table(merged=True), MERGER), horizon=4)
    plain = forecast_history(history(table(together=True)), horizon=4)
    assert made.providers == plain.providers == ("Acme", "Borealis", "Others") or set(made.providers) == set(
        plain.providers
    )
    order = [made.providers.index(name) for name in plain.providers]
    np.testing.assert_allclose(made.mean[:, order], plain.mean, atol=2e-3)
    np.testing.assert_allclose(made.upper[..., order] - made.lower[..., order], plain.upper - plain.lower, rtol=0.15)
    prepared = prepare_history(history(table(merged=True), MERGER))
    together = prepare_history(history(table(together=True)))
    np.testing.assert_allclose(prepared.series.shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        prepared.series.shares[:, prepared.providers.index("Borealis")],
        together.series.shares[:, together.providers.index("Borealis")],
        atol=3e-3,
    )


@pytest.mark.parametrize(("change", "options"), [(MERGER, {"merged": True}), (RENAMING, {"renamed": True})])
def test_a_table_forecast_with_a_change_is_the_table_in_which_it_always_held(
    change: NameChange, options: dict[str, bool]
) -> None:
    made = forecast_shares(check_shares(table(**options).drop("published_at")), horizon=3, name_changes=[change])
    always = table(together=True) if change is MERGER else table()
    plain = check_shares(always.drop("published_at").with_columns(pl.col("provider").replace("Cygnus", "Swan")))
    whole = forecast_shares(plain, horizon=3)
    assert_frame_equal(made.to_frame(), whole.to_frame())
    assert f"as declared: {change}" in made.warnings
    assert set(whole.warnings) < set(made.warnings)


def test_figures_of_the_provider_alone_that_go_on_after_the_merger_are_added() -> None:
    made, merged = history(table(), MERGER), history(table(merged=True), MERGER)
    k = made.providers.index("Cygnus")
    assert {row[k] for row in made.status[SINCE:]} == {Status.UNKNOWN}
    into = made.providers.index("Borealis")
    np.testing.assert_allclose(made.share[:, into], merged.share[:, into], atol=2e-3)
    own, whole = (history(rows, MERGER, kind="shares") for rows in (table(), table(merged=True)))
    np.testing.assert_allclose(own.share, whole.share, atol=1e-12)


def test_a_statement_about_quarters_before_and_after_a_merger_is_left_out_and_said_so() -> None:
    beside = more(
        ("2023Q2", "TOTAL", "yoy_growth", 0.1),
        ("2023Q2", "Borealis", "yoy_growth", 0.9),
        ("2023Q2", "Acme", "yoy_growth", 0.05),
    )
    both = pl.concat([figures(table(merged=True)), beside])
    made = reconstruct(both, NO_BREAKS, market="m", house="h", name_changes=[MERGER])
    told = "1 figure not used: about quarters between which a provider became part of another"
    assert [text for text in made.warnings if text.startswith(told)]
    plain = history(table(merged=True), MERGER)
    into = made.providers.index("Borealis")
    np.testing.assert_allclose(made.share[:, into], plain.share[:, into], atol=2e-3)


def test_a_stated_rest_and_a_sum_count_who_has_merged_where_it_is() -> None:
    shares = table(merged=True).filter(pl.col("provider") != "Others")
    last = str(FIRST + (QUARTERS - 1))
    gone = shares.filter(~((pl.col("period") == last) & pl.col("provider").is_in(["Borealis"])))
    summed = more((last, "Acme|Borealis", "share", 0.64))
    made = reconstruct(pl.concat([figures(gone), summed]), NO_BREAKS, market="m", house="h", name_changes=[MERGER])
    acme, into = (made.providers.index(name) for name in ("Acme", "Borealis"))
    assert made.share[-1, [acme, into]].sum() == pytest.approx(0.64, abs=0.004)
    assert made.status[-1][into] == Status.COMBINED
    assert made.share[-1, -1] == pytest.approx(0.36, abs=0.004)


@settings(max_examples=25)
@given(st.integers(0, QUARTERS + 2), st.integers(0, 2**32 - 1), st.sampled_from(["figures", "shares"]))
@example(2, 93, "shares")  # a quarter with a share of Borealis but none of Cygnus
def test_every_quarter_is_a_composition_whenever_the_merger_is(since: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    shares = table(quarters=6).filter(pl.Series(rng.random(24) < 0.9))
    change = NameChange("Cygnus", "Borealis", "merged", FIRST + since)
    made = history(shares, change, kind=kind)
    np.testing.assert_allclose(made.smoothed.sum(axis=1), 1.0)
    assert (made.smoothed >= 0.0).all()
    known = ~np.isnan(made.share).all(axis=1)
    np.testing.assert_allclose(np.nansum(made.share[known], axis=1), 1.0, atol=1e-9)
    if kind == "shares":
        assert "Cygnus" not in made.providers
    elif "Cygnus" in made.providers:
        gone = [quarter >= FIRST + since for quarter in made.quarters]
        assert (made.smoothed[gone, made.providers.index("Cygnus")] == 0.0).all()
        assert "Cygnus" not in prepare_history(made).providers


def test_a_share_under_the_new_name_takes_the_place_of_one_under_the_old_and_keeps_ids() -> None:
    def stored(name: str, share: float, day: date) -> pl.DataFrame:
        rows = {"market": "m", "period": "2023Q1", "provider": name, "share": share, "published_at": day}
        return share_statements(sound_shares(pl.DataFrame([rows]), dated=True), house="h", today=day)

    both = pl.concat([stored("Cygnus", 0.2, date(2023, 4, 1)), stored("Swan", 0.21, date(2023, 5, 1))])
    given = both.with_columns(kind=pl.lit("shares"))
    none = pl.DataFrame(schema=FIGURES.schema)
    plain = figures_in_force(none, given, None)
    made = figures_in_force(none, given, None, [RENAMING])
    assert plain.select("providers", "value").rows() == [("Cygnus", 0.2), ("Swan", 0.21)]
    assert made.select("providers", "value").rows() == [("Swan", 0.21)]
    assert made["figure_id"][0] == plain.filter(pl.col("providers") == "Swan")["figure_id"][0]
    early = figures_in_force(none, given, date(2023, 4, 30), [RENAMING]).filter(
        pl.col("published_at") <= date(2023, 4, 30)
    )
    assert early.select("providers", "value").rows() == [("Swan", 0.2)]
    assert set(STATEMENT_SCHEMA) < set(made.columns)


def test_a_backtest_scores_what_has_merged_as_one() -> None:
    made = backtest_figures(
        figures(table(merged=True)), NO_BREAKS, market="m", house="h", origins=6, horizon=2, models=("naive",),
        name_changes=[MERGER],
    )  # fmt: skip
    plain = backtest_figures(
        figures(table(together=True)), NO_BREAKS, market="m", house="h", origins=6, horizon=2, models=("naive",)
    )
    assert made.forecasts == plain.forecasts
    ours, theirs = ({(s.measure, s.horizon): s for s in found.scores} for found in (made, plain))
    for key in [key for key in ours if key[0] == "mae"]:
        assert ours[key].count == theirs[key].count
        assert ours[key].value == pytest.approx(theirs[key].value, abs=0.002)


def test_the_difference_of_two_days_is_found_with_the_names_of_each() -> None:
    found = forecast_changes(
        figures(table(merged=True)), NO_BREAKS, market="m", house="h", earlier=date(2023, 1, 31),
        later=date(2023, 6, 1), horizon=2, name_changes=[MERGER],
    )  # fmt: skip
    assert "Cygnus" in found.before.providers
    assert "Cygnus" not in found.after.providers
