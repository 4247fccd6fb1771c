"""A server that is sent imports of few rows and very many bytes: what it answers, and its memory at its peak.

python tests/bench/import_bytes.py
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from served import peak_mb, serving

from sharecast.v1.import_pb2 import ImportChunk, ImportHeader, MarketShareRow
from sharecast.v1.market_service_pb2 import ImportFiguresRequest

IMPORT = "/sharecast.v1.MarketService/ImportFigures"
CALLERS, ROWS = 4, 150


def messages() -> Iterator[bytes]:
    """A header, then rows of nearly 4 MiB each."""
    yield ImportFiguresRequest(header=ImportHeader(kind="IMPORT_KIND_SHARES")).SerializeToString()
    for number in range(ROWS):
        row = MarketShareRow(market="m", period="2020Q3", provider=f"{number} {'x' * 4_190_000}", share=0.5)
        yield ImportFiguresRequest(chunk=ImportChunk(shares=[row])).SerializeToString()


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, serving(database=str(Path(folder) / "new.db")) as server:
        server.settle()
        before = peak_mb(server.pid)

        def send(_: int) -> str:
            with grpc.insecure_channel(server.address, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
                try:
                    channel.stream_unary(IMPORT, None, None)(messages(), timeout=300)
                except grpc.RpcError as error:
                    return str(error.code())
                return "OK"

        with ThreadPoolExecutor(CALLERS) as threads:
            print(dict(Counter(threads.map(send, range(CALLERS)))))
        print(f"server: {before:.0f} MB before, {peak_mb(server.pid):.0f} MB at its peak")


if __name__ == "__main__":
    main()
