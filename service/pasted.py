"""Raw figures that a caller brings in place of the server's: the history they tell, and what was dropped or doubted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from forecast.errors import NotFound
from forecast.figures import conflicts, known_as_of, named_figures, prepare_figures
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from forecast.results import History
from forecast.schema import FIGURES_COLUMNS
from service.catalog import usual_house
from service.extent import check_extent
from service.queries import FigureRow, RevenueQuestion

if TYPE_CHECKING:
    from forecast.totals import Totals

TABLE = "figures"
_SHOWN = 10  # rows or names that a warning lists
_CELL = ("market", "house", "period", "providers", "measure")
_STATEMENT = (*_CELL, "value", "qualifier", "decimals")
_TYPES = {column.name: pl.String if column.kind == "text" else pl.Float64 for column in FIGURES_COLUMNS}


@dataclass(frozen=True, slots=True)
class Pasted:
    """What figures that a caller brings amount to."""

    history: History  # what was dropped or doubted stands first in its warnings
    figures: pl.DataFrame  # curated, of the market and house, columns of `forecast.figures.CURATED_SCHEMA`


def paste(
    rows: Sequence[FigureRow],
    breaks: pl.DataFrame,
    /,
    *,
    market: str,
    house: str = "",
    as_of: date | None = None,
    name_changes: Sequence[NameChange] = (),
) -> Pasted:
    """Reconstruct a market from figures that a caller brings.

    Args:
        rows: Raw, as `forecast.schema.check_figures` takes them. All of them must be fit, also those left out.
        breaks: Declared series breaks, which apply to the caller's figures as to any other.
        market: One that they are of.
        house: One that they are of; empty for that of `service.catalog.usual_house`.
        as_of: Only what was published by this day counts; None: everything.
        name_changes: Declared changes of providers' names.

    Raises:
        InvalidTable: a row breaks a rule, or there is none.
        InvalidArgument: so many providers over so many quarters that they are no market to be worked out.
        NotFound: no row is of the market, or of the house in it.
        NotEnoughData: no share of a quarter was published by then.
    """
    from forecast.history import reconstruct  # loads SciPy, which takes a while

    frame = pl.DataFrame([dict(row) for row in rows], schema=_TYPES)
    curated = prepare_figures(frame, table=TABLE)
    of_market = curated.filter(pl.col("market") == market)
    if of_market.is_empty():
        raise NotFound("market", market, tuple(curated["market"].unique().sort()))
    chosen = house or usual_house(of_market)
    figures = of_market.filter(pl.col("house") == chosen)
    if figures.is_empty():
        raise NotFound("house", chosen, tuple(of_market["house"].unique().sort()))
    check_extent(figures, f"{TABLE}.rows")
    history = reconstruct(figures, breaks, market=market, house=chosen, as_of=as_of, name_changes=name_changes)
    notes = tuple(_notes(named_figures(frame, table=TABLE), figures, market=market, house=chosen, as_of=as_of))
    return Pasted(replace(history, warnings=(*notes, *history.warnings)), figures)


def totals_asked(asked: RevenueQuestion, history: History | None, figures: pl.DataFrame | None, /) -> "Totals":
    """The totals in a question, else those that the house of a history has published.

    Args:
        asked: The question.
        history: The history; None where the question must have totals.
        figures: Curated, of its market; likewise.

    Raises:
        InvalidArgument, NotEnoughData: as `forecast.totals.given_totals` and `forecast.revenue.totals_of`.
    """
    from forecast.revenue import totals_of
    from forecast.totals import given_totals

    if asked.totals or history is None or figures is None:
        return given_totals({Quarter.parse(row.period): row.amount for row in asked.totals}, asked.unit)
    return totals_of(history, figures)


def _notes(rows: pl.DataFrame, figures: pl.DataFrame, *, market: str, house: str, as_of: date | None) -> Iterator[str]:
    """What was dropped, then what is doubted."""
    of_market = pl.col("market") == market
    for what, column, others in (
        ("markets", "market", rows.filter(~of_market)),
        ("houses", "house", rows.filter(of_market, pl.col("house") != house)),
    ):
        if others.height:
            names = _listed(others[column].unique().sort().to_list())
            yield f"left out: {others.height} row(s) of other {what} ({names}): {_rows(others)}"
    mine = rows.filter(of_market, pl.col("house") == house)
    if folded := mine.height - figures.height:
        repeats = mine.filter(~pl.struct(_STATEMENT).is_first_distinct())
        where = f": {_rows(repeats)}" if repeats.height == folded else ""  # else a revision made some of them new
        yield f"{folded} row(s) repeat a statement of another row, and count as one with it{where}"
    if as_of is not None and (late := figures.filter(pl.col("published_at") > as_of)).height:
        yield f"left out: {late.height} statement(s) published after {as_of}: {_rows(_of(mine, late, _STATEMENT))}"
    known = known_as_of(figures, as_of)
    if (inferred := known.filter("published_inferred")).height:
        where = _rows(_of(mine, inferred, _STATEMENT))
        yield f"{inferred.height} statement(s) bear no exact day of publication, and it is inferred: {where}"
    for cell in conflicts(known).iter_rows(named=True):
        marked = known.filter(pl.col("figure_id").is_in(cell["figure_ids"]))
        names = cell["providers"].replace("|", " and ")
        place = f"{cell['measure']} of {names} in {cell['period']}: {_rows(_of(mine, marked, _STATEMENT))}"
        if cell["mark"] == "slip":
            yield f"its note says that it is wrong: {place}"
        else:
            values = marked["value"].to_list()
            yield f"contradict each other, from {min(values):g} to {max(values):g}: {place}"


def _of(rows: pl.DataFrame, statements: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return rows.join(statements, on=list(by), how="semi", maintain_order="left")


def _rows(found: pl.DataFrame) -> str:
    return f"{'row' if found.height == 1 else 'rows'} {_listed((found['row'] + 1).to_list())}"


def _listed(items: Sequence[object]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(map(str, items[:_SHOWN])) + more
