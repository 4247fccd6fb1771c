"""What the bytes of a batch hang on: the input's content, what is asked, and the versions of all that computes."""

import hashlib
import platform
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from forecast.prior import shipped_prior
from service.batch.part import Ask

_LIBRARIES = ("sharecast", "numpy", "polars", "numba", "scipy", "statsmodels")
_BLOCK = 1 << 20  # bytes hashed at a time


@dataclass(frozen=True, slots=True)
class Identity:
    """Two runs that agree in all of it write the same bytes; parts of two that do not are never mixed."""

    input_sha256: str
    ask: Ask
    versions: tuple[tuple[str, str], ...]  # name, version

    def differences(self, other: "Identity", /) -> list[str]:
        """What differs from another run's, in words: `horizon was 8 and is 4`."""
        pairs: list[tuple[str, object, object]] = [
            ("content of the input (SHA-256)", self.input_sha256[:12], other.input_sha256[:12])
        ]
        pairs += [(name, getattr(self.ask, name), getattr(other.ask, name)) for name in Ask.__slots__]
        before, now = dict(self.versions), dict(other.versions)
        pairs += [(f"version of {name}", before.get(name), now.get(name)) for name in {**before, **now}]
        return [f"{name} was {was} and is {found}" for name, was, found in pairs if was != found]


def versions() -> tuple[tuple[str, str], ...]:
    """Name and version of Sharecast, its prior, Python, and the libraries that its numbers come from."""
    found = [(name, version(name)) for name in _LIBRARIES]
    return (*found, ("prior", shipped_prior().version), ("Python", platform.python_version()))


def sha256_of(path: Path, /) -> str:
    """The SHA-256 of a file's content in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Hashing:
    """The SHA-256 of a file, found by a thread of its own while other things are done."""

    def __init__(self, path: Path, /) -> None:
        self._path = path
        self._found: str | OSError = OSError("not yet read")
        self._before = _state(path)
        self._thread = threading.Thread(target=self._hash, daemon=True)
        self._thread.start()

    def _hash(self) -> None:
        try:
            self._found = sha256_of(self._path)
        except OSError as error:
            self._found = error

    def result(self) -> str:
        """Wait for it.

        Raises:
            OSError: the file cannot be read.
        """
        self._thread.join()
        if isinstance(self._found, OSError):
            raise self._found
        return self._found

    @property
    def unchanged(self) -> bool:
        """Whether the file has the size and the time of its last change that it had at first."""
        return _state(self._path) == self._before


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
