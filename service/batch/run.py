"""A batch from its input file to its output file, in parts, so that memory does not grow with the results."""

import math
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forecast.errors import InvalidArgument
from forecast.forecasting import check_request
from forecast.schema import split_valid_shares
from service.batch.part import Ask, Failure, Part, forecast_part, forecasts_schema
from service.batch.workers import run_in_workers
from service.files import check_writable, replacing
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS, DEFAULT_MODEL
from service.tables import Format, format_of, read_table, write_table

MOST_WORKERS = 256
LARGEST_SEED = 2**64 - 1  # what the API takes
_LARGEST_PART = 64  # markets; one part's forecasts, a few MB, are in memory at a time
_PARTS_AT_LEAST = 32  # so that progress moves and workers end together in a small batch
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
    shares, refused = split_valid_shares(read_table(source), table=str(source))
    ask = Ask(horizon, tuple(levels), model, seed)
    failures = [Failure(*row) for row in refused.select("market", "code", "message").iter_rows()]
    total = shares["market"].n_unique() + len(failures)
    done = len(failures)
    try:
        # Beside the output, as there is room for it there. Dotted, so that a glob of tables passes by.
        with tempfile.TemporaryDirectory(prefix=".sharecast-", dir=output.parent) as folder:
            written: list[Path] = []
            with closing(run_in_workers(forecast_part, _parts(shares, ask, Path(folder)), workers)) as results:
                for result in results:
                    failures.extend(result.failures)
                    done += result.markets
                    if result.rows:
                        written.append(result.into)
                    if report is not None:
                        report(done, len(failures), total)
            _write_failures(failures, shares["market"], refused["market"], errors)
            _join(sorted(written), output, ask.levels)
    except (OSError, pl.exceptions.PolarsError) as error:  # Polars wraps what the system says of a full disk
        raise InvalidArgument(str(output), f"not writable: {error}", "a place with room for the forecasts") from error
    if not failures:
        errors.unlink(missing_ok=True)  # of an earlier run
    return BatchResult(total, len(failures), output, errors if failures else None)


def _check_places(source: Path, output: Path, errors: Path) -> None:
    format_of(output)
    for place in (output, errors):
        check_writable(place)
        if place.exists() and source.exists() and place.samefile(source):
            raise InvalidArgument("output", str(output), f"a file whose writing does not replace the input {source}")


def _parts(shares: pl.DataFrame, ask: Ask, folder: Path) -> Generator[Part, None, None]:
    """Cut into parts of whole markets, in the order of the markets' first rows.

    The cuts hang on the number of markets alone, never on the workers.
    """
    if shares.is_empty():
        return
    together = shares.with_row_index("row").sort(pl.col("row").min().over("market"), maintain_order=True).drop("row")
    sizes = together["market"].rle().struct.field("len").to_list()
    count = min(_LARGEST_PART, math.ceil(len(sizes) / _PARTS_AT_LEAST))
    row = 0
    for number, start in enumerate(range(0, len(sizes), count)):
        rows = sum(sizes[start : start + count])
        yield Part(together.slice(row, rows), folder / f"{number:09d}.parquet", ask)
        row += rows


def _write_failures(failures: list[Failure], valid: pl.Series, refused: pl.Series, path: Path) -> None:
    """The errors table: markets refused at the door first, then the others in the order of the input."""
    if not failures:
        return
    order = {name: place for place, name in enumerate([*refused, *valid.unique(maintain_order=True)])}
    failures = sorted(failures, key=lambda failure: order[failure.market])
    columns = {name: [getattr(failure, name) for failure in failures] for name in ("market", "code", "message")}
    write_table(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), path)


def _join(parts: list[Path], output: Path, levels: tuple[float, ...]) -> None:
    """Write the parts one after the other as one table, streaming."""
    if not parts:
        write_table(pl.DataFrame(schema=forecasts_schema(levels)), output)
        return
    kind = format_of(output)
    with replacing(output) as beside:
        if kind is Format.JSON:
            _join_json(parts, beside)
            return
        table = pl.scan_parquet(parts, glob=False, hive_partitioning=False)
        match kind:
            case Format.PARQUET:
                table.sink_parquet(beside, row_group_size=_ROW_GROUP, maintain_order=True)
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
