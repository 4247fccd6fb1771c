"""`sharecast keys`: who may call a server."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from service.cli import options

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from service.store.key_rows import KeyRows

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a time such as 90d, as the callback of an option."""
    if value is None or value == "never":
        return None
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", value, re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is no time; give one such as 12h, 90d or 52w, or never.", ctx, param)
    return int(found[1]) * _UNITS[found[2]]


@click.group()
def keys() -> None:
    """Add, list and revoke the keys with which a server is called.

    They are kept in the database of the server, as hashes: a key is shown once, when it is added. A server that runs
    knows a new key, and refuses a revoked one, within about a second.
    """


@keys.command()
@click.option("--tenant", required=True, metavar="NAME", help="Whose jobs and share of the server it is.")
@click.option(
    "--role",
    required=True,
    type=click.Choice(["read", "write", "admin"]),
    help="read: ask. write: also import figures and run jobs. admin: also see the jobs of every tenant.",
)
@click.option("--label", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--expires-in",
    default="365d",
    show_default=True,
    callback=_time,
    metavar="TIME",
    help="How long it is valid, such as 12h, 90d or 52w; or never.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the key there, for your eyes only."
)
@options.database
def add(
    tenant: str, role: str, label: str, expires_in: timedelta | None, output: Path | None, database: str | None
) -> None:
    """Make a key and print it. It cannot be had again."""
    from service.cli.opening import open_for_import
    from service.cli.output import tell
    from service.security.keys import add_key

    store = open_for_import(database)
    with nullcontext() if output is None else _private(output) as file:
        key, row = add_key(
            store.keys, tenant=tenant, role=role, label=label, expires_in=expires_in, now=datetime.now(UTC)
        )
        if file is not None:
            file.write(f"{key}\n")
    until = "until revoked" if row.expires_at is None else f"until {row.expires_at:%Y-%m-%d %H:%M} UTC"
    tell(f"key {row.key_id} of tenant {tenant}, role {role}, valid {until}; kept in {store.place}")
    if output is None:
        click.echo(key)
    else:
        tell(f"the key is in {output}; --key-file {output} uses it")


@keys.command(name="list")
@options.database
@options.result
def list_(database: str | None, format_: str | None, output: Path | None) -> None:
    """List every key there ever was, without its secret half."""
    import polars as pl

    from service.cli.output import Target

    now = datetime.now(UTC)
    target = Target.choose(format_, output)
    rows = [
        {
            "key_id": row.key_id,
            "tenant": row.tenant,
            "role": row.role,
            "label": row.label,
            "added": row.recorded_at,
            "expires": row.expires_at,
            "state": "revoked"
            if row.revoked_at is not None
            else "expired"
            if row.expires_at is not None and row.expires_at <= now
            else "valid",
        }
        for row in _kept(database).all()
    ]
    moment = pl.Datetime("us", "UTC")
    texts = dict.fromkeys(("key_id", "tenant", "role", "label"), pl.String)
    frame = pl.DataFrame(rows, schema={**texts, "added": moment, "expires": moment, "state": pl.String})
    target.write(frame, lambda console: _print(console, frame))


@keys.command()
@click.argument("key_id")
@options.database
def revoke(key_id: str, database: str | None) -> None:
    """End the key KEY_ID for good; the whole key does as well."""
    from service.cli.output import say
    from service.security.keys import public_half, revoke_key

    key_id = public_half(key_id)
    if revoke_key(_kept(database), key_id, now=datetime.now(UTC)):
        say(f"key {key_id} is revoked; servers refuse it within a second or so")
    else:
        say(f"key {key_id} was revoked before")


def _kept(database: str | None) -> "KeyRows":
    from forecast.errors import InvalidArgument
    from service.cli.opening import open_existing

    store = open_existing(database)
    if store is None:
        raise InvalidArgument("database", database or "none", "`sharecast keys add` makes one", "does not exist")
    return store.keys


@contextmanager
def _private(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner may read, there before the key is; gone where no key came to be."""
    from forecast.errors import InvalidArgument

    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise InvalidArgument(
            str(path), error.strerror, "give a new file", f"cannot be written: {error.strerror}"
        ) from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            yield file
    except BaseException:
        path.unlink()
        raise


def _print(console: "Console", frame: "pl.DataFrame") -> None:
    from rich.table import Table
    from rich.text import Text

    if frame.is_empty():
        console.print("no key yet; `sharecast keys add` makes one")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("key", "tenant", "role", "added", "expires", "state", "label"):
        table.add_column(name)
    for row in frame.iter_rows(named=True):
        expires = "never" if row["expires"] is None else f"{row['expires']:%Y-%m-%d}"
        words = (row["key_id"], row["tenant"], row["role"], f"{row['added']:%Y-%m-%d}", expires, row["state"])
        table.add_row(*(Text(word) for word in (*words, row["label"])), style="" if row["state"] == "valid" else "dim")
    console.print(table)
