"""Work spread over processes of this machine."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(RuntimeError):  # noqa: N818  (names say what happened, as the error tree's do)
    """A worker process ended without an answer, killed from outside or by want of memory."""


@dataclass(slots=True)
class _Worker(Generic[T]):
    process: BaseProcess
    pipe: "Connection[Any, Any]"
    task: T | None = None  # None: starting up

    def give(self, task: T) -> None:
        self.task = task
        try:
            self.pipe.send(task)
        except OSError as error:
            raise self.death() from error

    def answer(self) -> Any:  # noqa: ANN401  (None at first, then what `work` returned or raised)
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self.death() from error

    def death(self) -> WorkerDied:
        self.process.join(5)
        code = self.process.exitcode
        how = f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exited with {code}"
        when = "at its start" if self.task is None else f"while at {self.task}"
        return WorkerDied(f"a worker process {how} {when}; fewer workers need less memory")


def start_loading(*modules: str) -> None:
    """Start the process that workers are forked from, and let it import modules while this one does other things.

    The modules must not start threads that their users need: they are not there after a fork. Without effect when that
    process runs already.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))
    with _interrupts_held():
        pass


def run_in_workers(work: Callable[[T], R], tasks: Iterable[T], workers: int) -> Generator[R, None, None]:
    """Yield `work(task)` of every task in the order they end, over `workers` processes; one worker is this process.

    Tasks are drawn one at a time as workers come free. Leaving the iterator early ends the processes.

    Args:
        work: A function of a module, so that another process finds it.
        tasks: What can be pickled.
        workers: At least 1.

    Raises:
        WorkerDied: a process ended without an answer.
        Exception: what `work` raised.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    started: list[_Worker[T]] = []
    try:
        waiting = iter(tasks)
        with _interrupts_held():
            for _ in range(workers):
                started.append(_start(work))
        busy: dict[Any, _Worker[T]] = {worker.pipe: worker for worker in started}
        while busy:
            for pipe in wait(list(busy)):
                worker = busy[pipe]
                answer = worker.answer()
                if isinstance(answer, Exception):
                    raise answer
                first, done = worker.task is None, answer
                task = next(waiting, None)
                if task is None:
                    worker.pipe.close()
                    del busy[pipe]
                else:
                    worker.give(task)
                if not first:
                    yield done
    finally:
        for worker in started:
            worker.process.terminate()
        for worker in started:
            worker.process.join()


def _start(work: Callable[[T], R]) -> _Worker[T]:
    # Never fork: a child forked from a process in which Polars has threads hangs. The server that forks here has none.
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()  # else our own copy would keep the pipe open after the worker's death
    return _Worker(process, ours)


def _serve(work: Callable[[T], R], pipe: "Connection[Any, Any]") -> None:
    """The life of a worker: say it is up, then answer tasks until the other end closes, which a dead parent's does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pipe.send(None)
        while True:
            task = pipe.recv()
            try:
                answer: object = work(task)
            except Exception as error:  # carried over to the parent
                answer = error
            pipe.send(answer)
    except (EOFError, OSError):
        return


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that never see Ctrl-C, which a terminal sends to all of them: the parent ends them in order."""
    resource_tracker.ensure_running()  # its start, which the server's would else bring about, takes the mask off again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()  # the mask is inherited, by it and by all it starts
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
