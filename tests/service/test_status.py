from typing import TypeVar

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecast.errors import (
    InvalidArgument,
    InvalidTable,
    ModelFailed,
    NotEnoughData,
    NotFound,
    RowViolation,
    SharecastError,
)
from service.errors import (
    AlreadyExists,
    CallRefused,
    DeadlineExceeded,
    InternalError,
    MalformedRequest,
    NoStore,
    Overloaded,
    PermissionDenied,
    ServiceUnavailable,
    StoreUnavailable,
    Unauthenticated,
    WorkLost,
)
from service.status import DOMAIN, REQUEST_ID, STATUS_TRAILER, error_code, pack_error, unpack_error
from sharecast.v1.error_pb2 import ErrorReason

VIOLATIONS = (
    RowViolation("share_in_unit_interval", 3, "share", "1.2", "a fraction of 0 to 1"),
    RowViolation("has_rows", 0, "market", "0 rows", "at least one row"),
)
CASES: list[tuple[SharecastError, str]] = [
    (InvalidArgument("horizon", 41, "1 to 40 quarters"), "INVALID_ARGUMENT"),
    (InvalidArgument("levels", [0.8, 0.8], "each level once"), "INVALID_ARGUMENT"),
    (InvalidTable("shares", VIOLATIONS, 7), "INVALID_ARGUMENT"),
    (MalformedRequest(), "INVALID_ARGUMENT"),
    (NotFound("market", "cn-clout", ("cn-cloud", "world-cloud")), "NOT_FOUND"),
    (NotEnoughData("cn-cloud", 1, 2, "as of 2016-01-01"), "FAILED_PRECONDITION"),
    (ModelFailed("ets", "it did not converge"), "FAILED_PRECONDITION"),
    (DeadlineExceeded(2.5), "DEADLINE_EXCEEDED"),
    (ServiceUnavailable("it is stopping"), "UNAVAILABLE"),
    (InternalError("4f1d"), "INTERNAL"),
    (AlreadyExists("0b1e", "an import of 12 figures"), "ALREADY_EXISTS"),
    (StoreUnavailable("the disk is full"), "UNAVAILABLE"),
    (Unauthenticated("the key has expired"), "UNAUTHENTICATED"),
    (PermissionDenied("/sharecast.v1.MarketService/ImportFigures", "read", "write"), "PERMISSION_DENIED"),
    (Overloaded(0.25), "RESOURCE_EXHAUSTED"),
    (WorkLost(), "UNAVAILABLE"),
    (NoStore("these are the shipped figures"), "FAILED_PRECONDITION"),
]
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
Detail = TypeVar("Detail", ErrorInfo, BadRequest, RetryInfo)
ANY = st.text(max_size=3000)  # lone surrogates too, which no message can carry


def detail(status: Status, kind: type[Detail]) -> Detail:
    """The one detail of a kind."""
    found = kind()
    assert [packed.Unpack(found) for packed in status.details].count(True) == 1
    return found


def travelled(error: SharecastError) -> SharecastError:
    trailer = pack_error(error, "id").SerializeToString()
    return unpack_error(error_code(error), "text", ((STATUS_TRAILER, trailer),))


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda case: type(case).__name__)
def test_an_error_reaches_the_caller_as_itself(error: SharecastError, code: str) -> None:
    found = travelled(error)
    assert type(found) is type(error)
    assert vars(found) == {k: tuple(v) if isinstance(v, list) else v for k, v in vars(error).items()}
    assert str(found).replace("(0.8, 0.8)", "[0.8, 0.8]") == str(error)
    assert error_code(error).name == code
    assert pack_error(error, "id").code == error_code(error).value[0]


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda case: type(case).__name__)
def test_every_error_names_a_reason_of_our_domain(error: SharecastError, code: str) -> None:
    info = detail(pack_error(error, "id"), ErrorInfo)
    assert info.domain == DOMAIN
    assert info.reason in ErrorReason.keys()  # noqa: SIM118  (the enum wrapper is no dict)


def test_every_reason_of_the_api_has_an_error() -> None:
    sent = {detail(pack_error(error, "id"), ErrorInfo).reason for error, _ in CASES}
    assert sent == set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}


