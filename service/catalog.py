"""Where the figures come from, those that ship and those that were imported, and the histories made from them."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import polars as pl

from forecast.brought import TidyTable, read_table
from forecast.errors import InvalidTable, NotEnoughData, NotFound
from forecast.figures import CURATED_SCHEMA, MarketInfo, known_as_of, list_markets, load_breaks, load_figures
from forecast.merging import STATEMENT_SCHEMA, check_renamed, merge_figures
from forecast.merging import figures_in_force as in_force
from forecast.name_changes import NameChange, check_declared, for_market
from forecast.quarter import Quarter
from forecast.results import History
from forecast.scorecard import Backtest, BacktestProgress
from forecast.shares import SharesTable
from service.errors import NoStore
from service.extent import is_wide
from service.keeping import Keeper
from service.queries import DEFAULT_HOUSE, OWN_HOUSE, BacktestQuery, ShareRow, WithdrawQuery
from service.results import DataUsed, ImportReport, WithdrawReport

if TYPE_CHECKING:
    from service.store import Store
    from service.store.job_rows import JobRows

_HISTORIES_KEPT = 128  # a history is some 100 kB, and takes longer to make than the forecast made from it
_HISTORIES_BYTES = 128 * 2**20  # of those
_MARKETS_KEPT = 32  # whose figures are in memory
_FIGURES_BYTES = 256 * 2**20  # of those, once as stored and once merged with what ships
_NAMES_BYTES = 16 * 2**20
_CELL_BYTES, _NAME_BYTES = 100, 500  # what Python takes for the sources of a cell, and for a change of a name

_NO_STATEMENTS = pl.DataFrame(schema=STATEMENT_SCHEMA)

_Asked: TypeAlias = tuple[str, str, date | None, datetime | None, tuple[NameChange, ...]]
_Read: TypeAlias = tuple[str, int, datetime | None]  # market, its revision, recorded by


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class HistoryTask:
    """A history that is not kept, and all that it is made from; another process may make it."""

    figures: pl.DataFrame  # curated, of the market
    breaks: pl.DataFrame
    market: str
    house: str
    as_of: date | None
    name_changes: tuple[NameChange, ...]
    wide: bool  # whether that takes long
    asked: _Asked
    revision: int  # of the market
    mark: int | None  # of the catalog, from before the figures were read

    def of_house(self) -> pl.DataFrame:
        """The figures that the history is made from."""
        return self.figures.filter(pl.col("house") == self.house)

    def make(self) -> History:
        """Make it; raises as `Catalog.history`."""
        from forecast.history import reconstruct  # loads SciPy, which takes a while

        return reconstruct(
            self.figures,
            self.breaks,
            market=self.market,
            house=self.house,
            as_of=self.as_of,
            name_changes=self.name_changes,
        )


class Catalog:
    """The markets of a set of figures and, where there is a store, of what was imported. Safe to share between threads.

    What another process imports is seen at the next question.

    Args:
        figures: Curated figures, as `forecast.figures.prepare_figures` returns them.
        breaks: Declared series breaks, as `forecast.figures.load_breaks` returns them.
        store: Where imported figures are kept; None: nothing can be imported.
        clock: Tells the moment of an import.
        name_changes: Declared changes of providers' names, before those that were imported.

    Every question to a catalog with a store raises `StoreUnavailable` where its database cannot be read.
    """

    def __init__(
        self,
        figures: pl.DataFrame,
        breaks: pl.DataFrame,
        store: "Store | None" = None,
        *,
        clock: Callable[[], datetime] = _clock,
        name_changes: Sequence[NameChange] = (),
    ) -> None:
        self._base, self._breaks, self._store, self._clock = figures, breaks, store, clock
        self._declared = tuple(name_changes)
        self._names = frozenset(figures["market"].unique())
        self._lock = threading.Lock()
        self._seen = 0  # newest import looked at
        self._revisions: dict[str, int] = {}  # newest import looked at that gave a market figures
        # with the revision each is of; None: all that was imported of it has been withdrawn
        self._infos: dict[str, tuple[int, MarketInfo | None]] = {}
        # A revision is part of each key: what was made before an import is not found any more.
        histories, figures_ = _history_bytes, frame_bytes
        self._histories: Keeper[tuple[_Asked, int], History] = Keeper(
            histories, most=_HISTORIES_KEPT, most_bytes=_HISTORIES_BYTES
        )
        # the same by what was asked alone, with the mark from before they were made
        self._at_hand: Keeper[_Asked, tuple[int, History]] = Keeper(
            lambda kept: histories(kept[1]), most=_HISTORIES_KEPT, most_bytes=_HISTORIES_BYTES
        )
        self._stored_kept: Keeper[_Read, pl.DataFrame] = Keeper(figures_, most=_MARKETS_KEPT, most_bytes=_FIGURES_BYTES)
        self._merged_kept: Keeper[_Read, pl.DataFrame] = Keeper(figures_, most=_MARKETS_KEPT, most_bytes=_FIGURES_BYTES)
        self._changes_kept: Keeper[_Read, tuple[NameChange, ...]] = Keeper(
            lambda kept: _NAME_BYTES * len(kept), most=_HISTORIES_KEPT, most_bytes=_NAMES_BYTES
        )
        self._house_of = lru_cache(maxsize=_HISTORIES_KEPT)(self._usual_house)

    @classmethod
    def shipped(cls, store: "Store | None" = None) -> "Catalog":
        """The catalog of the figures that come with the package, and of a store beside them."""
        return cls(load_figures(), load_breaks(), store)

    def markets(self) -> tuple[MarketInfo, ...]:
        """The markets there are figures of, by name."""
        revisions = self._refresh()
        with self._lock:
            known = dict(self._infos)
        wanted = {name: revisions.get(name, 0) for name in self._names | revisions.keys()}
        changed = [name for name, revision in wanted.items() if known.get(name, (-1,))[0] != revision]
        if changed:
            found = {info.market: info for info in list_markets(self._figures_of(changed, revisions))}
            known.update((name, (wanted[name], found.get(name))) for name in changed)
            with self._lock:
                self._infos = known
        infos = (known[name][1] for name in sorted(wanted))
        return tuple(info for info in infos if info is not None)

    def house_of(self, market: str) -> str:
        """The house that tells of a market where none is asked for: the usual one, else the one with most figures.

        Raises:
            NotFound: the market has no figures.
        """
        revisions = self._refresh()
        self._check_market(market, revisions)
        return self._house_of(market, revisions.get(market, 0), None)

    def figures(
        self,
        market: str | None = None,
        house: str | None = None,
        period: Quarter | None = None,
        as_of: date | None = None,
        recorded_by: datetime | None = None,
    ) -> pl.DataFrame:
        """The figures there are, restated shares among them.

        Args:
            market: Only of this market.
            house: Only of this house's series.
            period: Only of this quarter.
            as_of: Only what was published by this day; conflicts are those known then.
            recorded_by: Only what was in the database at this moment, which has a time zone, beside what ships.

        Returns:
            Columns of `forecast.figures.CURATED_SCHEMA`, sorted as `prepare_figures` sorts; no row where nothing fits.
        """
        revisions = self._refresh()
        if market is None:
            found = self._figures_of(None, revisions, recorded_by)
        else:
            found = self._of_market(market, revisions.get(market, 0), recorded_by)
        known = known_as_of(found, as_of).select(CURATED_SCHEMA.keys())
        if house is not None:
            known = known.filter(pl.col("house") == house)
        return known if period is None else known.filter(pl.col("period") == str(period))

    def figures_in_force(
        self,
        market: str,
        as_of: date | None,
        recorded_by: datetime | None = None,
        name_changes: tuple[NameChange, ...] = (),
    ) -> pl.DataFrame:
        """The figures of one market that count on a day: without shares whose owner has put others in their place.

        Columns as of `figures`; what is published after the day is still among them. Only what was in the database at
        the moment `recorded_by` counts, where that is given. Providers have the newest of the names that were declared
        by the day, in the catalog or in `name_changes`.

        Raises:
            NotFound: the market has no figures.
        """
        revisions = self._refresh()
        self._check_market(market, revisions, recorded_by)
        revision = revisions.get(market, 0)
        self._check_asked(name_changes, market, revision, recorded_by)
        changes = (*self._changes(market, revision, recorded_by), *name_changes)
        return self._in_force(market, revision, as_of, recorded_by, changes)

    def name_changes(self, market: str, recorded_by: datetime | None = None) -> tuple[NameChange, ...]:
        """The declared changes of providers' names of a market, whenever they became known to the world.

        Args:
            market: The market.
            recorded_by: As `history` takes it.
        """
        return self._changes(market, self._refresh().get(market, 0), recorded_by)

    def revision(self) -> int:
        """Grows when something is imported: as long as it stays, so does every answer."""
        self._refresh()
        return self._seen

    def jobs(self) -> "JobRows":
        """The jobs of the store.

        Raises:
            NoStore: this catalog has no store.
        """
        if self._store is None:
            raise NoStore("the figures are those that ship, or of a file")
        return self._store.jobs

    def now(self) -> datetime:
        """The moment, by the clock of this catalog."""
        return self._clock()

    def mark(self) -> int | None:
        """The same as long as every answer stays the same, told in microseconds; None where only `revision` can tell.

        Blocks for no longer than a look at the file of the database.
        """
        return 0 if self._store is None else self._store.newest_at_a_glance()

    def market_figures(self, market: str) -> pl.DataFrame:
        """The figures of one market, columns as of `figures`, with what decides which of them count on a day.

        Raises:
            NotFound: the market has no figures.
        """
        return self._market_figures(market)

    def no_figures(self) -> pl.DataFrame:
        """No row of `figures`."""
        return self._base.clear()

    def breaks(self) -> pl.DataFrame:
        """The declared series breaks, columns of `forecast.figures.BREAKS_SCHEMA`."""
        return self._breaks

    def history(
        self,
        market: str,
        house: str,
        as_of: date | None,
        recorded_by: datetime | None = None,
        name_changes: tuple[NameChange, ...] = (),
        *,
        of_many: bool = False,
    ) -> History:
        """The composition of a market as one house tells it and as known on a date.

        Args:
            market: Name of the market.
            house: The house; empty for that of `house_of`.
            as_of: Only what was published by this day counts; None: everything.
            recorded_by: Only what was in the database at this moment, which has a time zone, counts beside what ships:
                neither imported nor withdrawn later. The answer "as of" a day changes where a figure of before that day
                is imported later; that "recorded by" a moment that has passed does not.
            name_changes: Changes of providers' names to apply after those that are declared in the catalog.
            of_many: Whether they are asked of many markets, of which one need not have their providers.

        Raises:
            InvalidArgument: changes of names lead in a circle.
            NotFound: the market, or the house in this market, has no figures; or it has no provider of a name change.
            NotEnoughData: too few quarters were known by that date, or in the database at that moment.
        """
        found = self.seek_history(market, house, as_of, recorded_by, name_changes, of_many=of_many)
        return self.keep_history(found, found.make()) if isinstance(found, HistoryTask) else found

    def seek_history(
        self,
        market: str,
        house: str,
        as_of: date | None,
        recorded_by: datetime | None = None,
        name_changes: tuple[NameChange, ...] = (),
        *,
        of_many: bool = False,
    ) -> History | HistoryTask:
        """What `history` returns where it is kept, else what it is made from, which takes milliseconds to find out.

        Takes and raises what `history` does. Give what is made to `keep_history`.
        """
        mark = None if of_many and name_changes else self.mark()  # what is at hand was checked
        revisions = self._refresh()
        self._check_market(market, revisions, recorded_by)
        revision = revisions.get(market, 0)
        if not of_many:
            self._check_asked(name_changes, market, revision, recorded_by)
        asked = (market, house, as_of, recorded_by, name_changes)
        found = self._histories.find((asked, revision))
        if found is None:
            return self._history_task(asked, revision, mark)
        if mark is not None:
            self._at_hand.keep(asked, (mark, found))
        return found

    def keep_history(self, task: HistoryTask, history: History) -> History:
        """Keep the history that was made of a task, and return it."""
        self._histories.keep((task.asked, task.revision), history)
        if task.mark is not None:
            self._at_hand.keep(task.asked, (task.mark, history))
        return history

    def history_at_hand(
        self,
        market: str,
        house: str,
        as_of: date | None,
        recorded_by: datetime | None,
        name_changes: tuple[NameChange, ...],
        mark: int | None,
    ) -> History | None:
        """What `history` has returned lately, without a look at the database; None where it must be asked.

        Args:
            market: As of `history`.
            house: Likewise.
            as_of: Likewise.
            recorded_by: Likewise.
            name_changes: Likewise.
            mark: What `mark` says now.
        """
        kept = self._at_hand.find((market, house, as_of, recorded_by, name_changes))
        return kept[1] if kept is not None and kept[0] == mark else None

    def backtest(self, query: BacktestQuery) -> Iterator[BacktestProgress | Backtest]:
        """Backtest a market of the catalog, or the shares in the query, step by step; the last step is the scores.

        Raises:
            InvalidArgument, InvalidTable, NotFound, NotEnoughData: when the first step is asked for.
        """
        from forecast.backtest import backtest_figures_steps, backtest_shares_steps  # loads a compiler

        if query.shares is not None:
            shares, _ = inline_shares(query.shares, market=query.market)
            yield from backtest_shares_steps(
                shares,
                origins=query.origins,
                horizon=query.horizon,
                levels=query.levels,
                models=query.models,
                seed=query.seed,
            )
            return
        yield from backtest_figures_steps(
            self._market_figures(query.market),
            self._breaks,
            market=query.market,
            house=query.house or self.house_of(query.market),
            origins=query.origins,
            horizon=query.horizon,
            levels=query.levels,
            models=query.models,
            seed=query.seed,
            name_changes=self.name_changes(query.market),
        )

    def import_table(
        self,
        table: pl.DataFrame | TidyTable,
        *,
        kind: Literal["figures", "shares", "names"],
        house: str = OWN_HOUSE,
        request_id: str = "",
        validate_only: bool = False,
        name: str = "table",
        replace: bool = False,
        name_changes: Sequence[NameChange] = (),
        tenant: str = "",
    ) -> ImportReport:
        """Keep what is new in a table, all of it or nothing.

        Args:
            table: Figures as `forecast.schema.check_figures` takes them, shares as `forecast.brought.read_table` does,
                or changes of names as `forecast.name_tables.check_names` does.
            kind: Which of the three.
            house: Whose the shares are; figures name their houses themselves.
            request_id: Empty, or a name for this request: asked again with the same table, the first report is given.
            validate_only: Whether to check and count, and keep nothing.
            name: What the table is called, for messages.
            replace: Of shares: the table is complete, so that earlier shares of the house in its markets stop counting.
            name_changes: Kept with figures or shares; one without a market is of every market of the table that has the
                provider, one without a day of today.
            tenant: Whose request it is; another's request of the same name is another one.

        Raises:
            NoStore: this catalog has no store.
            InvalidTable: a row breaks a rule; names row, column, value and rule.
            InvalidArgument: the house is no name, or the request id no id.
            AlreadyExists: the request id stands for another table.
        """
        from service.store.incoming import check_incoming, check_request_id, request_of

        if self._store is None:
            raise NoStore("the figures are those that ship, or of a file")
        check_request_id(request_id)
        now = self._clock()
        incoming = check_incoming(
            table,
            kind=kind,
            house=house,
            name=name,
            today=now.date(),
            replace=replace,
            name_changes=tuple(name_changes),
        )
        request = request_of(tenant, request_id)
        return self._store.add(incoming, self._base, request_id=request, validate_only=validate_only, now=now)

    def withdraw(self, query: WithdrawQuery, *, tenant: str = "") -> WithdrawReport:
        """Have imported rows stop counting: all that fit, or none.

        They stay in the database, and count in every answer "recorded by" a moment before this.

        Raises:
            NoStore: this catalog has no store.
            InvalidArgument, NotFound: no imported row that still counts fits, or what is asked says too little.
            AlreadyExists: the request id stands for something else.
        """
        from service.store.incoming import check_request_id, request_of

        if self._store is None:
            raise NoStore("the figures are those that ship, or of a file")
        check_request_id(query.request_id)
        query = replace(query, request_id=request_of(tenant, query.request_id))
        return self._store.withdraw(query, self._base, now=self._clock())

    def check_in_place(self) -> None:
        """Refuse to answer from a database whose file is not where it was; takes microseconds.

        Raises:
            StoreUnavailable: it was moved away or replaced.
        """
        if self._store is not None:
            self._store.check_in_place()

    def _refresh(self) -> dict[str, int]:
        """The revision of every market that has stored figures, after a look at what was imported since the last."""
        if self._store is None:
            return {}
        changes = self._store.changes(self._seen)
        if changes.newest > self._seen:
            with self._lock:
                newer = dict.fromkeys(changes.markets, changes.newest)
                self._revisions = {
                    **self._revisions,
                    **{name: max(number, self._revisions.get(name, 0)) for name, number in newer.items()},
                }
                self._seen = max(self._seen, changes.newest)
        return self._revisions

    def _check_market(self, market: str, revisions: dict[str, int], recorded_by: datetime | None = None) -> None:
        if market in self._names:
            return
        revision = revisions.get(market)
        if revision is not None and (recorded_by or not self._of_market(market, revision, None).is_empty()):
            return
        known = (self._names | revisions.keys()) - {market}  # of which all that was imported may be withdrawn
        gone = {name for name in known if self._infos.get(name, (0, ()))[1] is None}
        raise NotFound("market", market, tuple(sorted(known - gone)))

    def _market_figures(self, market: str) -> pl.DataFrame:
        revisions = self._refresh()
        self._check_market(market, revisions)
        return self._of_market(market, revisions.get(market, 0), None)

    def _figures_of(
        self, markets: list[str] | None, revisions: dict[str, int], recorded_by: datetime | None = None
    ) -> pl.DataFrame:
        """Merged figures of many markets, or of all; the store is read once."""
        base = self._base if markets is None else self._base.filter(pl.col("market").is_in(markets))
        touched = [name for name in (revisions if markets is None else markets) if name in revisions]
        if self._store is None or not touched:
            return base
        stored = self._store.figures(touched[0] if len(touched) == 1 else None, recorded_by=recorded_by)
        if markets is not None:
            stored = stored.filter(pl.col("market").is_in(touched))
        return merge_figures(base, stored)

    def _stored(self, market: str, revision: int, recorded_by: datetime | None) -> pl.DataFrame | None:
        store = self._store
        if store is None or revision == 0:
            return None
        return self._stored_kept.find_or_make(
            (market, revision, recorded_by), lambda: store.figures(market, recorded_by=recorded_by)
        )

    def _of_market(self, market: str, revision: int, recorded_by: datetime | None) -> pl.DataFrame:
        def merge() -> pl.DataFrame:
            base, stored = self._base.filter(pl.col("market") == market), self._stored(market, revision, recorded_by)
            return base if stored is None else merge_figures(base, stored)

        return self._merged_kept.find_or_make((market, revision, recorded_by), merge)

    def _changes(self, market: str, revision: int, recorded_by: datetime | None) -> tuple[NameChange, ...]:
        def read() -> tuple[NameChange, ...]:
            shipped = for_market(self._declared, market)
            if self._store is None or revision == 0:
                return shipped
            return (*shipped, *self._store.name_changes(market, recorded_by))

        return self._changes_kept.find_or_make((market, revision, recorded_by), read)

    def _in_force(
        self,
        market: str,
        revision: int,
        as_of: date | None,
        recorded_by: datetime | None,
        changes: Sequence[NameChange],
    ) -> pl.DataFrame:
        base, stored = self._base.filter(pl.col("market") == market), self._stored(market, revision, recorded_by)
        return in_force(base, _NO_STATEMENTS if stored is None else stored, as_of, changes)

    def _check_asked(
        self, asked: tuple[NameChange, ...], market: str, revision: int, recorded_by: datetime | None
    ) -> None:
        """Refuse changes of names in a question that cannot all hold or concern nobody in the market."""
        if asked:
            cells = self._of_market(market, revision, recorded_by)["providers"].unique(maintain_order=True)
            names = [name for cell in cells for name in cell.split("|")]
            declared = self._changes(market, revision, recorded_by)
            check_declared(asked, (*names, *(change.into for change in declared)))

    def _usual_house(self, market: str, revision: int, recorded_by: datetime | None) -> str:
        return usual_house(self._of_market(market, revision, recorded_by))

    def _history_task(self, asked: _Asked, revision: int, mark: int | None) -> HistoryTask:
        market, house, as_of, recorded_by, name_changes = asked
        everything = self._of_market(market, revision, recorded_by)
        if everything.is_empty():
            raise NotEnoughData(market, 0, 1, f"recorded by {recorded_by}")
        house = house or self._house_of(market, revision, recorded_by)
        changes = (*self._changes(market, revision, recorded_by), *name_changes)
        if changes and "kind" in everything.columns:
            check_renamed(everything.filter(pl.col("kind") == "shares"), changes, as_of=as_of)
        figures = self._in_force(market, revision, as_of, recorded_by, changes)
        if figures.is_empty() or house not in figures["house"]:
            # Nothing of the house counts on that day; whether it ever speaks of the market is told by all figures.
            figures = everything
        wide = is_wide(figures.filter(pl.col("house") == house))
        return HistoryTask(figures, self._breaks, market, house, as_of, changes, wide, asked, revision, mark)


def usual_house(figures: pl.DataFrame, /) -> str:
    """The house that tells of a market where none is asked for: the usual one, else the one with most figures.

    Args:
        figures: Curated figures of one market, one row at least.
    """
    houses = figures.group_by("house").len()
    names = houses.sort("len", "house", descending=[True, False])["house"].to_list()
    return DEFAULT_HOUSE if DEFAULT_HOUSE in names else str(names[0])


def inline_shares(rows: tuple[ShareRow, ...], /, market: str) -> tuple[SharesTable, DataUsed]:
    """The shares a caller brought, made fit, and what they are.

    Returns:
        The table, and its content hash and number of shares.

    Raises:
        InvalidTable: a row breaks a rule of shares tables.
    """
    given: dict[str, list[object]] = {
        "period": [row.period for row in rows],
        "provider": [row.provider for row in rows],
        "decimals": [row.decimals for row in rows],
    }
    amounts = any(row.value is not None for row in rows)
    if amounts:
        given["value"] = [row.value for row in rows]
    if not amounts or any(row.share is not None for row in rows):  # both: refused below, as of any other table
        given["share"] = [row.share for row in rows]
    types = {"decimals": pl.Int64, "value": pl.Float64, "share": pl.Float64}
    frame = pl.DataFrame(
        {"market": [market] * len(rows), **given}, schema={n: types.get(n, pl.String) for n in ("market", *given)}
    )
    read = read_table(frame)
    if read.broken:
        raise InvalidTable(read.table, read.violations, read.broken)
    digest = hashlib.sha256(read.shares.write_csv().encode()).hexdigest()
    stated = read.shares["share"].drop_nulls().len()
    return read, DataUsed(vintage=None, content_hash=digest, figures_used=stated, source_line="")


def _history_bytes(history: History) -> int:
    arrays = (history.share, history.sd, history.smoothed, history.smoothed_sd, history.draws, history.completed)
    return sum(each.nbytes for each in arrays if each is not None) + _CELL_BYTES * history.share.size


def frame_bytes(frame: pl.DataFrame, /) -> int:
    """What a frame takes in memory."""
    return int(frame.estimated_size())
