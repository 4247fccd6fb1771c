"""Waiting for what a server or a program comes to by itself, with an end that only a fault reaches."""

import time
from collections.abc import Callable

PATIENCE = 300.0  # seconds: of no meaning but that whatever takes longer never comes


def until(true: Callable[[], bool], /, seconds: float = PATIENCE) -> None:
    """Wait until it is true; fails where it is not after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"it has not come true within {seconds} s"
        time.sleep(0.01)
