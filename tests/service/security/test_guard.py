import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

import service.security.guard as guard_module
from service.errors import PermissionDenied, StoreUnavailable, Unauthenticated
from service.security import ANYONE, Caller, Guard, Role
from service.security.keys import add_key
from service.security.rules import RULES
from service.store.key_rows import KeyRow

IMPORT = "/sharecast.v1.MarketService/ImportFigures"
FORECAST = "/sharecast.v1.ForecastService/Forecast"


class Rows:
    """Keys in memory that count how often they are read, and may fail."""

    def __init__(self) -> None:
        self.kept: list[KeyRow] = []
        self.reads, self.failing = 0, False
        self.answers = threading.Event()
        self.answers.set()

    def add(self, row: KeyRow) -> None:
        self.kept.append(row)

    def all(self) -> tuple[KeyRow, ...]:
        self.reads += 1
        self.answers.wait()
        if self.failing:
            raise StoreUnavailable("the disk is gone")
        return tuple(self.kept)


def key(rows: Rows, role: str, **options: timedelta) -> str:
    made, _ = add_key(rows, tenant="a", role=role, now=datetime.now(UTC), **options)  # type: ignore[arg-type]
    return made


def admit(guard: Guard, method: str, *metadata: tuple[str, str | bytes]) -> Caller:
    return asyncio.run(guard.admit(method, metadata, "ipv4:127.0.0.1:5"))


def bearer(text: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {text}")


def test_an_open_guard_lets_everyone_do_everything() -> None:
    assert admit(Guard.open(), IMPORT) == ANYONE
    assert ANYONE.role is Role.ADMIN


def test_a_role_may_do_what_lower_ones_may_and_not_more() -> None:
    rows = Rows()
    keys = {role: key(rows, str(role)) for role in Role}
    for method, needed in RULES.items():
        for role, made in keys.items():
            if needed is None or role >= needed:
                assert admit(Guard(rows), method, bearer(made)).role == (Role.ADMIN if needed is None else role)
            else:
                with pytest.raises(PermissionDenied, match=f"a key of role {role} may not call {method}; needed"):
                    admit(Guard(rows), method, bearer(made))


def test_a_method_without_a_rule_may_be_called_by_nobody() -> None:
    rows = Rows()
    with pytest.raises(PermissionDenied, match="a rule for this method"):
        admit(Guard(rows), "/sharecast.v1.ForecastService/New", bearer(key(rows, "admin")))
    with pytest.raises(Unauthenticated, match="no key was given"):
        admit(Guard(rows), "/sharecast.v1.ForecastService/New")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ([], "no key was given"),
        ([("authorization", "Basic YTpi")], "not of the kind Bearer"),
        ([("authorization", b"Bearer x")], "not of the kind Bearer"),
        ([("authorization", "Bearer ")], "the key is not valid"),
        ([("authorization", "Bearer sck_" + "0" * 12 + "_" + "0" * 43)], "the key is not valid"),
        ([bearer("a"), bearer("b")], "more than one key was given"),
    ],
)
def test_what_is_no_valid_key_is_refused(metadata: Sequence[tuple[str, str | bytes]], message: str) -> None:
    rows = Rows()
    key(rows, "read")
    with pytest.raises(Unauthenticated, match=message):
        admit(Guard(rows), FORECAST, *metadata)


def test_a_thousand_calls_at_once_read_the_keys_once() -> None:
    rows = Rows()
    given = bearer(key(rows, "read"))
    guard = Guard(rows)

    async def many() -> list[Caller]:
        return await asyncio.gather(*(guard.admit(FORECAST, (given,), "") for _ in range(1000)))

    assert len(asyncio.run(many())) == 1000
    assert rows.reads == 1


def test_a_new_key_is_known_and_a_revoked_one_refused_within_a_second_or_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert guard_module._FRESH_SECONDS == 1.0
    monkeypatch.setattr(guard_module, "_FRESH_SECONDS", 0.05)
    rows = Rows()
    first = key(rows, "read")
    guard = Guard(rows)

    async def story() -> None:
        await guard.admit(FORECAST, (bearer(first),), "")
        second = key(rows, "read")
        rows.kept.pop(0)
        await asyncio.sleep(0.1)
        await guard.admit(FORECAST, (bearer(second),), "")
        with pytest.raises(Unauthenticated, match="the key is not valid"):
            await guard.admit(FORECAST, (bearer(first),), "")

    asyncio.run(story())


def test_keys_last_known_do_while_the_database_is_away_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "_FRESH_SECONDS", 0.05)
    monkeypatch.setattr(guard_module, "_STALE_SECONDS", 3600.0)
    rows = Rows()
    given = bearer(key(rows, "read"))
    guard = Guard(rows)

    async def story() -> None:
        await guard.admit(FORECAST, (given,), "")
        rows.failing = True
        await asyncio.sleep(0.1)
        assert (await guard.admit(FORECAST, (given,), "")).tenant == "a"
        monkeypatch.setattr(guard_module, "_STALE_SECONDS", 0.0)
        await asyncio.sleep(0.1)
        with pytest.raises(StoreUnavailable, match="the disk is gone"):
            await guard.admit(FORECAST, (given,), "")
        rows.failing = False
        assert (await guard.admit(FORECAST, (given,), "")).tenant == "a"

    asyncio.run(story())


def test_a_database_that_hangs_holds_up_a_call_for_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "_FRESH_SECONDS", 0.05)
    monkeypatch.setattr(guard_module, "_WAIT_SECONDS", 0.1)
    rows = Rows()
    given = bearer(key(rows, "read"))
    guard = Guard(rows)

    async def story() -> None:
        await guard.admit(FORECAST, (given,), "")
        rows.answers.clear()
        await asyncio.sleep(0.1)
        try:
            await guard.admit(FORECAST, (given,), "")
            assert rows.reads == 2  # it was asked, and has not answered yet
        finally:
            rows.answers.set()

    asyncio.run(story())


def test_without_keys_and_without_a_database_calls_are_unavailable_not_let_in() -> None:
    rows = Rows()
    rows.failing = True
    with pytest.raises(StoreUnavailable, match="the disk is gone"):
        admit(Guard(rows), FORECAST, bearer("sck_" + "0" * 12 + "_" + "0" * 43))


def test_health_asks_for_no_key() -> None:
    assert admit(Guard(Rows()), "/grpc.health.v1.Health/Check") == ANYONE
