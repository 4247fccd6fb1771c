"""The work on jobs, shared between all processes that have the same store open.

Every process looks again and again for jobs that no other holds, takes as many as it works on at once, and gives their
leases a beat at every look. The jobs of one that dies are without a beat from then on, and after `_LOOKS` looks another
goes on where it was.
"""

import asyncio
import logging
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from forecast.errors import SharecastError
from service import convert
from service.catalog import Catalog
from service.errors import InternalError, NoStore, Overloaded, ServiceUnavailable, WorkLost
from service.queries import BatchQuery
from service.security import ANYONE, Caller
from service.server.admission import Admission
from service.server.calls import Call
from service.server.many import Outcomes, Part, as_ready, part_outcomes, read_batch
from service.server.work import Work

if TYPE_CHECKING:
    from service.store.job_rows import JobSeen, JobTask  # loads SQLAlchemy, which a server without a store spares

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  # between two looks for jobs
_LOOKS = 6  # without a beat, after which a lease is taken over: longer than a database keeps a writer waiting
_MOST_SEEN = 200  # jobs of a tenant, at a look
_AT_ONCE = 4  # jobs that a process works on, and beyond these
_WITH_FIRSTS = 16  # as many in all where each is the only one of its tenant
_TRIES = 4  # of a part in one process whose work ends without an answer
MOST_TRIES = 10  # processes that may end at a job without one more outcome
_AGAIN_SECONDS = 0.2, 5.0  # before a second try, and before any later one at most
_EVER = 365 * 86_400.0  # seconds: a job has no deadline


