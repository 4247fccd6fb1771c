import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from service.batch.workers import WorkerDied, run_in_workers


def square(number: int) -> int:
    return number * number


def where(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail(number: int) -> int:
    raise LookupError(f"no {number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_answered_once(workers: int) -> None:
    assert sorted(run_in_workers(square, range(20), workers)) == [n * n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_tasks_are_no_trouble(workers: int) -> None:
    assert list(run_in_workers(square, [], workers)) == []


def test_the_work_is_spread_over_other_processes() -> None:
    processes = set(run_in_workers(where, range(20), 2))
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_a_worker_that_dies_is_an_error_that_names_its_task() -> None:
    with pytest.raises(WorkerDied, match="ended by SIGKILL while at 3"):
        list(run_in_workers(die, range(10), 2))


def test_what_the_work_raises_reaches_the_caller() -> None:
    with pytest.raises(LookupError, match="no 0"):
        list(run_in_workers(fail, [0], 2))


def test_leaving_early_ends_the_processes() -> None:
    with closing(run_in_workers(where, range(1000), 2)) as answers:
        process = next(answers)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


LOADED_FIRST = """
import sys
from service.batch.workers import run_in_workers, start_loading

def loaded(_: int) -> tuple[bool, ...]:
    first = "service.batch.part" in sys.modules
    import polars
    return first, polars.DataFrame({"a": [2, 1]}).sort("a")["a"].to_list() == [1, 2], polars.thread_pool_size() == 1, \
        "statsmodels" not in sys.modules

if __name__ == "__main__":
    start_loading("service.batch.loaded")
    print(set(run_in_workers(loaded, range(20), 4)))
"""


def test_workers_are_born_loaded_with_one_thread_and_without_statsmodels(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(LOADED_FIRST)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "{(True, True, True, True)}\n"
