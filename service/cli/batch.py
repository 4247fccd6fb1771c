"""`sharecast batch`: every market of a file."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from forecast.errors import SharecastError
from service.cli import options
from service.cli.connecting import check_here, connect

if TYPE_CHECKING:
    from forecast.name_changes import NameChange
    from service.batch.plan import Plan
    from service.batch.run import Over

SOME_FAILED, WORKER_DIED, TERMINATED = 3, 70, 143
MOST_TOLD = 20  # refused markets of a dry run
LARGE_TABLE, LARGE_TEXT = 200_000, 1_200_000  # bytes of files that may well hold more markets than the plain form takes
COMPILING = "loading the compiled model; the first time, which compiles it for this installation, takes some 15 s"


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUTPUT", type=click.Path(path_type=Path))
@options.question
@click.option("--workers", type=int, default=1, show_default=True, help="Processes to share the work, 1 to 256.")
@click.option(
    "--engine",
    type=click.Choice(("local", "dask")),
    default="local",
    show_default=True,
    help="Where the work is done: processes here, or a Dask cluster that sees the same files (extra sharecast[dask]).",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster, as tcp://HOST:8786.")
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also tell how probable these events are: a table with event, such as 'top 3 changes by 2026Q4', and market "
    "(empty: asked of every market). The answers go to OUTPUT's neighbour <name>.events.<ending>.",
)
@options.name_changes
@options.server("Have this server forecast, of what is read and written here.  [default: compute here]")
@click.option("--resume", is_flag=True, help="Go on with what an interrupted run of the same batch left.")
@click.option("--dry-run", is_flag=True, help="Read and check INPUT, tell what would be done, write nothing.")
@click.option("--manifest", is_flag=True, help="Also write <name>.manifest.json: versions, hashes, counts, timings.")
@options.sheet_options
@click.pass_context
def batch(  # noqa: PLR0912, PLR0915  (each way a run can end is told)
    ctx: click.Context,
    source: Path,
    output: Path,
    horizon: int,
    levels: tuple[float, ...],
    model: str,
    seed: int,
    workers: int,
    engine: str,
    scheduler: str | None,
    events: Path | None,
    address: str | None,
    resume: bool,
    dry_run: bool,
    manifest: bool,
    reading: options.SheetOptions,
    name_changes: "tuple[NameChange, ...]",
) -> None:
    """Forecast every market of the shares table INPUT into the table OUTPUT.

    INPUT is a workbook, a text (.csv, .tsv, .txt), or a table in Parquet, Arrow or JSON: with the columns market,
    period (2020Q3), provider and share (a fraction; empty where not reported) or value (an amount), or as analysts
    have them, a row or a column per vendor; `sharecast read INPUT` shows how it is understood.

    Markets that could not be forecast are listed in OUTPUT's neighbour <name>.errors.<ending>, and what was assumed of
    the input in <name>.notes.<ending>. Exit status: 0 all well,
    3 some failed, 2 bad usage or unreadable input. The same input, seed and version give the same bytes for any number
    of workers.

    A run that is stopped or killed leaves what is done in a hidden folder beside OUTPUT; the same command with --resume
    goes on from there, to the same bytes.
    """
    if (engine == "dask") != (scheduler is not None):
        raise click.UsageError("--engine dask and --scheduler ADDRESS go together.")
    check_here(address, workers=None if workers == 1 else workers, scheduler=scheduler, dry_run=dry_run or None)

    from service.batch.workers import WorkerDied, start_loading

    large = _is_large(source) and model == "auto" and address is None
    _have_scratch(output)
    if workers > 1 and scheduler is None and not dry_run:
        # Beside the imports of this process; the second since every worker imports the program's main module.
        start_loading("service.batch.compiled" if large else "service.batch.loaded", "service.cli.main")

    from service.cli.output import tell
    from service.sheets import SheetReading

    asked = SheetReading(reading.reading(), reading.sheet) if reading.given else None
    if dry_run:
        from service.batch.plan import plan_batch

        plan = plan_batch(
            source,
            output,
            horizon=horizon,
            levels=levels,
            model=model,
            workers=workers,
            seed=seed,
            events=events,
            reading=asked,
        )
        _tell(plan, output)
        ctx.exit(SOME_FAILED if plan.refused.height else 0)

    if large:
        from service.compiled_code import why_not_kept

        if why := why_not_kept():
            tell(f"note: {why}")

    from service.batch.progress import Progress
    from service.batch.run import run_batch

    before = signal.signal(signal.SIGTERM, _terminate)
    progress = Progress(sys.stderr, waiting=COMPILING if large else "")

    def resumed(parts: int, of: int, markets: int) -> None:
        tell(f"going on: {parts:,} of {_counted(of, 'part')}, {_counted(markets, 'market')}, are done")
        progress.resumed(markets)

    stack = ExitStack()
    try:
        done = run_batch(
            source,
            output,
            horizon=horizon,
            levels=levels,
            model=model,
            workers=workers,
            seed=seed,
            resume=resume,
            manifest=manifest,
            events=events,
            reading=asked,
            name_changes=name_changes,
            over=stack.enter_context(_elsewhere(address, scheduler)),
            server=address or "",
            report=progress,
            resumed=resumed,
        )
    except WorkerDied as died:
        progress.close()
        tell("\n".join((f"Error: {died}. {output} is as it was.", *getattr(died, "__notes__", ()))))
        ctx.exit(WORKER_DIED)
    except SharecastError:
        raise  # told with its notes
    except BaseException as error:  # Ctrl-C, SIGTERM, or unforeseen: what is kept is told, then what happened
        progress.close()
        for note in getattr(error, "__notes__", ()):
            tell(note)
        raise
    finally:
        progress.close()
        stack.close()
        signal.signal(signal.SIGTERM, before)
    tell(f"{done.markets - done.failed:,} of {_counted(done.markets, 'market')} in {progress.seconds:.1f} s: {output}")
    if done.events is not None:
        tell(f"events: {done.events}")
    if done.unanswered:
        whose = "its market" if done.unanswered == 1 else "their markets"
        told = f"{_counted(done.unanswered, 'event')} could not be asked of {whose}"
        tell(f"{told}: {done.events} says why")
    if done.notes is not None:
        tell(f"what was assumed of the input: {done.notes}")
    if done.errors is not None:
        tell(f"{done.failed:,} failed: {done.errors} says why")
    if done.errors is not None or done.unanswered:
        ctx.exit(SOME_FAILED)


def _is_large(source: Path) -> bool:
    """Whether the compiled form of the model is worth loading before the markets are counted."""
    large = LARGE_TABLE if source.suffix.lower() in {".parquet", ".arrow", ".xlsx"} else LARGE_TEXT
    return source.is_file() and source.stat().st_size > large


def _have_scratch(output: Path) -> None:
    """Where nothing but the folder of OUTPUT may be written, have the sockets of processes be there."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = str(output.absolute().parent)


