"""What a worker of a batch needs, loaded once in the process that the workers are forked from.

Importing this module starts no thread pool of Polars, so that it is safe to fork after it.
"""

from service.settings import use_one_thread

use_one_thread()

import forecast.many  # noqa: E402, F401  (the number of threads is read at import)
import service.batch.part  # noqa: E402, F401
