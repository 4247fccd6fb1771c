"""What a user gets back: a reconstructed history, and a forecast. Both are values, valid once built."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

import polars as pl

from forecast.arrays import FloatArray
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from forecast.shown import Shown

OTHERS = "Others"


class Status(StrEnum):
    """How a cell of a history is known."""

    REPORTED = "reported"  # a figure states this very share
    COMBINED = "combined"  # of the quarter: a sum this share is in, the rest beside it, or an amount and the total
    INFERRED = "inferred"  # no share or amount of the quarter, but growth, a whole year, or quarters on both sides
    UNKNOWN = "unknown"  # nothing was said that bears on this quarter, nor of quarters on both sides of it


@dataclass(frozen=True, slots=True)
class Doubt:
    """A figure that is given less weight, because other figures contradict it."""

    figure_ids: tuple[int, ...]  # the figure and those it was worked out with
    period: str  # "2020Q3", or "2020" for a whole year
    providers: tuple[str, ...]
    measure: str  # share, yoy_growth, spend_usd_bn, units_mn or amount
    value: float  # as stated: fraction, or amount in the unit of the measure
    off: float  # of the shares it tells, how far they lie above what is otherwise expected, fraction
    reason: Literal["slip", "contradiction", "table"]

    def __str__(self) -> str:
        names = " + ".join(self.providers)
        value = f"{self.value:g}" if self.measure not in ("share", "yoy_growth") else f"{100 * self.value:.3g} %"
        what = f"{names}{' growth' if self.measure == 'yoy_growth' else ''} {self.period} = {value}"
        if self.measure == "share":
            others = f"other sources say {100 * (self.value - self.off):.3g} %"
        else:
            side = "above" if self.off > 0 else "below"
            others = f"{100 * abs(self.off):.1f} points of share {side} what other sources say"
        match self.reason:
            case "slip":
                return f"treated as an error: {what} ({others})"
            case "contradiction":
                return f"given little weight: {what} ({others}; unclear which is right)"
            case "table":
                return f"given less weight: {what} (in a table that sums to {100 * (1 + self.off):.1f} %)"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class History(Shown):
    """The quarterly composition of one market as one research house tells it, as known on a date.

    T quarters by K providers, the last provider being `Others`, the residual.
    """

    market: str
    house: str
    as_of: date | None  # None: every figure there is
    quarters: tuple[Quarter, ...]  # T, consecutive
    providers: tuple[str, ...]  # K
    share: FloatArray  # (T, K) fraction; NaN where the status is unknown
    sd: FloatArray  # (T, K) standard deviation of `share`, fraction; NaN where unknown
    status: tuple[tuple[Status, ...], ...]  # (T, K)
    smoothed: FloatArray  # (T, K) fraction, each row sums to one; the estimate also where the status is unknown
    smoothed_sd: FloatArray  # (T, K) its standard deviation
    draws: FloatArray | None = None  # (n, T, K) joint draws of the past, each quarter a composition
    breaks: tuple[tuple[Quarter, str], ...] = ()  # declared breaks: first quarter after it, what changed
    sources: tuple[tuple[tuple[int, ...], ...], ...] = ()  # (T, K) ids of the figures behind each cell
    source_line: str = ""  # publishers, for the foot of a chart
    vintage: date | None = None  # publication date of the newest figure used
    figures_used: int = 0
    content_hash: str = ""  # SHA-256 of the figures used
    warnings: tuple[str, ...] = ()  # what was dropped or doubted, in words
    doubts: tuple[Doubt, ...] = ()  # figures that what else was known contradicts, by period of what they tell
    completed: FloatArray | None = None  # (T, K) of an owner's table: its quarters as they are forecast, NaN where none
    resolution: float = 0.0  # half a unit of the printed precision of an owner's table, fraction; 0: not known
    name_changes: tuple[NameChange, ...] = ()  # declared and in force: a forecast sees what has merged as one provider

    def to_frame(self) -> pl.DataFrame:
        """One row per quarter and provider: market, house, period, provider, share, sd, status."""
        t, k = self.share.shape
        return pl.DataFrame(
            {
                "market": [self.market] * (t * k),
                "house": [self.house] * (t * k),
                "period": [str(q) for q in self.quarters for _ in range(k)],
                "provider": list(self.providers) * t,
                "share": self.share.ravel(),
                "sd": self.sd.ravel(),
                "status": [str(s) for row in self.status for s in row],
            },
            schema_overrides={"share": pl.Float64, "sd": pl.Float64},
        ).with_columns(pl.col("share", "sd").fill_nan(None))


@dataclass(frozen=True, slots=True)
class ModelProvenance:
    """Which model made a forecast."""

    model: str  # the name asked for
    used: tuple[tuple[str, float], ...]  # models that took part and their weights, summing to one
    version: str  # of the code
    prior: str  # version of the prior; empty for models that use none
    seed: int
    measured_coverage: tuple[float, ...] = ()  # of each level of the forecast, on other markets; empty: not measured
    notes: tuple[str, ...] = ()  # such as a fall-back from a model that did not converge


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Forecast(Shown):
    """A joint forecast of one market: H quarters ahead, K providers, N levels.

    Means sum to one over the providers of a quarter. Medians and interval bounds are per provider and do not.
    """

    market: str
    house: str
    providers: tuple[str, ...]  # K
    origin: Quarter  # last quarter the model saw
    levels: tuple[float, ...]  # nominal, ascending, in (0, 1)
    mean: FloatArray  # (H, K) fraction
    median: FloatArray  # (H, K)
    lower: FloatArray  # (N, H, K)
    upper: FloatArray  # (N, H, K)
    provenance: ModelProvenance
    as_of: date | None = None
    draws: FloatArray | None = None  # (draw, H, K), each row a composition, where asked for
    history: History | None = None  # what it was made from, where there are figures behind it
    warnings: tuple[str, ...] = ()
    resolution: float = 0.0  # half a unit of the printed precision of the shares it was made from, fraction
    stretch: float = 0.0  # of simultaneous bands of the draws, as `forecast.draws.simultaneous_bands` takes it
    latest: FloatArray | None = None  # (K,) composition of the origin, fraction; what events are told against
    given: tuple[str, ...] = ()  # conditions on the future that every draw meets, in words

    @property
    def horizon(self) -> int:
        """Quarters ahead."""
        return int(self.mean.shape[0])

    @property
    def periods(self) -> tuple[Quarter, ...]:
        """The quarters forecast."""
        return tuple(self.origin + h for h in range(1, self.horizon + 1))

    def to_frame(self) -> pl.DataFrame:
        """The forecasts table: one row per period and provider.

        Columns: market, provider, origin, period, horizon, mean, median, then lower and upper of each level, named by
        `level_name`: ``lower_80, upper_80``.
        """
        h, k = self.mean.shape
        columns: dict[str, object] = {
            "market": [self.market] * (h * k),
            "provider": list(self.providers) * h,
            "origin": [str(self.origin)] * (h * k),
            "period": [str(q) for q in self.periods for _ in range(k)],
            "horizon": [step for step in range(1, h + 1) for _ in range(k)],
            "mean": self.mean.ravel(),
            "median": self.median.ravel(),
        }
        for n, level in enumerate(self.levels):
            columns[f"lower_{level_name(level)}"] = self.lower[n].ravel()
            columns[f"upper_{level_name(level)}"] = self.upper[n].ravel()
        return pl.DataFrame(columns, schema_overrides={"horizon": pl.Int32})


def level_name(level: float, /) -> str:
    """A level in per cent as columns name it.

    >>> level_name(0.8), level_name(0.975)
    ('80', '97.5')
    """
    return f"{level * 100:.10g}"
