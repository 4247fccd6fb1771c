"""Changes of names as tables, and applied to tables: of figures, whose names become the newest, and of shares."""

from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl

from forecast.errors import InvalidTable, RowViolation
from forecast.name_changes import KINDS, NO_PROVIDER, PROVIDER_ALLOWED, NameChange, Names
from forecast.quarter import FIRST_YEAR, LAST_YEAR, Quarter
from forecast.schema import PUBLISHED_DAY, Column, Rule, check_table, published_day

NAMES_SCHEMA: dict[str, type[pl.DataType]] = {
    "market": pl.String,
    "house": pl.String,
    "provider": pl.String,
    "into": pl.String,
    "kind": pl.String,
    "period": pl.String,
    "published_at": pl.Date,
}
"""Columns of the table of name changes.

house: empty for every house. kind: `renamed` or `merged`. period: the first quarter; empty where it is not told.
published_at: since when it is known.
"""

NAMES_COLUMNS = (
    Column("market", "text"),
    Column("house", "text", required=False),
    Column("provider", "text"),
    Column("into", "text"),
    Column("kind", "text"),
    Column("period", "text", required=False),
    Column("published_at", "text", required=False),
)

_QUARTER = r"^(19[0-9]{2}|2[01][0-9]{2}|2200)Q[1-4]$"
_PLAIN = r"^[^\x00-\x1f\x7f]{1,200}$"
_KEY = ("market", "house", "provider", "kind")
_day = pl.when(pl.col("published_at").str.contains(PUBLISHED_DAY)).then(published_day("published_at"))


def _one_provider(column: str) -> Rule:
    single = pl.col(column).str.contains(_PLAIN) & ~pl.col(column).str.contains(NO_PROVIDER)
    return Rule(f"{column}_is_one_provider", column, single, PROVIDER_ALLOWED)


NAMES_RULES = (
    Rule("market_is_plain", "market", pl.col("market").str.contains(_PLAIN), "the name of a market, on one line"),
    Rule(
        "house_is_plain", "house", (pl.col("house") == "") | pl.col("house").str.contains(_PLAIN), "a house, or empty"
    ),
    _one_provider("provider"),
    _one_provider("into"),
    Rule("names_differ", "into", pl.col("into") != pl.col("provider"), "another name than that of the provider"),
    Rule("kind_of_name_change", "kind", pl.col("kind").is_in(list(KINDS)), f"one of {', '.join(KINDS)}"),
    Rule(
        "period_is_quarter",
        "period",
        (pl.col("period") == "") | pl.col("period").str.contains(_QUARTER),
        f"a quarter such as 2023Q1, years {FIRST_YEAR} to {LAST_YEAR}; for a renaming also empty",
    ),
    Rule(
        "merger_has_period",
        "period",
        (pl.col("kind") != "merged").fill_null(value=True) | (pl.col("period") != ""),
        "the first quarter of the merger",
    ),
    Rule(
        "published_at_is_day",
        "published_at",
        pl.col("published_at").is_null() | _day.is_not_null(),
        "a date such as 2023-02-01, or empty for today",
    ),
    Rule(
        "name_change_once",
        "provider",
        pl.struct(*_KEY, pl.col("published_at").fill_null("")).is_first_distinct(),
        "one row per market, house, provider, kind and published_at",
    ),
)


