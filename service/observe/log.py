"""The log on standard error: JSON for machines, text for people, nothing of what was asked in either.

An exception is told by its type and by where it arose. Its text may hold a path, SQL or a caller's data, and is left
out except at level debug.
"""

import atexit
import contextlib
import json
import logging
import os
import sys
import time
import traceback
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, TextIO

import grpc

from forecast.visible import visible
from service.observe.outlet import Outlet
from service.observe.probes import is_quiet
from service.security.caller import Caller

Level = Literal["debug", "info", "warning", "error"]
Form = Literal["auto", "json", "text"]

_SOURCES: Final = Path(__file__).resolve().parent.parent.parent
_quoted: Final = json.encoder.encode_basestring
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode
_FRAMES: Final = 12  # of a traceback, the innermost
_OURS_TO_MEND: Final = frozenset(
    (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNIMPLEMENTED)
)
_UNDER_STRAIN: Final = frozenset(
    (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)
)


def set_up_log(level: Level, form: Form, stream: TextIO | None = None) -> "CallLog":
    """Have everything that is logged in this process go to one stream in one form.

    Args:
        level: The least grave lines that are written.
        form: auto: text where the stream is a terminal, else JSON.
        stream: Where to; None: standard error.

    Returns:
        What writes the lines of calls.
    """
    shown = sys.stderr if stream is None else stream  # None: the process was started without one
    json_lines = form == "json" or (form == "auto" and not (shown is not None and shown.isatty()))
    number = logging.getLevelNamesMapping()[level.upper()]
    formatter = JsonFormatter(texts=level == "debug") if json_lines else TextFormatter(texts=level == "debug")
    to = _standard_error(formatter) if stream is None else stream
    handler = logging.StreamHandler(to)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(number)
    logging.captureWarnings(True)
    # Libraries tell at INFO how they go about their work, and at WARNING what their user should know.
    for library in ("grpc", "asyncio", "sqlalchemy", "alembic", "numba", "matplotlib"):
        logging.getLogger(library).setLevel(max(number, logging.WARNING))
    return CallLog(to, number, json_lines=json_lines)


def _standard_error(formatter: logging.Formatter) -> TextIO | Outlet:
    """Return a standard-error stream that never blocks on its reader."""

    def lost(lines: int) -> str:
        told = "%d line(s) of the log were lost: its reader took no more"
        return formatter.format(logging.LogRecord("sharecast", logging.WARNING, "", 0, told, (lines,), None))

    if sys.stderr is None:
        return Outlet(os.open(os.devnull, os.O_WRONLY), lost=lost)
    try:
        number = sys.stderr.fileno()
    except (OSError, ValueError):  # a program that runs a server has put something of its own in its place
        return sys.stderr
    sys.stderr.flush()
    outlet = Outlet(number, lost=lost)
    atexit.register(outlet.end)
    return outlet


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, and of an exception its type and places.

    Args:
        texts: Also the text of exceptions.
    """

    def __init__(self, *, texts: bool = False) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": _moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line |= _exception(record.exc_info[1], record.exc_info[2], texts=self._texts)
        return _encode(line)


class TextFormatter(logging.Formatter):
    """A record for a person at a terminal: one line, and the places of an exception below it.

    Args:
        texts: Also the text of exceptions.
    """

    def __init__(self, *, texts: bool = False) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without the last one's end."""
        line = f"{_clock(record.created)} {record.levelname.lower():<7} {visible(record.getMessage(), one_line=True)}"
        if record.exc_info and record.exc_info[0] is not None:
            told = _exception(record.exc_info[1], record.exc_info[2], texts=self._texts)
            lines = (f"{name}: {visible(str(text), one_line=True)}" for name, text in told.items())
            line = "\n    ".join((line, *lines))
        return line


class CallLog:
    """Writes a line for every call, past the machinery of `logging`, which would take five times as long.

    Args:
        stream: Where to.
        level: The least grave lines that are written, as `logging` counts.
        json_lines: JSON; else text.
    """

    def __init__(self, stream: TextIO | Outlet, level: int, *, json_lines: bool) -> None:
        self._stream, self._level, self._json = stream, level, json_lines

    def write(
        self,
        method: str,
        code: grpc.StatusCode,
        seconds: float,
        request_id: str,
        caller: Caller | None,
        message: str,
        peer: str,
    ) -> None:
        """Write the line of a call; arguments as of `Observer.finished`."""
        if code in _OURS_TO_MEND:
            level = logging.ERROR
        elif code in _UNDER_STRAIN:
            level = logging.WARNING
        else:
            level = logging.DEBUG if is_quiet(method, code) else logging.INFO
        if level < self._level:
            return
        line = partial(self._line, time.time(), level, method, code, seconds, request_id, caller, message, peer)
        if isinstance(self._stream, Outlet):
            self._stream.write_soon(line)
        else:
            with contextlib.suppress(OSError, ValueError):  # whoever read the log is gone; calls go on
                self._stream.write(line())

    def _line(
        self,
        moment: float,
        level: int,
        method: str,
        code: grpc.StatusCode,
        seconds: float,
        request_id: str,
        caller: Caller | None,
        message: str,
        peer: str,
    ) -> str:
        name = logging.getLevelName(level).lower()
        told = message if self._level <= logging.DEBUG else ""
        tenant, key_id = ("", "") if caller is None else (caller.tenant, caller.key_id)
        if self._json:
            # written out: building and encoding a dictionary would take three times as long
            told = f', "told": {_quoted(told)}' if told else ""
            text = (
                f'{{"time": "{_moment(moment)}", "level": "{name}", "logger": "sharecast.calls", '
                f'"request_id": {_quoted(request_id)}, "method": {_quoted(method)}, "code": "{code.name}", '
                f'"seconds": {seconds:.6f}, "tenant": {_quoted(tenant)}, "key_id": {_quoted(key_id)}, '
                f'"peer": {_quoted(peer)}{told}}}'
            )
        else:
            who = f" {tenant}/{key_id}" if tenant else ""
            text = (
                f"{_clock(moment)} {name:<7} {method} {code.name} {1000 * seconds:.1f} ms{who} {peer} {request_id}"
                f"{' ' if told else ''}{visible(told, one_line=True)}"
            )
        return f"{text}\n"


def _exception(error: BaseException | None, trace: TracebackType | None, *, texts: bool) -> dict[str, object]:
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    text = {"exception_text": str(error)} if texts else {}
    return {"exception": type(error).__qualname__, **text, "places": places}


def _short(filename: str) -> str:
    """A file as a module of ours or a library's, not where it is installed."""
    path = Path(filename)
    if path.is_relative_to(_SOURCES):
        inside = path.relative_to(_SOURCES)
        if "site-packages" not in inside.parts:
            return inside.as_posix()
    parts = path.parts
    return "/".join(parts[-3:] if "site-packages" in parts else parts[-2:])


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
