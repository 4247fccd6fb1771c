"""Columns, types and named rules of the tables that come from outside; failure is data.

A table is checked once, at the edge, and trusted after. A rule is a named boolean Polars expression that is true where
a row is fit; a null result counts as broken, so a null passes only where a rule says so. All rules of a table run in
one pass over the columns; rows are looked at one by one only when a rule has failed.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from forecast.errors import InvalidTable, RowViolation
from forecast.quarter import FIRST_YEAR, LAST_YEAR

MAX_DECIMALS = 6  # of a percentage; nobody prints more
MAX_GROWTH = 10.0  # a fraction: no house has told of a market or a provider that grew elevenfold in a year
MAX_AMOUNT = 1e100  # so that a quarter's total stays finite
DEFAULT_MARKET = "market"  # name of the one market of a shares table that has no column `market`
_LISTED = 100  # violations that an error carries; its `total` counts them all

SHARE_MEASURE = "share"
MEASURE_UNITS = {
    "share": "fraction",
    "yoy_growth": "fraction",
    "spend_usd_bn": "USD bn",
    "units_mn": "million units",
    "amount": "amount",  # in a unit of its owner
}
_FORMS = "inc|incorporated|ltd|limited|llc|lp|plc|corp|corporation|co|company|gmbh|ag|se|sa|nv|bv|ab|oy|spa|kk|pte|pty"
QUALIFIERS = ("exact", "about", "more_than", "less_than")

QUARTER_TEXT = r"^(19[0-9]{2}|2[01][0-9]{2}|2200)Q[1-4]$"
_PERIOD_TEXT = r"^(19[0-9]{2}|2[01][0-9]{2}|2200)(Q[1-4])?$"
_LONGEST_NAME = 200  # characters; a longer one is a text in the wrong column
_NAME_TEXT = r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{1,200}$"  # no control of a terminal, none of direction
_SUM_NAMES = r"^(TOTAL|TOP[0-9]+)$"  # what stands for several providers in a table of figures
_REMARK = r"( \(.*\))?$"
PUBLISHED_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + _REMARK
PUBLISHED_MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])(/(0[1-9]|1[0-2]))?" + _REMARK
PUBLISHED_YEAR = r"^(19|2[01])[0-9]{2}" + _REMARK
PUBLISHED_EITHER = r"^'?([0-9]{1,2})[ ./]([0-9]{1,2})[ ./]((?:19|2[01])[0-9]{2})'?(?: as printed)?$"
"""A day and a month in either order, as pages print them: '9 11 2022'."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a table may or must hold."""

    name: str
    kind: Literal["text", "number"]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One named promise about every row of a table."""

    name: str
    column: str  # the column an error names
    passes: pl.Expr  # boolean, one per row; null counts as broken
    allowed: str  # what would have been accepted, as a phrase
    value: pl.Expr | None = None  # text of what was found, where it is not the cell itself
    hint: pl.Expr | None = None  # text of what was probably meant; null where nobody knows
    surely: pl.Expr | None = None  # one boolean, cheaper than `passes`: true only where every row passes


SHARES_COLUMNS = (
    Column("market", "text", required=False),
    Column("period", "text"),
    Column("provider", "text"),
    Column("share", "number", required=False),
    Column("value", "number", required=False),
    Column("decimals", "number", required=False),
    Column("qualifier", "text", required=False),
)

DATED_SHARES_COLUMNS = (*SHARES_COLUMNS, Column("published_at", "text", required=False))  # of a table that is kept

FIGURES_COLUMNS = (
    Column("market", "text"),
    Column("research_house", "text"),
    Column("period", "text"),
    Column("providers", "text"),
    Column("measure", "text"),
    Column("unit", "text", required=False),
    Column("value", "number"),
    Column("qualifier", "text"),
    Column("decimals", "number"),
    Column("stated_as", "text", required=False),
    Column("publisher", "text", required=False),
    Column("published", "text", required=False),
    Column("source_title", "text", required=False),
    Column("source_url", "text", required=False),
    Column("note", "text", required=False),
)


def _not_blank(column: str) -> pl.Expr:
    return pl.col(column).str.contains(r"\S")


def _each_matches(column: str, pattern: str) -> pl.Expr:
    """Whether every text of a column matches: names repeat, so that the distinct ones are far fewer than the rows."""
    return pl.col(column).unique().str.contains(pattern).fill_null(value=False).all()


def _key(columns: Sequence[str]) -> pl.Expr:
    """A 64-bit number per row, the same for the same cells; other cells have the same number almost never."""
    numbers = (pl.col(column).hash(seed) * (2 * seed + 1) for seed, column in enumerate(columns, start=1))
    return pl.sum_horizontal(numbers)


def _plain_name(column: str) -> Rule:
    return Rule(
        f"{column}_is_plain",
        column,
        pl.col(column).str.contains(_NAME_TEXT) | ~_not_blank(column).fill_null(value=False),  # that has its own rule
        f"a name of {_LONGEST_NAME} characters at most, on one line",
        surely=_each_matches(column, _NAME_TEXT),
    )


def _no_nul(column: str) -> Rule:
    # PostgreSQL keeps every character but this one
    return Rule(
        f"{column}_without_nul",
        column,
        pl.col(column).is_null() | ~pl.col(column).str.contains("\0", literal=True),
        "text without the character NUL",
    )


def _unit_interval(column: str) -> pl.Expr:
    # NaN is above every number in Polars, so the upper bound refuses it too
    return pl.col(column).is_between(0.0, 1.0)


def _whole(column: str, highest: int) -> pl.Expr:
    return pl.col(column).is_between(0, highest) & (pl.col(column) == pl.col(column).round())


_QUARTER_RULE = Rule(
    "period_is_quarter",
    "period",
    pl.col("period").str.contains(QUARTER_TEXT),
    f"a quarter such as 2020Q3, years {FIRST_YEAR} to {LAST_YEAR}",
    surely=_each_matches("period", QUARTER_TEXT),
)
_QUALIFIER_RULE = Rule(
    "qualifier_known",
    "qualifier",
    pl.col("qualifier").is_null() | pl.col("qualifier").is_in(list(QUALIFIERS)),
    f"one of {', '.join(QUALIFIERS)}, or null",
)
_CELL = ("market", "period", "provider")
_DECIMALS_ALLOWED = f"a whole number of 0 to {MAX_DECIMALS}"


def _key_rules(cell: Sequence[str]) -> tuple[Rule, ...]:
    place = pl.format("{} of {} in {}, given before,", *(pl.col(c).fill_null("null") for c in reversed(_CELL)))
    return (
        Rule("market_not_blank", "market", _not_blank("market"), "a name", surely=_each_matches("market", r"\S")),
        _QUARTER_RULE,
        Rule(
            "provider_not_blank", "provider", _not_blank("provider"), "a name", surely=_each_matches("provider", r"\S")
        ),
        Rule(
            "cell_once",
            "provider",
            pl.struct(cell).is_first_distinct(),
            f"one row per {', '.join(cell[:-1])} and {cell[-1]}",
            value=place,
            surely=_key(cell).n_unique() == pl.len(),
        ),
        Rule(
            "decimals_in_range",
            "decimals",
            pl.col("decimals").is_null() | _whole("decimals", MAX_DECIMALS),
            f"{_DECIMALS_ALLOWED}, or null",
        ),
        _plain_name("market"),
        _plain_name("provider"),
        Rule(
            "provider_is_one",
            "provider",
            # a null has a rule of its own
            (~pl.col("provider").str.contains(rf"\||{_SUM_NAMES}")).fill_null(value=True),
            "the name of one provider, or Others; what several had together goes into a table of figures",
            surely=(~pl.col("provider").unique().str.contains(rf"\||{_SUM_NAMES}")).fill_null(value=False).all(),
        ),
    )


_HALF_OF_UNSAID = 5e-6  # half a unit of a share whose printed precision is not known, fraction
_fit_shares = pl.col("share").filter(_unit_interval("share"))
# A share above zero may be printed half a unit too high: so much more than 1 may the shares of a quarter sum to.
_rounding = (
    pl.when(_unit_interval("share") & (pl.col("share") > 0.0))
    .then((0.5 * 10.0 ** (-2.0 - pl.col("decimals"))).fill_null(_HALF_OF_UNSAID))
    .otherwise(0.0)
)


def _shares_rules(quarter: Sequence[str], cell: Sequence[str]) -> tuple[Rule, ...]:
    """Rules of a table whose quarters are told by some columns, and its cells by others."""
    quarter_sum = _fit_shares.sum().over(quarter)
    most = 1.0 + _rounding.sum().over(quarter) + 1e-9
    # Below zero nothing is counted, so that quarters that happened to have one number would only sum to more.
    at_least = (_fit_shares - _rounding.filter(_unit_interval("share"))).clip(lower_bound=0.0)
    return (
        *_key_rules(cell),
        Rule(
            "share_in_unit_interval",
            "share",
            pl.col("share").is_null() | _unit_interval("share"),
            "a fraction of 0 to 1, or null where not reported",
            hint=pl.when(pl.col("share").is_between(1.0, 100.0)).then(
                pl.format("did you mean {}?", (pl.col("share") / 100.0).round(8))
            ),
        ),
        Rule(
            "quarter_sums_to_one_at_most",
            "share",
            # one row tells of a quarter: its first; a cell given twice is told by its own rule
            (quarter_sum <= most)
            | ~pl.struct(quarter).is_first_distinct()
            | pl.struct(cell).is_duplicated().any().over(quarter),
            "shares of a quarter that sum to 1, and no more than their rounding above it",
            value=pl.format("sum {} of {} {}", quarter_sum.round(6), "market", "period"),
            surely=(at_least.sum().over(_key(quarter), mapping_strategy="explode") <= 1.0 + 1e-9).all(),
        ),
        _QUALIFIER_RULE,
    )


def _amount_rules(cell: Sequence[str]) -> tuple[Rule, ...]:
    return (
        *_key_rules(cell),
        Rule(
            "value_not_negative",
            "value",
            pl.col("value").is_null() | pl.col("value").is_between(0.0, MAX_AMOUNT),
            f"an amount of 0 to {MAX_AMOUNT:g}, or null where not reported",
        ),
    )


SHARES_RULES = _shares_rules(_CELL[:2], _CELL)
AMOUNT_RULES = _amount_rules(_CELL)


def _optional(column: str, passes: pl.Expr) -> pl.Expr:
    return pl.col(column).is_null() | passes


def period_end(column: str = "period") -> pl.Expr:
    """Last day of a quarter (2020Q3) or of a year (2020), as a date; null where the text is neither."""
    year = pl.col(column).str.slice(0, 4).cast(pl.Int32, strict=False)
    quarter = pl.col(column).str.slice(5, 1).cast(pl.Int32, strict=False).fill_null(4).clip(1, 4)
    return pl.when(pl.col(column).str.contains(_PERIOD_TEXT)).then(pl.date(year, 3 * quarter, 1).dt.month_end())


def published_day(column: str = "published") -> pl.Expr:
    """The date of a text such as 2020-06-18, with or without a remark; null for other texts."""
    text = pl.when(pl.col(column).str.contains(PUBLISHED_DAY)).then(pl.col(column).str.slice(0, 10))
    return text.str.to_date("%Y-%m-%d", strict=False)


def published_readings(column: str = "published") -> tuple[pl.Expr, pl.Expr]:
    """The dates of a text such as '9 11 2022' read day first and month first; null where it cannot be read so."""
    first, second, year = (pl.col(column).str.extract(PUBLISHED_EITHER, group).str.zfill(2) for group in (1, 2, 3))
    return (
        pl.concat_str(year, second, first, separator="-").str.to_date("%Y-%m-%d", strict=False),
        pl.concat_str(year, first, second, separator="-").str.to_date("%Y-%m-%d", strict=False),
    )


_provider_parts = pl.col("providers").str.split("|")

_dated = pl.when(pl.col("published_at").str.contains(PUBLISHED_DAY)).then(published_day("published_at"))
_DATED_CELL = (*_CELL, "published_at")
_DATED_QUARTER = (*_CELL[:2], "published_at")
_DATED_RULES = (
    Rule(
        "published_at_is_day",
        "published_at",
        _optional("published_at", _dated.is_not_null()),
        "a date such as 2020-06-18, or null",
    ),
    Rule(
        "published_after_period",
        "published_at",
        (_dated > period_end()).fill_null(value=True),  # no day given, or a cell that its own rule names
        "a date after the last day of the period it speaks of",
    ),
)
DATED_SHARES_RULES = (*_shares_rules(_DATED_QUARTER, _DATED_CELL), *_DATED_RULES)
DATED_AMOUNT_RULES = (*_amount_rules(_DATED_CELL), *_DATED_RULES)


def shares_rules(*, dated: bool) -> tuple[Rule, ...]:
    """The rules of a table of shares; of one that is to be kept where dated."""
    return DATED_SHARES_RULES if dated else SHARES_RULES


def amount_rules(*, dated: bool) -> tuple[Rule, ...]:
    """The rules of a table of amounts; of one that is to be kept where dated."""
    return DATED_AMOUNT_RULES if dated else AMOUNT_RULES


FIGURES_RULES = (
    Rule("market_not_blank", "market", _not_blank("market"), "a name"),
    Rule("research_house_not_blank", "research_house", _not_blank("research_house"), "a name"),
    Rule(
        "period_is_quarter_or_year",
        "period",
        pl.col("period").str.contains(_PERIOD_TEXT),
        f"a quarter such as 2020Q3 or a year such as 2020, years {FIRST_YEAR} to {LAST_YEAR}",
    ),
    Rule(
        "providers_not_blank",
        "providers",
        _provider_parts.list.eval(pl.element().str.contains(r"\S")).list.all(),
        "a name, or names joined by |",
    ),
    Rule(
        "providers_differ",
        "providers",
        _provider_parts.list.eval(pl.element().str.strip_chars().is_duplicated()).list.any().not_(),
        "each name once",
    ),
    Rule(
        "providers_by_bars",
        "providers",
        ~pl.col("providers").str.contains(r"(?i)\S[,;] +\S|\S \+ \S")
        | pl.col("providers").str.contains(rf"(?i)[,;] +({_FORMS})\.?(\||$)"),
        "one name, or names joined by |, such as AWS|Azure",
    ),
    Rule(
        "measure_known",
        "measure",
        pl.col("measure").is_in(list(MEASURE_UNITS)),
        f"one of {', '.join(MEASURE_UNITS)}",
    ),
    Rule(
        "unit_of_measure",
        "unit",
        _optional(
            "unit",
            pl.col("unit") == pl.col("measure").replace_strict(MEASURE_UNITS, default=None, return_dtype=pl.String),
        ),
        ", ".join(f"{unit} for {measure}" for measure, unit in MEASURE_UNITS.items()),
    ),
    Rule(
        "value_of_measure",
        "value",
        pl.when(pl.col("measure") == SHARE_MEASURE)
        .then(_unit_interval("value"))
        .when(pl.col("measure") == "yoy_growth")
        .then(pl.col("value").is_between(-1.0, MAX_GROWTH))
        .otherwise(pl.col("value").is_between(0.0, MAX_AMOUNT)),
        f"a fraction of 0 to 1 for share, -1 to {MAX_GROWTH:g} for yoy_growth (29 % is 0.29), an amount of 0 or more "
        "for the rest",
        hint=pl.when(
            ((pl.col("measure") == SHARE_MEASURE) & pl.col("value").is_between(1.0, 100.0))
            | ((pl.col("measure") == "yoy_growth") & pl.col("value").is_between(MAX_GROWTH, 100.0 * MAX_GROWTH))
        ).then(pl.format("did you mean {}?", pl.col("value") / 100.0)),
    ),
    Rule(
        "qualifier_known", "qualifier", pl.col("qualifier").is_in(list(QUALIFIERS)), f"one of {', '.join(QUALIFIERS)}"
    ),
    Rule("decimals_in_range", "decimals", _whole("decimals", MAX_DECIMALS), _DECIMALS_ALLOWED),
    Rule(
        "published_is_date",
        "published",
        _optional(
            "published",
            pl.col("published").str.contains(f"{PUBLISHED_MONTH}|{PUBLISHED_YEAR}")
            | published_day().is_not_null()
            | pl.coalesce(published_readings()).is_not_null(),
        ),
        "2020-06-18, 2020-06 or 2020, with a remark in brackets after it, or null",
    ),
    Rule(
        "published_after_period",
        "published",
        (published_day() > period_end()).fill_null(value=True),  # no day given, or a period that its own rule names
        "a date after the last day of the period it speaks of",
    ),
    Rule(
        "source_url_is_address",
        "source_url",
        _optional("source_url", pl.col("source_url").str.contains(r"^[a-z][a-z0-9+.-]*:\S+$")),
        "an address with its scheme, such as https://..., or null",
    ),
    _plain_name("market"),
    _plain_name("research_house"),
    *(_no_nul(name) for name in ("providers", "stated_as", "publisher", "source_title", "source_url", "note")),
)


def check_figures(frame: pl.DataFrame, *, table: str = "figures") -> pl.DataFrame:
    """Check a table of published statements, one row per statement by one page.

    Args:
        frame: The columns of `FIGURES_COLUMNS`; market, research_house, period (a quarter, or a year for a whole-year
            statement), providers (one name, several joined by |, TOTAL, Others, or TOP3 where the page does not say
            which), measure, value, qualifier and decimals (of the number as printed; of the percentage for fractions)
            must be there and filled.
        table: What was read, for the error.

    Returns:
        All 15 columns in the order of `FIGURES_COLUMNS`: text, `value` float, `decimals` integer; columns not given are
        null, `unit` follows from the measure.

    Raises:
        InvalidTable: a column is unknown, missing or of the wrong type, there is no row, or a row breaks a rule of
            `FIGURES_RULES`.
    """
    typed = typed_columns(frame, FIGURES_COLUMNS, table)
    _refuse(typed, FIGURES_RULES, table)
    return typed.with_columns(
        pl.col("measure").replace_strict(MEASURE_UNITS).alias("unit"),
        pl.col("decimals").cast(pl.Int64),
    )


def check_table(
    frame: pl.DataFrame, columns: tuple[Column, ...], rules: tuple[Rule, ...], *, table: str
) -> pl.DataFrame:
    """Check a table by columns and rules of its own.

    Returns:
        All `columns` in order, text as String and numbers as Float64; those not given are null.

    Raises:
        InvalidTable: a column is unknown, missing or of the wrong type, there is no row, or a row breaks a rule.
    """
    typed = typed_columns(frame, columns, table)
    _refuse(typed, rules, table)
    return typed


def given_measure(frame: pl.DataFrame) -> tuple[str, list[RowViolation]]:
    """Which of `share` and `value` a table has; or what is wrong."""
    given = [name for name in ("share", "value") if name in frame.columns]
    if len(given) == 1:
        return given[0], []
    found = "both share and value are" if given else "neither share nor value is"
    return "share", [_whole_table("share_or_value", "share", f"{found} there", "one of the two")]


def _whole_table(rule: str, column: str, value: str, allowed: str) -> RowViolation:
    return RowViolation(rule, 0, column, value, allowed)


def typed_columns(
    frame: pl.DataFrame, columns: tuple[Column, ...], table: str, found: Sequence[RowViolation] = ()
) -> pl.DataFrame:
    """All `columns` in order, as String or Float64; those not given are null.

    Raises:
        InvalidTable: a column is unknown, missing or of the wrong type, or there is no row; `found` besides.
    """
    names = [column.name for column in columns]
    faults = list(found)
    for name in frame.columns:
        if name not in names:
            close = difflib.get_close_matches(name.strip().lower(), names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            faults.append(_whole_table("known_columns", name, "unknown column", f"{', '.join(names)}{hint}"))
    if frame.is_empty():
        faults.append(_whole_table("has_rows", names[0], "0 rows", "at least one row"))
    expressions = []
    for column in columns:
        target = pl.String if column.kind == "text" else pl.Float64
        if column.name not in frame.columns:
            if column.required:
                faults.append(_whole_table("required_columns", column.name, "missing", "a column of that name"))
            expressions.append(pl.lit(None, dtype=target).alias(column.name))
        elif _has_kind(frame.schema[column.name], column.kind):
            expressions.append(pl.col(column.name).cast(target))
        else:
            faults.append(_wrong_type(frame[column.name], column))
    if faults:
        raise InvalidTable(table, tuple(faults))
    return frame.select(expressions)


def _has_kind(dtype: pl.DataType, kind: str) -> bool:
    if dtype == pl.Null:
        return True
    if kind == "number":
        return dtype.is_numeric()
    return isinstance(dtype, (pl.String, pl.Categorical, pl.Enum, pl.Date))


def _wrong_type(cells: pl.Series, column: Column) -> RowViolation:
    filled = cells.is_not_null().arg_max()
    row = 0 if filled is None else filled
    value = _text(cells[row]) if len(cells) else ""
    kind = "text" if isinstance(cells.dtype, pl.String) else str(cells.dtype)
    allowed = "a number" if column.kind == "number" else "text"
    return RowViolation("column_type", row + 1, column.name, f"{kind} {value}", f"{allowed}, in the whole column")


def _refuse(typed: pl.DataFrame, rules: tuple[Rule, ...], table: str) -> None:
    broken = broken_rows(typed, rules)
    if broken is not None:
        raise InvalidTable(table, first_violations(typed, rules, broken.head(_LISTED)), broken.height)


def broken_rows(typed: pl.DataFrame, rules: tuple[Rule, ...]) -> pl.DataFrame | None:
    """Columns row (0-based) and rule (place in `rules`), in row order; None where every row keeps every rule."""
    sure = typed.select(rule.surely.alias(str(place)) for place, rule in enumerate(rules) if rule.surely is not None)
    passed = {name for name, all_pass in sure.row(0, named=True).items() if all_pass} if sure.width else set()
    flags = typed.select(
        (~rule.passes.fill_null(value=False)).alias(str(place))
        for place, rule in enumerate(rules)
        if str(place) not in passed
    )
    if not flags.width:
        return None
    failed = [name for name, any_broken in flags.select(pl.all().any()).row(0, named=True).items() if any_broken]
    if not failed:
        return None
    return pl.concat(
        [
            pl.DataFrame(
                {"row": flags[name].arg_true(), "rule": pl.Series([int(name)], dtype=pl.Int64).new_from_index(0, n)}
            )
            for name in failed
            if (n := int(flags[name].sum()))
        ]
    ).sort("row", "rule")


def first_violations(typed: pl.DataFrame, rules: tuple[Rule, ...], broken: pl.DataFrame) -> tuple[RowViolation, ...]:
    """What was found in the rows that `broken_rows` lists; a row is named by its column `row` where there is one."""
    texts: dict[int, pl.Series] = {}  # what a rule's own text costs a whole column to make
    numbers = typed["row"].to_list() if "row" in typed.columns else range(1, typed.height + 1)
    found = []
    for row, place in broken.select("row", "rule").iter_rows():
        rule = rules[place]
        if rule.value is None:
            value = _text(typed[row, rule.column])
        else:
            if place not in texts:
                texts[place] = typed.select(rule.value).to_series()
            value = str(texts[place][row])
        hint = "" if rule.hint is None else typed[row].select(rule.hint).item() or ""
        found.append(RowViolation(rule.name, int(numbers[row]), rule.column, value, rule.allowed, hint))
    return tuple(found)


def _text(cell: object) -> str:
    if cell is None:
        return "null"
    if isinstance(cell, pl.Series):  # a cell of a list column
        cell = cell.to_list()
    text = f"{cell:.10g}" if isinstance(cell, float) else repr(cell)
    return text if len(text) <= 80 else f"{text[:77]}..."
