"""Jobs as the store keeps them: what was asked, who works on it, and the outcome of every market that is done.

A process works on a job while it holds its lease, and says every moment that it still does by a beat of the lease. Who
sees no beat for some looks in a row may take the lease over. No clock is asked, so none can be wrong, and after a stall
of all processes, as of a suspended machine, the owner has the time of those looks to go on. Should a process not notice
that it has lost its lease, nothing goes wrong: outcomes are kept for the owner of the lease alone.
"""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from forecast.errors import NotFound, SharecastError
from service.errors import AlreadyExists
from service.results import JobResult
from service.store.engine import shown, writing
from service.store.failures import failures_told
from service.store.tables import job_leases, job_outcomes, jobs

_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)

# Without the batch, which may have megabytes.
_JOBS = sa.select(
    jobs.c.number,
    jobs.c.job_id,
    jobs.c.created_at,
    jobs.c.markets,
    jobs.c.state,
    job_leases.c.owner,
    job_leases.c.done,
    job_leases.c.failed,
    job_leases.c.error,
).join(job_leases, job_leases.c.job_number == jobs.c.number)


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job that is to go on, at one look."""

    job_id: str
    tenant: str
    owner: str | None  # the process that holds its lease
    beat: int  # another one after every beat


@dataclass(frozen=True, slots=True)
class JobTask:
    """What is to be done for a job by the process that has taken it."""

    job_id: str
    tenant: str
    batch: bytes  # a ForecastBatch
    markets: int
    done: frozenset[int]  # places of the markets that have an outcome
    tries: int  # processes that took it since an outcome was kept, this one among them


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
            earlier = _made_with(connection, tenant, request_id, batch)
            if earlier is not None:
                return earlier, False
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
            connection.execute(
                job_leases.insert().values(job_number=values["number"], beat=0, tries=0, done=0, failed=0)
            )
            return _job(_row(connection, str(values["job_id"]), tenant)), True

    def made_with(self, *, tenant: str, request_id: str, batch: bytes) -> JobResult | None:
        """The job that `add` would give in place of a new one; raises as it would."""
        with failures_told(self._place), self._engine.connect() as connection:
            return _made_with(connection, tenant, request_id, batch)

    def get(self, job_id: str, tenant: str | None) -> JobResult:
        """A job; None: of any tenant."""
        with failures_told(self._place), self._engine.connect() as connection:
            return _job(_row(connection, job_id, tenant))

    def page(self, tenant: str | None, size: int, before: int | None) -> tuple[tuple[JobResult, ...], int | None]:
        """Jobs, the newest first, made before the one of a number; and the number of the last one if others follow."""
        chosen = _JOBS.order_by(jobs.c.number.desc()).limit(size + 1)
        if tenant is not None:
            chosen = chosen.where(jobs.c.tenant == tenant)
        if before is not None:
            chosen = chosen.where(jobs.c.number < before)
        with failures_told(self._place), self._engine.connect() as connection:
            rows = connection.execute(chosen).all()
        found = tuple(_job(row) for row in rows[:size])
        return found, rows[size - 1].number if len(rows) > size else None

    def cancel(self, job_id: str, tenant: str | None) -> JobResult:
        """End a job that runs."""
        with failures_told(self._place), writing(self._engine) as connection:
            _end(connection, _row(connection, job_id, tenant).number, "cancelled")
            return _job(_row(connection, job_id, tenant))

    def running(self, most: int) -> tuple[JobSeen, ...]:
        """The jobs that are to go on, held or not, the oldest first; of a tenant that has more, the oldest `most`."""
        nth = sa.func.row_number().over(partition_by=jobs.c.tenant, order_by=jobs.c.number)
        seen = (jobs.c.job_id, jobs.c.tenant, job_leases.c.owner, job_leases.c.beat)
        ranked = (
            sa.select(*seen, jobs.c.number, nth.label("nth"))
            .join(job_leases, job_leases.c.job_number == jobs.c.number)
            .where(jobs.c.state == "running")
            .subquery()
        )
        names = [ranked.c[column.name] for column in seen]
        chosen = sa.select(*names).where(ranked.c.nth <= most).order_by(ranked.c.number)
        with failures_told(self._place), self._engine.connect() as connection:
            return tuple(JobSeen(*row) for row in connection.execute(chosen))

    def take(self, seen: JobSeen, owner: str) -> JobTask | None:
        """Take the lease of a job; None where it has changed since it was seen, or the job has ended.

        Args:
            seen: The job, with a lease that is nobody's or that has not beaten for long.
            owner: The process that takes it, by a name that no other has.
        """
        with failures_told(self._place), writing(self._engine) as connection:
            found = _row(connection, seen.job_id, None)
            if found.state != "running":
                return None
            same = (job_leases.c.owner.is_not_distinct_from(seen.owner), job_leases.c.beat == seen.beat)
            taken = job_leases.update().where(job_leases.c.job_number == found.number, *same)
            taken = taken.values(owner=owner, beat=job_leases.c.beat + 1, tries=job_leases.c.tries + 1)
            if connection.execute(taken).rowcount != 1:
                return None
            asked = sa.select(jobs.c.tenant, jobs.c.batch, jobs.c.markets, job_leases.c.tries)
            asked = asked.join(job_leases, job_leases.c.job_number == jobs.c.number)
            row = connection.execute(asked.where(jobs.c.number == found.number)).one()
            there = sa.select(job_outcomes.c.place).where(job_outcomes.c.job_number == found.number)
            done = frozenset(connection.execute(there).scalars())
            return JobTask(seen.job_id, row.tenant, bytes(row.batch), row.markets, done, row.tries)

    def renew(self, job_ids: Collection[str], owner: str) -> frozenset[str]:
        """Give the leases of a process on some jobs a beat; those it still holds, of jobs that are to go on."""
        going = sa.select(jobs.c.number).where(jobs.c.job_id.in_(job_ids), jobs.c.state == "running")
        mine = sa.and_(job_leases.c.owner == owner, job_leases.c.job_number.in_(going))
        held = sa.select(jobs.c.job_id).join(job_leases, job_leases.c.job_number == jobs.c.number).where(mine)
        with failures_told(self._place), writing(self._engine) as connection:
            connection.execute(job_leases.update().where(mine).values(beat=job_leases.c.beat + 1))
            return frozenset(connection.execute(held).scalars())

    def release(self, owner: str) -> None:
        """Let another process take the jobs of one that ends in good order, at once."""
        left = job_leases.update().where(job_leases.c.owner == owner)
        with failures_told(self._place), writing(self._engine) as connection:
            tries = job_leases.c.tries  # 0 where an outcome was kept meanwhile
            connection.execute(left.values(owner=None, tries=sa.case((tries > 0, tries - 1), else_=0)))

    def keep(self, job_id: str, owner: str, first: int, outcomes: Sequence[tuple[bool, bytes]]) -> bool:
        """Keep the outcomes of markets that follow each other, all or none.

        Returns:
            False, and nothing is kept, where the job has ended or `owner` does not hold it any more.
        """
        return self._write(job_id, owner, dict(enumerate(outcomes, first)), None)

    def give_up(self, job_id: str, owner: str, error: bytes, outcomes: Mapping[int, bytes]) -> bool:
        """End a job that cannot be done.

        Args:
            job_id: The job.
            owner: The process that holds it.
            error: Why, a google.rpc.Status.
            outcomes: By place the error of every market that has no outcome; places that have one keep it.

        Returns:
            As `keep`.
        """
        return self._write(job_id, owner, {place: (True, outcome) for place, outcome in outcomes.items()}, error)

    def _write(self, job_id: str, owner: str, outcomes: Mapping[int, tuple[bool, bytes]], error: bytes | None) -> bool:
        with failures_told(self._place), writing(self._engine) as connection:
            row = _row(connection, job_id, None)
            if row.state != "running" or row.owner != owner:
                return False
            there = sa.select(job_outcomes.c.place).where(
                job_outcomes.c.job_number == row.number,
                job_outcomes.c.place.between(min(outcomes, default=0), max(outcomes, default=-1)),
            )
            known = set(connection.execute(there).scalars())
            new = [
                {
                    "job_number": row.number,
                    "place": place,
                    "failed": int(failed) if self._text else failed,
                    "outcome": outcome,
                }
                for place, (failed, outcome) in outcomes.items()
                if place not in known
            ]
            if new:
                connection.execute(job_outcomes.insert(), new)
            done, failed = row.done + len(new), row.failed + sum(bool(each["failed"]) for each in new)
            lease = job_leases.update().where(job_leases.c.job_number == row.number)
            connection.execute(lease.values(tries=0, done=done, failed=failed, error=error))
            if error is not None:
                _end(connection, row.number, "failed")
            elif done >= row.markets:
                _end(connection, row.number, "done")
            return True

    def outcomes(self, job_id: str, first: int, most: int, *, most_bytes: int | None = None) -> tuple[bytes, ...]:
        """The outcomes of the markets from a place on, as far as all before them are done.

        Args:
            job_id: The job.
            first: The place.
            most: How many at most.
            most_bytes: How many bytes they have together at most, but one outcome at least; None: any number.
        """
        with failures_told(self._place), self._engine.connect() as connection:
            mine = job_outcomes.c.job_number == _row(connection, job_id, None).number
            places = job_outcomes.c.place
            # Lengths first: what is not asked for in the end would have been read, and may have gigabytes.
            sizes = sa.select(places, sa.func.length(job_outcomes.c.outcome).label("size"))
            sizes = sizes.where(mine, places >= first, places < first + most).order_by(places)
            end, read = first, 0
            for row in connection.execute(sizes).all():
                if row.place != end or (read and most_bytes is not None and read + row.size > most_bytes):
                    break
                end, read = end + 1, read + row.size
            chosen = sa.select(job_outcomes.c.outcome).where(mine, places >= first, places < end).order_by(places)
            return tuple(bytes(outcome) for outcome in connection.execute(chosen).scalars()) if end > first else ()


def _made_with(connection: sa.Connection, tenant: str, request_id: str, batch: bytes) -> JobResult | None:
    """The job made under a request id."""
    if not request_id:
        return None
    asked = sa.select(jobs.c.job_id, jobs.c.batch).where(jobs.c.tenant == tenant, jobs.c.request_id == request_id)
    earlier = connection.execute(asked).one_or_none()
    if earlier is None:
        return None
    if earlier.batch != batch:
        raise AlreadyExists(request_id, "a job of another batch was made with it")
    return _job(_row(connection, earlier.job_id, tenant))


def _row(connection: sa.Connection, job_id: str, tenant: str | None) -> Any:  # noqa: ANN401  (a row of `_JOBS`)
    row = None
    if _ID.fullmatch(job_id):  # what is no id is not asked for: PostgreSQL has no text with a NUL in it
        chosen = _JOBS.where(jobs.c.job_id == job_id)
        if tenant is not None:
            chosen = chosen.where(jobs.c.tenant == tenant)
        row = connection.execute(chosen).one_or_none()
    if row is None:
        raise NotFound("job", job_id, ())
    return row


def _end(connection: sa.Connection, number: int, state: str) -> None:
    connection.execute(jobs.update().where(jobs.c.number == number, jobs.c.state == "running").values(state=state))
    connection.execute(job_leases.update().where(job_leases.c.job_number == number).values(owner=None))


def _job(row: Any) -> JobResult:  # noqa: ANN401
    moment = row.created_at
    return JobResult(
        job_id=row.job_id,
        state=row.state,
        created_at=(datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(UTC),
        markets_count=row.markets,
        done_count=row.done,
        failed_count=row.failed,
        error=None if row.error is None else _reason(row.error),
    )


def _reason(kept: bytes) -> SharecastError:
    from service.convert import read_reason  # loads gRPC, and few jobs fail

    return read_reason(bytes(kept))
