import io
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

Run = Callable[..., Result]


RAW = Path(str(files("forecast.data"))) / "raw" / "figures.csv"


def test_markets_lists_houses_quarters_and_providers(run: Run) -> None:
    text = run("markets").stdout
    assert "cn-cloud" in text
    assert "2019Q1–2025Q4" in text
    assert "Baidu AI Cloud" in text
    assert max(map(len, text.splitlines())) <= 80


def test_markets_as_rows(run: Run) -> None:
    rows = json.loads(run("markets", "--format", "json").stdout)
    assert {"market", "house", "first", "last", "figures", "newest", "providers"} == set(rows[0])
    assert {row["market"] for row in rows} == {"cn-cloud", "world-cloud", "world-smartphones"}
    assert next(row for row in rows if row["market"] == "cn-cloud")["providers"].startswith(
        "Alibaba Cloud|Huawei Cloud"
    )


@pytest.mark.parametrize("market", ["cn-cloud", "world-smartphones"])
def test_a_history_fits_80_columns_and_marks_how_each_share_is_known(run: Run, market: str) -> None:
    text = run("history", market).stdout
    assert text.startswith(f"{market}, canalys: history of ")
    assert max(map(len, text.splitlines())) <= 80
    assert "reported" in text
    assert "combined" in text
    body = text.split("───\n", 1)[1]
    assert all(mark in body for mark in ("~", "–", "*" if market == "cn-cloud" else "~"))


def test_a_history_shows_the_shares_of_the_rows_in_per_cent(run: Run) -> None:
    text = run("history", "cn-cloud", "--as-of", "2021-01-15").stdout
    assert "as known on 2021-01-15" in text
    row = next(line for line in text.splitlines() if line.startswith("2020Q3"))
    rows = json.loads(run("history", "cn-cloud", "--as-of", "2021-01-15", "--format", "json").stdout)
    marks = {"reported": "{:.1f}", "combined": "{:.1f}*", "inferred": "~{:.1f}"}
    cells = [marks[cell["status"]].format(100 * cell["share"]) for cell in rows if cell["period"] == "2020Q3"]
    assert row.split()[1:] == cells
    assert "40.8" in cells  # printed 40.9, and 40 where a page cut it off


def test_a_history_in_a_file_takes_the_form_of_its_ending(run: Run) -> None:
    columns = ["market", "house", "period", "provider", "share", "sd", "status"]
    for ending, read in ((".csv", pl.read_csv), (".json", pl.read_json), (".parquet", pl.read_parquet)):
        result = run("history", "cn-cloud", "--output", f"h{ending}")
        assert (result.exit_code, result.stdout) == (0, "")
        assert read(f"h{ending}").columns == columns
    piped = run("history", "cn-cloud", "--format", "parquet")
    assert pl.read_parquet(io.BytesIO(piped.stdout_bytes)).columns == columns


def test_a_table_can_go_into_a_file(run: Run, tmp_path: Path) -> None:
    assert run("history", "cn-cloud", "--format", "table", "--output", "h.txt").stdout == ""
    text = (tmp_path / "h.txt").read_text(encoding="utf-8")
    assert text.startswith("cn-cloud, canalys: history of ")
    assert "\x1b" not in text


def test_a_users_own_figures_take_the_place_of_the_shipped_ones(run: Run, tmp_path: Path) -> None:
    raw = pl.read_csv(RAW, infer_schema_length=None)
    own = raw.filter((pl.col("market") == "cn-cloud") & pl.col("period").is_in(["2020Q2", "2020Q3"]))
    own.with_columns(market=pl.lit("my-market")).write_parquet(tmp_path / "own.parquet")
    assert [r["market"] for r in json.loads(run("markets", "--figures", "own.parquet", "--format", "json").stdout)] == [
        "my-market"
    ]
    rows = json.loads(run("history", "my-market", "--figures", "own.parquet", "--format", "json").stdout)
    assert {row["period"] for row in rows} == {"2020Q2", "2020Q3"}
    forecast = run("forecast", "my-market", "--figures", "own.parquet", "--format", "json", "--horizon", "2")
    assert {row["origin"] for row in json.loads(forecast.stdout)} == {"2020Q3"}
    assert "'cn-cloud' is not known; known: my-market" in run("history", "cn-cloud", "--figures", "own.parquet").stderr


def test_a_figures_file_that_breaks_a_rule_is_named_with_row_and_value(run: Run, tmp_path: Path) -> None:
    raw = pl.read_csv(RAW, infer_schema_length=None).head(5)
    raw.with_columns(value=pl.Series([0.4, 0.4, 1.7, 0.4, 0.4])).write_csv(tmp_path / "own.csv")
    result = run("history", "cn-cloud", "--figures", "own.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "own.csv: row 3: value is 1.7; expected a fraction of 0 to 1" in result.stderr


def test_a_history_chart_is_written_beside_the_table(run: Run, tmp_path: Path) -> None:
    result = run("history", "cn-cloud", "--chart", "h.svg")
    assert result.stdout.startswith("cn-cloud")
    assert "chart: h.svg" in result.stderr
    assert (tmp_path / "h.svg").read_bytes().lstrip().startswith(b"<")


def test_no_market_is_told_what_there_is(run: Run) -> None:
    result = run("history", "cn-cloud", "--house", "idc")
    assert result.exit_code == 2
    assert "house 'idc' is not known; known: canalys" in result.stderr
