from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.data import make_figures
from forecast.errors import InvalidTable, NotFound
from forecast.figures import (
    BREAKS_SCHEMA,
    CURATED_SCHEMA,
    conflicts,
    known_as_of,
    list_markets,
    load_breaks,
    load_figures,
    prepare_figures,
)
from forecast.quarter import Quarter
from forecast.schema import period_end

DATA = Path(make_figures.__file__).parent
RAW = pl.read_csv(DATA / "raw" / "figures.csv", infer_schema_length=None)


def cell(period: str, providers: str, *, market: str = "cn-cloud", house: str = "canalys") -> pl.DataFrame:
    """The share figures of one cell."""
    return load_figures().filter(
        pl.col("market") == market,
        pl.col("house") == house,
        pl.col("period") == period,
        pl.col("providers") == providers,
        pl.col("measure") == "share",
    )


def raw_figures(*changes: Mapping[str, object]) -> pl.DataFrame:
    """Raw rows about Alibaba in 2020Q3, each with its own page unless told otherwise."""
    rows = [
        {
            "market": "cn-cloud",
            "research_house": "canalys",
            "period": "2020Q3",
            "providers": "Alibaba Cloud",
            "measure": "share",
            "value": 0.409,
            "qualifier": "exact",
            "decimals": 1,
            "publisher": f"Paper {place}",
            "published": "2020-12-18",
            "source_url": f"https://example.org/{place}",
            "note": None,
            **change,
        }
        for place, change in enumerate(changes)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def test_the_script_makes_the_shipped_files_byte_for_byte(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forecast.data.make_figures", str(DATA / "raw" / "figures.csv"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=DATA.parent.parent)
    for name in ("figures.csv", "breaks.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_the_shipped_file_holds_every_statement_of_every_market_and_house() -> None:
    figures = load_figures()
    assert dict(figures.schema) == {name: dtype() for name, dtype in CURATED_SCHEMA.items()}
    counts = {(market, house): n for market, house, n in figures.group_by("market", "house").len().iter_rows()}
    assert counts == {
        ("cn-cloud", "canalys"): 234,
        ("world-cloud", "canalys"): 463,
        ("world-cloud", "synergy"): 211,
        ("world-cloud", "unclear"): 3,
        ("world-smartphones", "abi"): 98,
        ("world-smartphones", "canalys"): 636,
        ("world-smartphones", "counterpoint"): 495,
        ("world-smartphones", "idc"): 798,
        ("world-smartphones", "strategy_analytics"): 79,
    }
    statement = ["market", "providers", "period", "measure", "value", "qualifier", "decimals"]
    assert figures.select("house", "published_at", *statement).is_unique().all()
    again = figures.filter(figures.select("house", *statement).is_duplicated())
    # only what a declared revision confirmed stands twice
    assert set(again["period"]) <= {f"{y}Q{q}" for y in (2018, 2019, 2022, 2023, 2024) for q in (1, 2, 3, 4)}
    assert set(again["market"]) == {"world-cloud"} and again.height == 12
    # every raw statement is there, providers taken as a set
    as_set = pl.col("providers").str.split("|").list.sort().list.join("|")
    lost = RAW.with_columns(as_set).join(figures, on=["research_house", *statement], how="anti")
    renamed = lost.with_columns(research_house=pl.lit("canalys")).join(figures, on=["research_house", *statement])
    assert lost.height == renamed.height  # those left are Omdia's reprints of a Canalys figure, folded into it


def test_every_shipped_figure_has_an_address_a_date_after_its_period_and_an_id_of_its_own() -> None:
    figures = load_figures()
    # nine raw rows come from an index of code that gives no web address; they keep what it gives
    assert figures["source_url"].str.contains(r"^(https?://\S+|github-index:id=[0-9]+)$").all()
    assert figures.filter(~pl.col("source_url").str.starts_with("http"))["market"].unique().to_list() == ["cn-cloud"]
    assert figures["published_at"].null_count() == 0
    assert figures.select((pl.col("published_at") > period_end()).all()).item()
    assert figures["figure_id"].is_unique().all() and (figures["figure_id"] > 0).all()
    assert (figures["pages"] >= 1).all() and set(figures["mark"]) == {"ok", "conflict", "slip"}


def test_the_figures_of_2020q3_are_as_the_register_printed_them() -> None:
    printed = {"Alibaba Cloud": 0.409, "Huawei Cloud": 0.162, "Tencent Cloud": 0.158, "Baidu AI Cloud": 0.071}
    for provider, share in printed.items():
        figure = cell("2020Q3", provider).filter(pl.col("decimals") == 1)
        told = ("value", "mark", "published_at", "published_inferred", "pages", "publisher")
        assert figure.select(told).rows() == [(share, "ok", date(2020, 11, 27), False, 2, "The Register")]


@pytest.mark.parametrize(
    ("period", "providers", "wrong"),
    [
        ("2019Q4", "Alibaba Cloud", 0.466),
        ("2020Q4", "Tencent Cloud", 0.146),
        ("2021Q3", "Baidu AI Cloud", 0.088),
        ("2023Q1", "Alibaba Cloud|Baidu AI Cloud|Huawei Cloud|Tencent Cloud", 0.97),
        ("2019", "Baidu AI Cloud", 0.173),
        ("2019Q1", "Tencent Cloud", 0.18),
        ("2020Q3", "Alibaba Cloud", 0.4),
        ("2020Q3", "Tencent Cloud", 0.15),
    ],
)
def test_the_known_slips_of_the_press_are_marked_and_what_they_belie_is_not(
    period: str, providers: str, wrong: float
) -> None:
    marks = dict(cell(period, providers).select("value", "mark").iter_rows())
    assert marks.pop(wrong) == "slip"
    assert set(marks.values()) <= {"ok"}


def test_two_values_that_both_may_be_right_are_both_marked_as_conflict() -> None:
    assert cell("2019Q2", "Tencent Cloud").select("value", "mark").rows() == [(0.174, "conflict"), (0.172, "conflict")]


def test_a_restatement_is_no_conflict_and_is_known_only_from_its_release() -> None:
    azure = cell("2022Q1", "Azure", market="world-cloud")
    assert azure.select("value", "mark").rows() == [(0.21, "ok"), (0.17, "ok")]
    first, restated = azure["published_at"]
    assert first == date(2022, 4, 29) and restated == date(2024, 8, 31)
    assert azure["published_inferred"].to_list() == [False, True]


def test_a_joint_share_that_means_each_is_told_of_each() -> None:
    joint = load_figures().filter(pl.col("note").str.contains("'joint' means each"))
    assert joint.select("providers", "value").rows() == [("Huawei Cloud", 0.16), ("Tencent Cloud", 0.16)]


def test_providers_of_a_combined_share_are_a_sorted_set() -> None:
    combined = load_figures().filter(pl.col("providers").str.contains("|", literal=True))["providers"].to_list()
    assert combined and all(name.split("|") == sorted(set(name.split("|"))) for name in combined)


def test_omdia_continues_the_series_of_canalys_under_its_own_name() -> None:
    omdia = load_figures().filter(pl.col("research_house") == "omdia (ex-canalys)")
    assert set(omdia["house"]) == {"canalys"} and omdia["period"].max() == "2025Q4"
    assert "omdia (ex-canalys)" not in load_figures()["house"]


def test_the_breaks_are_declared_with_the_release_that_told_of_them() -> None:
    breaks = load_breaks()
    assert dict(breaks.schema) == {name: dtype() for name, dtype in BREAKS_SCHEMA.items()}
    assert breaks.select("market", "house", "period", "last_period", "kind", "published_at").rows() == [
        ("cn-cloud", "canalys", "2020Q1", None, "definition", date(2020, 6, 17)),
        ("cn-cloud", "canalys", "2023Q2", None, "level_shift", date(2023, 9, 30)),
        ("cn-cloud", "canalys", "2025Q1", None, "definition", date(2025, 7, 11)),
        ("world-cloud", "canalys", "2018Q4", "2019Q2", "revision", date(2020, 2, 29)),
        ("world-cloud", "canalys", "2019Q3", None, "level_shift", date(2019, 11, 30)),
        ("world-cloud", "canalys", "2022Q1", "2024Q1", "revision", date(2024, 8, 31)),
    ]
    assert breaks["source_url"].str.starts_with("http").all()


def test_the_revision_of_2022_to_2024_moves_azure_down_and_aws_up_as_declared() -> None:
    revision = load_breaks().filter(pl.col("last_period") == "2024Q1").row(0, named=True)
    shares = load_figures().filter(
        pl.col("market") == "world-cloud",
        pl.col("house") == "canalys",
        pl.col("period").is_between(pl.lit(revision["period"]), pl.lit(revision["last_period"])),
        pl.col("measure") == "share",
        pl.col("decimals") == 0,
    )
    for provider, low, high in (("Azure", -0.085, -0.035), ("AWS", 0.005, 0.035)):
        of_provider = shares.filter(pl.col("providers") == provider)
        old = (
            of_provider.filter(pl.col("published_at") < revision["published_at"])
            .group_by("period")
            .agg(pl.first("value"))
        )
        new = of_provider.filter(pl.col("published_at") >= revision["published_at"])
        moved = new.join(old, on="period", suffix="_old").select(pl.col("value") - pl.col("value_old")).to_series()
        assert len(moved) >= 8 and moved.is_between(low, high).all()


def test_a_break_without_a_release_behind_it_cannot_be_declared() -> None:
    with pytest.raises(NotFound, match="cn-cloud canalys 2020Q1"):
        make_figures.make_breaks(load_figures().filter(pl.col("period") != "2020Q1"))


@pytest.mark.parametrize(
    ("published", "at", "inferred"),
    [
        ("2020-12-18", date(2020, 12, 18), False),
        ("2020-12-18 (date via Ajunews)", date(2020, 12, 18), True),
        ("2020-11", date(2020, 11, 30), True),
        ("2020-11 (inferred)", date(2020, 11, 30), True),
        ("2020-11/12 (inferred)", date(2020, 12, 31), True),
        ("2020-09", date(2020, 10, 1), True),  # the quarter was not over before
        ("'12 10 2020' as printed", date(2020, 12, 10), True),  # not 12 October: the release came in December
        ("2020", date(2020, 12, 31), True),
        ("2021 (undated copy)", date(2021, 1, 31), True),
        (None, date(2020, 12, 31), True),
    ],
)
def test_each_form_of_a_publication_date_is_read(published: str | None, at: date, inferred: bool) -> None:
    raw = raw_figures(
        {"value": 0.162, "providers": "Huawei Cloud"}, {"published": published}
    )  # the first tells the month
    figure = prepare_figures(raw).filter(pl.col("providers") == "Alibaba Cloud")
    assert figure.select("published_at", "published_inferred").rows() == [(at, inferred)]


def test_an_undated_page_counts_as_published_with_the_newest_quarter_it_speaks_of() -> None:
    page = {"published": None, "source_url": "https://example.org/table"}
    raw = raw_figures(
        {"published": "2021-06-02", "period": "2021Q1"}, page, {**page, "period": "2021Q1", "value": 0.38}
    )
    restated = prepare_figures(raw).filter(pl.col("source_url") == page["source_url"])
    assert restated["published_at"].to_list() == [date(2021, 6, 30)] * 2


def test_an_undated_page_about_two_houses_has_one_date() -> None:
    page = {"published": None, "source_url": "https://example.org/both"}
    raw = raw_figures(
        {"published": "2020-10-20", "research_house": "idc"},
        {"published": "2020-12-18"},
        page | {"value": 0.41},
        page | {"value": 0.41, "research_house": "idc"},
    )
    both = prepare_figures(raw).filter(pl.col("source_url") == page["source_url"])
    assert both.select("house", "published_at").rows() == [
        ("canalys", date(2020, 12, 31)),
        ("idc", date(2020, 12, 31)),
    ]


def test_without_a_dated_page_of_that_quarter_the_usual_lag_of_the_house_is_taken() -> None:
    dated: list[dict[str, object]] = [
        {"period": "2019Q4", "published": "2020-02-05"},
        {"period": "2020Q1", "published": "2020-05-08"},
        {"period": "2020Q2", "published": "2020-09-28"},
    ]
    figures = prepare_figures(raw_figures(*dated, {"published": None}))
    assert figures.filter(pl.col("period") == "2020Q3")["published_at"].to_list() == [date(2020, 11, 30)]
    alone = prepare_figures(raw_figures({"published": None}))
    assert alone["published_at"].to_list() == [date(2020, 12, 31)]


def test_reprints_fold_to_the_earliest_page_and_count_addresses_not_rows() -> None:
    raw = raw_figures(
        {"published": "2020-12-20", "note": "copy"},
        {"published": "2020-12-18", "providers": " Alibaba Cloud"},
        {"published": "2020-12-21", "note": "copy", "source_url": "https://example.org/0"},
    )
    figures = prepare_figures(raw)
    assert figures.select("publisher", "published_at", "pages", "note").rows() == [
        ("Paper 1", date(2020, 12, 18), 2, "copy")
    ]


def test_an_undated_copy_never_sets_the_date() -> None:
    raw = raw_figures(
        {"published": None, "note": "copy of the column below"},
        {"published": "2021-04-01"},
        {"published": "2020-12-01", "providers": "Huawei Cloud", "value": 0.162},
    )
    assert prepare_figures(raw).filter(pl.col("value") == 0.409)["published_at"].to_list() == [date(2021, 4, 1)]


def test_statements_that_print_or_qualify_a_value_differently_stay_apart() -> None:
    figures = prepare_figures(
        raw_figures({"value": 0.4}, {"value": 0.4, "decimals": 0}, {"value": 0.4, "qualifier": "about"})
    )
    assert figures.height == 3 and set(figures["mark"]) == {"ok"}


@pytest.mark.parametrize(
    ("other", "marks"),
    [
        ({"value": 0.41, "decimals": 0}, {"ok"}),  # 40.9 rounds to 41
        ({"value": 0.42, "decimals": 0}, {"conflict"}),
        ({"value": 0.42, "decimals": 0, "qualifier": "about"}, {"conflict"}),
        ({"value": 0.418, "qualifier": "about", "decimals": 0}, {"ok"}),
        ({"value": 0.4, "decimals": 0, "qualifier": "more_than"}, {"ok"}),
        ({"value": 0.42, "decimals": 0, "qualifier": "more_than"}, {"conflict"}),
        ({"value": 0.42, "decimals": 0, "qualifier": "less_than"}, {"ok"}),
        ({"value": 0.38, "decimals": 0, "published": "2021-12-09"}, {"ok"}),  # a restatement, a year on
        ({"value": 0.38, "decimals": 0, "published": "2021-12-09", "note": "conflict: others 40.9"}, {"conflict"}),
        ({"value": 0.38, "decimals": 0, "note": "digits transposed"}, {"ok", "slip"}),
        ({"value": 0.38, "decimals": 0, "research_house": "idc"}, {"ok"}),  # houses measure different things
    ],
)
def test_values_conflict_when_printed_rounding_cannot_reconcile_them(other: dict[str, object], marks: set[str]) -> None:
    assert set(prepare_figures(raw_figures({}, other))["mark"]) == marks


@settings(deadline=None, max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_raw_rows_changes_no_statement(random: object) -> None:
    sample = RAW.filter(pl.col("market") == "cn-cloud")
    shuffled = sample.sample(fraction=1.0, shuffle=True, seed=random.randrange(10**6))  # type: ignore[attr-defined]
    kept = ["figure_id", "value", "mark", "published_at", "published_inferred", "pages"]
    assert_frame_equal(prepare_figures(shuffled).select(kept), prepare_figures(sample).select(kept))


def test_adding_figures_renumbers_none() -> None:
    part = prepare_figures(RAW.filter(pl.col("market") == "cn-cloud"))
    assert set(part["figure_id"]) <= set(load_figures()["figure_id"])


@settings(deadline=None, max_examples=25)
@given(st.dates(date(2011, 1, 1), date(2026, 12, 31)))
def test_nothing_is_known_before_it_was_published(as_of: date) -> None:
    figures = load_figures()
    known = known_as_of(figures, as_of)
    assert known.columns == figures.columns
    assert_frame_equal(known.drop("mark"), figures.filter(pl.col("published_at") <= as_of).drop("mark"))


def test_a_conflict_is_known_only_once_both_values_are_published() -> None:
    raw = raw_figures({}, {"value": 0.43, "published": "2021-01-10"})
    figures = prepare_figures(raw)
    assert known_as_of(figures, None)["mark"].to_list() == ["conflict"] * 2
    assert known_as_of(figures, date(2021, 1, 10))["mark"].to_list() == ["conflict"] * 2
    assert known_as_of(figures, date(2021, 1, 9))["mark"].to_list() == ["ok"]


def test_conflicts_lists_the_cells_in_doubt() -> None:
    listed = conflicts(load_figures())
    row = listed.filter(pl.col("period") == "2019Q2", pl.col("market") == "cn-cloud").row(0, named=True)
    assert (row["providers"], row["mark"], row["lowest"], row["highest"]) == ("Tencent Cloud", "conflict", 0.172, 0.174)
    assert sorted(row["figure_ids"]) == sorted(cell("2019Q2", "Tencent Cloud")["figure_id"])
    slip = listed.filter(pl.col("period") == "2021Q3", pl.col("market") == "cn-cloud").row(0, named=True)
    assert (slip["mark"], slip["figures"], len(slip["figure_ids"])) == ("slip", 2, 1)


def test_the_markets_are_listed_with_who_measures_what_and_when() -> None:
    infos = {info.market: info for info in list_markets(load_figures())}
    assert list(infos) == ["cn-cloud", "world-cloud", "world-smartphones"]
    (china,) = infos["cn-cloud"].houses
    assert china.name == "canalys" and china.figures == 234
    assert (china.first, china.last) == (Quarter.parse("2019Q1"), Quarter.parse("2025Q4"))
    assert china.providers == ("Alibaba Cloud", "Huawei Cloud", "Tencent Cloud", "Baidu AI Cloud", "AWS")
    assert china.vintages == tuple(sorted(set(china.vintages))) and china.vintages[-1] == date(2026, 7, 8)
    assert infos["world-smartphones"].houses[0].name == "idc"


def test_a_house_with_whole_years_only_has_no_first_quarter() -> None:
    ((house,),) = (info.houses for info in list_markets(prepare_figures(raw_figures({"period": "2019"}))))
    assert house.first is None and house.last is None and house.figures == 1


def test_loading_gives_a_frame_of_ones_own() -> None:
    mine = load_figures()
    mine.drop_in_place("value")
    assert "value" in load_figures().columns


def test_a_bad_raw_figure_is_refused_by_the_name_of_its_table() -> None:
    with pytest.raises(InvalidTable, match=r"mine\.csv: row 2: value is 40\.9; expected "):
        prepare_figures(raw_figures({}, {"value": 40.9}), table="mine.csv")
