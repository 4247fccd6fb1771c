"""Who calls: a tenant in a role."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a caller may do; each may do what those below it may."""

    READ = 1  # ask: forecasts, histories, figures, and the jobs of its own tenant
    WRITE = 2  # bring in figures, start and cancel jobs
    ADMIN = 3  # everything, of every tenant

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a call comes from."""

    tenant: str  # whom its work and its jobs belong to
    role: Role
    key_id: str = ""  # the public half of its key; empty: no key was asked for


ANYONE = Caller(tenant="", role=Role.ADMIN)
"""The caller of a server that asks for no key."""
