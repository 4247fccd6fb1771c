"""From figures to a quarterly composition, as known on a date: a state-space smoother in share space.

The state of a quarter is the K - 1 orthonormal contrasts of the K shares, so that shares sum to one whatever is said;
it walks at random, with steps that scale with the size of a share, and may jump at a declared break of the series.
Every figure is a noisy measurement of a linear function of it (`forecast.evidence`). statsmodels filters and smooths,
and its simulation smoother draws whole histories, so that a forecast starts from what is not known too.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from statsmodels.tsa.statespace.mlemodel import MLEModel

from forecast.arrays import FloatArray
from forecast.composition import closure, helmert
from forecast.errors import NotEnoughData, NotFound
from forecast.evidence import Observation, observations
from forecast.figures import known_as_of
from forecast.quarter import Quarter
from forecast.results import OTHERS, History, Status

STEP = 0.012  # sd of a quarter's step of a share of `STEP_AT`, fraction; it grows with the root of the share
STEP_AT = 0.2
BREAK_STEP = 0.05  # the same for the jump that a declared break allows: Tencent went from 16 to 10 % in 2025Q1
START_SD = 0.30  # sd of the first quarter about equal shares, fraction: nothing is known
SMALLEST_SHARE = 0.01  # steps of smaller shares are taken as if of this one
HISTORIES = 40  # joint draws of the past that a forecast starts from
FEWEST_MENTIONS = 2  # quarters that must name a provider before it is followed on its own


class ShareSpaceModel(MLEModel):
    """The shares of a market as contrasts that walk at random; nothing is estimated, everything is given.

    Args:
        values: Shape (T, M), observed values, NaN where a quarter has fewer than M figures.
        weights: Shape (T, M, K), of the shares in each.
        variances: Shape (T, M).
        step_sd: Shape (T, K), sd of the step into each quarter.
    """

    def __init__(self, values: FloatArray, weights: FloatArray, variances: FloatArray, step_sd: FloatArray) -> None:
        _, M, K = weights.shape
        basis = helmert(K)
        super().__init__(  # type: ignore[no-untyped-call]  # statsmodels ships no types
            values,
            k_states=K - 1,
            k_posdef=K - 1,
            initialization="known",
            constant=np.zeros(K - 1),
            stationary_cov=START_SD**2 * np.eye(K - 1),
        )
        # shares = 1 / K + basis @ state
        self.ssm["design"] = np.einsum("tmk,kd->mdt", weights, basis)
        self.ssm["obs_intercept"] = weights.sum(axis=2).T / K
        self.ssm["obs_cov"] = np.einsum("tm,mn->mnt", variances, np.eye(M))
        self.ssm["transition"] = np.eye(K - 1)
        self.ssm["selection"] = np.eye(K - 1)
        # state_cov of quarter t moves the state from t to t + 1.
        ahead = np.concatenate([step_sd[1:], step_sd[-1:]])
        self.ssm["state_cov"] = np.einsum("kd,tk,ke->det", basis, ahead**2, basis)
        # Figures of one quarter have independent noise: one at a time is exact, faster, and needs no inverse.
        self.ssm.filter_univariate = True


def reconstruct(
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    *,
    market: str,
    house: str = "canalys",
    as_of: date | None = None,
) -> History:
    """Rebuild the quarterly composition of one market as one house tells it.

    Args:
        figures: Curated figures, as `forecast.figures.load_figures` returns them.
        breaks: Declared series breaks, as `forecast.figures.load_breaks` returns them.
        market: Name of the market.
        house: The research house's series.
        as_of: Only what was published on or before this day counts; None: everything.

    Raises:
        NotFound: no such market, or the house says nothing about it.
        NotEnoughData: no share of a quarter was published by then.
    """
    _check_known(figures, market, house)
    chosen = figures.filter(pl.col("market") == market, pl.col("house") == house)
    known = known_as_of(chosen, as_of)
    known_breaks = _known_breaks(breaks, market, house, as_of)
    usable, warnings = _usable(known, known_breaks)
    if usable.is_empty():
        raise NotEnoughData(market, 0, 1, f"house {house}" + (f", as of {as_of}" if as_of else ""))
    providers = followed(usable)
    found, left_out = observations(usable, providers)
    if not found:
        raise NotEnoughData(market, 0, 1, f"house {house}" + (f", as of {as_of}" if as_of else ""))
    first, last = found[0].quarter, found[-1].quarter
    quarters = tuple(first + t for t in range(last - first + 1))
    break_rows = {q - first: what for q, what in known_breaks.jumps if 0 < q - first < len(quarters)}
    smoothed = _smooth(found, quarters, len(providers), tuple(break_rows))
    status, sources = _status(found, quarters, len(providers))
    share, sd = _shown(smoothed.shares, smoothed.covariance, status)
    return History(
        market=market,
        house=house,
        as_of=as_of,
        quarters=quarters,
        providers=providers,
        share=share,
        sd=sd,
        status=status,
        smoothed=_closed(smoothed.shares),
        smoothed_sd=np.sqrt(np.maximum(np.diagonal(smoothed.covariance, axis1=1, axis2=2), 0.0)),
        draws=smoothed.draws,
        breaks=tuple((first + row, what) for row, what in sorted(break_rows.items())),
        sources=sources,
        source_line=_source_line(usable),
        vintage=usable["published_at"].max(),  # type: ignore[arg-type]  # a date column
        figures_used=len(found),
        content_hash=_content_hash(usable),
        warnings=(*warnings, *left_out),
    )


def followed(figures: pl.DataFrame) -> tuple[str, ...]:
    """The providers to follow on their own, largest first, and `Others` last.

    A provider is followed when two quarters give its share, or the newest quarter with shares does.

    Args:
        figures: Share figures of one market and house.
    """
    single = figures.filter(~pl.col("providers").str.contains("|", literal=True), pl.col("providers") != OTHERS)
    single = single.filter(~pl.col("providers").str.contains(r"^TOP\d+$"))
    newest = single["period"].max()
    mentions = single.group_by("providers").agg(
        quarters=pl.col("period").n_unique(), newest=pl.col("period").max(), size=pl.col("value").mean()
    )
    kept = mentions.filter((pl.col("quarters") >= FEWEST_MENTIONS) | (pl.col("newest") == newest))
    ordered = kept.sort(["size", "providers"], descending=[True, False])
    return (*ordered["providers"], OTHERS)


@dataclass(frozen=True, slots=True)
class _Breaks:
    jumps: tuple[tuple[Quarter, str], ...]
    revisions: tuple[tuple[str, str, date], ...]  # first and last period restated, day of the revision


@dataclass(frozen=True, slots=True, eq=False)
class _Smoothed:
    shares: FloatArray  # (T, K), sum to one, possibly a little below zero
    covariance: FloatArray  # (T, K, K)
    draws: FloatArray  # (HISTORIES, T, K), compositions


def _check_known(figures: pl.DataFrame, market: str, house: str) -> None:
    markets = tuple(figures["market"].unique().sort())
    if market not in markets:
        raise NotFound("market", market, markets)
    houses = tuple(figures.filter(pl.col("market") == market)["house"].unique().sort())
    if house not in houses:
        raise NotFound("house", house, houses)


def _known_breaks(breaks: pl.DataFrame, market: str, house: str, as_of: date | None) -> _Breaks:
    mine = breaks.filter(pl.col("market") == market, pl.col("house") == house)
    if as_of is not None:
        mine = mine.filter(pl.col("published_at") <= as_of)
    rows = mine.sort("period").iter_rows(named=True)
    jumps: list[tuple[Quarter, str]] = []
    revisions: list[tuple[str, str, date]] = []
    for row in rows:
        jumps.append((Quarter.parse(row["period"]), row["description"]))
        if row["kind"] == "revision":
            revisions.append((row["period"], row["last_period"], row["published_at"]))
    return _Breaks(tuple(jumps), tuple(revisions))


def _usable(figures: pl.DataFrame, breaks: _Breaks) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Quarterly share figures that are not slips and not of a vintage since revised; and what that left out."""
    shares = figures.filter(pl.col("measure") == "share", ~pl.col("annual"), pl.col("providers") != "TOTAL")
    slips = shares.filter(pl.col("mark") == "slip")
    warnings = [
        f"left out as a slip: {period} {names.replace('|', ' + ')} {value:.1%}"
        for period, names, value in slips.select("period", "providers", "value").iter_rows()
    ]
    usable = shares.filter(pl.col("mark") != "slip")
    for first, last, revised in breaks.revisions:
        old = pl.col("period").is_between(pl.lit(first), pl.lit(last)) & (pl.col("published_at") < revised)
        dropped = usable.filter(old).height
        if dropped:
            warnings.append(f"left out, as {first} to {last} was revised on {revised}: {dropped} earlier figure(s)")
            usable = usable.filter(~old)
    return usable, tuple(warnings)


