"""What a worker of a batch of many markets needs besides: the compiled form of the model of record, ready to be called.

Reading it from its cache takes longer than a few hundred markets, and compiling it, once for an installation, some
fifteen seconds. Importing this module starts no thread of Polars or NumPy that would be missing after a fork.
"""

import gc
import sys

import service.batch.loaded  # noqa: F401  (sets the number of threads, which is read at import)

gc.disable()  # nothing of what is loaded will ever be garbage: looking for it takes a seventh of the time
# Numba imports all of scipy.linalg and cffi, for a fifth of a second, to see whether functions that nothing here calls
# would work. Being told at once that they would not, it goes on.
_UNUSED = [name for name in ("scipy.linalg.cython_blas", "cffi") if name not in sys.modules]
for _name in _UNUSED:
    sys.modules[_name] = None  # type: ignore[assignment]  # what the import system takes for "not there"

import numpy as np  # noqa: E402

from forecast.models.base import Cells  # noqa: E402
from forecast.models.bulk import summarise_markets  # noqa: E402
from forecast.prior import shipped_prior  # noqa: E402
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS  # noqa: E402

_halves = np.full(4, 0.005)
_cells = Cells(np.array([0, 4]), np.array([0, 0, 1, 1]), np.array([0.5, 0.5, 0.4, 0.6]), _halves[:1], _halves)
summarise_markets(_cells, np.array([0, 1, 0, 1]), 2, shipped_prior(), DEFAULT_HORIZON, DEFAULT_LEVELS)

for _name in _UNUSED:
    del sys.modules[_name]
gc.enable()
gc.freeze()  # shared with the workers as long as nobody writes to it, which a collection would