def check_names(frame: pl.DataFrame, *, today: date, table: str = "names") -> pl.DataFrame:
    """Check a table of name changes and bring it to one form.

    Args:
        frame: Columns market, provider, into, kind ("renamed" or "merged"); optionally house (empty: every house),
            period (the first quarter, needed for a merger) and published_at (a date). Spaces around names do not count.
        today: The day of a change without one.
        table: What was read, for the error.

    Returns:
        Columns of `NAMES_SCHEMA`, in the order given.

    Raises:
        InvalidTable: a column is unknown, missing or of the wrong type, there is no row, or a row breaks a rule of
            `NAMES_RULES`.

    >>> rows = {"market": ["phones"], "provider": ["Cygnus"], "into": ["Swan"], "kind": ["renamed"]}
    >>> check_names(pl.DataFrame(rows), today=date(2026, 11, 30)).row(0)
    ('phones', '', 'Cygnus', 'Swan', 'renamed', '', datetime.date(2026, 11, 30))
    """
    days = [name for name in ("published_at",) if frame.schema.get(name) == pl.Datetime]
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    tidy = frame.with_columns(pl.col(days).dt.date(), pl.col(texts).str.strip_chars())
    for name in ("house", "period"):
        if name in tidy.columns and tidy.schema[name] in (pl.String, pl.Null):
            tidy = tidy.with_columns(pl.col(name).cast(pl.String).fill_null(""))
    if tidy.schema.get("published_at") == pl.String:
        tidy = tidy.with_columns(pl.col("published_at").replace("", None))
    given = tidy.with_columns(pl.lit("").alias(name) for name in ("house", "period") if name not in tidy.columns)
    typed = check_table(given, NAMES_COLUMNS, NAMES_RULES, table=table)
    return typed.with_columns(published_at=_day.fill_null(pl.lit(today))).select(NAMES_SCHEMA.keys())


def read_changes(names: pl.DataFrame, /) -> tuple[NameChange, ...]:
    """The rows of a checked table, in order."""
    return tuple(
        NameChange(
            provider=row["provider"],
            into=row["into"],
            kind=row["kind"],
            period=Quarter.parse(row["period"]) if row["period"] else None,
            market=row["market"],
            house=row["house"],
            published_at=row["published_at"],
        )
        for row in names.select(NAMES_SCHEMA.keys()).iter_rows(named=True)
    )


def names_table(changes: Iterable[NameChange], /, *, today: date) -> pl.DataFrame:
    """Changes as rows, columns of `NAMES_SCHEMA`; one without a day gets that of `today`."""
    rows = [
        (c.market, c.house, c.provider, c.into, c.kind, str(c.period or ""), c.published_at or today) for c in changes
    ]
    return pl.DataFrame(rows, schema=NAMES_SCHEMA, orient="row")


