"""A method of a server as both clients know it: what is sent, how answers are read, what errors become."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast, get_args

import grpc

from forecast.errors import SharecastError
from service.client.access import Access, KeyedChannel
from service.errors import ServiceUnavailable
from service.status import STATUS_TRAILER, unpack_error
from sharecast.v1.forecast_service_pb2_grpc import ForecastServiceStub
from sharecast.v1.job_service_pb2_grpc import JobServiceStub
from sharecast.v1.market_service_pb2_grpc import MarketServiceStub

FORECASTS, JOBS, MARKETS = "ForecastService", "JobService", "MarketService"

T = TypeVar("T")
_Method = TypeVar("_Method", bound=Callable[..., Any])


class Page(Protocol):
    """One page of a list."""

    @property
    def next_page_token(self) -> str:
        """Empty on the last page."""


@dataclass(frozen=True, slots=True)
class Single(Generic[T]):
    """A call with one answer."""

    service: str
    method: str
    request: object  # a message, or an iterator of them where the method takes a stream
    read: Callable[[Any], T]
    timeout: float | None  # seconds; None for the client's own


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """Calls one after another, each for a page of a list."""

    service: str
    method: str
    request: Callable[[str], object]  # for the page of a token; the first one's is empty
    read: Callable[[Any], Page]
    join: Callable[[Sequence[Any]], T]  # the pages to what is returned
    timeout: float | None  # seconds for each page; None for the client's own


@dataclass(frozen=True, slots=True)
class Streamed(Generic[T]):
    """Calls one after another, each answered by a stream."""

    service: str
    method: str
    requests: Iterable[tuple[object, Callable[[Any], Iterable[T]]]]  # each with how a message of its stream is read
    timeout: float | None  # seconds for each; None for as long as it takes


def stubs(channel: "grpc.Channel | grpc.aio.Channel", key: str | None) -> dict[str, Any]:
    """The stub of each service, of either stack; with a key it is sent with every call."""
    used: Any = channel if key is None else KeyedChannel(channel, key)
    made = {FORECASTS: ForecastServiceStub, JOBS: JobServiceStub, MARKETS: MarketServiceStub}
    return {service: stub(used) for service, stub in made.items()}  # type: ignore[no-untyped-call]


def as_described(method: _Method, describe: Callable[..., object], /, returns: object = None) -> _Method:
    """Give a client's method the name, parameters and docstring of the function that describes it.

    Args:
        method: Takes the client, and the arguments of `describe`.
        describe: A function of `service.client.methods`.
        returns: A generic type such as `Iterator` around what the call gives; None for that itself.
    """
    signature = inspect.signature(describe)
    (given,) = get_args(signature.return_annotation)
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__name__ = method.__qualname__ = describe.__name__
    method.__doc__ = describe.__doc__
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[me, *signature.parameters.values()],
        return_annotation=given if returns is None else returns[given],  # type: ignore[index]
    )
    return method


class Unreached(ServiceUnavailable):
    """No server answered, and why is still to be found out: `reason` gives the error that callers meet."""

    def reason(self, access: Access) -> ServiceUnavailable:
        """The error with what can be found out in some seconds."""
        from service.client.unreachable import why_unreachable  # here, as no call that is answered needs it

        return ServiceUnavailable(why_unreachable(access, self.detail))


def error_of(failed: grpc.RpcError, /, timeout: float) -> SharecastError:
    """The error a failed call tells of, of either stack; `Unreached` where none tells of a server."""
    call = cast(grpc.Call, failed)  # what both stacks raise is also the call, or reads like one
    error = unpack_error(call.code(), call.details(), call.trailing_metadata(), timeout=timeout)
    if type(error) is ServiceUnavailable and STATUS_TRAILER not in dict(call.trailing_metadata() or ()):
        return Unreached(error.detail)
    return error


class _Cancellable(Protocol):
    def cancel(self) -> bool: ...


@contextmanager
def answering(call: _Cancellable, /, *, timeout: float | None) -> Iterator[None]:
    """While the responses of a call are read: an error of gRPC becomes ours, and the call ends with the block."""
    try:
        yield
    except grpc.RpcError as failed:
        raise error_of(failed, timeout=timeout or 0.0) from None  # the cause would show addresses and transport states
    finally:
        call.cancel()  # for a caller that left the loop; a call that has ended stays ended
