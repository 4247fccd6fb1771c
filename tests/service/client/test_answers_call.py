import asyncio
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forecast.conditions import condition_forecast
from forecast.events import event_probability, league
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history
from forecast.history import reconstruct
from forecast.revenue import forecast_revenue
from forecast.totals import given_totals
from service.catalog import Catalog
from service.client import (
    AsyncClient,
    Client,
    ConditionResult,
    InvalidArgument,
    NotEnoughData,
    Quarter,
    RevenueResult,
)
from service.server import Server
from service.store import open_store

EVENTS = ("Huawei overtakes Tencent by 2026Q4", "Alibaba > 40 % in 2026Q2", "top 3 changes")
CONDITIONS = ("Huawei = 20 % in 2026Q4", "a new provider takes 5 %")


def test_a_server_answers_events_as_the_library_does(server: Server) -> None:
    history = reconstruct(load_figures(), load_breaks(), market="cn-cloud")
    made = forecast_history(history, horizon=4, seed=3, keep_draws=True)
    with Client(server.address) as client:
        found = client.forecast("cn-cloud", horizon=4, seed=3, events=EVENTS)
        again = client.forecast("cn-cloud", horizon=4, seed=3, events=EVENTS)
    assert found == again
    for event, text in zip(found.events, EVENTS, strict=True):
        mine = event_probability(made, text)
        assert (event.event, event.probability) == (str(mine.event), mine.probability)
        assert (event.at_origin, event.reference, event.draws) == (mine.at_origin, mine.reference, 2000)
        assert event.standard_error == mine.standard_error
    np.testing.assert_array_equal(np.array(found.mean), made.mean)
    assert found.conditions == ()


def test_a_server_gives_the_forecast_that_meets_the_conditions_and_says_how_unlikely_they_are(server: Server) -> None:
    history = reconstruct(load_figures(), load_breaks(), market="cn-cloud")
    given = condition_forecast(forecast_history(history, horizon=4, keep_draws=True), CONDITIONS)

    async def ask() -> object:
        async with AsyncClient(server.address) as client:
            return await client.forecast("cn-cloud", horizon=4, conditions=CONDITIONS, events=EVENTS[:1])

    with Client(server.address) as client:
        found = client.forecast("cn-cloud", horizon=4, conditions=CONDITIONS, events=EVENTS[:1])
    assert asyncio.run(ask()) == found
    assert found.providers == given.forecast.providers
    np.testing.assert_array_equal(np.array(found.mean), given.forecast.mean)
    np.testing.assert_array_equal(np.array(found.upper), given.forecast.upper)
    assert found.conditions == tuple(
        ConditionResult(str(line.condition), line.probability, line.statement) for line in given.plausibility
    )
    assert found.conditions[1].probability is None
    assert found.model.measured_coverage == ()
    assert found.events[0].probability == event_probability(given.forecast, EVENTS[0]).probability
    assert found.to_forecast().given == tuple(str(line.condition) for line in given.plausibility)


