"""Published figures: read the shipped ones, curate raw ones, select those known on a date.

A raw table has one row per statement by one page. A curated table has one row per statement: reprints are folded, every
row has a date of publication, and statements that contradict each other are marked, never dropped.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import polars as pl

from forecast.names import figure_name, name_key, unmarked
from forecast.quarter import Quarter
from forecast.schema import (
    PUBLISHED_MONTH,
    PUBLISHED_YEAR,
    check_figures,
    period_end,
    published_day,
    published_readings,
)

SERIES_OF = {"omdia (ex-canalys)": "canalys"}
"""Houses whose figures continue another's series: Omdia took over Canalys' estimates in the merger of 2025."""

RESTATED_AFTER_DAYS = 60
"""Differing values published further apart than this are a restatement, not a conflict: the next quarter's release is
the first that can restate a value, about 90 days later, and reprints of one release come within some 45."""

USUAL_LAG_MONTHS = 3  # months from a quarter's end to its release, where no dated page tells the house's own habit
_FIRST_RELEASE_DAYS = 183  # a dated page later than this after its newest quarter is a retrospective, not the release

_NOT_PROVIDERS = r"^(TOTAL|TOP[0-9]+|Others)$"
_CELL = ("market", "house", "period", "providers", "measure")
_STATEMENT = (*_CELL, "value", "qualifier", "decimals")

# What a note says when the figure is known to be wrong, not merely contradicted.
_SLIP_NOTE = r"(?i)probable typo|digits transposed|misattributed|mislabelled|truncated, not rounded|other sources say"
_SUSPECTED_NOTE = r"\((\w+)[^()]* suspected\)"  # names the one cell of a row that cannot be right

CURATED_SCHEMA: dict[str, type[pl.DataType]] = {
    "figure_id": pl.Int64,
    "market": pl.String,
    "research_house": pl.String,
    "house": pl.String,
    "period": pl.String,
    "annual": pl.Boolean,
    "providers": pl.String,
    "measure": pl.String,
    "unit": pl.String,
    "value": pl.Float64,
    "qualifier": pl.String,
    "decimals": pl.Int64,
    "mark": pl.String,
    "published_at": pl.Date,
    "published_inferred": pl.Boolean,
    "pages": pl.Int64,
    "stated_as": pl.String,
    "publisher": pl.String,
    "source_title": pl.String,
    "source_url": pl.String,
    "note": pl.String,
}
"""Columns of a curated table.

figure_id: 48-bit integer made from the statement, the same in every release of the data.
research_house, house: the name as published; the series it belongs to.
annual: a statement about a whole year, `period` being the year.
providers: names sorted and joined by |, a set. A single name where a page says "a joint 16 %" and means each.
value: fraction for share and yoy_growth, else in `unit`.
decimals: of the number as printed (of the percentage for fractions).
mark: "ok"; "conflict" where the same cell is stated at about the same time with values further apart than rounding
allows; "slip" where a note says that this very value is an error of the page. Both are for people: notes tell what was
found out later, so that a history goes by none of it and recognises slips by what else was known (`forecast.slips`).
published_at, published_inferred: date of the earliest page, and whether it is the end of an inferred month or otherwise
not a day the page itself prints.
pages: how many different addresses say so. stated_as, publisher, source_title, source_url: of the earliest page.
note: the notes of all pages folded.
"""

BREAKS_SCHEMA: dict[str, type[pl.DataType]] = {
    "market": pl.String,
    "house": pl.String,
    "period": pl.String,
    "last_period": pl.String,
    "kind": pl.String,
    "published_at": pl.Date,
    "description": pl.String,
    "source_url": pl.String,
}
"""Columns of the table of declared series breaks.

