"""Jobs as the store keeps them: what was asked, and the outcome of every market that is done."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from forecast.errors import NotFound
from service.errors import AlreadyExists
from service.results import JobResult
from service.store.engine import shown, writing
from service.store.failures import failures_told
from service.store.tables import job_outcomes, jobs


class JobRows:
    """The jobs of a database. Safe to share between threads.

    Every method raises `StoreUnavailable` where the database cannot be reached, read or written, and those that are
    given a job `NotFound` where its tenant has none of that id.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._place = engine, shown(engine)
        self._text = engine.dialect.name == "sqlite"

    def add(self, *, tenant: str, request_id: str, batch: bytes, markets: int, now: datetime) -> tuple[JobResult, bool]:
        """Keep a new job; or give the one that was made under the same request id, and False.

        Raises:
            AlreadyExists: the request id stands for another batch.
        """
        with failures_told(self._place), writing(self._engine) as connection:
            if request_id:
                asked = sa.select(jobs).where(jobs.c.tenant == tenant, jobs.c.request_id == request_id)
                earlier = connection.execute(asked).one_or_none()
                if earlier is not None:
                    if earlier.batch != batch:
                        raise AlreadyExists(request_id, "a job of another batch was made with it")
                    return _job(connection, earlier), False
            newest = connection.execute(sa.select(sa.func.max(jobs.c.number))).scalar()
            values = {
                "number": (newest or 0) + 1,
                "job_id": secrets.token_hex(12),
                "tenant": tenant,
                "request_id": request_id or None,
                "created_at": now.astimezone(UTC).isoformat(timespec="microseconds") if self._text else now,
                "markets": markets,
                "batch": batch,
                "state": "running",
            }
            connection.execute(jobs.insert().values(values))
            row = connection.execute(sa.select(jobs).where(jobs.c.number == values["number"])).one()
            return _job(connection, row), True

    def get(self, job_id: str, tenant: str | None) -> JobResult:
        """A job; None: of any tenant."""
        with failures_told(self._place), self._engine.connect() as connection:
            return _job(connection, _row(connection, job_id, tenant))

    def page(self, tenant: str | None, size: int, before: int | None) -> tuple[tuple[JobResult, ...], int | None]:
        """Jobs, the newest first, made before the one of a number; and the number of the last one if others follow."""
        chosen = sa.select(jobs).order_by(jobs.c.number.desc()).limit(size + 1)
        if tenant is not None:
            chosen = chosen.where(jobs.c.tenant == tenant)
        if before is not None:
            chosen = chosen.where(jobs.c.number < before)
        with failures_told(self._place), self._engine.connect() as connection:
            rows = connection.execute(chosen).all()
            found = tuple(_job(connection, row) for row in rows[:size])
        return found, rows[size - 1].number if len(rows) > size else None

    def cancel(self, job_id: str, tenant: str | None) -> JobResult:
        """End a job that runs."""
        with failures_told(self._place), writing(self._engine) as connection:
            row = _row(connection, job_id, tenant)
            _end(connection, row.number, "cancelled")
            return _job(connection, _row(connection, job_id, tenant))

    def running(self) -> tuple[str, ...]:
        """The ids of the jobs that are to go on, the oldest first."""
        chosen = sa.select(jobs.c.job_id).where(jobs.c.state == "running").order_by(jobs.c.number)
        with failures_told(self._place), self._engine.connect() as connection:
            return tuple(row.job_id for row in connection.execute(chosen))

    def task(self, job_id: str) -> tuple[bytes, str, frozenset[int]]:
        """What was asked, by which tenant, and the places of the markets that are done."""
        with failures_told(self._place), self._engine.connect() as connection:
            row = _row(connection, job_id, None)
            done = connection.execute(sa.select(job_outcomes.c.place).where(job_outcomes.c.job_number == row.number))
            return bytes(row.batch), row.tenant, frozenset(done.scalars())

    def keep(self, job_id: str, first: int, outcomes: Sequence[tuple[bool, bytes]]) -> bool:
        """Keep the outcomes of markets that follow each other, all or none; False where the job has ended.

        What is there already stays: another process may have been at the same job.
        """
        with failures_told(self._place), writing(self._engine) as connection:
            row = _row(connection, job_id, None)
            if row.state != "running":
                return False
            places = job_outcomes.c.place
            there = sa.select(places).where(
                job_outcomes.c.job_number == row.number, places >= first, places < first + len(outcomes)
            )
            known = set(connection.execute(there).scalars())
            new = [
                {
                    "job_number": row.number,
                    "place": place,
                    "failed": int(failed) if self._text else failed,
                    "outcome": o,
                }
                for place, (failed, o) in enumerate(outcomes, first)
                if place not in known
            ]
            if new:
                connection.execute(job_outcomes.insert(), new)
            count = sa.select(sa.func.count()).where(job_outcomes.c.job_number == row.number)
            if connection.execute(count).scalar_one() >= row.markets:
                _end(connection, row.number, "done")
            return True

    def outcomes(self, job_id: str, first: int, most: int) -> tuple[bytes, ...]:
        """The outcomes of the markets from a place on, as far as all before them are done."""
        with failures_told(self._place), self._engine.connect() as connection:
            number = _row(connection, job_id, None).number
            chosen = (
                sa.select(job_outcomes.c.place, job_outcomes.c.outcome)
                .where(
                    job_outcomes.c.job_number == number,
                    job_outcomes.c.place >= first,
                    job_outcomes.c.place < first + most,
                )
                .order_by(job_outcomes.c.place)
            )
            rows = connection.execute(chosen).all()
        return tuple(bytes(row.outcome) for place, row in enumerate(rows, first) if row.place == place)


def _row(connection: sa.Connection, job_id: str, tenant: str | None) -> "sa.Row[Any]":
    chosen = sa.select(jobs).where(jobs.c.job_id == job_id)
    if tenant is not None:
        chosen = chosen.where(jobs.c.tenant == tenant)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        raise NotFound("job", job_id, ())
    return row


def _end(connection: sa.Connection, number: int, state: str) -> None:
    connection.execute(jobs.update().where(jobs.c.number == number, jobs.c.state == "running").values(state=state))


def _job(connection: sa.Connection, row: "sa.Row[Any]") -> JobResult:
    failed = sa.func.coalesce(sa.func.sum(sa.cast(job_outcomes.c.failed, sa.Integer)), 0)
    counts = sa.select(sa.func.count(), failed).where(job_outcomes.c.job_number == row.number)
    done, bad = connection.execute(counts).one()
    moment = row.created_at
    return JobResult(
        job_id=row.job_id,
        state=row.state,
        created_at=(datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(UTC),
        markets_count=row.markets,
        done_count=done,
        failed_count=bad,
    )
