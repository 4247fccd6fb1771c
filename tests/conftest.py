"""One Hypothesis profile for all tests: no deadline, because shared machines stall. And functions compiled once."""

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Two workers share two cores: threads of BLAS on matrices of five would only stand in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Commands that tests run must not read what the developer has imported.
os.environ["SHARECAST_DATABASE"] = "none"

settings.register_profile("sharecast", deadline=None, derandomize=True)
settings.load_profile("sharecast")

# In a fresh clone the compiled functions take a core twelve seconds. They are compiled once for all workers and all
# programs of tests, beside the collection, and are in numba's cache before the first test asks for one.
_LOCK = pytest.StashKey[Path]()
_COMPILE = """
import service.batch.compiled
import numpy as np, polars as pl
from importlib.resources import files
from forecast.forecasting import forecast_shares
from forecast.shares import check_shares
panel = pl.read_parquet((files("forecast.data") / "panel.parquet").read_bytes())
market = panel.filter(pl.col("market") == panel["market"][0]).select("market", "period", "provider", "share")
forecast_shares(check_shares(market), horizon=2)
"""


def pytest_configure(config: pytest.Config) -> None:
    """Begin to compile, in the process that starts the workers."""
    if hasattr(config, "workerinput"):
        config.stash[_LOCK] = Path(config.workerinput["compiling"])
        return
    handle, name = tempfile.mkstemp(prefix="sharecast-tests-")
    fcntl.flock(handle, fcntl.LOCK_EX)  # until the process below ends, as it alone has the file open
    compiling = subprocess.Popen([sys.executable, "-c", _COMPILE], pass_fds=[handle])
    os.close(handle)
    config.stash[_LOCK] = Path(name)

    def end() -> None:
        compiling.kill()
        compiling.wait()
        Path(name).unlink()

    config.add_cleanup(end)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where to wait."""
    node.workerinput["compiling"] = str(node.config.stash[_LOCK])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Wait until all is compiled."""
    if session.items and not session.config.option.collectonly:
        with session.config.stash[_LOCK].open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