period: first quarter of the new series. last_period: last quarter restated, for a `revision` only: figures of period to
last_period published before `published_at` belong to the old series, later ones to the new.
kind: `level_shift`, `definition` (what the market contains changed) or `revision`.
published_at: when the release came out that made the break known.
"""


@dataclass(frozen=True, slots=True)
class HouseInfo:
    """What one research house says about a market."""

    name: str
    providers: tuple[str, ...]  # named in share figures, the largest first
    first: Quarter | None  # first and last quarter with share figures; None where only years have them
    last: Quarter | None
    figures: int
    vintages: tuple[date, ...]  # days on which a figure was published, ascending


@dataclass(frozen=True, slots=True)
class MarketInfo:
    """A market and the research houses that measure it, the one with most figures first."""

    market: str
    houses: tuple[HouseInfo, ...]


def load_figures() -> pl.DataFrame:
    """The shipped figures, columns of `CURATED_SCHEMA`."""
    return _shipped_figures().clone()


def load_breaks() -> pl.DataFrame:
    """The shipped declarations of series breaks, columns of `BREAKS_SCHEMA`."""
    return _shipped_breaks().clone()


@cache
def _shipped_figures() -> pl.DataFrame:
    return pl.read_csv((files("forecast.data") / "figures.csv").read_bytes(), schema=CURATED_SCHEMA)


@cache
def _shipped_breaks() -> pl.DataFrame:
    return pl.read_csv((files("forecast.data") / "breaks.csv").read_bytes(), schema=BREAKS_SCHEMA)


def prepare_figures(raw: pl.DataFrame, *, table: str = "figures") -> pl.DataFrame:
    """Curate raw figures: check, date, fold reprints, mark contradictions.

    Args:
        raw: One row per statement by one page, as `forecast.schema.check_figures` takes it.
        table: What was read, for the error.

    Returns:
        One row per statement, columns of `CURATED_SCHEMA`, sorted by market, house, period, measure, providers, date.
        Two pages make the same statement when market, house, period, providers, measure, value, qualifier and printed
        decimals agree: "33 %", "33.0 %" and "about 33 %" are three statements. A value that a declared revision
        confirms is stated anew, and so is a row of its own.

    Raises:
        InvalidTable: a row breaks a rule of figures.

    `published` is read as follows; all but the first are marked as inferred.

    ====================================  ==========================================================================
    2020-06-18                            that day
    2020-06-18 (date via Ajunews)         that day, which is not the page's own
    2020-06, 2020-06 (inferred)           the last day of the month
    2024-06/07 (inferred)                 the last day of the later month
    '9 11 2022' as printed                day first or month first, whichever lies nearer to the release
    2025, 2026 (undated copy)             the end of the release month, moved into that year
    nothing                               the end of the release month
    ====================================  ==========================================================================

    The release month is that of the newest period a page speaks of: the month of the first dated page whose newest
    period is the same, else as many months after its end as the house's releases in that market usually take. So a page
    that restates old quarters beside a new one counts as published with the new one. No inferred date is earlier than
    the day after that newest period.

    Rows that print their day tell nothing before it, whatever else is in the table. A date inferred from other pages
    may change when pages are added and the whole is curated anew: keep what was curated, and curate what is new.
    """
    named = named_figures(raw, table=table).with_columns((pl.col("period").str.len_chars() == 4).alias("annual"))
    curated = _mark(_fold(_date(named)))
    return _number(curated).select(CURATED_SCHEMA.keys())


def named_figures(raw: pl.DataFrame, /, *, table: str = "figures") -> pl.DataFrame:
    """Raw figures as checked, with their `row` from 0, and the `house` and `providers` as curated ones have them.

    Raises:
        InvalidTable: a row breaks a rule of figures.
    """
    checked = check_figures(raw, table=table)
    return checked.with_row_index("row").with_columns(
        pl.col("research_house").replace(SERIES_OF).alias("house"),
        pl.col("providers")
        .replace_strict(_spellings(checked["providers"]), return_dtype=pl.String)
        .str.split("|")
        .list.sort()
        .list.join("|")
        .alias("providers"),
    )


def _spellings(providers: pl.Series) -> dict[str, str]:
    """Every text of a column of providers with one spelling of each name: that which comes first."""
    first: dict[str, str] = {}
    found = {}
    texts = providers.unique(maintain_order=True).to_list()
    plain = unmarked(name for text in texts for name in text.split("|"))
    for text in texts:
        names = [figure_name(plain.get(name, name)) for name in text.split("|")]
        found[text] = "|".join(first.setdefault(name_key(name), name) for name in names)
    return found


def known_as_of(figures: pl.DataFrame, as_of: date | None) -> pl.DataFrame:
    """The curated figures published on a date or before it.

    Args:
        figures: Columns of `CURATED_SCHEMA`.
        as_of: The date; None for all figures.

    Returns:
        The same columns and order. Conflicts are marked anew: only figures known by then can contradict each other.
    """
    if as_of is None:
        return figures
    return _mark(figures.filter(pl.col("published_at") <= as_of)).select(figures.columns)


def conflicts(figures: pl.DataFrame) -> pl.DataFrame:
    """The cells whose statements contradict each other.

    Args:
        figures: Columns of `CURATED_SCHEMA`.

    Returns:
        One row per market, house, period, providers and measure with a figure marked "conflict" or "slip": `mark`
        ("conflict" where one is unresolved, else "slip"), `lowest` and `highest` value stated in that cell (unit of the
        measure), `figures` (how many statements), `figure_ids` of those marked.
    """
    doubtful = pl.col("mark") != "ok"
    return (
        figures.group_by(_CELL, maintain_order=True)
        .agg(
            pl.when((pl.col("mark") == "conflict").any())
            .then(pl.lit("conflict"))
            .otherwise(pl.lit("slip"))
            .alias("mark"),
            pl.col("value").min().alias("lowest"),
            pl.col("value").max().alias("highest"),
            pl.len().alias("figures"),
            pl.col("figure_id").filter(doubtful).alias("figure_ids"),
        )
        .filter(pl.col("figure_ids").list.len() > 0)
    )


def list_markets(figures: pl.DataFrame) -> tuple[MarketInfo, ...]:
    """The markets of a curated table and who measures them, sorted by market.

    Args:
        figures: Columns of `CURATED_SCHEMA`.
    """
    series = ["market", "house"]
    shares = figures.filter(pl.col("measure") == "share")
    quarters = shares.filter(~pl.col("annual")).group_by(series).agg(first=pl.min("period"), last=pl.max("period"))
    singles = shares.filter(~pl.col("providers").str.contains(_NOT_PROVIDERS)).select(
        *series, pl.col("providers").str.split("|"), "value"
    )
    ranked = (
        singles.with_columns(pl.col("value") / pl.col("providers").list.len())  # ranks a name only ever seen in a sum
        .explode("providers")
        .group_by(*series, "providers")
        .agg(pl.col("value").mean())
        .sort("value", "providers", descending=[True, False])
        .group_by(series, maintain_order=True)
        .agg("providers")
    )
    houses = (
        figures.group_by(series)
        .agg(figures=pl.len(), vintages=pl.col("published_at").unique().sort())
        .join(quarters, on=series, how="left")
        .join(ranked, on=series, how="left")
        .sort("market", "figures", "house", descending=[False, True, False])
    )
    infos: dict[str, list[HouseInfo]] = {}
    for row in houses.iter_rows(named=True):
        infos.setdefault(row["market"], []).append(
            HouseInfo(
                name=row["house"],
                providers=tuple(row["providers"] or ()),
                first=None if row["first"] is None else Quarter.parse(row["first"]),
                last=None if row["last"] is None else Quarter.parse(row["last"]),
                figures=row["figures"],
                vintages=tuple(row["vintages"]),
            )
        )
    return tuple(MarketInfo(market, tuple(found)) for market, found in infos.items())


def _date(named: pl.DataFrame) -> pl.DataFrame:
    """Add page, copy (an undated copy of another page), published_at and published_inferred."""
    page = ("page", "published")  # some addresses are living pages, stored on several dates
    series = ("market", "house")
    month_day = pl.concat_str(
        pl.col("published").str.slice(0, 4),
        pl.coalesce(
            pl.col("published").str.extract(r"^[0-9]{4}-[0-9]{2}/([0-9]{2})"), pl.col("published").str.slice(5, 2)
        ),
        pl.lit("01"),
        separator="-",
    )
    is_month = pl.col("published").str.contains(PUBLISHED_MONTH)
    is_year = pl.col("published").str.contains(PUBLISHED_YEAR)
    read = named.with_columns(
        pl.coalesce("source_url", pl.format("row {}", "row")).alias("page"),
        period_end().alias("ends"),
        pl.coalesce(
            published_day(), pl.when(is_month).then(month_day).str.to_date("%Y-%m-%d", strict=False).dt.month_end()
        ).alias("dated"),
        pl.when(is_year).then(pl.col("published").str.slice(0, 4)).cast(pl.Int32).alias("stated_year"),
    ).with_columns(
        pl.col("ends").max().over(page).alias("page_ends"),
        pl.col("ends").max().over(*page, *series).alias("newest"),
    )
    releases = (
        read.filter((pl.col("dated") - pl.col("newest")).dt.total_days().is_between(1, _FIRST_RELEASE_DAYS))
        .group_by(*series, "newest")
        .agg(pl.col("dated").min().dt.month_end().alias("release"))
        .with_columns(_months_between("newest", "release").alias("lag"))
    )
    usual = releases.group_by(series).agg(pl.col("lag").median().ceil().alias("house_lag"))
    in_market = releases.group_by("market").agg(pl.col("lag").median().ceil().alias("market_lag"))
    lag = pl.coalesce("house_lag", "market_lag", pl.lit(USUAL_LAG_MONTHS)).cast(pl.Int64)
    day_first, month_first = published_readings()
    expected = (
        read.join(releases.drop("lag"), on=[*series, "newest"], how="left", maintain_order="left")
        .join(usual, on=series, how="left", maintain_order="left")
        .join(in_market, on="market", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("release", pl.col("newest").dt.offset_by(pl.format("{}mo", lag)).dt.month_end())
            .max()
            .over(page)
            .alias("expected"),
            day_first.alias("day_first"),
            month_first.alias("month_first"),
        )
    )

    def distance(reading: str) -> pl.Expr:
        return (pl.col(reading) - pl.col("expected")).dt.total_days().abs().fill_null(10**6)

    year = pl.col("stated_year")
    within_year = (
        pl.when(year > pl.col("expected").dt.year())
        .then(pl.date(year, 1, 31))
        .when(year < pl.col("expected").dt.year())
        .then(pl.date(year, 12, 31))
        .otherwise("expected")
    )
    nearer = pl.when(distance("day_first") < distance("month_first")).then("day_first").otherwise("month_first")
    return expected.with_columns(
        (~pl.col("published").str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$").fill_null(value=False)).alias(
            "published_inferred"
        ),
        pl.coalesce("dated", nearer, within_year).alias("published_at"),
        (pl.col("published").is_null() & pl.col("note").str.contains(r"\bcopy\b|reprint").fill_null(value=False)).alias(
            "copy"
        ),
    ).with_columns(
        pl.when("published_inferred")
        .then(pl.max_horizontal("published_at", pl.col("page_ends").dt.offset_by("1d")))
        .otherwise("published_at")
        .alias("published_at")
    )


def _months_between(earlier: str, later: str) -> pl.Expr:
    def months(column: str) -> pl.Expr:
        return pl.col(column).dt.year() * 12 + pl.col(column).dt.month().cast(pl.Int32)

    return months(later) - months(earlier)


def _fold(dated: pl.DataFrame) -> pl.DataFrame:
    """One row per statement: the earliest page, and how many pages say so.

    An undated page that is known to be a copy never sets the date while another page makes the same statement.
    """
    order = ["copy", "published_at", "published_inferred", "row"]
    vintage = revisions_before(dated).alias("vintage")
    kept = ("research_house", "annual", "unit", "published_at", "published_inferred")
    told = ("stated_as", "publisher", "source_title", "source_url")
    return (
        dated.with_columns(vintage)
        .sort(order)
        .group_by(*_STATEMENT, "vintage", maintain_order=True)
        .agg(
            pl.col(*kept, *told).first(),
            pl.col("page").n_unique().cast(pl.Int64).alias("pages"),
            pl.col("note").drop_nulls().unique(maintain_order=True).str.join("; ").replace("", None),
        )
        .sort("market", "house", "period", "measure", "providers", "published_at", "value", "qualifier", "decimals")
    )


def revisions_before(dated: pl.DataFrame) -> pl.Series:
    """How many declared revisions of a row's quarter were out when it was published.

    Args:
        dated: Columns market, house, period, annual and published_at.

    Returns:
        Integers, named vintage.
    """
    count = pl.lit(0)
    for revision in _shipped_breaks().filter(pl.col("kind") == "revision").iter_rows(named=True):
        restated = (
            (pl.col("market") == revision["market"])
            & (pl.col("house") == revision["house"])
            & ~pl.col("annual")
            & pl.col("period").is_between(pl.lit(revision["period"]), pl.lit(revision["last_period"]))
        )
        count = count + (restated & (pl.col("published_at") >= revision["published_at"])).cast(pl.Int32)
    return dated.select(count.alias("vintage")).to_series()


def _mark(figures: pl.DataFrame) -> pl.DataFrame:
    """Set `mark`, row by row in the order given."""
    suspected = pl.col("note").str.extract(_SUSPECTED_NOTE)
    slip = pl.col("note").str.contains(_SLIP_NOTE) | pl.col("providers").str.starts_with(suspected)
    scale = pl.when(pl.col("unit") == "fraction").then(0.01).otherwise(1.0)
    half = (
        scale
        * 10.0 ** -pl.col("decimals").cast(pl.Float64)
        * pl.when(pl.col("qualifier") == "about").then(1.0).otherwise(0.5)
    )
    bounded = figures.with_row_index("place").with_columns(
        slip.fill_null(value=False).alias("slip"),
        pl.col("note").str.contains("conflict:").fill_null(value=False).alias("told"),
        pl.when(pl.col("qualifier") == "less_than").then(-float("inf")).otherwise(pl.col("value") - half).alias("low"),
        pl.when(pl.col("qualifier") == "more_than").then(float("inf")).otherwise(pl.col("value") + half).alias("high"),
    )
    sound = bounded.filter(~pl.col("slip")).select(*_CELL, "place", "low", "high", "published_at", "told")
    apart = (pl.col("published_at") - pl.col("published_at_right")).dt.total_days().abs()
    contradicting = (
        sound.join(sound, on=_CELL)
        .filter((pl.col("low") > pl.col("high_right") + 1e-9) | (pl.col("low_right") > pl.col("high") + 1e-9))
        .filter((apart <= RESTATED_AFTER_DAYS) | pl.col("told") | pl.col("told_right"))
    )
    return bounded.with_columns(
        pl.when("slip")
        .then(pl.lit("slip"))
        .when(pl.col("place").is_in(contradicting["place"].unique().implode()))
        .then(pl.lit("conflict"))
        .otherwise(pl.lit("ok"))
        .alias("mark")
    )


def _number(figures: pl.DataFrame) -> pl.DataFrame:
    return figures.with_columns(figure_ids(figures))


def figure_ids(statements: pl.DataFrame, *, taken: Iterable[int] = ()) -> pl.Series:
    """The figure_id of each row: a digest of the statement, so that adding figures renumbers none.

    Args:
        statements: Columns market, house, period, providers, measure, value, qualifier and decimals.
        taken: Ids of other figures; a statement made anew, as after a revision, gets the next one that is free.

    Returns:
        Integers of 48 bits, named figure_id.
    """
    used = set(taken)
    ids: list[int] = []
    for statement in statements.select(_STATEMENT).iter_rows():
        text = "\x1f".join(f"{part:.12g}" if isinstance(part, float) else str(part) for part in statement)
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
        while number in used:
            number += 1
        used.add(number)
        ids.append(number)
    return pl.Series("figure_id", ids, dtype=pl.Int64)
