import asyncio
import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from service.catalog import Catalog
from service.client import AsyncClient, Client, ServiceUnavailable
from service.security import Guard, TlsFiles, server_credentials
from service.security.keys import add_key
from service.security.tls import _Certificates, expires_at, validity
from service.server import Server
from service.store import open_store
from tests.service.security.conftest import Issue, Pair
from tests.service.server.waiting import PATIENCE


def files(pair: Pair, client_ca: Pair | None = None) -> TlsFiles:
    return TlsFiles(pair.pem, pair.key_pem, None if client_ca is None else client_ca.pem)


def put(source: Pair, place: Pair) -> None:
    """Put one pair in the place of another, as a renewal does."""
    for new, old in ((source.key_pem, place.key_pem), (source.pem, place.pem)):
        beside = old.with_suffix(".new")
        beside.write_bytes(new.read_bytes())
        beside.rename(old)


def test_a_client_that_knows_the_authority_calls_by_tls_with_a_key(
    catalog: Catalog, issue: Issue, tmp_path: Path
) -> None:
    root = issue("root")
    with open_store(str(tmp_path / "store.db")) as store:
        key, _ = add_key(store.keys, tenant="a", role="read", now=dt.datetime.now(dt.UTC))
        credentials = server_credentials(files(issue("server", root)))
        with Server(catalog, guard=Guard(store.keys), credentials=credentials) as server:
            with Client(server.address, ca=root.pem, key=key) as client:
                assert client.list_markets()
                assert client.forecast("cn-cloud", model="naive").periods

            async def ask() -> bool:
                async with AsyncClient(server.address, ca=root.pem, key=key) as client:
                    return bool(await client.list_models())

            assert asyncio.run(ask())


def test_neither_plain_text_nor_another_authority_gets_through(catalog: Catalog, issue: Issue) -> None:
    root, other = issue("root"), issue("other")
    with Server(catalog, credentials=server_credentials(files(issue("server", root)))) as server:
        for options in ({}, {"ca": other.pem}):
            with Client(server.address, timeout=PATIENCE, **options) as client, pytest.raises(ServiceUnavailable):  # type: ignore[arg-type]
                client.list_markets()
        with Client(server.address, ca=root.pem) as client:
            assert client.list_markets()


def test_the_health_check_of_a_container_speaks_tls(run: Callable[..., Result], catalog: Catalog, issue: Issue) -> None:
    root, other = issue("root"), issue("other")
    with Server(catalog, credentials=server_credentials(files(issue("server", root))), places=1) as server:
        ways: list[list[str]] = [[], ["--ca", str(root.pem)], ["--ca", str(other.pem)]]
        assert [run("healthcheck", "--address", server.address, *way).exit_code for way in ways] == [2, 0, 2]


