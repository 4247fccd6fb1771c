from pathlib import Path

import polars as pl
import pytest

from forecast.errors import InvalidArgument, InvalidTable
from service.batch.plan import plan_batch
from service.batch.run import run_batch
from service.tables import ENDINGS, encode, format_of


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_plan_counts_what_the_batch_then_does(tmp_path: Path, shares: pl.DataFrame, ending: str) -> None:
    names = shares["market"].unique(maintain_order=True)
    source, output = tmp_path / f"in{ending}", tmp_path / f"out{ending}"
    broken = pl.when(pl.col("market") == names[3]).then(2 * pl.col("share")).otherwise("share").alias("share")
    source.write_bytes(encode(shares.with_columns(broken), format_of(source)))
    plan = plan_batch(source, output, horizon=2, workers=2)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
    done = run_batch(source, output, horizon=2, manifest=True)
    assert (plan.markets, plan.refused["market"].to_list()) == (done.markets, [names[3]])
    assert plan.refused.height == done.failed
    assert plan.rows == shares.height
    assert plan.parts == 5
    assert 0 < plan.market_seconds < 1
    assert plan.seconds > plan.market_seconds
    assert 0.5 < plan.output_bytes / output.stat().st_size < 2


def test_a_plan_of_markets_that_are_all_refused_estimates_nothing(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("market,period,provider,share\nm,2020Q1,A,1.5\n")
    plan = plan_batch(tmp_path / "in.csv", tmp_path / "out.csv")
    assert (plan.markets, plan.refused.height, plan.sampled) == (1, 1, 0)


def test_a_plan_refuses_what_the_batch_would(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("market,period,share\nm,2020Q1,33%\n")
    with pytest.raises(InvalidTable, match=r"in\.csv: no column of vendors was found"):
        plan_batch(source, tmp_path / "out.csv")
    with pytest.raises(InvalidArgument, match=r"is the input .*, which would be replaced"):
        plan_batch(source, source)
    with pytest.raises(InvalidArgument, match="workers is 0"):
        plan_batch(source, tmp_path / "out.csv", workers=0)
