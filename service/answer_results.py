"""What a caller gets back of what follows from a forecast: events, conditions, ranks, revenue.

Plain values of tuples and floats, as those of `service.results`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from forecast.quarter import Quarter

if TYPE_CHECKING:
    import polars as pl

    from forecast.events import League
    from forecast.revenue import Revenue
    from forecast.shown import Picture

Matrix: TypeAlias = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class EventResult:
    """How probable an event is under a forecast."""

    event: str  # written out, such as "Huawei Cloud overtakes Tencent Cloud by 2026Q4"
    probability: float  # share of the draws in which it happens
    standard_error: float  # of that share, for so many independent draws
    draws: int
    at_origin: bool  # the statement held at the origin: A was ahead already, the share was above already
    reference: str  # what was so at the origin, in words


class EventResults(tuple[EventResult, ...]):
    """Several events, in the order asked."""

    __slots__ = ()

    def to_polars(self) -> "pl.DataFrame":
        """One row per event: event, probability, standard_error, draws, at_origin, reference."""
        import polars as pl

        types: dict[str, type[pl.DataType]] = {
            "event": pl.String,
            "probability": pl.Float64,
            "standard_error": pl.Float64,
            "draws": pl.Int64,
            "at_origin": pl.Boolean,
            "reference": pl.String,
        }
        return pl.DataFrame({name: [getattr(row, name) for row in self] for name in types}, schema=types)

    def _repr_html_(self) -> str:
        from forecast.views import events_table

        told = [(row.event, row.probability, row.draws, row.at_origin, row.reference) for row in self]
        return events_table(told).html()

    def plot(self, *, title: str | None = None) -> "Picture":
        """A bar for every event."""
        from forecast.views import events_picture

        return events_picture(
            [(row.event, row.probability, row.draws, row.at_origin, row.reference) for row in self], title
        )


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """How a condition stands to the forecast without it."""

    condition: str  # written out, such as "Huawei Cloud = 20 % in 2026Q4"
    # How likely something at least so far out, or the event, is without it; None: the model knows nothing of such.
    probability: float | None
    statement: str  # the same in words


@dataclass(frozen=True, slots=True)
class LeagueResult:
    """Who is going to be where: H quarters by K' named providers, Others apart; N levels."""

    market: str
    house: str
    origin: Quarter
    periods: tuple[Quarter, ...]  # H
    levels: tuple[float, ...]  # N
    providers: tuple[str, ...]  # K'
    origin_rank: tuple[float, ...]  # (K',); 1 is the largest share, equals share the mean rank
    expected_rank: Matrix  # (H, K')
    leads: Matrix  # (H, K'), probability of leading alone
    origin_hhi: float  # Herfindahl-Hirschman index of the named providers, in [0, 1]
    hhi_mean: tuple[float, ...]  # (H,)
    hhi_median: tuple[float, ...]  # (H,)
    hhi_lower: Matrix  # (N, H)
    hhi_upper: Matrix  # (N, H)
    draws: int

    def to_league(self) -> "League":
        """The same as the library's own value, with arrays; loads Polars and NumPy."""
        import numpy as np

        from forecast.events import Concentration, League, Ranks

        shape = (len(self.periods), len(self.providers))
        return League(
            self.market,
            self.house,
            self.origin,
            Ranks(
                self.providers,
                np.array(self.origin_rank, dtype=np.float64),
                np.array(self.expected_rank, dtype=np.float64).reshape(shape),
                np.array(self.leads, dtype=np.float64).reshape(shape),
            ),
            Concentration(
                self.levels,
                self.origin_hhi,
                np.array(self.hhi_mean),
                np.array(self.hhi_median),
                np.array(self.hhi_lower).reshape(-1, shape[0]),
                np.array(self.hhi_upper).reshape(-1, shape[0]),
            ),
            self.draws,
        )

    def to_polars(self) -> "pl.DataFrame":
        """One row per quarter and named provider, as of `forecast.events.League.to_frame`."""
        return self.to_league().to_frame()

    def _repr_html_(self) -> str:
        return self.to_league()._repr_html_()

    def plot(self, *, title: str | None = None) -> "Picture":
        """Concentration, and how probably each provider leads."""
        return self.to_league().plot(title=title)


@dataclass(frozen=True, slots=True)
class RevenueResult:
    """What providers are going to sell: H quarters by K providers and, last, the market; N levels; T quarters past."""

    market: str
    house: str
    unit: str  # of the amounts, of one quarter
    origin: Quarter  # of the shares
    periods: tuple[Quarter, ...]  # H
    levels: tuple[float, ...]  # N
    providers: tuple[str, ...]  # K
    mean: Matrix  # (H, K + 1); the first K sum to the last; NaN where no total is known
    median: Matrix  # (H, K + 1)
    lower: tuple[Matrix, ...]  # (N, H, K + 1)
    upper: tuple[Matrix, ...]  # (N, H, K + 1)
    growth: Matrix  # (H, K + 1), median, against the same quarter a year before, fraction; NaN without one
    growth_lower: tuple[Matrix, ...]  # (N, H, K + 1)
    growth_upper: tuple[Matrix, ...]  # (N, H, K + 1)
    past_periods: tuple[Quarter, ...]  # T
    past: Matrix  # (T, K + 1), as far as shares and totals tell; NaN where nothing does
    used: tuple[tuple[str, float], ...]  # models of the total and their weights
    notes: tuple[str, ...]  # what was restated, filled in or doubted

    def to_revenue(self) -> "Revenue":
        """The same as the library's own value, with arrays but no draw; loads Polars and NumPy."""
        import numpy as np

        from forecast.revenue import Amounts, Revenue
        from forecast.totals import GIVEN, Totals

        H, K = len(self.periods), len(self.providers) + 1
        median = np.array(self.growth, dtype=np.float64).reshape(H, K)
        past = np.array(self.past, dtype=np.float64).reshape(-1, K)
        return Revenue(
            self.market,
            self.house,
            self.providers,
            self.origin,
            self.levels,
            Totals(GIVEN, self.past_periods, past[:, -1], past[:, -1], self.notes, self.unit),
            np.empty((0, H)),
            np.empty((0, H, K - 1)),
            Amounts(
                np.array(self.mean, dtype=np.float64).reshape(H, K),
                np.array(self.median, dtype=np.float64).reshape(H, K),
                np.array(self.lower, dtype=np.float64).reshape(-1, H, K),
                np.array(self.upper, dtype=np.float64).reshape(-1, H, K),
            ),
            np.empty((0, H, K)),
            Amounts(
                np.full((H, K), np.nan),  # is not sent
                median,
                np.array(self.growth_lower, dtype=np.float64).reshape(-1, H, K),
                np.array(self.growth_upper, dtype=np.float64).reshape(-1, H, K),
            ),
            self.used,
            self.notes,
            past,
        )

    def to_polars(self) -> "pl.DataFrame":
        """One row per period and provider, the market as ``TOTAL``, as of `forecast.revenue.Revenue.to_frame`."""
        return self.to_revenue().to_frame()

    def _repr_html_(self) -> str:
        return self.to_revenue()._repr_html_()

    def plot(self, *, title: str | None = None) -> "Picture":
        """A panel of amounts per provider, and one of the market."""
        return self.to_revenue().plot(title=title)
