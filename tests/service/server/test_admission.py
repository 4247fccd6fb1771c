import asyncio
from contextlib import AsyncExitStack

import pytest

from service.errors import DeadlineExceeded, Overloaded
from service.server.admission import Admission


async def fill(admission: Admission, stack: AsyncExitStack, tenant: str, count: int) -> None:
    for _ in range(count):
        await stack.enter_async_context(admission.turn(tenant, "fit", 60))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_work_waits_for_a_place_and_the_queue_is_bounded() -> None:
    async def run() -> None:
        admission, done = Admission(2, 3), []

        async def work(number: int) -> None:
            async with admission.turn("a", "fit", 60):
                done.append(number)

        async with AsyncExitStack() as stack:
            await fill(admission, stack, "a", 2)
            waiting = [asyncio.create_task(work(number)) for number in range(3)]
            await settled()
            assert (admission.working, admission.waiting, done) == (2, 3, [])
            with pytest.raises(Overloaded, match="too much to do; call again in") as refused:
                await work(3)
            assert 0 < refused.value.seconds <= 30
        await asyncio.gather(*waiting)
        assert done == [0, 1, 2]
        assert (admission.working, admission.waiting) == (0, 0)

    asyncio.run(run())


def test_tenants_take_turns_whatever_their_numbers() -> None:
    async def run() -> None:
        admission, order = Admission(1, 100), []

        async def work(tenant: str) -> None:
            async with admission.turn(tenant, "fit", 60):
                order.append(tenant)

        async with AsyncExitStack() as stack:
            await fill(admission, stack, "flood", 1)
            await fill(admission, stack, "other", 1)  # the place kept for a tenant that has none
            tasks = [asyncio.create_task(work("flood")) for _ in range(10)]
            tasks += [asyncio.create_task(work("other")) for _ in range(3)]
            await settled()
        await asyncio.gather(*tasks)
        assert order[:6] == ["other", "flood"] * 3  # the kept place came free first, and flood was at work
        assert order[6:] == ["flood"] * 7

    asyncio.run(run())


@pytest.mark.parametrize(("places", "tenants"), [(1, 3), (2, 8), (4, 8)])
def test_many_tenants_get_as_much_each_and_one_at_a_time_the_kept_place(places: int, tenants: int) -> None:
    async def run() -> None:
        admission, rounds = Admission(places, 100), 40
        done = dict.fromkeys(range(tenants), 0)
        kept_now = most_kept = most_working = 0

        async def caller(tenant: int) -> None:
            nonlocal kept_now, most_kept, most_working
            while max(done.values()) < rounds:
                async with admission.turn(str(tenant), "fit", 60) as kept:
                    kept_now += kept
                    most_kept, most_working = max(most_kept, kept_now), max(most_working, admission.working)
                    for _ in range(3 + tenant % 2):  # some take longer than others
                        await asyncio.sleep(0)
                    kept_now -= kept
                done[tenant] += 1

        await asyncio.gather(*(caller(tenant) for tenant in range(tenants)))
        assert (most_kept, most_working) == (1, places + 1)
        assert min(done.values()) >= 0.75 * rounds, done
        assert (admission.working, admission.waiting) == (0, 0)

    asyncio.run(run())


def test_a_usual_place_that_comes_free_goes_to_who_waits_though_the_kept_one_is_taken() -> None:
    async def run() -> None:
        admission, order = Admission(1, 10), []

        async def work(tenant: str) -> None:
            async with admission.turn(tenant, "fit", 60) as kept:
                order.append((tenant, kept))
                await asyncio.sleep(0)

        async with AsyncExitStack() as kept_place:
            async with AsyncExitStack() as usual_place:
                await fill(admission, usual_place, "a", 1)
                await fill(admission, kept_place, "b", 1)
                waiting = asyncio.create_task(work("c"))
                await settled()
                assert order == []
            await waiting
            assert order == [("c", False)]
            await work("d")
            assert order[1:] == [("d", False)]
        assert (admission.working, admission.waiting) == (0, 0)

    asyncio.run(run())


