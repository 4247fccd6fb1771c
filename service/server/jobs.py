"""Jobs: forecasts of many markets made in the background and kept, whatever becomes of this process."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator

from forecast.errors import SharecastError
from service import convert
from service.catalog import Catalog
from service.errors import Overloaded, ServiceUnavailable
from service.results import JobResult
from service.security import ANYONE, Caller, Role
from service.server.calls import Call
from service.server.many import Outcomes, Part, as_ready, part_outcomes, read_batch
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

log = logging.getLogger(__name__)

_OUTCOMES = 200  # of a message of a watch
_LOOK_SECONDS = 0.2  # between two looks at a job that another process may be at
_AGAIN_SECONDS = 1.0  # after which a job goes on whose work or database failed
_EVER = 365 * 86_400.0  # seconds: a job has no deadline


class JobReplies:
    """Replies to JobService, and the work on its jobs.

    A job is worked on part by part; the parts are always the same, and each is kept whole or not at all, so that a job
    that is taken up again comes to the same bytes and does nothing twice that was kept.

    Args:
        catalog: The figures, and the store that jobs are kept in.
        work: Where the work is done.
        ahead: Parts that are worked on at once for one job.
    """

    def __init__(self, catalog: Catalog, work: Work, *, ahead: int) -> None:
        self._catalog, self._work, self._ahead = catalog, work, ahead
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()

    async def resume(self) -> None:
        """Go on with every job that a process before this one has left."""
        try:
            found = await asyncio.to_thread(lambda: self._catalog.jobs().running())
        except SharecastError as error:  # no store, or one that is away: the service starts all the same
            log.info("no jobs to go on with: %s", error)
            return
        for job_id in found:
            self._begin(job_id)

    async def stop(self) -> None:
        """Leave the jobs where they are; another process goes on with them."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def create(self, raw: bytes, call: Call) -> bytes:
        """Keep a new job and begin to work on it."""
        job, new = await self._work.in_thread(call, self._create, raw, call.caller)
        if new:
            self._begin(job.job_id)
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
        task = self._tasks.get(job.job_id)
        if task is not None:
            task.cancel()
        await self._tell()
        return CancelForecastJobResponse(job=convert.job_message(job)).SerializeToString()

    async def watch(self, raw: bytes, call: Call) -> AsyncIterator[bytes]:
        """The outcomes of a job in order, until it has ended."""
        job_id, sent = convert.watch_query(decode(WatchForecastJobRequest, raw))

        def look(first: int) -> tuple[JobResult, tuple[bytes, ...]]:
            job = self._catalog.jobs().get(job_id, _tenant(call.caller))  # before the outcomes: none is missed
            return job, self._catalog.jobs().outcomes(job_id, first, _OUTCOMES)

        told: JobResult | None = None
        while True:
            job, outcomes = await self._work.at_once(look, sent)
            sent += len(outcomes)
            ended = job.state != "running" and not outcomes
            if outcomes or job != told:
                told = job
                made = [MarketOutcome.FromString(outcome) for outcome in outcomes]
                yield WatchForecastJobResponse(job=convert.job_message(job), outcomes=made).SerializeToString()
            if ended:
                return
            if not outcomes:
                await self._wait()

    def _create(self, raw: bytes, caller: Caller) -> tuple[JobResult, bool]:
        from service.store.incoming import check_request_id  # loads SQLAlchemy, which a server without a store spares

        request = decode(CreateForecastJobRequest, raw)
        rows = self._catalog.jobs()
        check_request_id(request.request_id)
        read_batch(request.batch)
        count = len(request.batch.markets) + len(request.batch.shares)
        now = self._catalog.now()
        if request.validate_only:
            return JobResult("", "running", now, count, 0, 0), False
        batch = request.batch.SerializeToString(deterministic=True)
        return rows.add(tenant=caller.tenant, request_id=request.request_id, batch=batch, markets=count, now=now)

    def _begin(self, job_id: str) -> None:
        if job_id not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._work_on(job_id))
            self._tasks[job_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(job_id, None))

    async def _work_on(self, job_id: str) -> None:
        while True:
            try:
                await self._go_on(job_id)
                return
            except (ServiceUnavailable, Overloaded) as error:  # a worker was killed, or the database is away
                log.warning("job %s goes on in a moment: %s", job_id, error)
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:
                log.exception("job %s failed; it is tried again when the server starts", job_id)
                return

    async def _go_on(self, job_id: str) -> None:
        rows = self._catalog.jobs()
        raw, tenant, done = await self._work.at_once(rows.task, job_id)
        query, parts = await self._work.at_once(read_batch, raw)
        left = [part for part in parts if not done.issuperset(range(part.first, part.first + part.count))]
        call = Call("job", uuid.uuid4().hex, Caller(tenant, ANYONE.role), time.monotonic() + _EVER)

        async def make(part: Part) -> Outcomes:
            outcomes = await part_outcomes(part, query, call, self._catalog, self._work)
            if not await self._work.at_once(rows.keep, job_id, part.first, outcomes):
                raise asyncio.CancelledError  # it was ended in between
            await self._tell()
            return outcomes

        async for _ in as_ready(left, make, self._ahead):
            pass

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self) -> None:
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait(), _LOOK_SECONDS)
            except TimeoutError:
                return


def _tenant(caller: Caller) -> str | None:
    """Whose jobs a caller sees; None: everyone's."""
    return None if caller.role is Role.ADMIN else caller.tenant
