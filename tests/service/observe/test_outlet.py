import errno
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.client import Client
from service.observe.outlet import Outlet
from tests.service.server.waiting import PATIENCE


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def lost(lines: int) -> str:
    return f"{lines} lost"


def taken(reader: int) -> bytes:
    """All that is in a pipe now."""
    found = b""
    while select.select([reader], [], [], 0)[0]:
        found += os.read(reader, 2**20)
    return found


def drained(outlet: Outlet, reader: int) -> bytes:
    """All that an outlet still has for a pipe."""
    found = b""
    while part := taken(reader):
        found += part
        outlet.flush()
    return found


@given(lines=st.lists(st.text(), max_size=20))
def test_what_is_read_is_what_was_written(lines: list[str]) -> None:
    reader, writer = os.pipe()
    outlet = Outlet(writer, lost=lost)
    for line in lines:
        outlet.write(line)
    assert taken(reader) == "".join(lines).encode("utf-8", "backslashreplace")
    os.close(reader)
    os.close(writer)


def test_a_reader_that_stalls_holds_nobody_up_and_is_told_what_it_missed(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, lost=lost)
    lines = [f"{number:05d} {'x' * 400}\n" for number in range(2_000)]
    for line in lines:
        outlet.write(line)  # would wait for ever after some 160
    found = drained(outlet, reader)
    *kept, told = found.decode().splitlines(keepends=True)
    assert kept == lines[: len(kept)]
    assert len(kept) > 1_000
    assert told == f"{2_000 - len(kept)} lost\n"
    outlet.write("again\n")
    assert taken(reader) == b"again\n"


def test_a_line_longer_than_a_pipe_takes_at_once_arrives_whole(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, lost=lost)
    line = "".join(chr(0x100 + number % 500) for number in range(100_000)) + "\n"
    outlet.write(line)
    found = drained(outlet, reader)
    assert found.decode() == line


def test_when_nobody_reads_any_more_it_is_an_error_and_nothing_piles_up(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, lost=lost)
    os.close(reader)
    for _ in range(3):
        with pytest.raises(BrokenPipeError):
            outlet.write("to nobody\n")
    assert not outlet._waiting


@given(lines=st.lists(st.text(min_size=1), max_size=20), most=st.integers(1, 5))
def test_what_is_taken_in_small_bites_is_what_was_written(lines: list[str], most: int) -> None:
    write = os.write
    reader, writer = os.pipe()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", lambda number, piece: write(number, piece[:most]))
        outlet = Outlet(writer, lost=lost)
        for line in lines:
            outlet.write(line)
    assert taken(reader) == "".join(lines).encode("utf-8", "backslashreplace")
    os.close(reader)
    os.close(writer)


def test_another_that_took_the_room_of_a_pipe_that_never_waits_costs_no_line(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    write = os.write
    outlet = Outlet(writer, lost=lost)

    def too_late(number: int, piece: bytes) -> int:
        raise BlockingIOError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", too_late)
        outlet.write("first\n")
    assert os.write is write
    outlet.write("second\n")
    assert taken(reader) == b"first\nsecond\n"


def test_lines_that_a_full_disk_does_not_take_are_told_once_it_does(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, lost=lost)

    def full(number: int, piece: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", full)
        for _ in range(3):
            with pytest.raises(OSError, match="full"):
                outlet.write("nowhere\n")
    outlet.write("somewhere\n")
    assert taken(reader) == b"somewhere\n3 lost\n"


def test_a_line_of_whatever_a_write_sets_off_comes_after_it(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    write = os.write
    outlet = Outlet(writer, lost=lost)

    def collecting(number: int, piece: bytes) -> int:  # as a collection of garbage logs in the midst of a line
        if piece == b"first\n":
            outlet.write("second\n")
        return write(number, piece)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", collecting)
        outlet.write("first\n")
    assert taken(reader) == b"first\nsecond\n"


def test_the_end_waits_a_while_for_the_reader(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, lost=lost)
    line = "x" * 300_000  # four times what a pipe holds
    outlet.write(line)
    found: list[bytes] = []
    reading = threading.Thread(target=lambda: found.extend(iter(lambda: os.read(reader, 2**20), b"")))
    reading.start()
    outlet.end(seconds=PATIENCE)
    os.close(writer)
    reading.join()
    assert b"".join(found).decode() == line


def test_the_end_comes_though_nobody_reads(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1], lost=lost)
    outlet.write("x" * 300_000)
    outlet.end(seconds=0.01)
    assert outlet._waiting


def test_a_server_without_standard_error_starts(tmp_path: Path) -> None:
    script = f"exec '{Path(sys.executable).with_name('sharecast')}' serve --listen 127.0.0.1:0 --database none 2>&-"
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_a_server_whose_log_nobody_takes_answers_and_ends(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("sharecast")
    with subprocess.Popen(
        [program, "serve", "--listen", "127.0.0.1:0", "--database", "none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            with Client(process.stdout.readline().split()[-1], timeout=PATIENCE) as client:
                for _ in range(400):  # lines of some 280 bytes, into a pipe of 64 KiB
                    client.list_models()
            process.terminate()
            assert process.wait(PATIENCE) == 0
            assert json.loads(process.stderr.readline())["level"] == "info"
        finally:
            process.kill()


@given(lines=st.lists(st.tuples(st.booleans(), st.text()), max_size=20))
def test_lines_made_later_leave_in_the_order_in_which_they_were_given(lines: list[tuple[bool, str]]) -> None:
    reader, writer = os.pipe()
    outlet = Outlet(writer, lost=lost)
    for soon, line in lines:
        if soon:
            outlet.write_soon(partial(str, line))
        else:
            outlet.write(line)
    outlet.end(seconds=0)
    assert taken(reader) == "".join(line for _, line in lines).encode("utf-8", "backslashreplace")
    os.close(reader)
    os.close(writer)


def test_a_line_made_later_is_made_and_passed_on_by_another_thread(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, lost=lost)
    for _ in range(2):
        outlet.write_soon(lambda: f"{threading.get_ident()}\n")
        assert select.select([reader], [], [], PATIENCE)[0]
        assert int(os.read(reader, 100)) not in (0, threading.get_ident())


def test_lines_to_be_made_later_are_bounded_and_those_beyond_are_told(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = pipe
    monkeypatch.setattr("service.observe.outlet._MOST_SOON", 3)
    monkeypatch.setattr("service.observe.outlet._SOON_SECONDS", PATIENCE)
    outlet = Outlet(writer, lost=lost)
    for number in range(5):
        outlet.write_soon(partial("{}\n".format, number))
    outlet.flush()
    assert taken(reader) == b"0\n1\n2\n2 lost\n"
