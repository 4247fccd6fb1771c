"""What each RPC does: read the message, call a pure function, write the message."""

from bisect import bisect_right
from collections.abc import Iterator

from forecast.forecasting import check_request, forecast_history, forecast_shares
from service import convert
from service.catalog import Catalog, inline_shares
from sharecast.v1.forecast_service_pb2 import BacktestRequest, BacktestResponse, ForecastRequest, ForecastResponse
from sharecast.v1.market_service_pb2 import (
    GetHistoryRequest,
    GetHistoryResponse,
    ListMarketsRequest,
    ListMarketsResponse,
)


class ForecastHandlers:
    """The methods of `sharecast.v1.ForecastService`, one per RPC, named in snake case; each may run in any thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def forecast(self, request: ForecastRequest) -> ForecastResponse:
        """Forecast one market of the catalog, or the shares in the request."""
        query = convert.forecast_query(request)
        check_request(horizon=query.horizon, levels=query.levels, model=query.model)  # before the costly part
        if query.shares is None:
            history = self._catalog.history(query.market, query.house, query.as_of)
            data = convert.data_used(history)
            forecast = forecast_history(
                history, horizon=query.horizon, levels=query.levels, model=query.model, seed=query.seed
            )
        else:
            shares, data = inline_shares(query.shares, market=query.market)
            forecast = forecast_shares(
                shares, horizon=query.horizon, levels=query.levels, model=query.model, seed=query.seed
            )
        return convert.forecast_response(forecast, data, include_history=query.include_history)

    def backtest(self, request: BacktestRequest) -> Iterator[BacktestResponse]:
        """Backtest one market of the catalog, or the shares in the request, an origin per step."""
        for step in self._catalog.backtest(convert.backtest_query(request)):
            yield convert.backtest_response(step)


class MarketHandlers:
    """The methods of `sharecast.v1.MarketService`, likewise."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def list_markets(self, request: ListMarketsRequest) -> ListMarketsResponse:
        """One page of the markets, by name."""
        query = convert.markets_query(request)
        markets = self._catalog.markets()
        start = bisect_right([info.market for info in markets], query.after) if query.after else 0
        page = markets[start : start + query.page_size]
        more = start + len(page) < len(markets)
        return convert.markets_response(page, next_after=page[-1].market if more else "")

    def get_history(self, request: GetHistoryRequest) -> GetHistoryResponse:
        """The reconstructed composition of one market."""
        query = convert.history_query(request)
        return convert.history_response(self._catalog.history(query.market, query.house, query.as_of))
