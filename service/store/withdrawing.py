"""Which imported rows a withdrawal ends."""

import hashlib

import polars as pl

from forecast.errors import InvalidArgument, NotFound
from forecast.quarter import Quarter
from service.queries import WithdrawQuery
from service.results import WithdrawnRows

NAMES = "names"  # kind of the rows that are changes of names
_ROW = ("import_number", "line", "market", "house", "period", "providers", "kind")
_NAMED = ("market", "house", "provider", "period")  # what can be asked for, in the order it narrows
_NOT_SHIPPED = "figures that come with Sharecast cannot be withdrawn"


def check_withdrawal(query: WithdrawQuery, /) -> None:
    """Refuse a withdrawal that says too little or nothing that can be read.

    Raises:
        InvalidArgument: neither an import nor a market is given, or the period is none.
    """
    if query.import_id is None and not query.market:
        raise InvalidArgument("market", query.market, "the market whose rows are to go, unless an import is named")
    if query.period:
        try:
            Quarter.parse(query.period if "Q" in query.period else f"{query.period}Q1")
        except InvalidArgument:
            raise InvalidArgument("period", query.period, "a quarter such as 2020Q3, or a year such as 2020") from None


def withdrawable(statements: pl.DataFrame, names: pl.DataFrame, /) -> pl.DataFrame:
    """Imported rows of every kind as `choose_rows` takes them; a change of a name counts under the name before it."""
    changes = names.select(
        *_ROW[:5], pl.col("provider").alias("providers"), pl.lit(NAMES, dtype=pl.String).alias("kind")
    )
    return pl.concat([statements.select(_ROW), changes])


def choose_rows(rows: pl.DataFrame, query: WithdrawQuery, base: pl.DataFrame, *, entries: pl.DataFrame) -> pl.DataFrame:
    """The rows that fit everything that is asked.

    Args:
        rows: Imported rows that count: columns import_number, line, market, house, period, providers (names joined by
            |) and kind ("figures", "shares" or "names").
        query: What is asked.
        base: Figures that come with the package: columns market, house, period, providers.
        entries: As `service.store.entries.read_entries` returns them.

    Returns:
        Those of `rows`, one at least.

    Raises:
        NotFound: no import has that number, or nothing imported is of that market, house, provider or period; names
            those there are.
        InvalidArgument: the import is a withdrawal or has no row that still counts, or what fits comes with the
            package.
    """
    found = rows
    if query.import_id is not None:
        found = _of_import(rows, query.import_id, entries)
    if query.kind:
        found = found.filter(pl.col("kind") == query.kind)
        if found.is_empty():
            raise InvalidArgument("kind", query.kind, f"{_kinds(rows)}, of which imported rows still count")
    elif query.import_id is None:
        found = found.filter(pl.col("kind") != NAMES)
    for field in _NAMED:
        asked = getattr(query, field)
        if not asked:
            continue
        fitting = _fitting(found, field, asked)
        if fitting.is_empty():
            if query.import_id is None and not _fitting(base, field, asked, query.market).is_empty():
                raise InvalidArgument(field, asked, f"{_there_are(found, field)}; {_NOT_SHIPPED}")
            raise NotFound(f"imported {field}", asked, tuple(_names(found, field)))
        found = fitting
    return found


def rows_withdrawn(rows: pl.DataFrame, /) -> tuple[WithdrawnRows, ...]:
    """What was chosen, by market, house and kind."""
    groups = rows.group_by("market", "house", "kind").agg(
        pl.len().alias("rows"),
        pl.col("period").filter(pl.col("period") != "").min().fill_null("").alias("first"),
        pl.col("period").filter(pl.col("period") != "").max().fill_null("").alias("last"),
        pl.col("providers").str.split("|").explode().unique().sort(),
    )
    return tuple(
        WithdrawnRows(**{**group, "providers": tuple(group["providers"])})
        for group in groups.sort("market", "house", "kind").iter_rows(named=True)
    )


