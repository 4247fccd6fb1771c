"""API keys: made, checked and ended. Only a hash of the secret half is kept.

A key reads ``sck_ID_SECRET``: a public half, by which people and logs name it, and 256 random bits. A plain SHA-256
of so many random bits needs no salt and no slow hash: there is nothing to guess from.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from forecast.errors import InvalidArgument, NotFound
from service.errors import Unauthenticated
from service.security.caller import Caller, Role

if TYPE_CHECKING:
    from service.store.key_rows import KeyRow, KeyRows  # loads SQLAlchemy, which a server without keys need not

_KEY: Final = re.compile(r"sck_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_LABEL: Final = re.compile(r"[^\x00-\x1f\x7f]{0,100}")
_NOBODYS_HASH: Final = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
_LONGEST: Final = timedelta(days=3660)

INVALID: Final = "the key is not valid"
EXPIRED: Final = "the key has expired"


def add_key(
    rows: "KeyRows", /, *, tenant: str, role: str, label: str = "", expires_in: timedelta | None = None, now: datetime
) -> "tuple[str, KeyRow]":
    """Make a key.

    Args:
        rows: Where it is kept.
        tenant: Whom the work done with it belongs to.
        role: ``read``, ``write`` or ``admin``.
        label: What it is for, for people.
        expires_in: How long it is valid; None: until it is revoked.
        now: When, with its time zone.

    Returns:
        The key, which cannot be had again, and what is kept of it.

    Raises:
        InvalidArgument: a tenant, role, label or time that is not allowed.
        StoreUnavailable: the database cannot be written.
    """
    from service.store.key_rows import KeyRow

    if _TENANT.fullmatch(tenant) is None:
        raise InvalidArgument("tenant", tenant, "1 to 63 of a to z, 0 to 9, '.', '_' and '-', such as 'team-a'")
    roles = [str(each) for each in Role]
    if role not in roles:
        raise InvalidArgument("role", role, ", ".join(roles))
    if _LABEL.fullmatch(label) is None:
        raise InvalidArgument("label", label, "at most 100 characters in one line")
    if expires_in is not None and not timedelta() < expires_in <= _LONGEST:
        raise InvalidArgument("expires_in", str(expires_in), "more than nothing, and ten years at most")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = KeyRow(
        key_id=key_id,
        secret_hash=_hash(secret),
        tenant=tenant,
        role=role,
        label=label,
        recorded_at=now.astimezone(UTC),
        expires_at=None if expires_in is None else (now + expires_in).astimezone(UTC),
    )
    rows.add(row)
    return f"sck_{key_id}_{secret}", row


def revoke_key(rows: "KeyRows", key_id: str, /, *, now: datetime) -> bool:
    """End a key for good.

    Args:
        rows: Where it is kept.
        key_id: Its public half, or the whole key, as whoever finds a leaked one has it.
        now: When, with its time zone.

    Returns:
        Whether it was still in force.

    Raises:
        NotFound: there is no such key; names those in force.
        StoreUnavailable: the database cannot be written.
    """
    key_id = public_half(key_id)  # a message must not repeat a secret either
    try:
        return rows.revoke(key_id, now)
    except KeyError:
        known = tuple(row.key_id for row in rows.all() if row.revoked_at is None)
        raise NotFound("key", key_id, known) from None


def check_key(key: str, rows: "Mapping[str, KeyRow]", /, *, now: datetime) -> Caller:
    """Whose a key is.

    Takes as long for a key that is not there as for one with a wrong secret.

    Args:
        key: As the caller sent it.
        rows: What is kept of every key, by public half.
        now: When, with its time zone.

    Raises:
        Unauthenticated: the key is not valid; does not say what about it, except that it has expired.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise Unauthenticated(INVALID)
    key_id, secret = found.groups()
    row = rows.get(key_id)
    right = hmac.compare_digest(_hash(secret), _NOBODYS_HASH if row is None else row.secret_hash)
    if row is None or not right or row.revoked_at is not None:
        raise Unauthenticated(INVALID)
    if row.expires_at is not None and row.expires_at <= now:
        raise Unauthenticated(EXPIRED)
    return Caller(tenant=row.tenant, role=Role[row.role.upper()], key_id=key_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def public_half(text: str, /) -> str:
    """The public half of a key; any other text as it is."""
    found = _KEY.fullmatch(text)
    return text if found is None else found[1]
