"""What a server with a real store answers to requests that are none, that are wrong, and that are too large.

    python tests/bench/service_inputs.py [--garbage 100000] [--wrong 10000] [--seconds 900] [--soon 0.02]
                                         [--database URL] [--seed 0]

- garbage: random and bit-flipped requests to every method, those of health and reflection too. Passes when each is OK
  or refused for what it says (INVALID_ARGUMENT; and where a flip leaves a message that is well formed, NOT_FOUND for a
  name that is not there, FAILED_PRECONDITION for a day before all figures, ALREADY_EXISTS for a request id that stands
  for another batch), and memory is flat: the second half of the calls leaves the server with at most 16 MB more.
- wrong: requests with one thing wrong, by one who knows which. Passes when each has the right code and field.
- large: messages over the limit, and with a million entries. Passes when each is refused for it, within `--soon`
  seconds by the server's clock (median of those that grpc lets through to it), and without any work of the workers.
  A test gives it all the time there is: it says nothing of how fast a machine is.
- keys: calls with good and bad keys to a server that asks for one. Passes when nothing of a key is told or logged.
- told: everything that all of these were told and that the server wrote into its log. Passes when no path, SQL,
  exception or name of the database is in it, and the log has no traceback and no error.

Without `--database` that is a new SQLite file. Ends with status 1 where one does not pass.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from served import Served, add_key, bearer, cpu_seconds, memory, serving, told

from service.server.front import _SERVICES
from service.server.reflecting import NAMES
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName, MarketShares
from sharecast.v1.forecast_pb2 import InlineShares, ShareRow
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest, StreamForecastsRequest
from sharecast.v1.import_pb2 import ImportHeader
from sharecast.v1.job_service_pb2 import CreateForecastJobRequest, WatchForecastJobRequest
from sharecast.v1.market_service_pb2 import GetHistoryRequest, ImportFiguresRequest, ListFiguresRequest
from tests.service.server.asking import Answer, as_expected, ask, inside_told
from tests.service.server.bad_inputs import Bad, bad_inputs

ALLOWED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "ALREADY_EXISTS"}
CALLERS = 24
FLAT = 16 * 2**20  # bytes
MILLION = 10**6

_rows = InlineShares(rows=[ShareRow(period=f"2020Q{n}", provider=p, share=0.5) for n in (1, 2, 3) for p in "AB"])
_batch = ForecastBatch(
    shares=[MarketShares(market="m", first_period="2020Q1", providers=["A", "B"], shares=[0.5] * 8)],
    markets=[MarketName(market="cn-cloud")],
    horizon=1,
    model="naive",
)
SEEDS = [
    ForecastRequest(market="cn-cloud", horizon=2, levels=[0.5], seed=7, model="naive").SerializeToString(),
    ForecastRequest(market="m", shares=_rows, horizon=1, events=["A leads in 2020Q4"]).SerializeToString(),
    BacktestRequest(market="cn-cloud", origins=1, horizon=1, models=["naive"]).SerializeToString(),
    StreamForecastsRequest(batch=_batch).SerializeToString(),
    CreateForecastJobRequest(batch=_batch, request_id="r", validate_only=True).SerializeToString(),
    CreateForecastJobRequest(batch=_batch, request_id="r").SerializeToString(),
    WatchForecastJobRequest(job_id="0" * 24, skip_count=1).SerializeToString(),
    GetHistoryRequest(market="cn-cloud", house="canalys", as_of="2021-01-15").SerializeToString(),
    ListFiguresRequest(market="cn-cloud", quarter="2020Q3", page_size=3).SerializeToString(),
    ImportFiguresRequest(header=ImportHeader(kind="IMPORT_KIND_SHARES")).SerializeToString(),
    health_pb2.HealthCheckRequest(service="sharecast.v1.JobService").SerializeToString(),
    ServerReflectionRequest(file_containing_symbol="sharecast.v1.JobService").SerializeToString(),
    ServerReflectionRequest(list_services="").SerializeToString(),
    b"",
]


class Heard:
    """Everything that callers were told beside replies."""

    def __init__(self) -> None:
        self.inside: Counter[str] = Counter()
        self.secrets: tuple[str, ...] = ()

    def hear(self, text: bytes) -> None:
        """Look through a text."""
        found = inside_told(text, *self.secrets)
        self.inside.update(found)
        if found:
            print(f"  {text[:400]!r}")


def methods() -> list[tuple[str, bool, bool]]:
    """Path of every method, and whether requests and responses are streams."""
    described: list[MethodDescriptor] = [
        method
        for service in (*_SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"])
        for method in service.methods
    ]
    found = [(f"/{m.containing_service.full_name}/{m.name}", m.client_streaming, m.server_streaming) for m in described]
    return found + [(f"/{name}/ServerReflectionInfo", True, True) for name in NAMES]


def garbled(rng: random.Random) -> bytes:
    """Random bytes, or a request with some bits flipped, cut off, or run into another."""
    if rng.random() < 0.25:
        return rng.randbytes(rng.randint(0, 80))
    raw = bytearray(rng.choice(SEEDS))
    if rng.random() < 0.2:
        raw = raw[: rng.randint(0, len(raw))] + rng.choice(SEEDS)
    for _ in range(rng.choice((0, 1, 1, 2, 4, 8))):
        if raw:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


async def one(channel: grpc.aio.Channel, path: str, kinds: tuple[bool, bool], raw: bytes, heard: Heard) -> str:
    """Make a call and return its code; of a stream the first response is enough."""
    try:
        call: grpc.aio.StreamStreamCall[bytes, bytes] | grpc.aio.UnaryStreamCall[bytes, bytes]
        match kinds:
            case True, True:
                call = channel.stream_stream(path, None, None)(iter([raw]), timeout=60)
            case False, True:
                call = channel.unary_stream(path, None, None)(raw, timeout=60)
            case True, False:
                await channel.stream_unary(path, None, None)(iter([raw]), timeout=60)
                return "OK"
            case _:
                await channel.unary_unary(path, None, None)(raw, timeout=60)
                return "OK"
        async for _ in call:
            break
        call.cancel()
        return "OK"
    except grpc.aio.AioRpcError as failed:
        heard.hear(str(failed.details()).encode())
        trailers: Any = failed.trailing_metadata() or ()
        heard.hear(b"".join(value for _, value in trailers if isinstance(value, bytes)))
        return failed.code().name


async def garbage(server: Served, seconds: float, count: int, seed: int, heard: Heard) -> bool:
    """Random and bit-flipped requests to every method."""
    rng, codes, known = random.Random(seed), Counter[str](), methods()
    end, held = time.perf_counter() + seconds, [memory(server.pid)]
    async with grpc.aio.insecure_channel(server.address) as channel:

        async def caller() -> None:
            while time.perf_counter() < end and codes.total() < count:
                path, *kinds = rng.choice(known)
                codes[await one(channel, path, (kinds[0], kinds[1]), garbled(rng), heard)] += 1
                if codes.total() >= len(held) * count / 10:
                    held.append(memory(server.pid))

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    grown = held[-1] - held[len(held) // 2]
    sizes = " ".join(f"{each / 2**20:.0f}" for each in held)
    figure = f"{codes.total()} requests to {len(known)} methods, {dict(codes.most_common())}, memory {sizes} MB"
    return told("garbage", set(codes) <= ALLOWED and grown < FLAT and codes.total() >= count, figure)


def wrong(server: Served, seconds: float, count: int, seed: int, heard: Heard) -> bool:
    """Requests with one thing wrong."""
    end, codes, missed = time.perf_counter() + seconds, Counter[str](), Counter[str]()
    with grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor(8) as threads:

        def check(bad: Bad) -> None:
            if time.perf_counter() > end:
                return
            answer = ask(channel, bad)
            codes[answer.code] += 1
            heard.hear(answer.told)
            if not as_expected(bad, answer):
                missed[f"{bad.method}, {bad.what}: {answer.code} {answer.field!r}, not {bad.code} {bad.field!r}"] += 1

        list(threads.map(check, islice(bad_inputs(seed), count)))
    for line, times in missed.most_common(20):
        print(f"  {times} x {line}")
    figure = f"{codes.total()} inputs, {dict(codes.most_common())}, {missed.total()} with another code or field"
    return told("wrong", not missed and codes.total() >= count, figure)


def too_large() -> Iterator[tuple[str, bytes, str]]:
    """Method, request, code."""
    empty = MarketShares().SerializeToString()
    for path, streamed, _ in methods():
        if not streamed:
            yield path, bytes(4 * 2**20 + 1), "RESOURCE_EXHAUSTED"
    rows = InlineShares.FromString(InlineShares(rows=[ShareRow()]).SerializeToString() * MILLION)
    tables = ForecastBatch.FromString(
        ForecastBatch(shares=[MarketShares.FromString(empty)]).SerializeToString() * MILLION
    )
    invalid = "INVALID_ARGUMENT"
    yield (
        "/sharecast.v1.ForecastService/Forecast",
        ForecastRequest(market="m", shares=rows).SerializeToString(),
        invalid,
    )
    yield (
        "/sharecast.v1.ForecastService/Backtest",
        BacktestRequest(market="m", shares=rows).SerializeToString(),
        invalid,
    )
    for kind, path in (
        (StreamForecastsRequest, "/sharecast.v1.ForecastService/StreamForecasts"),
        (CreateForecastJobRequest, "/sharecast.v1.JobService/CreateForecastJob"),
    ):
        yield path, kind(batch=tables).SerializeToString(), invalid
    events = ForecastRequest(events=[""]).SerializeToString() * MILLION
    for path, streamed, _ in methods():
        if not streamed and "Health" not in path:
            yield path, events, invalid


def large(server: Served, soon: float, heard: Heard) -> bool:
    """Requests that are too large."""
    server.settle()
    before, codes, odd = sum(cpu_seconds(pid) for pid in server.workers()), Counter[str](), []
    logged = len(server.log.read_bytes())
    with grpc.insecure_channel(server.address) as channel:
        for path, raw, code in too_large():
            answer: Answer = ask(channel, Bad(path[1:], (raw,), code, "", ""))
            codes[answer.code] += 1
            heard.hear(answer.told)
            if answer.code != code or not answer.told:
                odd.append(f"{path} {len(raw)} bytes: {answer.code}")
    used = sum(cpu_seconds(pid) for pid in server.workers()) - before
    lines = [json.loads(line) for line in server.log.read_bytes()[logged:].splitlines()]
    took = median(line["seconds"] for line in lines if line.get("code") == "INVALID_ARGUMENT")
    figure = f"{dict(codes)}, refused in {1000 * took:.1f} ms, workers at work for {used:.2f} s, otherwise {odd}"
    return told("large", not odd and used == 0 and took < soon, figure)


def keys(database: str, heard: Heard) -> bool:
    """Calls with keys, good and not, of a server that asks for one."""
    good, reader = add_key(database, "t"), add_key(database, "t", "read")
    forged = secrets.token_hex(40)
    bad = [f"{good[:-3]}xyz", f"{good}x", good[:9], forged, "a b", f"{good} {good}"]
    private = (good[-20:-3], reader[-20:], forged)  # the secret halves; the other ones name keys in the log
    codes, found = Counter[str](), Counter[str]()
    with (
        serving("--authentication", "keys", database=database) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        for key in (good, reader, *bad):
            for path, streamed, _ in methods():
                if "Health" not in path and not streamed:
                    answer = ask(channel, Bad(path[1:], (b"\xff",), "", "", ""), metadata=bearer(key))
                    codes[answer.code] += 1
                    found.update(inside_told(answer.told, *private, *heard.secrets))
        found.update(inside_told(server.log.read_bytes(), *private, *heard.secrets))
    allowed = {"INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED"}
    return told("keys", set(codes) == allowed and not found, f"{dict(codes)}, of the inside {dict(found)}")


def quiet(server: Served, heard: Heard) -> bool:
    """What was told, and the log."""
    log = server.log.read_bytes()
    grave = [line for line in log.splitlines() if b'"level": "error"' in line or b'"exception"' in line]
    told_of = Counter(inside_told(log, *heard.secrets))
    for line in grave[:5]:
        print(f"  {line.decode()}")
    count = len(log.splitlines())
    figure = f"{count} lines of log, {len(grave)} grave; of the inside {dict(heard.inside)}, in the log {dict(told_of)}"
    return told("told", not grave and not heard.inside and not told_of, figure)


@contextmanager
def a_database(given: str) -> Iterator[str]:
    """The one given, or a new SQLite file."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="hidden-place-") as folder:
        yield f"sqlite:///{Path(folder) / 'hidden-file.db'}"


def main() -> int:
    """Run all, and say whether they pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--garbage", type=int, default=100_000)
    parser.add_argument("--wrong", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--soon", type=float, default=0.02)
    parser.add_argument("--database", default="")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    heard = Heard()
    with a_database(options.database) as database, serving(database=database) as server:
        heard.secrets = ("hidden-place-", "hidden-file", database)
        trials: list[Callable[[], bool]] = [
            lambda: asyncio.run(garbage(server, options.seconds, options.garbage, options.seed, heard)),
            lambda: wrong(server, options.seconds, options.wrong, options.seed, heard),
            lambda: large(server, options.soon, heard),
            lambda: quiet(server, heard),
            lambda: keys(database, heard),
        ]
        passed = [trial() for trial in trials]
    return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main())
