"""What the environment says; nothing else in the project reads or changes it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings taken from the environment."""

    no_color: bool = False  # NO_COLOR, set to anything but nothing: no colours on a terminal either

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, /) -> Self:
        """Read NO_COLOR (no-color.org)."""
        return cls(no_color=bool(environment.get("NO_COLOR")))


def use_one_thread() -> None:
    """Have the libraries that this process loads later use one thread each, unless the environment says otherwise.

    For worker processes: there is one to a core already.
    """
    for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
