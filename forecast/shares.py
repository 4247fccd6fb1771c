"""A table of shares or amounts as its owner has it, made fit for a forecast: checked, told, and never silently changed.

Spellings of one name become one provider, the residual part is `Others`, rows that are sums of others are recognised
by their numbers, per cents written as numbers become fractions, and amounts are divided by their quarter's total. Each
of these is said in a note. What allows two readings, or breaks a rule of `forecast.schema`, refuses its market alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from forecast.amounts import Totals, divided
from forecast.errors import InvalidTable, RowViolation, violation_texts
from forecast.names import is_plainest, is_residual, name_key, plain_name, shown_name, stem_of, unmarked
from forecast.printed import STATED_SHIFTS
from forecast.schema import (
    DATED_SHARES_COLUMNS,
    DEFAULT_MARKET,
    SHARES_COLUMNS,
    Rule,
    amount_rules,
    broken_rows,
    first_violations,
    given_measure,
    published_day,
    shares_rules,
    typed_columns,
)
from forecast.sums import TOTALS_SCHEMA, without_sums

NOTES_SCHEMA = dict.fromkeys(("market", "note"), pl.String)
REFUSED_SCHEMA = dict.fromkeys(("market", "code", "message"), pl.String)
PRINTED_DECIMALS = 3  # of a percentage; a share that takes more was computed, not printed
_LISTED = 100  # violations that an error carries; its `total` counts them all
_SHOWN = 5  # violations that a refused market shows
_TOLD_WHOLE = 50  # refused markets whose violations are all looked at, so that a fault of many rows is one sentence
_NAMES_SHOWN = 6  # in one note
_LEAST_MERGED = 0.02  # share of a provider whose end is looked for in what another gains
_MERGED_NEAR = 0.25  # of it, by how much the gain may differ
_PERCENT_FROM = 10.0  # sum of the usual quarter above which a market is in per cent
_FRACTIONS_TO = 1.5  # sum of a quarter up to which its shares may be fractions
_CELL = ("market", "period", "provider")

# What nearly every name looks like, so that only the others are looked at one by one.
_PLAIN = r"^[0-9A-Za-z](?:[0-9A-Za-z.'&-]| [0-9A-Za-z.'&-])*$"
_SUSPECT = (
    r"(?i)\b(others?|rest|remain|residual|total|sum|gesamt|top|all|sonst|ander|autre|market|resto|otro|outro|altr)"
)


@dataclass(frozen=True, slots=True, eq=False)
class SharesTable:
    """A table of shares that was made fit."""

    shares: pl.DataFrame
    """Columns market, period, provider, share, decimals, in the order given; where dated also published_at, stated (the
    share as its owner has it), qualifier, and decimals_given (whether the table says them)."""
    notes: pl.DataFrame  # market ("": of the whole table), note: what was assumed or passed over, in words
    refused: pl.DataFrame  # market, code, message: markets that broke a rule, which `shares` does not hold
    totals: Totals  # of the markets given as amounts
    table: str = "shares"  # what was read, for errors
    violations: tuple[RowViolation, ...] = ()  # the first hundred, in row order
    broken: int = 0  # violations in all

    @classmethod
    def checked(cls, shares: pl.DataFrame, table: str = "shares") -> "SharesTable":
        """A table that holds what `read_shares` returned before."""
        notes, refused = pl.DataFrame(schema=NOTES_SCHEMA), pl.DataFrame(schema=REFUSED_SCHEMA)
        return cls(shares, notes, refused, pl.DataFrame(schema=TOTALS_SCHEMA), table)

    def notes_of(self, market: str, /) -> tuple[str, ...]:
        """The notes of one market, and of the table as a whole."""
        return tuple(self.notes.filter(pl.col("market").is_in(["", market]))["note"])


def read_shares(
    frame: pl.DataFrame,
    /,
    *,
    table: str = "shares",
    first_row: int = 1,
    dated: bool = False,
    notes: Sequence[tuple[str, str]] = (),
    faults: Sequence[tuple[str, RowViolation]] = (),
) -> SharesTable:
    """Make a table of shares fit; markets that cannot be are refused, each by itself.

    Args:
        frame: Columns `period` ("2020Q3"), `provider` and either `share` (a fraction, or a per cent in a whole market;
            null where not reported, which is never zero) or `value` (an amount of 0 or more in any unit); `market`
            where there are several markets, else every row belongs to the market "market"; optionally `decimals` of
            the percentage as published, `qualifier` (exact, about, more_than or less_than) and `row`, the number by
            which messages name a row. Rows without any cell are passed over.
        table: What was read, for errors.
        first_row: Number of the frame's first row, where it has no column `row`.
        dated: Whether there may be a column `published_at`, the day on which a share was published (a date, or text
            such as 2020-06-18); a cell then has a row for each day on which it was restated.
        notes: What was assumed already, by market.
        faults: What was found unfit already, by market.

    Returns:
        Shares as fractions with the `decimals` of the percentage: those given, else the fewest that print every share
        of the market, null where that takes more than three. Shares of a bound ("more than 40 %") are the middle of
        what it stands for.

    Raises:
        InvalidTable: the table as a whole is unfit: a column is unknown, missing or of the wrong type, or no row.
    """
    measure, unfit = given_measure(frame)
    columns = DATED_SHARES_COLUMNS if dated else SHARES_COLUMNS
    if dated and frame.schema.get("published_at") == pl.Datetime:
        frame = frame.with_columns(pl.col("published_at").dt.date())
    typed = typed_columns(frame.drop("row", strict=False), columns, table, unfit)
    numbers = frame["row"] if "row" in frame.columns else pl.int_range(first_row, first_row + typed.height, eager=True)
    typed = typed.with_columns(numbers.cast(pl.Int64).alias("row"))
    if "market" not in frame.columns:
        typed = typed.with_columns(market=pl.lit(DEFAULT_MARKET))
    typed = typed.drop("value" if measure == "share" else "share")
    notes = list(notes)
    typed = typed.with_columns(decimals_given=pl.col("decimals").is_not_null())
    typed = _without_empty_rows(typed, measure, table)
    typed = _one_spelling(typed, measure, notes, dated=dated)
    rules = shares_rules(dated=dated) if measure == "share" else amount_rules(dated=dated)
    if measure == "share":
        typed, unclear = _as_fractions(typed, notes, dated=dated)
        typed, misfits, totals = without_sums(_with_decimals(typed), measure, notes, dated=dated)
    else:
        unclear = []
        typed, misfits, totals = without_sums(typed, measure, notes, dated=dated)
    # A sheet's cell that holds no quarter or no vendor is among its faults, and told there.
    unsaid = pl.col("period").is_null() | (pl.col("provider").fill_null("") == "")
    told = unsaid & pl.col("market").is_in([market for market, _ in faults])
    typed = typed.filter(~told) if faults else typed
    broken = broken_rows(typed, rules)
    violations, refused, count = _refused(typed, rules, broken, [*faults, *unclear, *misfits])
    if refused.height:
        typed = typed.filter(~pl.col("market").fill_null("").is_in(refused["market"].implode()))
    if measure == "value":
        typed, totals = divided(typed, totals, notes, dated=dated)
        typed = typed.with_columns(stated=pl.col("share"))
    else:
        typed = typed.with_columns(_expected(), stated=pl.col("share"))
        notes += _overruled(typed, dated=dated)
    notes += _successions(typed)
    return SharesTable(
        shares=_result(typed, dated=dated),
        notes=pl.DataFrame(notes, schema=NOTES_SCHEMA, orient="row").unique(maintain_order=True),
        refused=refused,
        totals=totals,
        table=table,
        violations=violations,
        broken=count,
    )


def by_market(shares: pl.DataFrame, /) -> pl.DataFrame:
    """The rows of each market together, markets in the order of their first rows."""
    first = pl.col("place").min().over("market")
    return shares.with_row_index("place").sort(first, maintain_order=True).drop("place")


def check_shares(frame: pl.DataFrame, *, table: str = "shares") -> pl.DataFrame:
    """The shares of `read_shares`, where every market is fit.

    Raises:
        InvalidTable: a row of any market breaks a rule; up to 100 violations in row order, and how many there are.

    >>> amounts = pl.DataFrame({"period": ["2020Q3"] * 2, "provider": ["A", "B"], "value": [3, 1]})
    >>> check_shares(amounts)["share"].to_list()
    [0.75, 0.25]
    """
    return sound_shares(frame, table=table).shares


def sound_shares(frame: pl.DataFrame, /, *, table: str = "shares", dated: bool = False) -> SharesTable:
    """`read_shares`, where every market must be fit.

    Raises:
        InvalidTable: as `check_shares`.
    """
    read = read_shares(frame, table=table, dated=dated)
    if read.broken:
        raise InvalidTable(table, read.violations, read.broken)
    return read


def _without_empty_rows(typed: pl.DataFrame, measure: str, table: str) -> pl.DataFrame:
    told = [pl.col(name).fill_null("").str.contains(r"\S") for name in ("period", "provider")]
    filled = typed.filter(pl.any_horizontal(*told, pl.col(measure).is_not_null()))
    if filled.is_empty():
        raise InvalidTable(table, (RowViolation("has_rows", 0, measure, "no row is filled", "at least one row"),))
    return filled


def _one_spelling(typed: pl.DataFrame, measure: str, notes: list[tuple[str, str]], *, dated: bool) -> pl.DataFrame:
    """Names that differ only in what people do not see as one name, with a note of what was read as what."""
    markets = typed["market"].unique(maintain_order=True).drop_nulls()
    if not _all_plain(markets):
        # Of a market no mark is taken away but stars: EU (1) and EU (2) are two.
        shown: dict[str, str] = {}
        for name in sorted(map(plain_name, markets), key=is_plainest, reverse=True):
            shown.setdefault(name_key(name), name)
        renamed = [(name, shown[name_key(name)]) for name in markets]
        typed = typed.with_columns(pl.col("market").replace(dict(renamed)))
        notes += [(to, f"market {name!r} read as {to!r}") for name, to in renamed if name != to]
    names = typed["provider"].unique(maintain_order=True).drop_nulls()
    if _all_plain(names):
        return typed
    bare = _unmarked(typed, names, measure, notes, dated=dated)
    spellings = [(name, shown_name(bare.get(name, name))) for name in names]
    table = pl.DataFrame(
        [(name, name_key(shown), shown, is_plainest(shown)) for name, shown in spellings],
        schema={"provider": pl.String, "key": pl.String, "shown": pl.String, "plainest": pl.Boolean},
        orient="row",
    )
    spelt = (
        typed.select("market", "provider")
        .join(table, on="provider", how="inner")
        .group_by("market", "key", "shown", "plainest", "provider", maintain_order=True)
        .len()
    )
    # The spelling of plain letters and digits that most rows have; of several the one that comes first.
    kept = (
        spelt.group_by("market", "key", "shown", "plainest", maintain_order=True)
        .agg(pl.col("len").sum())
        .sort("plainest", "len", descending=True, maintain_order=True)
        .unique(["market", "key"], keep="first", maintain_order=True)
        .select("market", "key", to="shown")
    )
    changed = spelt.join(kept, on=["market", "key"], maintain_order="left").filter(pl.col("provider") != pl.col("to"))
    if changed.is_empty():
        return typed
    for (market, to), rows in changed.group_by("market", "to", maintain_order=True):
        seen = rows["provider"].to_list()
        more = f" and {len(seen) - _NAMES_SHOWN} more" if len(seen) > _NAMES_SHOWN else ""
        notes.append((str(market), f"{', '.join(map(repr, seen[:_NAMES_SHOWN]))}{more} read as {to!r}"))
    found = typed.join(
        changed.select("market", "provider", "to"), on=["market", "provider"], how="left", maintain_order="left"
    ).with_columns(provider=pl.coalesce("to", "provider"))
    cell = [*_CELL, "published_at"] if dated else list(_CELL)
    # An empty cell beside a filled one of the same provider says nothing.
    empty_twin = pl.col(measure).is_null() & pl.col("to").is_not_null().any().over(cell) & (pl.len().over(cell) > 1)
    return found.filter(~(empty_twin & pl.col(measure).is_not_null().any().over(cell))).drop("to")


def _unmarked(
    typed: pl.DataFrame, names: pl.Series, measure: str, notes: list[tuple[str, str]], *, dated: bool
) -> dict[str, str]:
    """Names without a footnote's mark where that makes them no other provider's; what is kept so is told."""
    bare = unmarked(names)
    cell = ["market", "period", *(["published_at"] if dated else [])]
    filled = typed.filter(pl.col(measure).is_not_null())
    for name, stem in list(bare.items()):
        twins = [n for n in names if n != name and name_key(bare.get(n, n)) == name_key(stem)]
        mine, theirs = (filled.filter(pl.col("provider").is_in(some)) for some in ([name], twins))
        if mine.join(theirs, on=cell, how="semi", nulls_equal=True).height:
            del bare[name]  # both stand in one quarter
    marked = [name for name in names if name_key(stem_of(name)) != name_key(name) and not is_residual(name)]
    kept = [name for name in marked if name not in bare]
    for (market,), rows in typed.filter(pl.col("provider").is_in(kept)).group_by("market", maintain_order=True):
        seen = rows["provider"].unique(maintain_order=True).to_list()
        listed = ", ".join(map(repr, seen[:_NAMES_SHOWN]))
        notes.append((str(market), f"{listed} kept with their marks, by which they differ from other names"))
    return bare


def _all_plain(names: pl.Series) -> bool:
    """Whether no name can be another spelling of one among them, or stand for a part of another kind."""
    looks = names.str.contains(_PLAIN) & ~names.str.contains(_SUSPECT)
    exact = names == "Others"
    return bool((looks | exact).all()) and names.str.to_lowercase().n_unique() == len(names)


def _as_fractions(
    typed: pl.DataFrame, notes: list[tuple[str, str]], *, dated: bool
) -> tuple[pl.DataFrame, list[tuple[str, RowViolation]]]:
    """Shares of markets in per cent as fractions; and rows that fit neither."""
    highest = typed["share"].max()
    if not isinstance(highest, float) or not highest > 1.0:
        return typed, []
    quarter = ["market", "period", "published_at"] if dated else ["market", "period"]
    sums = (
        typed.filter(pl.col("share").is_finite())
        .group_by(quarter, maintain_order=True)
        .agg(pl.col("share").sum().alias("sum"), pl.col("share").max().alias("highest"), pl.col("row").min())
    )
    usual = (
        sums.filter(pl.col("sum") > 0)
        .group_by("market", maintain_order=True)
        .agg(pl.col("sum").median().alias("usual"), pl.col("highest").max())
    )
    percent = usual.filter((pl.col("usual") > _PERCENT_FROM) & (pl.col("highest") <= 100.0))["market"]
    if percent.is_empty():
        return typed, []
    mine = sums.filter(pl.col("market").is_in(percent.implode()))
    unclear = [
        (
            market,
            RowViolation(
                "one_unit",
                row,
                "share",
                f"a quarter, {period}, that sums to {total:.4g}",
                f"per cents throughout, as the other quarters of {market} are, or fractions throughout",
            ),
        )
        for market, period, total, row in mine.filter(pl.col("sum").is_between(0.0, _FRACTIONS_TO, closed="right"))
        .select("market", "period", "sum", "row")
        .iter_rows()
    ]
    notes += [
        (market, f"read as per cent: the shares of the usual quarter sum to {usual_sum:.4g}")
        for market, usual_sum in usual.filter(pl.col("market").is_in(percent.implode()))
        .select("market", "usual")
        .iter_rows()
    ]
    scaled = pl.when(pl.col("market").is_in(percent.implode())).then(pl.col("share") / 100.0).otherwise("share")
    return typed.with_columns(share=scaled), unclear


def _with_decimals(typed: pl.DataFrame) -> pl.DataFrame:
    """`decimals` of every share: those given, else the fewest that print all of its market, null beyond three."""
    if typed["decimals"].null_count() == 0:
        return typed
    hundred = pl.col("share") * 100.0
    found = pl.lit(PRINTED_DECIMALS + 1)
    for decimals in range(PRINTED_DECIMALS, -1, -1):
        is_printed = (hundred - hundred.round(decimals)).abs() < 1e-9
        found = pl.when(is_printed).then(pl.lit(decimals)).otherwise(found)
    most = pl.when(pl.col("share").is_not_null()).then(found).max().over("market").cast(pl.Float64)
    fewest = pl.when(most <= PRINTED_DECIMALS).then(most)
    return typed.with_columns(decimals=pl.coalesce("decimals", fewest))


def _expected() -> pl.Expr:
    """A share, or the middle of what a bound of it stands for."""
    unit = 10.0 ** (-2.0 - pl.col("decimals").fill_null(PRINTED_DECIMALS))
    shift = pl.col("qualifier").replace_strict(STATED_SHIFTS, default=0.0, return_dtype=pl.Float64)
    return (pl.col("share") + shift * unit).clip(0.0, 1.0).alias("share")


def _refused(
    typed: pl.DataFrame,
    rules: tuple[Rule, ...],
    broken: pl.DataFrame | None,
    misfits: Sequence[tuple[str, RowViolation]],
) -> tuple[tuple[RowViolation, ...], pl.DataFrame, int]:
    """The first violations, the markets refused with theirs, and how many violations there are."""
    found: dict[str, list[RowViolation]] = {}
    counts: dict[str, int] = {}
    for market, violation in misfits:
        found.setdefault(market, []).append(violation)
        counts[market] = counts.get(market, 0) + 1
    if broken is not None:
        market_of = typed["market"].fill_null("")
        per_market = (
            broken.with_columns(market=market_of.gather(broken["row"]))
            .with_columns(place=pl.int_range(pl.len()).over("market"), total=pl.len().over("market"))
            .filter(pl.col("place") < _LISTED)
        )
        for market, total in per_market.select("market", "total").unique(maintain_order=True).iter_rows():
            counts[market] = counts.get(market, 0) + total
        few = per_market["market"].n_unique() <= _TOLD_WHOLE
        shown = per_market if few else per_market.filter(pl.col("place") < _SHOWN)
        for market, violation in zip(shown["market"], first_violations(typed, rules, shown), strict=True):
            found.setdefault(market, []).append(violation)
    rows = []
    for market, violations in found.items():
        texts, told = violation_texts(violations, most=_SHOWN)
        more = f" and {counts[market] - told} more" if counts[market] > told else ""
        rows.append((market, "invalid_shares", "; ".join(texts) + more))
    every = sorted((v for violations in found.values() for v in violations), key=lambda v: v.row)
    refused = pl.DataFrame(rows, schema=REFUSED_SCHEMA, orient="row")
    return tuple(every[:_LISTED]), refused, sum(counts.values())


def _overruled(typed: pl.DataFrame, *, dated: bool) -> list[tuple[str, str]]:
    """Notes of a residual part that is stated in a quarter where every share is, and these do not sum to 1."""
    with_others = typed.filter((pl.col("provider") == "Others") & pl.col("share").is_not_null())["market"].unique()
    if with_others.is_empty():
        return []
    mine = typed.filter(pl.col("market").is_in(with_others.implode()))
    mine = mine.with_columns(width=pl.col("provider").n_unique().over("market"))
    half = (0.5 * 10.0 ** (-2.0 - pl.col("decimals").fill_null(PRINTED_DECIMALS))).sum()
    sums = (
        mine.group_by(["market", "period", *(["published_at"] if dated else [])], maintain_order=True)
        .agg(
            sum=pl.col("share").sum(),
            others=pl.col("share").filter(pl.col("provider") == "Others").first(),
            whole=(pl.col("share").count() == pl.col("width").first()) & (pl.col("share").sum() > 0.0),
            room=half + 1e-9,
        )
        .filter(pl.col("whole") & pl.col("others").is_not_null() & (1.0 - pl.col("sum") > pl.col("room")))
    )
    found = []
    for (market,), rows in sums.group_by("market", maintain_order=True):
        first = rows.row(0, named=True)
        more = f" and {rows.height - 1} more" if rows.height > 1 else ""
        told, left = 100.0 * first["others"], 100.0 * (1.0 - first["sum"] + first["others"])
        when = f"in {first['period']}{more}"
        found.append(
            (str(market), f"Others is given as {told:.4g} % {when}, where the other shares leave {left:.4g} %")
        )
    return found


def _successions(typed: pl.DataFrame) -> list[tuple[str, str]]:
    """Warnings of providers that end where another begins with a share as large: one may be the other's new name."""
    known = typed.filter(pl.col("share") > 0.0)
    spans = known.group_by("market", "provider", maintain_order=True).agg(
        first=pl.col("period").min(),
        last=pl.col("period").max(),
        began=pl.col("share").sort_by("period").first(),
        ended=pl.col("share").sort_by("period").last(),
    )
    market_spans = spans.group_by("market").agg(opens=pl.col("first").min(), closes=pl.col("last").max())
    inside = spans.join(market_spans, on="market", maintain_order="left").filter(pl.col("provider") != "Others")
    old = inside.filter(pl.col("last") < pl.col("closes")).with_columns(next=_next_quarter("last"))
    new = inside.filter(pl.col("first") > pl.col("opens"))
    if old.is_empty():
        return []
    pairs = old.join(
        new, left_on=["market", "next"], right_on=["market", "first"], suffix="_new", maintain_order="left"
    )
    found = []
    renamed: set[tuple[str, str]] = set()
    for market, name, last, ended, name_new, began in pairs.select(
        "market", "provider", "last", "ended", "provider_new", "began_new"
    ).iter_rows():
        if abs(began - ended) <= max(0.3 * max(began, ended), 0.01):
            renamed.add((market, name))
            found.append(
                (
                    market,
                    f"{name} ends in {last} and {name_new} begins in the next quarter with a share as large: if that "
                    f"is its new name, declare it (--renamed '{name}={name_new}'); until then they count as two",
                )
            )
    return found + _mergers(known, old.filter(pl.col("ended") >= _LEAST_MERGED), renamed)


