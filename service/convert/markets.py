"""Markets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.convert.parts import (
    check_page_size,
    date_text,
    fitting,
    quarter_text,
    read_market,
    read_page_size,
    read_quarter,
    read_token,
    token_text,
)
from service.queries import DEFAULT_PAGE_SIZE, LARGEST_PAGE, MarketsQuery, parse_date
from service.results import HouseResult, MarketResult, MarketsPage
from sharecast.v1 import market_pb2
from sharecast.v1.market_service_pb2 import (
    GetMarketRequest,
    GetMarketResponse,
    ListMarketsRequest,
    ListMarketsResponse,
)

if TYPE_CHECKING:
    from forecast.figures import MarketInfo

_LIST = "ListMarkets"


def markets_request(page_size: int, page_token: str, /) -> ListMarketsRequest:
    """Ask for one page.

    Raises:
        InvalidArgument: a page size that the message cannot carry, or 0, which on the wire stands for the default.
    """
    check_page_size(page_size, LARGEST_PAGE)
    return ListMarketsRequest(page_size=page_size, page_token=page_token)


def markets_query(request: ListMarketsRequest, /) -> MarketsQuery:
    """Read which page is meant.

    Raises:
        InvalidArgument: a negative page size, or a token that is not ours.
    """
    size = read_page_size(request.page_size, DEFAULT_PAGE_SIZE, LARGEST_PAGE)
    return MarketsQuery(page_size=size, after=read_token(request.page_token, _LIST))


def markets_response(markets: "Sequence[MarketInfo]", /, *, more: bool) -> ListMarketsResponse:
    """Write one page, of fewer markets than given where they are long.

    Args:
        markets: In order.
        more: Whether others follow these.
    """
    page = fitting(map(_market_message, markets))
    after = page[-1].market if more or len(page) < len(markets) else ""
    return ListMarketsResponse(markets=page, next_page_token=token_text(after, _LIST))


def markets_page(response: ListMarketsResponse, /) -> MarketsPage:
    """Read one page."""
    markets = tuple(_read_market(market) for market in response.markets)
    return MarketsPage(markets=markets, next_page_token=response.next_page_token)


def market_request(market: str, /) -> GetMarketRequest:
    """Ask for one market."""
    return GetMarketRequest(market=market)


def market_query(request: GetMarketRequest, /) -> str:
    """Read which market is meant.

    Raises:
        InvalidArgument: none.
    """
    return read_market(request.market)


def market_response(info: "MarketInfo", /) -> GetMarketResponse:
    """Write one market."""
    return GetMarketResponse(market=_market_message(info))


def market_result(response: GetMarketResponse, /) -> MarketResult:
    """Read one market."""
    return _read_market(response.market)


def _market_message(info: "MarketInfo") -> market_pb2.Market:
    return market_pb2.Market(
        market=info.market,
        houses=[
            market_pb2.House(
                house=house.name,
                providers=[market_pb2.HouseProvider(provider=provider) for provider in house.providers],
                first_period=quarter_text(house.first),
                last_period=quarter_text(house.last),
                figures_count=house.figures,
                vintages=[date_text(vintage) for vintage in house.vintages],
            )
            for house in info.houses
        ],
    )


def _read_market(market: market_pb2.Market) -> MarketResult:
    return MarketResult(
        market=market.market,
        houses=tuple(
            HouseResult(
                house=house.house,
                providers=tuple(p.provider for p in house.providers),
                first=read_quarter(house.first_period),
                last=read_quarter(house.last_period),
                figures_count=house.figures_count,
                vintages=tuple(parse_date(vintage, "vintages") for vintage in house.vintages),
            )
            for house in market.houses
        ),
    )
