"""How a client reaches a server: in plain text or by TLS, with or without a key."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import grpc

from forecast.errors import InvalidArgument

SYSTEM_ROOTS: Final = "system"
DEFAULT_TIMEOUT = 30.0  # seconds
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_NAMED: Final = ("unix:", "unix-abstract:", "dns:", "ipv4:", "ipv6:", "vsock:", "xds:")  # gRPC's own ways to write it
_LARGEST_PORT: Final = 65535
_ADDRESS: Final = "an address is HOST:PORT, [IPV6]:PORT or unix:PATH"

_RETRIES = {  # only what no server has begun to work on
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_STREAMS = (
    ("sharecast.v1.ForecastService", "Backtest"),
    ("sharecast.v1.ForecastService", "StreamForecasts"),
    ("sharecast.v1.JobService", "WatchForecastJob"),
)
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": f"sharecast.v1.{name}"} for name in ("ForecastService", "MarketService", "JobService")
            ],
            "retryPolicy": _RETRIES,
        },
        # gRPC 1.85 never ends a stream of responses that it tries again at a server that has gone meanwhile.
        {"name": [{"service": service, "method": method} for service, method in _STREAMS]},
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},  # a server in trouble is not asked four times as often
}
TAKEN_BYTES = 64 * 2**20  # of an answer: the history of a market with many sources passes 4 MiB
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),  # a second, as usual, would use up the retries of a call
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.max_receive_message_length", TAKEN_BYTES),
)


@dataclass(frozen=True, slots=True)
class Access:
    """A server's address, and what a client needs to be let in.

    Args:
        address: HOST:PORT, ``unix:PATH``, or another target of gRPC such as ``dns:///HOST:PORT``.
        key: Key of `sharecast keys`; None for none.
        ca: As of `channel_credentials`, and so are the two below.
        certificate: File of the client's own certificate, PEM.
        private_key: File of its key, PEM.
        server_name: The name that the server's certificate is for, where that is not the host of `address`.

    Raises:
        InvalidArgument: `address` has another form, a file cannot be read, one is given without what it goes with, or a
            key would be readable on its way.
    """

    address: str
    key: str | None = field(default=None, repr=False)
    ca: str | Path | None = None
    certificate: str | Path | None = None
    private_key: str | Path | None = None
    server_name: str | None = None
    credentials: grpc.ChannelCredentials | None = field(init=False, repr=False, compare=False)  # None: plain text

    def __post_init__(self) -> None:
        check_address(self.address)
        if self.server_name is not None and self.ca is None:
            raise InvalidArgument("server_name", self.server_name, "", "goes with ca: plain text shows no certificate")
        made = channel_credentials(ca=self.ca, certificate=self.certificate, private_key=self.private_key)
        object.__setattr__(self, "credentials", made)
        if self.key is not None:
            check_key(self.key, self.address, encrypted=made is not None)

    @property
    def options(self) -> tuple[tuple[str, str | int], ...]:
        """Of the channel."""
        # What stays in this machine would leave it by a proxy, which could not even reach it.
        local = (("grpc.enable_http_proxy", 0),) if is_local(self.address) else ()
        named = () if self.server_name is None else (("grpc.ssl_target_name_override", self.server_name),)
        return (*CHANNEL_OPTIONS, *local, *named)


def check_address(address: str, /) -> None:
    """Refuse what gRPC would take for another address: a URL's scheme for a name, a missing port for 443.

    Raises:
        InvalidArgument: it is no HOST:PORT, ``unix:PATH`` or other target of gRPC.
    """
    if address.startswith(_NAMED):
        return
    scheme, separator, rest = address.partition("://")
    if separator:
        tls = " and --ca FILE or --ca system (ca= in Python)" if scheme.lower() == "https" else ""
        raise InvalidArgument(
            "address", address, f"give {rest.partition('/')[0] or 'HOST:PORT'}{tls}", f"{address!r} is a URL"
        )
    host, _, port = address.rpartition(":")
    if not host or (":" in host and not host.startswith("[")):
        problem = f"{address!r} has no port" if address else "is empty"
        raise InvalidArgument("address", address, _ADDRESS, problem)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _LARGEST_PORT:
        raise InvalidArgument(
            "address", address, _ADDRESS, f"{address!r} has no port of 1 to {_LARGEST_PORT} at its end"
        )


def host_of(address: str, /) -> str:
    """The host of an address, without its port and without the brackets of IPv6."""
    target = re.sub(r"^(dns|ipv4|ipv6):", "", address).lstrip("/")
    host = target.rpartition(":")[0] if re.search(r":\d+$", target) else target
    return host.removeprefix("[").removesuffix("]")


def channel_credentials(
    *, ca: str | Path | None, certificate: str | Path | None, private_key: str | Path | None
) -> grpc.ChannelCredentials | None:
    """What a channel needs for TLS; None for plain text.

    Args:
        ca: File of the authorities that the server's certificate must lead to, PEM; ``"system"`` for the roots that
            come with gRPC; None for plain text.
        certificate: File of the client's own certificate, PEM, for a server that asks for one.
        private_key: File of its key, PEM.

    Raises:
        InvalidArgument: a file cannot be read, or one is given without what it goes with.
    """
    if (certificate is None) != (private_key is None):
        missing, given = ("private_key", certificate) if private_key is None else ("certificate", private_key)
        raise InvalidArgument(missing, None, f"the file that goes with {given}")
    if ca is None:
        if certificate is not None:
            raise InvalidArgument("ca", None, f"the file of authorities to check the server by, or {SYSTEM_ROOTS!r}")
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=None if str(ca) == SYSTEM_ROOTS else _read("ca", ca),
        private_key=None if private_key is None else _read("private_key", private_key),
        certificate_chain=None if certificate is None else _read("certificate", certificate),
    )


def check_key(key: str, address: str, /, *, encrypted: bool) -> None:
    """Refuse a key that cannot be one, or that others could read on its way.

    Raises:
        InvalidArgument: it is.
    """
    if _KEY.fullmatch(key) is None:
        raise InvalidArgument("key", "***", "a key as `sharecast keys add` printed it")
    if not encrypted and not is_local(address):
        raise InvalidArgument("ca", None, f"TLS: a key would be readable on its way to {address}")


def is_local(address: str, /) -> bool:
    """Whether what is sent to an address stays in this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = host_of(address)
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class KeyedChannel:
    """A channel, of either stack, that sends a key with every call made through its stubs.

    Args:
        channel: The channel.
        key: The key.
    """

    def __init__(self, channel: "grpc.Channel | grpc.aio.Channel", key: str) -> None:
        self._channel: Any = channel
        self._metadata = (("authorization", f"Bearer {key}"),)

    def unary_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:  # noqa: ANN401, D102
        return partial(self._channel.unary_unary(*arguments, **options), metadata=self._metadata)

    def unary_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:  # noqa: ANN401, D102
        return partial(self._channel.unary_stream(*arguments, **options), metadata=self._metadata)

    def stream_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:  # noqa: ANN401, D102
        return partial(self._channel.stream_unary(*arguments, **options), metadata=self._metadata)

    def stream_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:  # noqa: ANN401, D102
        return partial(self._channel.stream_stream(*arguments, **options), metadata=self._metadata)


def _read(field: str, path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgument(field, str(path), "", f"{str(path)!r} cannot be read: {error.strerror}") from None
