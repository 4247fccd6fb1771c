import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import grpc
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import NotFound
from service.catalog import Catalog
from service.client import Client, InternalError
from service.observe import Observer, set_up_log
from service.observe.log import CallLog, JsonFormatter, TextFormatter
from service.security import Caller, Role
from service.server import Server

FORECAST = "/sharecast.v1.ForecastService/Forecast"
CALLER = Caller("team-a", Role.READ, "0123456789ab")


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], _ = before
    root.setLevel(before[1])
    logging.captureWarnings(False)


def call(log: CallLog, code: grpc.StatusCode = grpc.StatusCode.OK, message: str = "") -> None:
    Observer(log=log).finished(FORECAST, code, 0.0123456789, "id-1", CALLER, message, peer="ipv4:10.0.0.7:4")


def test_a_call_is_one_line_of_json_that_says_who_what_and_how_long() -> None:
    stream = io.StringIO()
    call(CallLog(stream, logging.INFO, json_lines=True), message="market is 'secret-market'")
    line = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "sharecast.calls",
        "request_id": "id-1",
        "method": FORECAST,
        "code": "OK",
        "seconds": 0.012346,
        "tenant": "team-a",
        "key_id": "0123456789ab",
        "peer": "ipv4:10.0.0.7:4",
    }


def test_a_call_is_a_short_line_on_a_terminal() -> None:
    stream = io.StringIO()
    call(CallLog(stream, logging.INFO, json_lines=False))
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d info    {FORECAST} OK 12\.3 ms team-a/0123456789ab ipv4:10\.0\.0\.7:4 id-1\n",
        stream.getvalue(),
    )


@pytest.mark.parametrize(
    ("code", "level"), [("OK", "info"), ("INVALID_ARGUMENT", "info"), ("UNAVAILABLE", "warning"), ("INTERNAL", "error")]
)
def test_how_a_call_ended_decides_how_grave_its_line_is(code: str, level: str) -> None:
    for least, number in (("info", 20), ("warning", 30), ("error", 40)):
        stream = io.StringIO()
        call(CallLog(stream, number, json_lines=True), grpc.StatusCode[code])
        order = ["info", "warning", "error"]
        assert bool(stream.getvalue()) == (order.index(level) >= order.index(least))
        assert not stream.getvalue() or json.loads(stream.getvalue())["level"] == level


def test_only_level_debug_tells_what_a_caller_was_told() -> None:
    stream = io.StringIO()
    call(CallLog(stream, logging.DEBUG, json_lines=True), grpc.StatusCode.NOT_FOUND, "market 'x' is not known")
    assert json.loads(stream.getvalue())["told"] == "market 'x' is not known"


@given(message=st.text(), texts=st.booleans())
def test_no_text_of_others_begins_a_line_of_its_own(message: str, texts: bool) -> None:
    try:
        raise ValueError(message)
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "", 0, "%s", (message,), sys.exc_info())
    line = JsonFormatter(texts=texts).format(record)
    assert len(line.splitlines()) == 1 or all(c in "\u2028\u2029\x85" for c in line if c in "\u2028\u2029\x85\n\r")
    assert "\n" not in line
    assert json.loads(line)["message"] == message
    assert ("exception_text" in json.loads(line)) == texts
    assert all(part.startswith("    ") for part in TextFormatter(texts=texts).format(record).split("\n")[1:])
    stream = io.StringIO()
    call(CallLog(stream, logging.DEBUG, json_lines=False), message=message)
    assert stream.getvalue().count("\n") == 1


def test_an_exception_is_told_by_type_and_place_but_not_by_its_text_nor_where_we_are_installed() -> None:
    try:
        open("/home/somebody/swordfish")  # noqa: PTH123, SIM115
    except OSError:
        record = logging.LogRecord("a", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    for formatter in (JsonFormatter(), TextFormatter()):
        line = formatter.format(record)
        assert "swordfish" not in line
        assert "FileNotFoundError" in line
        assert re.search(r"tests/service/observe/test_log\.py:\d+ test_an_exception", line)
        assert not re.search(r"[\"' ]/", line)


@pytest.mark.usefixtures("untouched_logging")
def test_everything_logged_goes_to_one_stream_in_one_form() -> None:
    stream = io.StringIO()
    calls = set_up_log("info", "auto", stream)
    logging.getLogger("anything").info("hello %s", "you")
    logging.getLogger("grpc").info("chatter")
    logging.getLogger("anything").debug("too fine")
    call(calls)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["logger"] for line in lines] == ["anything", "sharecast.calls"]
    assert lines[0]["message"] == "hello you"


@pytest.mark.usefixtures("untouched_logging")
def test_on_a_terminal_the_log_is_text() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    set_up_log("info", "auto", stream)
    logging.getLogger("anything").warning("hello\nyou")
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning hello\\x0ayou\n", stream.getvalue())


def test_calls_go_on_when_nobody_reads_the_log_any_more() -> None:
    stream = io.StringIO()
    stream.close()
    call(CallLog(stream, logging.INFO, json_lines=True))


@pytest.mark.usefixtures("untouched_logging")
def test_an_unforeseen_error_of_a_server_is_logged_by_place_and_request_id_without_its_text() -> None:
    stream = io.StringIO()
    calls = set_up_log("info", "json", stream)
    broken = Catalog(pl.DataFrame({"market": ["m"], "swordfish": [1]}), pl.DataFrame())
    with Server(broken, observer=Observer(log=calls)) as server, Client(server.address) as client:
        with pytest.raises(InternalError) as caught:
            client.list_markets()
        with pytest.raises(NotFound, match="secret-market"):
            client.forecast("secret-market")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (told,) = (line for line in lines if "exception" in line)
    assert caught.value.request_id in told["message"]
    assert told["exception"] == "ColumnNotFoundError"
    assert any(re.match(r"service/catalog\.py:\d+ markets", place) for place in told["places"])
    codes = [line["code"] for line in lines if line["logger"] == "sharecast.calls"]
    assert codes == ["INTERNAL", "NOT_FOUND"]
    assert "swordfish" not in stream.getvalue()
    assert "secret-market" not in stream.getvalue()
