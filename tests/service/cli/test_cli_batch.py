import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from tests.service.server.waiting import until

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Run = Callable[..., Result]


HEADER = "market,period,provider,share\n"
GOOD = HEADER + "".join(
    f"good,{2018 + n // 4}Q{n % 4 + 1},{name},{share:.3f}\n"
    for n in range(12)
    for name, share in (("A", 0.5 - 0.011 * n), ("B", 0.3 + 0.007 * n), ("C", 0.2 + 0.004 * n))
)


def bad(rows: str) -> str:
    return GOOD + "".join(f"bad,{row}\n" for row in rows.split())


@pytest.fixture
def batch(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "in.csv").write_text(GOOD)
    return run


def test_a_batch_writes_its_forecasts_and_says_so_on_standard_error(batch: Run) -> None:
    result = batch("batch", "in.csv", "out.csv", "--horizon", "2", "--level", "0.5")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 of 1 market in " in result.stderr
    table = pl.read_csv("out.csv")
    assert table.columns[-2:] == ["lower_50", "upper_50"]
    assert table["period"].unique(maintain_order=True).to_list() == ["2021Q1", "2021Q2"]


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ("2020Q1,A,1.2 2020Q2,A,0.5", "invalid_shares", "1.2; expected "),
        ("2020Q1,A,-0.1 2020Q2,A,0.5", "invalid_shares", "-0.1; expected "),
        ("2020Q1,A,0.6 2020Q1,B,0.5 2020Q2,A,0.5", "invalid_shares", "sum 1.1 of bad 2020Q1"),
        (
            "2020Q1,A,0.6 2020Q1,A,0.4 2020Q2,A,0.5",
            "invalid_shares",
            "A of 2020Q1 in bad, given before; expected",
        ),
        (
            "2020Q5,A,0.6 2020Q2,A,0.4",
            "invalid_shares",
            "column period must hold quarters; row 38 has '2020Q5'; write it such as 2020Q3",
        ),
        ("2020Q1,A,n.z. 2020Q2,A,0.4", "invalid_shares", "column share must hold numbers; row 38 has 'n.z.'"),
        ("2020Q1,A,0.6 2020Q1,B,0.4", "not_enough_data", "too few quarters with data: 1, and"),
        ("2020Q1,A, 2020Q2,A,", "not_enough_data", "too few quarters with data: 0, and"),
    ],
)
def test_a_bad_market_is_a_row_of_the_errors_file_and_status_3(
    batch: Run, tmp_path: Path, rows: str, code: str, said: str
) -> None:
    (tmp_path / "in.csv").write_text(bad(rows))
    result = batch("batch", "in.csv", "out.csv")
    assert result.exit_code == 3
    assert "1 failed: out.errors.csv says why" in result.stderr
    assert "Traceback" not in result.stderr
    market, found, message = pl.read_csv("out.errors.csv").row(0)
    assert (market, found) == ("bad", code)
    assert said in message
    assert pl.read_csv("out.csv")["market"].unique().to_list() == ["good"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "market,period,share\nm,2020Q1,0.5\n",
            "no column of vendors was found: row 1 has 'market', 'period' and 'share', of which 'share' is a measure",
        ),
        ("market,period,provider\nm,2020Q1,A\n", "neither share nor value is there"),
        (HEADER, "no quarters were found; row 1 has 'market', 'period', 'provider' and 'share'"),
        ("a,b\n1,2\n", "no quarters were found; row 1 has 'a' and 'b'; it needs quarters such as 2020Q3"),
        ("", "in.csv is an empty file; it needs a header and rows"),
    ],
)
def test_a_table_unfit_as_a_whole_is_status_2(batch: Run, tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "in.csv").write_text(content)
    result = batch("batch", "in.csv", "out.csv")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "in.csv" in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv", "out.csv"], "none.csv does not exist"),
        (["in.csv", "out.xlsx"], "'.xlsx'"),
        (["in.csv", "none/out.csv"], "no folder"),
        (["in.csv", "in.csv"], "is the input in.csv, which would be replaced"),
        (["in.csv", "out.csv", "--horizon", "0"], "horizon is 0"),
        (["in.csv", "out.csv", "--level", "80"], "did you mean 0.8?"),
        (["in.csv", "out.csv", "--model", "x"], "model 'x' is not known"),
        (["in.csv", "out.csv", "--workers", "0"], "workers is 0; allowed: 1 to 256"),
        (["in.csv"], "Missing argument 'OUTPUT'"),
        (["in.csv", "out.csv", "--engine", "dask"], "--engine dask and --scheduler ADDRESS go together"),
        (["in.csv", "out.csv", "--scheduler", "tcp://127.0.0.1:8786"], "go together"),
    ],
)
def test_bad_usage_is_status_2_and_writes_nothing(batch: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    result = batch("batch", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv"]


def test_a_file_that_is_no_parquet_is_said_to_be_text(batch: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").rename(tmp_path / "in.parquet")
    result = batch("batch", "in.parquet", "out.parquet")
    assert result.exit_code == 2
    assert "in.parquet is a text file; give a Parquet file" in result.stderr


def test_the_installed_program_works_with_workers(program: Program, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(bad("2020Q1,A,0.6"))
    done = program("batch", "in.csv", "out.csv", "--workers", "2")
    assert (done.returncode, done.stdout) == (3, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv", "out.errors.csv"]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A table of 4,000 markets, enough to be stopped in the middle of."""
    pieces = [pl.read_csv(GOOD.encode()).with_columns(market=pl.lit(f"m{n}")) for n in range(4000)]
    pl.concat(pieces).write_parquet(tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


@contextmanager
def started(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """The program at work with two workers, in a session of its own, as from a terminal.

    With the lowest priority: where all processors are taken, whoever is to stop it in its midst comes first.
    """
    program = Path(sys.executable).with_name("sharecast")
    command: list[str | Path] = ["nice", "-n", "19", program, "batch", "in.parquet", "out.parquet", "--workers", "2"]
    command += options
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process


def wait_for_parts(folder: Path, parts: int) -> None:
    """Until so many parts of `out.parquet` are done."""
    lines = folder / ".out.parquet.parts" / "done.jsonl"
    until(lambda: lines.exists() and lines.read_bytes().count(b"\n") >= parts)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_batch_keeps_what_is_done_and_says_how_to_go_on(
    many: Path, number: signal.Signals, status: int
) -> None:
    folder = many.parent
    with started(folder) as process:
        wait_for_parts(folder, 2)
        os.killpg(process.pid, number) if number is signal.SIGINT else process.send_signal(number)
        assert process.stderr is not None
        lines = [line for line in process.stderr.read().splitlines() if "a second" not in line]  # how far it is
    assert process.returncode == status
    told = r"\d+ of 24 parts, begun .*, are kept in \.out\.parquet\.parts; the same command with --resume goes on from"
    assert re.match(told, lines[0])
    assert lines[1:] == (["stopped"] if number is signal.SIGINT else [])
    assert sorted(p.name for p in folder.iterdir()) == [".out.parquet.parts", "in.parquet"]


def test_a_batch_killed_at_any_moment_goes_on_to_the_same_bytes(many: Path, program: Program) -> None:
    folder, rng = many.parent, random.Random(5)
    assert program("batch", "in.parquet", "whole.parquet", "--workers", "2").returncode == 0
    kept = 0
    for parts in (1, 4, 8):
        with started(folder, "--resume") as process:
            wait_for_parts(folder, parts)
            time.sleep(rng.uniform(0.0, 0.01))
            os.killpg(process.pid, signal.SIGKILL)
        assert not (folder / "out.parquet").exists()
        kept = (folder / ".out.parquet.parts" / "done.jsonl").read_bytes().count(b"\n")
    done = program("batch", "in.parquet", "out.parquet", "--resume")
    assert done.returncode == 0
    assert f"going on: {kept} of 24 parts" in done.stderr
    assert (folder / "out.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == ["in.parquet", "out.parquet", "whole.parquet"]


def test_a_dry_run_tells_what_would_be_done_and_writes_nothing(batch: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(bad("2020Q1,A,1.2 2020Q2,A,0.5"))
    result = batch("batch", "in.csv", "out.csv", "--dry-run", "--workers", "2")
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0] == "2 markets in 38 rows, 2 parts, 2 workers"
    assert lines[1] == "1 market would be refused:"
    assert lines[2].startswith("  bad: row 38: share is 1.2; expected ")
    assert re.fullmatch(r"about \d+ s and 0\.0 MB in out\.csv, by 1 market that took [\d.]+ ms each .*", lines[3])
    assert lines[4:] == ["nothing was written"]
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_events_are_told_beside_the_forecasts(batch: Run, tmp_path: Path) -> None:
    (tmp_path / "asked.csv").write_text("event\nB overtakes A\nZ leads\n")
    result = batch("batch", "in.csv", "out.csv", "--horizon", "2", "--events", "asked.csv")
    assert result.exit_code == 3
    assert "events: out.events.csv\n" in result.stderr
    assert "\n1 event could not be asked of its market: out.events.csv says why" in result.stderr
    table = pl.read_csv("out.events.csv")
    assert table["event"].to_list() == ["B overtakes A by 2021Q2", "Z leads"]
    assert 0.0 < table["probability"][0] <= 1.0
    (tmp_path / "asked.csv").write_text("event\nB overtakes A\nZ leads\nY leads\n")
    result = batch("batch", "in.csv", "out.csv", "--horizon", "2", "--events", "asked.csv")
    assert "\n2 events could not be asked of their markets: out.events.csv says why" in result.stderr
    (tmp_path / "asked.csv").write_text("event\nB overtakes A\n")
    result = batch("batch", "in.csv", "out.csv", "--horizon", "2", "--events", "asked.csv")
    assert result.exit_code == 0
    (tmp_path / "asked.csv").write_text("event\n\n,\n")
    for more in ((), ("--dry-run",)):
        result = batch("batch", "in.csv", "out.csv", "--events", "asked.csv", *more)
        assert result.exit_code == 2
        assert "asked.csv" in result.stderr
