import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "store_faults.py"


def faults(*arguments: str) -> str:
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_importers_leave_nothing_partial_and_lose_nothing_acknowledged(database: str) -> None:
    kills = 8 if database.startswith("sqlite") else 4
    assert f"killed {kills} times" in faults("--kills", str(kills), "--database", database, "--reopened", "inf")


def test_a_disk_that_is_full_at_any_write_leaves_the_store_as_it_was() -> None:
    assert "a file that may not grow" in faults("--full")
