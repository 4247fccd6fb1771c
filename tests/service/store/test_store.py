import secrets
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from forecast.errors import InvalidArgument
from forecast.figures import load_figures
from forecast.merging import STATEMENT_SCHEMA
from service.errors import AlreadyExists, StoreUnavailable
from service.results import ImportReport
from service.store import Store, open_store
from service.store.engine import make_engine, writing
from service.store.incoming import Incoming, check_incoming
from service.store.migrating import NEWEST
from tests.service.server.waiting import PATIENCE

NOW = datetime(2026, 11, 23, 14, 30, 5, 123456, tzinfo=UTC)
NONE = pl.DataFrame(schema=STATEMENT_SCHEMA)


def shares(*values: float, market: str = "widgets") -> pl.DataFrame:
    """Shares of Acme in quarters from 2024Q1 on, the rest of Bolt, published two months after each."""
    rows = []
    for n, value in enumerate(values):
        day = date(2024 + (3 * n + 4) // 12, (3 * n + 4) % 12 + 1, 20)
        for name, share in (("Acme", value), ("Bolt", 1 - value)):
            rows.append((market, f"{2024 + n // 4}Q{n % 4 + 1}", name, share, day))
    return pl.DataFrame(rows, schema=["market", "period", "provider", "share", "published_at"], orient="row")


def incoming(table: pl.DataFrame) -> Incoming:
    return check_incoming(table, kind="shares", house="own", name="table", today=NOW.date())


def put(
    store: Store, table: pl.DataFrame, *, request_id: str = "", validate_only: bool = False, now: datetime = NOW
) -> ImportReport:
    return store.add(incoming(table), NONE, request_id=request_id, validate_only=validate_only, now=now)


def shipped_as_incoming() -> Incoming:
    statements = load_figures().select(STATEMENT_SCHEMA.keys())
    markets = tuple(statements["market"].unique().sort())
    return Incoming("figures", "shipped", statements.height, statements, markets, "0" * 64, ("a warning",))


def test_what_was_imported_is_there_cell_by_cell_when_the_store_is_opened_again(database: str) -> None:
    sent = shipped_as_incoming()
    assert sent.statements["note"].null_count() not in (0, sent.rows)
    with open_store(database) as store:
        report = store.add(sent, NONE, request_id="", validate_only=False, now=NOW)
    assert report == ImportReport("figures", "1", 3017, 3017, 0, sent.markets, False, ("a warning",))
    with open_store(database, create=False) as store:
        assert_frame_equal(store.figures().drop("kind"), sent.statements)
        assert store.figures()["kind"].unique().to_list() == ["figures"]


def test_a_series_is_read_as_the_world_knew_it_and_as_the_store_knew_it(database: str) -> None:
    with open_store(database) as store:
        put(store, shares(0.4, 0.41))
        later = shares(0.4, 0.43).tail(2).with_columns(published_at=pl.lit(date(2024, 12, 1)))
        put(store, later, now=NOW + timedelta(days=1))
        put(store, shares(0.2, market="gadgets"), now=NOW + timedelta(days=2))
        acme = pl.col("providers") == "Acme"

        def values(**asked: object) -> list[float]:
            return store.figures("widgets", **asked).filter(acme)["value"].to_list()  # type: ignore[arg-type]

        assert values() == [0.4, 0.41, 0.43]
        assert values(as_of=date(2024, 5, 19)) == []
        assert values(as_of=date(2024, 5, 20)) == [0.4]
        assert values(as_of=date(2024, 11, 30)) == [0.4, 0.41]
        assert values(recorded_by=NOW) == [0.4, 0.41]
        assert values(recorded_by=NOW - timedelta(microseconds=1)) == []
        assert values(house="own") == [0.4, 0.41, 0.43]
        assert values(house="canalys") == []


@pytest.mark.parametrize("act", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_itself_refuses_to_change_or_delete_a_row(database: str, act: str) -> None:
    with open_store(database) as store:
        put(store, shares(0.4, 0.41))
        engine = store._engine
        if act.startswith("TRUNCATE") and engine.dialect.name == "sqlite":
            return  # which does not know it
        for table, column in (("figures", "note"), ("imports", "name")):
            with pytest.raises(sa.exc.DBAPIError, match=f"rows of {table} are only ever added"), engine.begin() as raw:
                raw.exec_driver_sql(act.format(table, column))
        assert store.figures().height == 4


def test_sqlite_does_not_replace_a_row_either(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "new.db")) as store:
        put(store, shares(0.4))
        again = "INSERT OR REPLACE INTO figures SELECT * FROM figures"
        with pytest.raises(sa.exc.DBAPIError, match="only ever added"), store._engine.begin() as raw:
            raw.exec_driver_sql(again)


def test_the_same_request_is_answered_as_before_and_another_table_under_its_id_is_refused(database: str) -> None:
    with open_store(database) as store:
        first = put(store, shares(0.4, 0.41), request_id="r-1")
        assert (first.added, first.known) == (4, 0)
        again = put(store, shares(0.4, 0.41), request_id="r-1", now=NOW + timedelta(days=9))
        assert again == first
        with pytest.raises(AlreadyExists, match="request id 'r-1' was used before: another table of shares"):
            put(store, shares(0.4, 0.42), request_id="r-1")
        with pytest.raises(AlreadyExists, match="r-1"):
            put(store, shares(0.4, 0.42), request_id="r-1", validate_only=True)
        assert store.figures().height == 4
        other = put(store, shares(0.4, 0.41), request_id="r-2")
        assert (other.import_id, other.added, other.known) == ("2", 0, 4)


def test_validating_only_counts_and_keeps_nothing(database: str) -> None:
    with open_store(database) as store:
        report = put(store, shares(0.4, 0.41), request_id="r-1", validate_only=True)
        assert (report.import_id, report.added, report.validate_only) == ("", 4, True)
        assert store.figures().is_empty()
        assert store.changes(0).newest == 0
        assert put(store, shares(0.4, 0.42), request_id="r-1").import_id == "1"  # the id is still free


def test_changes_tell_which_markets_got_figures(database: str) -> None:
    with open_store(database) as store:
        put(store, shares(0.4))
        put(store, shares(0.4, market="gadgets"))
        put(store, shares(0.4))  # nothing new
        assert (store.changes(0).newest, store.changes(0).markets) == (3, frozenset({"widgets", "gadgets"}))
        assert (store.changes(1).newest, store.changes(1).markets) == (3, frozenset({"gadgets"}))
        assert (store.changes(3).newest, store.changes(3).markets) == (3, frozenset())


def test_of_writers_at_once_each_is_kept_and_what_two_bring_is_kept_once(database: str) -> None:
    with open_store(database) as store:
        reports: list[ImportReport] = []
        start = threading.Barrier(6)

        def write(n: int) -> None:
            start.wait()
            for k in range(4):
                reports.append(put(store, shares(0.3, 0.4, market=f"m{(n + k) % 3}")))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(int(report.import_id) for report in reports) == list(range(1, 25))
        assert sum(report.added for report in reports) == 12
        assert store.figures().height == 12
        assert store.figures().group_by("market", "period", "providers").len()["len"].to_list() == [1] * 12


def test_a_writer_that_waits_too_long_is_told_so(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.store.engine.WAIT_SECONDS", 0.2)
    with open_store(database) as first, open_store(database) as second:
        with writing(first._engine), pytest.raises(StoreUnavailable, match="another import has kept it") as told:
            put(second, shares(0.4))
        place = database.rpartition("/")[2]
        assert place not in str(told.value)
        assert place in told.value.__notes__[0]
        put(second, shares(0.4))


def test_a_reader_sees_the_state_before_a_writer_until_it_is_kept(database: str) -> None:
    with open_store(database) as writer, open_store(database) as reader:
        put(writer, shares(0.4))
        with writing(writer._engine) as connection:
            connection.exec_driver_sql(
                "INSERT INTO figures SELECT import_number, line + 2, market, research_house, house,"
                " period, annual, providers, measure, unit, value, qualifier, decimals, published_at,"
                " published_inferred, pages, stated_as, publisher, source_title, source_url, note FROM figures"
            )
            assert reader.figures().height == 2
        assert reader.figures().height == 4


def test_processes_that_start_at_once_make_the_tables_once(database: str) -> None:
    code = "import sys; from service.store import open_store; print(open_store(sys.argv[1]).changes(0).newest)"
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", code, database], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert [(*process.communicate(timeout=PATIENCE), process.returncode) for process in starting] == [
        ("0\n", "", 0)
    ] * 4


def test_a_new_sqlite_file_is_durable_and_concurrent(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "new.db")) as store, store._engine.connect() as connection:
        found = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "recursive_triggers")
        }
        strict = connection.exec_driver_sql("SELECT strict FROM pragma_table_list WHERE name = 'figures'").scalar()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "recursive_triggers": 1,
    }
    assert strict == 1


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("mysql://u:secret@host/db", "database is 'mysql://u:\\*\\*\\*@host/db'; allowed: sqlite:///FILE, postgresql"),
        ("sqlite://", "allowed: sqlite:///FILE"),
        ("sqlite:///:memory:", "allowed: sqlite:///FILE"),
        ("postgresql://u:secret@host:port/db", "database is 'postgresql://...'; allowed"),
        ("", "allowed: sqlite:///FILE"),
        ("nowhere/x.db", "is in no folder that exists"),
        (".", "database '.' is a folder; give a file"),
    ],
)
def test_what_names_no_database_is_refused_without_its_password(
    database: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgument, match=told) as refused:
        open_store(database)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_missing_is_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with pytest.raises(InvalidArgument, match="does not exist; `sharecast import` makes one"):
        open_store(str(path), create=False)
    assert not path.exists()
    open_store(f"sqlite:///{path}").close()
    assert path.exists()


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("not a database, but somebody's notes\n" * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="it is damaged"):
        open_store(str(path))
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused(database: str) -> None:
    engine = make_engine(database, create=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE imports (parcel TEXT)")
        before = sa.inspect(connection).get_table_names()
    with pytest.raises(InvalidArgument, match="holds tables of something else: imports; give a database of Sharecast"):
        open_store(database)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == before
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused(database: str) -> None:
    with open_store(database) as store, store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sharecast_version SET version_num = '9999'")
    with pytest.raises(InvalidArgument, match=rf"is of version 9999; version {NEWEST} or earlier is understood"):
        open_store(database)


def test_a_server_that_does_not_answer_is_told_without_the_drivers_words() -> None:
    with pytest.raises(
        StoreUnavailable, match="the database is unavailable: the server does not answer, or refuses"
    ) as told:
        open_store("postgresql://u:secret@127.0.0.1:1/db")
    assert told.value.__notes__ == ["database: postgresql+psycopg://u:***@127.0.0.1:1/db"]


def test_a_database_that_the_server_does_not_have_is_told(postgres: str) -> None:
    with pytest.raises(StoreUnavailable, match="refuses the user, the password or the name of the database"):
        open_store(f"{postgres}/nowhere")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_user_without_rights_is_told_so(database: str) -> None:
    with open_store(database) as store:
        put(store, shares(0.4))
        name = f"stranger_{secrets.token_hex(4)}"
        with store._engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
        try:
            with pytest.raises(StoreUnavailable, match="its user lacks the rights to it"):
                open_store(sa.make_url(database).set(username=name).render_as_string(hide_password=False))
        finally:
            with store._engine.begin() as connection:
                connection.exec_driver_sql(f"DROP ROLE {name}")
