"""From a history or a table of shares to a forecast: choose the quarters, transform, run the model, summarise."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import import_module
from importlib.metadata import version
from numbers import Integral, Real

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.brought import TableLike, read_table, with_names
from forecast.composition import from_contrasts
from forecast.draws import summarise
from forecast.errors import InvalidArgument, InvalidTable, NotFound
from forecast.models.base import Model, Outcome
from forecast.name_changes import NameChange, check_declared
from forecast.preparing import Prepared, prepare_history, prepare_shares
from forecast.prior import Prior, shipped_prior
from forecast.results import OTHERS, Forecast, History, ModelProvenance
from forecast.shares import SharesTable

DRAWS = 2000
FINEST_LEVEL = 1.0 - 1e-6  # of an interval that is computed without draws
FINEST_OF_DRAWS = 0.999  # beyond, less than one draw lies on either side
LONGEST_HORIZON = 40
LARGEST_SEED = 2**64 - 1

# Each of these is a function of its own name in its own file of `forecast.models`. Models are loaded when they are
# asked for: statsmodels takes a second, numba a quarter of one.
_BESIDE = ("naive", "smoothing", "local_level", "damped_trend", "ets", "arima", "theta", "var")
OF_RECORD = "auto"  # the one model whose coverage is measured, and that needs no draws
MODELS = (OF_RECORD, *_BESIDE)
NOT_LIFTED = f"every provider is named: no part is expected to rise as {OTHERS} does where others can enter"


def _model(name: str) -> Model:
    model: Model = getattr(import_module(f"forecast.models.{name}"), name)
    return model


def check_request(*, horizon: float, levels: Sequence[float] | float, model: str) -> tuple[int, tuple[float, ...]]:
    """Check what a forecast is asked for.

    Returns:
        The horizon and the levels as plain numbers: 8.0 quarters are 8, and one level alone is one.

    Raises:
        InvalidArgument: `horizon` is not in 1 to 40, or a level is not in (0, 1) or stands twice.
        NotFound: the model is not known.
    """
    quarters = _whole(horizon)
    if quarters is None or not 1 <= quarters <= LONGEST_HORIZON:
        raise InvalidArgument("horizon", horizon, f"1 to {LONGEST_HORIZON} quarters")
    several = isinstance(levels, Iterable) and not isinstance(levels, str)
    asked: list[object] = list(levels) if several else [levels]  # type: ignore[arg-type]  # mypy does not follow
    for level in asked:
        value = _value(level)
        if not 0.0 < value <= FINEST_LEVEL:
            hint = f"; did you mean {value / 100:g}?" if 1.0 < value < 100.0 else ""
            finest = f", at most {FINEST_LEVEL}" if FINEST_LEVEL < value < 1.0 else ""
            raise InvalidArgument("levels", level, f"a proportion between 0 and 1, such as 0.95{finest}{hint}")
    if len(set(asked)) < len(asked):
        raise InvalidArgument("levels", asked, "each level once")
    if not isinstance(model, str) or model not in MODELS:
        raise NotFound("model", str(model), MODELS)
    return quarters, tuple(float(level) for level in asked)  # type: ignore[arg-type]  # each is a number


def check_seed(seed: float) -> int:
    """The seed as a plain number.

    Raises:
        InvalidArgument: it is not whole, or not in 0 to 2**64 - 1.
    """
    found = _whole(seed)
    if found is None or not 0 <= found <= LARGEST_SEED:
        raise InvalidArgument("seed", seed, "a whole number from 0 to 2**64 - 1")
    return found


def _whole(number: object) -> int | None:
    """A whole number of any numeric type; None for anything else."""
    value = _value(number)
    if not value.is_integer():
        return None
    return int(number) if isinstance(number, Integral) else int(value)  # a float has too few digits for a large seed


def _value(number: object) -> float:
    """A number of any numeric type; NaN for anything else."""
    return math.nan if isinstance(number, bool) or not isinstance(number, Real) else float(number)


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
        seed: Of the draws; the same seed gives the same bits, and each market its own by its name.
        keep_draws: Keep the joint draws, shape (2000, horizon, K). The means and intervals of `auto` are computed
            without them, asked for or not, and agree with the draws within sampling error.
        prior: Of the model of record; None for the one that ships.

    Raises:
        InvalidArgument, NotFound: as `check_request`.
        NotEnoughData: fewer than two quarters have a figure.
    """
    horizon, levels = check_request(horizon=horizon, levels=levels, model=model)
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
    shares: "SharesTable | TableLike",
    *,
    horizon: int = 8,
    levels: Sequence[float] = (0.8, 0.95),
    model: str = "auto",
    seed: int = 0,
    keep_draws: bool = False,
    prior: Prior | None = None,
    name_changes: Sequence[NameChange] = (),
) -> Forecast:
    """Forecast one market given as a table of shares or amounts.

    Args:
        shares: A frame of Polars or pandas, or rows as mappings, with a row per quarter and provider or a column per
            provider or quarter, as `forecast.read_table` takes it; or one that was read already. Where a message asks
            for an option such as --measure percent, read it with ``options=forecast.Reading(measure="percent")``.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels of the intervals, each in (0, 1).
        model: One of `MODELS`.
        seed: Of the draws.
        keep_draws: Keep the joint draws, shape (2000, horizon, K).
        prior: Of the model of record; None for the one that ships.
        name_changes: Declared changes of providers' names, as `forecast.name_tables.change_names_of_shares` applies
            them.

    Returns:
        The forecast; its `warnings` say what was assumed of the table.

    Raises:
        InvalidTable: the table breaks a rule of shares tables; names the rows.
        InvalidArgument, NotFound: as `check_request`; or the table holds several markets, which
            `forecast.forecast_markets` takes.
        NotEnoughData: fewer than two quarters have a share.
    """
    horizon, levels = check_request(horizon=horizon, levels=levels, model=model)
    read = shares if isinstance(shares, SharesTable) else read_table(shares)
    if read.broken:
        raise InvalidTable(read.table, read.violations, read.broken)
    markets = read.shares["market"].unique(maintain_order=True).to_list()
    if len(markets) != 1:
        found = f"a table of {len(markets)} markets ({', '.join(markets[:3])}{', ...' if len(markets) > 3 else ''})"
        raise InvalidArgument("shares", found, "one market; forecast_markets takes many")
    check_declared(name_changes, read.shares["provider"])
    read = with_names(read, name_changes)
    prepared = prepare_shares(read.shares)
    return _forecast(
        replace(prepared, warnings=(*read.notes_of(markets[0]), *prepared.warnings)),
        market=markets[0],
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
    forecast_shares(pl.DataFrame({**shares, "share": [0.5, 0.5, 0.4, 0.6]}), horizon=1)


def market_seed(seed: int, market: str, /) -> int:
    """The seed of one market, in [0, 2^63): hangs on the seed asked for and the market's name, on nothing else.

    So a market's draws are the same alone and among others, whoever comes or goes, and apart from those of the others.
    """
    digest = hashlib.sha256(f"{seed}\0{market}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@cache
def _version() -> str:
    return version("sharecast")  # reads a file each time


def provenance_of_record(
    prior: Prior, levels: Sequence[float], seed: int, *, smoothing_weight: float, restlessness: float, has_rest: bool
) -> ModelProvenance:
    """Where a forecast of the model of record comes from.

    Args:
        prior: The prior it was made with.
        levels: Nominal levels of its intervals, ascending.
        seed: Of its draws.
        smoothing_weight: Weight of the second member, in [0, 1).
        restlessness: Of the market, points; says which measured coverage is its own.
        has_rest: Whether a part of the market is its rest, `Others`, which is lifted.
    """
    members = (("dlm", 1.0 - smoothing_weight), ("smoothing", smoothing_weight))
    return ModelProvenance(
        model=OF_RECORD,
        used=tuple((name, weight) for name, weight in members if weight > 0.0),
        version=_version(),
        prior=prior.version,
        seed=seed,
        measured_coverage=prior.coverage(levels, restlessness),
        notes=() if has_rest else (NOT_LIFTED,),
    )


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
    seed = check_seed(seed)
    rng = np.random.default_rng(market_seed(seed, market))
    draws: FloatArray | None = None
    if model == OF_RECORD:
        from forecast.models.dlm import pasts_of
        from forecast.models.pool import draw_market, restlessness, smoothing_weight, summarise_market

        residual = prepared.providers.index(OTHERS) if OTHERS in prepared.providers else None
        pasts = pasts_of(prepared.series)
        provenance = provenance_of_record(
            prior,
            ascending,
            seed,
            smoothing_weight=smoothing_weight(pasts),
            restlessness=restlessness(pasts),
            has_rest=residual is not None,
        )
        summary = summarise_market(prepared.series, prior, horizon, ascending, residual)
        if keep_draws:
            draws = draw_market(prepared.series, prior, horizon, DRAWS, rng, residual)
    else:
        if ascending and ascending[-1] > FINEST_OF_DRAWS:
            allowed = f"at most {FINEST_OF_DRAWS} with model {model}, whose intervals are counted over {DRAWS:,} draws"
            raise InvalidArgument("levels", ascending[-1], allowed)
        if len(prepared.providers) == 1:
            outcome = Outcome(np.zeros((DRAWS, horizon, 0)), ((model, 1.0),))
        else:
            outcome = _model(model)(prepared.series, power=prior.power, horizon=horizon, draws=DRAWS, rng=rng)
        draws = from_contrasts(outcome.contrasts, prior.power)
        summary = summarise(draws, ascending)
        provenance = ModelProvenance(model, outcome.used, _version(), prior="", seed=seed, notes=outcome.notes)
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
        stretch=prior.stretch if model == OF_RECORD else 0.0,
        latest=prepared.series.shares[-1],
    )
