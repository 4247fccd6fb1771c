"""Work that takes as long as a test wants, in place of work that is hoped to take long enough."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.security.caller import ANYONE
from service.server import Server
from service.server.admission import Admission
from tests.service.server.waiting import PATIENCE, until


@contextmanager
def holding(server: Server, admission: Admission, count: int, /, *, tenant: str = ANYONE.tenant) -> Iterator[None]:
    """Until the block ends, so many turns of a tenant are at work or wait for a place, and none comes to an end."""
    gate = threading.Event()

    async def hold() -> None:
        async with admission.turn(tenant, "held", PATIENCE):
            await asyncio.get_running_loop().run_in_executor(None, gate.wait)

    there = admission.working + admission.waiting
    held = [asyncio.run_coroutine_threadsafe(hold(), server._loop) for _ in range(count)]
    try:
        until(lambda: admission.working + admission.waiting == there + count)
        yield
        assert not any(one.done() for one in held)
    finally:
        gate.set()
        for one in held:
            one.result()
