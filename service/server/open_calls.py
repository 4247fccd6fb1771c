"""How many calls of one tenant are open at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Overloaded
from service.security import Caller

MOST_OF_A_TENANT = 1_000  # calls that wait, watch, or are not read; fewer than a server has places for
_AGAIN_SECONDS = 1.0


class OpenCalls:
    """Counts them, for all methods together; for use inside one event loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_of(self, caller: Caller, /) -> Iterator[None]:
        """While one more is open.

        Raises:
            Overloaded: its tenant has as many open as one may.
        """
        tenant = caller.tenant
        if self._open[tenant] >= MOST_OF_A_TENANT:
            raise Overloaded(_AGAIN_SECONDS)
        self._open[tenant] += 1
        try:
            yield
        finally:
            self._open[tenant] -= 1
            if not self._open[tenant]:
                del self._open[tenant]
