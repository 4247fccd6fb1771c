import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from click.testing import Result
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from service.cli.serve import DEPLOY_FILES
from service.client import (
    CallRefused,
    Client,
    Overloaded,
    PermissionDenied,
    ServiceUnavailable,
    SharecastError,
    StoreUnavailable,
    Unauthenticated,
)
from service.settings import SETTINGS
from tests.service.server.waiting import PATIENCE, until

Run = Callable[..., Result]
PROGRAM = Path(sys.executable).with_name("sharecast")


@contextmanager
def serving(folder: Path, *options: str, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str, Path]]:
    """A server as a process: itself, its address, and the file of its log."""
    log = folder / "log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=os.environ | environment,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("listening on 127.0.0.1:"), log.read_text()
            yield process, line.split()[-1], log
        finally:
            process.kill()


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_serve_says_where_it_listens_answers_is_seen_by_prometheus_and_stops_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path, "--metrics", "127.0.0.1:0") as (process, address, log):
        with Client(address) as client:
            assert client.list_markets()[0].market == "cn-cloud"
        told = (str(line.get("message")) for line in lines(log))
        url = next(line.removeprefix("metrics on ") for line in told if line.startswith("metrics on "))
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
    (line,) = (line for line in lines(log) if "method" in line)
    assert (line["method"], line["code"]) == ("/sharecast.v1.MarketService/ListMarkets", "OK")
    assert (
        'grpc_server_handled_total{grpc_code="OK",grpc_method="ListMarkets",'
        'grpc_service="sharecast.v1.MarketService",grpc_type="unary"} 1.0\n'
    ) in text
    assert "sharecast_serving 1.0" in text


def test_a_server_answers_and_stops_while_what_long_work_needs_is_being_loaded(tmp_path: Path) -> None:
    for name in ("numba", "statsmodels"):  # that never come
        (tmp_path / f"{name}.py").write_text("import time\ntime.sleep(3600)\n", encoding="utf-8")
    with serving(tmp_path, PYTHONPATH=str(tmp_path)) as (process, address, _):
        with Client(address, timeout=PATIENCE) as client:
            assert client.forecast("cn-cloud", events=["Huawei Cloud > Alibaba Cloud by 2027Q4"]).events
            assert client.forecast("cn-cloud", model="naive").market == "cn-cloud"
            assert client.get_history("cn-cloud").market == "cn-cloud"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_listened_on_is_named(run: Run, listen: str) -> None:
    result = run("serve", "--listen", listen)
    assert result.exit_code == 2
    assert f"listen is '{listen}'" in result.stderr


def test_plain_text_for_other_machines_must_be_told(run: Run) -> None:
    result = run("serve", "--listen", "0.0.0.0:0")
    assert result.exit_code == 2
    assert "listen is '0.0.0.0:0'; allowed: without TLS an address that only this machine reaches" in result.stderr


