from pathlib import Path

from service.settings import Settings


def test_no_color_counts_when_it_is_set_to_something() -> None:
    assert Settings.from_environment({"NO_COLOR": "0"}).no_color
    assert not Settings.from_environment({"NO_COLOR": ""}).no_color
    assert not Settings.from_environment({}).no_color


def test_the_database_and_the_folder_for_data_come_from_the_environment() -> None:
    found = Settings.from_environment({"SHARECAST_DATABASE": "postgresql://h/d", "XDG_DATA_HOME": "/data"})
    assert found.database == "postgresql://h/d"
    assert found.database_file == Path("/data/sharecast/sharecast.db")


def test_what_is_empty_or_relative_in_the_environment_does_not_count() -> None:
    found = Settings.from_environment({"SHARECAST_DATABASE": "", "XDG_DATA_HOME": "data"})
    assert found.database is None
    assert found.database_file == Path.home() / ".local" / "share" / "sharecast" / "sharecast.db"
