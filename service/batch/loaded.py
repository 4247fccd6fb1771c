"""What a worker of a batch needs, loaded once in the process that the workers are forked from.

Importing this module starts no thread of Polars or NumPy that would be missing after a fork.
"""

import gc

from service.settings import use_one_thread

use_one_thread()
gc.disable()  # nothing of what is loaded will ever be garbage

import forecast.models.pool  # noqa: E402, F401  (the number of threads is read at import)
import service.batch.part  # noqa: E402, F401

gc.enable()
gc.freeze()  # shared with the workers as long as nobody writes to it, which a collection would
