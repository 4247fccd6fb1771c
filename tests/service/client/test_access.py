from pathlib import Path

import pytest

from forecast.errors import InvalidArgument
from service.client import AsyncClient, Client
from service.client.access import _STREAMS, check_address, is_local
from sharecast.v1 import forecast_service_pb2, job_service_pb2, market_service_pb2


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/run/x", "unix:///run/x", "dns:///localhost:1"],
)
def test_what_stays_in_this_machine_is_known(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:1",
        "[::]:1",
        "10.0.0.1:1",
        "localhost.example.com:1",
        "127.0.0.1.example.com:1",
        "example.com:1",
        ":1",
        "",
    ],
)
def test_what_may_leave_this_machine_is_known(address: str) -> None:
    assert not is_local(address)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:50", "address 'http://127.0.0.1:50' is a URL; give 127.0.0.1:50$"),
        (
            "https://h:5/x",
            r"address 'https://h:5/x' is a URL; give h:5 and --ca FILE or --ca system \(ca= in Python\)$",
        ),
        ("127.0.0.1", "address '127.0.0.1' has no port; an address is HOST:PORT"),
        ("127.0.0.1:50/", "address '127.0.0.1:50/' has no port of 1 to 65535 at its end; an address is HOST:PORT"),
        ("h:0", "'h:0' has no port of 1 to 65535"),
        ("h:99999", "'h:99999' has no port of 1 to 65535"),
        ("::1:50", r"address '::1:50' has no port; an address is HOST:PORT, \[IPV6\]:PORT"),
        (":50", "address ':50' has no port"),
        ("", "address is empty; an address is HOST:PORT"),
    ],
)
def test_what_gRPC_would_take_for_another_address_is_refused_before_any_call(  # noqa: N802
    kind: type[Client] | type[AsyncClient], address: str, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        kind(address)


@pytest.mark.parametrize("address", ["h:1", "[::1]:50", "localhost:65535", "unix:x", "unix:///x", "dns:///h:1"])
def test_an_address_in_any_form_of_gRPC_is_taken(address: str) -> None:  # noqa: N802
    check_address(address)


def test_a_name_for_the_certificate_is_nothing_to_plain_text() -> None:
    with pytest.raises(InvalidArgument, match="server_name goes with ca: plain text shows no certificate"):
        Client("127.0.0.1:1", server_name="h")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_key_does_not_leave_this_machine_in_plain_text(kind: type[Client] | type[AsyncClient]) -> None:
    with pytest.raises(InvalidArgument, match="ca is None; allowed: TLS: a key would be readable on its way") as caught:
        kind("example.com:443", key="sck_secret")
    assert "sck_secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "ä", "k" * 201])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidArgument, match=r"key is '\*\*\*'; allowed: a key as `sharecast keys add` printed it"):
        Client("127.0.0.1:1", key=key)


def test_a_certificate_and_its_key_go_together_and_with_authorities(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"private_key is None; allowed: the file that goes with a\.pem"):
        Client("127.0.0.1:1", ca="system", certificate="a.pem")
    with pytest.raises(InvalidArgument, match=r"certificate is None; allowed: the file that goes with a\.key"):
        Client("127.0.0.1:1", ca="system", private_key="a.key")
    with pytest.raises(InvalidArgument, match="ca is None; allowed: the file of authorities"):
        Client("127.0.0.1:1", certificate="a.pem", private_key="a.key")
    with pytest.raises(InvalidArgument, match=r"ca '.*nowhere\.pem' cannot be read: "):
        Client("127.0.0.1:1", ca=tmp_path / "nowhere.pem")


def test_no_stream_of_responses_is_tried_again() -> None:
    services = (forecast_service_pb2, job_service_pb2, market_service_pb2)
    described = [each for module in services for each in module.DESCRIPTOR.services_by_name.values()]
    streams = {
        (each.full_name, method.name) for each in described for method in each.methods if method.server_streaming
    }
    assert set(_STREAMS) == streams
