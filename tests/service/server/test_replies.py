import asyncio

import pytest

from service.errors import DeadlineExceeded, Overloaded
from service.server.replies import Replies


def test_a_reply_is_known_by_its_request_until_the_data_changes() -> None:
    replies = Replies()
    replies.keep(b"ask", 3, b"digest", b"a reply")
    assert replies.recall(b"ask", 3) == b"a reply"
    assert replies.recall(b"ask", 4) is None
    assert replies.recall(b"other", 3) is None
    assert replies.find(b"digest") == b"a reply"


def test_the_oldest_replies_make_room() -> None:
    replies = Replies(most_bytes=1000)
    for number in range(20):
        replies.keep(bytes([number]), 0, bytes([number]), bytes(100))
        assert replies.find(bytes([0])) is not None or number >= 10  # asked for again and again
    assert sum(replies.find(bytes([number])) is not None for number in range(20)) == 10
    assert replies.find(bytes([0])) is not None
    replies.keep(b"huge", 0, b"huge", bytes(900))
    assert replies.find(b"huge") is None


def test_a_thousand_who_ask_the_same_cost_one_making() -> None:
    async def run() -> None:
        replies, made = Replies(), []

        async def make() -> bytes:
            made.append(1)
            await asyncio.sleep(0.05)
            return b"reply"

        found = await asyncio.gather(*(replies.once(b"ask", 1, "a", make) for _ in range(1000)))
        assert (set(found), len(made)) == ({b"reply"}, 1)
        await asyncio.gather(replies.once(b"ask", 2, "a", make), replies.once(b"else", 2, "a", make))
        assert len(made) == 3

    asyncio.run(run())


def test_making_goes_on_while_anyone_waits_and_ends_with_the_last() -> None:
    async def run() -> None:
        replies, ended = Replies(), []

        async def make() -> bytes:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append(1)
                raise
            return b""

        tasks = [asyncio.create_task(replies.once(b"ask", 1, "a", make)) for _ in range(3)]
        await asyncio.sleep(0)
        for task, expected in zip(tasks, ([], [], [1]), strict=True):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            for _ in range(10):
                await asyncio.sleep(0)
            assert ended == expected

    asyncio.run(run())


def test_all_who_wait_are_told_of_a_failure_and_the_next_is_made_anew() -> None:
    async def run() -> None:
        replies = Replies()

        async def make() -> bytes:
            await asyncio.sleep(0)
            raise ValueError("no")

        found = await asyncio.gather(*(replies.once(b"a", 1, "a", make) for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in found] == ["no"] * 3
        with pytest.raises(ValueError, match="no"):
            await replies.once(b"a", 1, "a", make)

    asyncio.run(run())


def test_tenants_do_not_wait_in_each_other_s_queues() -> None:
    async def run() -> None:
        replies, made = Replies(), []

        async def make() -> bytes:
            made.append(1)
            await asyncio.sleep(0)
            return b"reply"

        await asyncio.gather(*(replies.once(b"ask", 1, tenant, make) for tenant in "aabb"))
        assert len(made) == 2

    asyncio.run(run())


@pytest.mark.parametrize("why", [DeadlineExceeded(0.1), Overloaded(1.0)])
def test_who_joined_one_that_had_less_time_makes_it_once_more(why: Exception) -> None:
    async def run() -> None:
        replies, made = Replies(), []

        async def hasty() -> bytes:
            await asyncio.sleep(0)
            raise why

        async def patient() -> bytes:
            made.append(1)
            await asyncio.sleep(0)
            return b"reply"

        first = asyncio.create_task(replies.once(b"ask", 1, "a", hasty))
        await asyncio.sleep(0)
        found = await asyncio.gather(
            first, *(replies.once(b"ask", 1, "a", patient) for _ in range(5)), return_exceptions=True
        )
        assert (found, len(made)) == ([why, *[b"reply"] * 5], 1)
        refused = await asyncio.gather(*(replies.once(b"ask", 1, "a", hasty) for _ in range(5)), return_exceptions=True)
        assert refused == [why] * 5

    asyncio.run(run())
