"""Histories, and the data that answers were made from."""

from typing import TYPE_CHECKING, Literal

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from service.convert.imports import figures_message, read_figures
from service.convert.names import KNOWN_KINDS, asked_name_changes, name_change_message, read_name_changes
from service.convert.parts import date_text, matrix, moment_text, read_date, read_market, read_moment, read_quarters
from service.queries import PLAIN_BYTES, HistoryQuery
from service.results import DataUsed, DoubtResult, HistoryResult
from sharecast.v1 import history_pb2, provenance_pb2
from sharecast.v1.market_service_pb2 import GetHistoryRequest, GetHistoryResponse

if TYPE_CHECKING:
    from forecast.results import History

NOT_RECORDED = "empty beside data that the request brings, as no database holds them"

Reason = Literal["slip", "contradiction", "table"]


def history_request(query: HistoryQuery, /) -> GetHistoryRequest:
    """Write a query.

    Raises:
        InvalidArgument: a figure has a column there is not, or a cell that the message cannot carry.
    """
    return GetHistoryRequest(
        market=query.market,
        house=query.house,
        as_of=date_text(query.as_of),
        most_bytes=query.most_bytes,
        figures=None if query.figures is None else figures_message(query.figures),
        recorded_by=moment_text(query.recorded_by),
        name_changes=map(name_change_message, query.name_changes),
    )


def history_query(request: GetHistoryRequest, /) -> HistoryQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, a bad date or moment, a moment beside figures, or a negative number of bytes.
    """
    if request.recorded_by and request.WhichOneof("data") is not None:
        raise InvalidArgument("recorded_by", request.recorded_by, NOT_RECORDED)
    if request.most_bytes < 0:
        raise InvalidArgument("most_bytes", request.most_bytes, f"0 for {PLAIN_BYTES}, or more")
    return HistoryQuery(
        market=read_market(request.market),
        house=request.house,
        as_of=read_date(request.as_of),
        figures=read_figures(request.figures) if request.WhichOneof("data") == "figures" else None,
        most_bytes=request.most_bytes or PLAIN_BYTES,
        recorded_by=read_moment(request.recorded_by),
        name_changes=asked_name_changes(request.name_changes),
    )


def history_response(history: "History", /) -> GetHistoryResponse:
    """Write a history."""
    return GetHistoryResponse(history=history_message(history))


def history_result(response: GetHistoryResponse, /) -> HistoryResult:
    """Read a history."""
    return read_history(response.history)


def history_message(history: "History") -> history_pb2.History:
    """Write a history as part of an answer."""
    return history_pb2.History(
        market=history.market,
        house=history.house,
        as_of=date_text(history.as_of),
        periods=[str(quarter) for quarter in history.quarters],
        providers=[
            history_pb2.ProviderHistory(
                provider=provider,
                share=history.share[:, k].tolist(),
                sd=history.sd[:, k].tolist(),
                status=[_STATUS_PREFIX + str(row[k]).upper() for row in history.status],
                smoothed=history.smoothed[:, k].tolist(),
                smoothed_sd=history.smoothed_sd[:, k].tolist(),
                sources=[history_pb2.CellSources(figure_ids=row[k]) for row in history.sources],
            )
            for k, provider in enumerate(history.providers)
        ],
        breaks=[history_pb2.SeriesBreak(period=str(period), description=text) for period, text in history.breaks],
        data_provenance=data_message(data_used(history)),
        warnings=history.warnings,
        doubts=[
            history_pb2.FigureDoubt(
                figure_ids=doubt.figure_ids,
                period=doubt.period,
                providers=[history_pb2.DoubtProvider(provider=provider) for provider in doubt.providers],
                measure=doubt.measure,
                value=doubt.value,
                excess=doubt.off,
                reason=_REASONS[doubt.reason],
            )
            for doubt in history.doubts
        ],
        name_changes=map(name_change_message, history.name_changes),
    )


def read_history(message: history_pb2.History) -> HistoryResult:
    """Read a history that is part of an answer."""
    providers = message.providers
    return HistoryResult(
        market=message.market,
        house=message.house,
        as_of=read_date(message.as_of),
        periods=read_quarters(message.periods),
        providers=tuple(p.provider for p in providers),
        share=matrix([p.share for p in providers]),
        sd=matrix([p.sd for p in providers]),
        status=tuple(zip(*([_STATUS_NAMES.get(s, "unknown") for s in p.status] for p in providers), strict=True)),
        smoothed=matrix([p.smoothed for p in providers]),
        smoothed_sd=matrix([p.smoothed_sd for p in providers]),
        breaks=tuple((Quarter.parse(b.period), b.description) for b in message.breaks),
        sources=tuple(zip(*([tuple(s.figure_ids) for s in p.sources] for p in providers), strict=True)),
        data=read_data_used(message.data_provenance),
        warnings=tuple(message.warnings),
        doubts=tuple(
            DoubtResult(
                figure_ids=tuple(doubt.figure_ids),
                period=doubt.period,
                providers=tuple(p.provider for p in doubt.providers),
                measure=doubt.measure,
                value=doubt.value,
                off=doubt.excess,
                reason=_REASON_NAMES.get(doubt.reason, "contradiction"),  # a newer reason: in doubt, no more
            )
            for doubt in message.doubts
        ),
        name_changes=read_name_changes(change for change in message.name_changes if change.kind in KNOWN_KINDS),
    )


def data_used(history: "History", /) -> DataUsed:
    """What data a history was made from."""
    return DataUsed(
        vintage=history.vintage,
        content_hash=history.content_hash,
        figures_used=history.figures_used,
        source_line=history.source_line,
    )


def data_message(data: DataUsed) -> provenance_pb2.DataProvenance:
    """Write what data an answer was made from."""
    return provenance_pb2.DataProvenance(
        vintage=date_text(data.vintage),
        content_hash=data.content_hash,
        figures_used=data.figures_used,
        source_line=data.source_line,
    )


def read_data_used(message: provenance_pb2.DataProvenance) -> DataUsed:
    """Read what data an answer was made from."""
    return DataUsed(
        vintage=read_date(message.vintage, "vintage"),
        content_hash=message.content_hash,
        figures_used=message.figures_used,
        source_line=message.source_line,
    )


_REASONS: dict[Reason, "history_pb2.DoubtReason"] = {
    "slip": history_pb2.DOUBT_REASON_SLIP,
    "contradiction": history_pb2.DOUBT_REASON_CONTRADICTION,
    "table": history_pb2.DOUBT_REASON_TABLE,
}
_REASON_NAMES: dict[int, Reason] = {number: name for name, number in _REASONS.items()}
_STATUS_PREFIX = "CELL_STATUS_"


_STATUS_NAMES: dict[int, str] = {
    number: name.removeprefix(_STATUS_PREFIX).lower() for name, number in history_pb2.CellStatus.items() if number
}
