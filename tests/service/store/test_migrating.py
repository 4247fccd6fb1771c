from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.store import migrating, migrations, open_store
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
