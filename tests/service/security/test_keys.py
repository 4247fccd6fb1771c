import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, NotFound
from service.errors import Unauthenticated
from service.security.caller import Role
from service.security.keys import add_key, check_key, revoke_key
from service.store import Store, open_store
from service.store.key_rows import KeyRow

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def known(store: Store) -> dict[str, KeyRow]:
    return {row.key_id: row for row in store.keys.all()}


def test_a_key_that_was_added_tells_whose_it_is(database: str) -> None:
    with open_store(database) as store:
        key, row = add_key(store.keys, tenant="team-a", role="write", label="nightly", now=NOW)
        caller = check_key(key, known(store), now=NOW)
        assert known(store) == {row.key_id: row}
    assert (caller.tenant, caller.role, caller.key_id) == ("team-a", Role.WRITE, row.key_id)


def test_neither_the_key_nor_its_secret_is_kept(database: str) -> None:
    with open_store(database) as store:
        key, _ = add_key(store.keys, tenant="team-a", role="read", now=NOW)
        with store._engine.connect() as connection:
            kept = repr(connection.execute(sa.text("SELECT * FROM api_keys")).all())
    assert key not in kept
    assert key.split("_", 2)[2] not in kept


def test_a_revoked_key_ends_for_good_and_only_once(database: str) -> None:
    with open_store(database) as store:
        key, row = add_key(store.keys, tenant="a", role="read", now=NOW)
        other, _ = add_key(store.keys, tenant="a", role="read", now=NOW)
        assert revoke_key(store.keys, row.key_id, now=NOW)
        assert not revoke_key(store.keys, row.key_id, now=NOW)
        with pytest.raises(Unauthenticated, match="the key is not valid"):
            check_key(key, known(store), now=NOW)
        assert check_key(other, known(store), now=NOW).tenant == "a"
        assert known(store)[row.key_id].revoked_at == NOW


def test_a_key_is_valid_until_the_moment_it_expires(database: str) -> None:
    with open_store(database) as store:
        key, row = add_key(store.keys, tenant="a", role="read", expires_in=timedelta(days=1), now=NOW)
        rows = known(store)
    assert rows[row.key_id].expires_at == NOW + timedelta(days=1)
    assert check_key(key, rows, now=NOW + timedelta(days=1, microseconds=-1))
    with pytest.raises(Unauthenticated, match="the key has expired"):
        check_key(key, rows, now=NOW + timedelta(days=1))


def test_the_database_itself_refuses_to_change_or_delete_a_key(database: str) -> None:
    with open_store(database) as store:
        _, row = add_key(store.keys, tenant="a", role="read", now=NOW)
        revoke_key(store.keys, row.key_id, now=NOW)
        for statement in (
            "UPDATE api_keys SET role = 'admin'",
            "DELETE FROM api_keys",
            "UPDATE api_key_revocations SET recorded_at = recorded_at",
            "DELETE FROM api_key_revocations",
        ):
            with pytest.raises(sa.exc.DBAPIError, match="only ever added"), store._engine.begin() as connection:
                connection.execute(sa.text(statement))


def test_revoking_what_is_no_key_names_those_in_force_and_repeats_no_secret(database: str) -> None:
    with open_store(database) as store:
        _, row = add_key(store.keys, tenant="a", role="read", now=NOW)
        secret = "s" * 43
        with pytest.raises(NotFound, match=f"key '0123456789ab' is not known; known: {row.key_id}") as caught:
            revoke_key(store.keys, f"sck_0123456789ab_{secret}", now=NOW)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tenant": "Team A"}, "tenant is 'Team A'; allowed: 1 to 63"),
        ({"tenant": ""}, "tenant is ''"),
        ({"role": "root"}, "role is 'root'; allowed: read, write, admin"),
        ({"label": "a\nb"}, "label is 'a\\\\nb'; allowed: at most 100"),
        ({"expires_in": timedelta()}, "expires_in is '0:00:00'"),
        ({"expires_in": timedelta(days=4000)}, "ten years at most"),
    ],
)
def test_what_a_key_may_not_be_is_named(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with open_store(str(tmp_path / "new.db")) as store:
        given: dict[str, object] = {"tenant": "a", "role": "read"} | arguments
        with pytest.raises(InvalidArgument, match=message):
            add_key(store.keys, now=NOW, **given)  # type: ignore[arg-type]
        assert store.keys.all() == ()


@given(st.text(max_size=80) | st.from_regex(r"sck_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_no_made_up_key_is_valid(text: str) -> None:
    row = KeyRow("0" * 12, "0" * 64, "a", "admin", "", NOW, None)
    with pytest.raises(Unauthenticated, match="the key is not valid") as caught:
        check_key(text, {"0" * 12: row}, now=NOW)
    if len(text) > 3:
        assert text not in str(caught.value) or re.fullmatch("[a-z ;']*", text)


@pytest.mark.parametrize("place", range(60))
def test_a_key_with_one_character_changed_is_not_valid(place: int) -> None:
    class Rows:
        def add(self, row: KeyRow) -> None:
            self.row = row

    rows = Rows()
    key, row = add_key(rows, tenant="a", role="read", now=NOW)  # type: ignore[arg-type]
    changed = key[:place] + ("0" if key[place] != "0" else "1") + key[place + 1 :]
    with pytest.raises(Unauthenticated, match="the key is not valid"):
        check_key(changed, {row.key_id: row}, now=NOW)
