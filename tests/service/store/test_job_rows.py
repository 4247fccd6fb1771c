"""Leases of jobs, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ModelFailed, NotFound
from service import convert
from service.store import Store, migrations, open_store
from service.store.engine import make_engine, writing
from service.store.job_rows import JobRows, JobSeen
from service.store.tables import job_outcomes

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with open_store(database) as opened:
        yield opened


def new_job(rows: JobRows, markets: int = 5, tenant: str = "t") -> str:
    job, _ = rows.add(tenant=tenant, request_id="", batch=b"asked", markets=markets, now=NOW)
    return job.job_id


def seen(store: Store) -> JobSeen:
    (found,) = store.jobs.running(10)
    return found


def test_one_of_many_processes_that_reach_for_a_job_takes_it(store: Store) -> None:
    job_id = new_job(store.jobs)
    before = seen(store)
    assert before == JobSeen(job_id, "t", None, 0)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: store.jobs.take(before, f"p{n}"), range(8)))
    found = [task for task in taken if task is not None]
    assert [(task.batch, task.tenant, task.markets, task.tries) for task in found] == [(b"asked", "t", 5, 1)]
    assert seen(store).owner == f"p{taken.index(found[0])}"


def test_a_lease_that_stands_still_can_be_taken_over_and_its_first_owner_keeps_nothing_more(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    assert rows.take(seen(store), "first")
    assert rows.keep(job_id, "first", 0, [(False, b"a"), (True, b"b")])
    held = seen(store)
    assert rows.renew([job_id], "first") == {job_id}
    assert rows.take(held, "second") is None  # it has beaten since
    task = rows.take(seen(store), "second")
    assert task is not None
    assert (task.done, task.tries) == (frozenset({0, 1}), 1)
    assert rows.renew([job_id], "first") == frozenset()
    assert not rows.keep(job_id, "first", 2, [(False, b"late")])
    assert rows.renew([job_id], "second") == {job_id}
    assert rows.keep(job_id, "second", 2, [(False, b"c"), (False, b"d"), (False, b"e")])
    job = rows.get(job_id, "t")
    assert (job.state, job.done_count, job.failed_count) == ("done", 5, 1)
    assert rows.outcomes(job_id, 0, 9) == (b"a", b"b", b"c", b"d", b"e")
    assert rows.running(10) == ()


REASON = convert.reason_bytes(ModelFailed("auto", "no reason is like another: \N{SNOWMAN}"), "r")


def test_a_job_that_is_given_up_fails_at_once_with_every_outcome_and_says_why(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    rows.take(seen(store), "p")
    assert rows.keep(job_id, "p", 1, [(False, b"good")])
    assert not rows.give_up(job_id, "another", REASON, {0: b"x"})
    assert (rows.get(job_id, "t").state, rows.get(job_id, "t").error) == ("running", None)
    assert rows.give_up(job_id, "p", REASON, dict.fromkeys(range(5), b"bad"))
    assert rows.outcomes(job_id, 0, 9) == (b"bad", b"good", b"bad", b"bad", b"bad")
    (listed,), _ = rows.page("t", 9, None)
    for job in (rows.get(job_id, "t"), listed, rows.cancel(job_id, "t")):
        assert (job.state, job.done_count, job.failed_count) == ("failed", 5, 4)
        assert str(job.error) == str(ModelFailed("auto", "no reason is like another: \N{SNOWMAN}"))
    assert (rows.running(10), rows.renew([job_id], "p")) == ((), frozenset())
    assert not rows.give_up(job_id, "p", REASON, {})
    assert not rows.keep(job_id, "p", 0, [(False, b"late")])


def test_a_job_with_no_market_left_can_be_given_up_and_one_that_is_done_cannot(store: Store) -> None:
    rows = store.jobs
    first, second = new_job(rows, markets=2), new_job(rows, markets=1)
    for one in rows.running(10):
        rows.take(one, "p")
    rows.keep(first, "p", 0, [(False, b"a")])
    assert rows.give_up(first, "p", REASON, {})
    assert (rows.get(first, None).state, rows.get(first, None).done_count) == ("failed", 1)
    rows.keep(second, "p", 0, [(False, b"a")])
    assert not rows.give_up(second, "p", REASON, {0: b"b"})
    assert (rows.get(second, None).state, rows.get(second, None).error) == ("done", None)


def test_a_lease_that_is_let_go_is_free_at_once(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    rows.take(seen(store), "first")
    rows.release("another")
    assert seen(store).owner == "first"
    rows.release("first")
    assert seen(store).owner is None
    task = rows.take(seen(store), "second")
    assert task is not None
    assert (task.job_id, task.tries) == (job_id, 1)  # an end in good order is no try that failed


def test_tries_count_the_processes_since_an_outcome_was_kept(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    counts = []
    for n in range(4):
        task = rows.take(seen(store), f"p{n}")
        assert task is not None
        counts.append(task.tries)
        if n == 1:
            assert rows.keep(job_id, "p1", 0, [(False, b"a")])
    assert counts == [1, 2, 1, 2]


def test_outcomes_that_are_there_already_stay_and_count_once(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    rows.take(seen(store), "p")
    rows.keep(job_id, "p", 1, [(True, b"b")])
    rows.keep(job_id, "p", 0, [(True, b"a"), (False, b"other")])
    job = rows.get(job_id, None)
    assert (job.state, job.done_count, job.failed_count) == ("running", 2, 2)
    assert rows.outcomes(job_id, 0, 9) == (b"a", b"b")


def test_a_lease_let_go_after_an_outcome_was_kept_counts_no_try_less_than_none(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    for n in range(3):
        task = rows.take(seen(store), f"p{n}")
        assert task is not None
        assert task.tries == 1
        assert rows.keep(job_id, f"p{n}", n, [(False, b"a")])
        rows.release(f"p{n}")


@settings(max_examples=30)  # each makes a database
@given(sizes=st.lists(st.integers(0, 9), max_size=9), first=st.integers(0, 4), most=st.integers(1, 9), data=st.data())
def test_as_many_outcomes_are_read_as_have_so_many_bytes_and_one_at_least(
    sizes: list[int], first: int, most: int, data: st.DataObject
) -> None:
    done = data.draw(st.sets(st.integers(0, 8)))
    most_bytes = data.draw(st.none() | st.integers(0, 30))
    with TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/jobs.db") as store:
        rows, job_id = store.jobs, new_job(store.jobs, markets=10)
        assert rows.take(seen(store), "p")
        kept = {place: bytes([place]) * size for place, size in enumerate(sizes) if place in done}
        for place, outcome in kept.items():
            assert rows.keep(job_id, "p", place, [(False, outcome)])
        found = rows.outcomes(job_id, first, most, most_bytes=most_bytes)
        after = first + len(found)
        assert found == tuple(kept[place] for place in range(first, after))
        if len(found) < most and after in kept:  # it stopped before one that is there
            assert most_bytes is not None and found
            assert sum(map(len, found)) + len(kept[after]) > most_bytes
        assert most_bytes is None or len(found) <= 1 or sum(map(len, found)) <= max(most_bytes, len(found[0]))


def test_lengths_are_of_bytes_on_both_databases(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    rows.take(seen(store), "p")
    rows.keep(job_id, "p", 0, [(False, b"\0\xff\0"), (False, b"\xc3\xa9" * 2), (False, b"x")])
    assert rows.outcomes(job_id, 0, 9, most_bytes=6) == (b"\0\xff\0",)
    assert rows.outcomes(job_id, 0, 9, most_bytes=7) == (b"\0\xff\0", b"\xc3\xa9" * 2)


def test_a_cancelled_job_is_taken_and_worked_on_by_nobody(store: Store) -> None:
    rows, job_id = store.jobs, new_job(store.jobs)
    rows.take(seen(store), "p")
    held = seen(store)
    assert rows.cancel(job_id, "t").state == "cancelled"
    assert not rows.keep(job_id, "p", 0, [(False, b"a")])
    assert (rows.renew([job_id], "p"), rows.running(10), rows.take(held, "q")) == (frozenset(), (), None)


def test_the_many_jobs_of_one_tenant_hide_no_other_tenants(store: Store) -> None:
    made = [new_job(store.jobs, tenant="many") for _ in range(4)]
    made.append(new_job(store.jobs, tenant="few"))
    assert [seen.job_id for seen in store.jobs.running(2)] == [*made[:2], made[4]]
    assert [seen.job_id for seen in store.jobs.running(9)] == made


@pytest.mark.parametrize("job_id", ["", "x", "\0", "../" * 8, "A" * 24, "0" * 25, "٣" * 24])
def test_what_is_no_id_is_the_id_of_no_job(store: Store, job_id: str) -> None:
    with pytest.raises(NotFound, match=r"job .* is not known"):
        store.jobs.get(job_id, None)


def test_jobs_of_the_version_before_are_counted_and_can_be_taken(database: str) -> None:
    engine = make_engine(database, create=True)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        text = engine.dialect.name == "sqlite"
        for number, state in ((1, "done"), (2, "running")):
            old = sa.text(
                "INSERT INTO jobs (number, job_id, tenant, created_at, markets, batch, state)"
                " VALUES (:number, :job_id, 't', :now, 3, :batch, :state)"
            )
            now = NOW.isoformat() if text else NOW
            values = {"number": number, "job_id": f"{number:024x}", "now": now, "batch": b"asked", "state": state}
            connection.execute(old, values)
        failed = [1, 0] if text else [True, False]
        rows = [{"job_number": 2, "place": n, "failed": failed[n], "outcome": b"o"} for n in range(2)]
        connection.execute(job_outcomes.insert(), rows)
    engine.dispose()
    with open_store(database) as store:
        assert [(job.done_count, job.failed_count) for job in store.jobs.page(None, 9, None)[0]] == [(2, 1), (0, 0)]
        assert seen(store) == JobSeen(f"{2:024x}", "t", None, 0)
        task = store.jobs.take(seen(store), "p")
        assert task is not None
        assert task.done == {0, 1}
