"""Entries in the order of imports: an import, or a withdrawal, each with the report that its caller got."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from forecast.errors import SharecastError
from service.errors import AlreadyExists
from service.queries import WithdrawQuery
from service.results import MOST_CHANGES, CellChange, ImportReport, WithdrawnRows, WithdrawReport
from service.store.incoming import Incoming
from service.store.statement_rows import is_sqlite, recorded
from service.store.tables import imports

WITHDRAWAL = "withdrawal"  # kind of an entry that only ends rows
_SKEW = timedelta(hours=1)  # by which clocks of machines that share a database may differ


def earlier_entry(connection: sa.Connection, request_id: str, /) -> "sa.Row[Any] | None":
    """The entry that was made under a request id; None: there is none, or the id is empty."""
    if not request_id:
        return None
    return connection.execute(sa.select(imports).where(imports.c.request_id == request_id)).one_or_none()


def imported_before(
    earlier: "sa.Row[Any]", incoming: Incoming, request_id: str, *, validate_only: bool
) -> ImportReport:
    """The report of an import that is asked for again.

    Raises:
        AlreadyExists: what was imported is something else.
    """
    if earlier.content_hash != incoming.content_hash:
        raise _taken(earlier, request_id)
    return ImportReport(
        kind=incoming.kind,
        import_id=str(earlier.number),
        rows=earlier.rows_read,
        added=earlier.added,
        known=earlier.known,
        markets=tuple(json.loads(earlier.markets)),
        validate_only=validate_only,
        warnings=tuple(json.loads(earlier.warnings)),
        restated=earlier.restated or 0,
        superseded=earlier.superseded or 0,
        changes=_changes(earlier),
        name_changes=earlier.named or 0,
    )


def withdrawn_before(earlier: "sa.Row[Any]", query: WithdrawQuery, digest: str) -> WithdrawReport:
    """The report of a withdrawal that is asked for again; raises as `imported_before`."""
    if earlier.content_hash != digest:
        raise _taken(earlier, query.request_id)
    return WithdrawReport(
        import_id=str(earlier.number),
        rows=earlier.ended,
        markets=tuple(json.loads(earlier.markets)),
        withdrawn=tuple(
            WithdrawnRows(**{**told, "providers": tuple(told["providers"])})
            for told in json.loads(earlier.changes)["withdrawn"]
        ),
        changes=_changes(earlier),
        validate_only=query.validate_only,
        warnings=tuple(json.loads(earlier.warnings)),
    )


def keep_import(
    connection: sa.Connection, incoming: Incoming, report: ImportReport, *, ended: int, request_id: str, now: datetime
) -> int:
    """Write the entry of an import, whose rows follow; its number."""
    return _keep(
        connection,
        now,
        request_id=request_id or None,
        content_hash=incoming.content_hash,
        kind=incoming.kind,
        name=incoming.name,
        rows_read=incoming.rows,
        added=report.added,
        known=report.known,
        markets=_json(report.markets),
        warnings=_json(report.warnings),
        ended=ended,
        restated=report.restated,
        superseded=report.superseded,
        changes=_json({"changes": [asdict(change) for change in report.changes]}),
        named=report.name_changes,
    )


def keep_withdrawal(
    connection: sa.Connection, query: WithdrawQuery, report: WithdrawReport, *, digest: str, now: datetime
) -> int:
    """Write the entry of a withdrawal; its number."""
    return _keep(
        connection,
        now,
        request_id=query.request_id or None,
        content_hash=digest,
        kind=WITHDRAWAL,
        name=WITHDRAWAL,
        rows_read=0,
        added=0,
        known=0,
        markets=_json(report.markets),
        warnings=_json(report.warnings),
        ended=report.rows,
        restated=0,
        superseded=0,
        named=0,
        changes=_json(
            {
                "changes": [asdict(change) for change in report.changes],
                "withdrawn": [asdict(rows) for rows in report.withdrawn],
            }
        ),
    )


def read_entries(connection: sa.Connection, /) -> pl.DataFrame:
    """All entries in order: number, kind, added, known (counts of rows), markets (a list of names)."""
    columns = (imports.c.number, imports.c.kind, imports.c.added, imports.c.known, imports.c.markets)
    rows = connection.execute(sa.select(*columns).order_by(imports.c.number)).all()
    return pl.DataFrame(
        [(*row[:4], json.loads(row.markets)) for row in rows],
        schema={
            "number": pl.Int64,
            "kind": pl.String,
            "added": pl.Int64,
            "known": pl.Int64,
            "markets": pl.List(pl.String),
        },
        orient="row",
    )


def first_changes(cells: pl.DataFrame, /) -> tuple[CellChange, ...]:
    """The first of the cells that `forecast.merging.cell_changes` found."""
    return tuple(
        CellChange(**{**cell, "providers": tuple(cell["providers"].split("|"))})
        for cell in cells.head(MOST_CHANGES).iter_rows(named=True)
    )


def _keep(connection: sa.Connection, now: datetime, **values: object) -> int:
    last = connection.execute(
        sa.select(imports.c.number, imports.c.recorded_at).order_by(imports.c.number.desc()).limit(1)
    ).one_or_none()
    number = 1 if last is None else last.number + 1
    if last is not None:
        # A clock that is behind another's must not record this before what is there: answers "recorded by" a moment
        # that has passed would change. One that was hours ahead is not followed.
        before = datetime.fromisoformat(last.recorded_at) if is_sqlite(connection) else last.recorded_at
        if now < before <= now + _SKEW:
            now = before
    connection.execute(imports.insert().values(number=number, recorded_at=recorded(connection, now), **values))
    return number


def _changes(earlier: "sa.Row[Any]") -> tuple[CellChange, ...]:
    told = json.loads(earlier.changes)["changes"] if earlier.changes else ()
    return tuple(CellChange(**{**change, "providers": tuple(change["providers"])}) for change in told)


def _taken(earlier: "sa.Row[Any]", request_id: str) -> SharecastError:
    request_id = request_id.rpartition(" ")[2]  # without its tenant
    if earlier.kind == WITHDRAWAL:
        return AlreadyExists(request_id, "other rows were withdrawn with it")
    return AlreadyExists(request_id, f"another table of {earlier.kind} was imported with it")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
