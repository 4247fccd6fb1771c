from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forecast.errors import InvalidArgument, InvalidTable
from forecast.events import event_probability
from forecast.forecasting import forecast_shares
from forecast.shares import SharesTable, check_shares
from service.batch.journal import parts_folder
from service.batch.questions import EVENTS_SCHEMA, read_questions
from service.batch.run import BatchResult, run_batch
from service.tables import encode, format_of, read_table

GENERIC = "top 1 changes"


@pytest.fixture
def source(tmp_path: Path, shares: pl.DataFrame) -> Path:
    path = tmp_path / "in.parquet"
    shares.write_parquet(path)
    return path


@pytest.fixture
def asked(tmp_path: Path, shares: pl.DataFrame) -> Path:
    """One event of every market, two of the second, one of the third that names nobody there, one of no market."""
    names = shares["market"].unique(maintain_order=True).to_list()
    first = shares.filter(pl.col("market") == names[1])["provider"][0]
    path = tmp_path / "asked.csv"
    rows = {
        "market": [None, names[1], names[2], names[1], "elsewhere"],
        "event": [GENERIC, f"{first} > 1 %", "Nobody leads", f"{first} leads", "Nobody leads"],
    }
    pl.DataFrame(rows).write_csv(path)
    return path


def run(source: Path, asked: Path | None, name: str = "out.parquet", **options: object) -> BatchResult:
    return run_batch(source, source.with_name(name), horizon=3, events=asked, **options)  # type: ignore[arg-type]


def test_every_event_asked_has_a_row_those_of_every_market_first(
    source: Path, asked: Path, shares: pl.DataFrame
) -> None:
    names = shares["market"].unique(maintain_order=True).to_list()
    result = run(source, asked, seed=7)
    assert (result.failed, result.unanswered, result.events) == (0, 2, source.with_name("out.events.parquet"))
    table = read_table(source.with_name("out.events.parquet"))
    assert dict(table.schema) == EVENTS_SCHEMA
    assert table["market"].to_list() == [names[0], *[names[1]] * 3, *[names[2]] * 2, *names[3:], "elsewhere"]
    wrong = table.filter(pl.col("error").is_not_null())
    assert wrong["event"].to_list() == ["Nobody leads"] * 2
    assert wrong["error"][0].startswith("event 'Nobody leads': no provider is called 'Nobody'; the providers are ")
    assert wrong["error"][1] == "no market of the input"
    assert wrong["probability"].null_count() == 2
    made = forecast_shares(
        check_shares(shares.filter(pl.col("market") == names[1])),
        horizon=3,
        seed=7,
        keep_draws=True,
    )
    mine = [event_probability(made, text) for text in (GENERIC, *pl.read_csv(asked)["event"].to_list()[1::2])]
    told = table.filter(pl.col("market") == names[1])
    assert told["event"].to_list() == [str(found.event) for found in mine]
    assert told["probability"].to_list() == [found.probability for found in mine]
    assert told["reference"].to_list() == [found.reference for found in mine]


def test_a_market_whose_draws_fail_ends_nothing(
    source: Path, asked: Path, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    import forecast.forecasting

    names, whole = shares["market"].unique(maintain_order=True).to_list(), forecast.forecasting.forecast_shares

    def failing(market: SharesTable, **options: object) -> object:
        if market.shares["market"][0] == names[1]:
            raise ZeroDivisionError("a fault of ours")
        return whole(market, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("service.batch.part.forecast_shares", failing)
    result = run(source, asked)
    table = read_table(source.with_name("out.events.parquet"))
    told = table.filter(pl.col("market") == names[1])
    assert (result.failed, result.unanswered) == (0, 5)
    assert told["error"].to_list() == ["unforeseen ZeroDivisionError: a fault of ours"] * 3
    assert table.filter(pl.col("market") == names[0])["error"].to_list() == [None]


def test_events_change_no_forecast(source: Path, asked: Path) -> None:
    run(source, asked, "with.parquet")
    run(source, None, "without.parquet")
    one, two = (source.with_name(f"{name}.parquet").read_bytes() for name in ("with", "without"))
    assert one == two
    assert not source.with_name("without.events.parquet").exists()


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".json", ".arrow"])
def test_any_number_of_workers_gives_the_same_events(tmp_path: Path, source: Path, asked: Path, ending: str) -> None:
    question = tmp_path / f"q{ending}"
    question.write_bytes(encode(pl.read_csv(asked), format_of(question)))
    for workers in (1, 2):
        run(source, question, f"out{workers}{ending}", workers=workers)
    one, two = (read_table(tmp_path / f"out{n}.events{ending}") for n in (1, 2))
    assert (tmp_path / f"out1.events{ending}").read_bytes() == (tmp_path / f"out2.events{ending}").read_bytes()
    assert_frame_equal(one, two)
    assert one["error"].drop_nulls().len() == 2