def repeated_by(rows: pl.DataFrame, entries: pl.DataFrame, /) -> tuple[str, ...]:
    """A warning for each later import that found rows known already: they may be among those that go now.

    A row that says what is known is counted and not kept, so that it ends with the one it repeats.
    """
    numbers = rows["import_number"].unique()
    mine = pl.col("number").is_in(numbers.implode())
    later = entries.filter(pl.col("number") > numbers.min(), pl.col("known") > 0, ~mine)
    of_markets = pl.col("markets").list.set_intersection(rows["market"].unique().to_list()).list.len() > 0
    return tuple(
        f"import {number} repeated {known} row(s) known before, which were not kept twice: import its table again if it"
        " is to count"
        for number, known in later.filter(of_markets).select("number", "known").iter_rows()
    )


def totals_kept(rows: pl.DataFrame, counted: pl.DataFrame, /) -> tuple[str, ...]:
    """A warning for each market whose size goes on counting a provider whose shares go now.

    A share is a part of the whole that its table gave: without one of them the others stay what they are.

    Args:
        rows: What was chosen, as `choose_rows` returns it.
        counted: The imported rows among which it was chosen.
    """
    gone = rows.filter(pl.col("kind") == "shares")
    providers = gone.filter(pl.col("providers") != "TOTAL")
    kept = counted.filter(pl.col("kind") == "shares").join(gone, on=["import_number", "line"], how="anti")
    quarter = ["market", "house", "period"]
    totals = kept.filter(pl.col("providers") == "TOTAL").join(providers, on=quarter, how="semi")
    totals = totals.join(kept.filter(pl.col("providers") != "TOTAL"), on=quarter, how="semi")
    return tuple(
        f"the totals of {market} in {count} quarter(s), from {first} on, still count what is withdrawn: the others "
        f"keep their shares, and what is missing is counted in Others; where it never belonged to the market, "
        "import the table without it with --replace"
        for market, first, count in totals.group_by("market")
        .agg(pl.col("period").min(), pl.col("period").n_unique().alias("quarters"))
        .sort("market")
        .iter_rows()
    )


def digest_of(query: WithdrawQuery, /) -> str:
    """SHA-256 of what is to be withdrawn."""
    asked = (query.import_id, query.market, query.house, query.provider, query.period, query.kind)
    return hashlib.sha256(f"withdrawal\x1f{asked!r}".encode(errors="surrogatepass")).hexdigest()


def _of_import(rows: pl.DataFrame, number: int, entries: pl.DataFrame) -> pl.DataFrame:
    entry = entries.filter(pl.col("number") == number)
    if entry.is_empty():
        numbers = entries.filter(pl.col("kind") != "withdrawal")["number"]
        raise NotFound("import", str(number), tuple(map(str, numbers)))
    if entry["kind"][0] == "withdrawal":
        allowed = "an import; this is a withdrawal, and what it ended can be imported again"
        raise InvalidArgument("import_id", number, allowed)
    found = rows.filter(pl.col("import_number") == number)
    if found.is_empty():
        why = "of this one all are withdrawn or replaced" if entry["added"][0] else "this one brought nothing new"
        raise InvalidArgument("import_id", number, f"an import with rows that still count; {why}")
    return found


def _fitting(rows: pl.DataFrame, field: str, asked: str, market: str = "") -> pl.DataFrame:
    of_market = rows.filter(pl.col("market") == market) if market else rows
    if field == "provider":
        return of_market.filter(pl.col("providers").str.split("|").list.contains(asked))
    return of_market.filter(pl.col(field) == asked)


def _names(rows: pl.DataFrame, field: str) -> list[str]:
    names = rows["providers"].str.split("|").explode() if field == "provider" else rows[field]
    return names.unique().sort().to_list()


def _there_are(rows: pl.DataFrame, field: str) -> str:
    names = _names(rows, field)
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"a {field} of imported rows, {', '.join(names[:10]) + more if names else 'of which there are none'}"


def _kinds(rows: pl.DataFrame) -> str:
    return " or ".join(rows["kind"].unique().sort()) or "no kind"
