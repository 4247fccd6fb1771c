"""Nurseries that are born loaded, so that not every server of a test loads for a second what its workers need.

One process loads what `service.server.nursery` does, once; every server in the process of the tests has its nursery
forked from it, and that is the real one from there on, as are its workers. Servers that are programs of their own, and
`tests/service/server/test_server_workers.py`, start theirs as ever.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import cast

from service.server import workers
from service.server.nursery import PID

_PROGRAM = """
import os, signal, socket, sys
import service.server.loaded
from service.server.nursery import PID, main

control = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    if not message:
        break
    pid = os.fork()
    if pid == 0:
        control.close()
        sys.argv[1:] = [str(descriptors[0]), "service.server.loaded"]
        try:
            main()
        finally:
            os._exit(0)
    os.close(descriptors[0])
    control.sendall(PID.pack(pid))
"""


class Nurseries:
    """The process that they are forked from; it starts when the first one is asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, end: socket.socket) -> "Forked":
        """A nursery at one end of a pair of sockets."""
        with self._lock:
            if self._process is None:
                self._control, theirs = socket.socketpair()
                with theirs:
                    self._process = subprocess.Popen(
                        [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                        pass_fds=[theirs.fileno()],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                    )
            socket.send_fds(self._control, [b"1"], [end.fileno()])
            raw = self._control.recv(PID.size, socket.MSG_WAITALL)
        return Forked(PID.unpack(raw)[0])

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._control.close()
            self._process.wait()


class Forked:
    """As much of a `subprocess.Popen` as a nursery is asked for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor: int | None = os.pidfd_open(pid)

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._descriptor is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> None:
        """Wait for its end."""
        if self._descriptor is not None:
            end = select.poll()
            end.register(self._descriptor, select.POLLIN)
            end.poll()
            os.close(self._descriptor)
            self._descriptor = None


def forking(nurseries: Nurseries) -> type[workers.Nursery]:
    """What a server takes for its nursery, forked."""

    class Nursery(workers.Nursery):
        def __init__(self, module: str) -> None:
            del module  # they have loaded all
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="nursery")
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = cast("subprocess.Popen[bytes]", nurseries.fork(theirs))

    return Nursery
