"""Market-share forecasts in Python: every public name of the library and of the client, loaded when it is asked for.

>>> import sharecast
>>> history = sharecast.reconstruct(sharecast.load_figures(), sharecast.load_breaks(), market="cn-cloud")
>>> str(sharecast.forecast_history(history, horizon=4).origin)
'2025Q4'

`sharecast.Client` asks a server, and loads neither NumPy nor Polars. The messages of the API are in `sharecast.v1`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_HOMES = ("forecast", "service.client")  # the first loads nothing before it is asked for a name

if TYPE_CHECKING:
    from forecast import *  # noqa: F403
    from service.client import *  # noqa: F403
else:  # unseen by type checkers, which would take any name for one that there is

    def __getattr__(name: str) -> object:
        if not name.startswith("_"):
            for home in map(import_module, _HOMES):
                if name in home.__all__:
                    return getattr(home, name)
        raise AttributeError(f"module 'sharecast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({name for home in map(import_module, _HOMES) for name in home.__all__})
