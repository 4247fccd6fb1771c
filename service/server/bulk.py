"""How much a request brings, told from its bytes before anything is made of them.

A message of a million empty rows has 2 MB, takes a tenth of a second to decode and then 100 MB: too much for what will
be refused. This looks at the lengths alone, stops at the first number that is too large, and takes a millisecond for a
thousand markets; so it can be done in the event loop, before a thread or a process is asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from forecast.errors import InvalidArgument
from service.convert.batches import MOST_MARKETS
from service.errors import MalformedRequest
from service.queries import MOST_EVENTS
from service.server.calls import MOST_PLAIN_BYTES
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName, MarketShares
from sharecast.v1.forecast_pb2 import InlineShares
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest
from sharecast.v1.import_pb2 import ImportChunk, InlineFigures
from sharecast.v1.market_service_pb2 import GetHistoryRequest, ImportFiguresRequest

MOST_ROWS = 20_000  # of shares of one market, 200 quarters of 100 providers; or of figures
MOST_IMPORT_ROWS = 100_000  # of one message of an import
MOST_PROVIDERS = 1_000  # of one market of many
_PLAIN_MARKET_BYTES = 4 * 2**10  # of one market of many, below which nothing in it takes long to read
_MOST_OTHERS = 64  # fields of one market of many beside the repeated ones it is known for
_VARINT, _EIGHT, _TEXT, _FOUR = 0, 1, 2, 5  # wire types; groups are of no message of ours


@dataclass(frozen=True, slots=True)
class Entry:
    """What one market of many may bring."""

    name: str  # of the repeated field that it is an entry of
    most: Mapping[int, tuple[str, int]]  # by the number of a repeated field of it: its name, and how many values
    packed: Mapping[int, int] = field(default_factory=dict)
    """Those that hold numbers one after another: by number of the field, the fewest bytes that one takes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a request holds the data that it brings."""

    inside: Mapping[int, str]  # by number of a field that is a message of data: what it has many of, as a path
    counted: frozenset[int]  # numbers of the repeated fields of those messages
    most: int  # entries of them
    entries: Mapping[int, Entry] = field(default_factory=dict)  # by number, those whose entries are looked into


_NAME = MarketName.DESCRIPTOR.fields_by_name
_TABLE = MarketShares.DESCRIPTOR.fields_by_name
_BATCH = ForecastBatch.DESCRIPTOR.fields_by_name
_ROWS = frozenset(kind.DESCRIPTOR.fields_by_name["rows"].number for kind in (InlineShares, InlineFigures))

_FORECAST, _BACKTEST = ForecastRequest.DESCRIPTOR.fields_by_name, BacktestRequest.DESCRIPTOR.fields_by_name
_HISTORY = GetHistoryRequest.DESCRIPTOR.fields_by_name

FORECAST = Shape(
    {_FORECAST["shares"].number: "shares.rows", _FORECAST["figures"].number: "figures.rows"}, _ROWS, MOST_ROWS
)
BACKTEST = Shape({_BACKTEST["shares"].number: "shares.rows"}, _ROWS, MOST_ROWS)
HISTORY = Shape({_HISTORY["figures"].number: "figures.rows"}, _ROWS, MOST_ROWS)
IMPORT = Shape(
    {ImportFiguresRequest.DESCRIPTOR.fields_by_name["chunk"].number: "chunk"},
    frozenset(field.number for field in ImportChunk.DESCRIPTOR.fields),
    MOST_IMPORT_ROWS,
)
BATCH = Shape(  # of the two requests whose first field is a batch
    {1: "batch"},
    frozenset({_BATCH["markets"].number, _BATCH["shares"].number}),
    MOST_MARKETS,
    {
        _BATCH["markets"].number: Entry("markets", {_NAME["events"].number: ("events", MOST_EVENTS)}),
        _BATCH["shares"].number: Entry(
            "shares",
            {
                _TABLE["providers"].number: ("providers", MOST_PROVIDERS),
                _TABLE["shares"].number: ("shares", MOST_ROWS),
                _TABLE["cell_decimals"].number: ("cell_decimals", MOST_ROWS),
                _TABLE["events"].number: ("events", MOST_EVENTS),
            },
            packed={_TABLE["shares"].number: 8, _TABLE["cell_decimals"].number: 1},
        ),
    },
)


def check_bulk(raw: bytes, shape: Shape, /) -> None:
    """Refuse a request that brings too much, or is large without bringing anything.

    Raises:
        InvalidArgument: it does; names the repeated field, or the request.
        MalformedRequest: its lengths do not fit.
    """
    if len(raw) <= MOST_PLAIN_BYTES:
        return
    rest, count = 0, 0
    places = dict.fromkeys(shape.entries, 0)
    for number, kind, start, value, end in _fields(raw, 0, len(raw)):
        place = shape.inside.get(number)
        if place is None or kind != _TEXT:
            rest = _check_rest(rest + end - start)
            continue
        rest = _check_rest(rest + value - start)
        for number_, kind_, start_, value_, end_ in _fields(raw, value, end):
            if number_ not in shape.counted or kind_ != _TEXT:
                rest = _check_rest(rest + end_ - start_)
                continue
            count += 1
            if count > shape.most:
                raise InvalidArgument(
                    place, shape.most + 1, f"{shape.most} at most", f"has more than {shape.most} entries"
                )
            if number_ in places:
                if end_ - value_ > _PLAIN_MARKET_BYTES:
                    entry = shape.entries[number_]
                    _check_entry(raw, value_, end_, entry, f"{place}.{entry.name}[{places[number_]}]")
                places[number_] += 1


def _check_entry(raw: bytes, value: int, end: int, entry: Entry, place: str) -> None:
    others, counts = 0, dict.fromkeys(entry.most, 0)
    for number, kind, _, start, stop in _fields(raw, value, end):
        if number not in counts:
            others += 1
            if others > _MOST_OTHERS:
                raise InvalidArgument(
                    place, _MOST_OTHERS + 1, f"{_MOST_OTHERS} at most", f"has more than {_MOST_OTHERS} other fields"
                )
            continue
        counts[number] += (stop - start) // entry.packed[number] if number in entry.packed and kind == _TEXT else 1
        name, most = entry.most[number]
        if counts[number] > most:
            raise InvalidArgument(f"{place}.{name}", most + 1, f"{most} at most", f"has more than {most} entries")


def _check_rest(size: int) -> int:
    if size > MOST_PLAIN_BYTES:
        problem = f"has more than {MOST_PLAIN_BYTES} bytes beside the data it brings"
        raise InvalidArgument("request", size, f"{MOST_PLAIN_BYTES} at most", problem)
    return size


def _fields(raw: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The fields of a message: number, wire type, where the field, its value and the next field begin."""
    at = start
    while at < end:
        tag, value = _varint(raw, at, end)
        kind = tag & 7
        if kind == _TEXT:
            size, value = _varint(raw, value, end)
        elif kind == _VARINT:
            size = _varint(raw, value, end)[1] - value
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise MalformedRequest
        following = value + size
        if following > end:
            raise MalformedRequest
        yield tag >> 3, kind, at, value, following
        at = following


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    found = shift = 0
    while at < end and shift < 70:
        byte = raw[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return found, at
    raise MalformedRequest
