"""From the bytes of a request to its message, and what a plain method makes of them."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from service.errors import MalformedRequest
from service.server.bulk import IMPORT, check_bulk
from service.server.calls import Call, CollectReply, Reply
from service.server.work import Work

M = TypeVar("M", bound=Message)
_Request_contra = TypeVar("_Request_contra", bound=Message, contravariant=True)


class Collector(Protocol[_Request_contra]):
    """What the function of a method with a stream of requests returns: it is given them one by one, in any threads."""

    def take(self, request: _Request_contra, /) -> None:
        """Take the next request."""

    def reply(self) -> Message:
        """Answer, once all have been taken."""


def decode(kind: type[M], raw: bytes, /) -> M:
    """Read a message.

    Raises:
        MalformedRequest: the bytes are none of this kind.
    """
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise MalformedRequest from None


def in_thread(method: MethodDescriptor, function: Callable[[M], Message], work: Work) -> Reply:
    """The reply of a function from request to response; it runs in a thread."""
    kind = GetMessageClass(method.input_type)

    def run(raw: bytes) -> bytes:
        return function(decode(kind, raw)).SerializeToString()  # type: ignore[arg-type]

    async def reply(raw: bytes, call: Call) -> bytes:
        return await work.in_thread(call, run, raw)

    return reply


def of_tenant(kind: type[M], function: Callable[[M, str], Message], work: Work, /) -> Reply:
    """The reply of a function from a request and the tenant it comes from to a response; it runs in a thread."""

    def run(raw: bytes, tenant: str) -> bytes:
        return function(decode(kind, raw), tenant).SerializeToString()

    async def reply(raw: bytes, call: Call) -> bytes:
        return await work.in_thread(call, run, raw, call.caller.tenant)

    return reply


def collected(method: MethodDescriptor, function: Callable[[str], Collector[M]], work: Work) -> CollectReply:
    """The reply of a function of a tenant that returns a collector of requests; each is checked for rows it brings."""
    kind = GetMessageClass(method.input_type)

    def take(collector: Collector[M], raw: bytes) -> None:
        collector.take(decode(kind, raw))  # type: ignore[arg-type]

    async def reply(raws: AsyncIterator[bytes], call: Call) -> bytes:
        collector = function(call.caller.tenant)
        # No request is asked for before the one before it is dealt with, so that a fast sender has to wait.
        async for raw in raws:
            check_bulk(raw, IMPORT)
            await work.at_once(take, collector, raw)
        return await work.in_thread(call, lambda: collector.reply().SerializeToString())

    return reply
