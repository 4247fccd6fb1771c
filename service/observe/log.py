"""What is told of every call."""

from typing import Self

from service.security.guard import Caller


class Observer:
    """Is told when a call starts and how it ended."""

    @classmethod
    def quiet(cls) -> Self:
        """One that tells nobody."""
        return cls()

    def started(self, method: str, request_id: str) -> None:
        """A call has come."""

    def finished(
        self, method: str, code: str, seconds: float, request_id: str, caller: Caller | None, message: str = ""
    ) -> None:
        """A call has ended; `caller` is None where nobody was let in, `message` what was said of a failure."""
