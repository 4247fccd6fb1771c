"""A client in another language, written from the proto files alone: it reads what our own client reads, to the bit.

`npm ci` in the folder `node` installs the two packages it needs.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from polars.testing import assert_frame_equal

import google.rpc
from service import convert
from service.catalog import Catalog
from service.client import Client
from service.observe import Observer
from service.observe.metrics import Metrics
from service.queries import BatchQuery
from service.security import Guard
from service.security.keys import add_key
from service.security.tls import TlsFiles, server_credentials
from service.server import Server
from service.server.front import _SERVICES
from service.store import open_store
from sharecast.v1 import batch_pb2, forecast_service_pb2, job_pb2, market_service_pb2
from tests.service.security.conftest import Issue, issue  # noqa: F401  (a fixture)
from tests.service.server.waiting import PATIENCE, until

M = TypeVar("M", bound=Message)
Answers = Mapping[str, Any]

FOLDER = Path(__file__).with_name("node")
PROTOS = Path(__file__).resolve().parents[3] / "protos"
CANCELLED = {
    "grpc_type": "server_stream",
    "grpc_service": "sharecast.v1.ForecastService",
    "grpc_method": "Backtest",
    "grpc_code": "Canceled",
}

ROWS = [
    {"period": f"{year}Q{quarter}", "provider": name, "share": round(share + sign * 0.012 * quarter, 3), "decimals": 1}
    for year in (2021, 2022)
    for quarter in (1, 2, 3, 4)
    for name, share, sign in (("Nord", 0.55, 1), ("Süd", 0.42, -1))
]
LARGE_SEED = 2**64 - 3  # past what a number of JavaScript tells apart
BATCH = {"markets": [{"market": "cn-cloud"}, {"market": "world-cloud"}], "horizon": 3, "levels": [0.5], "seed": "7"}
SHORT = {"market": "short", "first_period": "2020Q1", "providers": ["A", "B"], "shares": [0.4, 0.6]}
QUERY = BatchQuery(markets=("cn-cloud", "world-cloud"), horizon=3, levels=(0.5,), seed=7)  # the same as BATCH
IMPORTED = [{"market": "imported", **{name: row[name] for name in ("period", "provider", "share")}} for row in ROWS]
QUESTIONS: Mapping[str, object] = {
    "forecast": {
        "market": "cn-cloud",
        "as_of": "2021-01-15",
        "horizon": 5,
        "levels": [0.95, 0.5],
        "model": "naive",
        "seed": str(LARGE_SEED),
        "include_history": True,
        "events": ["Huawei overtakes Alibaba by 2021Q4"],
    },
    "inline": {"market": "compass", "shares": {"rows": ROWS}, "horizon": 4},
    "wrong": {"market": "compass", "shares": {"rows": [*ROWS[:-1], ROWS[-1] | {"share": 1.5}]}},
    "history": {"market": "cn-cloud", "as_of": "2021-01-15"},
    "figures": {"market": "cn-cloud", "quarter": "2020Q3", "page_size": 5},
    "stream": {"batch": BATCH | {"shares": [SHORT]}},
    "backtest": {"market": "cn-cloud", "origins": 2, "horizon": 2, "models": ["naive"]},
    "long": {"market": "world-smartphones", "house": "idc", "origins": 40, "models": ["arima", "ets"]},
    "job": {"batch": BATCH, "request_id": "asked-by-node"},
    "import": [
        {"header": {"kind": "IMPORT_KIND_SHARES", "house": "", "request_id": "imported-by-node"}},
        {"chunk": {"shares": IMPORTED[:9]}},
        {"chunk": {"shares": IMPORTED[9:]}},
    ],
}
ASKED = (
    *("forecast", "inline", "history", "markets", "figures", "models", "stream", "backtest"),
    *("argument", "table", "unknown"),
)
ASKED_WITH_A_KEY = ("imported", "job", "nobody", "deadline", "cancelled", "health", "service", "nothing", "watch")


@pytest.fixture(scope="module")
def node() -> str:
    """The program, once what it needs is installed."""
    program = shutil.which("node")
    why = "there is no Node" if program is None else "`npm ci` has not been run in tests/service/client/node"
    if program is None or not (FOLDER / "node_modules" / "@grpc").is_dir():
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(f"{why}; .ci/run does both")
    return program


def asked(node: str, address: str, ask: tuple[str, ...], **access: str) -> Answers:
    """What the Node client tells of its calls."""
    given = {
        "address": address,
        "folders": [str(PROTOS), *(str(Path(folder).parents[1]) for folder in google.rpc.__path__), str(FOLDER)],
        "files": [
            *(f"sharecast/v1/{name}_service.proto" for name in ("forecast", "market", "job")),
            "sharecast/v1/error.proto",
            "google/rpc/error_details.proto",
            "health.proto",
        ],
        "ask": ask,
        **access,
        **QUESTIONS,
    }
    done = subprocess.run(
        [node, FOLDER / "client.mjs"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def plain(node: str, server: Server) -> Answers:
    """Answers of a server without TLS, keys and database."""
    return asked(node, server.address, ASKED)


@pytest.fixture
def keeping(tmp_path: Path, issue: Issue) -> Iterator[tuple[str, Path, str, Metrics]]:  # noqa: F811
    """A server with TLS, keys and a database: its address, the certificate it shows, a key, its numbers."""
    pair, metrics = issue("server"), Metrics(_SERVICES)
    with open_store(str(tmp_path / "kept.db")) as store:
        key, _ = add_key(store.keys, tenant="node", role="write", now=datetime.now(UTC))
        with Server(
            Catalog.shipped(store),
            guard=Guard(store.keys),
            observer=Observer(metrics=metrics),
            credentials=server_credentials(TlsFiles(pair.pem, pair.key_pem)),
        ) as server:
            # by name: RFC 6066 allows no address as the name of a server in TLS
            yield server.address.replace("127.0.0.1", "localhost"), pair.pem, key, metrics


def read(answer: dict[str, Any], message: M) -> M:
    return ParseDict(answer, message)  # every field must be one of the message, every value of its type


def check_answers(answers: Answers, client: Client) -> None:
    """Compare what both clients read, exactly."""
    found = convert.forecast_result(read(answers["forecast"], forecast_service_pb2.ForecastResponse()))
    mine = client.forecast(
        "cn-cloud",
        as_of="2021-01-15",
        horizon=5,
        levels=[0.95, 0.5],
        model="naive",
        seed=LARGE_SEED,
        include_history=True,
        events=["Huawei overtakes Alibaba by 2021Q4"],
    )
    assert (found.mean, found.median, found.lower, found.upper) == (mine.mean, mine.median, mine.lower, mine.upper)
    assert (found.periods, found.levels, found.providers) == (mine.periods, mine.levels, mine.providers)
    assert (found.data, found.model, found.warnings) == (mine.data, mine.model, mine.warnings)
    assert found.model.seed == LARGE_SEED
    assert found.events == mine.events
    assert found.history is not None
    assert mine.history is not None
    assert_frame_equal(found.history.to_polars(), mine.history.to_polars(), check_exact=True)

    inline = convert.forecast_result(read(answers["inline"], forecast_service_pb2.ForecastResponse()))
    assert inline == client.forecast("compass", shares=ROWS, horizon=4)

    history = convert.history_result(read(answers["history"], market_service_pb2.GetHistoryResponse()))
    own = client.get_history("cn-cloud", as_of="2021-01-15")
    assert_frame_equal(history.to_polars(), own.to_polars(), check_exact=True)
    assert (history.sources, history.doubts, history.data) == (own.sources, own.doubts, own.data)

    listed = {name: len(answers[name][name]) for name in ("markets", "figures", "models")}
    assert {name: answers[name].pop("pages") for name in listed} == {
        name: -(-count // size) for (name, count), size in zip(listed.items(), (2, 5, 3), strict=True)
    }
    markets = convert.markets_page(read(answers["markets"], market_service_pb2.ListMarketsResponse()))
    assert markets.markets == client.list_markets()
    figures = convert.figures_page(read(answers["figures"], market_service_pb2.ListFiguresResponse()))
    assert figures.figures == client.list_figures(market="cn-cloud", quarter="2020Q3").figures
    models = convert.models_page(read(answers["models"], forecast_service_pb2.ListModelsResponse()))
    assert models.models == client.list_models()

    steps = [convert.backtest_step(read(each, forecast_service_pb2.BacktestResponse())) for each in answers["backtest"]]
    assert steps == list(client.backtest("cn-cloud", origins=2, horizon=2, models=["naive"]))

    outcomes = {each["market"]: each for each in answers["stream"]}
    assert len(outcomes) == len(answers["stream"])
    refused = outcomes.pop("short")["error"]
    assert refused["code"] == "FAILED_PRECONDITION"
    assert refused["details"]["google.rpc.ErrorInfo"]["reason"] == "ERROR_REASON_NOT_ENOUGH_DATA"
    told = convert.outcome_results([read(each, batch_pb2.MarketOutcome()) for each in outcomes.values()], QUERY)
    streamed = client.stream_forecasts(["cn-cloud", "world-cloud"], horizon=3, levels=[0.5], seed=7)
    assert {each.market: each for each in told} == {each.market: each for each in streamed}


def check_errors(answers: Answers) -> None:
    """Rich errors: code, reason, metadata and violations, as the proto file of the errors tells them."""
    argument = answers["argument"]
    assert (argument["code"], argument["status_code"]) == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert argument["details"]["google.rpc.ErrorInfo"] == {
        "reason": "ERROR_REASON_INVALID_ARGUMENT",
        "domain": "sharecast.dev",
        "metadata": {"field": '"horizon"', "value": "41", "allowed": '"1 to 40 quarters"'},
    }
    (violation,) = argument["details"]["google.rpc.BadRequest"]["field_violations"]
    assert (violation["field"], violation["description"]) == ("horizon", argument["text"])
    assert argument["request_id"]

    table = answers["table"]["details"]
    (row,) = table["sharecast.v1.RowViolations"]["violations"]
    assert (row["row"], row["column"], row["value"]) == (len(ROWS), "share", "1.5")
    (violation,) = table["google.rpc.BadRequest"]["field_violations"]
    assert violation["field"].endswith(f"rows[{len(ROWS) - 1}].share")

    unknown = answers["unknown"]
    assert unknown["code"] == "NOT_FOUND"
    known = json.loads(unknown["details"]["google.rpc.ErrorInfo"]["metadata"]["known"])
    assert {"cn-cloud", "world-cloud", "world-smartphones"} <= set(known)


def test_in_plain_text_it_reads_what_our_client_reads(plain: Answers, client: Client) -> None:
    check_answers(plain, client)
    check_errors(plain)


def test_over_tls_with_a_key_it_reads_the_same_and_more(node: str, keeping: tuple[str, Path, str, Metrics]) -> None:
    address, certificate, key, metrics = keeping
    answers = asked(node, address, ASKED, ca=str(certificate), key=key)
    with Client(address, ca=certificate, key=key) as client:
        check_answers(answers, client)
        check_errors(answers)

        answers = asked(node, address, ASKED_WITH_A_KEY, ca=str(certificate), key=key)
        report = convert.import_report(read(answers["imported"], market_service_pb2.ImportFiguresResponse()))
        assert report == client.import_figures(IMPORTED, kind="shares", request_id="imported-by-node")
        assert (report.rows, report.added) == (len(ROWS), len(ROWS))

        job = answers["job"]
        job_id = read(job["created"], job_pb2.ForecastJob()).job_id
        last = read(job["last"], job_pb2.ForecastJob())
        assert (job["again"], job["listed"]) == (job_id, [job_id])
        assert (last.state, last.done_count, last.failed_count) == (job_pb2.JOB_STATE_DONE, 2, 0)
        kept = convert.outcome_results([read(each, batch_pb2.MarketOutcome()) for each in job["outcomes"]], QUERY)
        assert list(kept) == list(client.watch_forecast_job(job_id))

    assert answers["nobody"]["code"] == "UNAUTHENTICATED"
    assert answers["nobody"]["details"]["google.rpc.ErrorInfo"]["reason"] == "ERROR_REASON_UNAUTHENTICATED"
    assert answers["deadline"]["code"] == "DEADLINE_EXCEEDED"
    assert answers["cancelled"] == {"before": 1, "code": "CANCELLED"}
    until(lambda: bool(metrics.registry.get_sample_value("grpc_server_handled_total", CANCELLED)))

    assert answers["health"] == answers["service"] == {"status": "SERVING"}
    assert answers["nothing"]["code"] == "NOT_FOUND"
    assert answers["watch"] == "SERVING"
