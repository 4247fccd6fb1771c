"""Jobs beside each other and beside calls: none of one tenant's keeps another, or a call, from its turn."""

import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from service.catalog import Catalog
from service.client import Client
from service.convert.batches import batch_message
from service.queries import BatchQuery, MarketTable
from service.server import Server
from service.server.calls import Call
from service.server.job_work import _AT_ONCE
from service.server.many import Outcomes, Part, part_outcomes
from service.server.work import Work
from service.store import Store, open_store
from service.store.job_rows import JobSeen, JobTask
from tests.service.server.waiting import until


def add(store: Store, tenant: str, model: str, markets: int) -> str:
    shares = (0.5, 0.5, 0.52, 0.48, 0.51, 0.49, 0.55, 0.45, 0.56, 0.44, 0.53, 0.47, 0.57, 0.43, 0.58, 0.42)
    tables = tuple(MarketTable(f"m{n}", "2020Q1", ("A", "B"), shares) for n in range(markets))
    asked = batch_message(BatchQuery(shares=tables, horizon=4, levels=(0.8,), model=model)).SerializeToString()
    job, _ = store.jobs.add(tenant=tenant, request_id="", batch=asked, markets=markets, now=datetime.now(UTC))
    return job.job_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'jobs.db'}")


def test_a_server_that_ends_while_it_takes_a_job_lets_go_of_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    take, reached = store.jobs.take, []

    def slow(seen: JobSeen, owner: str) -> JobTask | None:
        reached.append(seen)
        time.sleep(0.5)  # a database that is busy
        return take(seen, owner)

    monkeypatch.setattr(store.jobs, "take", slow)
    job_id = add(store, "", "naive", 1)
    with store:
        with Server(Catalog.shipped(store)):
            until(lambda: bool(reached))
        until(lambda: [(one.owner, one.beat) for one in store.jobs.running(2)] == [(None, 1)])  # taken, and let go of
        (seen,) = store.jobs.running(2)
        assert seen.job_id == job_id
        task = take(seen, "another")
        assert task is not None
        assert task.tries == 1


def test_many_jobs_of_one_tenant_do_not_keep_another_tenants_from_its_turn(store: Store) -> None:
    many = [add(store, "many", "arima", 60) for _ in range(12)]
    with store, Server(Catalog.shipped(store)) as server:
        jobs = server._front._jobs._jobs
        until(lambda: len(jobs._tasks) == _AT_ONCE)
        until(lambda: sum(store.jobs.get(job_id, None).done_count for job_id in many) > 2)
        assert len(jobs._tasks) == _AT_ONCE
        few = add(store, "few", "arima", 3)
        jobs.look_again()
        until(lambda: store.jobs.get(few, None).state == "done")
        assert {store.jobs.get(job_id, None).state for job_id in many} == {"running"}
        assert sum(store.jobs.get(job_id, None).done_count for job_id in many) < 120  # of 720


def test_a_call_finds_its_turn_beside_jobs_of_its_own_tenant(
    store: Store, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, tenants, most, ended = set[Call](), set[str](), 0, 0

    async def counted(part: Part, query: BatchQuery, call: Call, catalog: Catalog, work: Work) -> Outcomes:
        nonlocal most, ended
        at_work.add(call)
        tenants.add(call.caller.tenant)
        most = max(most, len(at_work))
        try:
            return await part_outcomes(part, query, call, catalog, work)
        finally:
            at_work.remove(call)
            ended += 1

    monkeypatch.setattr("service.server.job_work.part_outcomes", counted)
    one = shares.filter(pl.col("market") == shares["market"][0]).drop("market")
    with store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:
        client.forecast(market="m", shares=one, model="arima", horizon=1)  # processes are up
        for _ in range(6):
            add(store, "", "arima", 60)
        jobs = server._front._jobs._jobs
        jobs.look_again()
        until(lambda: ended > 6)
        for horizon in range(2, 5):
            client.forecast(market="m", shares=one, model="arima", horizon=horizon)
        assert at_work  # the jobs go on
        # Tenants take turns, as the tests of admission show; so a call waits for its turn, not behind these parts.
        assert "" not in tenants and len(tenants) == 1
        assert most == jobs._ahead  # of `_AT_ONCE` jobs, each with as many parts ready