def test_with_mtls_a_client_needs_a_certificate_of_the_right_authority(catalog: Catalog, issue: Issue) -> None:
    root, clients, other = issue("root"), issue("clients"), issue("other")
    good, bad = issue("good", clients), issue("bad", other)
    with Server(catalog, credentials=server_credentials(files(issue("server", root), clients))) as server:
        for own in ({}, {"certificate": bad.pem, "private_key": bad.key_pem}):
            with (
                Client(server.address, ca=root.pem, timeout=PATIENCE, **own) as client,  # type: ignore[arg-type]
                pytest.raises(ServiceUnavailable),
            ):
                client.list_markets()
        with Client(server.address, ca=root.pem, certificate=good.pem, private_key=good.key_pem) as client:
            assert client.list_markets()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates are looked at before every handshake."""
    monkeypatch.setattr("service.security.tls._LOOK_SECONDS", 0.0)


@pytest.mark.usefixtures("looked_at")
def test_a_renewed_certificate_serves_new_connections_and_old_ones_go_on(catalog: Catalog, issue: Issue) -> None:
    first, second = issue("first"), issue("second")
    served = issue("server", first)
    renewed = issue("renewed", second)
    with (
        Server(catalog, credentials=server_credentials(files(served))) as server,
        Client(server.address, ca=first.pem) as connected,
    ):
        assert connected.list_markets()
        put(renewed, served)
        with Client(server.address, ca=second.pem, timeout=PATIENCE) as client:
            assert client.list_markets()
        with Client(server.address, ca=first.pem, timeout=PATIENCE) as client, pytest.raises(ServiceUnavailable):
            client.list_markets()
        assert connected.list_markets()


@pytest.mark.usefixtures("looked_at")
@pytest.mark.parametrize("broken", ["rubbish", "empty", "another key", "missing"])
def test_a_certificate_that_cannot_be_used_leaves_the_one_before_serving_until_it_is_mended(
    catalog: Catalog, issue: Issue, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = issue("root")
    served = issue("server", root)
    good = served.key_pem.read_bytes()
    with Server(catalog, credentials=server_credentials(files(served))) as server:
        match broken:
            case "missing":
                served.key_pem.unlink()
            case "another key":
                served.key_pem.write_bytes(issue("x", root).key_pem.read_bytes())
            case _:
                served.key_pem.write_text("" if broken == "empty" else "rubbish")
        with Client(server.address, ca=root.pem, timeout=PATIENCE) as client:
            assert client.list_markets()
        assert "the renewed certificate is not used" in caplog.text
        served.key_pem.write_bytes(good)
        os.utime(served.pem)
        with Client(server.address, ca=root.pem, timeout=PATIENCE) as client:
            assert client.list_markets()


@pytest.mark.usefixtures("looked_at")
def test_a_renewed_certificate_is_told_of_once_with_what_is_wrong_or_when_it_ends(
    issue: Issue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    pair = issue("server")
    certificates = _Certificates(files(pair))
    pair.key_pem.write_bytes(issue("other").key_pem.read_bytes())
    assert [certificates.renewed() for _ in range(3)] == [None] * 3
    assert [record.getMessage() for record in caplog.records] == [
        f"the renewed certificate is not used, the one before goes on: tls_private_key is not the key of {pair.pem}"
    ]
    fresh = issue("server", days=40)
    assert certificates.renewed() is not None
    assert certificates.renewed() is None
    end = f"{fresh.certificate.not_valid_after_utc:%Y-%m-%d}"
    assert caplog.records[-1].getMessage() == f"a renewed certificate is in use, valid until {end}"
    assert len(caplog.records) == 2


def test_a_certificate_may_stand_between_remarks_of_any_kind(issue: Issue) -> None:
    pair = issue("server")
    pair.pem.write_bytes("Aussteller: Zürich\n".encode() + pair.pem.read_bytes())
    server_credentials(files(pair))


def test_files_that_cannot_be_used_stop_the_start_and_are_named(issue: Issue, tmp_path: Path) -> None:
    root, other = issue("root"), issue("other")
    missing, rubbish = tmp_path / "nowhere.pem", tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    cases = (
        (TlsFiles(missing, root.key_pem), r"tls_certificate '.*nowhere\.pem' cannot be read"),
        (TlsFiles(root.pem, missing), r"tls_private_key '.*nowhere\.pem' cannot be read"),
        (TlsFiles(root.pem, other.key_pem), r"tls_private_key is '.*other\.key'; allowed: the key of .*root\.pem"),
        (TlsFiles(rubbish, root.key_pem), r"tls_certificate '.*rubbish\.pem' holds no certificates in PEM"),
        (
            TlsFiles(root.pem, rubbish),
            r"tls_private_key is '.*rubbish\.pem'; allowed: a private key, PEM, without",
        ),
        (
            TlsFiles(root.pem, root.key_pem, rubbish),
            r"tls_client_ca '.*rubbish\.pem' holds no certificates",
        ),
    )
    for given_files, message in cases:
        with pytest.raises(InvalidArgument, match=message):
            server_credentials(given_files)


def test_begin_and_end_of_a_certificate_are_read(issue: Issue) -> None:
    root = issue("root")
    for pair in (root, issue("a", root)):
        assert validity(pair.pem) == (pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc)
        assert expires_at(pair.pem) == pair.certificate.not_valid_after_utc


@given(st.binary(max_size=200))
def test_what_is_no_certificate_has_no_end(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    import base64

    path = tmp_path_factory.getbasetemp() / "any.pem"
    body = base64.encodebytes(raw).decode()
    for text in (raw, f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode()):
        path.write_bytes(text)
        with pytest.raises(InvalidArgument, match="holds no certificate in PEM"):
            expires_at(path)
