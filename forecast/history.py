"""From figures to a quarterly composition, as known on a date: a state-space smoother in share space.

The state of a quarter is the K - 1 orthonormal contrasts of the K shares, so that shares sum to one whatever is said;
it walks at random, with steps that scale with the size of a share, and may jump at a declared break of the series.
Every figure is a noisy measurement of a linear function of it (`forecast.evidence`). All quarters are solved at once
(`forecast.posterior`), and whole histories are drawn, so that a forecast starts from what is not known too.
"""

import hashlib
import itertools
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from forecast.arrays import FloatArray
from forecast.breaks import SeriesBreaks
from forecast.composition import closure
from forecast.errors import NotEnoughData, NotFound
from forecast.evidence import VAGUE, Evidence, Observation, evidence
from forecast.name_changes import NameChange, Names
from forecast.name_tables import rename_providers
from forecast.own_history import own_history
from forecast.posterior import Design
from forecast.quarter import Quarter
from forecast.results import Doubt, History, Status
from forecast.slips import Suspect, doubted, find_slips
from forecast.statements import Kind
from forecast.wording import source_line_of

STEP = 0.012  # sd of a quarter's step of a share of `STEP_AT`, fraction; it grows with the root of the share
STEP_AT = 0.2
BREAK_STEP = 0.05  # the same for the jump that a declared break allows: Tencent went from 16 to 10 % in 2025Q1
USUAL_MOVES = 8  # moves of the usual size that a provider's own are averaged with
MOST_LIVELY = 8.0  # times the usual step that one move counts at most
SMALLEST_SHARE = 0.01  # steps of smaller shares are taken as if of this one
HISTORIES = 40  # joint draws of the past that a forecast starts from


def reconstruct(
    figures: pl.DataFrame,
    breaks: pl.DataFrame,
    *,
    market: str,
    house: str = "canalys",
    as_of: date | None = None,
    name_changes: Sequence[NameChange] = (),
) -> History:
    """Rebuild the quarterly composition of one market as one house tells it.

    Args:
        figures: Curated figures, as `forecast.figures.load_figures` returns them; where a column `kind` says that all
            of the house are of a table of shares, they hold as they are (`forecast.own_history`).
        breaks: Declared series breaks, as `forecast.figures.load_breaks` returns them.
        market: Name of the market.
        house: The research house's series.
        as_of: Only what was published on or before this day counts; None: everything.
        name_changes: Declared changes of providers' names, of any markets and houses. Who was renamed has one series,
            under the newest name. Who has become part of another is there until the quarter before; from then on its
            status is unknown, its smoothed share exactly zero, and what it has is in the other's.

    Raises:
        NotFound: no such market, or the house says nothing about it.
        NotEnoughData: no share of a quarter was published by then.
    """
    _check_known(figures, market, house)
    known = figures.filter(pl.col("market") == market, pl.col("house") == house)
    if as_of is not None:
        known = known.filter(pl.col("published_at") <= as_of)
    names = Names.known(name_changes, market=market, house=house, as_of=as_of)
    if "kind" in known.columns and known.height and bool((known["kind"] == "shares").all()):
        digest = _content_hash(known, names.changes)
        return own_history(known, names, market=market, house=house, as_of=as_of, content_hash=digest)
    breaks_known = SeriesBreaks.known(breaks, market=market, house=house, as_of=as_of)
    known = rename_providers(known, names.changes)
    said = evidence(known, breaks_known, names)
    if not said.observations:
        raise NotEnoughData(market, 0, 1, f"house {house}" + (f", as of {as_of}" if as_of else ""))
    observations, K = said.observations, len(said.providers)
    first = min(o.quarter for o in observations if not o.lags)
    quarters = tuple(first + t for t in range(observations[-1].quarter - first + 1))
    break_rows = {q - first: what for q, what in breaks_known.jumps if 0 < q - first < len(quarters)}
    plain = Design.of(observations, first, _steps(observations, quarters, K, tuple(break_rows)))
    _, posterior, suspects = find_slips(plain, observations, said.tables)
    smoothed, covariance = posterior.shares, posterior.covariance()
    holder = _holders(said.providers, quarters, names)
    smoothed, covariance = _held(smoothed, holder), _covariance_held(covariance, holder)
    gone = holder != np.arange(K)
    status, sources = _status(observations, doubted(suspects, len(observations)), quarters, K, gone)
    share, sd = _shown(smoothed, covariance, status)
    used = known.filter(pl.col("figure_id").is_in({f for o in observations for f in o.figure_ids}))
    doubts = _doubts(suspects, said, known)
    named = known["providers"].str.split("|").explode().unique().to_list()
    names_used = names.of(named)
    return History(
        market=market,
        house=house,
        as_of=as_of,
        quarters=quarters,
        providers=said.providers,
        share=share,
        sd=sd,
        status=status,
        smoothed=_closed(smoothed),
        smoothed_sd=np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)),
        draws=_closed(_held(posterior.draws(HISTORIES, np.random.default_rng(0)), holder)),
        breaks=tuple((first + row, what) for row, what in sorted(break_rows.items())),
        sources=sources,
        source_line=source_line_of(used),
        vintage=used["published_at"].max(),  # type: ignore[arg-type]  # a date column
        figures_used=used.height,
        content_hash=_content_hash(used, names_used),
        warnings=(*names.told(named), *_told_of(doubts), *said.left_out),
        doubts=doubts,
        name_changes=names_used,
    )


