from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.catalog import Catalog
from service.queries import WithdrawQuery
from service.store import migrating, migrations, open_store
from service.store.engine import make_engine, writing
from service.store.migrating import NEWEST, VERSION_TABLE, version_of
from service.store.tables import metadata


def test_the_newest_migration_is_the_one_the_code_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


def test_the_migrations_lead_to_the_tables_of_the_code(database: str) -> None:
    with open_store(database) as store, store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("database", ["postgres"], indirect=True)  # a look at SQLite sees one state
def test_tables_that_another_process_makes_between_two_looks_are_ours(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str | None] = []

    def look(connection: sa.Connection) -> str | None:
        found = version_of(connection)
        looks.append(found)
        if len(looks) == 1:
            open_store(database).close()
        return found

    monkeypatch.setattr(migrating, "version_of", look)
    open_store(database).close()
    assert looks[0] is None
    assert set(looks[1:]) == {None, NEWEST}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    open_store(str(path)).close()
    before = path.read_bytes()
    open_store(str(path)).close()
    assert path.read_bytes() == before


def _old_rows(connection: sa.Connection) -> None:
    """An import of two shares, as version 0005 wrote it."""
    text = connection.dialect.name == "sqlite"
    moment = "2026-11-01T10:00:00.000000+00:00"
    connection.execute(
        sa.text(
            "INSERT INTO imports (number, recorded_at, request_id, content_hash, kind, name, rows_read, added, known,"
            " markets, warnings) VALUES (1, :moment, 'r', 'h', 'shares', 'm.csv', 2, 2, 0, '[\"m\"]', '[]')"
        ),
        {"moment": moment if text else datetime.fromisoformat(moment)},
    )
    flag = 0 if text else False
    row = {"market": "m", "research_house": "own", "house": "own", "period": "2020Q1", "annual": flag}
    row |= {"measure": "share", "unit": "fraction", "qualifier": "exact", "decimals": 0, "pages": 1}
    row |= {"published_at": "2020-06-30" if text else date(2020, 6, 30), "published_inferred": flag}
    for line, (name, value) in enumerate((("Acme", 0.3), ("Total", 0.7)), start=1):
        cells = {"import_number": 1, "line": line, "providers": name, "value": value} | row
        columns = ", ".join(cells)
        connection.execute(sa.text(f"INSERT INTO figures ({columns}) VALUES (:{', :'.join(cells)})"), cells)


def test_a_database_of_the_last_version_goes_on_and_can_be_put_right(database: str) -> None:
    engine = make_engine(database, create=True)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        _old_rows(connection)
    engine.dispose()
    with open_store(database) as store:
        catalog = Catalog.shipped(store)
        assert catalog.figures("m")["providers"].to_list() == ["Acme", "Total"]
        assert catalog.figures("m", recorded_by=datetime(2026, 10, 31, tzinfo=UTC)).is_empty()
        assert catalog.withdraw(WithdrawQuery(market="m", provider="Total")).rows == 1
        assert catalog.figures("m")["providers"].to_list() == ["Acme"]
        then = catalog.figures("m", recorded_by=datetime(2026, 11, 1, 10, tzinfo=UTC))
        assert then["providers"].to_list() == ["Acme", "Total"]
        rows = pl.DataFrame({"market": ["m"], "period": ["2020Q1"], "provider": ["Acme"], "share": [0.4]})
        assert catalog.import_table(rows, kind="shares", replace=True).restated == 1


@pytest.mark.parametrize("table", ["figure_ends", "name_changes", "name_change_ends"])
def test_the_database_itself_keeps_withdrawals_and_names(database: str, table: str) -> None:
    with open_store(database) as store:
        catalog = Catalog.shipped(store)
        rows = {"market": ["m"], "period": ["2020Q1"], "provider": ["Acme"], "share": [0.4]}
        catalog.import_table(pl.DataFrame(rows), kind="shares")
        names = {"market": ["m"], "provider": ["Acme"], "into": ["Bolt"], "kind": ["renamed"]}
        catalog.import_table(pl.DataFrame(names), kind="names")
        catalog.withdraw(WithdrawQuery(market="m"))
        catalog.withdraw(WithdrawQuery(market="m", kind="names"))
        for act in (f"UPDATE {table} SET line = 9", f"DELETE FROM {table}"):
            refused = pytest.raises(sa.exc.DBAPIError, match=f"rows of {table} are only ever added")
            with refused, store._engine.begin() as raw:
                raw.exec_driver_sql(act)
