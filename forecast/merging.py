"""Figures that come later, put beside those there are: what is new in them, and one table of both.

A statement is a row of a curated table without its id and its mark. Statements come as a table of figures, where many
pages say the same, or as a table of shares, where one owner says what holds.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import polars as pl

from forecast.errors import InvalidTable, RowViolation
from forecast.figures import CURATED_SCHEMA, USUAL_LAG_MONTHS, figure_ids, known_as_of, revisions_before
from forecast.name_changes import NameChange
from forecast.name_tables import rename_providers
from forecast.schema import MAX_DECIMALS, MEASURE_UNITS, period_end, published_day
from forecast.shares import SharesTable

STATEMENT_SCHEMA: dict[str, type[pl.DataType]] = {
    name: kind for name, kind in CURATED_SCHEMA.items() if name not in ("figure_id", "mark")
}
"""Columns of a statement: those of `forecast.figures.CURATED_SCHEMA` but figure_id and mark."""

_CELL = ("market", "house", "period", "providers", "measure")
_SAID = ("value", "qualifier", "decimals")
_ORDER = ("market", "house", "period", "measure", "providers", "published_at", *_SAID)
_PRINTED = 1e-9  # an amount this near to a printed number, relatively, is that number


def share_statements(table: SharesTable, *, house: str, today: date) -> pl.DataFrame:
    """The shares of an owner's table as statements of one house, and the totals of its amounts; a null says nothing.

    Args:
        table: As `forecast.shares.sound_shares` returns a dated one.
        house: Whose the shares are.
        today: The day on which they became known.

    Returns:
        Columns of `STATEMENT_SCHEMA`, in the order of the rows, the totals last. A row without a day of publication is
        dated as undated figures are: to the end of the third month after its quarter, but not after `today`; it is
        marked as inferred. A share whose printed precision is not known has six decimals.
    """
    shares = table.shares.filter(pl.col("share").is_not_null()).select(
        "market",
        "period",
        pl.col("provider").alias("providers"),
        pl.lit("share").alias("measure"),
        pl.col("stated").alias("value"),
        pl.col("qualifier").fill_null("exact"),
        pl.col("decimals").fill_null(MAX_DECIMALS),
        "published_at",
    )
    totals = table.totals.select(
        "market",
        "period",
        pl.lit("TOTAL").alias("providers"),
        pl.lit("amount").alias("measure"),
        pl.col("total").alias("value"),
        pl.lit("exact").alias("qualifier"),
        fewest_decimals("total").alias("decimals"),
        published_day("published_at").alias("published_at"),
    )
    release = period_end().dt.offset_by(f"{USUAL_LAG_MONTHS}mo").dt.month_end()
    said = pl.concat([shares, totals], how="vertical_relaxed")
    return said.select(
        "market",
        pl.lit(house).alias("research_house"),
        pl.lit(house).alias("house"),
        "period",
        pl.lit(value=False).alias("annual"),
        "providers",
        "measure",
        pl.col("measure").replace_strict(MEASURE_UNITS).alias("unit"),
        "value",
        "qualifier",
        pl.col("decimals").cast(pl.Int64),
        pl.coalesce("published_at", pl.min_horizontal(release, pl.lit(today))).alias("published_at"),
        pl.col("published_at").is_null().alias("published_inferred"),
        pl.lit(1, dtype=pl.Int64).alias("pages"),
        *(pl.lit(None, dtype=pl.String).alias(n) for n in ("stated_as", "publisher", "source_title", "source_url")),
        pl.lit(None, dtype=pl.String).alias("note"),
    ).select(STATEMENT_SCHEMA.keys())


def new_statements(
    known: pl.DataFrame,
    given: pl.DataFrame,
    *,
    kind: Literal["figures", "shares"],
    today: date,
    decimals_given: pl.Series | None = None,
) -> pl.DataFrame:
    """Those of the given statements that are not known yet.

    Args:
        known: Statements there are of the given markets, in the order they came in; more columns do no harm.
        given: Statements that come, no two of them the same.
        kind: Of the table they come from. A figure is known when the same was stated before, as a later page only
            repeats it; one that is known to be older than thought is new. A share with a day of publication is known
            when it is what came in last for that cell and day; one without, when it is the newest of its cell.
        today: The day that a restated share without a day of publication is dated to.
        decimals_given: Of shares, for each row given whether its owner told its decimals: then a share with other
            decimals than before is new, though its value is the same. None: of no row.

    Returns:
        Columns of `STATEMENT_SCHEMA`, in the order given; of shares, those without a day of publication last.
    """
    if kind == "figures":
        key = (*_CELL, *_SAID, "vintage")
        before = known.with_columns(revisions_before(known)).group_by(key).agg(pl.col("published_at").min().alias("at"))
        found = given.with_columns(revisions_before(given)).join(before, on=key, how="left", maintain_order="left")
        older = (pl.col("published_at") < pl.col("at")) & ~pl.col("published_inferred")
        # What one page dates needs no guess from another that comes with it.
        guessed = pl.col("published_inferred") & (~pl.col("published_inferred")).any().over(key)
        return found.filter((pl.col("at").is_null() & ~guessed) | older).select(STATEMENT_SCHEMA.keys())
    precise = pl.lit(value=False) if decimals_given is None else pl.lit(decimals_given)
    given = given.with_columns(precise=precise)
    dated = given.filter(~pl.col("published_inferred"))
    undated = given.filter("published_inferred")
    return pl.concat([_said_otherwise(known, dated, (*_CELL, "published_at")), _newer(known, undated, today)])


def cell_changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The cells of which something else holds after a change than before it; cells that are new are not among them.

    Args:
        before: Statements known before, in the order they came in; columns of `STATEMENT_SCHEMA`, more do no harm.
        after: Those known after it.

    Returns:
        Columns market, house, period, providers, measure, before, decimals_before, after, decimals_after, sorted by the
        first five: of each cell what was published last, fraction or amount. After is null where nothing is said of the
        cell any more.

    >>> columns = {name: [None] for name in STATEMENT_SCHEMA}
    >>> one = pl.DataFrame(columns | {"market": ["m"], "providers": ["A"], "value": [0.4], "decimals": [0]})
    >>> cell_changes(one, one.with_columns(value=0.41)).select("providers", "before", "after").rows()
    [('A', 0.4, 0.41)]
    """

    def last(statements: pl.DataFrame) -> pl.DataFrame:
        ordered = statements.sort("published_at", maintain_order=True)
        return ordered.unique(_CELL, keep="last").select(*_CELL, "value", "decimals")

    found = last(before).join(last(after), on=_CELL, how="left", suffix="_after", nulls_equal=True)
    same = (pl.col("value") == pl.col("value_after")) & (pl.col("decimals") == pl.col("decimals_after"))
    return (
        found.filter(~same.fill_null(value=False))
        .select(
            *_CELL, before="value", decimals_before="decimals", after="value_after", decimals_after="decimals_after"
        )
        .sort(_CELL)
    )


