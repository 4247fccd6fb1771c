"""What the environment says; nothing else in the project reads or changes it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


def _home_data() -> Path:
    return Path.home() / ".local" / "share"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings taken from the environment."""

    no_color: bool = False  # NO_COLOR, set to anything but nothing: no colours on a terminal either
    database: str | None = None  # SHARECAST_DATABASE, as the option --database takes it
    data_folder: Path = field(default_factory=_home_data)  # XDG_DATA_HOME: where programs keep a user's data

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, /) -> Self:
        """Read NO_COLOR (no-color.org), SHARECAST_DATABASE and XDG_DATA_HOME (XDG Base Directory Specification)."""
        folder = Path(environment.get("XDG_DATA_HOME", ""))
        return cls(
            no_color=bool(environment.get("NO_COLOR")),
            database=environment.get("SHARECAST_DATABASE") or None,
            data_folder=folder if folder.is_absolute() else _home_data(),  # the specification: others do not count
        )

    @property
    def database_file(self) -> Path:
        """Where imports go when no database is named."""
        return self.data_folder / "sharecast" / "sharecast.db"


def use_one_thread() -> None:
    """Have the libraries that this process loads later use one thread each, unless the environment says otherwise.

    For worker processes: there is one to a core already.
    """
    for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
