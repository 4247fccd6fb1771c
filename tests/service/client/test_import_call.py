"""Imports over the wire, into a real database."""

import asyncio
import queue
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import grpc
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.errors import SharecastError
from service import convert
from service.catalog import Catalog
from service.client import (
    AlreadyExists,
    AsyncClient,
    CallRefused,
    Client,
    DeadlineExceeded,
    InvalidArgument,
    InvalidTable,
    NoStore,
    NotFound,
    StoreUnavailable,
    methods,
)
from service.queries import ImportQuery
from service.server import Front, Server, handlers
from service.status import error_code, unpack_error
from service.store import Store, open_store
from sharecast.v1 import import_pb2
from sharecast.v1.market_service_pb2 import ImportFiguresRequest, ImportFiguresResponse
from tests.service.server.waiting import PATIENCE

METHOD = "/sharecast.v1.MarketService/ImportFigures"


def figure(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "market": "compass",
        "research_house": "north",
        "period": "2022Q1",
        "providers": "East",
        "measure": "share",
        "unit": None,
        "value": 0.42,
        "qualifier": "exact",
        "decimals": 0,
        "stated_as": "42 %",
        "publisher": "The Needle",
        "published": "2022-05-02",
        "source_title": None,
        "source_url": "https://example.org/a",
        "note": None,
    }
    return row | changes


def figures() -> list[dict[str, object]]:
    return [
        figure(
            period=f"{year}Q{n}",
            providers=name,
            value=round(share + sign * n / 100, 2),
            published=f"{year}-{3 * n + 1:02}-20",
        )
        for year in (2021, 2022)
        for n in (1, 2, 3)
        for name, share, sign in (("East", 0.40, 1), ("West", 0.50, -1))
    ]


def shares(**changes: object) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"market": "compass", "period": f"2022Q{n}", "provider": name, "share": share, "published_at": "2023-02-01"}
        for n in (1, 2, 3, 4)
        for name, share in (("East", 0.4 + n / 100), ("West", 0.6 - n / 100))
    ]
    return [*rows[:-1], rows[-1] | changes]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(str(tmp_path / "figures.db")) as opened:
        yield opened


