"""How far a batch is, on standard error."""

import threading
import time
from typing import TextIO

_PATIENCE = 2.0  # seconds without a word


class Progress:
    """Tells done, failed, rate and time left: a line that changes on a terminal, a plain line every 10 s elsewhere.

    Args:
        stream: Where to write.
        every: Seconds between two lines; None: 0.1 on a terminal, 10 elsewhere.
        of: What is counted, in the plural.
        waiting: Told where nothing is done after two seconds: what takes so long.
    """

    def __init__(self, stream: TextIO, *, every: float | None = None, of: str = "markets", waiting: str = "") -> None:
        self._stream, self._of = stream, of
        self._live = stream.isatty()
        self._every = every if every is not None else (0.1 if self._live else 10.0)
        self._start = self._last = time.monotonic()
        self._drawn = False
        self._before = 0
        self._waited = False
        self._working = self._start  # since when the rate is counted
        self._patience = threading.Timer(_PATIENCE, self._wait, [waiting])
        self._patience.daemon = True
        if waiting:
            self._patience.start()

    def resumed(self, done: int) -> None:
        """So many were done before this run, and say nothing of its rate."""
        self._before = done

    def __call__(self, done: int, failed: int | None, total: int) -> None:
        """Report `done` of `total`, `failed` of them without a forecast where that is known yet."""
        self._patience.cancel()
        now = time.monotonic()
        if self._waited:  # the rate while nothing was done says nothing
            self._working, self._before, self._waited = now, done, False
            return
        if now - self._last < self._every:
            return
        self._last = now
        rate = (done - self._before) / (now - self._working)
        left = f"{duration((total - done) / rate)} left" if rate else "time left unknown"
        lost = "" if failed is None else f"{failed:,} failed, "
        line = f"{done:,} of {total:,} {self._of}, {lost}{rate:,.1f} a second, {left}"
        self._tell(line)

    def _wait(self, line: str) -> None:
        self._tell(line)
        self._waited = True

    def _tell(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        self._stream.flush()
        self._drawn = self._live

    def close(self) -> None:
        """Clear the line, so that what follows starts on a clean one."""
        self._patience.cancel()
        if self._patience.is_alive():
            self._patience.join()  # it may be at its word
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start


def duration(seconds: float, /) -> str:
    """A time for people: `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
