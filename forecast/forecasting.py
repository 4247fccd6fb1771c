"""From a history or a table of shares to a forecast: choose the quarters, transform, run the model, summarise."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.draws import summarise
from forecast.errors import InvalidArgument, NotEnoughData, NotFound
from forecast.models.base import Model, Outcome, Series
from forecast.prior import Prior, shipped_prior
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, History, ModelProvenance, Status

DRAWS = 2000
LONGEST_HORIZON = 40
FEWEST_QUARTERS = 2
FORGOTTEN_AFTER = 12  # quarters without a word, after which a provider's share is counted in Others
ROUNDING = 0.02  # shares of a quarter may miss 1 by so much and still be the whole market


def _naive(prior: Prior) -> Model:
    from forecast.models.naive import naive

    return naive


def _local_level(prior: Prior) -> Model:
    from forecast.models.local_level import local_level  # statsmodels takes a second to load

    return local_level


def _damped_trend(prior: Prior) -> Model:
    from forecast.models.damped_trend import damped_trend  # statsmodels takes a second to load

    return damped_trend


def _ets(prior: Prior) -> Model:
    from forecast.models.ets import ets  # statsmodels takes a second to load

    return ets


def _arima(prior: Prior) -> Model:
    from forecast.models.arima import arima  # statsmodels takes a second to load

    return arima


def _theta(prior: Prior) -> Model:
    from forecast.models.theta import theta  # statsmodels takes a second to load

    return theta


def _var(prior: Prior) -> Model:
    from forecast.models.var import var  # statsmodels takes a second to load

    return var


def _auto(prior: Prior) -> Model:
    from forecast.models.dlm import dlm

    def model(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
        return dlm(series, prior=prior, horizon=horizon, draws=draws, rng=rng)

    return model


_MODELS: dict[str, Callable[[Prior], Model]] = {
    "auto": _auto,
    "naive": _naive,
    "local_level": _local_level,
    "damped_trend": _damped_trend,
    "ets": _ets,
    "arima": _arima,
    "theta": _theta,
    "var": _var,
}
MODELS = tuple(_MODELS)
_NEED_PRIOR = frozenset({"auto"})


def check_request(*, horizon: int, levels: Sequence[float], model: str) -> None:
    """Check what a forecast is asked for.

    Raises:
        InvalidArgument: `horizon` is not in 1 to 40, or a level is not in (0, 1) or stands twice.
        NotFound: the model is not known.
    """
    if not 1 <= horizon <= LONGEST_HORIZON:
        raise InvalidArgument("horizon", horizon, f"1 to {LONGEST_HORIZON} quarters")
    for level in levels:
        if not (math.isfinite(level) and 0.0 < level < 1.0):
            hint = f"; did you mean {level / 100:g}?" if 1.0 < level < 100.0 else ""
            raise InvalidArgument("levels", level, f"a proportion between 0 and 1, such as 0.95{hint}")
    if len(set(levels)) < len(levels):
        raise InvalidArgument("levels", list(levels), "each level once")
    if model not in _MODELS:
        raise NotFound("model", model, MODELS)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    series: Series
    providers: tuple[str, ...]
    origin: Quarter
    warnings: tuple[str, ...]


def forecast_history(
    history: History,
    *,
    horizon: int = 8,
    levels: Sequence[float] = (0.8, 0.95),
    model: str = "auto",
    seed: int = 0,
    keep_draws: bool = False,
    prior: Prior | None = None,
) -> Forecast:
    """Forecast a reconstructed history.

    Args:
        history: What the figures tell.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the intervals, each in (0, 1).
        model: One of `MODELS`.
        seed: Of the draws; the same seed gives the same bits.
        keep_draws: Keep the joint draws, shape (2000, horizon, K).
        prior: Of the model of record; None for the one that ships.

    Raises:
        InvalidArgument, NotFound: as `check_request`.
        NotEnoughData: fewer than two quarters have a figure.
    """
    check_request(horizon=horizon, levels=levels, model=model)
    return _forecast(
        _from_history(history),
        market=history.market,
        house=history.house,
        horizon=horizon,
        levels=levels,
        model=model,
        seed=seed,
        keep_draws=keep_draws,
        prior=prior or shipped_prior(),
        as_of=history.as_of,
        history=history,
    )


def forecast_shares(
    shares: pl.DataFrame,
    *,
    horizon: int = 8,
    levels: Sequence[float] = (0.8, 0.95),
    model: str = "auto",
    seed: int = 0,
    keep_draws: bool = False,
    prior: Prior | None = None,
) -> Forecast:
    """Forecast one market given as a checked shares table.

    Where a quarter's shares fall short of one by more than 0.02 and no cell of it is null, the rest becomes `Others`.

    Args:
        shares: Columns market, period, provider, share, decimals of one market, as `forecast.schema.check_shares`
            returns them.
        horizon: As in `forecast_history`, and so are the other arguments and the errors.
        levels: Nominal levels.
        model: One of `MODELS`.
        seed: Of the draws.
        keep_draws: Keep the joint draws.
        prior: Of the model of record.
    """
    check_request(horizon=horizon, levels=levels, model=model)
    market = str(shares["market"][0])
    return _forecast(
        _from_shares(market, shares),
        market=market,
        house="",
        horizon=horizon,
        levels=levels,
        model=model,
        seed=seed,
        keep_draws=keep_draws,
        prior=prior or shipped_prior(),
    )


def _forecast(
    prepared: _Prepared,
    *,
    market: str,
    house: str,
    horizon: int,
    levels: Sequence[float],
    model: str,
    seed: int,
    keep_draws: bool,
    prior: Prior,
    as_of: date | None = None,
    history: History | None = None,
) -> Forecast:
    ascending = tuple(sorted(levels))
    outcome = _MODELS[model](prior)(
        prepared.series, power=prior.power, horizon=horizon, draws=DRAWS, rng=np.random.default_rng(seed)
    )
    draws = from_contrasts(outcome.contrasts, prior.power)
    summary = summarise(draws, ascending)
    provenance = ModelProvenance(
        model=model,
        used=outcome.used,
        version=version("sharecast"),
        prior=prior.version if model in _NEED_PRIOR else "",
        seed=seed,
        notes=outcome.notes,
    )
    return Forecast(
        market=market,
        house=house,
        providers=prepared.providers,
        origin=prepared.origin,
        levels=ascending,
        mean=summary.mean,
        median=summary.median,
        lower=summary.lower,
        upper=summary.upper,
        provenance=provenance,
        as_of=as_of,
        draws=draws if keep_draws else None,
        history=history,
        warnings=prepared.warnings,
    )


def _from_history(history: History) -> _Prepared:
    said = np.array([[s in (Status.REPORTED, Status.COMBINED) for s in row] for row in history.status])
    rows = np.flatnonzero(said.any(axis=1))
    if len(rows) < FEWEST_QUARTERS:
        when = f"as of {history.as_of}" if history.as_of else ""
        raise NotEnoughData(history.market, len(rows), FEWEST_QUARTERS, when)
    first, last = int(rows[0]), int(rows[-1])
    others = len(history.providers) - 1
    latest = np.array([np.flatnonzero(said[:, k]).max(initial=-1) for k in range(others)])
    kept = [k for k in range(others) if last - latest[k] < FORGOTTEN_AFTER]
    forgotten = [history.providers[k] for k in range(others) if k not in kept]

    def visible(compositions: FloatArray) -> FloatArray:
        shares = np.full((last - first + 1, len(kept) + 1), np.nan)
        shares[rows - first, :-1] = compositions[rows][:, kept]
        shares[rows - first, -1] = np.maximum(1.0 - shares[rows - first, :-1].sum(axis=1), 0.0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    broken = (quarter - history.quarters[first] for quarter, _ in history.breaks)
    breaks = tuple(row for row in broken if 0 < row <= last - first)
    histories = () if history.draws is None else tuple(visible(draw) for draw in history.draws)
    warnings = list(history.warnings)
    if forgotten:
        warnings.append(
            f"counted in {OTHERS}, as nothing was said of them in the last {FORGOTTEN_AFTER} quarters: "
            + ", ".join(forgotten)
        )
    providers = (*(history.providers[k] for k in kept), history.providers[-1])
    series = Series(history.market, visible(history.smoothed), breaks, histories)
    return _Prepared(series, providers, history.quarters[last], tuple(warnings))


def _from_shares(market: str, frame: pl.DataFrame) -> _Prepared:
    periods = frame["period"].unique().sort()
    providers = frame["provider"].unique(maintain_order=True)
    quarters = [Quarter.parse(p) for p in periods]
    column = {q.index: q - quarters[0] for q in quarters}
    place = {name: k for k, name in enumerate(providers)}
    table = np.full((quarters[-1] - quarters[0] + 1, len(place)), np.nan)
    rows = [column[Quarter.parse(p).index] for p in frame["period"]]
    table[rows, [place[name] for name in frame["provider"]]] = frame["share"].to_numpy().astype(np.float64)
    shares, names, warnings = complete_rows(table, tuple(place))
    observed = np.flatnonzero(np.isfinite(shares).any(axis=1))
    if len(observed) < FEWEST_QUARTERS:
        raise NotEnoughData(market, len(observed), FEWEST_QUARTERS)
    first, last = int(observed[0]), int(observed[-1])
    decimals = frame["decimals"].max() if "decimals" in frame.columns else None
    resolution = 0.5 * 10.0 ** (-2 - int(str(decimals))) if decimals is not None else 0.0005
    return _Prepared(
        Series(market, shares[first : last + 1], resolution=resolution), names, quarters[0] + last, warnings
    )


def complete_rows(table: FloatArray, providers: tuple[str, ...]) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    """Make a composition of every quarter that has a share.

    A provider without a single report is left out, and said so. What the reported shares leave over goes to the cells
    not reported, in proportion to a straight line between their own reports; where every cell is reported and a part of
    the market is still left over, it goes to `Others`.

    Args:
        table: Shape (T, K), shares; NaN where not reported.
        providers: K names.

    Returns:
        Compositions (T, K'), rows without any share all NaN; K' names; warnings.
    """
    warnings: list[str] = []
    ever = np.asarray(np.isfinite(table).any(axis=0))
    if not ever.all():
        silent = ", ".join(name for name, said in zip(providers, ever, strict=True) if not said)
        warnings.append(f"left out, as no share of theirs is reported: {silent}")
        table = table[:, ever]
        providers = tuple(name for name, said in zip(providers, ever, strict=True) if said)
    observed = np.asarray(np.isfinite(table).any(axis=1))
    total = np.nansum(table, axis=1)
    whole = np.isfinite(table).all(axis=1)
    # Rows of zeros alone say nothing about a composition.
    empty = observed & (total <= 0.0) & whole
    if empty.any():
        warnings.append(f"{int(empty.sum())} quarter(s) whose shares are all zero were left out")
        observed &= ~empty
    if (whole & observed & (total < 1.0 - ROUNDING)).any() and OTHERS not in providers:
        rest = np.where(whole, np.maximum(1.0 - total, 0.0), np.nan)
        table = np.column_stack([table, np.where(rest <= ROUNDING, 0.0, rest)])
        providers = (*providers, OTHERS)
        warnings.append(f"the shares of a quarter sum to less than 1: the rest is counted in {OTHERS}")
    rows = np.arange(len(table))
    lines = np.zeros_like(table)
    for k in range(table.shape[1]):
        known = np.isfinite(table[:, k])
        if known.any():
            lines[:, k] = np.interp(rows, rows[known], table[known, k])
    left = np.maximum(1.0 - np.nansum(table, axis=1, keepdims=True), 0.0)
    missing = ~np.isfinite(table)
    claims = np.where(missing, lines, 0.0)
    # Parts that are zero wherever they are reported claim equally.
    claims = np.where(missing & (claims.sum(axis=1, keepdims=True) == 0.0), 1.0, claims)
    total_claims = claims.sum(axis=1, keepdims=True)
    filled = np.where(missing, left * claims / np.where(total_claims > 0.0, total_claims, 1.0), table)
    sums = filled.sum(axis=1, keepdims=True)
    filled = np.where(observed[:, None] & (sums > 0.0), filled / np.where(sums > 0.0, sums, 1.0), np.nan)
    return filled, providers, tuple(warnings)
