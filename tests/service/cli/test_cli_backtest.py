import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from forecast.backtest import backtest_figures, backtest_shares
from forecast.figures import load_breaks, load_figures
from forecast.scorecard import MEASURES
from forecast.shares import check_shares
from service.batch.progress import Progress

Run = Callable[..., Result]

ASKED = ["backtest", "cn-cloud", "--origins", "2", "--horizon", "3", "--models", "naive,local_level"]


def test_the_scores_are_those_of_the_library(run: Run) -> None:
    result = run(*ASKED, "--level", "0.9", "--seed", "4", "--format", "csv")
    assert result.exit_code == 0
    own = backtest_figures(
        load_figures(),
        load_breaks(),
        market="cn-cloud",
        origins=2,
        horizon=3,
        levels=(0.9,),
        models=("naive", "local_level"),
        seed=4,
    )
    assert result.stdout == own.to_frame().write_csv()


def test_a_file_of_shares_is_backtested_market_by_market(run: Run, shares: pl.DataFrame, tmp_path: Path) -> None:
    shares.write_parquet(tmp_path / "shares.parquet")
    asked = ["backtest", "shares.parquet", "--origins", "1", "--horizon", "2", "--models", "naive"]
    result = run(*asked, "--output", "scores.parquet")
    assert (result.exit_code, result.stdout) == (0, "")
    rows = pl.read_parquet(tmp_path / "scores.parquet")
    own = backtest_shares(check_shares(shares), origins=1, horizon=2, models=["naive"])
    assert rows.equals(own.to_frame())
    text = run(*asked).stdout
    assert text.startswith("5 markets: backtest of 5 origins, ")
    assert "Every market has the same weight." in text
    assert "WIS by market" in text
    for market in shares["market"].unique():
        assert market in text


def test_the_table_shows_the_numbers_of_the_rows_and_fits_80_columns(run: Run) -> None:
    rows = json.loads(run(*ASKED, "--format", "json").stdout)
    assert {row["measure"] for row in rows} == set(MEASURES)
    result = run(*ASKED)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("cn-cloud, canalys: backtest of 2 origins, ")
    assert max(map(len, lines)) <= 80
    pooled = {(r["model"], r["measure"], r["level"], r["horizon"]): r["value"] for r in rows if r["market"] is None}
    line = next(line.split() for line in lines if line.startswith("local_level  "))
    points = [f"{pooled['local_level', measure, None, None]:.2f}" for measure in ("wis", "energy", "mae")]
    assert [line[1], line[4], line[5]] == points
    assert line[2] == f"{100 * pooled['local_level', 'wis_skill', None, None]:.0f}"
    cover = [f"{100 * pooled['local_level', 'coverage', level, None]:.0f}" for level in (0.5, 0.8, 0.95)]
    assert line[6:11:2] == cover
    ahead = [line.split()[1:] for line in lines if line.startswith("  WIS")]
    assert ahead[0] == [f"{pooled['naive', 'wis', None, h]:.2f}" for h in (1, 2, 3)]


def test_many_levels_and_models_still_fit(run: Run) -> None:
    levels = [part for level in (0.1, 0.2, 0.3, 0.5, 0.8, 0.95, 0.975) for part in ("--level", str(level))]
    text = run(*ASKED, *levels).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "held 97.5 %" in text


def test_what_to_know_is_said_beside_rows_too(run: Run) -> None:
    result = run("backtest", "cn-cloud", "--origins", "6", "--horizon", "4", "--models", "naive", "--format", "csv")
    assert "note: the series breaks before 2025Q1" in result.stderr
    assert "note:" not in result.stdout


@pytest.mark.parametrize("ending", ["png", "svg", "html"])
def test_a_calibration_picture_is_written(run: Run, tmp_path: Path, ending: str) -> None:
    result = run(*ASKED, "--format", "csv", "--chart", f"c.{ending}")
    assert result.exit_code == 0
    assert f"chart: c.{ending}" in result.stderr
    start = {"png": b"\x89PNG", "svg": b"<?xml", "html": b"<!DOCTYPE"}[ending]
    assert (tmp_path / f"c.{ending}").read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["atlantis"], "market 'atlantis' is not known; known: cn-cloud"),
        (["cn-cloud", "--house", "idc"], "house 'idc' is not known"),
        (["cn-cloud", "--models", "prophet"], "model 'prophet' is not known"),
        (["cn-cloud", "--models", "naive,naive"], "each once"),
        (["cn-cloud", "--origins", "0"], "origins is 0; allowed: 1 to 400"),
        (["cn-cloud", "--level", "95"], "did you mean 0.95"),
        (["cn-cloud", "--horizon", "0"], "horizon is 0; allowed: 1 to 40"),
        (["gone.csv"], "gone.csv does not exist"),
        (["gone.csv", "--house", "idc"], "--house goes with a MARKET; gone.csv is a FILE of shares"),
        (["gone.csv", "--figures", "f.csv"], "--figures goes with a MARKET"),
        (["cn-cloud", "--chart", "c.pdf"], "a file that ends in .png, .svg, .html"),
        (["cn-cloud", "--output", "no/where.csv"], "no/where.csv cannot be written: there is no folder 'no'"),
    ],
)
def test_what_cannot_be_done_is_bad_usage(run: Run, arguments: list[str], message: str) -> None:
    result = run("backtest", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())


def test_a_users_own_figures_are_backtested(run: Run, tmp_path: Path) -> None:
    raw = pl.read_csv(
        Path(__file__).resolve().parents[3] / "forecast" / "data" / "raw" / "figures.csv", infer_schema_length=None
    )
    raw.filter(pl.col("market") == "cn-cloud").write_csv(tmp_path / "mine.csv")
    mine = run(*ASKED, "--figures", "mine.csv", "--format", "csv")
    assert mine.exit_code == 0
    assert mine.stdout == run(*ASKED, "--format", "csv").stdout


def test_progress_counts_origins() -> None:
    stream = io.StringIO()
    Progress(stream, every=0.0, of="origins")(3, None, 12)
    assert stream.getvalue().startswith("3 of 12 origins, ")
    assert "failed" not in stream.getvalue()
