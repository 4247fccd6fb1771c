"""Compiling functions, and keeping what was compiled for the processes to come where a folder for it may be written.

numba by itself fails at import where it finds no such folder, which is how programs are installed for other users and
in containers. Here what was kept there before, say by whoever made the container, is read; and where there is nothing,
every process compiles for itself.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numba as nb
from numba.core import caching
from numba.core.registry import cpu_target

Function = TypeVar("Function", bound=Callable[..., object])


@lru_cache(maxsize=1)
def _sources() -> bytes:
    """A digest of all that is compiled together.

    numba looks at the file of a function alone: after an update of what that calls, the old code would go on running.
    """
    here = Path(__file__).parent
    files = [*sorted(here.glob("models/*.py")), here / "completing.py"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()


class _OfUser(caching.UserWideCacheLocator):
    def ensure_cache_path(self) -> None:
        if not Path(self._cache_path).is_absolute():  # "~" of a user without a home, beside wherever this process is
            raise FileNotFoundError(self._cache_path)
        super().ensure_cache_path()  # type: ignore[no-untyped-call]


class _ReadOnly(caching.InTreeCacheLocator):
    def ensure_cache_path(self) -> None:
        """Pass: what is only read needs no folder that may be written."""


class _Place(caching.CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012  (as numba's own: the first that has a folder)
        caching.UserProvidedCacheLocator,
        caching.InTreeCacheLocator,
        _OfUser,
        _ReadOnly,
    ]


class _Kept(caching.FunctionCache):
    _impl_class = _Place

    def __init__(self, function: object) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file._source_stamp = (self._cache_file._source_stamp, _sources())

    def _load_overload(self, sig: object, target_context: object) -> object:
        try:
            return super()._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except OSError:  # of somebody else, who alone may read it
            return None

    def _save_overload(self, sig: object, data: object) -> None:
        with suppress(OSError):  # a full disk, or a folder that is read-only by now
            super()._save_overload(sig, data)  # type: ignore[no-untyped-call]


def compiled(function: Function, /, **options: object) -> Function:
    """Compile a function when it is first called, free of Python's lock and with divisions as in NumPy.

    Args:
        function: What numba can compile.
        options: More of numba's own.
    """
    made: Any = nb.njit(nogil=True, error_model="numpy", **options)(function)  # type: ignore[call-overload]
    made._cache = _Kept(function)
    made_function: Function = made
    return made_function


def place_of(function: Callable[..., object], /) -> Path:
    """The folder where a compiled function is kept, or would be."""
    return Path(_cache(function).cache_path)


def is_kept(function: Callable[..., object], /) -> bool:
    """Whether a compiled function that fits this processor, its source and this version of numba is there."""
    processor = cpu_target.target_context.codegen().magic_tuple()
    try:
        kept = _cache(function)._cache_file._load_index()
    except OSError:  # of somebody else
        return False
    return any(key[1] == processor for key in kept)


def _cache(function: Callable[..., object]) -> Any:  # noqa: ANN401  (numba has no types)
    made: Any = function
    return made._cache