def _crude(found: Sequence[Observation], quarters: Sequence[Quarter], K: int) -> FloatArray:
    """First guess (T, K) of every share, straight lines between the figures for it alone: sizes the steps."""
    rows = np.arange(len(quarters))
    guess = np.zeros((len(quarters), K))
    for k in range(K):
        alone = [(o.quarter - quarters[0], o.value) for o in found if o.members == (k,)]
        if alone:
            at, value = np.array(sorted(alone)).T
            guess[:, k] = np.interp(rows, at, value)
    guess[:, -1] = np.maximum(1.0 - guess[:, :-1].sum(axis=1), 0.0)
    return np.maximum(guess, SMALLEST_SHARE)


def _smooth(
    found: Sequence[Observation], quarters: Sequence[Quarter], K: int, break_rows: tuple[int, ...]
) -> _Smoothed:
    T = len(quarters)
    by_row: list[list[Observation]] = [[] for _ in quarters]
    for observation in found:
        by_row[observation.quarter - quarters[0]].append(observation)
    M = max(len(row) for row in by_row)
    values, variances = np.full((T, M), np.nan), np.ones((T, M))
    weights = np.zeros((T, M, K))
    for t, row in enumerate(by_row):
        for m, observation in enumerate(row):
            values[t, m], variances[t, m] = observation.value, observation.variance
            weights[t, m] = observation.weights
    step = np.full((T, 1), STEP)
    step[list(break_rows)] = BREAK_STEP
    step_sd = step * np.sqrt(_crude(found, quarters, K) / STEP_AT)
    model = ShareSpaceModel(values, weights, variances, step_sd)
    result = model.ssm.smooth()
    basis = helmert(K)
    shares = 1.0 / K + result.smoothed_state.T @ basis.T
    covariance = np.einsum("kd,det,le->tkl", basis, result.smoothed_state_cov, basis)
    return _Smoothed(np.asarray(shares), np.asarray(covariance), _draw_histories(model, shares, basis))


