import pickle

import grpc
import numpy as np
import pytest

from forecast.conditions import condition_forecast
from forecast.draws import bands_of
from forecast.events import event_probabilities
from forecast.forecasting import DRAWS, forecast_history
from service.catalog import Catalog
from service.client import Client, InvalidArgument
from service.server import Server
from sharecast.v1.forecast_service_pb2 import ForecastRequest, ForecastResponse
from tests.service.server.waiting import PATIENCE

EVENTS = ("Huawei overtakes Tencent by 2027Q4", "Alibaba > 33 % in 2027Q4")


def test_the_draws_of_an_answer_agree_with_its_numbers(client: Client, catalog: Catalog) -> None:
    found = client.forecast("cn-cloud", horizon=6, seed=3, include_draws=True)
    own = forecast_history(catalog.history("cn-cloud", "canalys", None), horizon=6, seed=3, keep_draws=True)
    assert own.draws is not None
    assert found.draws is not None
    assert found.draws.count == DRAWS
    drawn = found.draws.to_numpy()
    assert drawn.shape == (DRAWS, 6, len(found.providers))
    np.testing.assert_allclose(drawn, own.draws, atol=1e-6)
    np.testing.assert_allclose(drawn.sum(axis=2), 1.0, atol=1e-12)
    # The mean and the median of an answer have no noise of sampling; those of its draws agree with them within it.
    noise = drawn.std(axis=0) / np.sqrt(DRAWS)
    assert (np.abs(drawn.mean(axis=0) - found.mean) < 5 * noise).all()
    assert (np.abs(np.median(drawn, axis=0) - found.median) < 5 * 1.2533 * noise).all()
    table = found.draws.to_polars()
    assert table.columns == ["market", "draw", "period", "provider", "share"]
    row = table.row(1234, named=True)
    H, K = drawn.shape[1:]
    assert (row["draw"], row["period"], row["provider"], row["share"]) == (
        1234 // (H * K),
        str(found.periods[1234 // K % H]),
        found.providers[1234 % K],
        drawn.ravel()[1234],
    )
    assert pickle.loads(pickle.dumps(found)) == found


def test_draws_answer_at_home_what_the_server_would(client: Client, catalog: Catalog) -> None:
    found = client.forecast("cn-cloud", horizon=12, include_draws=True, events=EVENTS)
    here = found.to_forecast()
    asked = event_probabilities(here, EVENTS)
    assert [one.probability for one in asked] == [one.probability for one in found.events]
    own = forecast_history(catalog.history("cn-cloud", "canalys", None), horizon=12, keep_draws=True)
    for ours, theirs in zip(bands_of(here, 0.8), bands_of(own, 0.8), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert client.forecast("cn-cloud", horizon=12).draws is None


def test_draws_are_given_the_conditions(client: Client, catalog: Catalog) -> None:
    own = forecast_history(catalog.history("cn-cloud", "canalys", None), horizon=4, keep_draws=True)
    last = own.periods[-1]
    given = f"{own.providers[0]} = 30 % in {last}"
    found = client.forecast("cn-cloud", horizon=4, include_draws=True, conditions=[given])
    assert found.draws is not None
    there = condition_forecast(own, [given]).forecast.draws
    assert there is not None
    np.testing.assert_allclose(found.draws.to_numpy(), there, atol=1e-6)
    np.testing.assert_allclose(found.draws.to_numpy()[:, -1, 0], 0.3, atol=1e-6)


def test_draws_that_no_message_has_room_for_are_refused_by_name(client: Client, server: Server) -> None:
    shares = [
        {"period": f"202{year}Q{quarter}", "provider": f"P{n}", "share": (n % 5 + 1) / 42}
        for year in (1, 2)
        for quarter in (1, 2, 3, 4)
        for n in range(14)
    ]
    with pytest.raises(InvalidArgument, match=r"include_draws is too large for .*: ask for fewer quarters"):
        client.forecast("mine", shares=shares, horizon=40, include_draws=True)
    request = ForecastRequest(market="cn-cloud", horizon=40, include_draws=True).SerializeToString()
    with grpc.insecure_channel(server.address) as channel:  # which takes 4 MiB
        raw = channel.unary_unary("/sharecast.v1.ForecastService/Forecast", None, None)(request, timeout=PATIENCE)
    assert len(ForecastResponse.FromString(raw).draws.shares) == DRAWS * 40 * len(
        ForecastResponse.FromString(raw).providers
    )
