"""A client that knows nothing of the API but what reflection tells."""

import math

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2

from tests.service.server.waiting import PATIENCE

SERVICES = {"sharecast.v1.ForecastService", "sharecast.v1.MarketService", "grpc.health.v1.Health"}


class Explorer:
    """Does what grpcurl does: asks what there is, builds its own message classes, calls with JSON."""

    def __init__(self, channel: grpc.Channel, version: str) -> None:
        self._channel = channel
        self._ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        self.pool = DescriptorPool()
        self._known: set[str] = set()

    def ask(self, **question: str) -> reflection_pb2.ServerReflectionResponse:
        request = ParseDict(question, reflection_pb2.ServerReflectionRequest())
        answer: reflection_pb2.ServerReflectionResponse
        (answer,) = self._ask(iter([request]), timeout=PATIENCE)
        return answer

    def services(self) -> list[str]:
        return [service.name for service in self.ask(list_services="").list_services_response.service]

    def learn(self, **question: str) -> None:
        found = self.ask(**question).file_descriptor_response.file_descriptor_proto
        assert found, question
        files = {file.name: file for file in map(FileDescriptorProto.FromString, found)}
        for file in files.values():
            self._add(file, files)

    def _add(self, file: FileDescriptorProto, files: dict[str, FileDescriptorProto]) -> None:
        if file.name in self._known:
            return
        self._known.add(file.name)
        for name in file.dependency:
            if name in files:
                self._add(files[name], files)
            else:
                self.learn(file_by_filename=name)
        self.pool.Add(file)

    def call(self, service: str, method: str, request: dict[str, object]) -> dict[str, object]:
        self.learn(file_containing_symbol=service)
        descriptor = self.pool.FindServiceByName(service).FindMethodByName(method)
        answer = GetMessageClass(descriptor.output_type)
        call = self._channel.unary_unary(f"/{service}/{method}", None, response_deserializer=answer.FromString)
        message = ParseDict(request, GetMessageClass(descriptor.input_type)())
        return MessageToDict(call(message.SerializeToString(), timeout=PATIENCE))


@pytest.fixture(params=["v1alpha", "v1"])
def explorer(channel: grpc.Channel, request: pytest.FixtureRequest) -> Explorer:
    return Explorer(channel, request.param)


def test_reflection_lists_the_services_and_describes_every_one(explorer: Explorer) -> None:
    services = explorer.services()
    assert set(services) >= SERVICES
    for service in services:
        explorer.learn(file_containing_symbol=service)
        assert explorer.pool.FindServiceByName(service).methods


def test_reflection_alone_is_enough_to_get_a_forecast(explorer: Explorer) -> None:
    request = {"market": "cn-cloud", "asOf": "2021-01-15", "horizon": 8, "levels": [0.8, 0.95]}
    answer = explorer.call("sharecast.v1.ForecastService", "Forecast", request)
    providers = answer["providers"]
    assert isinstance(providers, list)
    assert answer["origin"] == "2020Q3"
    assert len(answer["periods"]) == 8  # type: ignore[arg-type]
    assert {p["provider"] for p in providers} >= {"Alibaba Cloud", "Huawei Cloud", "Tencent Cloud", "Others"}
    for step in range(8):
        assert math.isclose(sum(p["mean"][step] for p in providers), 1, abs_tol=1e-9)
        for p in providers:
            inner, outer = p["intervals"]
            bounds = [outer["lower"][step], inner["lower"][step], inner["upper"][step], outer["upper"][step]]
            assert 0 <= bounds[0] <= bounds[1] <= bounds[2] <= bounds[3] <= 1


def test_reflection_alone_is_enough_to_forecast_shares_of_ones_own(explorer: Explorer) -> None:
    rows = [
        {"period": f"{year}Q{quarter}", "provider": name, "share": share + 0.01 * quarter * sign}
        for year in (2021, 2022)
        for quarter in (1, 2, 3, 4)
        for name, share, sign in (("North", 0.55, 1), ("South", 0.45, -1))
    ]
    answer = explorer.call(
        "sharecast.v1.ForecastService", "Forecast", {"market": "compass", "shares": {"rows": rows}, "horizon": 2}
    )
    assert (answer["market"], answer["origin"], answer["periods"]) == ("compass", "2022Q4", ["2023Q1", "2023Q2"])
