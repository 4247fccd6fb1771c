"""A batch from its input file to its output file, in parts, so that memory does not grow with the results."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from forecast.errors import InvalidArgument
from forecast.forecasting import check_request, check_seed
from forecast.many import MOST_PLAIN, forecasts_schema
from forecast.name_changes import NameChange
from forecast.shares import NOTES_SCHEMA
from service.batch.identity import Hashing, Identity, versions
from service.batch.journal import Journal, opened_journal
from service.batch.manifest import Clock, Counts, Written, write_manifest
from service.batch.part import ERRORS_SCHEMA, Ask, Part, PartResult, forecast_part, names_text
from service.batch.questions import EVENTS_SCHEMA, Questions, keep_questions, of_no_market, read_questions
from service.batch.source import Rows, Source, open_source
from service.batch.workers import run_in_workers
from service.files import check_writable, replacing
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS, DEFAULT_MODEL
from service.sheets import SheetReading, check_sheet_file
from service.tables import Format, encode, format_of, scan_parquet

MOST_WORKERS = 256
_LARGEST_PART = {"auto": 1024}  # markets; the others' are smaller, since they take longer
_LARGEST_SLOW_PART = 64
_MOST_ROWS = 131_072  # of a part, unless one market has more
_PARTS_AT_LEAST = 24  # so that progress moves and workers end together in a small batch
# The streaming engine would else cut where its threads happen to be: the same rows must give the same bytes.
_ROW_GROUP = 131_072
_STRANGERS = "strangers.parquet"  # events of markets that the input does not have
_SCANNED = 100  # parts joined by one scan, the faster way; it holds something of each in memory

Report = Callable[[int, int, int], None]
"""Told how far a batch is: markets done, of these failed, and all."""

Resumed = Callable[[int, int, int], None]
"""Told what an interrupted run left: parts that are done, all parts, and markets in the done ones."""

Over = Callable[[Callable[[Part], PartResult], Iterator[Part]], Generator[PartResult, None, None]]
"""Does a piece of work on every part, and yields the results in any order."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch."""

    markets: int  # in the input
    failed: int  # without a forecast, each a row of `errors`
    output: Path
    errors: Path | None  # None: no market failed, and there is no such file
    manifest: Path | None = None  # None: not asked for
    events: Path | None = None  # None: none were asked
    unanswered: int = 0  # events that could not be asked of their market, each with an error in `events`
    notes: Path | None = None  # market, note: what was assumed; None: nothing was, and there is no such file


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
    resume: bool = False,
    manifest: bool = False,
    events: Path | None = None,
    reading: SheetReading | None = None,
    name_changes: Sequence[NameChange] = (),
    report: Report | None = None,
    resumed: Resumed | None = None,
    over: Over | None = None,
    server: str = "",
) -> BatchResult:
    """Forecast every market of a shares table.

    `output` and its neighbours ``<name>.errors.<ending>`` (market, code, message; only when a market failed) and
    ``<name>.notes.<ending>`` (market, note; only when something was assumed of one) are replaced whole when all is
    done; until then, or when the run is ended, all stay as they were. Markets stand in the order of their first rows.
    The same input, seed and version give the same bytes, whatever the number of workers.

    What is done is kept in a folder beside the output (`service.batch.journal`) until all is. A run that ends before,
    killed or by an error, leaves it there when any part is done, and `resume` goes on from it.

    Args:
        source: Shares table; as `service.sheets.read_shares_file` takes it.
        output: Forecasts table to write; the ending gives the format.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the prediction intervals, each in (0, 1).
        model: One of `forecast.forecasting.MODELS`.
        workers: Processes, 1 to 256; 1 is this process. More than one needs a `__main__` that can be imported.
        seed: Of the draws, as in `forecast.forecasting.forecast_shares`.
        resume: Go on with what an interrupted run with the same input content, question and versions left; from the
            beginning where there is nothing.
        manifest: Also write ``<name>.manifest.json``, as `service.batch.manifest` describes it.
        events: Table of events asked, as `service.batch.questions.read_questions` takes it. Their probabilities go to
            ``<name>.events.<ending>``, counted over joint draws of each market.
        reading: What the owner of `source` says about it.
        name_changes: Declared changes of providers' names; one without a market is of every market that has the
            provider. A market whose shares they contradict fails.
        report: Called after each part.
        resumed: Called once before the first part, where parts are there already.
        over: Does the work in place of `workers` processes, as `service.batch.cluster.run_on_cluster` does.
        server: Address of the server whose forecasts `over` brings, as `service.batch.remote.run_on_server` does.

    Raises:
        InvalidArgument: an argument or a file is unfit, or `output` would overwrite the input; an interrupted run left
            parts and `resume` is False; what it left is of another input, question or version; another run is at work
            on the same output; the input changed meanwhile.
        InvalidTable: the input as a whole is no shares table.
        NotFound: the model is not known.
        WorkerDied: a worker process was ended from outside.
    """
    ask = check_ask(horizon=horizon, levels=levels, model=model, seed=seed)
    ask = replace(ask, names=names_text(name_changes), server=server)
    check_workers(workers)
    errors = _errors_of(output)
    told = output.with_name(f"{output.stem}.manifest.json") if manifest else None
    answered = events_of(output) if events else None
    beside = [path for path in (told, answered) if path]
    check_places(source, output, *beside)
    check_sheet_file(source)
    questions = None
    if events:
        check_places(events, output, *beside)
        questions = read_questions(events)
        ask = replace(ask, events=questions.sha256)
    if reading is not None:
        ask = replace(ask, reading=str(reading))
    work = over or partial(run_in_workers, workers=workers)
    clock = Clock()
    try:
        with opened_journal(output, resume=resume) as journal:
            hashing = Hashing(source)
            folder = journal.input
            found = open_source(source, folder, reading=reading)
            ask = replace(ask, compiled=found.markets > MOST_PLAIN)
            kept_questions = keep_questions(questions, folder) if questions else None
            parts = [
                Part(number, rows, journal.into(number), ask, kept_questions)
                for number, rows in enumerate(cut(found, ask))
            ]
            identity = Identity(hashing.result(), ask, versions())
            journal.begin(identity, parts=len(parts))
            kept = len(journal.results)
            if kept and resumed is not None:
                resumed(kept, len(parts), sum(result.markets for result in journal.results.values()))
            failed = _forecast(found, parts, journal, work, report)
            if not hashing.unchanged:
                journal.results.clear()  # some are of the old content and some of the new, and who knows which
                raise InvalidArgument(str(source), "changed", "start again", "was changed while it was read")
            unanswered = sum(result.unanswered for result in journal.results.values())
            if questions:
                unanswered += _keep_strangers(questions, found, journal)
            written = _write(found, journal, output, errors if failed else None, ask, answered, hashed=manifest)
            noted = notes_of(output) if "notes" in written else None
            for place, is_there in ((errors, failed), (notes_of(output), noted)):
                if not is_there:
                    place.unlink(missing_ok=True)  # of an earlier run
            if told:
                counts = Counts(found.markets, failed, len(parts))
                write_manifest(
                    told, source, identity, counts, written, clock.run(kept, found.markets, None if over else workers)
                )
    except (OSError, pl.exceptions.PolarsError) as error:  # Polars wraps what the system says of a full disk
        unfit = InvalidArgument(str(output), str(error), "", f"cannot be written: {error}")
        for note in getattr(error, "__notes__", ()):
            unfit.add_note(note)
        raise unfit from error
    return BatchResult(found.markets, failed, output, errors if failed else None, told, answered, unanswered, noted)


