import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from service.errors import StoreUnavailable
from service.observe.health import watch_health


def watched(check: Callable[[], None], seconds: float, longest: float = 1.0) -> list[bool]:
    """What is told while a check is watched for a time."""
    told: list[bool] = []

    async def tell(serving: bool) -> None:
        told.append(serving)

    async def watch() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch_health(check, tell, every=0.01, longest=longest), seconds)

    asyncio.run(watch())
    return told


def test_what_is_found_is_told_at_first_and_when_it_changes() -> None:
    started = time.monotonic()

    def check() -> None:
        if 0.2 < time.monotonic() - started < 0.4:
            raise StoreUnavailable("the disk is gone")

    assert watched(check, 0.8) == [True, False, True]


def test_a_look_that_hangs_counts_as_failed_and_is_not_begun_again() -> None:
    release, looks = threading.Event(), []

    def check() -> None:
        looks.append(1)
        if len(looks) == 1:
            release.wait(5)

    timer = threading.Timer(0.5, release.set)
    timer.start()
    assert watched(check, 1.0, longest=0.05) == [False, True]
    timer.join()
    assert len(looks) > 1


def test_something_unforeseen_counts_as_failed_and_the_watch_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    started = time.monotonic()

    def check() -> None:
        if time.monotonic() - started < 0.2:
            raise RuntimeError("swordfish")

    assert watched(check, 0.6) == [False, True]
    assert "not serving: the look at the database failed" in caplog.text
