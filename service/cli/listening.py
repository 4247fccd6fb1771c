"""Whether an address can be listened on, and why not: gRPC itself only says that it cannot."""

import errno
import os
import socket
from pathlib import Path

from forecast.errors import InvalidArgument

_UNIX = "unix:"
_LARGEST_PORT = 65535
_LONGEST_PATH = 107  # bytes of a socket's name, sockaddr_un


def check_can_listen(field: str, listen: str, /) -> None:
    """Listen on an address for a moment.

    Args:
        field: What the address is called in a message.
        listen: HOST:PORT, where port 0 is any, or unix:PATH.

    Raises:
        InvalidArgument: it cannot be listened on.
    """
    if why := obstacle(listen):
        unix = listen.startswith(_UNIX)
        allowed = "unix:PATH" if unix else f"HOST:PORT of this machine, PORT 0 to {_LARGEST_PORT},"
        raise InvalidArgument(field, listen, f"{allowed} that no other process uses ({why})")


def obstacle(listen: str, /) -> str:
    """Why an address cannot be listened on; empty: it can. Arguments as of `check_can_listen`."""
    if listen.startswith(_UNIX):
        return _obstacle_at(Path(listen.removeprefix(_UNIX)))
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > _LARGEST_PORT:
        return f"it is no HOST:PORT with a port of 0 to {_LARGEST_PORT}"  # the system would take port 70000 for 4464
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a name that cannot be one is the second
        return getattr(error, "strerror", None) or "there is no such name"
    failed: list[OSError] = []
    for family, kind, _, _, address in found:
        try:
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger are no hindrance
                probe.bind(address)
                probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return error.strerror or "in use"
            failed.append(error)
    # gRPC listens on those of a name's addresses that there are: localhost has one of IPv6 where IPv6 may be off
    return (failed[0].strerror or "unknown") if len(failed) == len(found) else ""


def same_place(one: str, other: str, /) -> bool:
    """Whether two addresses cannot both be listened on; each may be by itself, as `obstacle` says."""
    if one.startswith(_UNIX) or other.startswith(_UNIX):
        return one == other
    places, ports = [], []
    for listen in (one, other):
        host, _, port = listen.rpartition(":")
        found = socket.getaddrinfo(host.removeprefix("[").removesuffix("]"), int(port), type=socket.SOCK_STREAM)
        places.append({address[0] for *_, address in found})
        ports.append(int(port))
    everywhere = {"0.0.0.0", "::"}
    return ports[0] == ports[1] != 0 and bool(places[0] & places[1] or everywhere & (places[0] | places[1]))


def _obstacle_at(path: Path) -> str:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        return f"its name may have {_LONGEST_PATH} bytes at most"
    folder = path.absolute().parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} may not be written"
    if path.exists():
        return _listener_at(path) if path.is_socket() else "what is there is no socket"
    return ""


def _listener_at(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return ""  # left by a process that has ended; gRPC takes its place
    return "another process listens there"