def test_a_bad_argument_and_a_bad_row_name_their_field() -> None:
    argument = detail(pack_error(CASES[0][0], "id"), BadRequest).field_violations
    assert [(v.field, v.description) for v in argument] == [("horizon", "horizon is 41; allowed: 1 to 40 quarters")]
    rows = detail(pack_error(CASES[2][0], "id"), BadRequest).field_violations
    assert [(v.field, v.reason) for v in rows] == [
        ("shares.rows[2].share", "SHARE_IN_UNIT_INTERVAL"),
        ("shares.rows", "HAS_ROWS"),
    ]


def test_an_unavailable_service_says_when_to_call_again() -> None:
    assert detail(pack_error(ServiceUnavailable("x"), "id"), RetryInfo).retry_delay.seconds == 1


def test_an_error_outside_the_table_leaves_without_its_text() -> None:
    class SecretError(SharecastError):
        pass

    packed = pack_error(SecretError("the password is swordfish"), "4f1d")
    assert "swordfish" not in str(packed)
    assert error_code(SecretError("x")) is grpc.StatusCode.INTERNAL
    assert vars(travelled(SecretError("x"))) == {"request_id": "id"}


@settings(deadline=None)
@given(
    field=SHORT,
    value=SHORT | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    allowed=SHORT,
    problem=SHORT,
)
def test_any_short_argument_reaches_the_caller_exactly(field: str, value: object, allowed: str, problem: str) -> None:
    error = InvalidArgument(field, value, allowed, problem)
    again = travelled(error)
    assert vars(again) == {"field": field, "value": value, "allowed": allowed, "problem": problem}
    assert str(again) == str(error)


@settings(deadline=None)
@given(text=ANY, names=st.lists(ANY, max_size=50))
@example(text="é" * 3000, names=[f"{n} {'é' * 300}" for n in range(50)])
@example(text="x", names=[f"market-{n}" for n in range(5000)])
def test_no_error_outgrows_a_trailer(text: str, names: list[str]) -> None:
    rows = tuple(RowViolation(text, row, name, name, text) for row, name in enumerate(names))
    for error in (
        InvalidArgument(text, text, text),
        InvalidTable(text, rows, len(rows)),
        NotFound(text, text, tuple(names)),
        NotEnoughData(text, 1, 2, text),
    ):
        status = pack_error(error, "id")
        on_the_wire = len(status.SerializeToString()) * 4 / 3 + 3 * len(status.message.encode())
        assert on_the_wire < 8000
        assert type(travelled(error)) is type(error)


@settings(deadline=None)
@given(trailer=st.binary(max_size=200), code=st.sampled_from(list(grpc.StatusCode)))
def test_a_trailer_that_is_not_ours_is_passed_over(trailer: bytes, code: grpc.StatusCode) -> None:
    found = unpack_error(code, "said so", ((STATUS_TRAILER, trailer), (REQUEST_ID, "4f1d")), timeout=3.0)
    expected = {
        grpc.StatusCode.UNAVAILABLE: ServiceUnavailable,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
        grpc.StatusCode.INTERNAL: InternalError,
    }
    assert type(found) is expected.get(code, CallRefused)


def test_a_reason_of_a_newer_server_falls_back_to_the_code() -> None:
    status = pack_error(NotFound("market", "a", ()), "id")
    info = ErrorInfo(reason="ERROR_REASON_FROM_THE_FUTURE", domain=DOMAIN)
    status.details[0].Pack(info)
    found = unpack_error(grpc.StatusCode.NOT_FOUND, "gone", ((STATUS_TRAILER, status.SerializeToString()),))
    assert isinstance(found, CallRefused)
    assert (found.code, found.detail) == ("NOT_FOUND", "gone")


def test_another_domains_reason_is_not_taken_for_ours() -> None:
    status = pack_error(ModelFailed("ets", "x"), "id")
    info = detail(status, ErrorInfo)
    info.domain = "example.com"
    status.details[0].Pack(info)
    found = unpack_error(grpc.StatusCode.FAILED_PRECONDITION, "no", ((STATUS_TRAILER, status.SerializeToString()),))
    assert isinstance(found, CallRefused)


def test_a_database_in_trouble_is_unavailable_and_its_place_stays_here() -> None:
    error = StoreUnavailable("there is no room left on its disk")
    error.add_note("database: /home/somebody/figures.db")
    status = pack_error(error, "id")
    assert error_code(error) is grpc.StatusCode.UNAVAILABLE
    assert b"somebody" not in status.SerializeToString()
    assert status.message == "the database is unavailable: there is no room left on its disk"
    assert detail(status, RetryInfo).retry_delay.seconds == 1
