import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import service.batch.run
from forecast.errors import InvalidArgument, InvalidTable, NotFound
from forecast.forecasting import forecast_shares, market_seed
from forecast.many import forecasts_schema
from forecast.shares import check_shares
from service.batch.run import BatchResult, run_batch
from service.tables import ENDINGS, encode, format_of, read_table

LEVELS = (0.5, 0.8, 0.975)


@pytest.fixture
def source(tmp_path: Path, shares: pl.DataFrame) -> Path:
    path = tmp_path / "in.parquet"
    shares.write_parquet(path)
    return path


def run(source: Path, name: str = "out.parquet", *, workers: int = 1, seed: int = 0) -> BatchResult:
    return run_batch(source, source.with_name(name), horizon=3, levels=LEVELS, workers=workers, seed=seed)


def spoiled(shares: pl.DataFrame) -> pl.DataFrame:
    """The second market has a share over 1, the last one a single quarter; its rows are not together."""
    names = shares["market"].unique(maintain_order=True)
    market, row = pl.col("market"), pl.int_range(pl.len())
    bad = pl.when((market == names[1]) & (row.over("market") == 2)).then(1.5).otherwise("share").alias("share")
    single = (market != names[-1]) | (pl.col("period") == pl.col("period").max().over("market"))
    return (
        shares.with_columns(bad)
        .filter(single)
        .with_columns(row.over("market").alias("n"))
        .sort("n", maintain_order=True)
        .drop("n")
    )


def test_every_market_is_forecast_in_the_order_of_the_input(source: Path, shares: pl.DataFrame) -> None:
    result = run(source)
    table = read_table(result.output)
    assert (result.markets, result.failed, result.errors) == (5, 0, None)
    assert (
        table["market"].unique(maintain_order=True).to_list() == shares["market"].unique(maintain_order=True).to_list()
    )
    assert dict(table.schema) == forecasts_schema(LEVELS)
    sums = table.group_by("market", "period").agg(pl.col("mean").sum())["mean"]
    assert (sums - 1).abs().max() < 1e-9  # type: ignore[operator]


def test_a_market_is_forecast_as_the_library_does_with_its_own_seed(source: Path, shares: pl.DataFrame) -> None:
    table = read_table(run(source, seed=7).output)
    name = shares["market"][-1]
    alone = forecast_shares(check_shares(shares.filter(pl.col("market") == name)), horizon=3, levels=LEVELS, seed=7)
    assert_frame_equal(table.filter(pl.col("market") == name), alone.to_frame(), check_exact=True)