def _mergers(known: pl.DataFrame, old: pl.DataFrame, renamed: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Warnings of providers that end where another gains what they had: they may be part of it from then on.

    Args:
        known: Shares above zero.
        old: Providers that end before their market does; columns market, provider, last, next, ended.
        renamed: Market and name of those that may be called otherwise.
    """
    at = ["market", "last", "next"]
    quarters = pl.concat([old.select("market", period=column) for column in ("last", "next")]).unique()
    cells = (
        known.filter(pl.col("provider") != "Others")
        .join(quarters, on=["market", "period"], how="semi", maintain_order="left")
        .select("market", "period", "provider", "share")
    )
    heirs_of = old.select(at).unique().join(cells, left_on=["market", "next"], right_on=["market", "period"])
    gains = heirs_of.join(
        cells, left_on=["market", "last", "provider"], right_on=["market", "period", "provider"], how="left"
    ).select(*at, gain=pl.col("share") - pl.col("share_right").fill_null(0.0))
    ended = pl.concat([old.select(*at, "ended"), old.group_by(at).agg(pl.col("ended").sum())])
    near = (pl.col("gain") - pl.col("ended")).abs() <= pl.max_horizontal(_MERGED_NEAR * pl.col("ended"), 0.01)
    old = old.join(gains.join(ended, on=at).filter(near), on=at, how="semi", maintain_order="left")
    if old.is_empty():
        return []
    cells = cells.filter(pl.col("market").is_in(old["market"].unique().implode()))
    shares: dict[tuple[str, str], dict[str, float]] = {}  # by market and quarter
    for market, period, name, share in cells.iter_rows():
        shares.setdefault((market, period), {})[name] = share
    found = []
    for (market, last, after), rows in old.group_by("market", "last", "next", maintain_order=True):
        gone = dict(zip(rows["provider"], rows["ended"], strict=True))
        before = shares[market, last]
        later = shares.get((market, after), {})
        gained = {name: now - before.get(name, 0.0) for name, now in later.items() if name in before or len(gone) > 1}
        groups = [tuple(gone), *((name,) for name in gone if len(gone) > 1)]
        for group in groups:
            total = sum(gone[name] for name in group)
            heirs = [n for n, more in gained.items() if abs(more - total) <= max(_MERGED_NEAR * total, 0.01)]
            if len(heirs) != 1 or any((market, name) in renamed for name in group):
                continue
            change = " ".join(f"--merged '{name}={heirs[0]}@{after}'" for name in group)
            what = f"{' and '.join(group)} end{'s' if len(group) == 1 else ''} in {last}"
            found.append(
                (
                    str(market),
                    f"{what} and {heirs[0]} gains as much in the next quarter: if that is a merger, declare it "
                    f"({change}); until then they count apart",
                )
            )
            break
    return found


def _next_quarter(column: str) -> pl.Expr:
    year = pl.col(column).str.head(4).cast(pl.Int32)
    quarter = pl.col(column).str.tail(1).cast(pl.Int32)
    return pl.format("{}Q{}", year + (quarter == 4).cast(pl.Int32), quarter % 4 + 1)


def _result(typed: pl.DataFrame, *, dated: bool) -> pl.DataFrame:
    decimals = pl.col("decimals").cast(pl.Int64)
    plain = ("market", "period", "provider", "share", decimals)
    if not dated:
        return typed.select(*plain)
    day = published_day("published_at").alias("published_at")
    return typed.select(*plain, day, "stated", "qualifier", "decimals_given")
