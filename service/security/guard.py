"""Decides who may call what, before anything of a request is read."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from forecast.errors import SharecastError
from service.errors import PermissionDenied, StoreUnavailable, Unauthenticated
from service.security.caller import ANYONE, Caller, Role
from service.security.keys import check_key
from service.security.rules import RULES

if TYPE_CHECKING:
    from service.store.key_rows import KeyRow

AUTHORIZATION = "authorization"  # the metadata that carries a key
_BEARER = "bearer "
_FRESH_SECONDS = 1.0  # so soon a new key is known and a revoked one refused
_STALE_SECONDS = 60.0  # so long the keys known last do while the database does not answer
_WAIT_SECONDS = 1.0  # for the database, while there are keys to go on with
_LOOK_SECONDS = 2.0  # between looks at the keys of calls that are open


class _Keys(Protocol):
    def all(self) -> "tuple[KeyRow, ...]": ...


class Guard:
    """Lets calls in, or refuses them; belongs to one event loop.

    Args:
        keys: The keys that there are; None: everybody may do everything.
    """

    def __init__(self, keys: _Keys | None = None) -> None:
        self._keys = keys
        self._rows: Mapping[str, KeyRow] = {}
        self._read_at = self._tried_at = -1e9  # never
        self._reading: asyncio.Task[StoreUnavailable | None] | None = None
        self._held: set[_Held] = set()
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    def open(cls) -> "Guard":
        """A guard that lets everyone do everything: for a server that only this machine reaches."""
        return cls()

    async def admit(self, method: str, metadata: Sequence[tuple[str, str | bytes]], peer: str) -> Caller:
        """Who makes this call.

        Args:
            method: Full name, such as ``/sharecast.v1.ForecastService/Forecast``.
            metadata: What came with the call.
            peer: Where it came from, as gRPC names it.

        Raises:
            Unauthenticated: it has no key, or one that is not valid.
            PermissionDenied: its role may not call the method, or nobody may.
            StoreUnavailable: the keys cannot be read.
        """
        if self._keys is None:
            return ANYONE
        needed = RULES.get(method, Role.ADMIN)
        if needed is None:
            return ANYONE
        key = _key(metadata)
        now = time.monotonic()
        if now - self._read_at > _FRESH_SECONDS:
            await self._refresh(now)
        return self._judge(method, key, needed)

    def known(self, method: str, metadata: Sequence[tuple[str, str | bytes]]) -> Caller | None:
        """Who makes a call that `admit` would let in without reading the keys again; None: `admit` decides."""
        if self._keys is None:
            return ANYONE
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            return None
        try:
            return self._judge(method, _key(metadata), RULES.get(method, Role.ADMIN))
        except (Unauthenticated, PermissionDenied):
            return None

    @contextmanager
    def holding(
        self, method: str, metadata: Sequence[tuple[str, str | bytes]], end: Callable[[SharecastError], None]
    ) -> Iterator[None]:
        """While a call that was let in stays open, look every now and then whether it still would be.

        Args:
            method: As of `admit`.
            metadata: Likewise.
            end: Called once with why it would not: its key has been revoked or has expired.
        """
        if self._keys is None or RULES.get(method, Role.ADMIN) is None:
            yield
            return
        held = _Held(method, _key(metadata), end)
        self._held.add(held)
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            self._held.discard(held)

    async def _keep_looking(self) -> None:
        try:
            while self._held:
                await asyncio.sleep(_LOOK_SECONDS)
                with suppress(StoreUnavailable):  # then they stay, as others are let in
                    await self._refresh(time.monotonic())
                    self._end_unwelcome()
        finally:
            self._looking = None

    def _end_unwelcome(self) -> None:
        for held in tuple(self._held):
            try:
                self._judge(held.method, held.key, RULES.get(held.method, Role.ADMIN))
            except (Unauthenticated, PermissionDenied) as error:
                self._held.discard(held)
                held.end(error)

    def _judge(self, method: str, key: str, needed: Role | None) -> Caller:
        caller = check_key(key, self._rows, now=datetime.now(UTC))
        if method not in RULES or needed is None:
            raise PermissionDenied(method, str(caller.role), "a rule for this method, which there is not")
        if caller.role < needed:
            raise PermissionDenied(method, str(caller.role), str(needed))
        return caller

    async def _refresh(self, now: float) -> None:
        """Read the keys, once for all calls that wait; go on with older ones for a while where that fails."""
        usable = now - self._read_at < _STALE_SECONDS
        if usable and now - self._tried_at < _FRESH_SECONDS and self._reading is None:
            return  # it has just failed
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        # shielded: a caller that goes away must not take the answer from the others
        reading = asyncio.shield(self._reading)
        try:
            failure = await asyncio.wait_for(reading, _WAIT_SECONDS if usable else None)
        except TimeoutError:  # only where there are keys to go on with
            return
        if failure is not None and not usable:
            raise failure

    async def _read(self) -> StoreUnavailable | None:
        assert self._keys is not None
        self._tried_at = began = time.monotonic()
        try:
            rows = await asyncio.to_thread(self._keys.all)
        except StoreUnavailable as failure:
            return failure
        finally:
            self._reading = None
        self._rows, self._read_at = {row.key_id: row for row in rows}, began
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A call that is open."""

    method: str
    key: str
    end: Callable[[SharecastError], None]


def _key(metadata: Sequence[tuple[str, str | bytes]]) -> str:
    given = [value for name, value in metadata if name == AUTHORIZATION]
    if not given:
        raise Unauthenticated("no key was given")
    if len(given) > 1:
        raise Unauthenticated("more than one key was given")
    text = given[0]
    if not isinstance(text, str) or text[: len(_BEARER)].lower() != _BEARER:
        raise Unauthenticated("the authorization is not of the kind Bearer")
    return text[len(_BEARER) :].strip()
