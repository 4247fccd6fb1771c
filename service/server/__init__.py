"""The gRPC server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.server.front import Front
    from service.server.running import Server, serve

__all__ = ["Front", "Server", "serve"]


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: the processes that workers are forked from need none of them."""
    if name in __all__:
        from service.server import front, running

        return getattr(front if name == "Front" else running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
