"""Whether the compiled form of the model of record is there for the next process, and what to do where it cannot be."""

import os
from pathlib import Path

import forecast.models
from forecast.many import MOST_PLAIN

SECONDS = 15
"""About how long the compiled form takes to compile, on one processor."""


def why_not_kept() -> str:
    """A sentence where each process that needs compiled code compiles it anew, with the remedy; else empty.

    Where the installation may be written, as one's own may, this loads nothing.
    """
    if os.access(Path(forecast.models.__path__[0]), os.W_OK):
        return ""
    from forecast.compiling import is_kept, place_of
    from forecast.models.bulk import forecast_markets

    if _writable(place_of(forecast_markets)) or is_kept(forecast_markets):
        return ""
    return (
        f"compiled code cannot be kept in {place_of(forecast_markets)}, which may not be written: every server, and "
        f"every batch of more than {MOST_PLAIN} markets, compiles for some {SECONDS} s; set NUMBA_CACHE_DIR to a "
        "folder that may be written"
    )


def where_kept() -> str:
    """Where compiled code is, or will be."""
    from forecast.compiling import is_kept, place_of
    from forecast.models.bulk import forecast_markets

    folder = place_of(forecast_markets)
    if not is_kept(forecast_markets):
        return f"none yet; will be kept in {folder}, once compiled for some {SECONDS} s"
    return f"kept in {folder}" + ("" if _writable(folder) else ", which is read-only")


def _writable(folder: Path) -> bool:
    """Whether a folder may be written, or made where it is not there yet."""
    return os.access(next(parent for parent in (folder, *folder.parents) if parent.exists()), os.W_OK)