def check_ask(*, horizon: int, levels: Sequence[float], model: str, seed: int) -> Ask:
    """What is asked of every market, once it is known to be answerable.

    Raises:
        InvalidArgument: an argument is out of range.
        NotFound: the model is not known.
    """
    horizon, levels = check_request(horizon=horizon, levels=levels, model=model)
    return Ask(horizon, levels, model, check_seed(seed))


def events_of(output: Path, /) -> Path:
    """Where the probabilities of events go."""
    return output.with_name(f"{output.stem}.events{output.suffix}")


def notes_of(output: Path, /) -> Path:
    """Where it is written what was assumed of the markets."""
    return output.with_name(f"{output.stem}.notes{output.suffix}")


def _errors_of(output: Path) -> Path:
    return output.with_name(f"{output.stem}.errors{output.suffix}")


def cut(source: Source, ask: Ask, /) -> Iterator[Rows]:
    """Cut into parts of whole markets, in order. The cuts hang on the input and the model, never on the workers."""
    largest = _LARGEST_PART.get(ask.model, _LARGEST_SLOW_PART)
    least = 1 if ask.server else _PARTS_AT_LEAST  # what is sent together is what a server forecasts together
    most = min(largest, math.ceil(len(source.sizes) / least))
    return source.parts(most, _MOST_ROWS)


def _forecast(found: Source, parts: list[Part], journal: Journal, work: Over, report: Report | None) -> int:
    """Do the parts that are not done; how many markets failed in all."""
    done = found.refused.height + sum(result.markets for result in journal.results.values())
    failed = found.refused.height + sum(result.failed for result in journal.results.values())
    left = (part for part in parts if part.number not in journal.results)
    with closing(work(forecast_part, left)) as results:
        for result in results:
            journal.record(result)
            done += result.markets
            failed += result.failed
            if report is not None:
                report(done, failed, found.markets)
    if len(journal.results) != len(parts) or done != found.markets:
        raise RuntimeError(
            f"{len(journal.results)} of {len(parts)} parts and {done} of {found.markets} markets are there"
        )
    return failed


