"""Generate the Python stubs of the API: ``python protos/generate.py [OUTPUT]``.

The stubs are checked in, made with grpcio-tools 1.76.0, because stubs of a newer one refuse an older protobuf.
Generating with the root at ``protos`` keeps the import package ``sharecast``, apart from our own `forecast`.
"""

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent


def generate(output: Path = ROOT) -> None:
    """Write the stubs of every ``.proto`` file under `output`.

    Raises:
        RuntimeError: the compiler refused a file; it has said why on standard error.
    """
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "sharecast").rglob("*.proto"))
    services = [source for source in sources if source.endswith("_service.proto")]
    _compile([f"--python_out={output}", f"--pyi_out={output}", *sources])
    _compile([f"--grpc_python_out={output}", *services])  # the other files would give empty stubs


def _compile(arguments: list[str]) -> None:
    includes = [f"-I{ROOT}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    if status := protoc.main(["protoc", *includes, *arguments]):  # type: ignore[no-untyped-call]
        raise RuntimeError(f"protoc ended with status {status}")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
