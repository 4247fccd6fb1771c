"""Health that tells the truth: whether what the answers come from is there, looked at again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from service.errors import ServiceError

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
_LONGEST_SECONDS = 5.0  # a look that takes longer found something that hangs


async def watch_health(
    check: Callable[[], None],
    tell: Callable[[bool], Awaitable[None]],
    *,
    every: float = EVERY_SECONDS,
    longest: float = _LONGEST_SECONDS,
) -> None:
    """Look, and tell when what is found changes, until cancelled.

    Args:
        check: Looks once, in a thread; raises a `ServiceError` where calls cannot be answered.
        tell: Is told whether they can, at the first look and when that changes.
        every: Seconds between looks.
        longest: Seconds after which a look counts as failed. No second one is begun while it lasts.
    """
    told: bool | None = None
    looking: asyncio.Future[None] | None = None
    while True:
        if looking is None:
            looking = asyncio.ensure_future(asyncio.to_thread(check))
        done, _ = await asyncio.wait({looking}, timeout=longest)
        why = f"no answer in {longest:g} s"
        if done:
            try:
                looking.result()
                why = ""
            except ServiceError as error:
                why = str(error)
            except Exception:
                log.exception("the look at the database failed")
                why = "the look at the database failed"
            looking = None
        if told != (why == ""):
            told = why == ""
            if not told:
                log.error("not serving: %s", why)
            else:
                log.info("serving")
            await tell(told)
        await asyncio.sleep(every)