def test_many_markets_take_the_compiled_form_and_say_the_same(
    source: Path, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = read_table(run(source).output)
    monkeypatch.setattr(service.batch.run, "MOST_PLAIN", 4)
    monkeypatch.setattr("forecast.many.forecast_shares", None)  # the plain form
    compiled = read_table(run(source, "compiled.parquet").output)
    assert_frame_equal(compiled, plain, rel_tol=0.0, abs_tol=1e-11)


def test_a_market_keeps_its_forecast_when_others_come_or_go(source: Path, shares: pl.DataFrame) -> None:
    together = read_table(run(source).output)
    last = shares["market"][-1]
    shares.filter(pl.col("market") == last).write_parquet(source)
    alone = read_table(run(source, "alone.parquet").output)
    assert_frame_equal(together.filter(pl.col("market") == last), alone, check_exact=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path, shares: pl.DataFrame, ending: str) -> None:
    source = tmp_path / f"in{ending}"
    source.write_bytes(encode(spoiled(shares), format_of(source)))
    for workers in (1, 2):
        assert run(source, f"out{workers}{ending}", workers=workers).failed == 2
    for name in ("out{}", "out{}.errors", "out{}.notes"):
        one, two = ((tmp_path / f"{name.format(n)}{ending}").read_bytes() for n in (1, 2))
        assert one == two


@pytest.mark.parametrize("ending", ENDINGS)
def test_many_parts_are_joined_one_by_one_to_the_same_bytes(
    source: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned = run(source, f"scanned{ending}").output.read_bytes()
    monkeypatch.setattr("service.batch.run._SCANNED", 0)
    assert run(source, f"single{ending}").output.read_bytes() == scanned


def test_another_seed_gives_other_draws(source: Path) -> None:
    one, two = (
        read_table(run_batch(source, source.with_name("o.parquet"), model="naive", seed=seed).output) for seed in (1, 2)
    )
    assert one["mean"].to_list() != two["mean"].to_list()


def test_a_markets_seed_is_pinned() -> None:
    # Another value would change every batch that was ever run: that takes a new version.
    assert market_seed(0, "cn-cloud") == 7561215421241767816
    assert market_seed(0, "cn-cloud") != market_seed(0, "cn-clouds") != market_seed(1, "cn-clouds")


def test_markets_that_fail_are_told_beside_the_output_and_the_rest_goes_on(source: Path, shares: pl.DataFrame) -> None:
    names = shares["market"].unique(maintain_order=True).to_list()
    spoiled(shares).write_parquet(source)
    result = run(source)
    assert (result.markets, result.failed, result.errors) == (5, 2, source.with_name("out.errors.parquet"))
    assert read_table(result.output)["market"].unique(maintain_order=True).to_list() == [names[0], names[2], names[3]]
    assert result.errors is not None
    errors = read_table(result.errors)
    assert errors.columns == ["market", "code", "message"]
    assert errors["market"].to_list() == [names[1], names[4]]
    assert errors["code"].to_list() == ["invalid_shares", "not_enough_data"]
    assert "1.5" in errors["message"][0]
    assert "too few quarters with data: 1, and" in errors["message"][1]


def test_rows_in_any_order_give_the_same_forecasts_and_failures(tmp_path: Path, shares: pl.DataFrame) -> None:
    mixed = spoiled(shares)
    together = mixed.with_row_index("row").sort(pl.col("row").min().over("market"), maintain_order=True).drop("row")
    for name, rows in (("mixed", mixed), ("together", together)):
        rows.write_parquet(tmp_path / f"{name}.parquet")
        assert run(tmp_path / f"{name}.parquet", f"{name}.out.parquet").failed == 2
    one, two = ((tmp_path / f"{name}.out.parquet").read_bytes() for name in ("mixed", "together"))
    assert one == two
    one_told, two_told = (read_table(tmp_path / f"{name}.out.errors.parquet") for name in ("mixed", "together"))
    assert_frame_equal(one_told.select("market", "code"), two_told.select("market", "code"))
    for told, rows in ((one_told, mixed), (two_told, together)):
        row = rows["share"].to_list().index(1.5) + 1
        assert told["message"][0].startswith(f"row {row}: share is 1.5; expected ")


def test_failures_stand_in_the_order_of_the_input_whichever_worker_ends_first(tmp_path: Path) -> None:
    # Single quarters fail at once, so that the parts of 100 markets end in no order.
    single = pl.DataFrame({"market": [f"m{n}" for n in range(100)], "period": "2020Q1", "provider": "A", "share": 1.0})
    single.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(tmp_path / "in.parquet")
    names = read_table(tmp_path / "in.parquet")["market"].to_list()
    result = run(tmp_path / "in.parquet", workers=2)
    assert result.errors is not None
    assert read_table(result.errors)["market"].to_list() == names


def test_a_run_without_failures_removes_the_errors_of_an_earlier_one(source: Path, shares: pl.DataFrame) -> None:
    spoiled(shares).write_parquet(source)
    assert run(source).errors is not None
    shares.write_parquet(source)
    run(source)
    assert sorted(p.name for p in source.parent.iterdir()) == ["in.parquet", "out.notes.parquet", "out.parquet"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_output_of_failures_alone_has_the_columns_and_no_rows(tmp_path: Path, ending: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text("market,period,provider,share\nm,2020Q1,A,0.5\nm,2020Q1,B,0.5\n")
    result = run(source, f"out{ending}")
    assert result.failed == 1
    if ending == ".json":
        assert json.loads(result.output.read_text()) == []
    else:
        assert read_table(result.output).columns == list(forecasts_schema(LEVELS))


def test_progress_is_reported_up_to_the_last_market(source: Path, shares: pl.DataFrame) -> None:
    spoiled(shares).write_parquet(source)
    seen: list[tuple[int, int, int]] = []
    run_batch(source, source.with_name("o.csv"), horizon=1, report=lambda *counts: seen.append(counts))
    assert seen[-1] == (5, 2, 5)
    assert seen == sorted(seen)


@pytest.mark.parametrize("name", ["in.parquet", "link.parquet"])
def test_an_output_that_is_the_input_is_refused(source: Path, name: str) -> None:
    (source.parent / "link.parquet").symlink_to(source)
    with pytest.raises(InvalidArgument, match=r"is the input .*, which would be replaced; give another output"):
        run(source, name)


def test_an_errors_file_that_would_be_the_input_is_refused(source: Path) -> None:
    renamed = source.rename(source.with_name("out.errors.parquet"))
    with pytest.raises(InvalidArgument, match=r"is the input .*, which would be replaced"):
        run(renamed)
    assert renamed.exists()


@pytest.mark.parametrize("workers", [0, -1, 257])
def test_a_number_of_workers_out_of_range_is_refused(source: Path, workers: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"workers is {workers}; allowed: 1 to 256"):
        run(source, workers=workers)


def test_a_bad_question_is_refused_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="horizon is 41"):
        run_batch(tmp_path / "none.csv", tmp_path / "o.csv", horizon=41)
    with pytest.raises(NotFound, match="model 'x' is not known"):
        run_batch(tmp_path / "none.csv", tmp_path / "o.csv", model="x")


def test_a_table_unfit_as_a_whole_leaves_the_old_output_alone(source: Path) -> None:
    output = run(source).output
    before = output.read_bytes()
    pl.DataFrame({"market": ["m"], "quarter": ["2020Q1"]}).write_parquet(source)
    said = (
        r"in\.parquet: there are quarters in column 'quarter', but no column of numbers below row 1; it needs a column"
    )
    with pytest.raises(InvalidTable, match=said):
        run(source)
    assert output.read_bytes() == before
    assert sorted(p.name for p in source.parent.iterdir()) == ["in.parquet", "out.notes.parquet", "out.parquet"]


def test_what_was_assumed_of_a_market_is_told_beside_the_output_until_a_run_assumes_nothing(
    tmp_path: Path, shares: pl.DataFrame
) -> None:
    source = tmp_path / "in.csv"
    named = shares.with_columns(pl.col("provider").str.replace("^Other$", "Others"))
    named.write_csv(source)
    assert run(source, "out.csv").notes is None
    plain = (tmp_path / "out.csv").read_bytes()
    (market, provider), *_ = named.filter(pl.col("provider") != "Others").select("market", "provider").rows()
    late = pl.col("period") == pl.col("period").max().over("market")
    mine = (pl.col("market") == market) & (pl.col("provider") == provider) & late
    spelt = pl.when(mine).then(pl.col("provider").str.to_uppercase()).otherwise("provider").alias("provider")
    named.with_columns(spelt).write_csv(source)
    result = run_batch(source, tmp_path / "out.csv", horizon=3, levels=LEVELS, manifest=True)
    assert (result.failed, result.notes) == (0, tmp_path / "out.notes.csv")
    assert read_table(tmp_path / "out.notes.csv").rows() == [(market, f"'{provider.upper()}' read as '{provider}'")]
    assert (tmp_path / "out.csv").read_bytes() == plain
    told = json.loads((tmp_path / "out.manifest.json").read_text())["notes"]
    assert (told["name"], told["bytes"]) == ("out.notes.csv", (tmp_path / "out.notes.csv").stat().st_size)
    named.write_csv(source)
    assert run(source, "out.csv").notes is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv", "out.manifest.json"]


def test_notes_that_would_be_the_input_are_refused(source: Path) -> None:
    renamed = source.rename(source.with_name("out.notes.parquet"))
    with pytest.raises(InvalidArgument, match=r"is the input .*, which would be replaced"):
        run(renamed)
    assert renamed.exists()
