"""Clients and servers of different ages: stubs of the first API against this server, this client against a later one.

The first API is the one in `tests/protos/first.binpb`; its stubs are made in a descriptor pool of their own, as their
files are called what today's are.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from polars.testing import assert_frame_equal

from service.client import Client
from sharecast.v1 import forecast_service_pb2
from tests.service.server.waiting import PATIENCE

Question: TypeAlias = tuple[str, str, dict[str, Any]]

ROWS = [
    {"period": f"{year}Q{quarter}", "provider": name, "share": round(share + sign * 0.012 * quarter, 3)}
    for year in (2021, 2022)
    for quarter in (1, 2, 3, 4)
    for name, share, sign in (("North", 0.55, 1), ("South", 0.42, -1))
]
NEWCOMER = {"period": "2023Q1", "provider": "West", "share": 0.1}  # whom no forecast could know
CHINA = {"market": "cn-cloud", "as_of": "2021-01-15"}
QUESTIONS: Mapping[str, Question] = {
    "markets": ("MarketService", "ListMarkets", {"page_size": 2}),
    "history": ("MarketService", "GetHistory", CHINA),
    "forecast": (
        "ForecastService",
        "Forecast",
        CHINA | {"horizon": 3, "levels": [0.9], "seed": "5", "include_history": True},
    ),
    "drawn": ("ForecastService", "Forecast", {"market": "world-cloud", "model": "naive"}),
    "own": ("ForecastService", "Forecast", {"market": "compass", "shares": {"rows": ROWS}}),
    "doubted": ("ForecastService", "Forecast", {"market": "compass", "model": "var", "shares": {"rows": ROWS[:10]}}),
    "backtest": (
        "ForecastService",
        "Backtest",
        {"market": "cn-cloud", "origins": 4, "horizon": 2, "models": ["naive", "auto"], "seed": "3"},
    ),
    "skipping": (
        "ForecastService",
        "Backtest",
        {"market": "compass", "origins": 2, "horizon": 1, "models": ["naive"], "shares": {"rows": [*ROWS, NEWCOMER]}},
    ),
}
# A number, eight bytes, a text and four bytes under numbers that no message has.
FROM_THE_FUTURE = bytes.fromhex("f87f2a" + "f97f" + "11" * 8 + "fa7f03616263" + "fd7f" + "22" * 4)


def first_pool() -> DescriptorPool:
    pool = DescriptorPool()
    files = FileDescriptorSet.FromString((Path(__file__).parents[2] / "protos" / "first.binpb").read_bytes())
    for file in files.file:
        pool.Add(file)
    return pool


def method_of(pool: DescriptorPool, question: Question) -> MethodDescriptor:
    service, name, _ = question
    return pool.FindServiceByName(f"sharecast.v1.{service}").methods_by_name[name]


def asked(channel: grpc.Channel, pool: DescriptorPool, question: Question) -> list[Message]:
    """The responses, by the stubs that the descriptors of a pool give."""
    service, name, content = question
    method = method_of(pool, question)
    kind = channel.unary_stream if method.server_streaming else channel.unary_unary
    call: Callable[..., Any] = kind(
        f"/sharecast.v1.{service}/{name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    found = call(ParseDict(content, GetMessageClass(method.input_type)()), timeout=PATIENCE)
    return list(found) if method.server_streaming else [found]


def told(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)


def known_to(content: dict[str, Any], descriptor: Descriptor) -> dict[str, Any]:
    """What of a message a descriptor has names for."""
    found = {}
    for name, value in content.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            continue
        if field.message_type is None:
            found[name] = value
        elif isinstance(value, list):
            found[name] = [known_to(each, field.message_type) for each in value]
        else:
            found[name] = known_to(value, field.message_type)
    return found


def filled(message: Message) -> Iterator[str]:
    """Every field that holds something, as Message.field."""
    for field, value in message.ListFields():
        yield f"{message.DESCRIPTOR.name}.{field.name}"
        if field.message_type is not None:
            for each in [value] if isinstance(value, Message) else value:
                yield from filled(each)


def fields_under(messages: list[Descriptor]) -> set[str]:
    """Every field of some messages and of those inside them, as Message.field."""
    found, left = set[str](), list(messages)
    while left:
        message = left.pop()
        for field in message.fields:
            name = f"{message.name}.{field.name}"
            if name not in found and field.message_type is not None:
                left.append(field.message_type)
            found.add(name)
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_stubs_of_the_first_api_read_what_todays_read(channel: grpc.Channel, name: str) -> None:
    first, question = first_pool(), QUESTIONS[name]
    then = asked(channel, first, question)
    now = asked(channel, forecast_service_pb2.DESCRIPTOR.pool, question)
    assert then
    output = method_of(first, question).output_type
    assert [told(each) for each in then] == [known_to(told(each), output) for each in now]


def test_no_field_of_the_first_api_has_fallen_silent(channel: grpc.Channel) -> None:
    first = first_pool()
    found = {
        field for question in QUESTIONS.values() for each in asked(channel, first, question) for field in filled(each)
    }
    outputs = [method_of(first, question).output_type for question in QUESTIONS.values()]
    assert fields_under(outputs) - found == set()


def test_errors_are_read_by_the_code_alone(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        asked(channel, first_pool(), ("ForecastService", "Forecast", {"market": "cn-cloud", "horizon": 41}))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "horizon is 41; allowed: 1 to 40" in str(caught.value.details())


class Later(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """A server of a later version: what this one answers, with fields in every message that nobody knows yet.

    Args:
        channel: Of this version's server.
        renamed: Also every name of an enum becomes one that nobody knows.
    """

    def __init__(self, channel: grpc.Channel, *, renamed: bool = False) -> None:
        self._channel, self._renamed, self.added = channel, renamed, 0

    def service(self, call: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Pass a call on, as bytes."""
        service, _, name = call.method.removeprefix("/").partition("/")
        method = forecast_service_pb2.DESCRIPTOR.pool.FindServiceByName(service).methods_by_name[name]

        def aged(raw: bytes) -> bytes:
            return self._aged(GetMessageClass(method.output_type).FromString(raw)).SerializeToString()

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                lambda raw, _: map(aged, self._channel.unary_stream(call.method, None, None)(raw, timeout=PATIENCE))
            )
        return grpc.unary_unary_rpc_method_handler(
            lambda raw, _: aged(self._channel.unary_unary(call.method, None, None)(raw, timeout=PATIENCE))
        )

    def _aged(self, message: Message) -> Message:
        for field, value in message.ListFields():
            if field.message_type is not None:
                for each in [value] if isinstance(value, Message) else value:
                    self._aged(each)
            elif field.enum_type is not None and self._renamed:
                if isinstance(value, int):
                    setattr(message, field.name, 99)
                else:
                    value[:] = [99] * len(value)
        message.MergeFromString(FROM_THE_FUTURE)
        self.added += 1
        return message


