"""Events asked of many markets at once, by streams and jobs."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pytest

from forecast.errors import InvalidArgument
from forecast.events import event_probability
from forecast.forecasting import forecast_shares
from forecast.many import forecast_markets, forecast_table
from forecast.shares import check_shares
from service.catalog import Catalog
from service.client import Client, OutcomeResult
from service.server import Server
from service.store import open_store
from tests.service.server.waiting import PATIENCE, until

EVERY = "top 1 changes"


def names_of(shares: pl.DataFrame) -> list[str]:
    return [str(name) for name in shares["market"].unique(maintain_order=True)]


def probabilities(outcomes: Iterable[OutcomeResult]) -> dict[str, tuple[float, ...]]:
    return {
        outcome.market: tuple(event.probability for event in outcome.forecast.events)
        for outcome in outcomes
        if outcome.forecast is not None
    }


@pytest.fixture
def asked(shares: pl.DataFrame) -> Mapping[str, list[str]]:
    """One event of every market, one of a market of the server, one of one that is sent, one that cannot be asked."""
    first, second, *_ = names_of(shares)
    leader = shares.filter(pl.col("market") == first)["provider"][0]
    return {
        "": [EVERY],
        "cn-cloud": ["Alibaba > 38 % in 2026Q2"],
        first: [f"{leader} > 1 %"],
        second: ["Nobody leads"],
    }


def test_a_stream_answers_events_as_the_library_does_and_a_wrong_one_is_the_markets_error(
    client: Client, shares: pl.DataFrame, asked: Mapping[str, list[str]]
) -> None:
    first, second, *rest = names_of(shares)
    found = list(client.stream_forecasts(["cn-cloud"], shares=shares, horizon=3, seed=4, events=asked))
    told = probabilities(found)
    assert set(told) == {"cn-cloud", first, *rest}
    for name in (first, *rest):
        mine = check_shares(shares.filter(pl.col("market") == name))
        made = forecast_shares(mine, horizon=3, seed=4, keep_draws=True)
        texts = (EVERY, *asked.get(name, ()))
        assert told[name] == tuple(event_probability(made, text).probability for text in texts)
    alone = client.forecast("cn-cloud", horizon=3, seed=4, events=[EVERY, *asked["cn-cloud"]])
    (streamed,) = [outcome.forecast for outcome in found if outcome.market == "cn-cloud"]
    assert streamed is not None and streamed.events == alone.events and streamed.mean == alone.mean
    (wrong,) = [outcome.error for outcome in found if outcome.market == second]
    assert isinstance(wrong, InvalidArgument) and wrong.field == "events[1]"


@pytest.mark.parametrize("large", [False, True])
def test_without_events_a_stream_tells_the_numbers_of_a_batch(
    client: Client, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr("service.server.many.MOST_PLAIN", 0)
    make = forecast_table if large else forecast_markets
    made = make(check_shares(shares), horizon=3, levels=(0.8,))
    batch, failures = made.table, made.failures
    found = {
        outcome.market: outcome.forecast for outcome in client.stream_forecasts(shares=shares, horizon=3, levels=[0.8])
    }
    assert not failures and set(found) == set(names_of(shares))
    for name, forecast in found.items():
        assert forecast is not None and forecast.events == ()
        mine = batch.filter(pl.col("market") == name)
        for k, provider in enumerate(forecast.providers):
            rows = mine.filter(pl.col("provider") == provider)
            told = (forecast.mean, forecast.median, forecast.lower[0], forecast.upper[0])
            for column, numbers in zip(("mean", "median", "lower_80", "upper_80"), told, strict=True):
                assert rows[column].to_list() == [row[k] for row in numbers]


def test_a_job_with_events_that_another_server_goes_on_with_comes_to_the_same_bytes(
    tmp_path: Path, shares: pl.DataFrame, asked: Mapping[str, list[str]]
) -> None:
    place = f"sqlite:///{tmp_path / 'jobs.db'}"
    many = pl.concat(shares.with_columns(market=pl.format("{} {}", "market", pl.lit(n))) for n in range(20))
    first = names_of(many)[0]
    mine = {"": [EVERY], "cn-cloud": asked["cn-cloud"], first: asked[names_of(shares)[0]]}
    with open_store(place) as store:
        with Server(Catalog.shipped(store)) as server, Client(server.address) as client:
            job = client.create_forecast_job(["cn-cloud"], shares=many, horizon=3, seed=4, events=mine)
            until(lambda: client.get_forecast_job(job.job_id).done_count > 0)
        before = store.jobs.get(job.job_id, None)
        kept = store.jobs.outcomes(job.job_id, 0, 999)
        assert before.state == "running" and 0 < before.done_count < before.markets_count
        with Server(Catalog.shipped(store)) as server, Client(server.address) as client:
            resumed = list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))
            whole = client.create_forecast_job(["cn-cloud"], shares=many, horizon=3, seed=4, events=mine)
            assert list(client.watch_forecast_job(whole.job_id, timeout=PATIENCE)) == resumed
        ended, again = (store.jobs.outcomes(one.job_id, 0, 999) for one in (job, whole))
    assert ended == again
    assert ended[: len(kept)] == kept
    assert {len(told) for told in probabilities(resumed).values()} == {1, 2}


def test_a_job_keeps_the_events_it_was_asked(
    tmp_path: Path, shares: pl.DataFrame, asked: Mapping[str, list[str]]
) -> None:
    place = f"sqlite:///{tmp_path / 'jobs.db'}"
    with open_store(place) as store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:
        job = client.create_forecast_job(["cn-cloud"], shares=shares, horizon=3, seed=4, events=asked)
        kept = list(client.watch_forecast_job(job.job_id))
        streamed = list(client.stream_forecasts(["cn-cloud"], shares=shares, horizon=3, seed=4, events=asked))
        one = client.create_forecast_job(["cn-cloud"], horizon=3, events=EVERY, validate_only=True)
    assert [outcome.market for outcome in kept] == ["cn-cloud", *names_of(shares)]
    assert probabilities(kept) == probabilities(streamed)
    assert (one.job_id, one.markets_count) == ("", 1)


def test_events_of_a_market_that_is_not_sent_are_refused(client: Client, shares: pl.DataFrame) -> None:
    with pytest.raises(InvalidArgument, match="events is 'elsewhere'; allowed: the markets that are sent"):
        next(iter(client.stream_forecasts(["cn-cloud"], events={"elsewhere": ["A leads"]})))
    many = {"": ["Alibaba leads"] * 60, "cn-cloud": ["Alibaba leads"] * 41}
    with pytest.raises(InvalidArgument, match=r"batch\.markets\[0\]\.events has 101 events of one market"):
        next(iter(client.stream_forecasts(["cn-cloud"], events=many)))
    first = names_of(shares)[0]
    with pytest.raises(InvalidArgument, match=r"batch\.shares\[0\]\.events has 101 events"):
        next(iter(client.stream_forecasts(shares=shares, events={first: ["A leads"] * 101})))
