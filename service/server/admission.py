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
    tenant that has none, so that a flood by one tenant does not keep another waiting for the end of what it began.

    Args:
        places: How much work is done at once, at least 1.
        waiting: How many more calls may wait; a tenant alone may fill the queue, several an equal part each.
        clock: Seconds, for tests.
    """

    def __init__(self, places: int, waiting: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._places, self._most, self._clock = places, waiting, clock
        self._working: dict[str, int] = {}  # by tenant
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # the tenant next in turn first
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
            self._leave(tenant)

    def check(self, tenant: str, kind: str, seconds_left: float) -> None:
        """Refuse now what `turn` would refuse, before anything is done that leads up to it; raises as `turn`."""
        if seconds_left < self._fastest.get(kind, 0.0):
            raise DeadlineExceeded(None)
        if self.working >= self._places and self._count:
            wait = self._wait_ahead(tenant)
            if wait > seconds_left or (self._count >= self._most and self._longest(tenant) is None):
                raise Overloaded(_later(wait))

    async def _enter(self, tenant: str, seconds_left: float) -> bool:
        mine = self._working.get(tenant, 0)
        free = self.working < self._places
        if tenant not in self._queues and (free or (mine == 0 and self.working == self._places)):
            self._working[tenant] = mine + 1
            return not free
        wait = self._wait_ahead(tenant)
        if wait > seconds_left:
            raise Overloaded(_later(wait))
        if self._count >= self._most:
            self._make_room(tenant)
        place = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, deque()).append(place)
        self._count += 1
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._leave(tenant)  # the turn had come in the same moment
            else:
                self._forget(tenant, place)
            raise
        return False

    def _wait_ahead(self, tenant: str) -> float:
        """Seconds until a call that joins the queue now is worked on, roughly."""
        own = len(self._queues.get(tenant, ())) + 1
        ahead = sum(min(len(queue), own) for name, queue in self._queues.items() if name != tenant) + own - 1
        return ahead * self._usual / self._places

    def _longest(self, tenant: str) -> str | None:
        """The tenant with the longest queue, whose last call makes room for one of this tenant; None: its own is."""
        longest = max(self._queues, key=lambda name: len(self._queues[name]))
        return longest if len(self._queues[longest]) > len(self._queues.get(tenant, ())) + 1 else None

    def _make_room(self, tenant: str) -> None:
        longest = self._longest(tenant)
        late = Overloaded(_later(self._count * self._usual / self._places))
        if longest is None:
            raise late
        place = self._queues[longest][-1]
        self._forget(longest, place)
        place.set_exception(late)

    def _forget(self, tenant: str, place: "asyncio.Future[None]") -> None:
        queue = self._queues.get(tenant)
        if queue is not None and place in queue:
            queue.remove(place)
            self._count -= 1
            if not queue:
                del self._queues[tenant]

    def _leave(self, tenant: str) -> None:
        self._working[tenant] -= 1
        if not self._working[tenant]:
            del self._working[tenant]
        while self._queues and self.working < self._places:
            following, queue = self._queues.popitem(last=False)
            place = queue.popleft()
            self._count -= 1
            if queue:
                self._queues[following] = queue  # behind the others
            if not place.done():
                self._working[following] = self._working.get(following, 0) + 1
                place.set_result(None)


def _later(seconds: float) -> float:
    return min(max(seconds, _SOONEST), _LATEST)
