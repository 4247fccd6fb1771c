"""A batch from its input file to its output file, in parts, so that memory does not grow with the results."""

import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forecast.errors import InvalidArgument
from forecast.forecasting import check_request
from service.batch.part import ERRORS_SCHEMA, Ask, Part, forecast_part, forecasts_schema
from service.batch.source import Source, open_source
from service.batch.workers import run_in_workers
from service.files import check_writable, replacing
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS, DEFAULT_MODEL
from service.tables import Format, format_of, scan_parquet, write_table

MOST_WORKERS = 256
LARGEST_SEED = 2**64 - 1  # what the API takes
_LARGEST_PART = {"auto": 1024}  # markets; the others' are smaller, since they take longer
_LARGEST_SLOW_PART = 64
_MOST_ROWS = 131_072  # of a part, unless one market has more
_PARTS_AT_LEAST = 24  # so that progress moves and workers end together in a small batch
# The streaming engine would else cut where its threads happen to be: the same rows must give the same bytes.
_ROW_GROUP = 131_072

Report = Callable[[int, int, int], None]
"""Told how far a batch is: markets done, of these failed, and all."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch."""

    markets: int  # in the input
    failed: int  # without a forecast, each a row of `errors`
    output: Path
    errors: Path | None  # None: no market failed, and there is no such file


def run_batch(
    source: Path,
    output: Path,
    /,
    *,
    horizon: int = DEFAULT_HORIZON,
    levels: Sequence[float] = DEFAULT_LEVELS,
    model: str = DEFAULT_MODEL,
    workers: int = 1,
    seed: int = 0,
    report: Report | None = None,
) -> BatchResult:
    """Forecast every market of a shares table.

    `output` and its neighbour ``<name>.errors.<ending>`` (market, code, message; only when a market failed) are
    replaced whole when all is done; until then, or when the run is ended, both stay as they were. Markets stand in the
    order of their first rows. The same input, seed and version give the same bytes, whatever the number of workers.

    Args:
        source: Shares table; columns as `forecast.schema.check_shares` takes them.
        output: Forecasts table to write; the ending gives the format.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the prediction intervals, each in (0, 1).
        model: One of `forecast.forecasting.MODELS`.
        workers: Processes, 1 to 256; 1 is this process. More than one needs a `__main__` that can be imported.
        seed: Each market's own seed follows from it and the market's name.
        report: Called after each part.

    Raises:
        InvalidArgument: an argument or a file is unfit, or `output` would overwrite the input.
        InvalidTable: the input as a whole is no shares table.
        NotFound: the model is not known.
        WorkerDied: a worker process was ended from outside.
    """
    check_request(horizon=horizon, levels=levels, model=model)
    if not 1 <= workers <= MOST_WORKERS:
        raise InvalidArgument("workers", workers, f"1 to {MOST_WORKERS}")
    if not 0 <= seed <= LARGEST_SEED:
        raise InvalidArgument("seed", seed, "0 to 2^64 - 1")
    errors = output.with_name(f"{output.stem}.errors{output.suffix}")
    _check_places(source, output, errors)
    try:
        # Beside the output, as there is room for it there. Dotted, so that a glob of tables passes by.
        with tempfile.TemporaryDirectory(prefix=".sharecast-", dir=output.parent) as folder:
            found = open_source(source, Path(folder))
            parts = _parts(found, Ask(horizon, tuple(levels), model, seed), Path(folder))
            done = failed = found.refused.height
            files: dict[str, list[Path]] = defaultdict(list)
            if failed:
                found.refused.write_parquet(first := Path(folder) / "refused.parquet")
                files["refused"].append(first)
            with closing(run_in_workers(forecast_part, parts, workers)) as results:
                for result in results:
                    done += result.markets
                    failed += result.failed
                    for kind in ("forecasts", "refused", "failures"):
                        if (written := getattr(result, kind)) is not None:
                            files[kind].append(written)
                    if report is not None:
                        report(done, failed, found.markets)
            if failed:
                _join([*sorted(files["refused"]), *sorted(files["failures"])], errors, ERRORS_SCHEMA)
            _join(sorted(files["forecasts"]), output, forecasts_schema(tuple(levels)))
    except (OSError, pl.exceptions.PolarsError) as error:  # Polars wraps what the system says of a full disk
        raise InvalidArgument(str(output), f"not writable: {error}", "a place with room for the forecasts") from error
    if not failed:
        errors.unlink(missing_ok=True)  # of an earlier run
    return BatchResult(found.markets, failed, output, errors if failed else None)


def _check_places(source: Path, output: Path, errors: Path) -> None:
    format_of(output)
    for place in (output, errors):
        check_writable(place)
        if place.exists() and source.exists() and place.samefile(source):
            raise InvalidArgument("output", str(output), f"a file whose writing does not replace the input {source}")


def _parts(source: Source, ask: Ask, folder: Path) -> Generator[Part, None, None]:
    """Cut into parts of whole markets, in order. The cuts hang on the input and the model, never on the workers."""
    largest = _LARGEST_PART.get(ask.model, _LARGEST_SLOW_PART)
    most = min(largest, math.ceil(len(source.sizes) / _PARTS_AT_LEAST))
    for number, rows in enumerate(source.parts(most, _MOST_ROWS)):
        yield Part(rows, folder / f"{number:09d}", ask)


def _join(parts: list[Path], output: Path, schema: Mapping[str, type[pl.DataType]]) -> None:
    """Write the parts one after the other as one table, streaming."""
    if not parts:
        write_table(pl.DataFrame(schema=schema), output)
        return
    kind = format_of(output)
    with replacing(output) as beside:
        if kind is Format.JSON:
            _join_json(parts, beside)
            return
        table = scan_parquet(parts)
        match kind:
            case Format.PARQUET:
                # Forecasts hardly compress; this reads everywhere and takes half the time of the smaller ones.
                table.sink_parquet(beside, row_group_size=_ROW_GROUP, maintain_order=True, compression="snappy")
            case Format.ARROW:
                table.sink_ipc(beside, record_batch_size=_ROW_GROUP, maintain_order=True)
            case Format.CSV:
                table.sink_csv(beside, maintain_order=True)


def _join_json(parts: list[Path], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, part in enumerate(parts):
            rows = pl.read_parquet(part, glob=False).write_json()
            file.write(("," if number else "[") + rows[1:-1])
        file.write("]\n")
