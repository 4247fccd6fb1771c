import io
import re
import time

import pytest

from service.batch.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_tells_done_failed_rate_and_time_left() -> None:
    stream = io.StringIO()
    Progress(stream, every=0.0)(1500, 2, 6000)
    assert re.fullmatch(r"1,500 of 6,000 markets, 2 failed, [\d,.]+ a second, .* left\n", stream.getvalue())


def test_lines_come_every_ten_seconds_where_nobody_watches() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(1000):
        progress(done, 0, 1000)
    progress.close()
    assert stream.getvalue() == ""


def test_a_terminal_keeps_one_line_which_is_cleared_at_the_end() -> None:
    stream = Terminal()
    progress = Progress(stream, every=0.0)
    progress(1, 0, 3)
    progress(2, 0, 3)
    progress.close()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().count("\r\x1b[K") == 3
    assert stream.getvalue().endswith("\r\x1b[K")


def test_nothing_done_yet_leaves_the_time_open() -> None:
    stream = io.StringIO()
    Progress(stream, every=0.0)(0, 0, 5)
    assert "time left unknown" in stream.getvalue()


def test_what_an_earlier_run_did_says_nothing_of_the_rate() -> None:
    stream = io.StringIO()
    progress = Progress(stream, every=0.0)
    progress.resumed(1500)
    progress(1500, 0, 6000)
    assert "1,500 of 6,000 markets, 0 failed, 0.0 a second, time left unknown" in stream.getvalue()


def test_what_takes_so_long_is_told_where_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.batch.progress._PATIENCE", 0.0)
    stream = io.StringIO()
    progress = Progress(stream, waiting="loading")
    while not progress._waited:
        time.sleep(0.001)
    progress(500, 0, 1000)
    assert stream.getvalue() == "loading\n"
    progress._every = 0.0
    progress(500, 0, 1000)  # what was done while the model was loaded says nothing of the rate
    assert stream.getvalue().endswith("500 of 1,000 markets, 0 failed, 0.0 a second, time left unknown\n")
    progress.close()


def test_nothing_of_it_is_told_where_something_is_done() -> None:
    stream = io.StringIO()
    progress = Progress(stream, waiting="loading")
    progress(1, 0, 2)
    progress._patience.join()  # a timer that is cancelled ends at once
    assert stream.getvalue() == ""
