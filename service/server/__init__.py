"""The gRPC server."""

from service.server.front import Front
from service.server.running import Server, serve

__all__ = ["Front", "Server", "serve"]
