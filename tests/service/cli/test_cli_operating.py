"""A server's life as whoever runs it sees it: the real commands, a settings file, keys and certificates that change."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.client import Client, DeadlineExceeded, ForecastResult, ServiceUnavailable, SharecastError, Unauthenticated
from tests.service.security.conftest import Issue, Pair, issue  # noqa: F401  (a fixture)
from tests.service.server.waiting import PATIENCE, until

PROGRAM = Path(sys.executable).with_name("sharecast")
Command = Callable[..., "subprocess.CompletedProcess[str]"]

SETTINGS = """
listen = "127.0.0.1:0"
database = "kept.db"
tls_certificate = "server.pem"
tls_private_key = "server.key"
metrics = "127.0.0.1:0"
log_format = "json"
drain_seconds = 30.0
"""


def refused(address: str, key: str | None, ca: Path) -> bool:
    with Client(address, key=key, ca=ca, timeout=PATIENCE) as client:
        try:
            client.list_markets()
        except Unauthenticated:
            return True
        return False


def trusted(address: str, ca: Path) -> bool:
    """Whether the server shows a certificate that leads to an authority; it has no key."""
    with Client(address, ca=ca, timeout=5) as client:
        try:
            client.list_markets()
        except Unauthenticated:
            return True
        except (ServiceUnavailable, DeadlineExceeded):  # the second on a busy machine, before the handshake is over
            return False
        raise AssertionError("a call without a key was answered")


def replace(pair: Pair, by: Pair) -> None:
    """Renew a certificate as tools do: both files at once, each by a rename."""
    for old, new in ((pair.key_pem, by.key_pem), (pair.pem, by.pem)):
        new.chmod(0o600)
        new.replace(old)


@dataclass(frozen=True)
class Running:
    """A server as a process."""

    process: "subprocess.Popen[str]"
    address: str
    log: Path

    def lines(self) -> list[dict[str, str]]:
        """Of the log, each of which is JSON."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def messages(self) -> list[str]:
        """Of the log, without the lines of calls."""
        return [line["message"] for line in self.lines() if "message" in line]

    def metrics(self) -> str:
        """What Prometheus is told."""
        url = next(line.removeprefix("metrics on ") for line in self.messages() if line.startswith("metrics on "))
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def certificate_ends(self) -> float:
        """In seconds since 1970, as told to Prometheus."""
        families = text_string_to_metric_families(self.metrics())
        (family,) = (each for each in families if each.name == "sharecast_certificate_expires_timestamp_seconds")
        return float(family.samples[0].value)


@contextmanager
def serving(folder: Path) -> Iterator[Running]:
    log = folder / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHARECAST_")}
    environment["SHARECAST_TIME_LIMT"] = "5"  # which is not a setting, and is told
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [PROGRAM, "serve", "--settings", "s.toml"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield Running(process, process.stdout.readline().split()[-1], log)
        finally:
            process.kill()


def keys_come_and_go(running: Running, program: Command, ca: Path) -> tuple[str, str]:
    """One key that was revoked, and one that is valid."""
    assert refused(running.address, None, ca)
    keys = []
    for name in ("one", "two"):
        made = program("keys", "add", "--tenant", name, "--role", "read", "--database", "kept.db")
        assert made.returncode == 0, made.stderr
        keys.append(made.stdout.strip())
    gone, kept = keys
    until(lambda: not refused(running.address, gone, ca))
    until(lambda: not refused(running.address, kept, ca))
    assert program("keys", "revoke", gone.split("_")[1], "--database", "kept.db").returncode == 0
    until(lambda: refused(running.address, gone, ca))
    assert not refused(running.address, kept, ca)
    return gone, kept


def the_certificate_is_renewed(running: Running, key: str, served: Pair, before: Path, after: Path, by: Pair) -> None:
    """First half, as by hand, then whole and by another authority."""
    with Client(running.address, key=key, ca=before, timeout=PATIENCE) as staying:
        assert staying.list_markets()
        served.pem.write_text(served.pem.read_text(encoding="ascii")[:100], encoding="ascii")
        until(lambda: trusted(running.address, before) and any("is not used" in line for line in running.messages()))
        assert running.certificate_ends() == served.certificate.not_valid_after_utc.timestamp()
        replace(served, by)
        until(lambda: trusted(running.address, after))
        assert not trusted(running.address, before)
        assert running.certificate_ends() == by.certificate.not_valid_after_utc.timestamp()
        assert staying.list_markets()  # connections there are stay
    end = f"{by.certificate.not_valid_after_utc:%Y-%m-%d}"
    assert f"a renewed certificate is in use, valid until {end}" in running.messages()


def it_ends(running: Running, key: str, ca: Path) -> None:
    """What is in flight is answered, what comes later is not."""
    answers: list[ForecastResult | SharecastError] = []

    def ask() -> None:
        with Client(running.address, key=key, ca=ca, timeout=PATIENCE) as client:
            try:
                answers.append(client.forecast("world-smartphones", model="arima", seed=5))
            except SharecastError as error:
                answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: 'sharecast_working{place="workers"} 1.0' in running.metrics())
    running.process.send_signal(signal.SIGTERM)
    asking.join()
    assert running.process.wait(PATIENCE) == 0
    (answer,) = answers
    assert isinstance(answer, ForecastResult), answer
    with (
        Client(running.address, key=key, ca=ca, timeout=PATIENCE) as late,
        pytest.raises(ServiceUnavailable, match="connect"),
    ):
        late.list_markets()


