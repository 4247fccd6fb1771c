"""Who may reach the server and what they may do there."""

from service.security.caller import ANYONE, Caller, Role
from service.security.guard import Guard

__all__ = ["ANYONE", "Caller", "Guard", "Role"]
