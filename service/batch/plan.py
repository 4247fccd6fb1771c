"""What a batch would do, found by reading and checking its whole input and forecasting a few of its markets."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from forecast.many import MOST_PLAIN, forecast_read
from forecast.shares import SharesTable
from service.batch.part import Ask
from service.batch.questions import read_questions
from service.batch.run import check_ask, check_places, check_workers, cut, events_of
from service.batch.source import open_source
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS, DEFAULT_MODEL
from service.sheets import SheetReading, check_sheet_file
from service.tables import encode, format_of

_SAMPLE = {"auto": 200}  # markets forecast to see how long they take
_SLOW_SAMPLE = 3
_SPREAD = 3  # parts that the sample is taken from
_START_UP = 1.5  # seconds before the first and after the last part


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch would do."""

    markets: int  # in the input, refused ones included
    rows: int  # of the parts; where the markets do not stand together, those of refused markets are left out
    refused: pl.DataFrame  # market, code, message of those that break a rule of the table
    notes: pl.DataFrame  # market, note: what would be assumed
    parts: int
    sampled: int  # markets forecast for the estimate; 0: none could be
    market_seconds: float  # of one process for a market of the sample
    output_bytes: float  # estimated
    workers: int

    @property
    def seconds(self) -> float:
        """Estimated time of the whole batch."""
        return _START_UP + (self.markets - self.refused.height) * self.market_seconds / self.workers


def plan_batch(
    source: Path,
    output: Path,
    /,
    *,
    horizon: int = DEFAULT_HORIZON,
    levels: Sequence[float] = DEFAULT_LEVELS,
    model: str = DEFAULT_MODEL,
    workers: int = 1,
    seed: int = 0,
    events: Path | None = None,
    reading: SheetReading | None = None,
) -> Plan:
    """Read and check the input of a batch, and estimate the rest; nothing is written that stays.

    Refused are markets that break a rule of the table. Others may still turn out to have too few quarters.

    The arguments are those of `service.batch.run.run_batch`.

    Raises:
        InvalidArgument, InvalidTable, NotFound: as `run_batch` would.
    """
    ask = check_ask(horizon=horizon, levels=levels, model=model, seed=seed)
    check_workers(workers)
    check_places(source, output)
    check_sheet_file(source)
    if events:
        check_places(events, output, events_of(output))
        read_questions(events)
    with tempfile.TemporaryDirectory(prefix="sharecast-") as folder:
        found = open_source(source, Path(folder), reading=reading)
        ask = replace(ask, compiled=found.markets > MOST_PLAIN)
        parts = list(cut(found, ask))
        size = -(-_SAMPLE.get(model, _SLOW_SAMPLE) // _SPREAD)
        sampled = {len(parts) * n // _SPREAD for n in range(_SPREAD)}
        refused, notes, sample = [found.refused], [found.notes], []
        for number, rows in enumerate(parts):
            read = rows.read()
            refused.append(read.refused)
            notes.append(read.notes)
            if number in sampled:
                names = read.shares["market"].unique(maintain_order=True).head(size)
                sample.append(read.shares.filter(pl.col("market").is_in(names.implode())))
    count, seconds, size_of_market = _measure(sample, ask, output)
    together = pl.concat(refused)
    markets = found.markets - together.height
    return Plan(
        found.markets,
        int(found.sizes.sum()),
        together,
        pl.concat(notes),
        len(parts),
        count,
        seconds,
        size_of_market * markets,
        workers,
    )


def _measure(sample: list[pl.DataFrame], ask: Ask, output: Path) -> tuple[int, float, float]:
    """Markets forecast, and seconds and bytes for each."""
    shares = pl.concat(sample) if sample else pl.DataFrame()
    if shares.is_empty():
        return 0, 0.0, 0.0
    one = shares.filter(pl.col("market") == shares["market"][0])
    make = partial(
        forecast_read, horizon=ask.horizon, levels=ask.levels, model=ask.model, seed=ask.seed, compiled=ask.compiled
    )
    make(SharesTable.checked(one))  # loads, and compiles where that is needed
    start = time.perf_counter()
    made = make(SharesTable.checked(shares)).table
    data = encode(made, format_of(output)) if made.height else b""
    markets = shares["market"].n_unique()
    return markets, (time.perf_counter() - start) / markets, len(data) / markets
