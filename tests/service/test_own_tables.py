"""A table of one's own gives one forecast, whichever way it comes: batch, import, call, stream, job and library."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from forecast.forecasting import forecast_history, forecast_shares
from forecast.results import Forecast
from service.batch.run import run_batch
from service.catalog import Catalog
from service.client import Client
from service.results import ForecastResult, OutcomeResult
from service.server import Server
from service.sheets import read_shares_file, tidy_file
from service.store import open_store

HORIZON = 4
QUARTERS = [f"{2021 + n // 4}Q{n % 4 + 1}" for n in range(12)]


def per_cents(n: int) -> dict[str, int]:
    return {"Acme": 50 - n, "Borealis": 30 + n // 2, "Cygnus": 20 + n - n // 2}


PLAIN = [(quarter, name, f"{x / 100}") for n, quarter in enumerate(QUARTERS) for name, x in per_cents(n).items()]
FLAT = [(quarter, name, share) for quarter in QUARTERS for name, share in (("Acme", "0.5"), ("Borealis", "0.2"))]
AMOUNTS = [(q, name, f"{x * 10 + n % 3}") for n, q in enumerate(QUARTERS) for name, x in per_cents(n).items()]
ROUND = [(q, name, x) for n, q in enumerate(QUARTERS) for name, x in per_cents(n).items()]
PRINTED = (("P0", "0.04,0"), ("P1", "0.30,1"), ("P2", "0.0822,2"), ("P3", "0.58,0"))
MIXED = [(q, name, share) for q in QUARTERS for name, share in PRINTED]
CARRIED = (
    "without a share in the last quarter, taken at what the others leave of it: Cygnus; write 0 where it has ended"
)
TOTALS = [(q, "Total", str(sum(int(x) for quarter, _, x in AMOUNTS if quarter == q))) for q in QUARTERS]
HOLES = {("2023Q3", "Cygnus"), ("2023Q4", "Cygnus")}
MERGED = [(q, n, s) for q in QUARTERS[:8] for n, s in (("Acme", "0.5"), ("Borealis", "0.3"), ("Cygnus", "0.2"))]


def text(rows: list[tuple[str, str, str]], measure: str = "share") -> str:
    return f"market,period,provider,{measure}\n" + "".join(f"m,{','.join(row)}\n" for row in rows)


def renamed(old: str, new: str, since: str = "2021Q1") -> str:
    return text([(q, new if name == old and q >= since else name, share) for q, name, share in PLAIN])


@dataclass(frozen=True, slots=True)
class Case:
    """A table, what is said of it, and what every path makes of it beside its being the same."""

    text: str
    notes: tuple[str, ...]
    providers: tuple[str, ...] = ("Acme", "Borealis", "Cygnus")
    market: str = "m"
    as_plain: bool = False  # whether the forecast is that of the plain table


CASES = {
    "plain": Case(text(PLAIN), (), as_plain=True),
    "short sums with a rest": Case(
        text([*FLAT, *((q, n, "0.1") for q in QUARTERS for n in ("Cygnus", "Others"))]),
        (
            "Others is given as 10 % in 2021Q1 and 11 more, where the other shares leave 20 %",
            "the shares of 12 quarters sum to less than 1: the rest is counted in Others",
        ),
        ("Acme", "Borealis", "Cygnus", "Others"),
    ),
    "blank vendor": Case(
        text([*FLAT, *((q, n, s) for q in QUARTERS for n, s in (("Cygnus", ""), ("Others", "0.1")))]),
        (
            "left out, as no share of theirs is reported: Cygnus",
            "the shares of 12 quarters sum to less than 1: the rest is counted in Others",
        ),
        ("Acme", "Borealis", "Others"),
    ),
    "total row": Case(
        text(sorted([*PLAIN, *((q, "Grand Total", "1") for q in QUARTERS)]), "share"),
        ("'Grand Total' is the sum of its quarter, not a provider: its rows were left out",),
        as_plain=True,
    ),
    "total row of amounts": Case(
        text([*AMOUNTS, *TOTALS], "value"),
        ("'Total' is the sum of its quarter, not a provider: its rows were left out",),
    ),
    "name case": Case(renamed("Acme", "ACME", "2022Q3"), ("'ACME' read as 'Acme'",), as_plain=True),
    "trailing space": Case(renamed("Acme", "Acme ", "2022Q3"), ("'Acme ' read as 'Acme'",), as_plain=True),
    "residual called Other": Case(
        renamed("Cygnus", "Other"), ("'Other' read as 'Others'",), ("Acme", "Borealis", "Others")
    ),
    "merged vendor": Case(
        text([*MERGED, *((q, name, "0.5") for q in QUARTERS[8:] for name in ("Acme", "Borealis"))]),
        (
            "Cygnus ends in 2022Q4 and Borealis gains as much in the next quarter: if that is a merger, declare it "
            "(--merged 'Cygnus=Borealis@2023Q1'); until then they count apart",
            "without a share in the last quarter, which the others make whole, so 0 there: Cygnus",
        ),
    ),
    "amounts that give round shares": Case(text([(q, name, str(10 * x)) for q, name, x in ROUND], "value"), ()),
    "shares of different decimals": Case(text(MIXED, "share,decimals"), (), ("P0", "P1", "P2", "P3")),
    "amounts with a hole": Case(
        text([(q, name, "" if (q, name) in HOLES else x) for q, name, x in AMOUNTS], "value"),
        (
            "no amount of Cygnus in 2023Q3, 2023Q4: taken at its share before and after (25.0 %, 25.0 %), so that the "
            "others keep theirs; write 0 where it had none",
            CARRIED,
        ),
    ),
    "amounts with a row missing": Case(
        text([row for row in AMOUNTS if row[:2] not in HOLES], "value"),
        (
            "no amount of Cygnus in 2023Q3, 2023Q4: taken at its share before and after (25.0 %, 25.0 %), so that the "
            "others keep theirs; write 0 where it had none",
            CARRIED,
        ),
    ),
    "wide per cents": Case(
        f"quarter,{','.join(per_cents(0))}\n"
        + "".join(f"{q},{','.join(f'{x}%' for x in per_cents(n).values())}\n" for n, q in enumerate(QUARTERS)),
        ("the market is called 'mine', as the sheet names none",),
        market="mine",
        as_plain=True,
    ),
    "semicolons and decimal commas": Case(
        "quarter;vendor;share\n" + "".join(f"{q};{name};{share.replace('.', ',')}\n" for q, name, share in PLAIN),
        (
            "cells are set apart by semicolons",
            "decimal comma: '0,5' read as 0.5",
            "the market is called 'mine', as the sheet names none",
        ),
        market="mine",
        as_plain=True,
    ),
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Figures over a new database."""
    with open_store(str(tmp_path_factory.mktemp("own") / "new.db")) as store:
        yield Catalog.shipped(store)


