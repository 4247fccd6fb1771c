"""Random and bit-flipped requests to a server that is a process of its own; the bench sends 100,000."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "service_inputs.py"


def test_garbage_is_refused_for_what_it_is_and_leaves_no_trace_but_lines_of_calls() -> None:
    command = [sys.executable, str(SCRIPT), "--garbage", "600", "--wrong", "40", "--soon", "inf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 methods" in done.stdout
    assert done.stdout.count(": passes\n") == 5
