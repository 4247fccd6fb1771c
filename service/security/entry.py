"""Who may reach a server, settled before it starts: TLS or not, keys or not."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from forecast.errors import InvalidArgument
from service.client.access import is_local
from service.security.guard import Guard
from service.security.tls import TlsFiles, server_credentials
from service.settings import ServeSettings

if TYPE_CHECKING:
    from service.store import Store

_ADDRESS: Final = re.compile(
    r"unix:.+|.+:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Entry:
    """How calls come in."""

    tls: TlsFiles | None  # None: plain text
    keys: bool  # whether calls need one

    def credentials(self) -> grpc.ServerCredentials | None:
        """Of TLS; None: plain text.

        Raises:
            InvalidArgument: a file cannot be used.
        """
        return None if self.tls is None else server_credentials(self.tls)

    def guard(self, store: "Store | None") -> Guard:
        """Who lets calls in.

        Raises:
            InvalidArgument: calls need keys, and there is no database to keep them in.
        """
        if not self.keys:
            return Guard.open()
        if store is None:
            raise InvalidArgument("database", "none", "a database with the keys that calls need")
        return Guard(store.keys)


def settle(settings: ServeSettings, /) -> Entry:
    """How calls come in, by the settings.

    Plain text is for addresses that only this machine reaches, unless `insecure_plaintext` allows it. Keys are asked
    for everywhere but there, unless `authentication` says otherwise.

    Raises:
        InvalidArgument: settings that do not go together, or would let others read what is sent.
    """
    if _ADDRESS.fullmatch(settings.listen) is None:
        raise InvalidArgument("listen", settings.listen, "HOST:PORT with a PORT of 0 to 65535, or unix:PATH")
    local = is_local(settings.listen)
    tls = _tls(settings)
    if tls is None and not local and not settings.insecure_plaintext:
        raise InvalidArgument(
            "listen",
            settings.listen,
            "without TLS an address that only this machine reaches, such as 127.0.0.1:50051; or give tls_certificate "
            "and tls_private_key, or allow insecure_plaintext",
        )
    keys = settings.authentication == "keys" or (settings.authentication == "auto" and not (local and tls is None))
    return Entry(tls, keys)


def _tls(settings: ServeSettings) -> TlsFiles | None:
    certificate, key = settings.tls_certificate, settings.tls_private_key
    if certificate is None or key is None:
        for name, given in (("tls_private_key", certificate), ("tls_certificate", key)):
            if given is not None:
                raise InvalidArgument(name, "", f"the file that goes with {given}")
        if settings.tls_client_ca is not None:
            raise InvalidArgument("tls_certificate", "", "a certificate of the server, to ask clients for theirs")
        return None
    return TlsFiles(certificate, key, settings.tls_client_ca)