def test_shares_brought_by_the_caller_are_asked_the_same(server: Server) -> None:
    rows = [
        {"period": f"2025Q{quarter}", "provider": name, "share": share}
        for quarter in (1, 2, 3, 4)
        for name, share in (("North", 0.55 + 0.01 * quarter), ("South", 0.45 - 0.01 * quarter))
    ]
    with Client(server.address) as client:
        found = client.forecast(
            "mine", shares=rows, events=["South overtakes North"], conditions=["North = 60 % in 2026Q1"]
        )
    assert found.events[0].event == "South overtakes North by 2027Q4"
    assert found.mean[0] == pytest.approx((0.6, 0.4), abs=1e-9)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"events": ["Huawei leads", "Hauwei leads"]},
            r"events\[1\] .*: no provider is called 'Hauwei'; did you mean Huawei Cloud. the providers are Al",
        ),
        (
            {"conditions": ["Huawei = 20 % in 2019Q4"]},
            r"conditions\[0\] .*: 2019Q4 is not among the quarters forecast; ask of 2026Q1 to 2027Q4",
        ),
        (
            {"conditions": ["Others > 99 % in 2026Q1"]},
            r"conditions\[0\] .* in \d+ of 2,000 draws; at least 20 are",
        ),
        ({"events": ["Huawei leads"] * 101}, "events has 101 events; 100 at most"),
        ({"conditions": ["Others unchanged"] * 21}, "conditions has 21 conditions; 20 at most"),
        ({"events": [" " * 10_000]}, r"events\[0\] .* has 10000 characters; 500 at most"),
        ({"events": [7]}, r"events\[0\] is 7; allowed: a text"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_its_place(
    server: Server, asked: dict[str, list[str]], said: str
) -> None:
    with Client(server.address) as client, pytest.raises(InvalidArgument, match=said):
        client.forecast("cn-cloud", **asked)  # type: ignore[arg-type]


def test_one_text_is_not_taken_for_its_letters(server: Server) -> None:
    with Client(server.address) as client:
        found = client.forecast("cn-cloud", horizon=1, events="Huawei leads")
    assert [event.event for event in found.events] == ["Huawei Cloud leads by 2026Q1"]


ROWS = [
    {"period": f"2025Q{quarter}", "provider": name, "share": share}
    for quarter in (1, 2, 3, 4)
    for name, share in (("North", 0.55 + 0.01 * quarter), ("South", 0.45 - 0.01 * quarter))
]
TOTALS = [
    {"period": f"{year}Q{n}", "amount": 10.0 + year - 2023 + 0.5 * n} for year in (2024, 2025) for n in (1, 2, 3, 4)
]


@pytest.mark.parametrize("conditions", [(), ("Huawei = 20 % in 2026Q4",)])
def test_a_server_tells_revenue_and_league_as_the_library_does(server: Server, conditions: tuple[str, ...]) -> None:
    figures = load_figures()
    made = forecast_history(reconstruct(figures, load_breaks(), market="cn-cloud"), horizon=4, seed=3, keep_draws=True)
    if conditions:
        made = condition_forecast(made, conditions).forecast
    sold, order = forecast_revenue(made, figures, seed=3), league(made)
    with Client(server.address) as client:
        found = client.forecast("cn-cloud", horizon=4, seed=3, league=True, revenue=True, conditions=conditions)
        assert client.forecast("cn-cloud", horizon=4, seed=3, conditions=conditions).league is None
    assert found.revenue is not None and found.league is not None
    assert_frame_equal(found.revenue.to_polars(), sold.to_frame(), check_exact=True)
    assert_frame_equal(found.league.to_polars(), order.to_frame(), check_exact=True)
    assert (found.revenue.unit, found.revenue.notes, found.revenue.used) == ("USD bn", sold.notes, sold.used)
    np.testing.assert_array_equal(np.array(found.revenue.past), sold.past)
    for mine, theirs in ((found.revenue, sold), (found.league, order)):
        assert mine._repr_html_() == theirs._repr_html_()
        assert mine.plot()._repr_html_() == theirs.plot()._repr_html_()
    assert found._repr_html_().count("<table") == 3


def test_both_clients_are_told_the_same_and_what_is_known_already_is_not_made_again(server: Server) -> None:
    async def ask() -> object:
        async with AsyncClient(server.address) as client:
            return await client.forecast("cn-cloud", horizon=2, league=True, revenue=True)

    with Client(server.address) as client:
        plain = client.forecast("cn-cloud", horizon=2)
        found = client.forecast("cn-cloud", horizon=2, league=True, revenue=True)
        only = client.forecast("cn-cloud", horizon=2, league=True)
    assert asyncio.run(ask()) == found
    assert (plain.league, plain.revenue, only.revenue) == (None, None, None)
    assert only.league == found.league is not None


def test_totals_of_the_callers_own_stand_for_published_ones(server: Server) -> None:
    with Client(server.address) as client:
        found = client.forecast("mine", shares=ROWS, horizon=3, revenue=TOTALS, unit="EUR mn", seed=1).revenue
        same = client.forecast("mine", shares=ROWS, horizon=3, revenue=pl.DataFrame(TOTALS), unit="EUR mn", seed=1)
        other = client.forecast("mine", shares=ROWS, horizon=3, revenue=TOTALS[1:], unit="EUR mn", seed=1).revenue
        told = client.forecast("cn-cloud", horizon=3, revenue=TOTALS, seed=1).revenue
    assert found is not None and told is not None and other is not None and same.revenue is not None
    assert_frame_equal(same.revenue.to_polars(), found.to_polars(), check_exact=True)
    assert other.mean != found.mean
    assert (found.unit, found.providers, told.unit) == ("EUR mn", ("North", "South"), "")
    np.testing.assert_allclose(np.array(found.mean)[:, :2].sum(axis=1), np.array(found.mean)[:, 2], rtol=1e-12)
    np.testing.assert_array_equal(np.array(found.past)[:, 2], [row["amount"] for row in TOTALS])
    history = reconstruct(load_figures(), load_breaks(), market="cn-cloud")
    given = given_totals({Quarter.parse(str(row["period"])): float(str(row["amount"])) for row in TOTALS})
    mine = forecast_revenue(forecast_history(history, horizon=3, seed=1, keep_draws=True), given, seed=1)
    assert_frame_equal(told.to_polars(), mine.to_frame(), check_exact=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"revenue": True}, r"revenue\.totals is empty; give totals beside inline shares"),
        ({"revenue": [{"period": "2025Q5", "amount": 1.0}]}, r"revenue\.totals\[0\]\.period is '2025Q5'"),
        ({"revenue": [TOTALS[0], TOTALS[0]]}, r"revenue\.totals\[1\]\.period is '2024Q1'; allowed: each quarter once"),
        (
            {"revenue": [{**TOTALS[0], "amount": 0.0}]},
            r"revenue\.totals\[0\]\.amount is 0\.0; allowed: an amount above",
        ),
        (
            {"revenue": [{**TOTALS[0], "amount": float("nan")}]},
            r"revenue\.totals\[0\]\.amount is None; allowed: an amount above zero",
        ),
        ({"revenue": [{**TOTALS[0], "amount": "1"}]}, r"revenue\.totals\[0\]\.amount is '1'"),
        ({"revenue": []}, r"revenue\.totals has no row; give at least two"),
        ({"revenue": TOTALS, "unit": "x" * 41}, r"revenue\.unit is .*; allowed: 40 characters at most"),
        ({"unit": "EUR"}, "unit is 'EUR'; allowed: empty without totals of your own"),
        (
            {"revenue": [{"period": f"{1800 + n}Q1", "amount": 1.0} for n in range(401)]},
            "has 401 totals; 400 at most",
        ),
        (
            {"revenue": [{"period": f"200{n}Q1", "amount": 1.0} for n in (1, 2)]},
            "totals end in 2002Q1; give them up to 2015Q4 at least",
        ),
    ],
)
def test_totals_that_cannot_be_used_are_refused_with_their_place(
    server: Server, asked: dict[str, object], said: str
) -> None:
    with Client(server.address) as client, pytest.raises(InvalidArgument, match=said):
        client.forecast("mine", shares=ROWS, **asked)  # type: ignore[arg-type]


