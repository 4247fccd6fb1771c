from pathlib import Path

import pytest

from forecast.errors import InvalidArgument
from service.security import ANYONE
from service.security.entry import Entry, settle
from service.settings import ServeSettings

PEM, KEY = Path("a.pem"), Path("a.key")


@pytest.mark.parametrize(
    ("listen", "tls", "authentication", "insecure", "keys"),
    [
        ("127.0.0.1:1", False, "auto", False, False),
        ("unix:/run/x.sock", False, "auto", False, False),
        ("127.0.0.1:1", True, "auto", False, True),
        ("127.0.0.1:1", False, "keys", False, True),
        ("0.0.0.0:1", True, "auto", False, True),
        ("0.0.0.0:1", False, "auto", True, True),
        ("0.0.0.0:1", True, "none", False, False),
    ],
)
def test_keys_are_asked_for_wherever_others_could_call(
    listen: str, tls: bool, authentication: str, insecure: bool, keys: bool
) -> None:
    files = {"tls_certificate": PEM, "tls_private_key": KEY} if tls else {}
    found = settle(
        ServeSettings(listen=listen, authentication=authentication, insecure_plaintext=insecure, **files)  # type: ignore[arg-type]
    )
    assert (found.keys, found.tls is not None) == (keys, tls)


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "10.1.2.3:1", "example.com:1"])
@pytest.mark.parametrize("authentication", ["auto", "keys", "none"])
def test_plain_text_is_for_this_machine_unless_told(listen: str, authentication: str) -> None:
    with pytest.raises(InvalidArgument, match=r"listen is .*; allowed: without TLS an address that only this machine"):
        settle(ServeSettings(listen=listen, authentication=authentication))  # type: ignore[arg-type]


@pytest.mark.parametrize("listen", ["", "nowhere", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:x", "unix:"])
def test_what_is_no_address_is_named(listen: str) -> None:
    with pytest.raises(InvalidArgument, match=r"listen is .*; allowed: HOST:PORT with a PORT of 0 to 65535, or unix:"):
        settle(ServeSettings(listen=listen))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tls_certificate": PEM}, "tls_private_key is ''; allowed: the file that goes with a.pem"),
        ({"tls_private_key": KEY}, "tls_certificate is ''; allowed: the file that goes with a.key"),
        ({"tls_client_ca": PEM}, "tls_certificate is ''; allowed: a certificate of the server"),
    ],
)
def test_files_of_tls_go_together(given: dict[str, Path], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        settle(ServeSettings(**given))  # type: ignore[arg-type]


def test_keys_need_a_database_to_be_kept_in() -> None:
    with pytest.raises(InvalidArgument, match="database is 'none'; allowed: a database with the keys"):
        Entry(None, keys=True).guard(None)


async def _admitted() -> object:
    return await Entry(None, keys=False).guard(None).admit("/any/Method", (), "")


def test_without_keys_everyone_is_let_in() -> None:
    import asyncio

    assert asyncio.run(_admitted()) == ANYONE