def test_without_a_queue_a_full_server_refuses_at_once() -> None:
    async def run() -> None:
        admission = Admission(1, 0)
        async with AsyncExitStack() as stack:
            await fill(admission, stack, "a", 1)
            await fill(admission, stack, "b", 1)
            with pytest.raises(Overloaded):
                await fill(admission, stack, "c", 1)

    asyncio.run(run())


def test_a_turn_says_whether_its_place_is_the_one_kept_for_a_tenant_without_any() -> None:
    async def run() -> None:
        admission = Admission(2, 4)
        async with AsyncExitStack() as stack:
            taken = [
                await stack.enter_async_context(admission.turn(tenant, "fit", 60))
                for tenant in ("flood", "flood", "other")
            ]
            assert taken == [False, False, True]
            waiting = asyncio.create_task(admission.turn("third", "fit", 60).__aenter__())
            await settled()
            assert (admission.working, admission.waiting) == (3, 1)
            waiting.cancel()
            await settled()

    asyncio.run(run())


def test_the_kept_place_goes_on_to_a_tenant_that_waits_and_has_none() -> None:
    async def run() -> None:
        admission = Admission(1, 4)

        async def work(tenant: str) -> bool:
            async with admission.turn(tenant, "fit", 60) as kept:
                return kept

        async with admission.turn("flood", "fit", 60), admission.turn("other", "fit", 60) as kept:
            assert kept
            waiting = [asyncio.create_task(work(tenant)) for tenant in ("flood", "other", "third")]
            await settled()
        # flood was still at work when it came free, other no longer; and then third was the one that had none
        assert await asyncio.gather(*waiting) == [False, True, True]

    asyncio.run(run())


def test_a_full_queue_makes_room_for_a_tenant_with_less_in_it() -> None:
    async def run() -> None:
        admission, refused, done = Admission(1, 4), [], []

        async def work(tenant: str, number: int) -> None:
            try:
                async with admission.turn(tenant, "fit", 60):
                    done.append((tenant, number))
            except Overloaded:
                refused.append((tenant, number))

        async with AsyncExitStack() as stack:
            await fill(admission, stack, "flood", 1)
            await fill(admission, stack, "third", 1)
            tasks = [asyncio.create_task(work("flood", number)) for number in range(4)]
            await settled()
            tasks += [asyncio.create_task(work("other", number)) for number in range(4)]
            await settled()
            assert admission.waiting == 4
        await asyncio.gather(*tasks)
        assert set(refused) == {("flood", 2), ("flood", 3), ("other", 2), ("other", 3)}
        assert set(done) == {("flood", 0), ("flood", 1), ("other", 0), ("other", 1)}

    asyncio.run(run())


def test_a_caller_that_goes_leaves_the_queue_and_its_place() -> None:
    async def run() -> None:
        admission = Admission(1, 4)

        async def work() -> None:
            async with admission.turn("a", "fit", 60):
                await asyncio.sleep(60)

        tasks = [asyncio.create_task(work()) for _ in range(3)]
        await settled()
        tasks[1].cancel()
        await settled()
        assert (admission.working, admission.waiting) == (1, 1)
        tasks[0].cancel()
        await settled()
        assert (admission.working, admission.waiting) == (1, 0)
        tasks[2].cancel()
        await settled()
        assert (admission.working, admission.waiting) == (0, 0)

    asyncio.run(run())


def test_what_cannot_be_done_in_time_is_refused_at_once() -> None:
    async def run() -> None:
        now = 0.0
        admission = Admission(1, 100, clock=lambda: now)
        async with admission.turn("a", "slow", 60):
            now = 2.0
        with pytest.raises(DeadlineExceeded):
            async with admission.turn("a", "slow", 1.9):
                pass
        async with admission.turn("a", "quick", 1.9):  # another kind
            pass
        async with AsyncExitStack() as stack:
            await fill(admission, stack, "a", 1)
            tasks = [asyncio.create_task(admission.turn("a", "quick", 60).__aenter__()) for _ in range(3)]
            await settled()
            with pytest.raises(Overloaded):
                await admission.turn("a", "quick", 1.0).__aenter__()
            for task in tasks:
                task.cancel()
            await settled()

    asyncio.run(run())
