"""The parts of a batch on a Dask cluster: the same function, the same files, other processes.

Every worker sees the input and the output's folder under the same paths, as on a shared disk; parts go there, and only
where they are goes over the network. A worker is best given one thread (`dask worker ADDRESS --nthreads 1`).
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from forecast.errors import InvalidArgument
from service.batch.identity import versions
from service.batch.part import Part, PartResult
from service.batch.workers import WorkerDied

if TYPE_CHECKING:
    from distributed import Client, Future

_IN_FLIGHT = 4  # parts for each thread of the cluster: one at work, the rest on their way
_CONNECT_SECONDS = 10

Work = Callable[[Part], PartResult]


def run_on_cluster(work: Work, parts: Iterator[Part], /, *, scheduler: str) -> Generator[PartResult, None, None]:
    """Yield the result of every part as the workers of a scheduler end them, in any order.

    A part whose worker dies is done by another one. Workers may come and go meanwhile; leaving the iterator early takes
    back what is not begun.

    Args:
        work: `service.batch.part.forecast_part`.
        parts: Drawn as the cluster has room for them.
        scheduler: Address, such as tcp://10.0.0.5:8786.

    Raises:
        InvalidArgument: Dask is not installed, no scheduler answers, or a worker has other versions than this process.
        WorkerDied: a part has lost one worker after another.
        Exception: what `work` raised.
    """
    with closing(_connected(scheduler)) as client:
        yield from _drawn(client, work, parts)


def _connected(scheduler: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise InvalidArgument(
            "engine", "dask", "install sharecast[dask], or use --engine local", "dask is not installed"
        ) from error
    try:
        return Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InvalidArgument(
            "scheduler", scheduler, "give its address as tcp://HOST:8786", f"{scheduler!r} does not answer: {reason}"
        ) from error


def _drawn(client: "Client", work: Work, parts: Iterator[Part]) -> Generator[PartResult, None, None]:
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    mine = versions()

    def submit(part: Part) -> "Future[PartResult]":
        # Not pure: a result that the cluster still remembers from another run says nothing of the files.
        return client.submit(_checked, work, _absolute(part), mine, pure=False)

    room = max(1, sum(client.nthreads().values())) * _IN_FLIGHT
    done = as_completed([submit(part) for part in islice(parts, room)], loop=client.loop)
    for future in done:
        try:
            result: PartResult = future.result()
        except KilledWorker as error:
            raise WorkerDied(f"workers of the cluster died one after another: {error}") from error
        future.release()
        following = next(parts, None)
        if following is not None:
            done.add(submit(following))
        yield result


def _absolute(part: Part) -> Part:
    """The same part for a process that works in another folder."""
    files = tuple(path.absolute() for path in part.rows.files)
    return replace(part, rows=replace(part.rows, files=files), into=part.into.absolute())


def _checked(work: Work, part: Part, expected: tuple[tuple[str, str], ...]) -> PartResult:
    """Do a part where all that its numbers hang on is what it is elsewhere."""
    found = dict(versions())
    for name, version in expected:
        if found[name] != version:
            raise InvalidArgument(f"version of {name} on a worker", found[name], version)
    return work(part)
