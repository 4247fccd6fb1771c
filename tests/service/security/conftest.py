"""Real certificates: two authorities, certificates of servers and of clients."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Pair:
    """A certificate and its key, and the files they are in."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    pem: Path
    key_pem: Path


Issue = Callable[..., Pair]


@pytest.fixture
def issue(tmp_path: Path) -> Issue:
    """Make NAME.pem and NAME.key: an authority, or a certificate signed by one, for localhost and 127.0.0.1 or a host.

    Valid for so many days from five minutes ago.
    """

    def make(name: str, by: Pair | None = None, *, days: float = 1, host: str | None = None) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        alternatives: list[x509.GeneralName] = [x509.DNSName(host or "localhost")]
        if host is None:
            alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if by is None else by.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(key if by is None else by.key, hashes.SHA256())
        )
        pair = Pair(certificate, key, tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        pair.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key_pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair

    return make
