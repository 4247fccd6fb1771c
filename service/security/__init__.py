"""Who may reach the server and what they may do there."""

from service.security.caller import ANYONE, Caller, Role
from service.security.guard import Guard
from service.security.tls import TlsFiles, server_credentials

__all__ = ["ANYONE", "Caller", "Guard", "Role", "TlsFiles", "server_credentials"]