@contextmanager
def _elsewhere(address: str | None, scheduler: str | None) -> "Iterator[Over | None]":
    """What does the work in place of processes here: a server, a cluster, or nothing."""
    if address is not None:
        from service.batch.remote import run_on_server

        with connect(address) as client:
            yield partial(run_on_server, client=client)
    elif scheduler is not None:
        from service.batch.cluster import run_on_cluster

        yield partial(run_on_cluster, scheduler=scheduler)
    else:
        yield None


def _tell(plan: "Plan", output: Path) -> None:
    from service.batch.progress import duration
    from service.cli.output import say

    size = f"{_counted(plan.markets, 'market')} in {_counted(plan.rows, 'row')}"
    say(f"{size}, {_counted(plan.parts, 'part')}, {_counted(plan.workers, 'worker')}")
    say(f"{_counted(plan.refused.height, 'market')} would be refused{':' if plan.refused.height else ''}")
    for market, _, message in plan.refused.head(MOST_TOLD).rows():
        say(f"  {market}: {message}")
    if plan.refused.height > MOST_TOLD:
        say(f"  and {plan.refused.height - MOST_TOLD:,} more")
    for market, note in plan.notes.unique(maintain_order=True).head(MOST_TOLD).rows():
        say(f"note on {market}: {note}")
    if plan.sampled:
        say(
            f"about {duration(plan.seconds)} and {plan.output_bytes / 1e6:,.1f} MB in {output}, by "
            f"{_counted(plan.sampled, 'market')} that took {1e3 * plan.market_seconds:.2f} ms each in one process"
        )
    say("nothing was written")


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End in order on SIGTERM: workers stopped, what is done kept, OUTPUT as it was."""
    sys.exit(TERMINATED)


def _counted(number: int, noun: str) -> str:
    """``1 market``, ``2,000 markets``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
