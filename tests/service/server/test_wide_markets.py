"""Markets of very many providers: worked out apart from the server, behind others' short work, or refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from forecast.errors import InvalidArgument
from forecast.figures import load_breaks, load_figures, prepare_figures
from service.catalog import Catalog, HistoryTask
from service.client import Client
from service.server import Server
from tests.service.server.holding import holding
from tests.service.server.waiting import until

WIDE, QUARTERS = 100, 12


def figures_of(market: str, providers: int, quarters: int) -> pl.DataFrame:
    """Figures of a house: every provider in every quarter, to the tenth of a per cent."""
    size = providers * quarters
    shares = np.random.default_rng(1).dirichlet(np.ones(providers), size=quarters).round(3)
    raw = {
        "market": [market] * size,
        "research_house": ["North"] * size,
        "period": [f"{2015 + t // 4}Q{t % 4 + 1}" for t in range(quarters) for _ in range(providers)],
        "providers": [f"P{k}" for _ in range(quarters) for k in range(providers)],
        "measure": ["share"] * size,
        "value": shares.ravel(),
        "qualifier": ["exact"] * size,
        "decimals": [1] * size,
        "published": ["2024-01-01"] * size,
    }
    return prepare_figures(pl.DataFrame(raw), table="made")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Server, Client]]:
    made = [figures_of("wide", WIDE, QUARTERS), figures_of("wider", 600, 4), load_figures()]
    catalog = Catalog(pl.concat(frame.select(made[0].columns) for frame in made), load_breaks())
    with Server(catalog, places=1) as server, Client(server.address) as client:
        until(lambda: len(server._front._work.workers.pids) == 4)
        yield server, client


def test_a_wide_market_is_never_worked_out_in_the_process_of_the_server(
    served: tuple[Server, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = served
    monkeypatch.delattr(HistoryTask, "make")
    history = client.get_history("wide")
    assert (len(history.share), len(history.share[0])) == (QUARTERS, WIDE + 1)
    assert client.forecast("wide", horizon=1).data == history.data
    (streamed,) = client.stream_forecasts(["wide"], horizon=1)
    assert streamed.error is None
    assert len(client.get_history("wide", as_of="2024-02-01").share) == QUARTERS


def test_a_market_too_wide_for_the_memory_is_refused_by_every_method(served: tuple[Server, Client]) -> None:
    _, client = served
    told = r"market have too many cells: 600 providers over 4 quarters; 500 providers at most over so many quarters"
    with pytest.raises(InvalidArgument, match=told):
        client.get_history("wider")
    with pytest.raises(InvalidArgument, match=told):
        client.forecast("wider")
    with pytest.raises(InvalidArgument, match=told):
        list(client.backtest("wider"))
    (streamed,) = client.stream_forecasts(["wider"])
    assert isinstance(streamed.error, InvalidArgument)


def test_work_of_milliseconds_does_not_wait_for_a_wide_market(served: tuple[Server, Client]) -> None:
    server, client = served
    long = server._front._work.long
    with ThreadPoolExecutor(1) as threads:
        with holding(server, long, 2, tenant="other"):  # its place, and one in the queue
            wide = threads.submit(client.forecast, "wide", as_of="2024-03-01", horizon=2)  # not kept
            until(lambda: long.working + long.waiting == 3)
            assert client.forecast("cn-cloud", horizon=3).providers
            assert client.get_history("cn-cloud").providers
            assert server._front._work.short.working == 0
            assert not wide.done()
        assert wide.result().providers
