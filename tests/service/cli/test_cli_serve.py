import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from service.client import Client

Run = Callable[..., Result]


def test_serve_says_where_it_listens_answers_and_stops_cleanly() -> None:
    path = Path(sys.executable).with_name("sharecast")
    command: list[str | Path] = [path, "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        line = server.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:")
        with Client(line.split()[-1]) as client:
            assert client.list_markets()[0].market == "cn-cloud"
        server.send_signal(signal.SIGTERM)
        assert (server.stdout.read(), server.stderr.read()) == ("", "")
    assert server.returncode == 0


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_listened_on_is_named(run: Run, listen: str) -> None:
    result = run("serve", "--listen", listen)
    assert result.exit_code == 2
    assert f"listen is '{listen}'" in result.stderr
