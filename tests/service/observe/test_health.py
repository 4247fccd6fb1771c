import asyncio
import threading
from collections.abc import Callable

import pytest

from service.errors import StoreUnavailable
from service.observe.health import watch_health
from tests.service.server.waiting import PATIENCE


def watched(check: Callable[[], None], enough: Callable[[list[bool]], bool], longest: float = PATIENCE) -> list[bool]:
    """What is told while a check is watched, until that is enough."""
    told: list[bool] = []

    async def tell(serving: bool) -> None:
        told.append(serving)

    async def watch() -> None:
        async with asyncio.timeout(PATIENCE):
            watching = asyncio.create_task(watch_health(check, tell, every=0.01, longest=longest))
            while not enough(told):
                await asyncio.sleep(0.001)
        watching.cancel()

    asyncio.run(watch())
    return told


def test_what_is_found_is_told_at_first_and_when_it_changes() -> None:
    looks: list[int] = []

    def check() -> None:
        looks.append(1)
        if 3 <= len(looks) < 6:
            raise StoreUnavailable("the disk is gone")

    assert watched(check, lambda _: len(looks) > 9) == [True, False, True]


def test_a_look_that_hangs_counts_as_failed_and_is_not_begun_again() -> None:
    release, looks = threading.Event(), []

    def check() -> None:
        looks.append(1)
        if len(looks) == 1:
            release.wait()

    def enough(told: list[bool]) -> bool:
        if told == [False]:
            assert len(looks) == 1
            release.set()
        return len(told) == 2

    assert watched(check, enough, longest=0.05) == [False, True]


def test_something_unforeseen_counts_as_failed_and_the_watch_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    looks: list[int] = []

    def check() -> None:
        looks.append(1)
        if len(looks) < 3:
            raise RuntimeError("swordfish")

    assert watched(check, lambda told: len(told) == 2) == [False, True]
    assert "not serving: the look at the database failed" in caplog.text
