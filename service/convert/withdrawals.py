"""Withdrawals of imported rows."""

import re
from typing import Literal

from forecast.errors import InvalidArgument
from service.convert.imports import change_message, count_fitting, first_told, read_change
from service.convert.parts import INT32
from service.queries import WithdrawQuery
from service.results import WithdrawnRows, WithdrawReport
from sharecast.v1 import import_pb2
from sharecast.v1.market_service_pb2 import WithdrawFiguresRequest, WithdrawFiguresResponse

Kind = Literal["", "figures", "shares", "names"]

_KINDS: dict[Kind, "import_pb2.WithdrawKind"] = {
    "": import_pb2.WITHDRAW_KIND_UNSPECIFIED,
    "figures": import_pb2.WITHDRAW_KIND_FIGURES,
    "shares": import_pb2.WITHDRAW_KIND_SHARES,
    "names": import_pb2.WITHDRAW_KIND_NAMES,
}
_KIND_NAMES: dict[int, Kind] = {number: name for name, number in _KINDS.items()}
_ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def withdraw_request(query: WithdrawQuery, /) -> WithdrawFiguresRequest:
    """Write a query.

    Raises:
        InvalidArgument: a kind there is not.
    """
    if query.kind not in _KINDS:
        raise InvalidArgument("kind", query.kind, "one of figures, shares, names, or empty")
    return WithdrawFiguresRequest(
        import_id="" if query.import_id is None else str(query.import_id),
        market=query.market,
        house=query.house,
        provider=query.provider,
        period=query.period,
        kind=_KINDS[query.kind],
        request_id=query.request_id,
        validate_only=query.validate_only,
    )


def withdraw_query(request: WithdrawFiguresRequest, /) -> WithdrawQuery:
    """Read a query.

    Raises:
        InvalidArgument: the id is none of an import, or the kind is none.
    """
    if request.kind not in _KIND_NAMES:
        raise InvalidArgument("kind", request.kind, ", ".join(import_pb2.WithdrawKind.keys()))
    return WithdrawQuery(
        import_id=read_import_id(request.import_id),
        market=request.market,
        house=request.house,
        provider=request.provider,
        period=request.period,
        kind=_KIND_NAMES[request.kind],
        request_id=request.request_id,
        validate_only=request.validate_only,
    )


def read_import_id(text: str, /) -> int | None:
    """Read what the report of an import names it by; None where the text is empty.

    Raises:
        InvalidArgument: the text is neither.
    """
    if not text:
        return None
    if _ID.fullmatch(text) is None or int(text) >= INT32:
        raise InvalidArgument("import_id", text, "the import_id of a report, such as 3")
    return int(text)


def withdraw_response(report: WithdrawReport, /) -> WithdrawFiguresResponse:
    """Write the report; of more markets or warnings than a message has room for, the first, and how many there are."""
    markets, warnings = first_told(report.markets, report.warnings)
    withdrawn = [
        import_pb2.WithdrawnRows(
            market=rows.market,
            house=rows.house,
            kind=_KINDS[rows.kind],
            rows_count=rows.rows,
            first_period=rows.first,
            last_period=rows.last,
            providers=rows.providers,
        )
        for rows in report.withdrawn
    ]
    told = count_fitting(rows.ByteSize() for rows in withdrawn)
    if told < len(withdrawn):
        warnings = (*warnings, f"this report details the first {told} of {len(withdrawn)} kinds of rows withdrawn")
    return WithdrawFiguresResponse(
        report=import_pb2.WithdrawReport(
            import_id=report.import_id,
            rows_count=report.rows,
            markets=markets,
            withdrawn=withdrawn[:told],
            changes=map(change_message, report.changes),
            validate_only=report.validate_only,
            warnings=warnings,
        )
    )


def withdraw_report(response: WithdrawFiguresResponse, /) -> WithdrawReport:
    """Read the report."""
    report = response.report
    return WithdrawReport(
        import_id=report.import_id,
        rows=report.rows_count,
        markets=tuple(report.markets),
        withdrawn=tuple(
            WithdrawnRows(
                market=rows.market,
                house=rows.house,
                kind=_KIND_NAMES.get(rows.kind, "") or "figures",
                rows=rows.rows_count,
                first=rows.first_period,
                last=rows.last_period,
                providers=tuple(rows.providers),
            )
            for rows in report.withdrawn
        ),
        changes=tuple(map(read_change, report.changes)),
        validate_only=report.validate_only,
        warnings=tuple(report.warnings),
    )
