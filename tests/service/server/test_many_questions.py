"""What streams and jobs ask of every market, besides events: as a single call answers it."""

from pathlib import Path

import polars as pl
import pytest

from forecast.errors import InvalidArgument
from service.catalog import Catalog
from service.client import Client
from service.server import Server
from service.store import open_store
from tests.service.server.test_many_events import names_of
from tests.service.server.waiting import PATIENCE, until


def test_a_stream_answers_conditions_league_history_and_revenue_as_single_calls_do(client: Client) -> None:
    conditions, events = ["Others unchanged"], ["top 1 changes by 2027Q4"]
    found = client.stream_forecasts(
        ["cn-cloud", "world-cloud"],
        seed=5,
        conditions=conditions,
        events=events,
        league=True,
        include_history=True,
        revenue=True,
    )
    for outcome in found:
        alone = client.forecast(
            outcome.market,
            seed=5,
            conditions=conditions,
            events=events,
            league=True,
            include_history=True,
            revenue=True,
        )
        assert repr(outcome.forecast) == repr(alone)  # NaN is like NaN in it
        assert alone.conditions and alone.league and alone.history and alone.revenue and alone.events


def test_a_stream_of_shares_that_are_sent_is_answered_and_a_market_without_the_provider_has_an_error(
    client: Client, shares: pl.DataFrame
) -> None:
    first, *rest = names_of(shares)
    leader = shares.filter(pl.col("market") == first)["provider"][0]
    found = {
        outcome.market: outcome
        for outcome in client.stream_forecasts(
            shares=shares, horizon=3, conditions=[f"{leader} unchanged"], league=True
        )
    }
    made = found[first].forecast
    assert made is not None and made.league is not None and made.conditions[0].condition.startswith(leader)
    assert made.history is None
    mine = shares.filter(pl.col("market") == first)
    alone = client.forecast(first, shares=mine, horizon=3, conditions=[f"{leader} unchanged"], league=True)
    assert (made.mean, made.league, made.conditions) == (alone.mean, alone.league, alone.conditions)
    for name in rest:
        if not shares.filter(pl.col("market") == name)["provider"].str.contains(leader, literal=True).any():
            assert isinstance(found[name].error, InvalidArgument)


def test_a_job_answers_them_too(tmp_path: Path) -> None:
    with (
        open_store(f"sqlite:///{tmp_path / 'jobs.db'}") as store,
        Server(Catalog.shipped(store)) as server,
        Client(server.address, timeout=PATIENCE) as client,
    ):
        asked = {"conditions": ["Others unchanged"], "league": True, "revenue": True}
        job = client.create_forecast_job(["cn-cloud"], **asked)  # type: ignore[arg-type]
        until(lambda: client.get_forecast_job(job.job_id).state == "done")
        (outcome,) = client.watch_forecast_job(job.job_id)
        alone = client.forecast("cn-cloud", **asked)  # type: ignore[arg-type]
        assert repr(outcome.forecast) == repr(alone)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"revenue": True}, "batch.include_revenue is True; allowed: false beside shares"),
        ({"conditions": ["Others unchanged"] * 21}, "has 21 conditions"),
        ({"conditions": ["Others explode"]}, "conditions\\[0\\]"),
    ],
)
def test_what_cannot_be_asked_of_all_is_refused(
    client: Client, shares: pl.DataFrame, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        list(client.stream_forecasts(shares=shares, **asked))  # type: ignore[arg-type]
