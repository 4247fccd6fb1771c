"""Why a server cannot be reached: what either side speaks, whom its certificate is for, and what lies in between.

gRPC says no more than "Socket closed" in half of these cases, and its words change between versions. So the server is
asked once more, by the standard library, after a call has failed.
"""

import socket
import ssl
from typing import Any, Final

from service.client.access import SYSTEM_ROOTS, Access, host_of, is_local
from service.settings import proxy_variable

_SECONDS: Final = 2.0  # for the connection, and for each answer
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"  # of HTTP/2, with empty SETTINGS
_OF_NAMES: Final = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH


def why_unreachable(access: Access, detail: str, /) -> str:
    """What to tell of a call that found no server; takes some seconds at most, and never raises.

    Args:
        access: How it was to be reached.
        detail: What gRPC said.

    Returns:
        Which side speaks what and the option that mends it; else `detail`, with the proxy that was asked.
    """
    if is_local(access.address):
        variable = None
    elif variable := proxy_variable(host_of(access.address)):
        host = host_of(access.address)
        return (
            f"{detail}; it was asked for through the proxy that {variable} names, which no_proxy={host} would pass by"
        )
    try:
        found = _plain_text(access) if access.ca is None else _tls(access)
    except (OSError, ValueError):  # nobody there, or nothing of TLS; a certificate's name that cannot be one
        found = ""
    return found or detail


def _plain_text(access: Access) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with _connection(access.address) as connection, context.wrap_socket(connection):
            pass
    except ssl.SSLError:
        return ""
    return (
        f"the server at {access.address} speaks TLS, and this client plain text; give --ca FILE (ca= in Python), the "
        "authorities that its certificate leads to, or --ca system"
    )


def _tls(access: Access) -> str:
    context = _context(access)
    name = access.server_name or host_of(access.address)
    try:
        with _connection(access.address) as connection, context.wrap_socket(connection, server_hostname=name) as tls:
            tls.sendall(_PREFACE)
            answered = (
                tls.recv(1) != b""
            )  # from TLS 1.3 on a certificate of the client is looked at after the handshake
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(access, name, error)
    except ssl.SSLError as error:
        if error.reason == "WRONG_VERSION_NUMBER":
            return (
                f"the server at {access.address} speaks plain text, and this client TLS; leave out --ca (ca= in "
                "Python), or start the server with --tls-certificate"
            )
        answered = False
    except ConnectionResetError:
        answered = False
    if answered:
        return ""
    if access.certificate is None:
        return (
            f"the server at {access.address} closes the connection, as one does that asks clients for certificates; "
            "give --certificate and --private-key (certificate= and private_key= in Python)"
        )
    return (
        f"the server at {access.address} closes the connection when shown the certificate {str(access.certificate)!r}; "
        "give by --certificate one that leads to the authorities in its --tls-client-ca"
    )


def _of_certificate(access: Access, name: str, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code not in _OF_NAMES:
        return (
            f"the certificate of the server at {access.address} does not stand up to --ca {access.ca} (ca= in Python): "
            f"{error.verify_message}; give the authorities that it leads to"
        )
    names = _names(access)
    is_for = f"is for {', '.join(names)} and not" if names else "is not"
    return (
        f"the certificate of the server at {access.address} {is_for} for {name}; give --server-name "
        f"{names[0] if len(names) == 1 else 'NAME'} (server_name= in Python) if that is the server you mean"
    )


def _names(access: Access) -> tuple[str, ...]:
    """The names and addresses that the server's certificate, which leads to an authority, is for."""
    context = _context(access)
    context.check_hostname = False
    with _connection(access.address) as connection, context.wrap_socket(connection) as tls:
        found: Any = (tls.getpeercert() or {}).get("subjectAltName", ())
    return tuple(str(name) for _, name in found)


def _context(access: Access) -> ssl.SSLContext:
    roots = None if str(access.ca) == SYSTEM_ROOTS else str(access.ca)
    context = ssl.create_default_context(cafile=roots)
    context.set_alpn_protocols(["h2"])
    if access.certificate is not None and access.private_key is not None:
        context.load_cert_chain(access.certificate, access.private_key, password="")
    return context


def _connection(address: str) -> socket.socket:
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_SECONDS)
        connection.connect(address.removeprefix("unix:").removeprefix("//"))
        return connection
    return socket.create_connection((host_of(address), int(address.rpartition(":")[2])), _SECONDS)