class JobWork:
    """Works on the jobs of a store; for use inside one event loop.

    A job is worked on part by part; the parts are always the same, and each is kept whole or not at all, so that a job
    that is taken up again comes to the same bytes and does nothing twice that was kept. What cannot be done ends with
    an error that says why: a part after `_TRIES` as outcomes of its markets; a job after `MOST_TRIES` processes, or
    where this version cannot read what was asked, as one that failed.

    Tenants take turns at the parts that are in work. Those wait for their places beside the calls of all tenants, their
    own among them, under a name that no call has, so that however many jobs there are a call finds its turn.

    Args:
        catalog: The figures, and the store that jobs are kept in.
        work: Where the work is done.
        ahead: Parts that are worked on at once, of one job as of all, and one more of a tenant that has none.
    """

    def __init__(self, catalog: Catalog, work: Work, *, ahead: int) -> None:
        self._catalog, self._work, self._ahead = catalog, work, ahead
        self._owner = secrets.token_hex(12)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tenants: dict[str, str] = {}  # of the jobs at work
        self._turns = Admission(ahead, _WITH_FIRSTS * ahead)  # parts; as many may wait as all jobs have ready
        self._taking: asyncio.Future[JobTask | None] | None = None  # the last job that was reached for
        self._changed, self._wake = asyncio.Condition(), asyncio.Event()
        self._still: dict[str, tuple[JobSeen, int]] = {}  # leases of others, and looks at which they stood still
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for jobs."""
        self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    async def stop(self) -> None:
        """Leave the jobs where they are; another process goes on with them at once."""
        tasks = [*self._tasks.values(), *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._taking is not None:
            await asyncio.gather(self._taking, return_exceptions=True)  # a thread goes on, and may still get the lease
            with suppress(SharecastError):  # else they are taken over, later
                await asyncio.to_thread(self._catalog.jobs().release, self._owner)

    def look_again(self) -> None:
        """There is a new job."""
        self._wake.set()

    async def end(self, job_id: str) -> None:
        """A job has been cancelled."""
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
        await self._tell()

    async def changed(self, seconds: float) -> None:
        """Wait until a job of this process has changed, or for so long."""
        async with self._changed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)

    async def _keep_looking(self) -> None:
        failing, looked = "", 0.0
        while True:
            self._wake.clear()
            try:
                full = time.monotonic() - looked >= _LOOK_SECONDS  # not woken up
                if full:
                    looked = time.monotonic()
                    await self._renew()
                await self._take_free(count=full)
                failing = ""
            except NoStore:
                return
            except SharecastError as error:  # the database is away; the jobs are where they were when it is back
                if failing != str(error):
                    failing = str(error)
                    log.warning("jobs wait: %s", failing)
            except Exception:
                log.exception("the look for jobs failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)

    async def _renew(self) -> None:
        mine = dict(self._tasks)
        if not mine:
            return
        held = await asyncio.to_thread(self._catalog.jobs().renew, mine.keys(), self._owner)
        for job_id, task in mine.items():
            if job_id not in held:  # cancelled or taken elsewhere
                task.cancel()

    async def _take_free(self, *, count: bool) -> None:
        rows = self._catalog.jobs()
        free = self._free(await asyncio.to_thread(rows.running, _MOST_SEEN), count=count)
        for seen in self._in_turn(free):
            self._taking = asyncio.ensure_future(asyncio.to_thread(rows.take, seen, self._owner))
            task = await asyncio.shield(self._taking)
            if task is not None:
                self._begin(task)

    def _free(self, running: "Iterable[JobSeen]", *, count: bool) -> "list[JobSeen]":
        """Jobs that nobody holds, or whose lease has not beaten for some looks; `count`: this look is one of them."""
        still: dict[str, tuple[JobSeen, int]] = {}
        free = []
        for seen in running:
            if seen.job_id in self._tasks:
                continue
            before, looks = self._still.get(seen.job_id, (seen, 0))
            looks = looks + count if before == seen else 0
            still[seen.job_id] = (seen, looks)
            if seen.owner is None or looks >= _LOOKS:
                free.append(seen)
        self._still = still
        return free

    def _in_turn(self, free: "Iterable[JobSeen]") -> "list[JobSeen]":
        """Jobs to begin now: of tenants that have few at work first, then the oldest, as far as there is room."""
        counts = Counter(self._tenants.values())
        ranked = []
        for age, seen in enumerate(free):
            ranked.append((counts[seen.tenant], age, seen))
            counts[seen.tenant] += 1
        chosen: list[JobSeen] = []
        for others, _, seen in sorted(ranked, key=lambda each: each[:2]):
            if len(self._tasks) + len(chosen) < (_AT_ONCE if others else _WITH_FIRSTS):
                chosen.append(seen)
        return chosen

    def _begin(self, task: "JobTask") -> None:
        working = asyncio.get_running_loop().create_task(self._work_on(task))
        self._tasks[task.job_id], self._tenants[task.job_id] = working, task.tenant
        working.add_done_callback(lambda _: self._ended(task.job_id))

    def _ended(self, job_id: str) -> None:
        del self._tasks[job_id], self._tenants[job_id]
        self._wake.set()

    async def _work_on(self, task: "JobTask") -> None:
        try:
            if task.tries > MOST_TRIES:
                await self._give_up(task, WorkLost(), f"{task.tries - 1} processes ended at it")
                return
            try:
                query, parts = await self._work.at_once(read_batch, task.batch)
            except SharecastError as error:  # another version let it in
                await self._give_up(task, error, type(error).__name__)
                return
            await self._make(task, query, parts)
        except Exception:
            log.exception("job %s failed; it is taken up again in a moment", task.job_id)

    async def _make(self, task: "JobTask", query: BatchQuery, parts: list[Part]) -> None:
        left = [part for part in parts if not task.done.issuperset(range(part.first, part.first + part.count))]

        async def make(part: Part) -> Outcomes:
            outcomes = await self._outcomes(part, task, query)
            await self._keep(task, part.first, outcomes)
            return outcomes

        async for _ in as_ready(left, make, self._ahead):
            pass

    async def _outcomes(self, part: Part, task: "JobTask", query: BatchQuery) -> Outcomes:
        """The outcomes of a part, at the last errors that say why there is none."""
        lost, wait = 0, _AGAIN_SECONDS[0]
        reason: SharecastError
        while True:
            caller = Caller(f"{task.tenant}\0jobs", ANYONE.role)  # no tenant's name has a NUL
            call = Call("job", uuid.uuid4().hex, caller, time.monotonic() + _EVER)
            try:
                async with self._turns.turn(task.tenant, "part", _EVER):
                    return await part_outcomes(part, query, call, self._catalog, self._work)
            except WorkLost as error:
                lost, reason = lost + 1, error
                log.warning("job %s lost a worker, request_id=%s", task.job_id, call.request_id)
            except (ServiceUnavailable, Overloaded) as error:  # the job waits until what is away is back
                log.warning("job %s goes on in a moment: %s", task.job_id, error)
            except Exception:
                lost, reason = lost + 1, InternalError(call.request_id)
                log.exception("a part of job %s failed, request_id=%s", task.job_id, call.request_id)
            if lost >= _TRIES:
                names = convert.batch_names(part.raw) if part.raw else (part.market,)
                return [(True, convert.error_outcome(name, reason, call.request_id)) for name in names]
            await asyncio.sleep(wait)
            wait = min(2 * wait, _AGAIN_SECONDS[1])

    async def _give_up(self, task: "JobTask", error: SharecastError, why: str) -> None:
        """End a job as failed, and have every market that is left fail for the same reason."""
        request_id = uuid.uuid4().hex
        log.error("job %s is given up: %s, request_id=%s", task.job_id, why, request_id)
        rows = self._catalog.jobs()

        def end() -> bool:
            names = (*convert.batch_names(task.batch), *[""] * task.markets)
            left = [place for place in range(task.markets) if place not in task.done]
            outcomes = {place: convert.error_outcome(names[place], error, request_id) for place in left}
            return rows.give_up(task.job_id, self._owner, convert.reason_bytes(error, request_id), outcomes)

        await self._write(task, end)

    async def _keep(self, task: "JobTask", first: int, outcomes: Outcomes) -> None:
        rows = self._catalog.jobs()
        await self._write(task, lambda: rows.keep(task.job_id, self._owner, first, outcomes))

    async def _write(self, task: "JobTask", write: Callable[[], bool]) -> None:
        wait = _AGAIN_SECONDS[0]
        while True:
            try:
                kept = await self._work.at_once(write)
                break
            except ServiceUnavailable as error:
                log.warning("job %s goes on in a moment: %s", task.job_id, error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _AGAIN_SECONDS[1])
        if not kept:
            raise asyncio.CancelledError  # it has ended in between, or is another process's by now
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