def test_a_servers_life_from_settings_to_its_end(tmp_path: Path, program: Command, issue: Issue) -> None:  # noqa: F811
    first, second = issue("first"), issue("second")
    served = issue("server", first)
    served.key_pem.chmod(0o600)
    (tmp_path / "s.toml").write_text(SETTINGS, encoding="utf-8")
    looked = program("doctor", "--settings", "s.toml", "--database", "kept.db", "--format", "json")
    assert looked.returncode == 0, looked.stdout
    states = {each["check"]: each["state"] for each in json.loads(looked.stdout)}
    assert (states["tls"], states["keys"], states["port"]) == ("warning", "warning", "ok")  # ends tomorrow; none yet

    with serving(tmp_path) as running:
        assert "calls need a key, and there is none yet: `sharecast keys add` makes one" in running.messages()
        assert "SHARECAST_TIME_LIMT in the environment sets nothing; SHARECAST_TIME_LIMIT would" in running.messages()
        assert running.certificate_ends() == served.certificate.not_valid_after_utc.timestamp()
        gone, kept = keys_come_and_go(running, program, first.pem)
        # what is no handshake leaves no line that is none of the log
        with socket.create_connection(
            ("127.0.0.1", int(running.address.rpartition(":")[2])), timeout=PATIENCE
        ) as other:
            other.sendall(b"GET / HTTP/1.1\r\n\r\n")
            other.recv(100)
        the_certificate_is_renewed(
            running, kept, served, before=first.pem, after=second.pem, by=issue("renewed", second, days=90)
        )
        it_ends(running, kept, second.pem)

    told = running.lines()
    assert {line["level"] for line in told} <= {"info", "warning"}
    ending = ["stopping: no new calls; those in flight have 30 s", "stopped"]
    assert [line["message"] for line in told if "message" in line][-2:] == ending
    assert not [key for key in (gone, kept) if key.split("_", 2)[2] in running.log.read_text(encoding="utf-8")]
    assert {line["code"] for line in told if "code" in line} == {"OK", "UNAUTHENTICATED"}
    assert {line["tenant"] for line in told if line.get("code") == "OK"} == {"one", "two"}


def test_a_certificate_that_has_ended_is_told_at_the_start(tmp_path: Path, issue: Issue) -> None:  # noqa: F811
    served = issue("server", days=-1 / 1440)  # a minute ago
    with subprocess.Popen(
        [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--tls-certificate", served.pem, "--tls-private-key",
         served.key_pem, "--database", "kept.db"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    (line,) = (json.loads(line) for line in errors.splitlines() if "certificate" in line)
    assert line["level"] == "error"
    assert line["message"] == (
        f"the certificate ended {served.certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: clients refuse it"
    )
