"""What a batch was made from and by, written beside its output: ``<name>.manifest.json``.

    input     name, size in bytes, SHA-256 of the content
    options   horizon, levels, model, seed
    versions  of Sharecast, its prior, Python, and the libraries that its numbers come from
    counts    markets, failed ones, parts
    output    name, bytes, SHA-256; and of `errors` where a market failed, and `notes`
              where something was assumed, else null
    run       when, how long, by how many workers, parts taken over from an interrupted run

All but `run` is the same for every run on the same input with the same options and versions.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.batch.identity import Identity
from service.files import write_bytes


@dataclass(frozen=True, slots=True)
class Written:
    """A file that a batch has written."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a batch was."""

    markets: int  # in the input
    failed: int
    parts: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a batch: what no other run shares."""

    began: str  # ISO 8601, UTC
    seconds: float
    markets_a_second: float
    workers: int | None  # processes; None: a cluster's
    resumed_parts: int  # done by an interrupted run before


class Clock:
    """Times a run from here on."""

    def __init__(self) -> None:
        self._began, self._start = datetime.now(UTC), time.perf_counter()

    def run(self, resumed_parts: int, markets: int, workers: int | None) -> Run:
        """What the run was, at its end."""
        seconds = time.perf_counter() - self._start
        began = self._began.isoformat(timespec="seconds")
        return Run(began, round(seconds, 3), round(markets / seconds, 1), workers, resumed_parts)


def write_manifest(
    path: Path, source: Path, identity: Identity, counts: Counts, written: dict[str, Written], run: Run, /
) -> None:
    """Write it, atomically.

    Raises:
        InvalidArgument: the place cannot be written.
    """
    told = {
        "input": asdict(Written(source.name, source.stat().st_size, identity.input_sha256)),
        "options": asdict(identity.ask),
        "versions": dict(identity.versions),
        "counts": asdict(counts),
        "output": asdict(written["output"]),
        "errors": asdict(written["errors"]) if "errors" in written else None,
        "notes": asdict(written["notes"]) if "notes" in written else None,
        "events": asdict(written["events"]) if "events" in written else None,
        "run": asdict(run),
    }
    write_bytes((json.dumps(told, indent=2) + "\n").encode(), path)
