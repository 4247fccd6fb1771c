import asyncio

import numpy as np
import pytest

from forecast.conditions import condition_forecast
from forecast.events import event_probability
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history
from forecast.history import reconstruct
from service.client import AsyncClient, Client, ConditionResult, InvalidArgument
from service.server import Server

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
            r"events\[1\]\.provider is 'Hauwei'; allowed: one of Alibaba Cloud",
        ),
        (
            {"conditions": ["Huawei = 20 % in 2019Q4"]},
            r"conditions\[0\]\.quarter is '2019Q4'; allowed: 2026Q1 to 2027Q4",
        ),
        ({"conditions": ["Others > 99 % in 2026Q1"]}, r"conditions\[0\] is .*at least 20 of the 2,000 draws"),
        ({"events": ["Huawei leads"] * 101}, "events is '101 events'; allowed: 100 at most"),
        ({"conditions": ["Others unchanged"] * 21}, "conditions is '21 conditions'; allowed: 20 at most"),
        ({"events": [" " * 10_000]}, r"events\[0\] is .*at most 500 characters"),
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
