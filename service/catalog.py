"""Where the server's figures come from, and the histories made from them."""

import hashlib
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

import polars as pl

from forecast.figures import MarketInfo, list_markets, load_breaks, load_figures
from forecast.history import reconstruct
from forecast.results import History
from forecast.schema import check_shares
from forecast.scorecard import Backtest, BacktestProgress
from service.queries import BacktestQuery, ShareRow
from service.results import DataUsed

_HISTORIES_KEPT = 128  # a history is some 100 kB, and takes longer to make than the forecast made from it


class Catalog:
    """The markets of one set of figures. Safe to share between threads; never changes.

    Args:
        figures: Curated figures, as `forecast.figures.prepare_figures` returns them.
        breaks: Declared series breaks, as `forecast.figures.load_breaks` returns them.
    """

    def __init__(self, figures: pl.DataFrame, breaks: pl.DataFrame) -> None:
        self._figures, self._breaks = figures, breaks
        self._reconstruct = lru_cache(maxsize=_HISTORIES_KEPT)(self._reconstruct_now)
        self._list = lru_cache(maxsize=1)(self._list_now)

    @classmethod
    def shipped(cls) -> "Catalog":
        """The catalog of the figures that come with the package."""
        return cls(load_figures(), load_breaks())

    def markets(self) -> tuple[MarketInfo, ...]:
        """The markets there are figures of, by name."""
        return self._list()

    def history(self, market: str, house: str, as_of: date | None) -> History:
        """The composition of a market as one house tells it and as known on a date.

        Raises:
            NotFound: the market, or the house in this market, has no figures.
            NotEnoughData: too few quarters were known by that date.
        """
        return self._reconstruct(market, house, as_of)

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
            self._figures,
            self._breaks,
            market=query.market,
            house=query.house,
            origins=query.origins,
            horizon=query.horizon,
            levels=query.levels,
            models=query.models,
            seed=query.seed,
        )

    def _reconstruct_now(self, market: str, house: str, as_of: date | None) -> History:
        return reconstruct(self._figures, self._breaks, market=market, house=house, as_of=as_of)

    def _list_now(self) -> tuple[MarketInfo, ...]:
        return list_markets(self._figures)


def inline_shares(rows: tuple[ShareRow, ...], /, market: str) -> tuple[pl.DataFrame, DataUsed]:
    """The shares a caller brought, checked, and what they are.

    Returns:
        The frame of `forecast.schema.check_shares`, and its content hash and number of shares.

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
    checked = check_shares(frame)
    digest = hashlib.sha256(checked.write_csv().encode()).hexdigest()
    stated = checked["share"].drop_nulls().len()
    return checked, DataUsed(vintage=None, content_hash=digest, figures_used=stated, source_line="")
