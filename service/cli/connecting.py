"""The client of a command, from --address and the options beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.settings import Settings, quiet_grpc

if TYPE_CHECKING:
    from service.cli.options import SheetOptions
    from service.client import Client

_META = "sharecast.access."  # of the context, for what `note_access` keeps
_NAMES = ("key_file", "ca", "certificate", "private_key", "server_name")
_LONGEST_KEY = 1000  # bytes of a file that could hold one


def note_access(ctx: click.Context, param: click.Parameter, value: Path | str | None) -> None:
    """Keep what an option says of how to reach a server, as its callback, until `connect` asks for it."""
    if value is not None:
        ctx.meta[f"{_META}{param.name}"] = value


@contextmanager
def connect(address: str) -> "Iterator[Client]":
    """A client of a server, with the key and by the TLS that the command was told; says where that keeps one waiting.

    Raises:
        InvalidArgument: a file cannot be read, or does not fit the others.
    """
    quiet_grpc()  # the error of the call says the same
    from service.cli.output import waiting
    from service.client import Client

    given = _given()
    client = Client(
        address,
        key=_key(given.get("key_file")),
        ca=given.get("ca"),
        certificate=given.get("certificate"),
        private_key=given.get("private_key"),
        server_name=given.get("server_name"),
    )
    with client, waiting(f"waiting for the server at {address}"):
        yield client


def check_address(address: str | None) -> None:
    """Refuse what is told of a server where none is asked.

    Raises:
        UsageError: there is such an option, and no --address.
    """
    if address is None:
        for name in _given():
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --address.")


def check_here(address: str | None, **given: object) -> None:
    """Refuse options that are about this machine where a server is asked.

    Args:
        address: Of the server; None for none.
        given: By name, what an option was given; None where it was not.

    Raises:
        UsageError: one was given, and an address.
    """
    for name, value in given.items():
        if address is not None and value is not None:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for this machine, and a server at --address does not read it; give one."
            )


def check_market(market: str, reading: "SheetOptions") -> None:
    """Refuse a file, and what is said about one, where a server is asked that is not sent any.

    Raises:
        UsageError: it is one, or something is said.
    """
    from service.sheets import is_sheet_file

    if reading.given or is_sheet_file(market):
        raise click.UsageError(f"A server at --address is asked for a MARKET, not for a FILE; give one, not {market}.")


def _given() -> dict[str, Any]:
    meta = click.get_current_context().meta
    return {name: meta[_META + name] for name in _NAMES if _META + name in meta}


def _key(file: Path | None) -> str | None:
    from forecast.errors import InvalidArgument

    if file is None:
        return Settings.from_environment().key
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            return opened.read(_LONGEST_KEY).strip()
    except OSError as error:
        raise InvalidArgument("--key-file", str(file), "", f"{str(file)!r} cannot be read: {error.strerror}") from None
