"""Jobs that several servers of one database share, and jobs that cannot be done, through real servers and clients."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice

import grpc
import polars as pl
import pytest

from forecast.errors import NotFound
from service.catalog import Catalog
from service.client import AlreadyExists, Client, InternalError
from service.errors import WorkLost
from service.queries import BatchQuery
from service.server import Server, job_work
from service.server.calls import Call
from service.server.job_work import _TRIES, MOST_TRIES
from service.server.many import Outcomes, Part, part_outcomes
from service.server.work import Work
from service.store import open_store
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName, MarketOutcome
from sharecast.v1.job_pb2 import JOB_STATE_FAILED
from sharecast.v1.job_service_pb2 import WatchForecastJobRequest
from sharecast.v1.job_service_pb2_grpc import JobServiceStub
from tests.service.server.waiting import PATIENCE, until

PROGRAM = """
import asyncio, sys
from service.catalog import Catalog
from service.server import serve
from service.store import open_store
catalog = Catalog.shipped(open_store(sys.argv[1]))
asyncio.run(serve("127.0.0.1:0", catalog, ready=lambda address: print(address, flush=True)))
"""


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have servers here look for jobs often, so that one whose server has ended is theirs in half a second."""
    monkeypatch.setattr(job_work, "_LOOKS", 5)
    monkeypatch.setattr(job_work, "_LOOK_SECONDS", 0.1)


@pytest.fixture
def pair(database: str) -> Iterator[tuple[Client, Client]]:
    """Clients of two servers of one database."""
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            store = stack.enter_context(open_store(database))
            server = stack.enter_context(Server(Catalog.shipped(store)))
            clients.append(stack.enter_context(Client(server.address)))
        yield clients[0], clients[1]


def test_a_job_made_at_one_server_is_worked_on_once_and_watched_at_another(
    pair: tuple[Client, Client], shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Counter[int]()

    async def counted(part: Part, query: BatchQuery, call: Call, catalog: Catalog, work: Work) -> Outcomes:
        made[part.first] += 1
        return await part_outcomes(part, query, call, catalog, work)

    monkeypatch.setattr("service.server.job_work.part_outcomes", counted)
    first, second = pair
    job = first.create_forecast_job(["cn-cloud"], shares=shares, model="naive", horizon=2)
    seen = list(islice(second.watch_forecast_job(job.job_id, timeout=PATIENCE), 2))  # breaks off
    seen += first.watch_forecast_job(job.job_id, skip=2, timeout=PATIENCE)
    assert [outcome.market for outcome in seen] == ["cn-cloud", *shares["market"].unique(maintain_order=True)]
    assert made == Counter(range(6))
    assert second.get_forecast_job(job.job_id).state == "done"
    assert [found.job_id for found in second.list_forecast_jobs()] == [job.job_id]


def test_many_that_ask_two_servers_with_one_request_id_at_once_make_one_job(pair: tuple[Client, Client]) -> None:
    def create(n: int) -> str:
        return pair[n % 2].create_forecast_job(["cn-cloud"], horizon=1, request_id="once").job_id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(create, range(16)))) == 1
    assert len(pair[0].list_forecast_jobs()) == 1


def test_a_job_that_is_only_checked_meets_the_request_id_of_another_as_it_would_in_earnest(
    pair: tuple[Client, Client],
) -> None:
    first, second = pair
    job = first.create_forecast_job(["cn-cloud"], horizon=1, request_id="once")
    assert (
        second.create_forecast_job(["cn-cloud"], horizon=1, request_id="once", validate_only=True).job_id == job.job_id
    )
    for validate_only in (False, True):
        with pytest.raises(AlreadyExists, match="a job of another batch was made with it"):
            second.create_forecast_job(["cn-cloud"], horizon=2, request_id="once", validate_only=validate_only)
    assert second.create_forecast_job(["cn-cloud"], horizon=2, request_id="twice", validate_only=True).job_id == ""
    assert len(first.list_forecast_jobs()) == 1


