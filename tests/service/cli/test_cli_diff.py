"""`sharecast diff`: what changed between two days."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from polars.testing import assert_frame_equal

from forecast.diff import forecast_changes
from forecast.figures import load_breaks, load_figures

Run = Callable[..., Result]
DAYS = ("--from", "2020-09-15", "--to", "2020-12-15")


def test_what_changed_is_printed_with_the_figures_that_changed_it(run: Run) -> None:
    text = run("diff", "cn-cloud", *DAYS, "--horizon", "2").stdout
    assert text.startswith("cn-cloud, canalys: what changed in the forecast from 2020-09-15 to 2020-12-15\n")
    assert "newest quarter 2020Q2, then 2020Q3 · model auto" in text
    assert re.search(r"[0-9]+ new statements; shares moved by [0-9.]+ points on average", text)
    assert re.search(r"2020Q4 +Alibaba Cloud +[0-9.]+ +[0-9.]+ +[+−]?[0-9.]+ +[0-9.]+–[0-9.]+ +[0-9.]+–[0-9.]+", text)
    assert re.search(r"[0-9.]+ +[+−][0-9.]+ +\S.* 2020Q3 Huawei Cloud: .*16\.2 %", text)
    assert "2020-11-27" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_rows_are_those_of_the_library(run: Run, tmp_path: Path) -> None:
    own = forecast_changes(
        load_figures(),
        load_breaks(),
        market="cn-cloud",
        earlier=date(2020, 9, 15),
        later=date(2020, 12, 15),
        horizon=2,
        levels=(0.5, 0.9),
    )
    options = (*DAYS, "--horizon", "2", "--level", "0.5", "--level", "0.9")
    assert run("diff", "cn-cloud", *options, "--output", "d.parquet").stdout == ""
    assert_frame_equal(pl.read_parquet(tmp_path / "d.parquet"), own.to_frame())
    assert run("diff", "cn-cloud", *options, "--rows", "figures", "--output", "f.parquet").exit_code == 0
    assert_frame_equal(pl.read_parquet(tmp_path / "f.parquet"), own.statements_frame())
    listed = json.loads(run("diff", "cn-cloud", *options, "--format", "json").stdout)
    assert {"lower_50_before", "upper_90_after", "change"} <= set(listed[0])
    text = run("diff", "cn-cloud", *options, "--rows", "figures", "--format", "csv").stdout
    assert text.startswith("market,house,kind,period,measure,providers,values,")


def test_several_levels_stand_below_each_other_and_none_is_cut_off(run: Run) -> None:
    options = ("--horizon", "1", "--level", "0.5", "--level", "0.8", "--level", "0.975")
    text = run("diff", "cn-cloud", *DAYS, *options).stdout
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text
    start = next(n for n, line in enumerate(lines) if line.startswith("2020Q4"))
    interval = r"[0-9.]+–[0-9.]+"
    for line, level in zip(lines[start : start + 3], ("50", "80", "97.5"), strict=True):
        assert re.search(rf" {level} % +{interval} +{interval}", line)


def test_nothing_new_is_said(run: Run) -> None:
    text = run("diff", "cn-cloud", "--from", "2020-01-15", "--to", "2020-01-16", "--horizon", "1").stdout
    assert "nothing new: no figure was published in between, and the forecast is the same" in text
    assert "points: on average" not in text
    assert (
        json.loads(
            run(
                "diff",
                "cn-cloud",
                "--from",
                "2020-01-15",
                "--to",
                "2020-01-16",
                "--rows",
                "figures",
                "--format",
                "json",
            ).stdout
        )
        == []
    )


def test_a_revision_is_told_with_its_break_and_what_was_said_before(run: Run) -> None:
    text = run("diff", "world-cloud", "--from", "2024-08-20", "--to", "2024-09-30", "--horizon", "1").stdout
    assert "declared break(s) of the series" in text
    flat = " ".join(text.split())
    assert "break of the series before 2022Q1" in flat
    assert re.search(r"2023Q4 AWS: 34 % \(before: 31 %", flat)
    assert max(map(len, text.splitlines())) <= 80


def test_ones_own_shares_are_compared_with_what_they_replaced(run: Run, tmp_path: Path) -> None:
    def write(name: str, last: float, day: str) -> None:
        quarters = [f"{year}Q{n}" for year in (2021, 2022) for n in (1, 2, 3, 4)]
        west = [0.5, 0.49, 0.48, 0.47, 0.46, 0.45, 0.44, last]
        cells = [
            (q, p, s if p == "West" else 1 - s) for q, s in zip(quarters, west, strict=True) for p in ("West", "East")
        ]
        frame = pl.DataFrame(cells, schema=["period", "provider", "share"], orient="row")
        frame.with_columns(market=pl.lit("compass"), published_at=pl.lit(day)).write_csv(tmp_path / name)

    write("first.csv", 0.43, "2023-02-01")
    write("second.csv", 0.53, "2023-05-01")
    for name in ("first.csv", "second.csv"):
        assert run("import", name, "--database", "own.db").exit_code == 0
    options = ("--from", "2023-03-01", "--to", "2023-06-01", "--horizon", "1", "--database", "own.db")
    found = json.loads(run("diff", "compass", *options, "--rows", "figures", "--format", "json").stdout)
    said = {(row["period"], row["providers"]) for row in found if row["kind"] == "figure"}
    assert said == {("2022Q4", "West"), ("2022Q4", "East")}
    west = next(row for row in found if row["providers"] == "West")
    assert (west["values"], west["known_values"]) == ("0.53", "0.43")
    moved = json.loads(run("diff", "compass", *options, "--format", "json").stdout)
    assert next(row for row in moved if row["provider"] == "West")["change"] > 0.03
    renamed = json.loads(run("diff", "compass", *options, "--renamed", "West=Occident", "--format", "json").stdout)
    names = {"West": "Occident"}
    assert {row["provider"] for row in renamed} == {names.get(row["provider"], row["provider"]) for row in moved}
    early = run("diff", "compass", *options, "--recorded-by", "2023-01-01")
    assert early.exit_code == 2 and "'compass' is not known" in early.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cn-cloud", "--from", "2020-09-15"), "Missing option '--to'"),
        (("cn-cloud", "--from", "2020-09-15", "--to", "then"), "'then' is no date; give a date such as 2021-01-15"),
        (("cn-cloud", "--from", "2020-09-15", "--to", "2020-09-15"), "later is '2020-09-15'; allowed: a day after"),
        (("cn-clout", *DAYS), "market 'cn-clout' is not known; did you mean cn-cloud? known: cn-cloud"),
        (("cn-cloud", "--house", "idc", *DAYS), "house 'idc' is not known; known: canalys"),
        (("cn-cloud", "--from", "2001-01-01", "--to", "2020-09-15"), "'cn-cloud' has too few quarters with data"),
        (("cn-cloud", "--horizon", "0", *DAYS), "horizon is 0; allowed: 1 to 40"),
        (("cn-cloud", "--level", "80", *DAYS), "did you mean 0.8"),
        (("cn-cloud", "--renamed", "Tencnt Cloud=Swan", *DAYS), "'Tencnt Cloud' is not known; did you mean Tencent"),
    ],
)
def test_bad_usage_says_what_is_allowed(run: Run, arguments: tuple[str, ...], message: str) -> None:
    found = run("diff", *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert message in " ".join(found.stderr.split())
