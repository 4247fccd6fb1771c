import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from forecast.forecasting import MODELS
from service.catalog import Catalog
from service.cli.main import Commands, main

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Run = Callable[..., Result]

HEAVY = {"polars", "numpy", "pandas", "scipy", "statsmodels", "numba", "matplotlib", "grpc", "rich"}


def test_every_command_has_help(run: Run) -> None:
    assert isinstance(main, Commands)
    for name in main.list_commands(click.Context(main)):
        result = run(name, "--help")
        assert result.exit_code == 0
        assert f"Usage: sharecast {name}" in result.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["forecast", "--help"], ["batch", "--help"], ["forecast"]])
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from service.cli.main import main

try:
    main({arguments!r}, prog_name="sharecast")
except SystemExit:
    print("loaded:", *sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_the_help_names_the_models_there_are(run: Run) -> None:
    named = re.search(r"Model: (.*?)\.", " ".join(run("forecast", "--help").stdout.split()))
    assert named is not None
    assert tuple(re.split(", | or ", named[1])) == MODELS


def test_an_unknown_command_is_bad_usage(run: Run) -> None:
    result = run("forcast")
    assert result.exit_code == 2
    assert "No such command 'forcast'" in result.stderr


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_command_started_without_a_stream_does_its_work(closed: str, tmp_path: Path) -> None:
    output = tmp_path / "models.json"
    program = Path(sys.executable).with_name("sharecast")
    command = f'exec "$1" markets --format json --output "$2" {closed}'
    done = subprocess.run(["sh", "-c", command, "sh", program, output], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "cn-cloud" in output.read_text(encoding="utf-8")


def test_no_file_takes_the_number_of_a_stream_that_was_closed(tmp_path: Path) -> None:
    code = """
import os, sys
from service.cli.main import Commands
Commands().main(["--help"], standalone_mode=False)
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(2, b"told to nobody")
sys.stderr.write("nor this")
sys.stderr.flush()
sys.exit(held if os.system("test -e /proc/self/fd/2") == 0 else 1)  # those started from here
"""
    file = tmp_path / "database"
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&- 1>&-', "sh", sys.executable, "-c", code, file], check=False)
    assert done.returncode > 2
    assert file.read_bytes() == b""


def test_an_unforeseen_error_is_short_unless_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Catalog) -> None:
        raise ZeroDivisionError("of our own making")

    monkeypatch.setattr(Catalog, "markets", broken)
    result = run("markets")
    assert result.exit_code == 70
    assert "ZeroDivisionError: of our own making" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("--debug", "markets").stderr


def test_a_foreseen_error_shows_its_place_when_asked(run: Run) -> None:
    assert "Traceback" in run("--debug", "history", "nowhere").stderr


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_reader_that_goes_away_is_no_error(form: str) -> None:
    path = Path(sys.executable).with_name("sharecast")
    with subprocess.Popen(
        [path, "history", "cn-cloud", "--format", form], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_the_installed_program_answers_without_a_traceback(program: Program) -> None:
    done = program("forecast", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: market 'nowhere' is not known; known: cn-cloud, world-cloud, world-smartphones\n"


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [Path(sys.executable).with_name("sharecast"), "markets", "--format", "csv"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "Error: what there is to say could not be written: No space left on device\n"
