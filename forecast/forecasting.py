"""From a history or a table of shares to a forecast: choose the quarters, transform, run the model, summarise."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import import_module
from importlib.metadata import version

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.draws import summarise
from forecast.errors import InvalidArgument, NotFound
from forecast.models.base import Model
from forecast.name_changes import NameChange
from forecast.name_tables import change_names_of_shares
from forecast.preparing import Prepared, prepare_history, prepare_shares
from forecast.prior import Prior, shipped_prior
from forecast.results import Forecast, History, ModelProvenance

DRAWS = 2000
LONGEST_HORIZON = 40

# Each of these is a function of its own name in its own file of `forecast.models`. Models are loaded when they are
# asked for: statsmodels takes a second, numba a quarter of one.
_BESIDE = ("naive", "local_level", "damped_trend", "ets", "arima", "theta", "var")
OF_RECORD = "auto"  # the one model that has a learned prior, and needs no draws
MODELS = (OF_RECORD, *_BESIDE)


def _model(name: str) -> Model:
    model: Model = getattr(import_module(f"forecast.models.{name}"), name)
    return model


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
    if model not in MODELS:
        raise NotFound("model", model, MODELS)


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
        keep_draws: Keep the joint draws, shape (2000, horizon, K). Without, the model of record computes means and
            intervals directly, which is faster and differs from the draws by hundredths of a point on average.
        prior: Of the model of record; None for the one that ships.

    Raises:
        InvalidArgument, NotFound: as `check_request`.
        NotEnoughData: fewer than two quarters have a figure.
    """
    check_request(horizon=horizon, levels=levels, model=model)
    return _forecast(
        prepare_history(history),
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
    name_changes: Sequence[NameChange] = (),
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
        name_changes: Declared changes of providers' names, as `forecast.name_tables.change_names_of_shares` applies
            them.
    """
    check_request(horizon=horizon, levels=levels, model=model)
    market = str(shares["market"][0])
    shares, notes = change_names_of_shares(shares, name_changes)
    prepared = prepare_shares(shares)
    return _forecast(
        replace(prepared, warnings=(*notes, *prepared.warnings)) if notes else prepared,
        market=market,
        house="",
        horizon=horizon,
        levels=levels,
        model=model,
        seed=seed,
        keep_draws=keep_draws,
        prior=prior or shipped_prior(),
    )


def warm_up() -> None:
    """Compile the model of record, or load what an earlier process compiled, so that the first answer is quick."""
    shares = {"market": ["m"] * 4, "period": ["2020Q1", "2020Q1", "2020Q2", "2020Q2"], "provider": ["A", "B"] * 2}
    forecast_shares(pl.DataFrame({**shares, "share": [0.5, 0.5, 0.4, 0.6], "decimals": [1] * 4}), horizon=1)


@cache
def _version() -> str:
    return version("sharecast")  # reads a file each time


def _forecast(
    prepared: Prepared,
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
    draws: FloatArray | None = None
    used: tuple[tuple[str, float], ...] = (("dlm", 1.0),)
    notes: tuple[str, ...] = ()
    if model == OF_RECORD:
        from forecast.models.dlm import draw_market, summarise_market

        if keep_draws:
            draws = draw_market(prepared.series, prior, horizon, DRAWS, np.random.default_rng(seed))
            summary = summarise(draws, ascending)
        else:
            summary = summarise_market(prepared.series, prior, horizon, ascending)
    else:
        outcome = _model(model)(
            prepared.series, power=prior.power, horizon=horizon, draws=DRAWS, rng=np.random.default_rng(seed)
        )
        draws = from_contrasts(outcome.contrasts, prior.power)
        summary = summarise(draws, ascending)
        used, notes = outcome.used, outcome.notes
    provenance = ModelProvenance(
        model=model,
        used=used,
        version=_version(),
        prior=prior.version if model == OF_RECORD else "",
        seed=seed,
        measured_coverage=prior.coverage(ascending) if model == OF_RECORD else (),
        notes=notes,
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
        resolution=prepared.series.resolution,
        stretch=prior.stretch if model == OF_RECORD else 1.0,
        latest=prepared.series.shares[-1],
    )
