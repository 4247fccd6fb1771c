"""`sharecast figures`: what was published, contradicted, restated."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from forecast.figures import CURATED_SCHEMA, load_figures
from forecast.listing import RESTATEMENTS_SCHEMA
from service.server import Server

Run = Callable[..., Result]
FIGURES = load_figures()


def rows(run: Run, *arguments: str) -> list[dict[str, object]]:
    found = run("figures", *arguments, "--format", "json")
    assert found.exit_code == 0, found.stderr
    listed: list[dict[str, object]] = json.loads(found.stdout)
    return listed


def test_the_figures_of_a_quarter_are_printed_as_they_were(run: Run) -> None:
    text = run("figures", "cn-cloud", "--quarter", "2020Q3").stdout
    assert text.startswith("cn-cloud, canalys: ")
    assert re.search(r"2020Q3 +Alibaba Cloud +40\.9 % +2020-11-27 +The Register and 1", text)
    assert re.search(r"2020Q3 +Alibaba Cloud +41 % +~2020-11-30", text)
    assert re.search(r"the market +\+65 % a year|the market +\+65\.[0-9] % a year", text)
    assert "inferred from others" in text


@pytest.mark.parametrize(
    "arguments",
    [("cn-cloud",), ("cn-cloud", "--conflicts"), ("--restatements",), ("--conflicts",), ("world-smartphones",)],
)
def test_every_page_fits_80_columns(run: Run, arguments: tuple[str, ...]) -> None:
    text = run("figures", *arguments).stdout
    assert len(text.splitlines()) > 10
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text  # nothing is cut off


def test_all_figures_are_there_as_rows(run: Run, tmp_path: Path) -> None:
    assert len(rows(run)) == FIGURES.height
    for ending, read in ((".csv", pl.read_csv), (".parquet", pl.read_parquet)):
        assert run("figures", "--output", f"f{ending}").stdout == ""
        table = read(tmp_path / f"f{ending}")
        assert (table.columns, table.height) == (list(CURATED_SCHEMA), FIGURES.height)


def test_filters_choose_the_rows(run: Run) -> None:
    found = rows(run, "world-smartphones", "--house", "idc", "--quarter", "2020Q3", "--provider", "Huawei")
    assert found
    assert {(row["market"], row["house"], row["period"]) for row in found} == {("world-smartphones", "idc", "2020Q3")}
    assert all("Huawei" in str(row["providers"]).split("|") for row in found)
    early = rows(run, "cn-cloud", "--as-of", "2020-06-30")
    assert early
    assert max(str(row["published_at"]) for row in early) <= "2020-06-30"


def test_conflicts_are_shown_with_both_sides_and_who_said_them(run: Run) -> None:
    text = run("figures", "cn-cloud", "--conflicts", "--quarter", "2023Q1").stdout
    assert "2023Q1 Alibaba Cloud + Baidu AI Cloud + Huawei Cloud + Tencent Cloud: share" in text.replace("\n", " ")
    assert re.search(r"79 % +[~0-9-]+ +\S", text)
    assert re.search(r"97 % +slip +[~0-9-]+ +\S", text)
    marks = {str(row["mark"]) for row in rows(run, "cn-cloud", "--conflicts")}
    assert {"ok", "slip"} <= marks


def test_what_the_history_counts_less_is_told_beside_the_conflicts(run: Run) -> None:
    text = " ".join(run("figures", "cn-cloud", "--conflicts").stdout.split())
    assert "cn-cloud, canalys: how the history takes it" in text
    assert "given less weight: Tencent Cloud 2020Q4 = 14.6 % (in a table that sums to 99.6 %)" in text
    assert "treated as an error: Baidu AI Cloud 2021Q3 = 8.8 %" in text
    one = run("figures", "cn-cloud", "--conflicts", "--quarter", "2021Q3").stdout
    assert "treated as an error: Baidu AI Cloud 2021Q3 = 8.8 %" in one
    assert "2020Q4" not in one
    # nobody knew of 97 for 79 before it was printed
    assert "treated as an error" not in run("figures", "cn-cloud", "--conflicts", "--as-of", "2019-12-31").stdout
    assert "how the history" not in run("figures", "cn-cloud", "--conflicts", "--format", "csv").stdout


def test_restatements_are_shown_from_old_to_new_with_their_days(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("world-cloud", "--house", "canalys", "--quarter", "2023Q2", "--restatements")
    assert re.search(r"2023Q2 +Azure +26 % → 18 % +2023-08-31 → 2024-08-31", run("figures", *arguments).stdout)
    (azure,) = (row for row in rows(run, *arguments) if row["providers"] == "Azure")
    assert set(azure) == set(RESTATEMENTS_SCHEMA)
    assert (azure["old_value"], azure["new_value"]) == (0.26, 0.18)
    before = rows(run, *arguments, "--as-of", "2024-08-30")
    assert before == []
    monkeypatch.setenv("COLUMNS", "140")
    assert "VoIP Caller → Canalys" in run("figures", *arguments).stdout


def test_nothing_to_show_is_said(run: Run) -> None:
    assert (
        run("figures", "cn-cloud", "--as-of", "2001-01-01").stdout == "nothing was published, as known on 2001-01-01\n"
    )
    assert run("figures", "cn-cloud", "--quarter", "2025Q4", "--restatements").stdout == "nothing was restated\n"
    assert run("figures", "cn-cloud", "--quarter", "2025Q4", "--conflicts").stdout == "nothing contradicts anything\n"
    assert rows(run, "cn-cloud", "--as-of", "2001-01-01") == []


def test_a_server_gives_the_same(run: Run, server: Server) -> None:
    for arguments in (
        ("cn-cloud", "--provider", "Huawei Cloud"),
        ("--quarter", "2020Q3", "--house", "canalys"),
        ("world-cloud", "--conflicts"),
        ("--restatements",),
    ):
        here = run("figures", *arguments)
        there = run("figures", *arguments, "--address", server.address)
        assert here.stdout == there.stdout != ""
        asked = (*arguments, "--as-of", "2021-01-15", "--format", "csv")
        assert run("figures", *asked).stdout == run("figures", *asked, "--address", server.address).stdout


def test_ones_own_figures_are_listed_beside_the_shipped_ones(run: Run, tmp_path: Path) -> None:
    own = pl.DataFrame({"market": ["compass"] * 2, "period": ["2022Q1", "2022Q2"], "provider": ["East"] * 2})
    own.with_columns(share=pl.Series([0.4, 0.5]), published_at=pl.lit("2022-12-01")).write_csv(tmp_path / "own.csv")
    assert run("import", "own.csv", "--database", "own.db").exit_code == 0
    found = rows(run, "compass", "--database", "own.db")
    assert [(row["house"], row["period"], row["value"]) for row in found] == [
        ("own", "2022Q1", 0.4),
        ("own", "2022Q2", 0.5),
    ]
    assert len(rows(run, "--database", "own.db")) == FIGURES.height + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("cn-clout",),
            "market 'cn-clout' is not known; did you mean cn-cloud? known: cn-cloud, world-cloud, world-smartphones",
        ),
        (("cn-cloud", "--house", "idc"), "house 'idc' is not known; known: canalys"),
        (("cn-cloud", "--provider", "Kodak"), "provider 'Kodak' is not known; known: AWS, Alibaba Cloud"),
        (("--quarter", "2020-09"), "quarter is '2020-09'; allowed: a quarter such as 2020Q3"),
        (("--as-of", "soon"), "'soon' is no date"),
        (("--conflicts", "--restatements"), "ask for one of them"),
        (("--address", "127.0.0.1:1", "--database", "x.db"), "--database is for this machine"),
        (("--figures", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_bad_usage_says_what_is_allowed(run: Run, arguments: tuple[str, ...], message: str) -> None:
    found = run("figures", *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert message in " ".join(found.stderr.split())
