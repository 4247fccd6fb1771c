"""The past as a chart shows it: a mark for each share that is known."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from statistics import NormalDist

import numpy as np

from forecast.arrays import FloatArray
from forecast.charts.sheet import Mark
from forecast.results import History, Status

INFERRED_LEVEL = 0.95  # of the bars of inferred shares


def marks_of(history: History | None, column: int | None) -> tuple[Mark, ...]:
    """The marks of one provider, in time; none for what is unknown, or without a history or column."""
    if history is None or column is None:
        return ()
    reach = NormalDist().inv_cdf((1 + INFERRED_LEVEL) / 2)
    marks = []
    for t, quarter in enumerate(history.quarters):
        share, status = float(history.share[t, column]), history.status[t][column]
        if status is Status.UNKNOWN or not isfinite(share):
            continue
        sd = float(history.sd[t, column])
        spread = reach * sd if isfinite(sd) else 0.0
        marks.append(Mark(quarter, share, status, max(0.0, share - spread), min(1.0, share + spread)))
    return tuple(marks)


def as_forecast(history: History | None, providers: Sequence[str]) -> History | None:
    """The history with Others made of the same providers as the Others of the forecast.

    A history counts in Others whoever is unknown in a quarter; a forecast counts there whoever it does not follow.
    Left as it is, the fan of Others would start away from its own past.
    """
    if history is None or history.providers[-1] not in providers:
        return history
    kept = [k for k, provider in enumerate(history.providers[:-1]) if provider in providers]
    rest = [k for k in range(len(history.providers)) if k not in kept]
    status = tuple((*(row[k] for k in kept), _status_of_rest(row, kept, rest)) for row in history.status)
    unknown = np.array([row[-1] is Status.UNKNOWN for row in status])
    share, sd = history.smoothed[:, rest].sum(axis=1), _sd_of_rest(history, kept, rest)
    return replace(
        history,
        providers=(*(history.providers[k] for k in kept), history.providers[-1]),
        share=_with_rest(history.share[:, kept], np.where(unknown, np.nan, share)),
        sd=_with_rest(history.sd[:, kept], np.where(unknown, np.nan, sd)),
        status=status,
        smoothed=_with_rest(history.smoothed[:, kept], share),
        smoothed_sd=_with_rest(history.smoothed_sd[:, kept], sd),
        draws=None,
        sources=(),
    )


def _status_of_rest(row: Sequence[Status], kept: Sequence[int], rest: Sequence[int]) -> Status:
    if row[-1] is not Status.UNKNOWN and any(row[k] is Status.UNKNOWN for k in kept):
        return Status.INFERRED  # what was published counts more providers in
    if row[-1] is Status.REPORTED and any(row[k] is not Status.UNKNOWN for k in rest[:-1]):
        return Status.COMBINED  # the sum of what was published
    return row[-1]


def _sd_of_rest(history: History, kept: Sequence[int], rest: Sequence[int]) -> FloatArray:
    """Standard deviation (T,) of the sum of some shares: of its draws, or about that of either half of the whole."""
    if history.draws is not None and len(history.draws) > 1:
        return np.asarray(history.draws[:, :, rest].sum(axis=2).std(axis=0, ddof=1))
    halves = [np.sqrt((history.smoothed_sd[:, half] ** 2).sum(axis=1)) for half in (kept, rest) if len(half)]
    return np.asarray(np.minimum.reduce(halves))


def _with_rest(columns: FloatArray, rest: FloatArray) -> FloatArray:
    return np.asarray(np.column_stack([columns, rest]))
