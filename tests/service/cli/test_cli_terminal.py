"""What others write, in names, files, questions and messages of a server, never commands the terminal of a reader."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from forecast.figures import load_breaks, prepare_figures
from service.catalog import Catalog
from service.server import Server
from service.tables import read_table

RAW = Path(str(files("forecast.data"))) / "raw" / "figures.csv"
EVIL = "Evil\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u200b\x7fCo"
SHOWN = "Evil\\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\u202e\\u200b\\x7fCo"
QUARTERS = [f"{year}Q{number}" for year in (2022, 2023) for number in (1, 2, 3, 4)]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Published figures in which a provider is called so that it would clear the screen and rename the window."""
    path = tmp_path / "own.csv"
    raw = pl.read_csv(RAW, infer_schema_length=None)
    raw.with_columns(pl.col("providers").str.replace_all("Huawei Cloud", EVIL, literal=True)).write_csv(path)
    return path


@pytest.fixture
def shares(tmp_path: Path) -> Path:
    """Shares of two markets, one with such a name and a share that is none."""
    rows = [(name, quarter, "A", 0.4) for name in ("m", EVIL) for quarter in QUARTERS]
    rows[-1] = (EVIL, QUARTERS[-1], "A", 1.7)
    path = tmp_path / "shares.csv"
    pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row").write_csv(path)
    return path


def terminal(folder: Path, *arguments: str) -> str:
    """What `sharecast ARGUMENTS` writes to a terminal of no kind, for which Rich itself writes no escape."""
    path = Path(sys.executable).with_name("sharecast")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
    with subprocess.Popen(
        [path, *arguments], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                part = b""
            if not part:
                break
            written += part
    os.close(ours)
    assert process.returncode in (0, 2, 3), written
    return written.decode().replace("\r\n", "\n")


def check_plain(text: str) -> None:
    assert text
    assert {c for c in text if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0} <= {"\n"}
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b")


@pytest.mark.parametrize(
    "asked",
    [
        ["forecast", "cn-cloud", "--horizon", "1", "--event", "Alibaba leads", "--event", "Evil* leads"],
        ["history", "cn-cloud"],
        ["figures", "cn-cloud"],
    ],
    ids=" ".join,
)
def test_a_name_in_a_file_of_figures_is_shown_with_its_escapes(own: Path, asked: list[str]) -> None:
    asked = [EVIL + " leads" if argument == "Evil* leads" else argument for argument in asked]
    text = terminal(own.parent, *asked, "--figures", "own.csv")
    check_plain(text)
    assert "\\x1b" in text


@pytest.mark.parametrize(
    "asked",
    [
        ["history", EVIL],
        ["history", "cn-cloud", "--figures", f"{EVIL}.csv"],
        ["forecast", "cn-cloud", "--event", f"{EVIL} explodes"],
        ["forecast", "cn-cloud", "--output", f"{EVIL}/a.csv"],
        ["forecast", "cn-cloud", "--model", EVIL],
        ["forecast", "cn-cloud", "--format", EVIL],
        ["--debug", "history", EVIL],
        [EVIL],
        [f"--{EVIL}"],
        ["forecast", "cn-cloud", f"--{EVIL}"],
    ],
    ids=ascii,
)
def test_what_was_typed_comes_back_with_its_escapes(run: Callable[..., Result], asked: list[str]) -> None:
    text = run(*asked).output
    check_plain(text)
    assert "\\x1b[2J" in text and "\\x9b31m" in text


def test_a_batch_tells_of_such_a_market_with_its_escapes(shares: Path) -> None:
    told = terminal(shares.parent, "batch", "shares.csv", "out.csv", "--dry-run")
    check_plain(told)
    shown = SHOWN.replace("\\u200b", "")  # what cannot be seen at all is no part of a name
    assert (
        f"  {shown}: rows 10 to 17: market is '{shown}'; expected a name of 200 characters at most, on one line" in told
    )
    output = f"{EVIL}.csv"
    done = terminal(shares.parent, "batch", "shares.csv", output, "--horizon", "1").replace("\r\x1b[K", "")
    check_plain(done)
    assert f"1 failed: {SHOWN}.errors.csv says why" in done
    (refused,) = read_table(shares.parent / f"{EVIL}.errors.csv")["market"].to_list()
    assert refused == EVIL.replace("\u200b", "")  # programs get what was there


@pytest.mark.parametrize("asked", [["forecast", "cn-cloud", "--horizon", "1"], ["forecast", EVIL]], ids=ascii)
def test_what_a_server_says_is_shown_with_its_escapes(own: Path, asked: list[str]) -> None:
    catalog = Catalog(prepare_figures(read_table(own)), load_breaks())
    with Server(catalog) as server:
        text = terminal(own.parent, *asked, "--address", server.address)
    check_plain(text)
    assert "\\x1b" in text
