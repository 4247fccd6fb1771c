"""What becomes of calls while others hold connections open, or speak no HTTP/2: a server in a process of its own.

    python tests/bench/service_sockets.py [--silent 1500] [--garbage 500]

- silent: connections that send nothing, or stop within the first bytes of HTTP/2.
- garbage: connections that send random bytes, HTTP/1, the begin of a TLS handshake, HTTP/2 with random frames.

- resets: one connection that opens calls and resets them at once, as fast as it can, for five seconds.

The first two with and without TLS. Meanwhile one caller asks for a forecast that was given before. Passes where

- 99 of 100 of its calls take less than 5 ms; on a machine too busy for that, at most half as long again as alone;
- calls over connections of their own take less than a second;
- the server closes every one of the sockets within 10 s, its timeout being 5 s, and has no more files open than before.
  It starts with a limit of 1,024 open files, as services do, and so has to raise it;
- of resets, memory grows by less than 100 MB.

Ends with status 1 where one does not pass.
"""

import argparse
import random
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from math import nan
from pathlib import Path

import grpc
from callers import Asked, Crowd, crowd
from served import FORECAST, descriptors, memory, quick, serving, told

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _CANCEL = 0, 1, 3, 4, (8).to_bytes(4)  # kinds of frames, and why a stream is reset
ENOUGH = 10.0  # seconds, twice the timeout of a handshake
_RNG = random.Random(0)


def silent(number: int) -> bytes:
    """The first bytes of a client that then falls silent."""
    return (b"", PREFACE[:10], PREFACE)[number % 3]


