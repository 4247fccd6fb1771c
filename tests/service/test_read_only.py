"""A read-only installation, used by somebody without a home, as in containers. Needs the right to mount."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.read_only import may_mount, needed, read_only
from tests.service.server.waiting import PATIENCE

pytestmark = pytest.mark.skipif(not may_mount(), reason="needs the right to mount, and unshare, mount and setpriv")

SHEET = "period,provider,share\n" + "".join(
    f"20{20 + n // 4}Q{n % 4 + 1},Acme,{0.5 + n / 100}\n20{20 + n // 4}Q{n % 4 + 1},Others,{0.5 - n / 100}\n"
    for n in range(12)
)
# What is done there: every line of the answer is a step and its exit status.
STEPS = """
import json, pathlib, signal, subprocess, sys
folder = pathlib.Path(sys.argv[1])
sharecast = [sys.executable, "-P", "-m", "service.cli.main"]

def run(*arguments):
    return subprocess.run([*sharecast, *arguments], capture_output=True, text=True)

found = {}
for place in (sys.prefix, "/", "/dev/shm", "/tmp", str(folder)):
    try:
        (pathlib.Path(place) / "written").touch()
        found.setdefault("written", []).append(place)
    except OSError:
        pass
for name, arguments in {
    "forecast": ("forecast", "cn-cloud", "--horizon", "1", "--format", "csv"),
    "batch": ("batch", f"{folder}/sheet.csv", f"{folder}/one.csv", "--horizon", "1"),
    "batch of two": ("batch", f"{folder}/sheet.csv", f"{folder}/two.csv", "--horizon", "1", "--workers", "2"),
    "import": ("import", f"{folder}/sheet.csv"),
    "doctor": ("doctor", "--listen", "127.0.0.1:0", "--format", "json"),
}.items():
    done = run(*arguments)
    found[name] = [done.returncode, done.stdout, done.stderr]
server = subprocess.Popen(
    [*sharecast, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
)
address = server.stdout.readline().removeprefix("listening on ").strip()
asked = run("forecast", "cn-cloud", "--horizon", "1", "--format", "csv", "--address", address)
server.send_signal(signal.SIGTERM)
_, log = server.communicate()
found["serve"] = [server.returncode, asked.stdout, log]
import forecast
from forecast.models import bulk, kernel
import numpy as np
made = np.empty((2, 2))
kernel.copy_matrix(np.eye(2), made)
history = forecast.reconstruct(forecast.load_figures(), forecast.load_breaks(), market="cn-cloud")
found["library"] = [made.tolist(), str(forecast.forecast_history(history, horizon=1).origin)]
print(json.dumps(found))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may write to and reach."""
    made = Path(tempfile.mkdtemp(prefix="sharecast-read-only-", dir="/tmp"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("scratch", ["a folder for temporary files", "none"])
def test_a_read_only_installation_works_for_a_user_without_a_home(folder: Path, scratch: str) -> None:
    (folder / "sheet.csv").write_text(SHEET)
    (mounts := folder / "mounts").mkdir()
    (volume := folder / "volume").mkdir()
    for each in (mounts, volume):
        each.chmod(0o777)
    (volume / "sheet.csv").write_text(SHEET)
    may = [volume] if scratch == "none" else [volume, Path("/tmp")]
    command = read_only([sys.executable, "-c", STEPS, str(volume)], mounts, read=needed(), written=may)
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["written"] == ["/tmp"] * (scratch != "none") + [str(volume)]
    for step in ("forecast", "batch", "batch of two", "serve"):
        assert found[step][0] == 0, found[step]
    assert found["serve"][1] == found["forecast"][1]  # the server's answer is that of the command
    assert (volume / "one.csv").read_text() == (volume / "two.csv").read_text()
    assert found["library"] == [[[1.0, 0.0], [0.0, 1.0]], "2025Q4"]
    assert found["import"][0] == 2
    assert "database is not named, and this user has no home folder; give --database" in found["import"][2]
    compiled = next(each for each in json.loads(found["doctor"][1]) if each["check"] == "compiled code")
    if compiled["state"] == "ok":  # kept by whoever could write
        assert "which is read-only" in compiled["detail"]
    else:
        assert "set NUMBA_CACHE_DIR to a folder that may be written" in compiled["detail"]
        assert compiled["detail"] in found["serve"][2]
