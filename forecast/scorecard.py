"""What a backtest tells: how far it is, and in the end its scores. Light to import, as the client library needs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.quarter import Quarter
from forecast.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

REFERENCE = "naive"  # the model that skill is measured against
DISTANCES = ("wis", "energy", "mae")  # smaller is better, points of share

MEASURES = {
    "wis": "weighted interval score of the median and the levels asked for, points of share, mean over cells",
    "energy": "energy score of the joint draws, points of share, mean over quarters",
    "mae": "absolute error of the median, points of share, mean over cells",
    "wis_skill": "1 - wis / wis of naive: 0 as good as naive, 1 perfect",
    "energy_skill": "the same of energy",
    "mae_skill": "the same of mae",
    "coverage": "share of cells whose truth lay within the interval of the level",
    "simultaneous_coverage": "share of forecasts all of whose cells lay within the simultaneous bands of the level",
}
"""What a score measures, by name. A cell is one provider in one quarter ahead whose share became known."""


@dataclass(frozen=True, slots=True)
class BacktestProgress:
    """One origin of one market has been dealt with."""

    market: str
    origin: Quarter
    done: int  # origins dealt with so far, over all markets
    total: int


@dataclass(frozen=True, slots=True)
class Score:
    """One number of a backtest. A score without anything to measure it on is left out, never zero."""

    market: str | None  # None: all markets, each with the same weight
    model: str
    measure: str  # a key of `MEASURES`
    level: float | None  # nominal, for the two coverages
    horizon: int | None  # quarters ahead; None: all of them, each cell with the same weight
    value: float
    count: int  # cells behind it; quarters for energy, forecasts for simultaneous_coverage


@dataclass(frozen=True, slots=True)
class Skipped:
    """An origin at which a model could not forecast; no model is scored there, so that all see the same cases."""

    market: str
    origin: Quarter | None  # None: the market has no origin that could be scored
    reason: str

    def __str__(self) -> str:
        return f"{self.market}{f' at {self.origin}' if self.origin else ''}: {self.reason}"


@dataclass(frozen=True, slots=True, repr=False)
class Backtest(Shown):
    """Scores of models at rolling origins, each forecast from what was known then."""

    markets: tuple[str, ...]  # those scored
    house: str  # empty for a shares table
    models: tuple[str, ...]
    levels: tuple[float, ...]  # nominal, ascending
    horizon: int  # quarters ahead, at most
    seed: int
    forecasts: int  # origins scored, over all markets
    first_origin: Quarter
    last_origin: Quarter
    scores: tuple[Score, ...]  # all markets together first, then by market; models in the order asked for
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()  # what to know when reading the scores, in words

    def find(
        self,
        measure: str,
        /,
        *,
        model: str,
        market: str | None = None,
        level: float | None = None,
        horizon: int | None = None,
    ) -> Score | None:
        """One score; None where there was nothing to measure it on.

        Args:
            measure: A key of `MEASURES`.
            model: One of `models`.
            market: One of `markets`; None for all together.
            level: For the two coverages.
            horizon: Quarters ahead; None for all.
        """
        wanted = (market, model, measure, level, horizon)
        found = (s for s in self.scores if (s.market, s.model, s.measure, s.level, s.horizon) == wanted)
        return next(found, None)

    def to_frame(self) -> "pl.DataFrame":
        """One row per score: market (null: all together), model, measure, level, horizon (null: all), value, count."""
        import polars as pl

        types = {"level": pl.Float64, "horizon": pl.Int32, "value": pl.Float64, "count": pl.Int64}
        names = ("market", "model", "measure", "level", "horizon", "value", "count")
        return pl.DataFrame(
            {name: [getattr(score, name) for score in self.scores] for name in names},
            schema={name: types.get(name, pl.String) for name in names},
        )

    def to_polars(self) -> "pl.DataFrame":
        """The same table, under the name that every result of the client has."""
        return self.to_frame()

    def to_pandas(self) -> "pd.DataFrame":
        """The same table for pandas; what is null is None or NaN."""
        import pandas as pd

        return pd.DataFrame({column.name: column.to_numpy() for column in self.to_frame().get_columns()})
