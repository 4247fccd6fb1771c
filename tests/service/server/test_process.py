"""What a server asks for its own process, seen from outside."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from service.server.process import prepare

PROGRAM = """
import asyncio, gc, sys
from service.catalog import Catalog
from service.server import process, serve

settled = process.settle
def settle():
    settled()
    print("settled", gc.get_freeze_count(), *gc.get_threshold(), flush=True)
process.settle = settle
gc.set_threshold(50_000, 20, 50)
asyncio.run(serve("127.0.0.1:0", Catalog.shipped(), ready=lambda address: print(sys.getswitchinterval(), flush=True)))
"""


def test_a_server_raises_its_limit_of_files_and_spares_calls_long_collections() -> None:
    with subprocess.Popen(
        ["sh", "-c", 'ulimit -S -n 200; exec "$@"', "sh", sys.executable, "-W", "error", "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            switch = float(process.stdout.readline())
            word, frozen, *often = process.stdout.readline().split()
            limits = Path(f"/proc/{process.pid}/limits").read_text()
        finally:
            process.terminate()
    assert switch < sys.getswitchinterval()
    assert word == "settled"
    assert int(frozen) > 50_000
    assert int(often[0]) < 50_000
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert soft == hard
    assert process.returncode == 0


def test_a_limit_that_cannot_be_raised_does_not_keep_a_server_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int, limits: tuple[int, int]) -> None:
        raise ValueError(number, limits)

    interval = sys.getswitchinterval()
    monkeypatch.setattr(resource, "setrlimit", refuse)
    try:
        prepare()
        assert sys.getswitchinterval() < interval
    finally:
        sys.setswitchinterval(interval)
