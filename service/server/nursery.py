"""A process that workers are forked from.

It loads what they need, a module it is told by name, and then, for every socket it is sent, forks a worker that answers
there. Forking from the server itself would hang the child: it lacks the threads that Polars had. `multiprocessing` has
such a process too, but its children run the program's main file again, which ends badly for a script that starts a
server on its first line.
"""

import ctypes
import gc
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

ORDER = struct.Struct("!B")  # for a worker: by how much nicer than the nursery, see nice(2)
HEADER = struct.Struct("!QB")  # length of what follows, what it is
STEP, END, RAISED = 1, 2, 3
PID = struct.Struct("!Q")
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def main() -> None:
    """Fork workers until the other end closes."""
    _end_with(os.getppid())  # to be told takes until all is loaded
    control = socket.socket(fileno=int(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # terminals and systemd send these to all; the server ends us in order
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a worker ended
    import_module(sys.argv[2])
    gc.freeze()  # what the workers share with us stays shared: their collections would write to each object
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, ORDER.size, 1)
        if not message:
            control.close()
            return
        if not descriptors:  # we are asked whether all is loaded
            control.sendall(PID.pack(0))
            continue
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            _end_with(parent)
            os.nice(ORDER.unpack(message)[0])
            try:
                with socket.socket(fileno=descriptors[0]) as pipe:
                    _serve(pipe)
            finally:
                os._exit(0)  # what else the nursery has open is not ours to tidy up
        os.close(descriptors[0])
        control.sendall(PID.pack(pid))


def _end_with(parent: int) -> None:
    # Even at work, when the process is killed that we were started by.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _serve(pipe: socket.socket) -> None:
    """The life of a worker: answer tasks until the other end closes."""
    while (raw := _read(pipe)) is not None:
        try:
            for answer in _answers(raw):
                _write(pipe, STEP, answer)
            _write(pipe, END, None)
        except OSError:
            return
        except Exception as error:  # carried over to the server
            _write(pipe, RAISED, error)


def _answers(raw: bytes) -> Iterator[Any]:
    function, arguments = pickle.loads(raw)
    found = function(*arguments)
    if isinstance(found, Iterator):
        yield from found
    else:
        yield found


def _write(pipe: socket.socket, kind: int, what: object) -> None:
    raw = pickle.dumps(what, protocol=5)
    pipe.sendall(HEADER.pack(len(raw), kind) + raw)


def _read(pipe: socket.socket) -> bytes | None:
    header = _exactly(pipe, HEADER.size)
    return None if header is None else _exactly(pipe, HEADER.unpack(header)[0])


def _exactly(pipe: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = pipe.recv(min(size, 2**20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
