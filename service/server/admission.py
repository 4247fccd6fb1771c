"""Turns at the work: a bounded queue before a few places, shared fairly between tenants."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from service.errors import DeadlineExceeded, Overloaded

_USUAL = 0.2  # weight of the newest time in the running mean of times
_SOONEST, _LATEST = 0.05, 30.0  # seconds after which to call again


class Admission:
    """Places at which work is done, and a queue before them; for use inside one event loop.

    Tenants with work waiting take turns, whatever number of calls each has. One place more than `places` is kept for a
    tenant that has none, so that a flood by one tenant does not keep another waiting for the end of what it began. Of
    several such tenants one has it at a time, and those that wait come before one that just arrives.

    Args:
        places: How much work is done at once, at least 1.
        waiting: How many more calls may wait; a tenant alone may fill the queue, several an equal part each.
        clock: Seconds, for tests.
    """

    def __init__(self, places: int, waiting: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._places, self._most, self._clock = places, waiting, clock
        self._working: dict[str, int] = {}  # by tenant
        self._kept = False  # whether the kept place is taken
        # the tenant next in turn first; the result is whether the place is the kept one
        self._queues: OrderedDict[str, deque[asyncio.Future[bool]]] = OrderedDict()
        self._count = 0  # waiting
        self._usual = 0.0  # running mean of the seconds that work takes; 0: none was done yet
        self._fastest: dict[str, float] = {}  # seconds of the fastest work of each kind

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return self._count

    @property
    def working(self) -> int:
        """How many calls are being worked on."""
        return sum(self._working.values())

    @asynccontextmanager
    async def turn(self, tenant: str, kind: str, seconds_left: float) -> AsyncIterator[bool]:
        """Wait for a place and keep it until the block ends; gives whether it is the one kept beside the others.

        Args:
            tenant: Who calls.
            kind: What kind of work it is; kinds take different times.
            seconds_left: Until the caller gives up.

        Raises:
            DeadlineExceeded: no work of this kind has ever been done in so short a time.
            Overloaded: the queue is full, or so long that the turn would come too late.
        """
        self.check(tenant, kind, seconds_left)
        kept = await self._enter(tenant, seconds_left)
        started = self._clock()
        try:
            yield kept
            took = self._clock() - started
            self._usual += (took - self._usual) * (_USUAL if self._usual else 1.0)
            self._fastest[kind] = min(took, self._fastest.get(kind, took))
        finally:
            self._leave(tenant, kept=kept)

    def check(self, tenant: str, kind: str, seconds_left: float) -> None:
        """Refuse now what `turn` would refuse, before anything is done that leads up to it; raises as `turn`."""
        if seconds_left < self._fastest.get(kind, 0.0):
            raise DeadlineExceeded(None)
        if not self._free and self._count:
            wait = self._wait_ahead(tenant)
            if wait > seconds_left or (self._count >= self._most and self._longest(tenant) is None):
                raise Overloaded(_later(wait))

    async def _enter(self, tenant: str, seconds_left: float) -> bool:
        free = self._free
        if tenant not in self._queues and (free or (not self._kept and tenant not in self._working)):
            self._begin(tenant, kept=not free)
            return not free
        wait = self._wait_ahead(tenant)
        if wait > seconds_left:
            raise Overloaded(_later(wait))
        if self._count >= self._most:
            self._make_room(tenant)
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, deque()).append(place)
        self._count += 1
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._leave(tenant, kept=place.result())  # the turn had come in the same moment
            else:
                self._forget(tenant, place)
            raise

    def _wait_ahead(self, tenant: str) -> float:
        """Seconds until a call that joins the queue now is worked on, roughly."""
        own = len(self._queues.get(tenant, ())) + 1
        ahead = sum(min(len(queue), own) for name, queue in self._queues.items() if name != tenant) + own - 1
        return ahead * self._usual / self._places

    def _longest(self, tenant: str) -> str | None:
        """The tenant with the longest queue, whose last call makes room for one of this tenant; None: its own is."""
        longest = max(self._queues, key=lambda name: len(self._queues[name]), default=None)
        mine = len(self._queues.get(tenant, ()))
        return longest if longest is not None and len(self._queues[longest]) > mine + 1 else None

    def _make_room(self, tenant: str) -> None:
        longest = self._longest(tenant)
        late = Overloaded(_later(self._count * self._usual / self._places))
        if longest is None:
            raise late
        place = self._queues[longest][-1]
        self._forget(longest, place)
        place.set_exception(late)

    def _forget(self, tenant: str, place: "asyncio.Future[bool]") -> None:
        queue = self._queues.get(tenant)
        if queue is not None and place in queue:
            queue.remove(place)
            self._count -= 1
            if not queue:
                del self._queues[tenant]

    @property
    def _free(self) -> bool:
        """Whether one of the usual places is."""
        return self.working - self._kept < self._places

    def _begin(self, tenant: str, *, kept: bool) -> None:
        self._working[tenant] = self._working.get(tenant, 0) + 1
        self._kept |= kept

    def _leave(self, tenant: str, *, kept: bool) -> None:
        self._working[tenant] -= 1
        if not self._working[tenant]:
            del self._working[tenant]
        self._kept &= not kept
        while self._queues and self._free:
            self._promote(next(iter(self._queues)), kept=False)
        if not self._kept:
            idle = next((name for name in self._queues if name not in self._working), None)
            if idle is not None:
                self._promote(idle, kept=True)

    def _promote(self, tenant: str, *, kept: bool) -> None:
        """Give a place to the first call of a tenant's queue, and put the rest of it behind the others."""
        queue = self._queues.pop(tenant)
        place = queue.popleft()
        self._count -= 1
        if queue:
            self._queues[tenant] = queue
        if not place.done():
            self._begin(tenant, kept=kept)
            place.set_result(kept)


def _later(seconds: float) -> float:
    return min(max(seconds, _SOONEST), _LATEST)