def garbage(number: int) -> bytes:
    """The first bytes of a client that speaks something else."""
    hello = bytes.fromhex("160301020001")  # TLS: handshake, client hello of 512 bytes, of which none come
    return (_RNG.randbytes(200), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", hello, PREFACE + _RNG.randbytes(90))[number % 4]


def given_before(seed: int) -> bytes:
    """A forecast that is in the cache."""
    del seed
    return quick(1)


def hold(address: str, count: int, first: Callable[[int], bytes], pem: bytes | None) -> tuple[list[float], float]:
    """Open connections, send the first bytes, and wait until the server closes them.

    Returns:
        Seconds after which each was closed, and the longest time that a call over a connection of its own took
        meanwhile.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, _, port = address.rpartition(":")
    poll, closed, longest = select.poll(), [], 0.0
    held: dict[int, tuple[socket.socket, float]] = {}
    for number in range(count):
        one = socket.create_connection((host, int(port)))
        with suppress(OSError):  # it was closed already
            one.sendall(first(number))
        held[one.fileno()] = (one, time.perf_counter())
        poll.register(one, select.POLLIN)
    end, again = time.perf_counter() + ENOUGH, 0.0
    while held and time.perf_counter() < end:
        if time.perf_counter() > again:
            longest, again = max(longest, call_anew(address, pem)), time.perf_counter() + 0.5
        for number, _ in poll.poll(50):
            one, opened = held[number]
            try:
                more = one.recv(65536)
            except OSError:
                more = b""
            if not more:
                closed.append(time.perf_counter() - opened)
                poll.unregister(one)
                one.close()
                del held[number]
    for one, _ in held.values():
        one.close()
    return closed, longest


def call_anew(address: str, pem: bytes | None) -> float:
    """Seconds that a call takes over a connection of its own."""
    started = time.perf_counter()
    apart = (("grpc.use_local_subchannel_pool", 1),)
    secure = None if pem is None else grpc.ssl_channel_credentials(pem)
    opened = grpc.insecure_channel(address, apart) if secure is None else grpc.secure_channel(address, secure, apart)
    with opened as channel:
        channel.unary_unary(FORECAST, None, None)(given_before(0), timeout=30)
    return time.perf_counter() - started


def trial(people: Crowd, name: str, count: int, first: Callable[[int], bytes], *, tls: bool) -> bool:
    """Hold connections while a caller calls."""
    with certified(tls) as (options, pem), few_files(), serving(*options) as server:
        call_anew(server.address, pem)

        def caller() -> "Future[Asked]":
            return people.steadily(server.address, given_before, 1, 5.0, pause=0.002, pem=pem)

        alone = caller().result()
        before = descriptors(server.pid)
        beside = caller()
        time.sleep(0.5)
        closed, longest = hold(server.address, count, first, pem)
        found = beside.result()
        time.sleep(0.5)
        after = descriptors(server.pid)
    late, usual = found.at("OK", 0.99), alone.at("OK", 0.99)
    figure = (
        f"{len(closed)} of {count} closed, after {1000 * max(closed, default=nan):.0f} ms at most; the other's calls "
        f"{1000 * found.at('OK', 0.5):.1f} ms, p99 {1000 * late:.1f} ({1000 * usual:.1f} alone), of "
        f"{found.codes['OK']}; over a new connection {1000 * longest:.0f} at most; files open {before}, then {after}"
    )
    fine = len(closed) == count and after <= before + 2 and set(found.codes) == {"OK"}
    return told(f"{name}{' (TLS)' if tls else ''}", fine and late < max(0.005, 1.5 * usual) and longest < 1, figure)


def resets(people: Crowd) -> bool:
    """Calls that are reset as soon as they are made."""
    with serving() as server:
        call_anew(server.address, None)

        def caller() -> "Future[Asked]":
            return people.steadily(server.address, given_before, 1, 5.0, pause=0.002)

        alone, before = caller().result(), memory(server.pid)
        beside = caller()
        made = reset_calls(server.address, 5.0)
        found, grown = beside.result(), (memory(server.pid) - before) / 2**20
    late, usual = found.at("OK", 0.99), alone.at("OK", 0.99)
    figure = (
        f"{made} calls reset; the other's calls {1000 * found.at('OK', 0.5):.1f} ms, p99 {1000 * late:.1f} "
        f"({1000 * usual:.1f} alone), of {found.codes['OK']}; memory grew by {grown:.0f} MB"
    )
    return told("resets", late < max(0.005, 1.5 * usual) and grown < 100 and set(found.codes) == {"OK"}, figure)


def reset_calls(address: str, seconds: float, *, asked: bool = False, pause: float = 0.0) -> int:
    """Open calls and reset them for so many seconds, each at once or a pause after its whole request; how many."""
    whole = given_before(1)
    message = b"\0" + len(whole).to_bytes(4) + whole  # not compressed
    pairs = (("method", "POST"), ("scheme", "http"), ("path", FORECAST), ("authority", "a"))
    texts = [*((f":{name}", value) for name, value in pairs), ("content-type", "application/grpc"), ("te", "trailers")]
    # HPACK: each a literal that is not to be indexed
    headers = b"".join(b"\0" + _text(name) + _text(value) for name, value in texts)
    host, _, port = address.rpartition(":")
    made, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        with socket.create_connection((host, int(port)), timeout=2) as one, suppress(OSError):  # closed: another one
            one.sendall(PREFACE + _frame(_SETTINGS, 0, 0))
            for first in range(1, 2**31 - 100, 100):
                streams = range(first, first + 100, 2)
                if asked:
                    begun = b"".join(_frame(_HEADERS, 4, n, headers) + _frame(_DATA, 1, n, message) for n in streams)
                    one.sendall(begun)
                    time.sleep(pause)
                    one.sendall(b"".join(_frame(_RESET, 0, n, _CANCEL) for n in streams))
                else:
                    one.sendall(
                        b"".join(_frame(_HEADERS, 4, n, headers) + _frame(_RESET, 0, n, _CANCEL) for n in streams)
                    )
                made += len(streams)
                if select.select([one], [], [], 0)[0] and not one.recv(2**20):
                    break
                if time.perf_counter() > end:
                    break
    return made


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2, RFC 9113 section 4.1."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


@contextmanager
def few_files() -> Iterator[None]:
    """Have what starts within find a limit of 1,024 open files, which it may raise."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, most), most))
    yield


@contextmanager
def certified(tls: bool) -> Iterator[tuple[list[str], bytes | None]]:
    """Options of a server with a certificate of its own, and what a client is to trust; none without TLS."""
    if not tls:
        yield [], None
        return
    with tempfile.TemporaryDirectory() as folder:
        key, pem = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
        command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run([*command, *names, "-keyout", str(key), "-out", str(pem)], check=True, capture_output=True)
        files = ["--tls-certificate", str(pem), "--tls-private-key", str(key)]
        yield [*files, "--authentication", "none"], pem.read_bytes()


def main() -> int:
    """Run all, and say whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--silent", type=int, default=1_500)
    parser.add_argument("--garbage", type=int, default=500)
    options = parser.parse_args()
    with crowd() as people:
        passed = [
            trial(people, name, count, first, tls=tls)
            for name, count, first in (("silent", options.silent, silent), ("garbage", options.garbage, garbage))
            for tls in (False, True)
        ]
        passed.append(resets(people))
    return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main())