@pytest.fixture(scope="module")
def client(catalog: Catalog) -> Iterator[Client]:
    with Server(catalog) as server, Client(server.address) as connected:
        yield connected


@pytest.fixture
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The file of a case."""
    case: Case = CASES[request.param]
    written = tmp_path / ("m.csv" if case.market == "m" else "mine.csv")
    written.write_text(case.text)
    return written


def means(made: Forecast | ForecastResult) -> dict[tuple[str, int], float]:
    return {
        (provider, step): float(mean)
        for step, row in enumerate(made.mean, start=1)
        for provider, mean in zip(made.providers, row, strict=True)
    }


def of_library(path: Path) -> dict[tuple[str, int], float]:
    return means(forecast_shares(read_shares_file(path), horizon=HORIZON))


def of_batch(path: Path, notes: tuple[str, ...]) -> dict[tuple[str, int], float]:
    done = run_batch(path, path.with_name("out.parquet"), horizon=HORIZON)
    assert (done.markets, done.failed) == (1, 0)
    told = () if done.notes is None else tuple(pl.read_parquet(done.notes).rows())
    assert told == tuple((path.stem, note) for note in notes)
    rows = pl.read_parquet(done.output).select("provider", "horizon", "mean").rows()
    return {(provider, step): mean for provider, step, mean in rows}


def of_outcome(outcome: OutcomeResult) -> dict[tuple[str, int], float]:
    assert outcome.forecast is not None, outcome.error
    return means(outcome.forecast)


@pytest.mark.parametrize(("path", "case"), CASES.items(), indirect=["path"], ids=list(CASES))
def test_every_path_gives_the_same_means(path: Path, case: Case, catalog: Catalog, client: Client) -> None:
    expected = of_library(path)
    assert {provider for provider, _ in expected} == set(case.providers)
    frame = pl.read_csv(io.StringIO(case.text), separator=";" if ";" in case.text else ",")
    tidy = tidy_file(path, dated=True)
    (market,) = catalog.import_table(tidy, kind="shares", house=path.parent.name).markets
    history = catalog.history(market, path.parent.name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the client assumed of the frame, as the other paths tell it
        (streamed,) = client.stream_forecasts(shares=frame, horizon=HORIZON)
        job = client.create_forecast_job(shares=frame, horizon=HORIZON)
        (worked,) = client.watch_forecast_job(job.job_id)
        found = {
            "frame": means(forecast_shares(frame, horizon=HORIZON)),
            "batch": of_batch(path, case.notes),
            "import": means(forecast_history(history, horizon=HORIZON)),
            "call": means(client.forecast(case.market, shares=frame, horizon=HORIZON)),
            "call for what was imported": means(client.forecast(market, house=path.parent.name, horizon=HORIZON)),
            "stream": of_outcome(streamed),
            "job": of_outcome(worked),
        }
    for way, theirs in found.items():
        assert theirs == pytest.approx(expected, abs=1e-9), way


@pytest.mark.parametrize("path", [name for name, case in CASES.items() if case.as_plain], indirect=True)
def test_what_only_writes_a_table_in_another_way_changes_nothing_but_the_notes(path: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(text(PLAIN))
    assert of_library(path) == of_library(tmp_path / "plain.csv")


@pytest.mark.parametrize("path", ["short sums with a rest", "blank vendor"], indirect=True)
def test_a_share_reported_in_every_quarter_is_forecast_about_where_it_is(path: Path) -> None:
    found = of_library(path)
    assert found["Acme", 1] == pytest.approx(0.5, abs=0.005)
    assert found["Borealis", 1] == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize("path", ["short sums with a rest", "plain", "residual called Other"], indirect=True)
def test_the_history_of_an_import_is_what_was_stated(path: Path, catalog: Catalog) -> None:
    tidy = tidy_file(path, dated=True)
    house = f"{path.parent.name} history"
    catalog.import_table(tidy, kind="shares", house=house)
    rows = catalog.history("m", house, None).to_frame()
    stated = {(p, name): share for p, name, share in tidy.frame.select("period", "provider", "share").iter_rows()}
    shown = {(p, name): share for p, name, share in rows.select("period", "provider", "share").iter_rows()}
    for (period, name), share in stated.items():
        if name not in {"Others", "Other"}:
            assert shown[period, name] == share
