"""Replies of ForecastService that make many forecasts of one market: what changed between two days, and reports."""

import polars as pl

from forecast.errors import InvalidArgument
from forecast.forecasting import OF_RECORD, check_request
from forecast.name_changes import NameChange
from service import convert
from service.catalog import Catalog
from service.queries import PLAIN_BYTES, DiffQuery, ReportQuery
from service.server.calls import Call
from service.server.forecasts import check_levels
from service.server.messages import decode
from service.server.work import Work
from sharecast.v1.forecast_service_pb2 import DiffForecastsRequest, RenderReportRequest, RenderReportResponse


class ComparingReplies:
    """Replies to DiffForecasts and RenderReport, each made in a worker process.

    Args:
        catalog: The figures.
        work: Where the work is done.
    """

    def __init__(self, catalog: Catalog, work: Work) -> None:
        self._catalog, self._work = catalog, work

    async def diff(self, raw: bytes, call: Call) -> bytes:
        """What changed in the forecasts of a market between two days."""
        query = convert.diff_query(decode(DiffForecastsRequest, raw))
        check_levels(query.levels)
        check_request(horizon=query.horizon, levels=query.levels, model=query.model)
        async with self._work.turn(call, f"diff {query.model}", short=False) as place:
            return await place.call(diff_reply, query, *await self._work.at_once(self._between, query))

    async def report(self, raw: bytes, call: Call) -> bytes:
        """A page about a market."""
        query = convert.report_query(decode(RenderReportRequest, raw))
        check_request(horizon=query.horizon, levels=(), model=OF_RECORD)
        if not 1 <= query.origins <= 400:
            raise InvalidArgument("origins", query.origins, "1 to 400")
        async with self._work.turn(call, "report", short=False) as place:
            return await place.call(report_reply, query, *await self._work.at_once(self._known, query))

    def _between(
        self, query: DiffQuery
    ) -> tuple[str, pl.DataFrame, pl.DataFrame, pl.DataFrame, tuple[NameChange, ...]]:
        house = query.house or self._catalog.house_of(query.market)
        days = (self._catalog.figures_in_force(query.market, day) for day in (query.earlier, query.later))
        return house, *days, self._catalog.breaks(), self._catalog.name_changes(query.market)  # type: ignore[return-value]

    def _known(self, query: ReportQuery) -> tuple[str, pl.DataFrame, pl.DataFrame, tuple[NameChange, ...]]:
        house = query.house or self._catalog.house_of(query.market)
        figures = self._catalog.figures_in_force(query.market, query.as_of)
        return house, figures, self._catalog.breaks(), self._catalog.name_changes(query.market)


def diff_reply(
    query: DiffQuery,
    house: str,
    before: pl.DataFrame,
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    name_changes: tuple[NameChange, ...],
    /,
) -> bytes:
    """The bytes of a DiffForecastsResponse.

    Raises:
        InvalidArgument, NotFound, NotEnoughData: as `forecast.diff.forecast_changes`; the first also where no message
            has room for the answer.
    """
    from forecast.diff import forecast_changes

    found = forecast_changes(
        figures,
        breaks,
        market=query.market,
        house=house,
        earlier=query.earlier,
        later=query.later,
        horizon=query.horizon,
        levels=query.levels,
        model=query.model,
        seed=query.seed,
        figures_before=before,
        name_changes=name_changes,
    )
    reply = convert.diff_response(found).SerializeToString(deterministic=True)
    _check_room(reply, "levels", len(query.levels), "fewer levels, or days closer to each other")
    return reply


def report_reply(
    query: ReportQuery, house: str, figures: pl.DataFrame, breaks: pl.DataFrame, name_changes: tuple[NameChange, ...], /
) -> bytes:
    """The bytes of a RenderReportResponse.

    Raises:
        InvalidArgument, NotFound, NotEnoughData: as `forecast.report.make_report`; the first also where no message has
            room for the page.
    """
    from forecast.report import make_report

    made = make_report(
        figures,
        breaks,
        market=query.market,
        house=house,
        as_of=query.as_of,
        horizon=query.horizon,
        origins=query.origins,
        name_changes=name_changes,
    )
    reply = RenderReportResponse(html=made.to_html().decode()).SerializeToString()
    _check_room(reply, "horizon", query.horizon, "fewer quarters ahead")
    return reply


def _check_room(reply: bytes, field: str, value: object, allowed: str) -> None:
    if len(reply) > PLAIN_BYTES:
        raise InvalidArgument(field, value, f"ask for {allowed}", f"would give an answer of {len(reply)} bytes")
