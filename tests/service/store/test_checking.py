from pathlib import Path

import pytest

from forecast.errors import InvalidArgument
from service.errors import StoreUnavailable
from service.store import open_store
from service.store.checking import StoreCheck, look_at
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
    with pytest.raises(InvalidArgument, match="a file that exists"):
        look_at(str(tmp_path / "nowhere.db"))


def test_a_check_of_an_open_database_passes_until_it_is_closed_and_gone(database: str) -> None:
    with open_store(database) as store:
        check = StoreCheck(store)
        check()
        check()


@pytest.mark.parametrize("act", ["moved", "deleted", "replaced"])
def test_a_file_that_was_taken_away_under_the_server_is_noticed(tmp_path: Path, act: str) -> None:
    path = tmp_path / "store.db"
    with open_store(str(path)) as store:
        check = StoreCheck(store)
        check()
        match act:
            case "moved":
                path.rename(tmp_path / "elsewhere.db")
            case "deleted":
                path.unlink()
            case _:
                open_store(str(tmp_path / "other.db")).close()
                (tmp_path / "other.db").replace(path)
        assert store.version() == NEWEST  # whoever has it open notices nothing
        with pytest.raises(StoreUnavailable, match="moved away or replaced") as caught:
            check()
        assert str(tmp_path) not in str(caught.value)