def new_names(known: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Those of the given changes that say something new.

    A change is known where what is known last of its market, house, provider and kind is the same, from no later day.

    Args:
        known: Columns of `NAMES_SCHEMA`, more do no harm, in the order they came in.
        given: Likewise.

    Returns:
        Rows of `given`, columns of `NAMES_SCHEMA`.
    """
    last = known.sort("published_at", maintain_order=True).unique(_KEY, keep="last")
    found = given.join(last, on=_KEY, how="left", suffix="_known", maintain_order="left")
    same = (pl.col("into") == pl.col("into_known")) & (pl.col("period") == pl.col("period_known"))
    known_by_then = same & (pl.col("published_at_known") <= pl.col("published_at"))
    return found.filter(~known_by_then.fill_null(value=False)).select(NAMES_SCHEMA.keys())


def rename_providers(
    figures: pl.DataFrame, changes: Sequence[NameChange], *, as_of: date | None = None
) -> pl.DataFrame:
    """Figures with every provider under its newest name, alone and in sums.

    Args:
        figures: Columns market, house and providers (names joined by |), more as they are.
        changes: Of any markets and houses; mergers change no name.
        as_of: Only changes known on this day count; None: all.
    """
    if not any(change.kind == "renamed" for change in changes):
        return figures
    cells = figures.select("market", "house", "providers").unique()
    renamed = [
        (market, house, old, new)
        for market, house, old in cells.iter_rows()
        if (new := _renamed(old, Names.known(changes, market=market, house=house, as_of=as_of))) != old
    ]
    if not renamed:
        return figures
    key = ["market", "house", "providers"]
    to = pl.DataFrame(renamed, schema=dict.fromkeys((*key, "newest"), pl.String), orient="row")
    found = figures.join(to, on=key, how="left", maintain_order="left")
    return found.with_columns(providers=pl.coalesce("newest", "providers")).drop("newest")


def change_names_of_shares(
    shares: pl.DataFrame, changes: Sequence[NameChange], *, table: str = "shares"
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A table of shares in which every provider is one series: under its newest name, and merged ones added up.

    Shares of what is merged are added in every quarter. A share that is not reported between the first report of its
    provider and the merger leaves the sum unreported too; before that report the provider was not listed, and after the
    merger it is part of the other: then it adds nothing.

    Args:
        shares: Columns market, period, provider, share, decimals, as `forecast.schema.check_shares` returns them.
        changes: Of any markets, whenever they became known; those of a single house do not apply.
        table: What was read, for the error.

    Returns:
        The table, its rows in the order given (a sum stands where the first of its parts did), and what was changed, in
        words.

    Raises:
        InvalidTable: two names of one provider have different shares in one quarter.
    """
    names_in = shares.select("market", "provider").unique()
    touched = {c.provider for c in changes} & set(names_in["provider"])
    affected = names_in.filter(pl.col("provider").is_in(sorted(touched)))["market"].unique()
    if affected.is_empty():
        return shares, ()
    changed = set(affected)
    parts, notes = [], dict[str, None]()
    for part in shares.partition_by("market", maintain_order=True):
        market = str(part["market"][0])
        names = Names.known(changes, market=market) if market in changed else Names()
        parts.append(one_series_each(part, names, table=table) if names else part)
        notes |= dict.fromkeys(names.told(part["provider"]))
    return pl.concat(parts), tuple(notes)


def one_series_each(shares: pl.DataFrame, names: Names, *, table: str = "shares") -> pl.DataFrame:
    """The table of one market under the names given, as `change_names_of_shares` makes it.

    Raises:
        InvalidTable: two names of one provider have different shares in one quarter.
    """
    cells: dict[tuple[str, str], tuple[float | None, int | None]] = {}  # by newest name and period
    owners: dict[str, dict[str, None]] = {}  # by whom providers are part of: themselves, in order
    reported: dict[str, str] = {}  # the first period of each
    places: dict[tuple[str, str], None] = {}
    for period, provider, share, decimals in shares.select("period", "provider", "share", "decimals").iter_rows():
        name = names.current(provider)
        before = cells.get((name, period), (None, None))
        if before[0] is not None and share is not None and before[0] != share:
            found = f"{before[0]:.10g} and {share:.10g} in {period}"
            allowed = f"one share of {name}, as {provider} and it are one provider"
            raise InvalidTable(table, (RowViolation("share_of_renamed_once", 0, "provider", found, allowed),))
        cells[name, period] = (share, decimals) if before[0] is None else before
        owner = names.final(name)
        owners.setdefault(owner, {})[name] = None
        places[owner, period] = None
        if share is not None:
            reported[name] = min(period, reported.get(name, period))
    rows = []
    for owner, period in places:
        share, decimals = _sum_of(cells, owners[owner], period, reported, names)
        rows.append((shares["market"][0], period, owner, share, decimals))
    return pl.DataFrame(rows, schema=shares.schema, orient="row")


def _renamed(providers: str, names: Names) -> str:
    """Names joined by |, each at its newest, once, in the order of the alphabet where one has changed."""
    old = providers.split("|")
    new = [names.current(name) for name in old]
    return providers if new == old else "|".join(sorted(set(new)))


def _sum_of(
    cells: dict[tuple[str, str], tuple[float | None, int | None]],
    parts: Iterable[str],
    period: str,
    reported: dict[str, str],
    names: Names,
) -> tuple[float | None, int | None]:
    found: list[float] = []
    printed: list[int] = []
    for name in parts:
        share, decimals = cells.get((name, period), (None, None))
        merger = names.mergers.get(name)
        listed = name in reported and reported[name] <= period  # texts of quarters sort by time
        if share is not None:
            found.append(share)
        elif listed and (merger is None or period < str(merger[1])):
            return None, decimals
        if decimals is not None:
            printed.append(decimals)
    return sum(found) if found else None, max(printed, default=None)
