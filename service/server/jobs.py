"""Replies of JobService; the work on its jobs is in `service.server.job_work`."""

from collections.abc import AsyncIterator

from service import convert
from service.catalog import Catalog
from service.results import JobResult
from service.security import Caller, Role
from service.server.bulk import BATCH, check_bulk
from service.server.calls import Call
from service.server.job_work import JobWork
from service.server.many import MESSAGE_BYTES, in_messages, read_batch
from service.server.messages import decode
from service.server.work import Work
from sharecast.v1.batch_pb2 import MarketOutcome
from sharecast.v1.job_service_pb2 import (
    CancelForecastJobRequest,
    CancelForecastJobResponse,
    CreateForecastJobRequest,
    CreateForecastJobResponse,
    GetForecastJobRequest,
    GetForecastJobResponse,
    ListForecastJobsRequest,
    WatchForecastJobRequest,
    WatchForecastJobResponse,
)

_OUTCOMES = 200  # of a message of a watch at most
_LOOK_SECONDS = 0.2  # between two looks at a job that another process may be at


class JobReplies:
    """Replies to JobService, and the work on its jobs.

    Args:
        catalog: The figures, and the store that jobs are kept in.
        work: Where the work is done.
        ahead: Parts that are worked on at once for one job.
    """

    def __init__(self, catalog: Catalog, work: Work, *, ahead: int) -> None:
        self._catalog, self._work = catalog, work
        self._jobs = JobWork(catalog, work, ahead=ahead)

    async def resume(self) -> None:
        """Go on with every job that no other process works on, now and whenever there is one."""
        self._jobs.start()

    async def stop(self) -> None:
        """Leave the jobs where they are; another process goes on with them."""
        await self._jobs.stop()

    async def create(self, raw: bytes, call: Call) -> bytes:
        """Keep a new job and begin to work on it."""
        check_bulk(raw, BATCH)
        job, new = await self._work.in_thread(call, self._create, raw, call.caller)
        if new:
            self._jobs.look_again()
        return CreateForecastJobResponse(job=convert.job_message(job)).SerializeToString()

    async def get(self, raw: bytes, call: Call) -> bytes:
        """One job."""

        def run() -> bytes:
            job_id = convert.read_job_id(decode(GetForecastJobRequest, raw).job_id)
            job = self._catalog.jobs().get(job_id, _tenant(call.caller))
            return GetForecastJobResponse(job=convert.job_message(job)).SerializeToString()

        return await self._work.in_thread(call, run)

    async def list(self, raw: bytes, call: Call) -> bytes:
        """One page of jobs."""

        def run() -> bytes:
            size, before = convert.jobs_query(decode(ListForecastJobsRequest, raw))
            found, last = self._catalog.jobs().page(_tenant(call.caller), size, before)
            return convert.jobs_response(found, last).SerializeToString()

        return await self._work.in_thread(call, run)

    async def cancel(self, raw: bytes, call: Call) -> bytes:
        """End a job."""

        def run() -> JobResult:
            job_id = convert.read_job_id(decode(CancelForecastJobRequest, raw).job_id)
            return self._catalog.jobs().cancel(job_id, _tenant(call.caller))

        job = await self._work.in_thread(call, run)
        await self._jobs.end(job.job_id)
        return CancelForecastJobResponse(job=convert.job_message(job)).SerializeToString()

    async def watch(self, raw: bytes, call: Call) -> AsyncIterator[bytes]:
        """The outcomes of a job in order, until it has ended."""
        job_id, sent = convert.watch_query(decode(WatchForecastJobRequest, raw))

        def look(first: int) -> tuple[JobResult, tuple[bytes, ...]]:
            job = self._catalog.jobs().get(job_id, _tenant(call.caller))  # before the outcomes: none is missed
            return job, self._catalog.jobs().outcomes(job_id, first, _OUTCOMES, most_bytes=MESSAGE_BYTES)

        told: JobResult | None = None
        while True:
            job, outcomes = await self._work.at_once(look, sent)
            sent += len(outcomes)
            ended = job.state != "running" and not outcomes
            for few in in_messages(outcomes) if outcomes else [()] if job != told else []:
                told = job
                made = [MarketOutcome.FromString(outcome) for outcome in few]
                yield WatchForecastJobResponse(job=convert.job_message(job), outcomes=made).SerializeToString()
            if ended:
                return
            if not outcomes:
                await self._jobs.changed(_LOOK_SECONDS)

    def _create(self, raw: bytes, caller: Caller) -> tuple[JobResult, bool]:
        from service.store.incoming import check_request_id  # loads SQLAlchemy, which a server without a store spares

        request = decode(CreateForecastJobRequest, raw)
        rows = self._catalog.jobs()
        check_request_id(request.request_id)
        read_batch(request.batch)
        count = len(request.batch.markets) + len(request.batch.shares)
        now = self._catalog.now()
        batch = request.batch.SerializeToString(deterministic=True)
        if request.validate_only:
            earlier = rows.made_with(tenant=caller.tenant, request_id=request.request_id, batch=batch)
            return earlier or JobResult("", "running", now, count, 0, 0), False
        return rows.add(tenant=caller.tenant, request_id=request.request_id, batch=batch, markets=count, now=now)


def _tenant(caller: Caller) -> str | None:
    """Whose jobs a caller sees; None: everyone's."""
    return None if caller.role is Role.ADMIN else caller.tenant