def test_a_job_cancelled_at_another_server_leaves_no_work_behind(database: str, shares: pl.DataFrame) -> None:
    with (
        open_store(database) as mine,
        open_store(database) as other,
        Server(Catalog.shipped(mine)) as working,
        Server(Catalog.shipped(other)) as asked,
        Client(asked.address) as client,
        Client(working.address) as creator,
    ):
        jobs = [server._front._jobs._jobs for server in (working, asked)]
        jobs_made = [creator.create_forecast_job(shares=shares, model="arima", horizon=n) for n in (40, 39, 38)]
        until(lambda: any(work._tasks for work in jobs))
        for job in jobs_made:
            assert client.cancel_forecast_job(job.job_id).state == "cancelled"
        until(lambda: not any(work._tasks for work in jobs))
        later = client.get_forecast_job(jobs_made[0].job_id)
        assert later.state == "cancelled"
        assert len(list(creator.watch_forecast_job(later.job_id))) <= later.done_count


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_server_that_ends_in_good_order_lets_go_of_its_jobs_at_once(database: str, shares: pl.DataFrame) -> None:
    with open_store(database) as store:
        with Server(Catalog.shipped(store)) as server, Client(server.address) as client:
            job = client.create_forecast_job(shares=shares, model="arima", horizon=40)
            until(lambda: bool(server._front._jobs._jobs._tasks))
        (seen,) = store.jobs.running(2)
        assert (seen.job_id, seen.owner) == (job.job_id, None)
        assert seen.beat >= 1


@pytest.mark.parametrize("database", ["postgres"], indirect=True)  # the same on SQLite: bench/job_faults.py
def test_another_server_takes_over_when_the_one_at_work_is_killed(
    database: str, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_work, "_LOOKS", 10**9)  # before the other one is killed, however slow this machine is
    command = [sys.executable, "-c", PROGRAM, database]
    many = pl.concat(shares.with_columns(market=pl.format("{} {}", "market", pl.lit(n))) for n in range(5))
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        open_store(database) as store,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        assert process.stdout is not None
        with Client(process.stdout.readline().strip()) as client:
            job = client.create_forecast_job(shares=many, model="theta", horizon=2)
            until(lambda: client.get_forecast_job(job.job_id).done_count >= 1)
        process.send_signal(signal.SIGSTOP)  # so that the job is not done before it is seen here
        server = stack.enter_context(Server(Catalog.shipped(store)))
        with Client(server.address) as client:
            jobs = server._front._jobs._jobs
            until(lambda: job.job_id in jobs._still)  # it has looked, and seen the job
            assert jobs._still[job.job_id][0].owner not in (None, jobs._owner)  # the other one is at it
            assert jobs._tasks == {}
            process.send_signal(signal.SIGKILL)
            assert process.wait(PATIENCE) == -signal.SIGKILL
            hasten(monkeypatch)
            taken = list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))
            assert len(taken) == many["market"].n_unique()
            whole = client.create_forecast_job(shares=many, model="theta", horizon=2)
            assert list(client.watch_forecast_job(whole.job_id, timeout=PATIENCE)) == taken
        assert store.jobs.outcomes(job.job_id, 0, 999) == store.jobs.outcomes(whole.job_id, 0, 999)
        assert store.jobs.get(job.job_id, None).done_count == len(taken)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("failure", "told"), [(RuntimeError("swordfish"), InternalError), (WorkLost(), WorkLost)])
def test_a_part_that_fails_again_and_again_has_a_status_that_says_why_and_the_others_go_on(
    database: str,
    shares: pl.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    told: type[Exception],
) -> None:
    tries = Counter[int]()

    async def failing(part: Part, query: BatchQuery, call: Call, catalog: Catalog, work: Work) -> Outcomes:
        tries[part.first] += 1
        if part.first == 1:
            raise failure
        return await part_outcomes(part, query, call, catalog, work)

    monkeypatch.setattr("service.server.job_work.part_outcomes", failing)
    with open_store(database) as store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:
        job = client.create_forecast_job(shares=shares, model="naive", horizon=2)
        outcomes = list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))
        assert [type(outcome.error) for outcome in outcomes] == [type(None), told, *[type(None)] * 3]
        assert client.get_forecast_job(job.job_id).state == "done"
        kept = b"".join(store.jobs.outcomes(job.job_id, 0, 9))
    assert (tries[1], sum(tries.values())) == (_TRIES, _TRIES + 4)
    assert b"swordfish" not in kept


