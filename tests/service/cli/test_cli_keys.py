import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from service.security.keys import _KEY

Run = Callable[..., Result]


def test_a_key_is_printed_once_alone_and_listed_without_its_secret(run: Run, database: str) -> None:
    made = run("keys", "add", "--tenant", "team-a", "--role", "write", "--label", "nightly", "--database", database)
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert _KEY.fullmatch(key)
    assert "of tenant team-a, role write, valid until 20" in made.stderr
    assert key not in made.stderr
    listed = run("keys", "list", "--database", database, "--format", "json")
    (row,) = json.loads(listed.stdout)
    assert (row["key_id"], row["tenant"], row["role"], row["label"], row["state"]) == (
        key.split("_")[1],
        "team-a",
        "write",
        "nightly",
        "valid",
    )
    assert key.split("_", 2)[2] not in listed.output


def test_a_key_is_revoked_once_and_the_table_says_so(run: Run, database: str) -> None:
    key = run("keys", "add", "--tenant", "a", "--role", "read", "--expires-in", "never", "--database", database).stdout
    name = key.split("_")[1]
    first, again = (run("keys", "revoke", name, "--database", database) for _ in range(2))
    assert "is revoked; servers refuse it" in first.stdout
    assert "was revoked before" in again.stdout
    assert re.search(rf"{name}\s+a\s+read\s+\S+\s+never\s+revoked", run("keys", "list", "--database", database).stdout)


def test_whoever_finds_a_whole_key_can_revoke_it_and_its_secret_is_not_repeated(run: Run) -> None:
    key = run("keys", "add", "--tenant", "a", "--role", "read", "--database", "k.db").stdout.strip()
    done = run("keys", "revoke", key, "--database", "k.db")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"key {key.split('_')[1]} is revoked")
    assert key not in done.output
    assert json.loads(run("keys", "list", "--database", "k.db", "--format", "json").stdout)[0]["state"] == "revoked"


def test_a_key_written_to_a_file_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    made = run("keys", "add", "--tenant", "a", "--role", "read", "--output", "my.key", "--database", "k.db")
    assert made.stdout == ""
    file = tmp_path / "my.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert _KEY.fullmatch(file.read_text(encoding="ascii").strip())
    again = run("keys", "add", "--tenant", "a", "--role", "read", "--output", "my.key", "--database", "k.db")
    assert again.exit_code == 2
    assert "my.key cannot be written: File exists; give a new file" in again.stderr
    assert run("keys", "list", "--database", "k.db", "--format", "csv").stdout.count("\n") == 2


def test_a_key_that_is_not_made_leaves_no_file(run: Run, tmp_path: Path) -> None:
    assert run("keys", "add", "--tenant", "A b", "--role", "read", "--output", "x", "--database", "k.db").exit_code == 2
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("arguments", [("list",), ("revoke", "abc")])
def test_without_a_database_there_are_no_keys(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("keys", *arguments)
    assert result.exit_code == 2
    assert "does not exist; `sharecast keys add` makes one" in result.stderr


@pytest.mark.parametrize("time", ["90", "x", "-1d", "1.5d"])
def test_a_time_that_is_none_is_named(run: Run, time: str) -> None:
    result = run("keys", "add", "--tenant", "a", "--role", "read", "--expires-in", time, "--database", "k.db")
    assert result.exit_code == 2
    assert f"{time!r} is no time; give one such as 12h" in result.stderr


@pytest.mark.parametrize("option", ["--key-file", "--ca", "--certificate", "--private-key"])
def test_how_to_reach_a_server_goes_with_its_address(run: Run, option: str) -> None:
    result = run("forecast", "cn-cloud", option, "x")
    assert result.exit_code == 2
    assert f"{option} goes with --address." in result.stderr
