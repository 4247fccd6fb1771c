"""Revenue, or units, of every provider: joint draws of the shares times draws of the market's total.

The total is forecast from its own history, as published and put on its newest base, and independently of the shares:
how the two move together cannot be told from some twenty quarters of either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument, NotEnoughData
from forecast.events import drawn
from forecast.models.base import FEWEST_QUARTERS
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, History, level_name
from forecast.shown import Shown
from forecast.totals import TOTAL, YEAR, Totals, read_totals

LONGEST_GAP = 40  # quarters from the last total to the origin, over which nothing is known of the total


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """Summary of draws of amounts: H quarters by K providers and, last, their total."""

    mean: FloatArray  # (H, K + 1), in the unit of the totals; the first K sum to the last
    median: FloatArray  # (H, K + 1)
    lower: FloatArray  # (N, H, K + 1)
    upper: FloatArray  # (N, H, K + 1)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Revenue(Shown):
    """What the providers of a market are going to sell: H quarters, K providers, N levels."""

    market: str
    house: str
    providers: tuple[str, ...]  # K
    origin: Quarter  # of the shares
    levels: tuple[float, ...]  # N nominal levels, ascending
    totals: Totals  # of the past
    total: FloatArray  # (draw, H), of the market; the same in all draws where already known; no draw if from a server
    draws: FloatArray  # (draw, H, K), of the providers; those of a draw and quarter sum to `total`, to rounding
    amounts: Amounts
    # (draw, H, K + 1) against the same quarter a year before, fraction, the market last; NaN without such a quarter,
    # and where nothing was sold in it
    growth: FloatArray
    growths: Amounts  # summary of `growth`, as fractions, of the draws that have one
    used: tuple[tuple[str, float], ...]  # models of the total and their weights
    notes: tuple[str, ...]  # on the totals, and on a fall-back
    # (T, K + 1) of the quarters of `totals`: what the providers sold as far as shares and totals tell, the market last
    past: FloatArray

    @property
    def unit(self) -> str:
        """Of the amounts: USD bn or million units, a quarter."""
        return self.totals.unit

    @property
    def periods(self) -> tuple[Quarter, ...]:
        """The quarters forecast."""
        return tuple(self.origin + h for h in range(1, len(self.amounts.mean) + 1))

    def to_frame(self) -> pl.DataFrame:
        """One row per period and provider, the market as ``TOTAL``.

        Columns: market, provider, origin, period, horizon, unit, mean, median, ``lower_80, upper_80`` and so on, then
        growth (median, fraction) and ``growth_lower_80, growth_upper_80`` and so on; null without a year before.
        """
        names = (*self.providers, TOTAL)
        H, K = len(self.periods), len(names)
        columns: dict[str, object] = {
            "market": [self.market] * (H * K),
            "provider": list(names) * H,
            "origin": [str(self.origin)] * (H * K),
            "period": [str(q) for q in self.periods for _ in names],
            "horizon": [h for h in range(1, H + 1) for _ in names],
            "unit": [self.unit] * (H * K),
            "mean": self.amounts.mean.ravel(),
            "median": self.amounts.median.ravel(),
        }
        for n, level in enumerate(self.levels):
            columns[f"lower_{level_name(level)}"] = self.amounts.lower[n].ravel()
            columns[f"upper_{level_name(level)}"] = self.amounts.upper[n].ravel()
        columns["growth"] = self.growths.median.ravel()
        for n, level in enumerate(self.levels):
            columns[f"growth_lower_{level_name(level)}"] = self.growths.lower[n].ravel()
            columns[f"growth_upper_{level_name(level)}"] = self.growths.upper[n].ravel()
        frame = pl.DataFrame(columns, schema_overrides={"horizon": pl.Int32})
        return frame.with_columns(pl.col("^growth.*$").fill_nan(None))


def forecast_revenue(forecast: Forecast, figures: pl.DataFrame | Totals, /, *, seed: int = 0) -> Revenue:
    """Forecast what each provider sells: its share of every draw times the market's total.

    Args:
        forecast: Made with ``keep_draws=True``, of a market and house that publish totals; may be given conditions.
        figures: Curated figures, as `forecast.figures.load_figures` returns them; those published after
            `forecast.as_of` do not count. Or totals of your own, as `forecast.totals.given_totals` makes them.
        seed: Of the draws of the total.

    Raises:
        InvalidArgument: the forecast has no draws.
        NotEnoughData: fewer than two quarters have a total.
        InvalidArgument: the totals end more than `LONGEST_GAP` quarters before the first quarter forecast.

    >>> import forecast as sharecast
    >>> figures = sharecast.load_figures()
    >>> history = sharecast.reconstruct(figures, sharecast.load_breaks(), market="cn-cloud")
    >>> found = forecast_revenue(sharecast.forecast_history(history, horizon=4, keep_draws=True), figures)
    >>> found.unit, bool(abs(found.draws.sum(axis=2) - found.total).max() < 1e-9)
    ('USD bn', True)
    """
    from forecast.models.total import draw_totals  # loads statsmodels

    shares, _ = drawn(forecast)
    totals = figures if isinstance(figures, Totals) else totals_of(forecast, figures)
    known = int(np.isfinite(totals.amount).sum())
    if known < FEWEST_QUARTERS:
        raise NotEnoughData(forecast.market, known, FEWEST_QUARTERS, "totals")
    n, H, K = shares.shape
    last = totals.quarters[-1]
    ahead = forecast.periods[-1] - last
    if forecast.origin - last > LONGEST_GAP:
        allowed = f"give them up to {forecast.origin + -LONGEST_GAP} at least"
        raise InvalidArgument("totals", str(last), allowed, f"end in {last}")
    made = draw_totals(totals.amount, horizon=max(ahead, 1), draws=n, rng=np.random.default_rng(seed))
    past = dict(zip(totals.quarters, totals.amount.tolist(), strict=True))

    def market_in(quarter: Quarter) -> FloatArray:
        """Shape (n,): the total of a quarter, known or drawn; NaN where nothing tells it."""
        if quarter > last:
            return made.paths[:, quarter - last - 1]
        return np.full(n, past.get(quarter, np.nan))

    total = np.stack([market_in(quarter) for quarter in forecast.periods], axis=1)
    gaps = [str(q) for h, q in enumerate(forecast.periods) if np.isnan(total[0, h])]
    amounts = total[:, :, None] * shares
    whole = np.concatenate([amounts, total[:, :, None]], axis=2)
    before = np.full((n, H, K + 1), np.nan)
    for h, quarter in enumerate(forecast.periods):
        earlier = quarter + -YEAR
        if earlier > forecast.origin:
            before[:, h] = whole[:, earlier - forecast.origin - 1]
        else:
            before[:, h, :K] = _shares_in(forecast, earlier) * market_in(earlier)[:, None]
            before[:, h, K] = market_in(earlier)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(before > 0.0, whole / before - 1.0, np.nan)
    notes = [*totals.notes, *made.notes]
    if gaps:
        notes.append(f"no total is known of {', '.join(gaps)}, quarters before the last one published")
    return Revenue(
        forecast.market,
        forecast.house,
        forecast.providers,
        forecast.origin,
        forecast.levels,
        totals,
        total,
        amounts,
        _summarised(whole, forecast.levels),
        growth,
        _summarised(growth, forecast.levels),
        made.used,
        tuple(notes),
        np.array([[*(_shares_in(forecast, q) * past[q]), past[q]] for q in totals.quarters]),
    )


def totals_of(made: Forecast | History, figures: pl.DataFrame, /) -> Totals:
    """The totals that the house of a forecast or a history has published of its market.

    Raises:
        NotEnoughData: there are none.
    """
    history = made if isinstance(made, History) else made.history
    breaks = [] if history is None else [quarter for quarter, _ in history.breaks]
    found = read_totals(figures, market=made.market, house=made.house, breaks=breaks, as_of=made.as_of)
    if found is None:
        raise NotEnoughData(made.market, 0, FEWEST_QUARTERS, f"totals of {made.house or 'no house'}")
    return found


def _shares_in(forecast: Forecast, quarter: Quarter) -> FloatArray:
    """Shape (K,): shares of a quarter of the past; NaN where there is no history of it."""
    history = forecast.history
    if history is None or quarter not in history.quarters:
        latest = drawn(forecast)[1]
        return latest if quarter == forecast.origin else np.full(len(forecast.providers), np.nan)
    row = history.smoothed[quarter - history.quarters[0]]
    shares = [row[history.providers.index(name)] if name in history.providers else 0.0 for name in forecast.providers]
    if forecast.providers[-1] == OTHERS:  # those no longer followed are counted there
        shares[-1] = max(1.0 - sum(shares[:-1]), 0.0)
    return np.array(shares)


def _summarised(draws: FloatArray, levels: Sequence[float]) -> Amounts:
    chosen = np.array(levels)
    at = [0.5, *(1.0 - chosen) / 2.0, *(1.0 + chosen) / 2.0]
    quantiles, mean = np.quantile(draws, at, axis=0), draws.mean(axis=0)
    known = np.isfinite(draws)
    for h, k in np.argwhere(known.any(axis=0) & ~known.all(axis=0)).tolist():
        column = draws[known[:, h, k], h, k]
        quantiles[:, h, k], mean[h, k] = np.quantile(column, at), column.mean()
    count = len(levels)
    return Amounts(mean, quantiles[0], quantiles[1 : count + 1], quantiles[count + 1 :])