def test_every_setting_is_shown_with_its_origin(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.toml").write_text('log_level = "error"\ndatabase = "postgresql://u:qqz@h/d"\n', encoding="utf-8")
    monkeypatch.delenv("SHARECAST_DATABASE")
    monkeypatch.setenv("SHARECAST_TIME_LIMIT", "7")
    shown = run("serve", "--settings", "s.toml", "--listen", "h:1", "--insecure-plaintext", "--show-settings").stdout
    assert [line.split(" = ")[0] for line in shown.splitlines()] == [row.name for row in SETTINGS]
    assert "qqz" not in shown
    for line in (
        'listen = "h:1" .*# flag;',
        'database = "postgresql://u:\\*\\*\\*@h/d" .*# file;',
        "insecure_plaintext = true .*# flag;",
        "time_limit = 7.0 .*# environment;",
        "drain_seconds = 30.0 .*# default;",
    ):
        assert re.search(line, shown), line


def test_every_setting_is_an_option_with_help(run: Run) -> None:
    text = run("serve", "--help").stdout
    for row in SETTINGS:
        assert f"  {row.flag}" in text


@pytest.mark.parametrize("name", DEPLOY_FILES)
def test_the_files_that_help_to_run_a_server_are_printed(run: Run, name: str) -> None:
    assert len(run("serve", "--show-file", name).stdout) > 100


def test_commands_call_a_server_that_asks_for_keys(
    program: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("read", "write"):
        made = program("keys", "add", "--tenant", "a", "--role", role, "--output", f"{role}.key", "--database", "k.db")
        assert made.returncode == 0, made.stderr
    table = tmp_path / "mine.csv"
    table.write_text("market,period,provider,share\nm,2020Q1,A,0.4\nm,2020Q1,B,0.6\n", encoding="utf-8")
    with serving(tmp_path, "--database", "k.db", "--authentication", "keys") as (_, address, _log):
        refused = program("figures", "cn-cloud", "--address", address)
        assert refused.returncode == 2
        assert "no key was given" in refused.stderr
        read = program("figures", "cn-cloud", "--address", address, "--key-file", "read.key", "--format", "csv")
        assert read.returncode == 0, read.stderr
        monkeypatch.setenv("SHARECAST_KEY", (tmp_path / "read.key").read_text().strip())
        assert program("figures", "cn-cloud", "--address", address).returncode == 0
        monkeypatch.delenv("SHARECAST_KEY")
        denied = program("import", "mine.csv", "--address", address, "--key-file", "read.key")
        assert "a key of role read may not call" in denied.stderr
        done = program("import", "mine.csv", "--address", address, "--key-file", "write.key")
        assert done.returncode == 0, done.stderr
        key = (tmp_path / "read.key").read_text().split("_")[1]
        assert program("keys", "revoke", key, "--database", "k.db").returncode == 0
        with Client(address, key=(tmp_path / "read.key").read_text().strip()) as client:
            until(lambda: not_let_in(client))
        assert "not valid" in program("figures", "--address", address, "--key-file", "read.key").stderr


def not_let_in(client: Client) -> bool:
    try:
        client.list_markets()
    except Unauthenticated:
        return True
    return False


def test_health_says_when_the_database_is_gone_and_when_it_is_back(tmp_path: Path) -> None:
    def status(channel: grpc.Channel) -> int:
        found = HealthStub(channel).Check(HealthCheckRequest(), timeout=PATIENCE)  # type: ignore[no-untyped-call]
        return int(found.status)

    def told(log: Path) -> list[str]:
        messages = (str(line["message"]) for line in lines(log))
        return [message.split(":")[0] for message in messages if "serving" in message]

    with (
        serving(tmp_path, "--database", "k.db") as (_, address, log),
        grpc.insecure_channel(address) as channel,
    ):
        until(lambda: told(log) == ["serving"])
        assert status(channel) == HealthCheckResponse.SERVING
        (tmp_path / "k.db").rename(tmp_path / "elsewhere.db")
        until(lambda: status(channel) == HealthCheckResponse.NOT_SERVING)
        (tmp_path / "elsewhere.db").rename(tmp_path / "k.db")
        until(lambda: status(channel) == HealthCheckResponse.SERVING)
        assert told(log) == ["serving", "not serving", "serving"]


def test_a_drain_under_load_ends_calls_refuses_new_ones_and_the_process(tmp_path: Path) -> None:
    """What was let in is answered, what comes later may be sent to another server, and the status is 0."""
    answered: list[int] = []
    failed: list[SharecastError] = []

    def load(address: str, seed: int) -> None:
        with Client(address, timeout=PATIENCE) as client:
            while True:
                seed += 8
                try:
                    client.forecast("cn-cloud", model="theta", seed=seed)
                    answered.append(seed)
                except Overloaded as late:  # no fault: before the signal, on a machine too slow for so many in time
                    time.sleep(late.seconds)
                except SharecastError as error:
                    failed.append(error)
                    return

    with serving(tmp_path, "--drain-seconds", str(PATIENCE), "--time-limit", str(PATIENCE)) as (process, address, log):
        threads = [threading.Thread(target=load, args=(address, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: len(answered) >= 8 or bool(failed))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        for thread in threads:
            thread.join()
    assert {type(error) for error in failed} == {ServiceUnavailable}, failed
    told = lines(log)
    codes = [line["code"] for line in told if "code" in line]
    assert set(codes) <= {"OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED"}  # none was cut off
    assert codes.count("OK") == len(answered)
    (signalled,) = (n for n, line in enumerate(told) if str(line.get("message", "")).startswith("stopping"))
    assert "OK" in [line.get("code") for line in told[signalled:]]  # of the eight that were in flight


def test_a_stream_longer_than_the_grace_is_cut_off_and_the_process_ends(tmp_path: Path) -> None:
    steps: list[object] = []

    def ask(address: str) -> None:
        with Client(address) as client:
            try:
                for step in client.backtest("world-smartphones", house="idc", origins=40, models=("arima", "ets")):
                    steps.append(step)
            except SharecastError as error:
                steps.append(error)

    with serving(tmp_path, "--drain-seconds", "0.2") as (process, address, log):
        asking = threading.Thread(target=ask, args=(address,))
        asking.start()
        until(lambda: bool(steps))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        asking.join()
    assert isinstance(steps[-1], SharecastError)
    assert [line["code"] for line in lines(log) if "code" in line] == ["CANCELLED"]


def test_nothing_of_the_inside_reaches_a_caller_or_the_log(tmp_path: Path) -> None:
    folder = tmp_path / "qqzfolder"
    folder.mkdir()
    database = folder / "qqzstore.db"
    keys = {}
    for role in ("read", "write"):
        made = subprocess.run(
            [PROGRAM, "keys", "add", "--tenant", "a", "--role", role, "--database", database],
            capture_output=True,
            text=True,
            check=True,
        )
        keys[role] = made.stdout.strip()
    seen: list[str] = []

    def told(address: str, ask: Callable[[Client], object], key: str | None, *kinds: type[SharecastError]) -> None:
        with Client(address, key=key, timeout=PATIENCE) as client, pytest.raises(kinds) as caught:
            ask(client)
        seen.extend((str(caught.value), repr(vars(caught.value))))

    with serving(folder, "--database", str(database), "--authentication", "keys") as (_, address, log):
        told(address, lambda c: c.list_markets(), None, Unauthenticated)
        told(address, lambda c: c.list_markets(), keys["read"][:-1] + "~", Unauthenticated)
        told(address, lambda c: c.import_figures([]), keys["read"], PermissionDenied)
        told(address, lambda c: c.forecast("qqzmarket"), keys["read"], SharecastError)
        with grpc.insecure_channel(address) as channel:
            for method in ("/sharecast.v1.ForecastService/Forecast", "/sharecast.v1.None/None"):
                with pytest.raises(grpc.RpcError) as caught:
                    channel.unary_unary(method, None, None)(
                        b"\xff\xffqqz", metadata=(("authorization", f"Bearer {keys['read']}"),), timeout=PATIENCE
                    )
                seen.append(repr((caught.value.details(), caught.value.trailing_metadata())))
        # the database breaks under the server
        for path in folder.glob("qqzstore.db*"):
            with path.open("r+b") as file:
                file.write(os.urandom(max(8192, path.stat().st_size)))
        rows = [{"market": "m", "period": "2020Q1", "provider": "A", "share": 1.0}]
        told(
            address,
            lambda c: c.import_figures(rows, kind="shares"),
            keys["write"],
            StoreUnavailable,
            ServiceUnavailable,
            CallRefused,
        )
        until(lambda: "not serving" in log.read_text(encoding="utf-8"))
        text = log.read_text(encoding="utf-8")
    told_log = [line for line in text.splitlines() if line]
    assert len(told_log) > 6
    for secret in ("qqz", *(key.split("_", 2)[2] for key in keys.values())):
        assert secret not in text
    inside = ("SELECT", "INSERT", "sqlite3", "sqlalchemy", "Traceback", "site-packages", 'File "', str(Path.home()))
    for secret in (*inside, "qqzfolder", "qqzstore", *(key.split("_", 2)[2] for key in keys.values())):
        assert not [line for line in seen if secret in line], secret
        assert secret not in text.replace("SELECTED", ""), secret


def test_a_server_that_finds_its_port_taken_says_so(program: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = program("serve", "--listen", address)
    assert found.returncode == 2
    allowed = "HOST:PORT of this machine, PORT 0 to 65535, that no other process uses"
    assert f"listen is '{address}'; allowed: {allowed}" in found.stderr
