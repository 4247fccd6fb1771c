import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.errors import InvalidArgument
from service.cli.listening import check_can_listen, obstacle, same_place


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that this process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_an_address_that_is_free_stays_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    assert [obstacle(each) for each in (address, address, "127.0.0.1:0", "localhost:0", "[::1]:0")][:4] == [""] * 4


def test_one_that_another_process_listens_on_is_named_with_the_reason(taken: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"metrics is '{taken}'; .* \(Address already in use\)"):
        check_can_listen("metrics", taken)


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("192.0.2.1:0", "Cannot assign requested address"),
        ("127.0.0.1:x", "it is no HOST:PORT with a port of 0 to 65535"),
        ("127.0.0.1", "it is no HOST:PORT with a port of 0 to 65535"),
        ("127.0.0.1:65536", "it is no HOST:PORT with a port of 0 to 65535"),
        (":50051", "it is no HOST:PORT with a port of 0 to 65535"),
        (f"{'x' * 70}:0", "there is no such name"),
    ],
)
def test_what_is_no_address_of_this_machine_is_told(listen: str, why: str) -> None:
    assert obstacle(listen) == why


def test_a_name_needs_one_address_that_is_there_and_none_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    port = int(taken.rpartition(":")[2])

    def resolved(*hosts: str) -> None:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port if host == "127.0.0.1" else 0)) for host in hosts
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    resolved("192.0.2.1", "127.0.0.2")
    assert obstacle("both:0") == ""
    resolved("192.0.2.1", "203.0.113.1")
    assert obstacle("neither:0") == "Cannot assign requested address"
    resolved("127.0.0.2", "127.0.0.1")
    assert obstacle("taken:0") == "Address already in use"


def test_the_place_of_a_socket_is_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "s"
    assert obstacle(f"unix:{place}") == ""
    assert not place.exists()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        assert obstacle(f"unix:{place}") == "another process listens there"
    assert obstacle(f"unix:{place}") == ""  # left behind
    assert obstacle(f"unix:{tmp_path}") == "what is there is no socket"
    assert obstacle(f"unix:{tmp_path / 'nowhere' / 's'}") == f"there is no folder {tmp_path / 'nowhere'}"
    assert obstacle(f"unix:{tmp_path / ('s' * 108)}") == "its name may have 107 bytes at most"
    with pytest.raises(InvalidArgument, match=r"listen is 'unix:.*'; .* \(what is there is no socket\)"):
        check_can_listen("listen", f"unix:{tmp_path}")


@pytest.mark.parametrize("one", ["127.0.0.1", "127.0.0.2", "0.0.0.0"])
@pytest.mark.parametrize("other", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost"])
def test_two_addresses_are_the_same_place_where_the_system_gives_only_one_of_them(one: str, other: str) -> None:
    with socket.socket() as first:
        first.bind((one, 0))
        first.listen()
        port = first.getsockname()[1]
        with socket.socket() as second:
            try:
                second.bind((other, port))
                both = True
            except OSError:
                both = False
    assert same_place(f"{one}:{port}", f"{other}:{port}") is not both
    assert not same_place(f"{one}:{port}", f"{other}:{port % 65535 + 1}")
    assert not same_place(f"{one}:0", f"{other}:0")  # each gets one of its own


def test_a_socket_is_the_same_place_as_itself_alone() -> None:
    assert same_place("unix:/run/a", "unix:/run/a")
    assert not same_place("unix:/run/a", "unix:/run/b")
    assert not same_place("unix:/run/a", "127.0.0.1:50051")