def _keep_strangers(questions: Questions, found: Source, journal: Journal) -> int:
    """Keep a row for each event asked of a market that the input does not have; how many these are."""
    seen = set(found.refused["market"])
    for result in journal.results.values():
        for path in (result.events, result.refused, result.failures):
            if path is not None:
                seen |= set(pl.read_parquet(path, columns=["market"])["market"].unique())
    rows = of_no_market(questions, seen)
    if rows.height:
        rows.write_parquet(journal.folder / _STRANGERS)
    return rows.height


def _write(
    found: Source,
    journal: Journal,
    output: Path,
    errors: Path | None,
    ask: Ask,
    events: Path | None,
    *,
    hashed: bool,
) -> dict[str, Written]:
    """Join the parts into the output, and the rows of errors and events into theirs where there are any."""
    in_order = [result.files() for _, result in sorted(journal.results.items())]
    written = {}
    if errors is not None:
        refused = [files[kind] for kind in ("refused", "failures") for files in in_order if kind in files]
        if found.refused.height:
            found.refused.write_parquet(first := journal.folder / "refused.parquet")
            refused.insert(0, first)
        written["errors"] = _join(refused, errors, ERRORS_SCHEMA, journal.folder, hashed=hashed)
    noted = [files["notes"] for files in in_order if "notes" in files]
    if found.notes.height:
        found.notes.write_parquet(first := journal.folder / "notes.parquet")
        noted.insert(0, first)
    if noted:
        written["notes"] = _join(noted, notes_of(output), NOTES_SCHEMA, journal.folder, hashed=hashed)
    if events is not None:
        answered = [files["events"] for files in in_order if "events" in files]
        if (strangers := journal.folder / _STRANGERS).exists():
            answered.append(strangers)
        written["events"] = _join(answered, events, EVENTS_SCHEMA, journal.folder, hashed=hashed)
    forecasts = [files["forecasts"] for files in in_order if "forecasts" in files]
    written["output"] = _join(forecasts, output, forecasts_schema(ask.levels), journal.folder, hashed=hashed)
    return written


def check_workers(workers: int, /) -> None:
    """Refuse a number of processes out of range.

    Raises:
        InvalidArgument: it is.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InvalidArgument("workers", workers, f"1 to {MOST_WORKERS}")


def check_places(source: Path, output: Path, *beside: Path) -> None:
    """Refuse an output that cannot be written, or that it or its errors or another file beside it is the input.

    Raises:
        InvalidArgument: so it is.
    """
    format_of(output)
    for place in (output, _errors_of(output), notes_of(output), *beside):
        check_writable(place)
        if place.exists() and source.exists() and place.samefile(source):
            raise InvalidArgument(
                str(place), str(source), "give another output", f"is the input {source}, which would be replaced"
            )


def _join(
    parts: list[Path], output: Path, schema: Mapping[str, type[pl.DataType]], within: Path, *, hashed: bool
) -> Written:
    """Write the parts one after the other as one table, streaming."""
    kind = format_of(output)
    # A link may lead to another disk, where only its own folder will do.
    with replacing(output, within=None if output.is_symlink() else within) as beside:
        if not parts:
            beside.write_bytes(encode(pl.DataFrame(schema=schema), kind))
        elif kind is Format.JSON:
            _join_json(parts, beside)
        else:
            _stream(scan_parquet(parts) if len(parts) <= _SCANNED else _one_by_one(parts), beside, kind)
        hashing = Hashing(beside) if hashed else None  # while the system brings it to the disk
    return Written(output.name, output.stat().st_size, hashing.result() if hashing else "")


def _one_by_one(parts: list[Path]) -> pl.LazyFrame:
    """The parts as one table, one in memory at a time."""

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del columns, predicate, n_rows, batch_size  # a sink asks for everything
        for part in parts:
            yield pl.read_parquet(part, glob=False, hive_partitioning=False)

    return register_io_source(read, schema=pl.read_parquet_schema(parts[0]))


def _stream(table: pl.LazyFrame, path: Path, kind: Format) -> None:
    match kind:
        case Format.PARQUET:
            # Forecasts hardly compress; this reads everywhere and takes half the time of the smaller ones.
            table.sink_parquet(path, row_group_size=_ROW_GROUP, maintain_order=True, compression="snappy")
        case Format.ARROW:
            table.sink_ipc(path, record_batch_size=_ROW_GROUP, maintain_order=True)
        case _:
            table.sink_csv(path, maintain_order=True)


def _join_json(parts: list[Path], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, part in enumerate(parts):
            rows = pl.read_parquet(part, glob=False).write_json()
            file.write(("," if number else "[") + rows[1:-1])
        file.write("]\n")
