"""TLS and mTLS with certificates that may be renewed while the server runs.

A renewed certificate is picked up at the next handshake after its file changed. One that cannot be used (half written,
of another key) is told in the log, and the one before it goes on serving.
"""

import logging
import re
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc

from forecast.errors import InvalidArgument

log = logging.getLogger(__name__)

_VERSION, _UTC_TIME = 0xA0, 0x17  # tags
_LOOK_SECONDS = 1.0  # how often, at most, the files are looked at


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificates are kept, as PEM."""

    certificate: Path  # of the server, followed by those that lead to its root
    private_key: Path  # without a password
    client_ca: Path | None = None  # whoever connects must show a certificate that leads to one of these; None: nobody


def server_credentials(files: TlsFiles, /) -> grpc.ServerCredentials:
    """Credentials for a server, read again when a file changes.

    Raises:
        InvalidArgument: a file cannot be read, is no certificate or key, or the two do not belong together.
    """
    certificates = _Certificates(files)
    return grpc.dynamic_ssl_server_credentials(
        certificates.first,
        certificates.renewed,  # type: ignore[arg-type]  # None is fine: as before
        require_client_authentication=files.client_ca is not None,
    )


class _Certificates:
    def __init__(self, files: TlsFiles) -> None:
        self._files, self._lock = files, threading.Lock()
        self._stamp = self._refused = _stamp(files)
        self._looked_at = time.monotonic()
        self.first = _load(files)

    def renewed(self) -> "grpc.ServerCertificateConfiguration | None":
        """What to serve from now on; None: as before. Called by gRPC at every handshake."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < _LOOK_SECONDS:
                return None
            self._looked_at = now
            stamp = _stamp(self._files)
            if stamp == self._stamp:
                return None
            try:
                fresh = _load(self._files)
                end = expires_at(self._files.certificate)
            except InvalidArgument as error:
                # The stamp stays: a file that was read half written is looked at again.
                if stamp != self._refused:
                    self._refused = stamp
                    log.warning(
                        "the renewed certificate is not used, the one before goes on: %s is not %s",
                        error.field,
                        error.allowed,
                    )
                return None
            if _stamp(self._files) != stamp:
                return None  # written at this moment: next time
            self._stamp = stamp
            log.info("a renewed certificate is in use, valid until %s", f"{end:%Y-%m-%d}")
            return fresh


def expires_at(path: Path, /) -> datetime:
    """The moment a certificate ends, UTC; as `validity`."""
    return validity(path)[1]


def validity(path: Path, /) -> tuple[datetime, datetime]:
    """The moments a certificate begins and ends, UTC: the first one of a file.

    Raises:
        InvalidArgument: the file cannot be read or begins with no certificate.
    """
    text = _read("tls_certificate", path).decode("ascii", "replace")
    found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    try:
        if found is None:
            raise ValueError("there is none")
        der = ssl.PEM_cert_to_DER_cert(found[0])
        # Certificate > TBSCertificate > [version], serial number, algorithm, issuer, validity > not before, not after
        at = _inside(der, _inside(der, 0))
        skipped = 4 if der[at] == _VERSION else 3
        for _ in range(skipped):
            at = _span(der, at)[1]
        begin = _inside(der, at)
        return _moment(der, begin), _moment(der, _span(der, begin)[1])
    except (ValueError, IndexError):
        raise InvalidArgument("tls_certificate", str(path), "", f"{str(path)!r} holds no certificate in PEM") from None


def _moment(der: bytes, at: int) -> datetime:
    start, end = _span(der, at)
    form = "%y%m%d%H%M%SZ" if der[at] == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(der[start:end].decode("ascii"), form).replace(tzinfo=UTC)


def _inside(der: bytes, at: int) -> int:
    return _span(der, at)[0]


def _span(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at a place begins and ends (X.690, definite lengths)."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size]), start + size
    if start + length > len(der):
        raise ValueError("it is cut off")
    return start, start + length


def _load(files: TlsFiles) -> "grpc.ServerCertificateConfiguration":
    chain, key = read_roots("tls_certificate", files.certificate), _read("tls_private_key", files.private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # gRPC itself would take any bytes, and fail at each handshake without a word. A password is not asked for.
        context.load_cert_chain(files.certificate, files.private_key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        of_another = getattr(error, "reason", None) == "KEY_VALUES_MISMATCH"
        allowed = f"the key of {files.certificate}" if of_another else "a private key, PEM, without a password"
        raise InvalidArgument("tls_private_key", str(files.private_key), allowed) from None
    if files.client_ca is None:
        return grpc.ssl_server_certificate_configuration([(key, chain)])
    return grpc.ssl_server_certificate_configuration(
        [(key, chain)], root_certificates=read_roots("tls_client_ca", files.client_ca)
    )


def read_roots(field: str, path: Path, /) -> bytes:
    """Certificates of authorities, as PEM.

    Args:
        field: What the file is called in a message.
        path: The file.

    Raises:
        InvalidArgument: the file cannot be read or holds no certificate.
    """
    raw = _read(field, path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=raw.decode("ascii", "ignore")
        )  # remarks may be any text
    except (ssl.SSLError, ValueError):
        raise InvalidArgument(field, str(path), "", f"{str(path)!r} holds no certificates in PEM") from None
    return raw


def _read(field: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidArgument(field, str(path), "", f"{str(path)!r} cannot be read: {error.strerror}") from None


def _no_password() -> str:
    return ""


def _stamp(files: TlsFiles) -> tuple[object, ...]:
    found: list[object] = []
    for path in (files.certificate, files.private_key, files.client_ca):
        try:
            told = None if path is None else path.stat()
        except OSError:
            told = None
        found.append(told and (told.st_mtime_ns, told.st_size, told.st_ino))
    return tuple(found)
