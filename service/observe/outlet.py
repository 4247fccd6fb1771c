"""Where the lines of a log leave the process, without ever holding it up.

A pipe whose reader has stalled would stop whoever writes to it once it is full: every call, the answers of health, and
the end of the server.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_MOST_WAITING: Final = 1_000  # pieces of lines; later lines are lost, and counted
_PIECE: Final = select.PIPE_BUF  # bytes that a pipe which says that it takes some takes without waiting
_MOST_SOON: Final = 10_000  # lines; of a call each, more than are answered in that time
_SOON_SECONDS: Final = 0.02
_LAST_SECONDS: Final = 1.0  # that the end of the process waits for a reader


class Outlet:
    """Takes text as a stream does. Safe to share between threads.

    What the reader does not take waits for the next line; what finds no room to wait is lost, and how many lines were
    is told once there is room again. Lines leave in the order in which they were given.

    Args:
        number: Of an open file, such as 2 for standard error.
        lost: The line that tells how many lines were.
    """

    def __init__(self, number: int, *, lost: Callable[[int], str]) -> None:
        # Reentrant: a collection of garbage, which may come at any time, may have something to log.
        self._number, self._lock, self._told = number, threading.RLock(), lost
        self._room = select.poll()
        self._room.register(number, select.POLLOUT)
        self._soon: deque[Callable[[], str]] = deque()
        self._waiting: deque[bytes] = deque()
        self._lost, self._passing = 0, False
        self._asked, self._thread = threading.Event(), threading.Thread(target=self._keep_passing, daemon=True)

    def write(self, text: str) -> None:
        """Take a line with its end.

        Raises:
            OSError: nobody reads any more, or there is no room where they are kept.
        """
        with self._lock:
            self._make()
            self._take(text)
            self._pass_on()

    def write_soon(self, line: Callable[[], str]) -> None:
        """Take what makes a line with its end: made and passed on a little later, by a thread of its own.

        Who has much else to do is not held up by it. The thread makes many lines at once, which costs far less.
        """
        if len(self._soon) >= _MOST_SOON:
            with self._lock:
                self._lost += 1
            return
        self._soon.append(line)
        if not self._asked.is_set():
            self._asked.set()
            with self._lock:
                if not self._thread.is_alive():
                    self._thread.start()

    def flush(self) -> None:
        """Pass on what waits, as far as the reader takes it now."""
        with self._lock:
            self._make()
            self._pass_on()

    def end(self, *, seconds: float = _LAST_SECONDS) -> None:
        """Pass on what waits to a reader who takes it so soon; never fails."""
        ends = time.monotonic() + seconds
        with suppress(OSError):
            self.flush()
            while self._waiting and (left := ends - time.monotonic()) > 0:
                self._room.poll(1000 * left)
                self.flush()

    def _keep_passing(self) -> None:
        while True:
            self._asked.wait()
            time.sleep(_SOON_SECONDS)
            self._asked.clear()
            with suppress(OSError):  # whoever read the log is gone
                self.flush()

    def _make(self) -> None:
        """Make the lines that were to be made soon."""
        lines = [self._soon.popleft()() for _ in range(len(self._soon))]
        if lines:
            self._take("".join(lines))

    def _take(self, text: str) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += text.count("\n")
            return
        raw = text.encode("utf-8", "backslashreplace")
        # As a list: nothing comes between the pieces of a line.
        self._waiting.extend([raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE)])

    def _pass_on(self) -> None:
        if self._passing:
            return
        self._passing = True
        try:
            while self._waiting and self._room.poll(0):
                self._pass_one()
                if not self._waiting and self._lost:
                    lost, self._lost = self._lost, 0
                    self._take(f"{self._told(lost)}\n")
        except BlockingIOError:  # whoever shares the file has set it so, and took the room
            pass
        finally:
            self._passing = False

    def _pass_one(self) -> None:
        piece = self._waiting[0]
        try:
            written = os.write(self._number, piece)
        except BlockingIOError:
            raise
        except OSError:  # as of a full disk; kept, it and all that follows would wait for ever
            self._waiting.popleft()
            self._lost += piece.count(b"\n")
            raise
        self._waiting.popleft()
        if written < len(piece):
            self._waiting.appendleft(piece[written:])
