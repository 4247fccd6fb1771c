import subprocess
import sys

HEAVY = ("polars", "pandas", "numpy", "scipy", "statsmodels", "numba", "matplotlib")


def test_importing_the_client_loads_none_of_the_heavy_libraries() -> None:
    program = f"import sys, service.client; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
