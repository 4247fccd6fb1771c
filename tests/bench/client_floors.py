"""Does the client work with the oldest protobuf and grpcio it names, and with the newest?

    .venv/bin/python tests/bench/client_floors.py

Installs nothing but grpcio, protobuf and googleapis-common-protos into an environment of its own, once at the floors of
pyproject.toml and once at the newest releases, and asks a server of this environment for a list, a forecast, a stream
and an error. Passes when every answer is the one given here; else ends with status 1. Takes half a minute, downloads
included.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import version
from pathlib import Path

from service.catalog import Catalog
from service.server import Server

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("grpcio", "protobuf", "googleapis-common-protos")  # all that the client loads

ASK = """
import sys
from importlib.metadata import version
from service.client import Client, NotFound
import sharecast.v1.error_pb2, sharecast.v1.job_service_pb2_grpc
with Client(sys.argv[1]) as client:
    print([market.market for market in client.list_markets()])
    print(client.forecast("cn-cloud", as_of="2021-01-15", horizon=2).mean)
    print([outcome.forecast.mean for outcome in client.stream_forecasts(["world-cloud"], horizon=1)])
    print(client.get_history("world-cloud").status[-1])
    try:
        client.forecast("nowhere")
    except NotFound as error:
        print(error)
print(*(f"{name} {version(name)}" for name in ("grpcio", "protobuf")), file=sys.stderr)
"""


def floors() -> list[str]:
    """The oldest releases that pyproject.toml allows, as pip takes them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = (re.fullmatch(r"([a-z-]+)>=([0-9.]+)", line) for line in project["dependencies"])
    oldest = {each[1]: each[2] for each in found if each is not None}
    return [f"{name}=={oldest[name]}" for name in NEEDED]


def asked(python: Path | str, address: str) -> tuple[str, str]:
    """What a client in an environment is told, and with which versions."""
    done = subprocess.run(
        [python, "-W", "error", "-c", ASK, address],
        cwd=tempfile.gettempdir(),
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout if done.returncode == 0 else f"failed:\n{done.stderr}"), done.stderr.strip()


def main() -> int:
    """Ask in each environment, and compare."""
    with Server(Catalog.shipped()) as server:
        here, _ = asked(sys.executable, server.address)
        if here.startswith("failed"):
            print(here)
            return 1
        wrong = 0
        for which, requirements in (("oldest", floors()), ("newest", list(NEEDED))):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.executable, "-m", "venv", folder], check=True)
                python = Path(folder) / "bin" / "python"
                subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", *requirements], check=True)
                told, versions = asked(python, server.address)
            good = told == here
            wrong += not good
            print(f"{which}: {versions if good else told}: {'the same answers' if good else 'OTHER ANSWERS'}")
    print(f"here: {', '.join(f'{name} {version(name)}' for name in NEEDED)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
