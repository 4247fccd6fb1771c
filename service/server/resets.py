"""Calls that their callers reset before the time for them is over: counted, and told where they are very many.

HTTP/2 lets a client open and reset calls without waiting for anything, each of which costs the server more than the
client (CVE-2023-44487). gRPC drops most of them before anyone here hears of them.
"""

import logging
import time
from collections import Counter

log = logging.getLogger(__name__)

MANY = 50  # resets within `_WINDOW_SECONDS` that a log should tell of; of most, gRPC tells nobody here
_WINDOW_SECONDS = 1.0
_QUIET_SECONDS = 10.0  # between two lines
_MOST_PEERS = 1_000  # that are told apart


class Resets:
    """Counts them; for use inside one event loop."""

    def __init__(self) -> None:
        self.count = 0  # since the start
        self._peers: Counter[str] = Counter()  # in this window
        self._began = self._told = -1e9  # never

    def seen(self, peer: str = "", count: int = 1) -> None:
        """Calls were reset.

        Args:
            peer: The other end of their connection, as gRPC names it; empty where that is not known.
            count: How many.
        """
        self.count += count
        now = time.monotonic()
        if now - self._began > _WINDOW_SECONDS or len(self._peers) >= _MOST_PEERS:
            self._peers.clear()
            self._began = now
        self._peers[peer] += count
        if self._peers.total() >= MANY and now - self._told > _QUIET_SECONDS:
            self._told = now
            most = max(self._peers, key=self._peers.__getitem__)
            log.warning(
                "%d calls were reset by their callers within a second, most of them %s",
                self._peers.total(),
                f"by {most}" if most else "before they had asked anything",
            )
