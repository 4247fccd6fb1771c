import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from service.server import Server

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Run = Callable[..., Result]


ASKED = ["forecast", "cn-cloud", "--as-of", "2021-01-15", "--horizon", "8", "--level", "0.8", "--level", "0.95"]


def test_the_forecasts_table_as_json(run: Run, tmp_path: Path) -> None:
    result = run(*ASKED, "--format", "json", "--output", "a.json")
    assert (result.exit_code, result.stdout) == (0, "")
    rows = json.loads((tmp_path / "a.json").read_text())
    assert list(rows[0]) == [
        *("market", "provider", "origin", "period", "horizon", "mean", "median"),
        *("lower_80", "upper_80", "lower_95", "upper_95"),
    ]
    assert {row["origin"] for row in rows} == {"2020Q3"}
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row["period"]] += row["mean"]
        assert 0 <= row["lower_95"] <= row["lower_80"] <= row["upper_80"] <= row["upper_95"] <= 1
    assert list(sums) == ["2020Q4", *(f"2021Q{n}" for n in range(1, 5)), *(f"2022Q{n}" for n in range(1, 4))]
    assert all(abs(total - 1) < 1e-9 for total in sums.values())


def test_a_server_gives_the_very_same_rows(run: Run, server: Server) -> None:
    asked = [*ASKED, "--seed", "3", "--format", "csv"]
    here, there = run(*asked), run(*asked, "--address", server.address)
    assert there.exit_code == 0
    assert here.stdout == there.stdout


def test_the_table_says_what_it_was_made_from_and_fits_80_columns(run: Run, server: Server) -> None:
    for address in ([], ["--address", server.address]):
        text = run(*ASKED, *address).stdout
        assert text.startswith("cn-cloud, canalys: forecast of 2020Q4 to 2022Q3\n")
        assert "origin 2020Q3 · as known on 2021-01-15 · " in text
        assert "Source: " in text
        assert "model auto" in text
        assert "seed 0" in text
        assert max(map(len, text.splitlines())) <= 80
        for provider in ("Alibaba Cloud", "Huawei Cloud", "Tencent Cloud", "Baidu AI Cloud", "Others"):
            assert provider in text


def test_the_table_shows_the_numbers_of_the_rows_in_per_cent(run: Run) -> None:
    rows = json.loads(run(*ASKED, "--format", "json").stdout)
    text = run(*ASKED).stdout.splitlines()
    at = next(n for n, line in enumerate(text) if line.startswith("2020Q4"))
    first = [row for row in rows if row["period"] == "2020Q4"]
    assert text[at].split()[1:] == [f"{100 * row['mean']:.1f}" for row in first]
    assert text[at + 1].split()[2:] == [f"{100 * row['lower_80']:.1f}–{100 * row['upper_80']:.1f}" for row in first]
    assert text[at + 2].split()[2:] == [f"{100 * row['lower_95']:.1f}–{100 * row['upper_95']:.1f}" for row in first]


def test_many_providers_go_on_below(run: Run) -> None:
    text = run("forecast", "world-smartphones", "--horizon", "2").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert sum(line.startswith("2026Q1") for line in text.splitlines()) > 1
    assert "Others" in text


def test_the_ending_gives_the_form(run: Run) -> None:
    assert run("forecast", "cn-cloud", "--horizon", "1", "--output", "f.parquet").exit_code == 0
    assert "upper_95" in pl.read_parquet("f.parquet").columns