def _draw_histories(model: ShareSpaceModel, mean: FloatArray, basis: FloatArray) -> FloatArray:
    """Joint draws of the past, shape (HISTORIES, T, K), each quarter a composition; the same for the same figures.

    Every second draw mirrors the one before at the smoothed mean, so that few draws have the right mean.
    """
    smoother = model.simulation_smoother()
    rng = np.random.default_rng(0)
    draws = np.empty((HISTORIES, *mean.shape))
    for n in range(0, HISTORIES, 2):
        smoother.simulate(rng=rng)
        deviation = smoother.simulated_state.T @ basis.T + 1.0 / len(basis) - mean
        draws[n], draws[n + 1] = _closed(mean + deviation), _closed(mean - deviation)
    return draws


def _closed(shares: FloatArray) -> FloatArray:
    """Shares (T, K) without the little that a normal state puts below zero."""
    return closure(np.maximum(shares, 0.0))


def _status(
    found: Sequence[Observation], quarters: Sequence[Quarter], K: int
) -> tuple[tuple[tuple[Status, ...], ...], tuple[tuple[tuple[int, ...], ...], ...]]:
    """Status (T, K) and the ids of the figures behind each cell (T, K)."""
    T = len(quarters)
    reported, combined = np.zeros((T, K), bool), np.zeros((T, K), bool)
    sources: list[list[list[int]]] = [[[] for _ in range(K)] for _ in quarters]
    for observation in found:
        t = observation.quarter - quarters[0]
        # To be part of an unnamed rest is not to be mentioned.
        mentioned = (K - 1,) if observation.rest else observation.members
        for k in mentioned:
            (reported if len(mentioned) == 1 else combined)[t, k] = True
            sources[t][k].append(observation.figure_id)
    for t in range(T):
        # A quarter that names every provider gives the rest too.
        if not reported[t, -1] and (reported | combined)[t, :-1].all():
            combined[t, -1] = True
            sources[t][-1] = sorted({f for cell in sources[t][:-1] for f in cell})
    said = reported | combined
    said[:, -1] |= said.any(axis=1)  # whatever is said of anyone bounds the rest
    since = np.logical_or.accumulate(said, axis=0)
    until = np.logical_or.accumulate(said[::-1], axis=0)[::-1]

    def status(t: int, k: int) -> Status:
        if reported[t, k]:
            return Status.REPORTED
        if combined[t, k]:
            return Status.COMBINED
        return Status.INFERRED if since[t, k] and until[t, k] else Status.UNKNOWN

    return (
        tuple(tuple(status(t, k) for k in range(K)) for t in range(T)),
        tuple(tuple(tuple(cell) for cell in row) for row in sources),
    )


def _shown(
    smoothed: FloatArray, covariance: FloatArray, status: tuple[tuple[Status, ...], ...]
) -> tuple[FloatArray, FloatArray]:
    """Share and sd (T, K), NaN where unknown; Others takes in whoever is unknown, so that a quarter sums to one."""
    unknown = np.array([[s is Status.UNKNOWN for s in row] for row in status])
    share = np.where(unknown, np.nan, _closed(smoothed))
    share[:, -1] = np.where(unknown[:, -1], np.nan, 1.0 - np.nansum(share[:, :-1], axis=1))
    sd = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))
    for t in range(len(share)):
        rest = np.append(unknown[t, :-1], True).astype(float)
        sd[t, -1] = np.sqrt(max(rest @ covariance[t] @ rest, 0.0))
    return share, np.where(np.isnan(share), np.nan, sd)


def _source_line(figures: pl.DataFrame) -> str:
    """The publishers with most figures and how many more there are; empty where none is named."""
    named = figures.filter(pl.col("publisher").fill_null("") != "")
    names = (
        named.group_by("publisher").len().sort(["len", "publisher"], descending=[True, False])["publisher"].to_list()
    )
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"Source: {', '.join(names[:4])}{more}" if names else ""


def _content_hash(figures: pl.DataFrame) -> str:
    columns = ["period", "providers", "value", "qualifier", "decimals", "published_at"]
    return hashlib.sha256(figures.select(columns).sort(columns).write_csv().encode()).hexdigest()
