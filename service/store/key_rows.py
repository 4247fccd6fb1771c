"""API keys as the store keeps them: never the secret half, and nothing is changed or deleted."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from service.store.engine import shown, writing
from service.store.failures import failures_told
from service.store.tables import api_key_revocations, api_keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key, without its secret half."""

    key_id: str  # the public half
    secret_hash: str  # SHA-256, hexadecimal
    tenant: str
    role: str  # read, write or admin
    label: str  # for people
    recorded_at: datetime  # UTC
    expires_at: datetime | None  # UTC; None: never
    revoked_at: datetime | None = None  # UTC; None: not yet


_ALL = (
    sa.select(api_keys, api_key_revocations.c.recorded_at.label("revoked_at"))
    .outerjoin(api_key_revocations, api_key_revocations.c.key_id == api_keys.c.key_id)
    .order_by(api_keys.c.recorded_at, api_keys.c.key_id)
)


class KeyRows:
    """The keys of a database. Safe to share between threads.

    Every method raises `StoreUnavailable` where the database cannot be reached, read or written.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._place = engine, shown(engine)

    def all(self) -> tuple[KeyRow, ...]:
        """Every key there ever was, the oldest first."""
        with failures_told(self._place), self._engine.connect() as connection:
            rows = connection.execute(_ALL).all()
        return tuple(_row(row) for row in rows)

    def add(self, row: KeyRow) -> None:
        """Keep a key."""
        values = {
            "key_id": row.key_id,
            "secret_hash": row.secret_hash,
            "tenant": row.tenant,
            "role": row.role,
            "label": row.label,
            "recorded_at": self._kept(row.recorded_at),
            "expires_at": None if row.expires_at is None else self._kept(row.expires_at),
        }
        with failures_told(self._place), writing(self._engine) as connection:
            connection.execute(api_keys.insert().values(values))

    def revoke(self, key_id: str, now: datetime) -> bool:
        """End a key for good; False where it was ended before.

        Raises:
            KeyError: there is no such key.
        """
        with failures_told(self._place), writing(self._engine) as connection:
            if connection.execute(sa.select(api_keys.c.key_id).where(api_keys.c.key_id == key_id)).first() is None:
                raise KeyError(key_id)
            ended = sa.select(api_key_revocations.c.key_id).where(api_key_revocations.c.key_id == key_id)
            if connection.execute(ended).first() is not None:
                return False
            values = {"key_id": key_id, "recorded_at": self._kept(now)}
            connection.execute(api_key_revocations.insert().values(values))
            return True

    def _kept(self, moment: datetime) -> Any:  # noqa: ANN401  (text in SQLite, a moment in PostgreSQL)
        utc = moment.astimezone(UTC)
        return utc.isoformat(timespec="microseconds") if self._engine.dialect.name == "sqlite" else utc


def _row(row: "sa.Row[Any]") -> KeyRow:
    return KeyRow(
        key_id=row.key_id,
        secret_hash=row.secret_hash,
        tenant=row.tenant,
        role=row.role,
        label=row.label,
        recorded_at=_moment(row.recorded_at),
        expires_at=None if row.expires_at is None else _moment(row.expires_at),
        revoked_at=None if row.revoked_at is None else _moment(row.revoked_at),
    )


def _moment(kept: str | datetime) -> datetime:
    return (datetime.fromisoformat(kept) if isinstance(kept, str) else kept).astimezone(UTC)
