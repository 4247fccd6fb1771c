"""What a worker of a batch needs, loaded once in the process that the workers are forked from.

The compiled functions too: reading them from their cache takes longer than a few hundred markets. Importing this module
starts no thread of Polars or NumPy that would be missing after a fork.
"""

from service.settings import use_one_thread

use_one_thread()

import numpy as np  # noqa: E402  (the number of threads is read at import)

import service.batch.part  # noqa: E402, F401
from forecast.models.base import Series  # noqa: E402
from forecast.models.dlm import summarise_market  # noqa: E402
from forecast.prior import shipped_prior  # noqa: E402
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS  # noqa: E402

_shares = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [np.nan] * 3, [0.4, 0.3, 0.3], [0.3, 0.4, 0.3]])
for _rows in (_shares, _shares[3:]):  # with a gap and without
    summarise_market(Series("", _rows), shipped_prior(), DEFAULT_HORIZON, DEFAULT_LEVELS)