def test_a_job_at_which_process_after_process_ends_has_failed_and_keeps_what_was_done(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    names = ["cn-cloud", "world-cloud", "no such market"]
    batch = ForecastBatch(markets=[MarketName(market=name) for name in names], horizon=1).SerializeToString()
    with open_store(database) as store:
        job, _ = store.jobs.add(tenant="", request_id="", batch=batch, markets=3, now=datetime.now(UTC))
        (seen,) = store.jobs.running(2)
        assert store.jobs.take(seen, "one")
        kept = MarketOutcome(market="world-cloud", forecast={"origin": "2020Q3"}).SerializeToString()
        assert store.jobs.keep(job.job_id, "one", 1, [(False, kept)])
        for n in range(MOST_TRIES):
            (seen,) = store.jobs.running(2)
            assert store.jobs.take(seen, f"killed {n}")
        store.jobs.renew([job.job_id], f"killed {MOST_TRIES - 1}")
        with (
            Server(Catalog.shipped(store)) as server,
            Client(server.address) as client,
            grpc.insecure_channel(server.address) as channel,
        ):
            outcomes = list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))
            assert [(one.market, type(one.error)) for one in outcomes] == [
                ("cn-cloud", WorkLost),
                ("world-cloud", type(None)),
                ("no such market", WorkLost),
            ]
            found = client.get_forecast_job(job.job_id)
            assert (found.state, found.done_count, found.failed_count) == ("failed", 3, 2)
            assert type(found.error) is WorkLost
            (listed,) = client.list_forecast_jobs()
            assert (listed, type(listed.error)) == (found, WorkLost)
            ended = client.cancel_forecast_job(job.job_id)
            assert (ended.state, type(ended.error)) == ("failed", WorkLost)
            told = list(JobServiceStub(channel).WatchForecastJob(WatchForecastJobRequest(job_id=job.job_id)))  # type: ignore[no-untyped-call]
        assert [(one.job.state, one.job.error.code) for one in told] == [(JOB_STATE_FAILED, 14)] * len(told)
        assert sum(len(one.outcomes) for one in told) == 3
        assert store.jobs.running(2) == ()


def test_a_job_whose_markets_each_fail_for_a_reason_of_their_own_is_done(database: str) -> None:
    with open_store(database) as store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:
        job = client.create_forecast_job(["no such market", "nor this"])
        assert [type(one.error) for one in client.watch_forecast_job(job.job_id, timeout=PATIENCE)] == [NotFound] * 2
        found = client.get_forecast_job(job.job_id)
    assert (found.state, found.failed_count, found.error) == ("done", 2, None)


@pytest.mark.parametrize(
    ("batch", "error", "name"),
    [
        (
            ForecastBatch(markets=[MarketName(market="cn-cloud")], model="of-a-later-version").SerializeToString(),
            "NotFound",
            "cn-cloud",
        ),
        (b"\xff", "MalformedRequest", ""),
    ],
)
def test_a_job_that_this_version_cannot_read_says_so(database: str, batch: bytes, error: str, name: str) -> None:
    with open_store(database) as store:
        job, _ = store.jobs.add(tenant="", request_id="", batch=batch, markets=1, now=datetime.now(UTC))
        with Server(Catalog.shipped(store)) as server, Client(server.address) as client:
            (outcome,) = client.watch_forecast_job(job.job_id, timeout=PATIENCE)
            assert (outcome.market, type(outcome.error).__name__) == (name, error)
            found = client.get_forecast_job(job.job_id)
            assert (found.state, type(found.error).__name__) == ("failed", error)
            with pytest.raises(NotFound, match=r"job .* is not known"):
                client.get_forecast_job(job.job_id[:-1])
