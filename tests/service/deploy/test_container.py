"""The container: its files are consistent, and its steps make a server that runs where nothing may be written."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli.main import _COMMANDS
from service.settings import SETTINGS, ServeSettings
from tests.service.read_only import PROJECT, may_mount, needed, read_only
from tests.service.server.waiting import PATIENCE

DEPLOY = files("service.deploy")
INSTALLED = "/opt/sharecast"
PROGRAM = f"{INSTALLED}/bin/sharecast"
VARIABLES = {each.variable for each in SETTINGS}
COMMANDS = set(_COMMANDS)


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile and what follows each."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text("Dockerfile"), flags=re.MULTILINE)).splitlines()
    return [(name, rest) for name, rest in (line.split(" ", 1) for line in lines if line)]


def environment() -> dict[str, str]:
    """What ENV sets in the last stage."""
    stage: dict[str, str] = {}
    for name, rest in instructions():
        if name == "FROM":
            stage = {}
        elif name == "ENV":
            stage |= dict(each.split("=", 1) for each in shlex.split(rest))
    return stage


def test_the_container_runs_as_nobody_in_particular_and_every_name_in_it_is_one() -> None:
    found = dict(instructions())  # of the last of each
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", found["USER"])
    assert [name for name, _ in instructions()].count("FROM") == 2
    assert json.loads(found["ENTRYPOINT"]) == [PROGRAM]
    assert json.loads(found["CMD"])[0] in COMMANDS
    program, command, *_ = json.loads(found["HEALTHCHECK"].split("CMD ", 1)[1])
    assert (program, command) == (PROGRAM, "healthcheck")
    assert {name for name in environment() if name.startswith("SHARECAST_")} <= VARIABLES
    copied = [word for name, rest in instructions() if name == "COPY" and "--from" not in rest for word in rest.split()]
    assert all((PROJECT / word).exists() for word in copied)


def test_compose_starts_two_servers_that_write_nothing_beside_one_database() -> None:
    found = yaml.safe_load(text("compose.yml"))["services"]
    servers = [each for each in found.values() if each["image"] == "sharecast"]
    assert len(servers) == 2
    for each in servers:
        assert set(each["environment"]) <= VARIABLES
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert each["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert all(port.startswith("127.0.0.1:") for port in each["ports"])  # it is plain text
        assert (PROJECT / "service" / "deploy" / each["build"]["context"]).resolve() == PROJECT
    assert len({port for each in servers for port in each["ports"]}) == 2
    named = shlex.split(re.sub(r"^# *", "", text("compose.yml").split("\n\n")[0], flags=re.MULTILINE))
    assert named[named.index(PROGRAM) + 1] in COMMANDS


def test_kubernetes_probes_both_servers_and_lets_them_drain() -> None:
    service, budget, deployment = yaml.safe_load_all(text("kubernetes.yml"))
    pods: dict[str, Any] = deployment["spec"]["template"]
    (container,) = pods["spec"]["containers"]
    assert deployment["spec"]["replicas"] == 2 > budget["spec"]["minAvailable"]
    assert service["spec"]["selector"] == pods["metadata"]["labels"] == budget["spec"]["selector"]["matchLabels"]
    assert {each["name"] for each in container["env"]} <= VARIABLES
    assert container["args"][0] in COMMANDS
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["exec"]["command"][:2] == [PROGRAM, "healthcheck"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert environment()["SHARECAST_LISTEN"].endswith(f":{ports['grpc']}")
    assert container["livenessProbe"]["tcpSocket"]["port"] in ports
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pods["spec"]["securityContext"]["runAsNonRoot"]
    assert pods["spec"]["terminationGracePeriodSeconds"] >= ServeSettings().drain_seconds + 2


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """What the Dockerfile's own commands install, but for what it depends on, which stays where it is."""
    folder = Path(tempfile.mkdtemp(prefix="sharecast-container-", dir="/tmp"))
    folder.chmod(0o755)
    source = folder / "src"
    for name, rest in instructions():
        if name == "COPY" and "--from" not in rest:
            *given, target = rest.split()
            for each in given:
                place = source / target / Path(each).name if target.endswith("/") else source / target
                place.parent.mkdir(parents=True, exist_ok=True)
                if (PROJECT / each).is_dir():
                    shutil.copytree(PROJECT / each, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(PROJECT / each, place)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NUMBA", "SHARECAST"))}
    there = {**kept, **environment(), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": ""}
    for command in (rest for name, rest in instructions() if name == "RUN"):
        here = command.replace(INSTALLED, str(folder / "venv")).replace("python3 ", f"{sys.executable} ")
        here = here.replace("pip install", "pip install --no-deps")
        done = subprocess.run(["sh", "-c", here], cwd=source, env=there, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        for place in (folder / "venv" / "lib").glob("python*/site-packages"):  # in place of what pip was told to leave
            (place / "dependencies.pth").write_text("\n".join(each for each in sys.path if "site-packages" in each))
    yield folder
    shutil.rmtree(folder)


ASK = """
import signal, subprocess, sys
program = sys.argv[1]
server = subprocess.Popen(
    [program, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
)
address = server.stdout.readline().removeprefix("listening on ").strip()
asked = subprocess.run(
    [program, "forecast", "cn-cloud", "--horizon", "1", "--address", address, "--format", "csv"],
    capture_output=True, text=True,
)
server.send_signal(signal.SIGTERM)
_, log = server.communicate()
looked = subprocess.run([program, "doctor", "--listen", "127.0.0.1:0"], capture_output=True, text=True)
print(server.returncode, asked.returncode, len(asked.stdout.splitlines()))
print(log, asked.stderr, looked.stdout)
"""


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount, and unshare, mount and setpriv")
def test_what_the_dockerfile_installs_serves_where_nothing_may_be_written(installed: Path) -> None:
    (mounts := installed / "mounts").mkdir()
    there = [f"{name}={value}" for name, value in environment().items()]
    program = installed / "venv" / "bin" / "sharecast"
    python = installed / "venv" / "bin" / "python"
    command = ["env", *there, str(python), "-c", ASK, str(program)]
    line = read_only(command, mounts, read=needed(), written=[])
    done = subprocess.run(line, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "0 0 6", done.stdout  # a header and five providers
    assert "compiled code cannot be kept" not in done.stdout  # it was compiled when the image was made
    assert re.search(rf"ok +compiled code +kept in {installed}/venv/.*, which is read-only", done.stdout), done.stdout
