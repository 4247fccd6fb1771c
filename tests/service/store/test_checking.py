import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from forecast.errors import InvalidArgument
from service.errors import StoreUnavailable
from service.security.keys import add_key
from service.store import open_store
from service.store.checking import StoreCheck, look_at
from service.store.engine import writing
from service.store.migrating import NEWEST


def test_a_look_tells_the_version_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    assert look_at(str(path)).version is None
    assert path.stat().st_size == 0
    open_store(str(path)).close()
    before = path.read_bytes()
    look = look_at(str(path))
    assert (look.version, look.newest, look.file, look.foreign) == (NEWEST, NEWEST, path, ())
    assert path.read_bytes() == before


def test_a_look_at_either_database_agrees_with_what_opened_it(database: str) -> None:
    open_store(database).close()
    assert look_at(database).version == NEWEST


def test_a_database_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="does not exist"):
        look_at(str(tmp_path / "nowhere.db"))


def test_a_check_of_an_open_database_passes_until_it_is_closed_and_gone(database: str) -> None:
    with open_store(database) as store:
        check = StoreCheck(store)
        check()
        check()


@pytest.mark.parametrize("act", ["moved", "deleted", "replaced"])
def test_a_file_that_was_taken_away_is_noticed_and_keeps_nothing_that_would_be_lost(tmp_path: Path, act: str) -> None:
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    now = datetime(2026, 5, 1, tzinfo=UTC)
    with open_store(str(path)) as store:
        os.link(path, kept)
        key, _ = add_key(store.keys, tenant="team", role="read", now=now)
        match act:
            case "moved":
                path.rename(tmp_path / "elsewhere.db")
            case "deleted":
                path.unlink()
            case _:
                open_store(str(tmp_path / "other.db")).close()
                (tmp_path / "other.db").replace(path)
        for ask in (
            StoreCheck(store),
            store.version,
            store.keys.all,  # the end of a key would be told to another file
            lambda: add_key(store.keys, tenant="team", role="read", now=now),
            lambda: store.changes(0),
        ):
            with pytest.raises(StoreUnavailable, match="moved away or replaced") as caught:
                ask()
            assert str(tmp_path) not in str(caught.value)
        assert store.newest_at_a_glance() is None
        assert path.exists() == (act == "replaced")  # no empty file in its place
        with suppress(FileNotFoundError):
            path.unlink()
        kept.rename(path)
        assert [f"sck_{row.key_id}_" in key for row in store.keys.all()] == [True]


def test_a_file_that_is_taken_away_during_a_write_keeps_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with open_store(str(path)) as store:
        engine = store._engine
        with pytest.raises(StoreUnavailable, match="moved away or replaced"), writing(engine) as connection:
            connection.exec_driver_sql("CREATE TABLE mark (number INTEGER)")
            path.rename(tmp_path / "elsewhere.db")
    with open_store(str(tmp_path / "elsewhere.db")) as moved, moved._engine.connect() as connection:
        assert not sa.inspect(connection).has_table("mark")
