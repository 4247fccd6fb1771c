"""One Hypothesis profile for all tests: no deadline, because shared machines stall."""

import os

from hypothesis import settings

# Two workers share two cores: threads of BLAS on matrices of five would only stand in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Commands that tests run must not read what the developer has imported.
os.environ["SHARECAST_DATABASE"] = "none"

settings.register_profile("sharecast", deadline=None, derandomize=True)
settings.load_profile("sharecast")
