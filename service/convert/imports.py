"""Imports: what a client sends in chunks, and the report."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Literal, cast

from forecast.errors import InvalidArgument
from forecast.name_changes import NameChange
from service.convert.names import COLUMNS as NAME_COLUMNS
from service.convert.names import name_change_message, name_change_row, read_name_changes, row_message
from service.convert.parts import INT32
from service.queries import OWN_HOUSE, FigureRow, ImportQuery
from service.results import CellChange, ImportReport
from sharecast.v1 import import_pb2
from sharecast.v1.market_service_pb2 import ImportFiguresRequest, ImportFiguresResponse
from sharecast.v1.name_change_pb2 import NameChange as NameChangeMessage

Kind = Literal["figures", "shares", "names"]

_KINDS: dict[Kind, "import_pb2.ImportKind"] = {
    "figures": import_pb2.IMPORT_KIND_FIGURES,
    "shares": import_pb2.IMPORT_KIND_SHARES,
    "names": import_pb2.IMPORT_KIND_NAMES,
}
_NUMBERS = {"value": float, "share": float, "decimals": int}  # the rest of the columns are texts
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "figures": tuple(import_pb2.FigureRow.DESCRIPTOR.fields_by_name),
    "shares": tuple(import_pb2.MarketShareRow.DESCRIPTOR.fields_by_name),
    "names": NAME_COLUMNS,
}
"""The columns that the rows of an import can have."""

_CHUNK_BYTES = 256 * 1024  # of the 4 MiB that a message may have
_LISTED_BYTES = 2**20  # of those, for the names of markets in a report, and for its warnings
_TEXT_BYTES = 5  # that a message has beside each


def import_requests(query: ImportQuery, rows: Iterable[Mapping[str, object]], /) -> Iterator[ImportFiguresRequest]:
    """Write an import: the header, then the rows in chunks of some 256 KiB.

    Args:
        query: What is imported.
        rows: By column; None or left out where nothing is given.

    Raises:
        InvalidArgument: a kind there is not, a column that rows of this kind do not have, or a cell that the message
            cannot carry, such as a text where a number belongs. Everything else is for the server to judge.
    """
    if query.kind not in _KINDS:
        raise InvalidArgument("kind", query.kind, f"one of {', '.join(_KINDS)}")
    yield ImportFiguresRequest(
        header=import_pb2.ImportHeader(
            kind=_KINDS[query.kind],
            house=query.house,
            request_id=query.request_id,
            validate_only=query.validate_only,
            replace=query.replace,
        )
    )
    chunk = import_pb2.ImportChunk(name_changes=map(name_change_message, query.name_changes))
    size = chunk.ByteSize()
    for place, row in enumerate(rows):
        message = _row_message(query.kind, row, f"rows[{place}]")
        if size and size + message.ByteSize() > _CHUNK_BYTES:
            yield ImportFiguresRequest(chunk=chunk)
            chunk, size = import_pb2.ImportChunk(), 0
        if isinstance(message, import_pb2.FigureRow):
            chunk.figures.append(message)
        elif isinstance(message, NameChangeMessage):
            chunk.name_changes.append(message)
        else:
            chunk.shares.append(message)
        size += message.ByteSize()
    if size:
        yield ImportFiguresRequest(chunk=chunk)


def figures_message(rows: Iterable[FigureRow], /) -> import_pb2.InlineFigures:
    """Write figures that the caller brings in place of the server's.

    Raises:
        InvalidArgument: a column that figures do not have, or a cell that the message cannot carry.
    """
    message = import_pb2.InlineFigures()
    for place, row in enumerate(rows):
        written = _row_message("figures", row, f"figures.rows[{place}]")
        message.rows.append(cast("import_pb2.FigureRow", written))
    return message


def read_figures(message: import_pb2.InlineFigures, /) -> tuple[FigureRow, ...]:
    """Read figures that the caller brings; None where nothing is given."""
    return tuple(
        {
            name: (getattr(row, name) if row.HasField(name) else None)
            if name in _NUMBERS
            else getattr(row, name) or None
            for name in COLUMNS["figures"]
        }
        for row in message.rows
    )


def import_query(request: ImportFiguresRequest, /) -> ImportQuery:
    """Read the first message of an import.

    Raises:
        InvalidArgument: it is no header, or one without a kind, or with a house beside figures.
    """
    if request.WhichOneof("part") != "header":
        raise InvalidArgument("part", request.WhichOneof("part") or "", "a header as the first message")
    header = request.header
    kind = next((name for name, number in _KINDS.items() if number == header.kind), None)
    if kind is None:
        allowed = "IMPORT_KIND_FIGURES, IMPORT_KIND_SHARES or IMPORT_KIND_NAMES"
        raise InvalidArgument("header.kind", header.kind, allowed)
    if kind != "shares" and header.house:
        raise InvalidArgument("header.house", header.house, f"empty beside {kind}, whose rows name their house")
    return ImportQuery(
        kind=kind,
        house=header.house or OWN_HOUSE if kind == "shares" else "",
        request_id=header.request_id,
        validate_only=header.validate_only,
        replace=header.replace,
    )


def import_columns(request: ImportFiguresRequest, kind: Kind, /) -> dict[str, list[object]]:
    """Read the rows of one chunk, by column; None where nothing is given.

    Raises:
        InvalidArgument: the message is no chunk, or has rows of the other kind.
    """
    if request.WhichOneof("part") != "chunk":
        raise InvalidArgument("part", request.WhichOneof("part") or "", "chunks after the header")
    chunk = request.chunk
    strangers = (0 if kind == "figures" else len(chunk.figures)) + (0 if kind == "shares" else len(chunk.shares))
    if strangers:
        raise InvalidArgument(
            "chunk", strangers, f"send {kind}, as the header says", f"has {strangers} row(s) of another kind"
        )
    if kind == "names":
        changes = [name_change_row(message) for message in chunk.name_changes]
        return {name: [change[name] for change in changes] for name in COLUMNS[kind]}
    rows = chunk.figures if kind == "figures" else chunk.shares
    return {
        name: [getattr(row, name) if row.HasField(name) else None for row in rows]
        if name in _NUMBERS
        else [getattr(row, name) or None for row in rows]
        for name in COLUMNS[kind]
    }


def import_names(request: ImportFiguresRequest, kind: Kind, /) -> tuple[NameChange, ...]:
    """Read the changes of names beside the rows of one chunk; none where they are the rows.

    Raises:
        InvalidArgument: one is no change.
    """
    return () if kind == "names" else read_name_changes(request.chunk.name_changes)


def import_response(report: ImportReport, /) -> ImportFiguresResponse:
    """Write the report; of more markets or warnings than a message has room for, the first, and how many there are."""
    markets, warnings = first_told(report.markets, report.warnings)
    return ImportFiguresResponse(
        report=import_pb2.ImportReport(
            kind=_KINDS[report.kind],
            import_id=report.import_id,
            rows_count=report.rows,
            added_count=report.added,
            known_count=report.known,
            markets=markets,
            validate_only=report.validate_only,
            warnings=warnings,
            restated_count=report.restated,
            superseded_count=report.superseded,
            changes=map(change_message, report.changes),
            name_changes_count=report.name_changes,
        )
    )


def import_report(response: ImportFiguresResponse, /) -> ImportReport:
    """Read the report."""
    report = response.report
    return ImportReport(
        kind=next((name for name, number in _KINDS.items() if number == report.kind), "figures"),
        import_id=report.import_id,
        rows=report.rows_count,
        added=report.added_count,
        known=report.known_count,
        markets=tuple(report.markets),
        validate_only=report.validate_only,
        warnings=tuple(report.warnings),
        restated=report.restated_count,
        superseded=report.superseded_count,
        changes=tuple(map(read_change, report.changes)),
        name_changes=report.name_changes_count,
    )


def first_told(markets: Sequence[str], warnings: Sequence[str], /) -> tuple[Sequence[str], Sequence[str]]:
    """As many names and sentences of a report as any client takes in a message; the last sentence tells of the rest."""
    named, said = _fitting(markets), _fitting(warnings)
    left = [
        f"this report lists the first {shown} of {whole} {what}"
        for shown, whole, what in ((len(named), len(markets), "markets"), (len(said), len(warnings), "warnings"))
        if shown < whole
    ]
    return named, (*said, *left)


def _fitting(texts: Sequence[str]) -> Sequence[str]:
    return texts[: count_fitting(len(text.encode(errors="surrogatepass")) for text in texts)]


def count_fitting(sizes: Iterable[int], /) -> int:
    """How many of the parts of a report fit in the room that there is for a list of them."""
    return bisect_right(list(accumulate(size + _TEXT_BYTES for size in sizes)), _LISTED_BYTES)


def change_message(change: CellChange, /) -> import_pb2.CellChange:
    """Write a cell of which something else holds now."""
    return import_pb2.CellChange(
        market=change.market,
        house=change.house,
        period=change.period,
        providers="|".join(change.providers),
        measure=change.measure,
        before=change.before,
        decimals_before=change.decimals_before,
        after=change.after,
        decimals_after=change.decimals_after,
    )


def read_change(message: import_pb2.CellChange, /) -> CellChange:
    """Read a cell of which something else holds now."""
    return CellChange(
        market=message.market,
        house=message.house,
        period=message.period,
        providers=tuple(message.providers.split("|")),
        measure=message.measure,
        before=message.before,
        decimals_before=message.decimals_before,
        after=message.after if message.HasField("after") else None,
        decimals_after=message.decimals_after if message.HasField("decimals_after") else None,
    )


def _row_message(
    kind: Kind, row: Mapping[str, object], place: str
) -> "import_pb2.FigureRow | import_pb2.MarketShareRow | NameChangeMessage":
    if kind == "names":
        return row_message(row, place)
    known = COLUMNS[kind]
    message = import_pb2.FigureRow() if kind == "figures" else import_pb2.MarketShareRow()
    for name, cell in row.items():
        field = f"{place}.{name}"
        if name not in known:
            raise InvalidArgument(place, name, f"the columns {', '.join(known)}")
        if cell is None:
            continue
        if name == "value" and kind == "shares" and row.get("share") is not None:
            raise InvalidArgument(field, cell, "either a share or a value, not both")
        setattr(message, name, _number(cell, field, _NUMBERS[name]) if name in _NUMBERS else _text(cell, field))
    return message


def _number(cell: object, field: str, kind: type[float]) -> float:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise InvalidArgument(field, cell, "a number, or None where nothing is given")
    if kind is float:
        return float(cell)
    if not -INT32 <= cell < INT32 or int(cell) != cell:  # NaN is in no range
        raise InvalidArgument(field, cell, "a whole number")
    return int(cell)


def _text(cell: object, field: str) -> str:
    if isinstance(cell, date):
        return date.isoformat(cell)
    if not isinstance(cell, str):
        raise InvalidArgument(field, cell, "a text, or None where nothing is given")
    return cell
