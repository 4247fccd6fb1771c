"""A backtest over the wire: progress as it goes, then the scores; and how it ends when the caller goes."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forecast.backtest import backtest_figures, backtest_shares
from forecast.figures import load_breaks, load_figures
from forecast.scorecard import Backtest, BacktestProgress
from forecast.shares import check_shares
from service.catalog import Catalog
from service.client import AsyncClient, Client, DeadlineExceeded, InvalidArgument, InvalidTable, NotEnoughData, NotFound
from service.server import Front, Server
from tests.service.server.waiting import until

SHARES = [
    {"period": f"{year}Q{quarter}", "provider": name, "share": round(share + sign * 0.012 * quarter, 3)}
    for year in (2021, 2022)
    for quarter in (1, 2, 3, 4)
    for name, share, sign in (("North", 0.55, 1), ("South", 0.42, -1))
]


def test_progress_then_the_scores_the_library_gives(client: Client) -> None:
    *steps, last = client.backtest(
        "cn-cloud", origins=3, horizon=4, levels=[0.95, 0.5], models=["auto", "naive"], seed=3
    )
    own = backtest_figures(
        load_figures(),
        load_breaks(),
        market="cn-cloud",
        origins=3,
        horizon=4,
        levels=(0.95, 0.5),
        models=("auto", "naive"),
        seed=3,
    )
    assert last == own
    assert [(step.done, step.total) for step in steps if isinstance(step, BacktestProgress)] == [(1, 3), (2, 3), (3, 3)]
    assert isinstance(last, Backtest)
    assert_frame_equal(last.to_polars(), own.to_frame())


def test_shares_of_ones_own_are_backtested_as_the_library_does(client: Client) -> None:
    *_, last = client.backtest("compass", shares=SHARES, origins=2, horizon=2, models=["naive"])
    frame = check_shares(pl.DataFrame(SHARES).with_columns(market=pl.lit("compass")))
    assert last == backtest_shares(frame, origins=2, horizon=2, models=["naive"])
    assert isinstance(last, Backtest)
    assert (last.markets, last.house) == (("compass",), "")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"market": "cn-clout"}, NotFound, "market 'cn-clout' is not known; did you mean cn-cloud. known: cn-cloud"),
        ({"house": "idc"}, NotFound, "house 'idc' is not known; known: canalys"),
        ({"models": ["prophet"]}, NotFound, "model 'prophet' is not known"),
        ({"models": ["naive", "naive"]}, InvalidArgument, "models is .*each once"),
        ({"models": []}, InvalidArgument, "models is .*at least one model"),
        ({"origins": 0}, InvalidArgument, "origins is 0; allowed: 1 to 400"),
        ({"origins": -1}, InvalidArgument, "origins is -1; allowed: 1 to 400"),
        ({"horizon": 0}, InvalidArgument, "horizon is 0; allowed: 1 to 40"),
        ({"levels": [95]}, InvalidArgument, r"did you mean 0\.95"),
        ({"seed": -1}, InvalidArgument, "seed is -1"),
        ({"market": "", "shares": SHARES}, InvalidArgument, "market is ''"),
        ({"market": "m", "house": "idc", "shares": SHARES}, InvalidArgument, "house is 'idc'.*empty beside"),
        (
            {"market": "m", "shares": SHARES[:4]},
            NotEnoughData,
            "'m' has too few .*: 2, and at least 3",
        ),
        ({"market": "m", "shares": [SHARES[0] | {"share": 1.2}]}, InvalidTable, "row 1: share is 1.2"),
        ({"timeout": 0.0001}, DeadlineExceeded, r"longer than the 0\.0001 s"),
    ],
)
def test_an_error_of_the_server_is_raised_when_the_first_step_is_asked_for(
    client: Client, options: dict[str, object], kind: type[Exception], message: str
) -> None:
    steps = client.backtest(**{"market": "cn-cloud"} | options)  # type: ignore[arg-type]
    with pytest.raises(kind, match=message) as caught:
        next(steps)
    assert type(caught.value) is kind


def test_the_async_client_gives_the_same_steps(catalog: Catalog, client: Client) -> None:
    async def steps() -> list[BacktestProgress | Backtest]:
        front = Front(catalog)
        await front.start("127.0.0.1:0")
        try:
            async with AsyncClient(front.address) as asynchronous:
                with pytest.raises(NotFound, match="market 'cn-clout'"):
                    await anext(asynchronous.backtest("cn-clout"))
                return [step async for step in asynchronous.backtest("cn-cloud", origins=2, models=["naive"])]
        finally:
            await front.stop(1)

    assert asyncio.run(steps()) == list(client.backtest("cn-cloud", origins=2, models=["naive"]))


LONG: dict[str, Any] = {"origins": 20, "horizon": 1, "models": ["ets"]}


def wait_for_the_end_of_one(pids: set[int]) -> None:
    """Until the one worker that was at work is gone, which none is whose work ends by itself."""
    until(lambda: sum(Path(f"/proc/{pid}").exists() for pid in pids) == len(pids) - 1)


def test_a_caller_that_leaves_the_loop_ends_the_work(catalog: Catalog) -> None:
    with Server(catalog) as server, Client(server.address) as client:
        steps = cast("Generator[object]", client.backtest("cn-cloud", **LONG))
        next(steps)
        pids = set(server._front._work.workers.pids)
        steps.close()
        wait_for_the_end_of_one(pids)


def test_an_async_caller_that_leaves_the_loop_ends_the_work(catalog: Catalog) -> None:
    async def leave() -> None:
        front = Front(catalog)
        await front.start("127.0.0.1:0")
        async with AsyncClient(front.address) as client:
            steps = cast("AsyncGenerator[object]", client.backtest("cn-cloud", **LONG))
            await anext(steps)
            pids = set(front._work.workers.pids)
            await steps.aclose()
            await asyncio.to_thread(wait_for_the_end_of_one, pids)
        await front.stop(1)

    asyncio.run(leave())


def test_a_backtest_past_the_time_limit_of_the_server_ends(catalog: Catalog) -> None:
    async def ask() -> None:
        front = Front(catalog, stream_time_limit=0.5)
        await front.start("127.0.0.1:0")
        await front._work.workers.call(len, "")  # a worker is up
        async with AsyncClient(front.address) as client:
            with pytest.raises(DeadlineExceeded, match=r"longer than the 0\.5 s it was given"):
                async for _ in client.backtest("cn-cloud", **LONG):
                    pass
        await front.stop(1)

    asyncio.run(ask())


def test_a_backtest_keeps_no_other_call_waiting(catalog: Catalog) -> None:
    with Server(catalog) as server, Client(server.address) as client:
        steps = cast("Generator[object]", client.backtest("cn-cloud", **LONG))
        next(steps)
        assert client.list_markets()
        assert isinstance(next(steps), BacktestProgress)  # of many more
        steps.close()


def test_the_options_and_their_defaults_are_those_of_the_library() -> None:
    mine = inspect.signature(Client.backtest).parameters
    for name in ("origins", "horizon", "levels", "models", "seed"):
        assert mine[name].default == inspect.signature(backtest_figures).parameters[name].default
        assert mine[name].default == inspect.signature(backtest_shares).parameters[name].default
