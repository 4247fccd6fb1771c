"""Which calls are let in: so many of one tenant at once, and none once the server stops."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from service.errors import Overloaded, ServiceUnavailable
from service.security import Caller

MOST_OF_A_TENANT = 1_000  # calls that wait, watch, or are not read; fewer than a server has places for
_AGAIN_SECONDS = 1.0
_QUIET_SECONDS = 0.05  # without a new call: then none is on its way within this machine
_MOST_QUIET_SECONDS = 0.5  # to wait for that


class OpenCalls:
    """Counts them, for all methods together; for use inside one event loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._closed: asyncio.Event | None = None
        self._came = 0.0  # when the last call did that was held

    @contextmanager
    def one_of(self, caller: Caller, /) -> Iterator[None]:
        """While one more is open.

        Raises:
            Overloaded: its tenant has as many open as one may.
        """
        tenant = caller.tenant
        if self._open[tenant] >= MOST_OF_A_TENANT:
            raise Overloaded(_AGAIN_SECONDS)
        self._open[tenant] += 1
        try:
            yield
        finally:
            self._open[tenant] -= 1
            if not self._open[tenant]:
                del self._open[tenant]

    @property
    def closing(self) -> bool:
        """Whether calls that begin now are for `refuse`."""
        return self._closed is not None

    async def close(self) -> None:
        """Let in no more calls: hold those that come, until for a moment none does, and refuse them after `release`.

        A server that stops ends calls that gRPC has not handed over yet with CANCELLED, as if their callers had given
        up (grpc/grpc issue 41785). Those who call again and again always have one there, unless the one before is held.
        """
        self._closed = asyncio.Event()
        until = time.monotonic() + _MOST_QUIET_SECONDS
        self._came = time.monotonic()
        while (now := time.monotonic()) < min(until, self._came + _QUIET_SECONDS):
            await asyncio.sleep(min(until, self._came + _QUIET_SECONDS) - now)

    def release(self) -> None:
        """Refuse the calls that are held: nobody is told any more that this server can be called."""
        assert self._closed is not None
        self._closed.set()

    async def refuse(self) -> NoReturn:
        """Hold a call that came too late.

        Raises:
            ServiceUnavailable: the server stops.
        """
        assert self._closed is not None
        self._came = time.monotonic()
        await self._closed.wait()
        raise ServiceUnavailable("the server is stopping")