def merge_figures(base: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """One curated table of figures there are and statements that came later.

    Args:
        base: Columns of `CURATED_SCHEMA`.
        more: Columns of `STATEMENT_SCHEMA` and `kind` ("figures" or "shares": the table each came from), in the order
            they came in.

    Returns:
        Columns of `CURATED_SCHEMA` and `kind`, sorted as `forecast.figures.prepare_figures` sorts. Figures of `base`
        keep their ids, and among `more` those that came first do. A figure stated twice stands once, with its earliest
        date; an inferred date gives way to none but an earlier one that a page prints.
    """
    return base if more.is_empty() else _curated(_together(base, more))


def figures_in_force(
    base: pl.DataFrame, more: pl.DataFrame, as_of: date | None, name_changes: Sequence[NameChange] = ()
) -> pl.DataFrame:
    """The figures of `merge_figures` that count on a day.

    Args:
        base: As `merge_figures` takes it, and so is `more`.
        more: Statements that came later.
        as_of: The day; None for the latest.
        name_changes: Declared changes of providers' names: those known on the day are applied, so that a share under a
            new name takes the place of one under the old name. Ids of figures stay those of the names as given.

    Returns:
        As `merge_figures`, without the shares that their owner has put others in the place of by that day: of each cell
        that tables of shares give, only the last share stays. Published figures all stay, as they are evidence.
    """
    if more.is_empty():
        return rename_providers(base, name_changes, as_of=as_of)
    both = rename_providers(_together(base, more), name_changes, as_of=as_of)
    shares = both.filter(pl.col("kind") == "shares")
    known = shares if as_of is None else shares.filter(pl.col("published_at") <= as_of)
    last = known.sort("published_at", "place").unique(_CELL, keep="last", maintain_order=True)
    return _curated(pl.concat([both.filter(pl.col("kind") != "shares"), last]).sort(*_ORDER, "place"))


def check_renamed(shares: pl.DataFrame, name_changes: Sequence[NameChange], *, as_of: date | None = None) -> None:
    """Refuse changes of names by which one provider would have two shares in a quarter, published the same day.

    Args:
        shares: Statements of tables of shares, columns of `STATEMENT_SCHEMA`.
        name_changes: As `figures_in_force` takes them.
        as_of: Likewise.

    Raises:
        InvalidTable: so it is; names the first.
    """
    known = shares if as_of is None else shares.filter(pl.col("published_at") <= as_of)
    renamed = rename_providers(known.with_columns(named=pl.col("providers")), name_changes, as_of=as_of)
    cells = renamed.group_by(*_CELL, "published_at", maintain_order=True).agg("value", "named")
    twice = cells.filter(pl.col("value").list.n_unique() > 1, pl.col("named").list.n_unique() > 1)
    for row in twice.iter_rows(named=True):
        told = " and ".join(f"{value:.10g} of {name}" for name, value in zip(row["named"], row["value"], strict=True))
        allowed = f"one share of {row['providers']}, as they are declared to be one provider"
        violation = RowViolation("share_of_renamed_once", 0, "provider", f"{told} in {row['period']}", allowed)
        raise InvalidTable(row["market"], (violation,))


def _together(base: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """All statements with their ids, kind and place (the order they came in), folded and sorted."""
    rows = pl.concat(
        [base.with_columns(pl.lit("figures").alias("kind")), more.with_columns(mark=pl.lit("ok"))],
        how="diagonal",
    ).with_row_index("place")
    figures = rows.filter(pl.col("kind") == "figures")
    key = (*_CELL, *_SAID, "vintage")
    folded = (
        figures.with_columns(revisions_before(figures))
        .with_columns(first=pl.col("place").min().over(key), id=pl.col("figure_id").min().over(key))
        .filter((pl.col("place") == pl.col("first")) | ~pl.col("published_inferred"))
        .sort("published_at", "place")
        .unique(key, keep="first", maintain_order=True)
        .with_columns(figure_id=pl.col("id"), place=pl.col("first"))
        .drop("vintage", "first", "id")
    )
    both = pl.concat([folded, rows.filter(pl.col("kind") == "shares")]).sort("place")
    numbered, unnumbered = both.filter(pl.col("figure_id").is_not_null()), both.filter(pl.col("figure_id").is_null())
    ids = figure_ids(unnumbered, taken=numbered["figure_id"])
    return pl.concat([numbered, unnumbered.with_columns(ids)]).sort(*_ORDER, "place")


def _curated(rows: pl.DataFrame) -> pl.DataFrame:
    # To know all of them marks what contradicts each other across the tables.
    return known_as_of(rows.select(*CURATED_SCHEMA.keys(), "kind"), date.max)


def _said_otherwise(known: pl.DataFrame, given: pl.DataFrame, per: tuple[str, ...]) -> pl.DataFrame:
    """Those of the given that are not what is known last of theirs, in the order of `known`.

    Other decimals say something else only where their owner has told them: those worked out from the other shares of a
    table may differ though nothing was restated.
    """
    last = known.group_by(per).agg(
        pl.col("value").last().alias("last"),
        pl.col("qualifier").last().alias("was"),
        pl.col("decimals").last().alias("printed"),
    )
    found = given.join(last, on=per, how="left", maintain_order="left")
    finer = pl.col("precise") & (pl.col("printed") != pl.col("decimals"))
    bound = pl.col("was") != pl.col("qualifier")
    other = pl.col("last").is_null() | (pl.col("last") != pl.col("value")) | bound | finer
    return found.filter(other).select(STATEMENT_SCHEMA.keys())


def _newer(known: pl.DataFrame, undated: pl.DataFrame, today: date) -> pl.DataFrame:
    """Shares without a day that say something new.

    Where their cell was told before they are of today, so that no answer about an earlier day changes.
    """
    told = known.select(_CELL).unique().with_columns(told=pl.lit(value=True))
    return (
        _said_otherwise(known.sort("published_at", maintain_order=True), undated, _CELL)
        .join(told, on=_CELL, how="left", maintain_order="left")
        .with_columns(published_at=pl.when("told").then(pl.lit(today)).otherwise("published_at"))
        .select(STATEMENT_SCHEMA.keys())
    )


def fewest_decimals(column: str) -> pl.Expr:
    """The fewest decimals, at most six, that print an amount."""
    value = pl.col(column)
    found = pl.lit(MAX_DECIMALS)
    for decimals in range(MAX_DECIMALS - 1, -1, -1):
        is_printed = (value.round(decimals) - value).abs() <= _PRINTED * value.abs().clip(lower_bound=1.0)
        found = pl.when(is_printed).then(pl.lit(decimals)).otherwise(found)
    return found