def test_an_interrupted_run_goes_on_to_the_same_events_and_not_with_others(source: Path, asked: Path) -> None:
    run(source, asked, "whole.parquet")

    class Stopped(Exception):  # noqa: N818
        """What ends the run."""

    def stop(done: int, failed: int, total: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        run(source, asked, report=stop)
    assert not source.with_name("out.events.parquet").exists()
    other = source.with_name("other.csv")
    other.write_text("event\ntop 1 changes\n")
    with pytest.raises(InvalidArgument, match=r"of another run: events was [0-9a-f]{64} and is"):
        run(source, other, resume=True)
    result = run(source, asked, resume=True)
    assert result.unanswered == 2
    one, two = (source.with_name(f"{name}.events.parquet").read_bytes() for name in ("out", "whole"))
    assert one == two
    assert not parts_folder(source.with_name("out.parquet")).exists()


def test_markets_without_a_forecast_are_told_among_the_errors_alone(source: Path, shares: pl.DataFrame) -> None:
    names = shares["market"].unique(maintain_order=True).to_list()
    first = pl.col("period") == pl.col("period").first().over("market")
    shares.filter((pl.col("market") != names[0]) | first).write_parquet(source)
    question = source.with_name("q.csv")
    pl.DataFrame({"market": [names[0], None], "event": [GENERIC, GENERIC]}).write_csv(question)
    result = run(source, question)
    assert (result.failed, result.unanswered) == (1, 0)
    assert read_table(source.with_name("out.events.parquet"))["market"].to_list() == names[1:]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (
            "event,when\na,b\n",
            InvalidTable,
            "column event: the columns are event, when; expected event and, optionally, market",
        ),
        ("market\na\n", InvalidTable, "the columns are market; expected event and"),
        (
            "market,event\nm,A leads\nm,\n",
            InvalidTable,
            r"row 2: event is ''; expected ",
        ),
        (
            "market,event\nm,A leads\n,A leeds\n",
            InvalidTable,
            "row 2: event is 'A leeds'; expected an event; 'leeds' is not understood; did you mean leads",
        ),
        (f"event\n{'x' * 501}\n", InvalidTable, r"row 1: event is 'x{40}'; expected "),
        ("event\n" + "A leads\n" * 101, InvalidArgument, "asks 101 events of one market; 100 at most"),
        ("market,event\n,A leads\n" + "m,A leads\n" * 100, InvalidArgument, "asks 101 events of one market"),
    ],
)
def test_a_table_of_events_is_checked_before_any_work(
    tmp_path: Path, source: Path, text: str, error: type[Exception], said: str
) -> None:
    path = tmp_path / "q.csv"
    path.write_text(text)
    with pytest.raises(error, match=said):
        run(source, path)
    assert not source.with_name("out.parquet").exists()


def test_the_events_asked_are_never_written_over(source: Path) -> None:
    path = source.with_name("out.events.parquet")
    pl.DataFrame({"event": [GENERIC]}).write_parquet(path)
    with pytest.raises(InvalidArgument, match=r"is the input .*, which would be replaced"):
        run(source, path)
    assert read_questions(path).table.height == 1


def test_events_that_no_market_could_answer_cost_no_forecast(
    source: Path, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("a forecast was made")

    monkeypatch.setattr("service.batch.part.forecast_shares", made)
    question = source.with_name("q.csv")
    first = shares["market"][0]
    pl.DataFrame({"market": [None, first], "event": ["Nobody leads", "Nobody explodes"]}).write_csv(question)
    result = run(source, question)
    table = read_table(source.with_name("out.events.parquet"))
    assert result.unanswered == table.height == shares["market"].n_unique() + 1
    told = table.filter(pl.col("market") == first)["error"].to_list()
    assert [text.split("; ")[0] for text in told] == [
        "event 'Nobody leads': no provider is called 'Nobody'",
        "event 'Nobody explodes': 'Nobody explodes' is not understood",
    ]
