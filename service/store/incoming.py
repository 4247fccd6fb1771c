"""A table that is to be imported: which kind it is, whether it is fit, and the statements in it."""

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeAlias

import polars as pl

from forecast.brought import TidyTable, made_fit, read_table, without_advice
from forecast.errors import InvalidArgument, InvalidTable, RowViolation, did_you_mean
from forecast.figures import prepare_figures
from forecast.merging import STATEMENT_SCHEMA, share_statements
from forecast.name_changes import NameChange
from forecast.name_tables import NAMES_SCHEMA, check_names, names_table, read_changes, rename_providers
from forecast.names import name_key
from forecast.schema import check_figures, period_end
from forecast.shares import SharesTable

Kind: TypeAlias = Literal["figures", "shares", "names"]
_HOUSE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A table that has been found fit."""

    kind: Kind
    name: str  # as its owner calls it
    rows: int  # read
    statements: pl.DataFrame  # columns of `forecast.merging.STATEMENT_SCHEMA`, no two the same
    markets: tuple[str, ...]  # ascending
    content_hash: str  # SHA-256, the same for the same rows of the same kind and house
    warnings: tuple[str, ...]
    house: str = ""  # of shares
    replace: bool = False  # of shares: whether earlier shares of the house in these markets stop counting
    decimals_given: pl.Series | None = None  # of shares: for each statement whether the table told its decimals
    names: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NAMES_SCHEMA))  # changes that come with it

    def to_compare(self, today: date) -> dict[str, Any]:
        """What `forecast.merging.new_statements` takes beside what is known."""
        kind = "shares" if self.kind == "shares" else "figures"
        return {"given": self.statements, "kind": kind, "today": today, "decimals_given": self.decimals_given}


def kind_of(table: pl.DataFrame, /, name: str) -> Kind:
    """Whether a table holds figures, shares or changes of names, by its columns.

    Raises:
        InvalidTable: it has the columns of neither or of both.
    """
    if "into" in table.columns:
        return "names"
    has = {"figures": "providers" in table.columns, "shares": "provider" in table.columns}
    if has["figures"] != has["shares"]:
        return "figures" if has["figures"] else "shares"
    found = "both are there" if has["figures"] else f"neither is among {', '.join(table.columns) or 'no columns'}"
    allowed = "provider in a table of shares, providers in a table of figures, into in a table of changed names"
    raise InvalidTable(name, (RowViolation("kind_of_table", 0, "provider or providers", found, allowed),))


def check_incoming(
    table: pl.DataFrame | TidyTable,
    /,
    *,
    kind: Kind,
    house: str,
    name: str,
    today: date,
    replace: bool = False,
    name_changes: Sequence[NameChange] = (),
) -> Incoming:
    """Check a table and read the statements in it.

    Args:
        table: Figures as `forecast.schema.check_figures` takes them, shares as `forecast.brought.read_table` does, or
            changes of names as `forecast.name_tables.check_names` does.
        kind: Which of the three.
        house: Whose the shares are; figures and changes of names name their houses themselves.
        name: What the table is called, for messages.
        today: The day on which it comes.
        replace: Of shares, whether earlier shares of the house in the markets of the table stop counting.
        name_changes: Kept with it. One without a market is kept for every market of the table that names the provider
            before or after; one without a day is of today.

    Raises:
        InvalidArgument: the house is no name, figures are to replace, or a change concerns no market of the table.
        InvalidTable: a row breaks a rule.
    """
    told: pl.Series | None = None
    if replace and kind != "shares":
        allowed = "False but for shares; withdraw what is wrong, then import other rows"
        raise InvalidArgument("replace", replace, allowed)
    given = table if isinstance(table, pl.DataFrame) else table.frame
    if kind == "names":
        return _names_alone(given, name, today, name_changes)
    if kind == "figures":
        checked = check_figures(given, table=name)
        curated = prepare_figures(given, table=name).select(STATEMENT_SCHEMA.keys())
        # What is here today was published by today, whatever month its house usually publishes in.
        inferred = pl.when("published_inferred").then(pl.min_horizontal("published_at", pl.lit(today)))
        statements = curated.with_columns(published_at=inferred.otherwise("published_at"))
        warnings = _figure_warnings(checked, statements)
    else:
        if not house.strip() or _HOUSE.fullmatch(house) is None:
            raise InvalidArgument("house", house, "a name of 1 to 200 characters")
        house = house.strip()
        if isinstance(table, TidyTable):
            read = made_fit(table, dated=True)
        else:
            read = read_table(table, table=name, market=Path(name).stem, dated=True)
        if read.broken:
            raise InvalidTable(read.table, read.violations, read.broken)
        checked = read.shares
        statements = share_statements(read, house=house, today=today)
        stated = checked.filter(pl.col("share").is_not_null())["decimals_given"]
        told = stated.append(pl.repeat(value=False, n=read.totals.height, eager=True))
        warnings = _share_warnings(without_advice(read, name_changes))
    way = "\x1freplace" if replace else ""
    digest = hashlib.sha256(f"{kind}\x1f{house if kind == 'shares' else ''}{way}\n".encode())
    digest.update(checked.write_csv().encode())
    names = _names_beside(name_changes, statements, today)
    if not names.is_empty():
        digest.update(names.write_csv().encode())
    return Incoming(
        kind=kind,
        name=name,
        rows=checked.height if isinstance(table, TidyTable) else table.height,
        statements=statements,
        markets=tuple(checked["market"].unique().sort()),
        content_hash=digest.hexdigest(),
        warnings=(*warnings, *_date_warnings(checked, statements, today)),
        house=house if kind == "shares" else "",
        replace=replace,
        decimals_given=told,
        names=names,
    )


def as_known(incoming: Incoming, known: pl.DataFrame, /) -> Incoming:
    """The table with the names of its providers as they are known, where they differ only in spelling.

    Args:
        incoming: The table.
        known: Statements known of its markets; columns market and providers.
    """
    spelt: dict[tuple[str, str], str] = {}
    for market, providers in known.select("market", "providers").unique(maintain_order=True).iter_rows():
        for name in providers.split("|"):
            spelt.setdefault((market, name_key(name)), name)
    changed: dict[tuple[str, str], str] = {}
    for market, providers in incoming.statements.select("market", "providers").unique(maintain_order=True).iter_rows():
        names = [spelt.get((market, name_key(name)), name) for name in providers.split("|")]
        if "|".join(names) != providers:
            changed[market, providers] = "|".join(sorted(names))
    if not changed:
        return incoming
    table = pl.DataFrame(
        [(*key, to) for key, to in changed.items()], schema=["market", "providers", "to"], orient="row"
    )
    statements = (
        incoming.statements.join(table, on=["market", "providers"], how="left", maintain_order="left")
        .with_columns(providers=pl.coalesce("to", "providers"))
        .drop("to")
    )
    told = tuple(f"{old!r} read as {new!r}, as it is known in {market}" for (market, old), new in changed.items())
    return dataclasses.replace(incoming, statements=statements, warnings=(*incoming.warnings, *told))


def _names_alone(table: pl.DataFrame, name: str, today: date, more: Sequence[NameChange]) -> Incoming:
    for number, change in enumerate(more):
        if not change.market:
            raise InvalidArgument(
                f"name_changes[{number}]", str(change), "a change of one market, beside rows of changes"
            )
    checked = pl.concat([check_names(table, today=today, table=name), names_table(more, today=today)])
    return Incoming(
        kind="names",
        name=name,
        rows=table.height,
        statements=pl.DataFrame(schema=STATEMENT_SCHEMA),
        markets=tuple(checked["market"].unique().sort()),
        content_hash=hashlib.sha256(b"names\n" + checked.write_csv().encode()).hexdigest(),
        warnings=(),
        names=checked,
    )


def _names_beside(changes: Sequence[NameChange], statements: pl.DataFrame, today: date) -> pl.DataFrame:
    """Changes that come with figures or shares, each of one market."""
    named = {
        market: set(names)
        for market, names in statements.group_by("market", maintain_order=True)
        .agg(pl.col("providers").str.split("|").explode().unique())
        .iter_rows()
    }
    found: list[NameChange] = []
    for number, change in enumerate(changes):
        markets = [change.market] if change.market else list(named)
        mine = [market for market in markets if {change.provider, change.into} & named.get(market, set())]
        if not mine:
            allowed = f"a change of a name in the table; no market of it has {change.provider} or {change.into}"
            raise InvalidArgument(f"name_changes[{number}]", str(change), allowed)
        found += [dataclasses.replace(change, market=market) for market in mine]
    return names_table(found, today=today)


def misnamed(incoming: Incoming, known: pl.DataFrame, /) -> tuple[str, ...]:
    """A warning for each provider that a change beside a table names, and neither the table nor what is known does.

    Args:
        incoming: The table.
        known: Statements known of its markets, stored or shipped; columns market and providers.
    """
    if incoming.kind == "names" or incoming.names.is_empty():
        return ()
    cells = pl.concat([part.select("market", "providers") for part in (incoming.statements, known)])
    found = []
    for change in read_changes(incoming.names):
        mine = cells.filter(pl.col("market") == change.market)["providers"].str.split("|").explode().unique().sort()
        if change.provider not in mine and change.provider not in incoming.names["into"]:
            near = did_you_mean(change.provider, mine.to_list())
            found.append(
                f"nothing is known of {change.provider} in {change.market}, though {change}{near and f'; {near}'}"
            )
    return tuple(found)


def left_behind(incoming: Incoming, before: pl.DataFrame, names: Sequence[NameChange], /) -> tuple[str, ...]:
    """A warning for each market in which earlier shares of the house go on beside a table that does not name them.

    Args:
        incoming: The table.
        before: Stored statements of its markets, with the kind of table that each came from.
        names: Declared changes of names in its markets: what is said under a new name is said under the old one too.
    """
    if incoming.kind != "shares" or incoming.replace:
        return ()
    names = (*names, *read_changes(incoming.names))
    said = rename_providers(incoming.statements, names)
    left = (
        rename_providers(before.filter(pl.col("kind") == "shares", pl.col("house") == incoming.house), names)
        .join(said, on=("market", "period"), how="semi")
        .join(said, on=("market", "providers"), how="anti")
        .group_by("market")
        .agg(pl.col("providers").unique().sort(), pl.col("period").n_unique().alias("quarters"))
        .sort("market")
    )
    return tuple(
        f"{market}: earlier imports of {incoming.house} name {', '.join(names)} in {quarters} quarter(s) of this table,"
        " which does not, and they still count: --replace (replace=True) ends what this table does not say, and"
        " `sharecast withdraw` ends single names"
        for market, names, quarters in left.iter_rows()
    )


def request_of(tenant: str, request_id: str, /) -> str:
    """What a request is kept as: its id belongs to its tenant. No id has a space, and who has no tenant no prefix."""
    return f"{tenant} {request_id}" if tenant and request_id else request_id


def check_request_id(request_id: str, /) -> None:
    """Refuse an id of a request that could not be kept or found again; none at all is fine.

    Raises:
        InvalidArgument: it is too long, or not of visible ASCII characters.
    """
    if request_id and _REQUEST_ID.fullmatch(request_id) is None:
        raise InvalidArgument("request_id", request_id, "1 to 128 visible ASCII characters, such as a UUID")


def _figure_warnings(checked: pl.DataFrame, statements: pl.DataFrame) -> tuple[str, ...]:
    warnings = []
    if repeats := checked.height - statements.height:
        warnings.append(f"{repeats} row(s) repeat a statement of another page, and count as one with it")
    if inferred := int(statements["published_inferred"].sum()):
        warnings.append(f"{inferred} statement(s) bear no exact day of publication: it is inferred")
    return tuple(warnings)


def _share_warnings(read: SharesTable) -> tuple[str, ...]:
    several = read.shares["market"].n_unique() > 1
    warnings = [f"{market}: {note}" if several else note for market, note in read.notes.iter_rows()]
    if silent := read.shares["share"].null_count():
        warnings.append(f"{silent} row(s) without a share, or of a quarter whose amounts have no total, say nothing")
    if undated := read.shares.filter(pl.col("share").is_not_null())["published_at"].null_count():
        warnings.append(
            f"{undated} share(s) bear no published_at: dated to the third month after their quarter, or to today where"
            " they restate a share known before"
        )
    return tuple(warnings)


def _date_warnings(checked: pl.DataFrame, statements: pl.DataFrame, today: date) -> Iterator[str]:
    if unfinished := checked.filter(period_end() >= today).height:
        yield f"{unfinished} row(s) are of periods that had not ended on {today}"
    if coming := statements.filter(pl.col("published_at") > today).height:
        yield f"{coming} statement(s) bear a day of publication after {today}: an --as-of before it leaves them out"