@pytest.mark.parametrize("ending", ["png", "svg", "html"])
def test_a_fan_chart_is_written(run: Run, tmp_path: Path, ending: str) -> None:
    result = run("forecast", "cn-cloud", "--chart", f"c.{ending}")
    assert result.exit_code == 0
    start = (tmp_path / f"c.{ending}").read_bytes()[:200].lstrip().lower()
    assert start.startswith({"png": b"\x89png", "svg": b"<", "html": b"<!doctype html"}[ending])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--horizon", "0"], "horizon is 0; allowed: 1 to 40"),
        (["--horizon", "-1"], "horizon is -1; allowed: 1 to 40"),
        (["--horizon", "41"], "horizon is 41; allowed: 1 to 40"),
        (["--horizon", "8.5"], "'--horizon': '8.5' is not a valid integer"),
        (["--level", "0"], "levels is 0.0; allowed: a proportion between 0 and 1"),
        (["--level", "1"], "levels is 1.0; allowed: a proportion between 0 and 1"),
        (["--level", "80"], "did you mean 0.8?"),
        (["--level", "nan"], "levels is nan"),
        (["--level", "high"], "'--level': 'high' is not a valid float"),
        (["--level", "0.8", "--level", "0.8"], "allowed: each level once"),
        (["--model", "oracle"], "model 'oracle' is not known; known: auto, naive"),
        (["--house", "gartner"], "house 'gartner' is not known; known: canalys"),
        (["--as-of", "2021-02-30"], "'2021-02-30' is no date; give a date such as 2021-01-15"),
        (["--as-of", "1999-01-01"], "as of 1999-01-01"),
        (["--seed", "-1"], "'--seed': -1 is not in the range"),
        (["--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'parquet'"),
        (["--output", "f.xlsx"], "'.xlsx'"),
        (["--output", "."], ". is a folder; give the name of a file to write"),
        (["--output", "none/f.csv"], "no folder"),
        (["--output", "f.csv", "--format", "json"], "format is 'json'; allowed: what the ending of 'f.csv' says"),
        (["--chart", "c.pdf"], "c.pdf does not end as a chart does; give a file that ends in .png, .svg, .html"),
        (["--chart", "none/c.png"], "no folder"),
        (
            ["--event", "Hauwei leads"],
            "no provider is called 'Hauwei'; did you mean Huawei Cloud? ",
        ),
        (["--event", "Huawei leads", "--event", "Huawei > 40 in 2026Q4"], "'40' is more than all; did you mean 40 %?"),
        (
            ["--condition", "Huawei = 20 % in 2030Q4"],
            "2030Q4 is not among the quarters forecast; ask of 2026Q1 to",
        ),
        (["--event", "Huawei leads", "--revenue", "--format", "csv"], "rows of their own for programs; give one"),
        (["--league", "--revenue", "--format", "csv"], "rows of their own for programs; give one"),
        (["--figures", "f.csv"], "f.csv does not exist"),
        (["--figures", "f.csv", "--address", "127.0.0.1:1"], "give one"),
        (["--address", "127.0.0.1:1"], "the service is unavailable"),
    ],
)
def test_bad_usage_is_one_message_and_status_2(run: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    result = run("forecast", "cn-cloud", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--horizon", "41"], ["--level", "80"], ["--house", "gartner"]])
def test_a_server_refuses_what_this_process_refuses_in_the_same_words(
    run: Run, server: Server, arguments: list[str]
) -> None:
    here = run("forecast", "cn-cloud", *arguments)
    there = run("forecast", "cn-cloud", *arguments, "--address", server.address)
    assert (here.exit_code, here.stderr) == (there.exit_code, there.stderr)


def test_events_are_told_with_their_probability_and_what_was_so_before(run: Run) -> None:
    asked = [*ASKED, "--event", "Huawei overtakes Tencent by 2022Q3", "--event", "alibaba > 40 % in 2021Q4"]
    rows = json.loads(run(*asked, "--format", "json").stdout)
    assert [row["event"] for row in rows] == [
        "Huawei Cloud overtakes Tencent Cloud by 2022Q3",
        "Alibaba Cloud > 40 % in 2021Q4",
    ]
    assert all(0.0 <= row["probability"] <= 1.0 for row in rows)
    text = run(*asked).stdout
    assert max(map(len, text.splitlines())) <= 80
    for row in rows:
        assert f" {100 * row['probability']:.1f} %" in text or "over 99.9 %" in text
        assert row["reference"].startswith("2020Q3: ")
    assert "at the origin, 2020Q3" in text


def test_a_condition_is_met_and_how_unlikely_it_is_said(run: Run) -> None:
    asked = [*ASKED, "--condition", "Huawei = 30 % in 2021Q4", "--condition", "a new provider takes 5 %"]
    result = run(*asked, "--format", "json")
    rows = json.loads(result.stdout)
    (given,) = [row for row in rows if (row["provider"], row["period"]) == ("Huawei Cloud", "2021Q4")]
    assert [given[name] for name in ("mean", "lower_95", "upper_95")] == pytest.approx([0.3] * 3, abs=1e-9)
    assert "New provider" in {row["provider"] for row in rows}
    assert "note: given that Huawei Cloud = 30 % in 2021Q4: the forecast of 2021Q4 has " in result.stderr
    assert "a supposition; the model knows nothing of newcomers" in result.stderr
    assert "what if: Huawei Cloud = 30 % in 2021Q4\n" in run(*asked).stdout


def test_the_league_has_ranks_and_concentration_beside_those_of_the_origin(run: Run) -> None:
    rows = json.loads(run(*ASKED, "--league", "--format", "json").stdout)
    assert sorted(row["rank"] for row in rows if row["period"] == "2020Q3") == [1.0, 2.0, 3.0, 4.0]
    (first,) = [row for row in rows if row["period"] == "2020Q4" and row["provider"] == "Alibaba Cloud"]
    text = run(*ASKED, "--league").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert f"{10_000 * first['hhi_lower_80']:,.0f}–{10_000 * first['hhi_upper_80']:,.0f}" in text
    assert "Expected rank, and below it the probability of leading." in text


def test_a_server_answers_events_and_conditions_as_this_process_does(run: Run, server: Server) -> None:
    asked = [
        *ASKED,
        "--event",
        "Alibaba leads in 2022Q3",
        "--event",
        "Huawei > 18 %",
        "--condition",
        "Others unchanged",
    ]
    for format_ in ("json", "table"):
        here = run(*asked, "--format", format_)
        there = run(*asked, "--format", format_, "--address", server.address)
        assert (here.exit_code, here.stdout, here.stderr) == (0, there.stdout, there.stderr)
    for rows in ("--revenue", "--league"):
        for format_ in ("json", "table"):
            more = [*ASKED, rows, "--condition", "Others unchanged", "--format", format_]
            here, there = run(*more), run(*more, "--address", server.address)
            assert (here.exit_code, here.stdout, here.stderr) == (0, there.stdout, there.stderr)
    conditioned = [*ASKED, "--condition", "Huawei = 25 % in 2021Q4", "--format", "csv"]
    assert run(*conditioned).stdout == run(*conditioned, "--address", server.address).stdout
    wrong = [*ASKED, "--event", "Hauwei leads"]
    here, there = run(*wrong), run(*wrong, "--address", server.address)
    assert (here.exit_code, here.stderr) == (there.exit_code, there.stderr) == (2, here.stderr)


@pytest.mark.parametrize(("market", "unit"), [("world-cloud", "USD bn"), ("world-smartphones", "million units")])
def test_revenue_of_the_providers_sums_to_the_market(run: Run, market: str, unit: str) -> None:
    asked = ["forecast", market, "--horizon", "2", "--revenue"]
    rows = json.loads(run(*asked, "--format", "json").stdout)
    for period in ("2026Q1", "2026Q2"):
        mine = [row for row in rows if row["period"] == period]
        (whole,) = [row["mean"] for row in mine if row["provider"] == "TOTAL"]
        assert sum(row["mean"] for row in mine if row["provider"] != "TOTAL") == pytest.approx(whole, rel=1e-9)
    assert {row["unit"] for row in rows} == {unit}
    text = run(*asked).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert f"{unit} a quarter: mean, interval of each level, growth over a year." in text
    assert f"{whole:,.1f}" in text


def test_the_demo_asks_a_real_server_prints_the_answer_and_draws_it(program: Program, tmp_path: Path) -> None:
    done = program("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "listening on 127.0.0.1:" in done.stdout
    for word in ("Alibaba", "Huawei", "Tencent", "Baidu", "Others", "80 %", "95 %"):
        assert word in done.stdout
    assert "50 %" not in done.stdout
    last = done.stdout.partition("\nNext, ")[2]
    tried = re.findall(r"^  sharecast (\w+) ", last, flags=re.MULTILINE)
    assert tried == ["forecast", "read", "forecast"]
    for name in ("sharecast-demo.png", "sharecast-demo.html"):
        assert str(tmp_path / name) in done.stdout
        assert (tmp_path / name).stat().st_size > 10_000


def test_the_demo_refuses_a_folder_that_is_not_there(program: Program) -> None:
    done = program("demo", "--output-dir", "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no folder" in done.stderr


@pytest.mark.parametrize("option", ["--event", "--condition"])
def test_a_text_that_says_nothing_is_refused_before_any_data_is_opened(
    run: Run, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    def opened(*_: object) -> None:
        raise AssertionError("data were opened")

    monkeypatch.setattr("service.cli.opening.open_catalog", opened)
    result = run("forecast", "cn-cloud", option, "Huawei explodes by Q4 2026")
    assert result.exit_code == 2
    assert "'Huawei explodes' is not understood" in result.stderr


@pytest.mark.parametrize(
    ("option", "text"),
    [("--event", "Hauwei leads"), ("--event", "Huawei leads by 2099Q4"), ("--condition", "Hauwei unchanged")],
)
def test_what_no_forecast_could_answer_is_refused_before_it_is_made(
    run: Run, monkeypatch: pytest.MonkeyPatch, option: str, text: str
) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("a forecast was made")

    monkeypatch.setattr("forecast.forecasting.forecast_history", made)
    result = run("forecast", "cn-cloud", option, text)
    assert result.exit_code == 2
    assert "no provider is called 'Hauwei'" in result.stderr or "2099Q4 is not among the quarters" in result.stderr
