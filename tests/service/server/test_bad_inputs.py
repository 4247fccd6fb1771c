"""Requests with one thing wrong: the right code and field, and nothing of the inside; many more in the bench."""

from collections import Counter
from itertools import islice

import grpc
import pytest

from service.catalog import Catalog
from service.server import Server
from service.store import open_store
from tests.service.server.asking import Answer, as_expected, ask, inside_told
from tests.service.server.bad_inputs import Bad, bad_inputs

COUNT = 200


@pytest.fixture
def asked(database: str, caplog: pytest.LogCaptureFixture) -> list[tuple[Bad, Answer]]:
    with (
        open_store(database) as store,
        Server(Catalog.shipped(store)) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        found = [(bad, ask(channel, bad)) for bad in islice(bad_inputs(seed=1), COUNT)]
    assert [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []
    return found


def test_each_bad_input_is_refused_with_its_code_and_field_and_nothing_of_the_inside(
    asked: list[tuple[Bad, Answer]],
) -> None:
    wrong = [
        (bad.method, bad.what, bad.code, bad.field, answer) for bad, answer in asked if not as_expected(bad, answer)
    ]
    assert wrong == []
    assert [(bad.what, found) for bad, answer in asked if (found := inside_told(answer.told))] == []
    methods = Counter(bad.method for bad, _ in asked)
    assert (len(methods), sum(bad.outcome for bad, _ in asked) > 3) == (15, True)


@pytest.mark.parametrize(
    "text",
    [
        b"Traceback (most recent call last)",
        b'File "x.py"',
        b"no such file /home/x",
        b"SELECT 1",
        b"ValueError: x",
        b"key",
    ],
)
def test_what_is_of_the_inside_is_seen(text: bytes) -> None:
    assert inside_told(b"horizon is 41; " + text, "key")
    assert not inside_told(b"horizon is 41; allowed: 1 to 40 quarters", "key")