@contextmanager
def asking(handler: Later) -> Iterator[Client]:
    """A client of a later server."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(f"127.0.0.1:{port}") as client:
        yield client
    server.stop(None).wait()


def test_names_that_a_later_server_gave_are_read_as_not_known(channel: grpc.Channel) -> None:
    with asking(Later(channel, renamed=True)) as other:
        history = other.get_history("cn-cloud", as_of="2021-01-15")
        assert {cell for row in history.status for cell in row} == {"unknown"}
        assert {figure.mark for figure in other.list_figures(market="cn-cloud", quarter="2020Q3")} == {""}


def test_this_client_reads_a_later_server_as_if_nothing_were_added(channel: grpc.Channel, client: Client) -> None:
    handler = Later(channel)
    with asking(handler) as other:
        compare(other, client)
    assert handler.added > 100


def compare(other: Client, client: Client) -> None:
    assert other.list_markets() == client.list_markets()
    assert other.forecast("compass", shares=ROWS, events=["North leads in 2023Q2"]) == client.forecast(
        "compass", shares=ROWS, events=["North leads in 2023Q2"]
    )
    histories = [each.get_history("cn-cloud", as_of="2021-01-15") for each in (other, client)]
    assert_frame_equal(*(each.to_polars() for each in histories), check_exact=True)
    assert histories[0].doubts == histories[1].doubts
    assert other.list_figures(market="cn-cloud", quarter="2020Q3") == client.list_figures(
        market="cn-cloud", quarter="2020Q3"
    )
    backtests = [list(each.backtest("cn-cloud", origins=2, horizon=2, models=["naive"])) for each in (other, client)]
    assert backtests[0] == backtests[1]
    streams = [list(each.stream_forecasts(["cn-cloud"], horizon=2)) for each in (other, client)]
    assert streams[0] == streams[1]
