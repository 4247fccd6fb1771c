"""Replies that were given before, kept as bytes, and replies that are being made, made once for all who ask."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import TypeAlias

from service.errors import DeadlineExceeded, Overloaded

_Key: TypeAlias = tuple[bytes, int | None, str]  # of a flight: what is asked, of which data, by which tenant

MOST_BYTES = 64 * 2**20  # of replies kept
_MOST_ASKED = 20_000  # requests that are known again
_PLAIN_BYTES = 256  # of a request that is its own key: a digest of a longer one takes less room, and little time


class Replies:
    """A cache keyed by content, and flights: for use inside one event loop.

    A reply is kept under a digest of the request, the data and the version of the code. A request seen before, of data
    that has not changed since, is known by its bytes alone, which costs no look at the data. Neither kind of request
    is kept itself but where it is short, so that what is kept is bounded in bytes.

    Args:
        most_bytes: Of replies kept; those not asked for longest are let go first.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self.made = self.given_again = self.shared = 0  # replies: made; kept and given again; made for another caller
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()  # reply by digest
        self._asked: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()  # by `_known`: mark of the data, digest
        self._flights: dict[_Key, _Flight] = {}

    def recall(self, raw: bytes, mark: int) -> bytes | None:
        """The reply to a request whose bytes were seen before.

        Args:
            raw: The request.
            mark: Of the data as it is now: another one whenever the data may have changed.
        """
        asked = self._asked.get(_known(raw))
        if asked is None or asked[0] != mark:
            return None
        return self.find(asked[1])

    def find(self, digest: bytes) -> bytes | None:
        """The reply kept under a digest."""
        reply = self._kept.get(digest)
        if reply is not None:
            self.given_again += 1
            self._kept.move_to_end(digest)
        return reply

    def keep(self, raw: bytes, mark: int | None, digest: bytes, reply: bytes) -> None:
        """Keep a reply.

        Args:
            raw: The request.
            mark: Of the data from before it was looked at; None where the data has none.
            digest: Of everything the reply follows from.
            reply: The reply.
        """
        if digest not in self._kept:
            self.made += 1
        if len(reply) > self._most // 8:  # one that would push out all others
            return
        if digest not in self._kept:
            self._kept[digest] = reply
            self._bytes += len(reply)
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)
        if mark is not None:
            self._asked[_known(raw)] = (mark, digest)
            if len(self._asked) > _MOST_ASKED:
                self._asked.popitem(last=False)

    def making(self, raw: bytes, mark: int | None, tenant: str) -> bool:
        """Whether the reply to a request of a tenant is being made, so that `once` makes none."""
        return _key(raw, mark, tenant) in self._flights

    async def once(self, raw: bytes, mark: int | None, tenant: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `make` returns, called once for all of a tenant who ask the same of the same data at the same time.

        It is cancelled when nobody waits for it any more. A tenant's call does not wait in another one's queue; and who
        joined one that had less time, or was put out of a queue, makes it once more.
        """
        key = _key(raw, mark, tenant)
        if key in self._flights:
            with suppress(DeadlineExceeded, Overloaded):
                return await self._fly(key, make)
        return await self._fly(key, make)

    async def _fly(self, key: "_Key", make: Callable[[], Awaitable[bytes]]) -> bytes:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(make()))
            flight.task.add_done_callback(partial(self._landed_task, key, flight))
        else:
            self.shared += 1
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._landed(key, flight)  # who asks from now on starts another
                flight.task.cancel()
            # An error of the task holds this frame, which must not hold the task: both would stay until a collection.
            del flight

    def _landed_task(self, key: "_Key", flight: "_Flight", _: "asyncio.Future[bytes]") -> None:
        self._landed(key, flight)

    def _landed(self, key: "_Key", flight: "_Flight") -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # looked at, so that asyncio does not complain where the last caller has gone


def _key(raw: bytes, mark: int | None, tenant: str) -> _Key:
    return (_known(raw), mark, tenant)


def _known(raw: bytes) -> bytes:
    """What a request is known by, at most `_PLAIN_BYTES` long."""
    return raw if len(raw) <= _PLAIN_BYTES else sha256(raw).digest()


class _Flight:
    """A reply that is being made, and how many wait for it."""

    def __init__(self, task: "asyncio.Future[bytes]") -> None:
        self.task, self.waiting = task, 0
