import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from service.cli.doctor import diagnose
from service.security.keys import add_key
from service.settings import ServeSettings
from service.store import open_store
from tests.service.security.conftest import Issue, issue  # noqa: F401  (a fixture)

Run = Callable[..., Result]
NOW = datetime.now(UTC)


def found(settings: ServeSettings, now: datetime | None = None) -> Mapping[str, tuple[str, str]]:
    return {each.check: (each.state, each.detail) for each in diagnose(settings, now=lambda: now or datetime.now(UTC))}


def test_all_is_well_where_a_server_could_start(run: Run, database: str) -> None:
    open_store(database).close()
    result = run("doctor", "--listen", "127.0.0.1:0", "--database", database)
    assert result.exit_code == 0, result.stdout
    lines = {line[9:].split("  ")[0]: line.split()[0] for line in result.stdout.splitlines()}
    assert set(lines) == {
        *("settings", "figures", "prior", "compiled code", "forecast", "clock", "database", "disk", "tls", "keys"),
        *("open files", "port", "metrics port"),
    }
    assert set(lines.values()) == {"ok"}


def test_looking_changes_nothing(run: Run, tmp_path: Path) -> None:
    assert run("doctor", "--listen", "127.0.0.1:0", "--database", "new.db").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_problem_is_told_with_the_exit_status_and_for_programs(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("doctor", "--listen", address, "--metrics", address, "--format", "json")
    assert result.exit_code == 1
    states = {each["check"]: each for each in json.loads(result.stdout)}
    for name, field in (("port", "listen"), ("metrics port", "metrics")):
        assert states[name]["state"] == "problem"
        assert states[name]["detail"].startswith(f"{field} {address} cannot be listened on: Address already in use")


def test_settings_that_are_wrong_are_named(run: Run) -> None:
    result = run("doctor", "--time-limit", "soon")
    assert result.exit_code == 2
    assert "--time-limit is 'soon'" in result.stderr


@pytest.mark.parametrize("content", ["newer", "foreign", "rubbish", "missing folder"])
def test_a_database_that_cannot_be_used_is_a_problem(tmp_path: Path, content: str) -> None:
    path = tmp_path / "store.db"
    match content:
        case "newer":
            open_store(str(path)).close()
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE sharecast_version SET version_num = '9999'")
            expected = ("problem", "of version 9999; this Sharecast knows")
        case "rubbish":
            path.write_bytes(b"rubbish" * 1000)
            expected = ("problem", "it is damaged")
        case "missing folder":
            path = tmp_path / "nowhere" / "store.db"
            expected = ("problem", "is in no folder that exists")
        case _:
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE other (a)")
            expected = ("problem", "holds tables of something else")
    told = found(ServeSettings(listen="127.0.0.1:0", database=str(path)))
    state, detail = told["database"]
    assert state == expected[0], detail
    assert expected[1] in detail
    if content == "missing folder":
        assert told["disk"] == ("warning", "not looked at: see database")


def test_a_clock_before_the_newest_figure_is_a_problem() -> None:
    state, detail = found(ServeSettings(database="none"), datetime(2020, 1, 1, tzinfo=UTC))["clock"]
    assert state == "problem"
    assert "set the clock" in detail


def test_keys_that_are_missing_or_end_soon_are_told(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    settings = ServeSettings(listen="127.0.0.1:0", database=path, authentication="keys")
    assert found(settings)["keys"][0] == "warning"
    with open_store(path) as store:
        assert "none that is valid" in found(settings)["keys"][1]
        add_key(store.keys, tenant="a", role="read", expires_in=timedelta(days=100), now=NOW)
        assert found(settings)["keys"] == ("ok", "1 valid")
        _, row = add_key(store.keys, tenant="a", role="read", expires_in=timedelta(days=3), now=NOW)
        assert found(settings)["keys"] == ("warning", f"2 valid; within 14 days these end: {row.key_id}")
    state, detail = found(ServeSettings(listen="127.0.0.1:0", database="none", authentication="keys"))["keys"]
    assert (state, detail) == ("problem", "calls need keys, and there is no database to keep them in")


def test_a_server_that_lets_in_whoever_reaches_it_is_told() -> None:
    settings = ServeSettings(listen="0.0.0.0:0", database="none", insecure_plaintext=True, authentication="none")
    assert found(settings)["keys"] == ("warning", "calls need none: whoever reaches 0.0.0.0:0 may do everything")
    assert found(ServeSettings(listen="127.0.0.1:0", database="none"))["keys"] == ("ok", "calls need none")


@pytest.mark.parametrize("metrics", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_metrics_on_the_port_of_calls_are_a_problem_whatever_they_are_called(metrics: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ServeSettings(listen=f"127.0.0.1:{port}", metrics=f"{metrics}:{port}", database="none")
    assert found(settings)["metrics port"] == ("problem", f"{metrics}:{port} is where calls are to be answered")


def test_a_variable_that_is_nearly_a_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARECAST_TIME_LIMT", "5")
    state, detail = found(ServeSettings(listen="127.0.0.1:0", database="none"))["settings"]
    assert state == "warning"
    assert detail == "SHARECAST_TIME_LIMT in the environment sets nothing; SHARECAST_TIME_LIMIT would"


def test_a_limit_of_files_that_a_server_soon_meets_is_told() -> None:
    program = str(Path(sys.executable).with_name("sharecast"))
    command = 'ulimit -n 100; exec "$1" doctor --listen 127.0.0.1:0 --database none --format json'
    done = subprocess.run(["sh", "-c", command, "sh", program], capture_output=True, text=True, check=True)
    (files,) = (each for each in json.loads(done.stdout) if each["check"] == "open files")
    assert (files["state"], files["detail"][:12]) == ("warning", "100 at once,")


def test_certificates_are_looked_at(issue: Issue) -> None:  # noqa: F811
    pair, other = issue("a"), issue("b")
    pair.key_pem.chmod(0o600)
    with_tls = ServeSettings(
        listen="0.0.0.0:0", tls_certificate=pair.pem, tls_private_key=pair.key_pem, database="none"
    )
    assert found(with_tls)["tls"][0] == "warning"  # it ends tomorrow
    assert "the certificate ended" in found(with_tls, NOW + timedelta(days=2))["tls"][1]
    state, detail = found(with_tls, NOW - timedelta(days=30))["tls"]
    assert (state, "the certificate begins" in detail) == ("problem", True)
    issue("a", days=90)
    pair.key_pem.chmod(0o600)
    assert found(with_tls)["tls"][0] == "ok"
    pair.key_pem.chmod(0o644)
    assert "may be read by others" in found(with_tls)["tls"][1]
    wrong = ServeSettings(listen="0.0.0.0:0", tls_certificate=pair.pem, tls_private_key=other.key_pem, database="none")
    assert found(wrong)["tls"][0] == "problem"
    plain = found(ServeSettings(listen="0.0.0.0:0", database="none"))
    assert (plain["tls"][0], plain["keys"]) == ("problem", ("warning", "not looked at: see tls"))
