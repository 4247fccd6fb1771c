"""Which figures to list: those of one question, those that contradict each other, those that restate earlier ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from forecast.errors import NotFound
from forecast.figures import RESTATED_AFTER_DAYS, conflicts

_CELL = ("market", "house", "period", "providers", "measure")
_ORDER = (*_CELL[:3], "measure", "providers", "published_at", "value", "qualifier", "decimals", "figure_id")
_ROUNDING = 1e-9  # bounds that differ by less touch each other

RESTATEMENTS_SCHEMA: dict[str, type[pl.DataType]] = {
    "market": pl.String,
    "house": pl.String,
    "period": pl.String,
    "providers": pl.String,
    "measure": pl.String,
    "unit": pl.String,
    "old_value": pl.Float64,
    "old_qualifier": pl.String,
    "old_decimals": pl.Int64,
    "old_published_at": pl.Date,
    "old_publisher": pl.String,
    "old_figure_id": pl.Int64,
    "new_value": pl.Float64,
    "new_qualifier": pl.String,
    "new_decimals": pl.Int64,
    "new_published_at": pl.Date,
    "new_publisher": pl.String,
    "new_figure_id": pl.Int64,
}
"""Columns of a table of restatements: the cell, what was said of it, and what was said in its place later."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a restatement needs of a figure."""

    row: dict[str, object]
    low: float
    high: float
    published_at: date

    def allows(self, other: "_Statement") -> bool:
        """Whether both can be right."""
        return self.low <= other.high + _ROUNDING and other.low <= self.high + _ROUNDING


def select_figures(
    figures: pl.DataFrame,
    *,
    market: str | None = None,
    house: str | None = None,
    period: str | None = None,
    provider: str | None = None,
) -> pl.DataFrame:
    """The figures that answer a question, in one order for all readers.

    Args:
        figures: Columns of `forecast.figures.CURATED_SCHEMA`.
        market: Of this market alone.
        house: Of this house's series alone.
        period: Of this quarter, such as ``2020Q3``, or this whole year, such as ``2020``, alone.
        provider: Those that speak of this provider, alone or in a sum.

    Returns:
        The same columns, sorted by market, house, period, measure, providers, date of publication and value.

    Raises:
        NotFound: no figure at all is of that market, of that house (in that market), or names that provider (in that
            market, by that house). A period of which nothing is said gives an empty table.
    """
    chosen = figures
    for kind, name in (("market", market), ("house", house)):
        if name is not None:
            chosen = _named(chosen, kind, name, pl.col(kind))
    if provider is not None:
        chosen = _named(chosen, "provider", provider, pl.col("providers").str.split("|"))
    if period is not None:
        chosen = chosen.filter(pl.col("period") == period)
    return chosen.sort(_ORDER, nulls_last=True)


def doubtful_figures(figures: pl.DataFrame) -> pl.DataFrame:
    """Every figure of the cells that `forecast.figures.conflicts` names, so that both sides of a doubt are seen.

    Args:
        figures: Columns of `forecast.figures.CURATED_SCHEMA`.

    Returns:
        The same columns and order, without the cells that nothing contradicts.
    """
    return figures.join(conflicts(figures).select(_CELL), on=_CELL, how="semi", maintain_order="left")


def restatements(figures: pl.DataFrame) -> pl.DataFrame:
    """What was restated: a cell of which something else was said later that cannot be right beside it.

    Args:
        figures: Columns of `forecast.figures.CURATED_SCHEMA`.

    Returns:
        Columns of `RESTATEMENTS_SCHEMA`, one row each time, sorted by market, house, period, measure, providers and the
        date of the new figure. The old figure is the newest one that the new one cannot agree with. Figures known to be
        slips neither restate nor are restated; values that differ no more than rounding allows restate nothing ("33 %",
        then "33.4 %"); values published within `forecast.figures.RESTATED_AFTER_DAYS` of each other are a conflict.
    """
    sound = figures.filter(pl.col("mark") != "slip").sort(_ORDER, nulls_last=True).with_columns(_low(), _high())
    rows = [row for cell in _cells(sound) for row in _restated(cell)]
    return pl.DataFrame(rows, schema=RESTATEMENTS_SCHEMA, orient="row")


def _named(figures: pl.DataFrame, kind: str, name: str, names: pl.Expr) -> pl.DataFrame:
    is_list = kind == "provider"
    chosen = figures.filter(names.list.contains(name) if is_list else names == name)
    if chosen.is_empty():
        found = figures.select(names.alias(kind))
        known = (found.explode(kind) if is_list else found).to_series().drop_nulls().unique().sort()
        raise NotFound(kind, name, tuple(known))
    return chosen


def _half() -> pl.Expr:
    """How far the truth may lie from a printed value, in the value's own unit."""
    scale = pl.when(pl.col("unit") == "fraction").then(0.01).otherwise(1.0)
    loose = pl.when(pl.col("qualifier") == "about").then(1.0).otherwise(0.5)
    return scale * loose * 10.0 ** -pl.col("decimals").cast(pl.Float64)


def _low() -> pl.Expr:
    unbounded = pl.col("qualifier") == "less_than"
    return pl.when(unbounded).then(-float("inf")).otherwise(pl.col("value") - _half()).alias("low")


def _high() -> pl.Expr:
    unbounded = pl.col("qualifier") == "more_than"
    return pl.when(unbounded).then(float("inf")).otherwise(pl.col("value") + _half()).alias("high")


def _cells(sorted_figures: pl.DataFrame) -> Iterator[list[_Statement]]:
    """The statements of each cell that has more than one, by date."""
    repeated = sorted_figures.filter(pl.len().over(_CELL) > 1)
    for cell in repeated.partition_by(_CELL, maintain_order=True):
        yield [_Statement(row, row["low"], row["high"], row["published_at"]) for row in cell.iter_rows(named=True)]


def _restated(cell: list[_Statement]) -> Iterator[tuple[object, ...]]:
    """Walk through a cell's statements: those in force, until one comes that none of them allows."""
    in_force = [cell[0]]
    for statement in cell[1:]:
        newest = in_force[-1]
        agreed = any(statement.allows(other) for other in in_force)
        if agreed or (statement.published_at - newest.published_at).days <= RESTATED_AFTER_DAYS:
            in_force.append(statement)
            continue
        yield (*(newest.row[name] for name in (*_CELL, "unit")), *_told(newest), *_told(statement))
        in_force = [statement]


def _told(statement: _Statement) -> Iterator[object]:
    for name in ("value", "qualifier", "decimals", "published_at", "publisher", "figure_id"):
        yield statement.row[name]
