"""Values that took long to make, kept for the next who asks, up to so many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Keeper(Generic[K, V]):
    """A collection of what was asked for last. Safe to share between threads.

    Args:
        size: Bytes that a value takes, with its key.
        most: Values kept.
        most_bytes: Of all values together; one that has more alone is not kept.
    """

    def __init__(self, size: Callable[[V], int], *, most: int, most_bytes: int) -> None:
        self._size, self._most, self._most_bytes = size, most, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Of the values kept."""
        return self._bytes

    def find(self, key: K, /) -> V | None:
        """The value kept under a key."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def keep(self, key: K, value: V, /) -> None:
        """Keep a value, and let go of those that nobody has asked for longest where there is no room."""
        size = self._size(value)
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._bytes -= before[1]
            if size > self._most_bytes:
                return
            self._kept[key] = (value, size)
            self._bytes += size
            while self._bytes > self._most_bytes or len(self._kept) > self._most:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed

    def find_or_make(self, key: K, make: Callable[[], V], /) -> V:
        """The value kept under a key, else the one that is made now and kept; `make` may run twice at the same time."""
        found = self.find(key)
        if found is None:
            found = make()
            self.keep(key, found)
        return found