def _check_known(figures: pl.DataFrame, market: str, house: str) -> None:
    markets = tuple(figures["market"].unique().sort())
    if market not in markets:
        raise NotFound("market", market, markets)
    houses = tuple(figures.filter(pl.col("market") == market)["house"].unique().sort())
    if house not in houses:
        raise NotFound("house", house, houses)


def _steps(
    observations: Sequence[Observation], quarters: Sequence[Quarter], K: int, break_rows: tuple[int, ...]
) -> FloatArray:
    """Sd (T, K) of the step into each quarter.

    It scales with a first guess of every share, straight lines between the figures for it alone, and for a provider
    whose share is told to move more than that, as with the seasons, with how much it does.
    """
    rows = np.arange(len(quarters))
    guess = np.zeros((len(quarters), K))
    alone: list[dict[int, float]] = [{} for _ in range(K)]
    for o in observations:
        if not o.lags and len(o.members) == 1:
            alone[o.members[0]].setdefault(o.quarter - quarters[0], o.value)
    for o in observations:
        if not o.lags and len(o.named) == 1 < len(o.members):
            # others are part of it by now, and taken to have what they had
            row = o.quarter - quarters[0]
            theirs = sum(_between(alone[k], row) for k in o.members if k != o.named[0])
            alone[o.named[0]].setdefault(row, max(o.value - theirs, 0.0))
    for k, told in enumerate(alone):
        if told:
            at = sorted(told)
            guess[:, k] = np.interp(rows, at, [told[row] for row in at])
    guess[:, -1] = np.maximum(1.0 - guess[:, :-1].sum(axis=1), 0.0)
    usual = STEP * np.sqrt(np.maximum(guess, SMALLEST_SHARE) / STEP_AT)
    scale = np.array([_liveliness(told, usual[:, k], break_rows) for k, told in enumerate(alone)])
    steps = usual * scale
    steps[list(break_rows)] *= np.maximum(BREAK_STEP / STEP / scale, 1.0)
    return np.asarray(steps)


def _between(told: dict[int, float], row: int) -> float:
    """A share in a row, on straight lines between those told; zero where none is."""
    return float(np.interp(row, sorted(told), [told[at] for at in sorted(told)])) if told else 0.0


def _liveliness(told: dict[int, float], usual: FloatArray, break_rows: tuple[int, ...]) -> float:
    """How many times the usual step a share moves, going by the quarters told next to each other; at least 1."""
    rows = sorted(told)
    moves = [
        min(abs(told[t] - told[s]) / (usual[t] * np.sqrt(t - s)), MOST_LIVELY)  # one slip is not a habit
        for s, t in itertools.pairwise(rows)
        if not any(s < row <= t for row in break_rows)
    ]
    squared = (USUAL_MOVES + np.sum(np.square(moves))) / (USUAL_MOVES + len(moves))
    return float(np.sqrt(max(squared, 1.0)))


def _holders(providers: Sequence[str], quarters: Sequence[Quarter], names: Names) -> npt.NDArray[np.int64]:
    """For every quarter and provider (T, K) the position of whom it is part of, which mostly is itself."""
    holder = np.tile(np.arange(len(providers)), (len(quarters), 1))
    place = {name: k for k, name in enumerate(providers)}
    for name, k in place.items():
        if name in names.mergers:
            holder[:, k] = [place.get(names.owner(name, quarter), len(providers) - 1) for quarter in quarters]
    return holder


def _held(shares: FloatArray, holder: npt.NDArray[np.int64]) -> FloatArray:
    """Shares (..., T, K) added up to those that hold them in each quarter; who is held by another has zero."""
    T, K = holder.shape
    if (holder == np.arange(K)).all():
        return shares
    into = np.zeros((T, K, K))
    into[np.arange(T)[:, None], np.arange(K), holder] = 1.0
    return np.asarray(np.einsum("...tk,tkh->...th", shares, into))


def _covariance_held(covariance: FloatArray, holder: npt.NDArray[np.int64]) -> FloatArray:
    """The covariance (T, K, K) of shares that are added up so."""
    columns = _held(covariance.swapaxes(0, 1), holder).swapaxes(0, 1)
    return _held(columns.transpose(2, 0, 1), holder).transpose(1, 2, 0).swapaxes(1, 2)


def _closed(shares: FloatArray) -> FloatArray:
    """Shares (..., T, K) without the little that a normal state puts below zero."""
    return closure(np.maximum(shares, 0.0).reshape(-1, shares.shape[-1])).reshape(shares.shape)