@pytest.fixture
def served(store: Store) -> Iterator[Server]:
    with Server(Catalog.shipped(store)) as running:
        yield running


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose database stays empty, for all that is refused."""
    with (
        open_store(str(tmp_path_factory.mktemp("empty") / "figures.db")) as opened,
        Server(Catalog.shipped(opened)) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def refused(empty: Server) -> Iterator[Client]:
    with Client(empty.address) as connected:
        yield connected


@pytest.fixture
def writer(served: Server) -> Iterator[Client]:
    with Client(served.address) as connected:
        yield connected


def test_imported_figures_are_listed_with_all_that_was_said(writer: Client) -> None:
    report = writer.import_figures(figures())
    assert (report.kind, report.rows, report.added, report.known) == ("figures", 12, 12, 0)
    assert (report.markets, report.validate_only) == (("compass",), False)
    assert report.import_id
    found = writer.list_figures(market="compass")
    assert len(found) == 12
    first = next(f for f in found if (f.period, f.providers) == ("2021Q1", ("East",)))
    assert (first.value, first.decimals, first.qualifier, first.unit) == (0.41, 0, "exact", "fraction")
    assert (first.publisher, first.source_url, first.stated_as) == ("The Needle", "https://example.org/a", "42 %")
    assert (first.published_at, first.published_inferred, first.house) == (date(2021, 4, 20), False, "north")
    assert (first.source_title, first.note) == (None, None)


def test_a_market_of_ones_own_is_as_good_as_a_shipped_one(writer: Client) -> None:
    writer.import_figures(figures())
    assert "compass" in [market.market for market in writer.list_markets()]
    (house,) = writer.get_market("compass").houses
    assert (house.house, str(house.first), str(house.last), house.figures_count) == ("north", "2021Q1", "2022Q3", 12)
    history = writer.get_history("compass")  # of the one house there is
    assert (history.house, history.providers) == ("north", ("West", "East", "Others"))
    forecast = writer.forecast("compass", horizon=2, model="naive")
    assert (forecast.house, str(forecast.origin)) == ("north", "2022Q3")
    early = writer.get_history("compass", as_of="2021-12-31")
    assert str(early.periods[-1]) == "2021Q3"


def test_either_database_keeps_an_import_for_the_next_server(database: str) -> None:
    with open_store(database) as opened, Server(Catalog.shipped(opened)) as one, Client(one.address) as client:
        first = client.import_figures(figures(), request_id="first")
        with pytest.raises(InvalidTable, match="row 13: value is 7; expected "):
            client.import_figures([*figures(), figure(value=7)])
        listed = client.list_figures(market="compass")
    with open_store(database) as opened, Server(Catalog.shipped(opened)) as two, Client(two.address) as client:
        assert client.list_figures(market="compass") == listed
        assert client.import_figures(figures(), request_id="first") == first
        restated = figure(period="2021Q1", value=0.47, published="2023-03-01")
        assert client.import_figures([restated]).added == 1
        assert client.list_figures(market="compass", as_of="2023-02-28") == listed
        assert len(client.list_figures(market="compass")) == 13


def test_shares_are_imported_under_a_house(writer: Client) -> None:
    report = writer.import_figures(shares(), kind="shares", house="sales")
    assert (report.kind, report.rows, report.added) == ("shares", 8, 8)
    assert {f.house for f in writer.list_figures(market="compass")} == {"sales"}
    own = writer.import_figures(shares(), kind="shares")
    assert own.added == 8
    assert {f.house for f in writer.list_figures(market="compass")} == {"own", "sales"}
    one, other = (writer.get_history("compass", house=house).to_polars() for house in ("own", "sales"))
    assert_frame_equal(one.drop("house"), other.drop("house"))


def test_amounts_and_dates_and_frames_are_taken(writer: Client, store: Store) -> None:
    amounts = [
        {key: cell for key, cell in row.items() if key != "share"} | {"value": 250 * float(str(row["share"]))}
        for row in shares()
    ]
    frame = pl.DataFrame(amounts).with_columns(pl.col("published_at").str.to_date())
    report = writer.import_figures(frame, kind="shares")
    assert (report.rows, report.added) == (8, 12)  # the totals of four quarters are kept too
    found = writer.list_figures(market="compass", quarter="2022Q1", provider="East").figures
    assert [round(f.value, 6) for f in found] == [0.41]
    assert {f.published_at for f in found} == {date(2023, 2, 1)}


def test_over_the_wire_the_store_gets_what_the_catalog_gives_it(writer: Client, store: Store, tmp_path: Path) -> None:
    raw = pl.DataFrame(figures())
    writer.import_figures(raw)
    with open_store(str(tmp_path / "other.db")) as other:
        Catalog.shipped(other).import_table(raw, kind="figures")
        columns = [name for name in store.figures().columns if name not in {"import", "recorded_at"}]
        assert_frame_equal(store.figures().select(columns), other.figures().select(columns))


def test_checking_alone_keeps_nothing(writer: Client) -> None:
    report = writer.import_figures(figures(), validate_only=True)
    assert (report.rows, report.added, report.validate_only) == (12, 12, True)
    with pytest.raises(NotFound, match="market 'compass' is not known"):
        writer.get_market("compass")


def test_a_list_of_figures_sees_every_import(writer: Client) -> None:
    before = writer.list_figures()
    assert writer.list_figures() == before
    writer.import_figures(figures())
    after = writer.list_figures()
    assert len(after) == len(before) + 12
    assert [f for f in after if f.market != "compass"] == list(before)


def test_the_same_request_again_gives_the_first_report_and_another_table_is_refused(writer: Client) -> None:
    name = str(uuid.uuid4())
    first = writer.import_figures(figures(), request_id=name)
    assert writer.import_figures(figures(), request_id=name) == first
    assert len(writer.list_figures(market="compass")) == 12
    with pytest.raises(AlreadyExists, match=f"request id '{name}' was used before: .*choose another id") as caught:
        writer.import_figures([figure(value=0.77)], request_id=name)
    assert caught.value.request_id == name
    assert len(writer.list_figures(market="compass")) == 12


def test_without_a_request_id_each_import_is_one_of_its_own(writer: Client) -> None:
    first, second = writer.import_figures(figures()), writer.import_figures(figures())
    assert (first.added, first.known, second.added, second.known) == (12, 0, 0, 12)
    assert first.import_id != second.import_id


def test_the_client_makes_up_a_request_id_and_sends_it_with_every_try() -> None:
    def header(**options: Any) -> import_pb2.ImportHeader:
        first = next(cast("Iterator[ImportFiguresRequest]", methods.import_figures(figures(), **options).request))
        return first.header

    made = [header().request_id for _ in range(2)]
    assert made[0] != made[1]
    assert all(str(uuid.UUID(name)) == name for name in made)
    mine = header(request_id="mine", validate_only=True)
    assert (mine.request_id, mine.validate_only) == ("mine", True)


BROKEN = [
    ([figure(value=1.7)], "figures: row 1: value is 1.7; expected a fraction of 0 to 1"),
    ([figure(), figure(period="2022-03")], "row 2: period is '2022-03'; expected "),
    ([figure(market=None)], "row 1: market is null; expected "),
    ([figure(value=None)], "row 1: value is null; expected "),
    ([figure(value=float("inf"))], "row 1: value is inf; expected "),
    ([figure(value=float("nan"))], "row 1: value is null; expected "),
    ([figure(decimals=9)], "row 1: decimals is 9; expected "),
    ([figure(qualifier="roughly")], "row 1: qualifier is 'roughly'; expected "),
    ([figure(published="2021-12-01")], "row 1: published is '2021-12-01'; expected "),
    ([figure(source_url="example.org")], "row 1: source_url is 'example.org'; expected "),
    ([], "0 rows; expected at least one row"),
]


@pytest.mark.parametrize(("rows", "message"), BROKEN, ids=[m[-40:] for _, m in BROKEN])
def test_a_broken_row_is_named_with_column_value_and_rule_and_nothing_is_kept(
    refused: Client, rows: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(InvalidTable, match=message.replace("'", ".")):
        refused.import_figures([*rows, *(figures() if rows else [])])
    with pytest.raises(NotFound, match="market 'compass' is not known"):
        refused.get_market("compass")


def test_the_row_number_counts_through_all_chunks(writer: Client) -> None:
    many = [figure(providers=f"Provider {n}", value=0.0001, note="x" * 300) for n in range(3000)]
    many[2777]["value"] = -0.5
    assert len(list(convert.import_requests(ImportQuery("figures"), many))) > 3
    with pytest.raises(InvalidTable, match=r"figures: row 2778: value is -0\.5; expected ") as caught:
        writer.import_figures(many)
    (violation,) = caught.value.violations
    assert (violation.row, violation.column, violation.rule) == (2778, "value", "value_of_measure")


def test_a_broken_row_is_a_field_violation_for_other_clients(served: Server) -> None:
    from google.rpc.error_details_pb2 import BadRequest
    from google.rpc.status_pb2 import Status

    with (
        grpc.insecure_channel(served.address) as channel,
        pytest.raises(grpc.RpcError, match="value is 3") as caught,
    ):
        rows = [figure(), figure(value=3)]
        channel.stream_unary(METHOD, ImportFiguresRequest.SerializeToString, ImportFiguresResponse.FromString)(
            convert.import_requests(ImportQuery("figures"), rows), timeout=PATIENCE
        )
    call: Any = caught.value
    status = Status.FromString(dict(call.trailing_metadata())["grpc-status-details-bin"])
    fields = BadRequest()
    assert any(detail.Unpack(fields) for detail in status.details)
    (violation,) = fields.field_violations
    assert (violation.field, violation.reason) == ("figures.rows[1].value", "VALUE_OF_MEASURE")
    assert violation.description.startswith("row 2: value is 3; expected a fraction of 0 to 1 for share")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([figure(value="42 %")], {}, r"rows\[0\].value is '42 %'; allowed: a number, or None"),
        ([figure(), figure(decimals=1.5)], {}, r"rows\[1\].decimals is 1.5; allowed: a whole number"),
        ([figure(decimals=float("inf"))], {}, r"rows\[0\].decimals is inf; allowed: a whole number"),
        ([figure(decimals=True)], {}, r"rows\[0\].decimals is True; allowed: a number"),
        ([figure(market=3)], {}, r"rows\[0\].market is 3; allowed: a text"),
        ([figure(colour="red")], {}, r"rows\[0\] is 'colour'; allowed: the columns market, research_house"),
        (shares(value=3.0), {"kind": "shares"}, r"rows\[7\].value is 3.0; allowed: either a share or a value"),
        (figures(), {"kind": "pictures"}, "kind is 'pictures'; allowed: one of figures, shares"),
        (figures(), {"house": "mine"}, "header.house is 'mine'; allowed: empty beside figures"),
        (figures(), {"request_id": "a b"}, "request_id is 'a b'; allowed: 1 to 128 visible ASCII"),
        (shares(), {"kind": "shares", "house": "a\nb"}, "house is .*allowed: a name of 1 to 200 characters"),
    ],
)
def test_what_cannot_be_imported_says_why(
    refused: Client, rows: list[dict[str, object]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        refused.import_figures(rows, **options)


def test_a_mixture_of_shares_and_amounts_is_refused(writer: Client) -> None:
    mixed = shares(share=None, value=3.0)
    with pytest.raises(InvalidTable, match="both share and value"):
        writer.import_figures(mixed, kind="shares")


def test_a_server_without_a_database_says_so(client: Client) -> None:
    with pytest.raises(NoStore, match=r"nothing can be kept: the figures are those that ship.*--database"):
        client.import_figures(figures())


def test_a_database_that_is_gone_is_no_fault_of_the_caller(writer: Client, store: Store, tmp_path: Path) -> None:
    writer.import_figures(figures())
    store.close()
    for path in tmp_path.glob("figures.db*"):
        path.unlink()
    (tmp_path / "figures.db").mkdir()
    with pytest.raises(StoreUnavailable, match="the database is unavailable") as caught:
        writer.import_figures(figures(), timeout=PATIENCE)
    assert str(tmp_path) not in str(caught.value)


def test_an_import_that_takes_too_long_ends(writer: Client) -> None:
    with pytest.raises(DeadlineExceeded, match=r"longer than the 0\.0001 s"):
        writer.import_figures(figures(), timeout=0.0001)


def test_a_sender_that_dawdles_is_ended_by_the_server(store: Store) -> None:
    async def work() -> grpc.aio.AioRpcError:
        front = Front(Catalog.shipped(store), stream_time_limit=0.3)
        await front.start("127.0.0.1:0")

        async def slowly() -> AsyncIterator[ImportFiguresRequest]:
            for request in convert.import_requests(ImportQuery("figures"), figures()):
                yield request
                await asyncio.sleep(10 * PATIENCE)

        try:
            async with grpc.aio.insecure_channel(front.address) as channel:
                call = channel.stream_unary(METHOD, ImportFiguresRequest.SerializeToString, None)
                with pytest.raises(grpc.aio.AioRpcError, match=r"longer than the 0\.3 s") as caught:
                    await call(slowly(), timeout=PATIENCE)
                return caught.value
        finally:
            await front.stop(1)

    assert asyncio.run(work()).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert store.figures().is_empty()


def messages(*parts: dict[str, object]) -> list[ImportFiguresRequest]:
    return [ImportFiguresRequest(**part) for part in parts]  # type: ignore[arg-type]


HEADER = {"header": import_pb2.ImportHeader(kind=import_pb2.IMPORT_KIND_FIGURES)}
ROW = {"chunk": import_pb2.ImportChunk(figures=[import_pb2.FigureRow(market="m")])}
SHARE = {"chunk": import_pb2.ImportChunk(shares=[import_pb2.MarketShareRow(market="m")])}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ([], "part is ''; allowed: a header as the first message"),
        ([{}], "part is ''; allowed: a header as the first message"),
        ([ROW], "part is 'chunk'; allowed: a header as the first message"),
        ([{"header": import_pb2.ImportHeader()}, ROW], "header.kind is 0; allowed: IMPORT_KIND_FIGURES"),
        ([HEADER, HEADER], "part is 'header'; allowed: chunks after the header"),
        ([HEADER, {}], "part is ''; allowed: chunks after the header"),
        ([HEADER, ROW, SHARE], r"chunk has 1 row\(s\) of another kind; send figures, as the header says"),
        ([HEADER], "0 rows; expected at least one row"),
        ([HEADER, ROW], "research_house is null; expected "),
    ],
)
def test_messages_in_another_order_are_refused(empty: Server, sent: list[dict[str, object]], message: str) -> None:
    with grpc.insecure_channel(empty.address) as channel:
        call = channel.stream_unary(METHOD, ImportFiguresRequest.SerializeToString, None)
        with pytest.raises(grpc.RpcError, match="status") as caught:
            call(iter(messages(*sent)), timeout=PATIENCE)
    failed: Any = caught.value
    assert failed.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(SharecastError, match=message):
        raise unpack_error(failed.code(), failed.details(), failed.trailing_metadata())


def test_bytes_that_are_no_message_are_refused(served: Server) -> None:
    with grpc.insecure_channel(served.address) as channel, pytest.raises(grpc.RpcError, match="no message") as caught:
        channel.stream_unary(METHOD, None, None)(iter([b"\xff\xff\xff"]), timeout=PATIENCE)
    failed: Any = caught.value
    assert failed.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_too_many_rows_are_refused_before_the_last_has_come(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "LARGEST_IMPORT", 1000)
    with Client(served.address) as client:
        with pytest.raises(InvalidArgument, match=r"rows is [0-9]+; allowed: 1000 at most in one import"):
            client.import_figures([figure(providers=f"P{n}", note="x" * 2000) for n in range(3000)])
        assert client.import_figures(figures()).added == 12


def test_a_caller_that_goes_away_leaves_nothing(served: Server, writer: Client) -> None:
    with grpc.insecure_channel(served.address) as channel:
        method = channel.stream_unary(METHOD, ImportFiguresRequest.SerializeToString, None)
        requests = list(convert.import_requests(ImportQuery("figures"), figures()))
        held: queue.Queue[Any] = queue.Queue()

        def slow() -> Iterator[ImportFiguresRequest]:
            yield from requests
            held.get(timeout=PATIENCE).cancel()  # gRPC asks for the requests in another thread, at once

        call = method.future(slow(), timeout=PATIENCE)
        held.put(call)
        with pytest.raises(grpc.FutureCancelledError):
            call.result()
    with pytest.raises(NotFound, match="market 'compass' is not known"):
        writer.get_market("compass")


def test_the_async_client_imports_too(served: Server, client: Client) -> None:
    async def work() -> None:
        async with AsyncClient(served.address) as asynchronous:
            report = await asynchronous.import_figures(figures(), request_id="once")
            assert report.added == 12
            assert await asynchronous.import_figures(figures(), request_id="once") == report
            with pytest.raises(InvalidTable, match="row 1: value is 2; expected "):
                await asynchronous.import_figures([figure(value=2)])
            with pytest.raises(AlreadyExists, match="request id 'once' was used before"):
                await asynchronous.import_figures([figure()], request_id="once")

    asyncio.run(work())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ROWS = st.builds(
    figure,
    market=TEXT | st.just("compass"),
    period=st.sampled_from(["2022Q1", "2022", "2022Q5"]) | TEXT,
    providers=TEXT | st.sampled_from(["East", "East|West", "East|East", "|", "TOTAL", "\u202e"]),
    measure=st.sampled_from(["share", "yoy_growth", "spend_usd_bn", "units_mn", "size"]),
    value=st.floats() | st.floats(0, 1) | st.none(),
    qualifier=st.sampled_from(["exact", "about", "more_than", "less_than", ""]),
    decimals=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 3) | st.none(),
    published=st.sampled_from(["2022-05-02", "2022-05", "2022", None, "yesterday", "0000-00-00", "9 11 2022"]) | TEXT,
    note=TEXT,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=4))
def test_any_rows_are_imported_or_refused_with_a_reason(store: Store, rows: list[dict[str, object]]) -> None:
    importing = handlers.MarketHandlers(Catalog.shipped(store)).import_figures()
    try:
        for request in convert.import_requests(ImportQuery("figures"), rows):
            importing.take(request)
        report = convert.import_report(importing.reply())
    except SharecastError as refused:
        assert error_code(refused).name in {"INVALID_ARGUMENT", "ALREADY_EXISTS"}
        return
    assert report.rows == len(rows)
    assert report.added + report.known <= report.rows


def test_a_call_refused_for_its_size_is_told(served: Server) -> None:
    with Client(served.address) as client, pytest.raises(CallRefused, match="RESOURCE_EXHAUSTED"):
        client.import_figures([figure(note="x" * 5_000_000)])
