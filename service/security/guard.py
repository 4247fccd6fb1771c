"""Decides who may call what, before anything of a request is read."""

from collections.abc import Sequence
from typing import Self

from service.security.caller import ANYONE, Caller


class Guard:
    """Lets calls in, or refuses them."""

    @classmethod
    def open(cls) -> Self:
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
            PermissionDenied: its role may not call the method.
            StoreUnavailable: the keys cannot be read.
        """
        return ANYONE