def _status(
    observations: Sequence[Observation],
    disbelieved: npt.NDArray[np.bool_],
    quarters: Sequence[Quarter],
    K: int,
    gone: npt.NDArray[np.bool_],
) -> tuple[tuple[tuple[Status, ...], ...], tuple[tuple[tuple[int, ...], ...], ...]]:
    """Status (T, K) and the ids of the figures behind each cell (T, K).

    A share stated alone is reported; a sum, an amount beside the total, or the rest makes a cell combined. Growth and
    whole years tell of a quarter without stating anything of it, and what is recognised as a slip tells nothing:
    such a cell is inferred. Of those `gone` (T, K), who are part of another by then, nothing is known.
    """
    T = len(quarters)
    reported, combined, touched = np.zeros((3, T, K), bool)
    sources: list[list[set[int]]] = [[set() for _ in range(K)] for _ in quarters]
    for observation, slip in zip(observations, disbelieved, strict=True):
        t = observation.quarter - quarters[0]
        # To be part of an unnamed rest is not to be mentioned.
        mentioned = [K - 1] if observation.rest else list(observation.mentioned)
        reach = [t]
        if observation.lags:
            reach = [t - lag for lag, row in enumerate(observation.weights) if row.any()]
        vague = observation.kind is Kind.AMOUNT and observation.variance > VAGUE**2
        if slip or vague or observation.kind in (Kind.GROWTH, Kind.YEAR):
            for row in reach:
                touched[row, mentioned] = True
        elif observation.kind is Kind.SHARE and len(observation.mentioned) == 1:
            reported[t, mentioned] = True
        else:
            combined[t, mentioned] = True
        for row in reach:
            for k in mentioned:
                sources[row][k].update(observation.figure_ids)
    said = reported | combined
    for t in range(T):
        # A quarter that names every provider gives the rest too.
        if not said[t, -1] and (said | gone)[t, :-1].all():
            combined[t, -1] = said[t, -1] = True
            sources[t][-1] = set().union(*sources[t][:-1])
    _forget(gone, (reported, combined, touched, said), sources)
    heard = said | touched
    heard[:, -1] |= heard.any(axis=1)  # whatever is said of anyone bounds the rest
    since = np.logical_or.accumulate(heard, axis=0)
    until = np.logical_or.accumulate(heard[::-1], axis=0)[::-1]
    between = since & until & ~gone
    for observation, slip in zip(observations, disbelieved, strict=True):
        # What is published of the rest counts in whoever is not listed; Others does so only where nothing is known.
        if observation.rest and observation.kind is Kind.SHARE and not slip:
            t, unlisted = observation.quarter - quarters[0], list(observation.members[:-1])
            reported[t, -1] |= not (said | between)[t, unlisted].any()

    def status(t: int, k: int) -> Status:
        if reported[t, k]:
            return Status.REPORTED
        if combined[t, k]:
            return Status.COMBINED
        return Status.INFERRED if between[t, k] else Status.UNKNOWN

    return (
        tuple(tuple(status(t, k) for k in range(K)) for t in range(T)),
        tuple(tuple(tuple(sorted(cell)) for cell in row) for row in sources),
    )


def _forget(gone: npt.NDArray[np.bool_], masks: Sequence[npt.NDArray[np.bool_]], sources: list[list[set[int]]]) -> None:
    """Take what is known of cells `gone` (T, K) out of masks of that shape and out of their sources."""
    for mask in masks:
        mask[gone] = False
    for t, k in np.argwhere(gone):
        sources[t][k].clear()


def _doubts(suspects: Sequence[Suspect], said: Evidence, known: pl.DataFrame) -> tuple[Doubt, ...]:
    """What was found to be wrong or in dispute, as the pages state it."""
    columns = ("figure_id", "period", "providers", "measure", "value")
    rows = {row[0]: row[1:] for row in known.select(columns).iter_rows()}
    found = []
    for suspect in suspects:
        observation = said.observations[suspect.index]
        period, providers, measure, value = rows[observation.figure_ids[0]]
        found.append(
            Doubt(
                figure_ids=observation.figure_ids,
                period=period,
                providers=tuple(providers.split("|")),
                measure=measure,
                value=value,
                off=suspect.off,
                reason=suspect.reason,
            )
        )
    return tuple(found)


def _told_of(doubts: Sequence[Doubt]) -> tuple[str, ...]:
    """Doubts in words; the cells of a table that does not add up are one."""
    tables: dict[str, list[Doubt]] = {}
    words: dict[str, None] = {}
    for doubt in doubts:
        if doubt.reason == "table":
            tables.setdefault(doubt.period, []).append(doubt)
        else:
            words[str(doubt)] = None
    for period, cells in tables.items():
        names = ", ".join(name for cell in cells for name in cell.providers)
        total = f"{100 * (1 + cells[0].off):.1f} %"
        words[f"given less weight: the shares of {period}, a table that sums to {total} ({names})"] = None
    return tuple(words)


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


def _content_hash(figures: pl.DataFrame, changes: Sequence[NameChange] = ()) -> str:
    columns = ["period", "providers", "measure", "value", "qualifier", "decimals", "published_at"]
    named = "".join(f"{change}\n" for change in changes)
    return hashlib.sha256((figures.select(columns).sort(columns).write_csv() + named).encode()).hexdigest()