def test_too_few_totals_say_so(server: Server) -> None:
    with (
        Client(server.address) as client,
        pytest.raises(NotEnoughData, match=r"too few quarters with data \(totals.*\): 1, and"),
    ):
        client.forecast("mine", shares=ROWS, revenue=TOTALS[:1])


def test_a_total_published_since_changes_the_revenue_though_no_share_changed(tmp_path: Path) -> None:
    def statement(period: str, providers: str, measure: str, value: float) -> dict[str, object]:
        amount = measure == "spend_usd_bn"
        return {
            "market": "compass",
            "research_house": "north",
            "period": period,
            "providers": providers,
            "measure": measure,
            "unit": "USD bn" if amount else None,
            "value": value,
            "qualifier": "exact",
            "decimals": 1 if amount else 0,
            "stated_as": f"{value}",
            "publisher": "The Needle",
            "published": "2023-02-01",
            "source_url": f"https://example.org/{period}{providers}{measure}",
        }

    quarters = [f"{year}Q{n}" for year in (2021, 2022) for n in (1, 2, 3, 4)]
    shares = [
        statement(quarter, name, "share", share)
        for n, quarter in enumerate(quarters)
        for name, share in (("East", 0.5 + 0.01 * n), ("West", 0.3 - 0.01 * n))
    ]
    totals = [statement(quarter, "TOTAL", "spend_usd_bn", 4.0 + 0.2 * n) for n, quarter in enumerate(quarters)]
    place = f"sqlite:///{tmp_path / 'figures.db'}"
    with open_store(place) as store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:

        def sold() -> RevenueResult:
            found = client.forecast("compass", house="north", horizon=2, revenue=True)
            assert found.revenue is not None
            return found.revenue

        client.import_figures(shares, kind="figures")
        with pytest.raises(NotEnoughData, match="totals of north"):
            sold()
        client.import_figures(totals[:-1], kind="figures")
        before = sold()
        assert sold().past == before.past
        client.import_figures(totals[-1:], kind="figures")
        after = sold()
    assert [str(quarter) for quarter in before.past_periods] == quarters[:-1]
    assert [str(quarter) for quarter in after.past_periods] == quarters
    assert before.mean != after.mean
    assert before.unit == after.unit == "USD bn"


def test_what_cannot_be_read_is_refused_before_the_market_is_looked_for(client: Client) -> None:
    with pytest.raises(InvalidArgument, match=r"^events\[0\] .*is not understood"):
        client.forecast("no-such-market", events=["Acme explodes"])
    with pytest.raises(InvalidArgument, match=r"^batch\.events\[0\] .*is not understood"):
        list(client.stream_forecasts(["no-such-market"], events=["Acme explodes"]))
