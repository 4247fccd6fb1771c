"""Batches that a server forecasts."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from service.server import Server

Run = Callable[..., Result]
QUARTERS = [f"{2020 + n // 4}Q{n % 4 + 1}" for n in range(14)]
EVENTS = (
    "market,event\n,Acme overtakes Bolt by 2024Q1\nalpha,Bolt > 30 % in 2024Q2\nbeta,Nobody leads\nnone,Acme leads\n"
)


def shares() -> str:
    """Three markets, one without a rest and one with a hole, and two that cannot be forecast."""
    some = random.Random(1)
    rows = ["market,period,provider,share,decimals"]
    for market in ("alpha", "beta", "gamma"):
        for n, quarter in enumerate(QUARTERS):
            acme, bolt = (round(level + some.gauss(0, 0.02), 3) for level in (0.4, 0.3))
            hole = market == "beta" and n == 5
            rows += [f"{market},{quarter},Acme,{acme},1", f"{market},{quarter},Bolt,{'' if hole else bolt},1"]
            if market != "gamma":
                rows.append(f"{market},{quarter},Others,{1 - acme - bolt:.3f},1")
    return "\n".join([*rows, "broken,2020Q1,A,1.7,", "short,2020Q1,A,.7,"])


def amounts() -> str:
    """One market of amounts, with a vendor that has no cell in the last quarter."""
    rows = ["Quarter,Acme,Bolt,Coda"]
    for n, quarter in enumerate(QUARTERS):
        rows.append(f"{quarter},{400 + 3 * n},{300 - 5 * n},{'' if n == 13 else 200}")
    return "\n".join(rows)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".json"])
@pytest.mark.parametrize(("table", "model"), [(shares, "auto"), (amounts, "auto"), (shares, "naive")])
def test_a_server_gives_the_files_that_this_program_would_have_made(
    server: Server, run: Run, tmp_path: Path, table: Callable[[], str], model: str, ending: str
) -> None:
    (tmp_path / "in.csv").write_text(table())
    (tmp_path / "events.csv").write_text(EVENTS)
    common = ("--events", "events.csv", "--model", model, "--seed", "3", "--horizon", "9")
    here = run("batch", "in.csv", f"here{ending}", *common)
    there = run("batch", "in.csv", f"there{ending}", *common, "--address", server.address)
    assert here.exit_code == there.exit_code == 3, there.stderr  # some events cannot be asked
    made = sorted(path.name.removeprefix("here") for path in tmp_path.glob("here*"))
    assert made == sorted(path.name.removeprefix("there") for path in tmp_path.glob("there*"))
    assert {ending, f".events{ending}", f".notes{ending}"} <= set(made)
    for name in made:
        assert (tmp_path / f"here{name}").read_bytes() == (tmp_path / f"there{name}").read_bytes()


@pytest.mark.parametrize(
    "option", [("--workers", "2"), ("--dry-run",), ("--scheduler", "tcp://a:1", "--engine", "dask")]
)
def test_options_about_this_machine_are_refused_beside_a_server(run: Run, tmp_path: Path, option: tuple[str]) -> None:
    (tmp_path / "in.csv").write_text(shares())
    result = run("batch", "in.csv", "out.csv", *option, "--address", "127.0.0.1:1")
    assert result.exit_code == 2
    assert f"{option[0]} is for this machine, and a server at --address does not read it; give one." in result.stderr


def test_a_server_that_cannot_be_reached_leaves_the_output_as_it_was(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(shares())
    (tmp_path / "out.csv").write_text("as it was")
    result = run("batch", "in.csv", "out.csv", "--address", "127.0.0.1:1")
    assert result.exit_code not in (0, 3)
    assert "127.0.0.1:1" in result.stderr
    assert (tmp_path / "out.csv").read_text() == "as it was"
