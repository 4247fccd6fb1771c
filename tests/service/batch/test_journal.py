import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import service.batch.run
from forecast.errors import InvalidArgument, InvalidTable
from service.batch.journal import opened_journal, parts_folder
from service.batch.part import Part, PartResult, forecast_part
from service.batch.run import BatchResult, run_batch


class Stopped(Exception):  # noqa: N818  (names say what happened, as the error tree's do)
    """What ends a run in a test."""


@pytest.fixture
def source(tmp_path: Path, shares: pl.DataFrame) -> Path:
    path = tmp_path / "in.csv"
    shares.write_csv(path)
    return path


@pytest.fixture
def run(source: Path) -> Callable[..., BatchResult]:
    def call(name: str = "out.csv", **options: object) -> BatchResult:
        return run_batch(source, source.with_name(name), **({"horizon": 2} | options))  # type: ignore[arg-type]

    return call


@pytest.fixture
def interrupted(run: Callable[..., BatchResult], source: Path) -> Path:
    """The folder of a run that was stopped after two of its five parts."""

    def stop(done: int, failed: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped) as stopped:
        run(report=stop)
    assert "2 of 5 parts, begun " in stopped.value.__notes__[0]
    assert "--resume goes on from there" in stopped.value.__notes__[0]
    assert not source.with_name("out.csv").exists()
    return parts_folder(source.with_name("out.csv"))


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the parts that are forecast from here on."""
    numbers: list[int] = []

    def noted(part: Part) -> PartResult:
        numbers.append(part.number)
        return forecast_part(part)

    monkeypatch.setattr(service.batch.run, "forecast_part", noted)
    return numbers


def test_a_run_goes_on_with_the_parts_that_are_not_done(
    run: Callable[..., BatchResult], interrupted: Path, worked: list[int]
) -> None:
    told: list[tuple[int, int, int]] = []
    seen: list[int] = []
    result = run(resume=True, resumed=lambda *counts: told.append(counts), report=lambda done, *_: seen.append(done))
    assert worked == [2, 3, 4]
    assert told == [(2, 5, 2)]
    assert seen == [3, 4, 5]
    assert result.output.read_bytes() == run("whole.csv").output.read_bytes()
    assert not interrupted.exists()


def test_without_resume_the_half_done_run_is_told_and_left_alone(
    run: Callable[..., BatchResult], interrupted: Path
) -> None:
    before = {path: path.read_bytes() for path in interrupted.iterdir()}
    with pytest.raises(
        InvalidArgument, match=r"is half done .*: 2 of 5 parts, begun .* are in .*\.parts; resume \(--resume\)"
    ):
        run()
    assert {path: path.read_bytes() for path in interrupted.iterdir()} == before


def test_resume_begins_where_nothing_is_left(run: Callable[..., BatchResult], worked: list[int]) -> None:
    run(resume=True)
    assert worked == [0, 1, 2, 3, 4]


def change_input(source: Path, folder: Path) -> dict[str, object]:
    source.write_text(source.read_text().replace("2", "2", 1) + "m9,2020Q1,A,0.5\n")
    return {}


def change_version(source: Path, folder: Path) -> dict[str, object]:
    told = json.loads((folder / "run.json").read_text())
    told["versions"] = [["sharecast", "0.0.9"], *(pair for pair in told["versions"] if pair[0] != "sharecast")]
    (folder / "run.json").write_text(json.dumps(told))
    return {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_input, r"content of the input \(SHA-256\) was \w{12} and is \w{12}"),
        (lambda *_: {"horizon": 3}, "horizon was 2 and is 3"),
        (lambda *_: {"levels": (0.5,)}, r"levels was \(0.8, 0.95\) and is \(0.5,\)"),
        (lambda *_: {"model": "naive"}, "model was auto and is naive"),
        (lambda *_: {"seed": 7}, "seed was 0 and is 7"),
        (change_version, "version of sharecast was 0.0.9 and is "),
    ],
)
def test_parts_of_another_run_are_refused_by_what_differs(
    run: Callable[..., BatchResult],
    interrupted: Path,
    source: Path,
    change: Callable[[Path, Path], dict[str, object]],
    said: str,
) -> None:
    options = change(source, interrupted)
    with pytest.raises(InvalidArgument, match=rf"resume is of another run: {said}"):
        run(resume=True, **options)
    assert len(list(interrupted.glob("*.forecasts.parquet"))) == 2
    assert not source.with_name("out.csv").exists()


def truncate(folder: Path) -> None:
    part = folder / "000000001.forecasts.parquet"
    part.write_bytes(part.read_bytes()[:-9])


def tear_the_last_line(folder: Path) -> None:
    lines = folder / "done.jsonl"
    lines.write_bytes(lines.read_bytes()[:-9])


@pytest.mark.parametrize(
    "spoil", [truncate, tear_the_last_line, lambda f: (f / "000000001.forecasts.parquet").unlink()]
)
def test_a_part_that_is_not_whole_is_done_again(
    run: Callable[..., BatchResult], interrupted: Path, worked: list[int], spoil: Callable[[Path], None]
) -> None:
    spoil(interrupted)
    output = run(resume=True).output.read_bytes()
    assert worked == [1, 2, 3, 4]
    assert output == run("whole.csv").output.read_bytes()


def test_files_that_belong_to_no_done_part_are_never_taken_in(
    run: Callable[..., BatchResult], interrupted: Path
) -> None:
    pl.DataFrame({"stale": [1]}).write_parquet(interrupted / "000000003.refused.parquet")
    (interrupted / "000000004.forecasts.parquet.0a1b2c3d.tmp").write_bytes(b"half")
    result = run(resume=True)
    assert result.failed == 0
    assert result.output.read_bytes() == run("whole.csv").output.read_bytes()


def test_a_run_that_cannot_be_told_is_refused(run: Callable[..., BatchResult], interrupted: Path) -> None:
    (interrupted / "run.json").write_text("{")
    with pytest.raises(InvalidArgument, match=r"resume is not possible: run\.json of the run is damaged"):
        run(resume=True)


def test_failures_before_the_stop_are_in_the_errors_once(run: Callable[..., BatchResult], source: Path) -> None:
    lone = "lone,2020Q1,A,1.0\n"
    header, rest = source.read_text().split("\n", 1)
    source.write_text(f"{header}\n{lone}{rest}{lone.replace('lone', 'last')}")

    def stop(done: int, failed: int, total: int) -> None:
        raise Stopped

    for _ in range(3):
        with pytest.raises(Stopped):
            run(resume=True, report=stop)
    result = run(resume=True)
    assert result.errors is not None
    assert result.failed == 2
    assert pl.read_csv(result.errors)["market"].to_list() == ["lone", "last"]
    whole = run("whole.csv")
    assert whole.errors is not None
    assert result.errors.read_bytes() == whole.errors.read_bytes()


def test_a_run_killed_while_it_clears_up_is_one_that_has_ended(
    run: Callable[..., BatchResult], source: Path, monkeypatch: pytest.MonkeyPatch, worked: list[int]
) -> None:
    folder = parts_folder(source.with_name("out.csv"))
    with monkeypatch.context() as patched:
        patched.setattr("service.batch.journal.shutil.rmtree", lambda *_, **__: None)
        before = run().output.read_bytes()
    assert folder.exists()
    (folder / "run.json").unlink()  # whichever file went first
    assert run().output.read_bytes() == before
    assert worked == 2 * [0, 1, 2, 3, 4]
    assert not folder.exists()


def test_an_error_before_the_first_part_leaves_no_folder(run: Callable[..., BatchResult], source: Path) -> None:
    source.write_text("market,period,share\nm,2020Q1,33%\n")
    with pytest.raises(InvalidTable, match=r"in\.csv: no column of vendors was found"):
        run()
    assert [path.name for path in source.parent.iterdir()] == ["in.csv"]


def test_an_input_that_changes_meanwhile_is_an_error_that_keeps_no_part(
    run: Callable[..., BatchResult], source: Path
) -> None:
    def change(*_: int) -> None:
        source.write_text(source.read_text() + "m9,2020Q1,A,0.5\n")

    with pytest.raises(InvalidArgument, match="changed while it was read"):
        run(report=change)
    assert [path.name for path in source.parent.iterdir()] == ["in.csv"]


def test_two_runs_on_one_output_are_kept_apart(run: Callable[..., BatchResult], source: Path) -> None:
    output = source.with_name("out.csv")
    with (
        opened_journal(output, resume=False),
        pytest.raises(InvalidArgument, match="is written by another run"),
    ):
        run()
    run()


def test_the_lock_ends_with_its_process(run: Callable[..., BatchResult], source: Path) -> None:
    hold = (
        "import os, sys; from pathlib import Path; from service.batch.journal import opened_journal\n"
        "with opened_journal(Path(sys.argv[1]), resume=False): os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", hold, source.with_name("out.csv")], check=False)
    assert ended.returncode == -9
    assert parts_folder(source.with_name("out.csv")).exists()
    run()
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.csv", "out.csv", "out.notes.csv"]
