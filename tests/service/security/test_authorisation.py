"""Every method the server tells of by reflection, with every kind of credential."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from service.catalog import Catalog
from service.client import AsyncClient, Client
from service.security import Guard, Role
from service.security.keys import add_key, revoke_key
from service.security.rules import RULES
from service.server import Server
from service.store import open_store
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName
from sharecast.v1.job_service_pb2 import (
    CancelForecastJobRequest,
    CreateForecastJobRequest,
    CreateForecastJobResponse,
    GetForecastJobRequest,
    ListForecastJobsRequest,
    ListForecastJobsResponse,
    WatchForecastJobRequest,
)
from tests.service.server.waiting import PATIENCE

REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
NEWER = "/grpc.health.v1.Health/List"  # of health checks newer than some that are allowed here
CREDENTIALS = ("no", "bad", "expired", "revoked", "other tenant's", "read", "write", "admin")
REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
Method = tuple[str, bool, bool]  # full name, whether requests and responses are streams


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str | None]]]:
    """The address of a server that asks for keys, and a key of every kind."""
    now = datetime.now(UTC)
    with open_store(str(tmp_path_factory.mktemp("guarded") / "store.db")) as store:
        keys: dict[str, str | None] = {"no": None, "bad": f"sck_{'0' * 12}_{'0' * 43}"}
        for role in Role:
            keys[str(role)], _ = add_key(store.keys, tenant="team-a", role=str(role), now=now)
        keys["other tenant's"], _ = add_key(store.keys, tenant="team-b", role="read", now=now)
        keys["other tenant's writer"], _ = add_key(store.keys, tenant="team-b", role="write", now=now)
        long_ago, hour = now - timedelta(days=9), timedelta(hours=1)
        keys["expired"], _ = add_key(store.keys, tenant="team-a", role="admin", expires_in=hour, now=long_ago)
        keys["revoked"], row = add_key(store.keys, tenant="team-a", role="admin", now=now)
        revoke_key(store.keys, row.key_id, now=now)
        with Server(Catalog.shipped(store), guard=Guard(store.keys)) as server:
            yield server.address, keys


def metadata(key: str | None) -> tuple[tuple[str, str], ...]:
    return () if key is None else (("authorization", f"Bearer {key}"),)


def told(address: str, key: str | None) -> list[Method]:
    """Every method, as the server tells by reflection."""
    with grpc.insecure_channel(address) as channel:
        ask: Any = channel.stream_stream(
            REFLECTION,
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )

        def one(request: ServerReflectionRequest) -> ServerReflectionResponse:
            (answer,) = ask(iter([request]), metadata=metadata(key), timeout=PATIENCE)
            assert isinstance(answer, ServerReflectionResponse)
            return answer

        services = [s.name for s in one(ServerReflectionRequest(list_services="")).list_services_response.service]
        found = []
        for service in services:
            answer = one(ServerReflectionRequest(file_containing_symbol=service)).file_descriptor_response
            for raw in answer.file_descriptor_proto:
                file = FileDescriptorProto.FromString(raw)
                found += [
                    (f"/{service}/{method.name}", method.client_streaming, method.server_streaming)
                    for described in file.service
                    if f"{file.package}.{described.name}" == service
                    for method in described.method
                ]
        return found


def outcome(address: str, method: Method, key: str | None) -> tuple[grpc.StatusCode, str]:
    """The code of a call with an empty request, and the reason beside it."""
    name, many_requests, many_responses = method
    with grpc.insecure_channel(address) as channel:
        kind = f"{'stream' if many_requests else 'unary'}_{'stream' if many_responses else 'unary'}"
        call = getattr(channel, kind)(name)
        try:
            answer = call(iter([b""]) if many_requests else b"", metadata=metadata(key), timeout=PATIENCE)
            if many_responses:
                next(iter(answer), None)
                answer.cancel()
        except grpc.RpcError as failed:
            trailers = {item.key: item.value for item in failed.trailing_metadata()}
            info = ErrorInfo()
            status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
            if status.details:
                assert status.details[0].Unpack(info)
            code: grpc.StatusCode = failed.code()
            return code, info.reason
        return grpc.StatusCode.OK, ""


def test_every_method_has_a_rule_and_every_rule_a_method(guarded: tuple[str, dict[str, str | None]]) -> None:
    address, keys = guarded
    methods = {name for name, _, _ in told(address, keys["read"])}
    methods.add(REFLECTION)  # which tells of itself under its old name alone
    assert methods | {NEWER} == set(RULES)


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_every_method_lets_in_whom_the_rules_say_and_nobody_else(
    guarded: tuple[str, dict[str, str | None]], credential: str
) -> None:
    address, keys = guarded
    roles = {"read": Role.READ, "other tenant's": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN}
    for method in [*told(address, keys["read"]), (REFLECTION, True, True)]:
        needed, role = RULES[method[0]], roles.get(credential)
        found = outcome(address, method, keys[credential])
        if needed is None or (role is not None and role >= needed):
            assert found[0] not in REFUSED, (method, found)
        elif role is None:
            assert found == (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_UNAUTHENTICATED"), method
        else:
            assert found == (grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_PERMISSION_DENIED"), method


def test_without_a_key_not_even_the_methods_are_told(guarded: tuple[str, dict[str, str | None]]) -> None:
    with pytest.raises(grpc.RpcError, match="no key was given"):
        told(guarded[0], None)


def test_a_job_is_its_tenants_alone_and_the_admins(guarded: tuple[str, dict[str, str | None]]) -> None:
    address, keys = guarded
    jobs = "/sharecast.v1.JobService/"
    batch = ForecastBatch(markets=[MarketName(market="cn-cloud")], model="naive")
    with grpc.insecure_channel(address) as channel:

        def call(method: str, request: Message, credential: str) -> bytes:
            raw: bytes = channel.unary_unary(jobs + method, None, None)(
                request.SerializeToString(), metadata=metadata(keys[credential]), timeout=PATIENCE
            )
            return raw

        made = call("CreateForecastJob", CreateForecastJobRequest(batch=batch, request_id="r"), "write")
        job_id = CreateForecastJobResponse.FromString(made).job.job_id
        for credential in ("read", "write", "admin"):
            listed = call("ListForecastJobs", ListForecastJobsRequest(), credential)
            assert [job.job_id for job in ListForecastJobsResponse.FromString(listed).jobs] == [job_id]
            assert call("GetForecastJob", GetForecastJobRequest(job_id=job_id), credential)
        others = call("ListForecastJobs", ListForecastJobsRequest(), "other tenant's")
        assert not ListForecastJobsResponse.FromString(others).jobs
        for method, request in (
            ("GetForecastJob", GetForecastJobRequest(job_id=job_id)),
            ("CancelForecastJob", CancelForecastJobRequest(job_id=job_id)),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(method, request, "other tenant's writer")
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as caught:
            watched = channel.unary_stream(f"{jobs}WatchForecastJob", None, None)(
                WatchForecastJobRequest(job_id=job_id).SerializeToString(),
                metadata=metadata(keys["other tenant's"]),
                timeout=PATIENCE,
            )
            next(iter(watched))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_both_clients_send_their_key_to_every_service(guarded: tuple[str, dict[str, str | None]]) -> None:
    address, keys = guarded
    with Client(address, key=keys["admin"]) as client:
        assert client.list_models()
        assert client.list_markets()
        client.list_forecast_jobs()

    async def ask() -> None:
        async with AsyncClient(address, key=keys["admin"]) as client:
            assert await client.list_models()
            assert await client.list_markets()
            await client.list_forecast_jobs()

    asyncio.run(ask())
    with Client(address, key=keys["read"]) as client:
        stubs = client._stubs
    assert len(stubs) == 3
    for stub in stubs.values():
        for method in vars(stub).values():
            assert method.keywords["metadata"] == metadata(keys["read"])
