import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from service.client import Client

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has imported nothing yet."""
    monkeypatch.delenv("SHARECAST_DATABASE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def widgets(tmp_path: Path) -> Path:
    """A table of a market of the user's own, in the folder where `run` runs."""
    rows = [
        ("widgets", f"{2022 + n // 4}Q{n % 4 + 1}", name, share)
        for n in range(10)
        for name, share in (("Acme", round(0.4 + 0.01 * n, 2)), ("Bolt", 0.25), ("Others", round(0.35 - 0.01 * n, 2)))
    ]
    path = tmp_path / "widgets.csv"
    pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row").write_csv(path)
    return path


def test_an_imported_market_is_there_for_every_command(run: Run, widgets: Path, home: Path) -> None:
    result = run("import", "widgets.csv")
    assert result.exit_code == 0, result.stderr
    place = home / "sharecast" / "sharecast.db"
    assert result.stdout == (
        f"widgets.csv: 30 row(s) of shares, 30 new, 0 known already; market widgets\nkept in {place} as import 1\n"
    )
    assert "note: 30 share(s) bear no published_at" in result.stderr
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert "widgets" in run("markets").stdout
    assert run("history", "widgets").stdout.startswith("widgets, own: history of 2022Q1 to 2024Q2")
    made = json.loads(run("forecast", "widgets", "--horizon", "1", "--format", "json").stdout)
    assert sum(row["mean"] for row in made) == pytest.approx(1.0)
    past = json.loads(run("forecast", "widgets", "--as-of", "2023-08-01", "--horizon", "1", "--format", "json").stdout)
    assert {row["origin"] for row in past} == {"2023Q1"}
    scores = run("backtest", "widgets", "--origins", "2", "--horizon", "1", "--models", "naive", "--format", "json")
    assert scores.exit_code == 0, scores.stderr
    assert run("history", "cn-cloud", "--format", "csv").exit_code == 0
    assert "market 'widgets' is not known" in run("history", "widgets", "--database", "none").stderr


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".csv"])
def test_a_table_is_imported_from_any_kind_of_file(run: Run, widgets: Path, tmp_path: Path, ending: str) -> None:
    from service.tables import ENDINGS, encode, read_table

    (tmp_path / f"again{ending}").write_bytes(encode(read_table(widgets), ENDINGS[ending]))
    assert "30 new" in run("import", f"again{ending}", "--database", "own.db").stdout
    assert "0 new, 30 known" in run("import", "widgets.csv", "--database", "sqlite:///own.db").stdout


def test_figures_are_told_by_their_columns(run: Run, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "market,research_house,period,providers,measure,value,qualifier,decimals,published\n"
        "widgets,acme research,2023Q1,Acme|Bolt,share,0.72,about,0,2023-05-04\n"
        "widgets,acme research,2023Q1,Acme,share,0.4,exact,0,2023-05-04\n",
        encoding="utf-8",
    )
    assert "2 row(s) of figures, 2 new" in run("import", "f.csv").stdout
    rows = json.loads(run("history", "widgets", "--format", "json").stdout)
    assert {row["house"] for row in rows} == {"acme research"}
    refused = run("import", "f.csv", "--house", "mine")
    assert refused.exit_code == 2
    assert "--house goes with shares" in refused.stderr


def test_the_house_of_shares_may_be_named(run: Run, widgets: Path) -> None:
    run("import", "widgets.csv", "--house", "finance")
    assert run("history", "widgets").stdout.startswith("widgets, finance: history")


