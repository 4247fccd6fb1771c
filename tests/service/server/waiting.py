"""Waiting for what a server comes to by itself, with an end."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], /, seconds: float = 60) -> None:
    """Wait until it is true; fails where it is not after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"it has not come true within {seconds} s"
        time.sleep(0.01)
