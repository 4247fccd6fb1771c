"""Imports put right, moments and changed names over the wire, with a real server and database."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forecast.errors import InvalidArgument, NotEnoughData, NotFound
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from service.catalog import Catalog
from service.client import AlreadyExists, AsyncClient, Client, NoStore
from service.server import Server
from service.store import open_store

MERGER = NameChange("Cygnus", "Borealis", "merged", Quarter.parse("2022Q3"))
RENAMING = {"provider": "Cygnus", "into": "Swan", "kind": "renamed", "period": "2022Q3"}


def shares(*, gone: bool = False, misspelt: bool = False, market: str = "phones") -> list[dict[str, object]]:
    """Eight quarters of three providers.

    Args:
        gone: Cygnus is in Borealis from 2022Q3 on.
        misspelt: Acmee, whom there is not, has a quarter of every quarter, and the others have the rest.
        market: Name of the market.
    """
    rows: list[dict[str, object]] = []
    for n in range(8):
        cells = {"Acme": 0.5 - 0.01 * n, "Borealis": 0.3 + 0.01 * n, "Cygnus": 0.2}
        if gone and n >= 6:
            cells["Borealis"] += cells.pop("Cygnus")
        if misspelt:
            cells = {name: 0.75 * share for name, share in cells.items()} | {"Acmee": 0.25}
        period = f"{2021 + n // 4}Q{n % 4 + 1}"
        rows += [
            {"market": market, "period": period, "provider": name, "share": round(share, 4)}
            for name, share in cells.items()
        ]
    return rows


def inline(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: cell for name, cell in row.items() if name != "market"} for row in rows]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_store(str(tmp_path / "figures.db")) as store:
        yield Catalog.shipped(store)


@pytest.fixture
def client(catalog: Catalog) -> Iterator[Client]:
    with Server(catalog) as served, Client(served.address) as connected:
        yield connected


def test_a_wrong_table_is_put_right_by_the_right_one_and_the_past_stays(client: Client) -> None:
    client.import_figures(shares(misspelt=True), kind="shares")
    wrong, moment = client.forecast("phones", horizon=1), datetime.now(UTC)
    assert "Acmee" in wrong.providers
    looked = client.import_figures(shares(), kind="shares", replace=True, validate_only=True)
    assert (looked.added, looked.known, looked.restated, looked.superseded) == (24, 0, 24, 8)
    assert (len(looked.changes), str(looked.changes[0])) == (20, "phones, own: 2021Q1 Acme 37.50 % -> 50 %")
    report = client.import_figures(shares(), kind="shares", replace=True)
    assert (report.changes, report.restated, report.superseded) == (looked.changes, 24, 8)
    made = client.forecast("phones", horizon=1)
    client.import_figures(shares(market="alone"), kind="shares")
    alone = client.forecast("alone", horizon=1)
    assert made.providers == alone.providers
    assert made.mean[0] == pytest.approx(alone.mean[0], abs=1e-9)
    assert made.lower[0][0] == pytest.approx(alone.lower[0][0], abs=1e-9)
    assert client.forecast("phones", horizon=1, recorded_by=moment) == wrong
    assert "Acmee" in client.get_history("phones", recorded_by=moment.isoformat()).providers


def test_rows_are_withdrawn_and_counted_before(client: Client) -> None:
    first = client.import_figures(shares(misspelt=True), kind="shares")
    looked = client.withdraw_figures(market="phones", provider="Acmee", validate_only=True)
    assert (looked.import_id, looked.rows, looked.validate_only) == ("", 8, True)
    report = client.withdraw_figures(market="phones", provider="Acmee", request_id="w")
    assert report.withdrawn == looked.withdrawn
    (rows,) = report.withdrawn
    assert (rows.market, rows.house, rows.kind, rows.rows) == ("phones", "own", "shares", 8)
    assert (rows.first, rows.last, rows.providers) == ("2021Q1", "2022Q4", ("Acmee",))
    assert report.changes[0].after is None and report.changes[0].before == 0.25
    assert client.withdraw_figures(market="phones", provider="Acmee", request_id="w") == report
    with pytest.raises(AlreadyExists):
        client.withdraw_figures(market="phones", request_id="w")
    one = client.withdraw_figures(market="phones", period=Quarter.parse("2021Q1"), house="own", kind="shares")
    assert one.rows == 3
    assert client.withdraw_figures(import_id=first.import_id).rows == 21
    with pytest.raises(NotFound, match="market 'phones' is not known"):
        client.forecast("phones")


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ({}, InvalidArgument, "market is ''; allowed: the market whose rows are to go, unless an import is named"),
        ({"import_id": "x"}, InvalidArgument, "import_id is 'x'; allowed: the import_id of a report, such as 3"),
        ({"import_id": 9}, NotFound, "import '9' is not known; known: 1"),
        ({"market": "cn-cloud"}, InvalidArgument, "figures that come with Sharecast cannot be withdrawn"),
        ({"market": "phones", "kind": "pictures"}, InvalidArgument, "kind is 'pictures'; allowed: one of figures"),
        ({"market": "phones", "period": "soon"}, InvalidArgument, "period is 'soon'; allowed: a quarter such as"),
    ],
)
def test_what_cannot_be_withdrawn_says_why(client: Client, asked: Any, error: type[Exception], told: str) -> None:
    client.import_figures(shares(), kind="shares")
    with pytest.raises(error, match=told):
        client.withdraw_figures(**asked)


def test_a_server_without_a_database_has_nothing_to_withdraw() -> None:
    with Server(Catalog.shipped()) as served, Client(served.address) as connected, pytest.raises(NoStore):
        connected.withdraw_figures(market="phones")


def test_a_moment_is_taken_in_any_form_with_a_time_zone(client: Client) -> None:
    before = datetime.now(UTC) - timedelta(microseconds=1)
    client.import_figures(shares(), kind="shares")
    for early in (before, before.astimezone(timezone(timedelta(hours=5))), before.isoformat(), date(2020, 1, 1)):
        with pytest.raises(NotEnoughData, match=r"'phones' has too few quarters with data \(recorded by .*\): 0, and"):
            client.get_history("phones", recorded_by=early)
    tomorrow = date.today() + timedelta(days=1)
    assert client.get_history("phones", recorded_by=tomorrow).data == client.get_history("phones").data
    for bad in (datetime(2026, 1, 1), "2026-01-01T10:00:00", "soon", "2026-02-30"):
        with pytest.raises(InvalidArgument, match=r"recorded_by is .*allowed: a moment with its time zone such as"):
            client.forecast("phones", recorded_by=bad)
    with pytest.raises(InvalidArgument, match=r"recorded_by is .*allowed: empty beside data that the request brings"):
        client.forecast("phones", shares=inline(shares()), recorded_by=tomorrow)
    shipped = client.forecast("cn-cloud", horizon=1, recorded_by="2001-01-01")
    assert shipped.mean == client.forecast("cn-cloud", horizon=1).mean


def test_a_merger_is_declared_with_a_table_with_rows_or_with_a_question(client: Client) -> None:
    client.import_figures(shares(gone=True), kind="shares")
    asked = client.forecast("phones", horizon=2, name_changes=[MERGER], include_history=True)
    assert set(asked.providers) == {"Acme", "Borealis"}  # which make every quarter whole: there is no rest
    assert asked.warnings == ("as declared: Cygnus is part of Borealis from 2022Q3 on",)
    assert asked.history is not None and asked.history.name_changes == (MERGER,)
    assert asked.history.to_history().name_changes == (MERGER,)
    history = client.get_history("phones", name_changes=[MERGER])
    assert set(history.providers) == {"Acme", "Borealis"}
    into = history.providers.index("Borealis")
    assert [row[into] for row in history.status] == ["combined"] * 6 + ["reported"] * 2
    own = client.forecast("m", shares=inline(shares(gone=True)), horizon=2, name_changes=[MERGER])
    order = [own.providers.index(name) for name in asked.providers]
    for mean, beside in zip(asked.mean, own.mean, strict=True):
        assert mean == pytest.approx([beside[k] for k in order], rel=0, abs=1e-9)
    assert "Cygnus" in client.forecast("phones", horizon=2).providers
    # kept with the table
    report = client.import_figures(shares(gone=True), kind="shares", name_changes=[MERGER])
    assert (report.known, report.name_changes) == (22, 1)
    assert client.forecast("phones", horizon=2).mean == asked.mean
    # the same as rows
    assert client.withdraw_figures(market="phones", kind="names").rows == 1
    row = {"market": "phones", "provider": "Cygnus", "into": "Borealis", "kind": "merged", "period": "2022Q3"}
    alone = client.import_figures([row | {"published_at": "2022-11-05"}], kind="names")
    assert (alone.kind, alone.rows, alone.added, alone.known, alone.markets) == ("names", 1, 1, 0, ("phones",))
    assert client.import_figures(pl.DataFrame([row]), kind="names").known == 1
    assert client.forecast("phones", horizon=2).mean == asked.mean
    early, late = (client.get_history("phones", as_of=day).name_changes for day in ("2022-11-04", "2023-06-01"))
    assert (early, [change.into for change in late]) == ((), ["Borealis"])


def test_a_change_holds_for_many_markets_and_for_data_of_ones_own(client: Client) -> None:
    client.import_figures(shares(), kind="shares")
    own = shares(market="tablets")
    asked: dict[str, Any] = {"horizon": 1, "name_changes": [RENAMING]}
    outcomes = {o.market: o for o in client.stream_forecasts(["phones", "cn-cloud"], shares=own, **asked)}
    assert "Swan" in outcomes["phones"].forecast.providers  # type: ignore[union-attr]
    assert "Swan" in outcomes["tablets"].forecast.providers  # type: ignore[union-attr]
    assert outcomes["cn-cloud"].forecast is not None
    single = client.forecast("tablets", shares=inline(own), **asked)
    assert single.mean == outcomes["tablets"].forecast.mean  # type: ignore[union-attr]
    assert "as declared: Cygnus is called Swan from 2022Q3 on" in single.warnings
    job = client.create_forecast_job(["phones"], shares=own, **asked)
    watched = {outcome.market: outcome for outcome in client.watch_forecast_job(job.job_id)}
    assert watched["tablets"].forecast.providers == single.providers  # type: ignore[union-attr]
    both = [*own, {"market": "tablets", "period": "2021Q1", "provider": "Swan", "share": 0.0}]
    (failed,) = client.stream_forecasts(shares=both, **asked)
    assert "0.2 and 0 in 2021Q1" in str(failed.error)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"provider": "A", "into": "B", "kind": "sold"}, r"name_changes\[0\].kind is 'sold'; allowed: one of renamed"),
        ({"provider": "A", "into": "A", "kind": "renamed"}, r"name_changes\[0\].into is 'A'; allowed: another name"),
        (
            {"provider": "A", "into": "B", "kind": "merged"},
            r"name_changes\[0\].period is ''; allowed: the first quarter",
        ),
        ({"provider": "A", "to": "B"}, r"name_changes\[0\] is 'to'; allowed: the columns market, house, provider"),
        ({"provider": 3}, r"name_changes\[0\].provider is 3; allowed: a text"),
    ],
)
def test_a_change_that_is_none_is_refused_by_its_place(client: Client, change: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        client.forecast("cn-cloud", name_changes=[change])
    with pytest.raises(InvalidArgument, match="name_changes is '201 changes'; allowed: 200 at most"):
        client.forecast("cn-cloud", name_changes=[RENAMING] * 201)


def test_a_backtest_of_the_server_knows_the_names_that_were_declared(client: Client) -> None:
    client.import_figures(shares(gone=True), kind="shares", name_changes=[MERGER])
    *_, scores = client.backtest("phones", origins=2, horizon=1, models=["naive"])
    assert "naive" in str(scores)


def test_the_asynchronous_client_has_the_same_methods(catalog: Catalog) -> None:
    async def ask(address: str) -> None:
        async with AsyncClient(address) as client:
            await client.import_figures(shares(misspelt=True), kind="shares")
            report = await client.withdraw_figures(market="phones", provider="Acmee")
            assert report.rows == 8
            assert "Acmee" not in (await client.forecast("phones", horizon=1)).providers

    with Server(catalog) as served:
        asyncio.run(ask(served.address))