def test_a_bad_row_is_named_with_column_value_and_rule_and_nothing_is_kept(run: Run, widgets: Path) -> None:
    text = widgets.read_text(encoding="utf-8").splitlines()
    text[6] = "widgets,2022Q2,Others,1.34"
    widgets.write_text("\n".join(text), encoding="utf-8")
    result = run("import", "widgets.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "widgets.csv: row 7: share is 1.34; expected a fraction of 0" in result.stderr
    assert "'widgets' is not known" in run("history", "widgets").stderr


def test_a_table_of_neither_kind_is_told_what_it_lacks(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    result = run("import", "x.csv")
    assert result.exit_code == 2
    assert "x.csv: no quarters were found; row 1 has 'a' and 'b'; it needs quarters such as" in result.stderr


def test_validating_keeps_nothing(run: Run, widgets: Path) -> None:
    result = run("import", "widgets.csv", "--validate-only")
    assert result.stdout.endswith("30 new, 0 known already; market widgets\nnothing was kept, as asked\n")
    assert "'widgets' is not known" in run("history", "widgets").stderr


def test_a_request_is_done_once(run: Run, widgets: Path) -> None:
    first = run("import", "widgets.csv", "--request-id", "monday")
    assert run("import", "widgets.csv", "--request-id", "monday").stdout == first.stdout
    refused = run("import", "widgets.csv", "--request-id", "monday", "--house", "finance")
    assert refused.exit_code == 2
    assert "request id 'monday' was used before" in refused.stderr


def test_the_environment_names_the_database(
    run: Run, widgets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARECAST_DATABASE", "sqlite:///named.db")
    run("import", "widgets.csv")
    assert (tmp_path / "named.db").exists()
    assert run("history", "widgets").exit_code == 0
    assert "'widgets' is not known" in run("history", "widgets", "--database", "none").stderr
    monkeypatch.setenv("SHARECAST_DATABASE", "none")
    assert "database is 'none'; give one to import into" in run("import", "widgets.csv").stderr


@pytest.mark.parametrize("command", ["history", "forecast", "backtest"])
def test_a_database_that_is_not_there_is_told_and_not_made(run: Run, tmp_path: Path, command: str) -> None:
    result = run(command, "cn-cloud", "--database", "typo.db")
    assert result.exit_code == 2
    assert "database 'typo.db' does not exist; `sharecast import` makes one" in result.stderr
    assert not (tmp_path / "typo.db").exists()


def test_a_file_of_figures_or_a_server_takes_the_place_of_a_database(run: Run) -> None:
    both = run("history", "cn-cloud", "--figures", "f.csv", "--database", "x.db")
    assert both.exit_code == 2
    assert "give one of --figures and --database" in both.stderr
    asked = run("forecast", "cn-cloud", "--address", "127.0.0.1:1", "--database", "x.db")
    assert asked.exit_code == 2
    assert "--database is for this machine" in asked.stderr


def test_a_database_that_cannot_be_written_is_told_with_its_place(run: Run, widgets: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"not a database" * 100)
    result = run("import", "widgets.csv", "--database", "broken.db")
    assert result.exit_code == 2
    assert "Error: the database is unavailable: it is damaged; restore a copy\ndatabase: broken.db" in result.stderr


def test_a_server_answers_from_the_database_and_sees_what_is_imported_beside_it(
    run: Run, widgets: Path, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("sharecast")
    command = [str(program), "serve", "--listen", "127.0.0.1:0", "--database", str(tmp_path / "served.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            with Client(address) as client:
                assert "widgets" not in [market.market for market in client.list_markets()]
                assert run("import", "widgets.csv", "--database", "served.db").exit_code == 0
                assert "widgets" in [market.market for market in client.list_markets()]
                assert client.forecast("widgets", horizon=1).house == "own"
                sent = run("import", "widgets.csv", "--house", "finance", "--address", address)
                assert sent.stdout.endswith(f"kept in the database of {address} as import 2\n"), sent.stderr
                assert client.get_history("widgets", house="finance").house == "finance"
        finally:
            server.terminate()
    assert server.returncode == 0
    with closing(sqlite3.connect(tmp_path / "served.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_postgresql_takes_the_same_tables(run: Run, widgets: Path, database: str) -> None:
    assert "30 new" in run("import", "widgets.csv", "--database", database).stdout
    assert run("history", "widgets", "--database", database).stdout.startswith("widgets, own: history")
