import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from service.settings import SETTINGS, Setting, Settings, misspelled, resolve


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


def settings(text: str, tmp_path: Path) -> Path:
    path = tmp_path / "sharecast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_flag_comes_before_the_environment_that_before_the_file_and_that_before_the_default(tmp_path: Path) -> None:
    file = settings('listen = "c:3"\nmetrics = "c:3"\nlog_level = "error"\n', tmp_path)
    found = resolve({"listen": "a:1", "metrics": None}, file, {"SHARECAST_LISTEN": "b:2", "SHARECAST_METRICS": "b:2"})
    of = found.settings
    assert (of.listen, of.metrics, of.log_level, of.log_format) == ("a:1", "b:2", "error", "auto")
    assert [found.origins[name] for name in ("listen", "metrics", "log_level", "log_format")] == [
        "flag",
        "environment",
        "file",
        "default",
    ]


def test_the_file_may_be_named_by_the_environment_and_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    file = settings("time_limit = 5\ninsecure_plaintext = true\n", tmp_path)
    found = resolve({}, None, {"SHARECAST_SETTINGS": str(file), "SHARECAST_TIME_LIMIT": ""}).settings
    assert (found.time_limit, found.insecure_plaintext) == (5.0, True)


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_says_the_same_as_flag_as_variable_and_in_a_file(row: Setting, tmp_path: Path) -> None:
    assert row.help.endswith(".")
    text = {"float": "7.5", "bool": "true", "int": "7"}.get(type(row.default).__name__, "x")
    if "|" in row.metavar or row.metavar in {"LEVEL", "FORM"}:
        text = {"authentication": "keys", "log_level": "debug", "log_format": "json"}[row.name]
    written = text if type(row.default).__name__ in {"float", "bool", "int"} else f'"{text}"'
    found = [
        getattr(resolve({row.name: text}, None, {}).settings, row.name),
        getattr(resolve({}, None, {row.variable: text}).settings, row.name),
        getattr(resolve({}, settings(f"{row.name} = {written}\n", tmp_path), {}).settings, row.name),
    ]
    assert found[0] == found[1] == found[2] != row.default


@pytest.mark.parametrize(
    ("flags", "written", "environment", "message"),
    [
        ({"time_limit": "soon"}, "", {}, "--time-limit is 'soon'; allowed: 0.01 to 3600 seconds"),
        ({"time_limit": "nan"}, "", {}, "--time-limit is 'nan'"),
        ({}, "", {"SHARECAST_TIME_LIMIT": "0"}, "SHARECAST_TIME_LIMIT is '0'; allowed: 0.01 to 3600 seconds"),
        ({}, "log_level = 3", {}, "log_level in .*sharecast.toml is 3; allowed: debug, info, warning, error"),
        ({}, "insecure_plaintext = 2", {}, "allowed: true or false"),
        ({}, "lissten = ''", {}, "key in .*sharecast.toml is 'lissten'; allowed: listen, database"),
        ({}, "listen = ", {}, "sharecast.toml is not TOML: "),
        ({"database": "postgresql://u:swordfish\n@h"}, "", {}, r"--database is '\*\*\*'; allowed: text"),
    ],
)
def test_a_bad_setting_is_named_as_it_was_given(
    tmp_path: Path, flags: dict[str, object], written: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        resolve(flags, settings(written, tmp_path), environment)


def test_a_settings_file_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"x\.toml cannot be read: No such file"):
        resolve({}, Path("/nowhere/x.toml"), {})


@pytest.mark.parametrize(
    "url", ["postgresql://u:qqz/f@qqz@h/d", "postgresql://h/d?password=qqz&x=1", "postgresql://:qqz@h/d"]
)
def test_settings_are_shown_with_their_origin_and_without_passwords(url: str) -> None:
    lines = list(resolve({"database": url}, None, {"SHARECAST_LISTEN": "h:1"}).lines())
    assert not any("qqz" in line for line in lines)
    assert any(
        line.startswith('listen = "h:1" ') and "# environment; --listen, SHARECAST_LISTEN" in line for line in lines
    )
    assert len(lines) == len(SETTINGS)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=40), st.floats(0.01, 3600))
def test_what_is_shown_is_a_settings_file_that_says_the_same(text: str, seconds: float) -> None:
    if not text.isprintable():
        return
    shown = resolve({"listen": text, "tls_client_ca": text, "time_limit": seconds}, None, {})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "s.toml"
        file.write_text("\n".join(shown.lines()), encoding="utf-8")
        assert resolve({}, file, {}).settings == shown.settings


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_a_variable_that_is_a_setting_but_for_a_letter_is_told_with_it(row: Setting) -> None:
    for place in range(len("SHARECAST_"), len(row.variable)):
        name = row.variable[:place] + row.variable[place + 1 :]
        told = f"{name} in the environment sets nothing; {row.variable} would"
        assert misspelled({name: "1", row.variable: "1"}) == [told]


def test_variables_of_others_and_those_that_are_right_are_left_alone() -> None:
    right = {each.variable: "1" for each in SETTINGS} | {"SHARECAST_SETTINGS": "a", "SHARECAST_KEY": "a", "LISTEN": "a"}
    cluster = ("HOST", "PORT", "SERVICE_PORT", "SERVICE_PORT_METRICS", "PORT_50051_TCP", "PORT_50051_TCP_ADDR")
    assert misspelled(right | {f"SHARECAST_{name}": "tcp://10.0.0.1:50051" for name in cluster}) == []
