"""What a caller gets back, as plain values of tuples and floats.

Importing the client must stay cheap, so Polars, pandas and NumPy are imported only where `to_polars`, `to_pandas`,
`to_forecast` or `to_history` is called.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from forecast.errors import SharecastError
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from service.answer_results import ConditionResult, EventResults, LeagueResult, Matrix, RevenueResult

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from forecast.arrays import FloatArray
    from forecast.results import Forecast, History
    from forecast.shown import Picture


_NO_EVENTS = EventResults()
MOST_CHANGES = 20  # cells that the report of an import or a withdrawal lists


@dataclass(frozen=True, slots=True)
class DataUsed:
    """What data an answer was made from."""

    vintage: date | None  # publication date of the newest figure; None for inline shares
    content_hash: str  # SHA-256 of the figures or shares
    figures_used: int
    source_line: str  # publishers


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """Which model made a forecast."""

    model: str  # the name asked for
    used: tuple[tuple[str, float], ...]  # models that took part and their weights, summing to one
    version: str  # of the code
    prior: str  # version of the prior; empty for models that use none
    seed: int
    notes: tuple[str, ...]
    measured_coverage: tuple[float, ...]  # of each level of the forecast, on other markets; empty: not measured


@dataclass(frozen=True, slots=True)
class DoubtResult:
    """A figure that is given less weight, because other figures contradict it."""

    figure_ids: tuple[int, ...]  # the figure and those it was worked out with
    period: str  # "2020Q3", or "2020" for a whole year
    providers: tuple[str, ...]
    measure: str  # share, yoy_growth, spend_usd_bn, units_mn or amount
    value: float  # as stated: fraction, or amount in the unit of the measure
    off: float  # of the shares it tells, how far they lie above what is otherwise expected, fraction
    reason: Literal["slip", "contradiction", "table"]


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """The quarterly composition of one market as one house tells it: T quarters by K providers, `Others` last."""

    market: str
    house: str
    as_of: date | None  # None: every figure there is
    periods: tuple[Quarter, ...]  # T, consecutive
    providers: tuple[str, ...]  # K
    share: Matrix  # (T, K) fraction; NaN where the status is unknown
    sd: Matrix  # (T, K) standard deviation of `share`, fraction; NaN where unknown
    status: tuple[tuple[str, ...], ...]  # (T, K) reported, combined, inferred or unknown
    smoothed: Matrix  # (T, K) fraction, rows sum to one; the estimate also where the status is unknown
    smoothed_sd: Matrix  # (T, K)
    breaks: tuple[tuple[Quarter, str], ...]  # first quarter after a declared break, what changed
    sources: tuple[tuple[tuple[int, ...], ...], ...]  # (T, K) ids of the figures behind each cell; may be empty
    data: DataUsed
    warnings: tuple[str, ...]
    doubts: tuple[DoubtResult, ...] = ()  # figures that what else was known contradicts, by period of what they tell
    name_changes: tuple[NameChange, ...] = ()  # declared and in force

    def to_history(self) -> "History":
        """The same history as the library's own value, with arrays of shape (T, K); loads Polars and NumPy."""
        import numpy as np

        from forecast.results import Doubt, History, Status

        shape = (len(self.periods), len(self.providers))
        return History(
            market=self.market,
            house=self.house,
            as_of=self.as_of,
            quarters=self.periods,
            providers=self.providers,
            share=np.array(self.share, dtype=np.float64).reshape(shape),
            sd=np.array(self.sd, dtype=np.float64).reshape(shape),
            status=tuple(tuple(Status(cell) for cell in row) for row in self.status),
            smoothed=np.array(self.smoothed, dtype=np.float64).reshape(shape),
            smoothed_sd=np.array(self.smoothed_sd, dtype=np.float64).reshape(shape),
            breaks=self.breaks,
            sources=self.sources,
            source_line=self.data.source_line,
            vintage=self.data.vintage,
            figures_used=self.data.figures_used,
            content_hash=self.data.content_hash,
            warnings=self.warnings,
            doubts=tuple(Doubt(**asdict(doubt)) for doubt in self.doubts),
            name_changes=self.name_changes,
        )

    def to_polars(self) -> "pl.DataFrame":
        """One row per quarter and provider: market, house, period, provider, share, sd, status."""
        return self.to_history().to_frame()

    def to_pandas(self) -> "pd.DataFrame":
        """The same table for pandas; texts are objects, dates `datetime64`, what is missing NaN, NaT or None."""
        return _to_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        return self.to_history()._repr_html_()

    def plot(self, *, title: str | None = None) -> "Picture":
        """The shares as published and rebuilt, a panel per provider."""
        return self.to_history().plot(title=title)


@dataclass(frozen=True, slots=True)
class DrawsResult:
    """Joint draws of a forecast: D draws of H quarters and K providers, each quarter of a draw a composition."""

    market: str
    periods: tuple[Quarter, ...]  # H
    providers: tuple[str, ...]  # K
    count: int  # D
    shares: tuple[float, ...]  # D * H * K fractions, to seven digits: draw by draw, in each quarter by quarter
    latest: tuple[float, ...]  # K, the composition at the origin
    resolution: float  # half a unit of the printed precision of the shares behind the forecast, fraction
    stretch: float  # of simultaneous bands made from the draws, as `forecast.draws.simultaneous_bands` takes it

    def to_numpy(self) -> "FloatArray":
        """Shape (D, H, K), float64; the shares of a quarter of a draw sum to one. Loads NumPy."""
        import numpy as np

        found = np.array(self.shares, dtype=np.float64).reshape(self.count, len(self.periods), len(self.providers))
        found /= found.sum(axis=2, keepdims=True)
        return found

    def to_polars(self) -> "pl.DataFrame":
        """One row per draw, quarter and provider: market, draw (from 0), period, provider, share."""
        import numpy as np
        import polars as pl

        found = self.to_numpy()
        draw, period, provider = (axis.ravel() for axis in np.indices(found.shape))
        periods = pl.Series([str(one) for one in self.periods], dtype=pl.String)
        providers = pl.Series(self.providers, dtype=pl.String)
        return pl.DataFrame(
            {
                "draw": draw,
                "period": periods.gather(period),
                "provider": providers.gather(provider),
                "share": found.ravel(),
            }
        ).select(pl.lit(self.market).alias("market"), pl.all())

    def to_pandas(self) -> "pd.DataFrame":
        """The same table for pandas."""
        return _to_pandas(self.to_polars())


@dataclass(frozen=True, slots=True)
class ForecastResult:
    """A joint forecast of one market: H quarters ahead, K providers, N levels.

    Means sum to one over the providers of a quarter. Medians and interval bounds are per provider and do not.
    """

    market: str
    house: str  # empty for inline shares
    as_of: date | None
    origin: Quarter  # last quarter the model saw
    periods: tuple[Quarter, ...]  # H
    levels: tuple[float, ...]  # N nominal levels, ascending, in (0, 1)
    providers: tuple[str, ...]  # K
    mean: Matrix  # (H, K) fraction
    median: Matrix  # (H, K)
    lower: tuple[Matrix, ...]  # (N, H, K)
    upper: tuple[Matrix, ...]  # (N, H, K)
    data: DataUsed
    model: ModelUsed
    warnings: tuple[str, ...]
    history: HistoryResult | None = None  # where asked for
    events: EventResults = _NO_EVENTS  # those asked for, in that order; given the conditions, if there are any
    conditions: tuple[ConditionResult, ...] = ()  # that every draw meets, in the order asked
    league: LeagueResult | None = None  # where asked for; given the conditions, if there are any
    revenue: RevenueResult | None = None  # where asked for; likewise
    draws: DrawsResult | None = None  # where asked for; likewise

    def to_forecast(self) -> "Forecast":
        """The same forecast as the library's own value, with arrays; loads Polars and NumPy.

        With draws, where they were asked for: `forecast.events`, `forecast.conditions` and `forecast.draws.bands_of`
        can then be asked of it without the server.
        """
        import numpy as np

        from forecast.results import Forecast, ModelProvenance

        shape = (len(self.periods), len(self.providers))
        made = Forecast(
            market=self.market,
            house=self.house,
            providers=self.providers,
            origin=self.origin,
            levels=self.levels,
            mean=np.array(self.mean, dtype=np.float64).reshape(shape),
            median=np.array(self.median, dtype=np.float64).reshape(shape),
            lower=np.array(self.lower, dtype=np.float64).reshape(-1, *shape),
            upper=np.array(self.upper, dtype=np.float64).reshape(-1, *shape),
            provenance=ModelProvenance(
                model=self.model.model,
                used=self.model.used,
                version=self.model.version,
                prior=self.model.prior,
                seed=self.model.seed,
                notes=self.model.notes,
                measured_coverage=self.model.measured_coverage,
            ),
            as_of=self.as_of,
            history=None if self.history is None else self.history.to_history(),
            warnings=self.warnings,
            given=tuple(condition.condition for condition in self.conditions),
        )
        if self.draws is None:
            return made
        return replace(
            made,
            draws=self.draws.to_numpy(),
            latest=np.array(self.draws.latest) if self.draws.latest else None,
            resolution=self.draws.resolution,
            stretch=self.draws.stretch,
        )

    def to_polars(self) -> "pl.DataFrame":
        """The forecasts table, one row per period and provider.

        Columns: market, provider, origin, period, horizon, mean, median, then lower and upper of each level, as
        ``lower_80, upper_80``.
        """
        return self.to_forecast().to_frame()

    def to_pandas(self) -> "pd.DataFrame":
        """The same table for pandas; texts are objects, dates `datetime64`, what is missing NaN, NaT or None."""
        return _to_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        answers = (self.events or None, self.league, self.revenue)
        return "".join(answer._repr_html_() for answer in (self.to_forecast(), *answers) if answer is not None)

    def plot(self, *, title: str | None = None) -> "Picture":
        """The fan chart; with the past where the history was asked for."""
        return self.to_forecast().plot(title=title)


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """What became of one market of many: a forecast, or the error for which there is none."""

    market: str
    forecast: ForecastResult | None
    error: SharecastError | None


JobState = Literal["running", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job: forecasts of many markets made in the background and kept.

    One that is "done" has an outcome of every market, be they all errors; one that is "failed" was given up whole.
    """

    job_id: str  # empty: it was only checked
    state: JobState
    created_at: datetime  # UTC
    markets_count: int
    done_count: int  # markets that have an outcome
    failed_count: int  # markets whose outcome is an error
    error: SharecastError | None = field(default=None, compare=False)  # why a job is "failed"; else None


@dataclass(frozen=True, slots=True)
class JobsPage:
    """One page of the list of jobs."""

    jobs: tuple[JobResult, ...]
    next_page_token: str  # empty on the last page


@dataclass(frozen=True, slots=True)
class HouseResult:
    """What one research house has published of one market."""

    house: str
    providers: tuple[str, ...]
    first: Quarter | None  # first and last quarter with share figures; None where only years have them
    last: Quarter | None
    figures_count: int
    vintages: tuple[date, ...]  # publication dates, ascending


@dataclass(frozen=True, slots=True)
class MarketResult:
    """A market that has figures."""

    market: str
    houses: tuple[HouseResult, ...]


@dataclass(frozen=True, slots=True)
class MarketsPage:
    """One page of the list of markets."""

    markets: tuple[MarketResult, ...]
    next_page_token: str  # empty on the last page


@dataclass(frozen=True, slots=True)
class FigureResult:
    """One published statement; None where nothing is known. The fields are the columns of the curated figures."""

    figure_id: int  # the same in every answer; `HistoryResult.sources` names figures by it
    market: str
    research_house: str  # as published
    house: str  # whose series it belongs to
    period: str  # a quarter such as "2020Q3", or a whole year such as "2020"
    annual: bool
    providers: tuple[str, ...]  # one, or those whose sum it is
    measure: str  # share, yoy_growth, spend_usd_bn, units_mn or amount
    unit: str
    value: float  # fraction for share and yoy_growth, else in `unit`
    qualifier: str  # exact, about, more_than or less_than
    decimals: int  # of the number as printed; of the percentage for fractions
    mark: str  # ok, conflict or slip; empty: a mark this client does not know
    published_at: date  # of the earliest page
    published_inferred: bool
    pages: int  # different addresses that say so
    stated_as: str | None  # of the earliest page, and likewise below
    publisher: str | None
    source_title: str | None
    source_url: str | None
    note: str | None  # of all pages


@dataclass(frozen=True, slots=True)
class FiguresResult:
    """Published figures, sorted by market, house, period, measure, providers and date; a sequence of `FigureResult`."""

    figures: tuple[FigureResult, ...]

    def __len__(self) -> int:
        return len(self.figures)

    def __iter__(self) -> Iterator[FigureResult]:
        return iter(self.figures)

    def to_polars(self) -> "pl.DataFrame":
        """One row per figure, columns of `forecast.figures.CURATED_SCHEMA`; providers joined by ``|``."""
        import polars as pl

        from forecast.figures import CURATED_SCHEMA

        columns: dict[str, list[object]] = {f.name: [getattr(row, f.name) for row in self.figures] for f in _COLUMNS}
        columns["providers"] = ["|".join(row.providers) for row in self.figures]
        return pl.DataFrame(columns, schema=CURATED_SCHEMA)

    def _repr_html_(self) -> str:
        return self.to_polars()._repr_html_()

    def to_pandas(self) -> "pd.DataFrame":
        """The same table for pandas; texts are objects, dates `datetime64`, what is missing NaN, NaT or None."""
        return _to_pandas(self.to_polars())


_COLUMNS = fields(FigureResult)


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A model that forecasts can be asked of."""

    model: str  # the name to ask for
    description: str
    is_default: bool
    prior: str  # version of what it has learned from other markets; empty: it knows the market in hand alone
    is_measured: bool  # its forecasts carry the coverage that their levels had on other markets


@dataclass(frozen=True, slots=True)
class FiguresPage:
    """One page of a list of figures."""

    figures: tuple[FigureResult, ...]
    next_page_token: str  # empty on the last page


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """One page of the list of models."""

    models: tuple[ModelResult, ...]
    next_page_token: str  # empty on the last page


_PRINTED_DECIMALS = 3  # nobody prints more


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell of which something else holds now: what is published last of one house's providers in one period."""

    market: str
    house: str
    period: str  # "2020Q3", or "2020" for a whole year
    providers: tuple[str, ...]  # one, or those whose sum it is
    measure: str  # share, yoy_growth, spend_usd_bn or units_mn
    before: float  # fraction, or an amount in the unit of the measure
    decimals_before: int  # of the number as printed; of the percentage for fractions
    after: float | None  # None: nothing is said of it any more
    decimals_after: int | None

    def __str__(self) -> str:
        place = f"{self.market}, {self.house}: {self.period} {' + '.join(self.providers)}"
        what = {"share": "", "yoy_growth": " growth"}.get(self.measure, f" {self.measure}")
        if self.after is None or self.decimals_after is None:
            return f"{place}{what} {self._printed(self.before, self.decimals_before)} -> nothing"
        after = self._printed(self.after, self.decimals_after)
        return f"{place}{what} {self._printed(self.before, self.decimals_before)} -> {after}"

    def _printed(self, value: float, decimals: int) -> str:
        fraction = self.measure in ("share", "yoy_growth")
        text = f"{100 * value if fraction else value:.{decimals}f}"
        if decimals > _PRINTED_DECIMALS:  # a number that was computed
            text = text.rstrip("0").rstrip(".")
        return f"{text} %" if fraction else text


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or, where it only checked, would have done."""

    kind: Literal["figures", "shares", "names"]
    import_id: str
    rows: int  # read
    added: int
    known: int  # the same statement was there already
    markets: tuple[str, ...]  # that the rows are of, ascending
    validate_only: bool  # nothing was written
    warnings: tuple[str, ...]
    restated: int = 0  # cells of which something else holds now
    superseded: int = 0  # cells of which nothing holds any more, as the table replaces them and leaves them out
    changes: tuple[CellChange, ...] = ()  # the first of both, at most `MOST_CHANGES`
    name_changes: int = 0  # new changes of providers' names, those that came beside figures or shares among them


@dataclass(frozen=True, slots=True)
class WithdrawnRows:
    """Rows of one market, house and kind that a withdrawal ended."""

    market: str
    house: str  # of name changes for every house: empty
    kind: Literal["figures", "shares", "names"]  # of the tables they came in
    rows: int
    first: str  # the first and the last period; empty: none is told
    last: str
    providers: tuple[str, ...]  # ascending


@dataclass(frozen=True, slots=True)
class WithdrawReport:
    """What a withdrawal ended, or, where it only looked, would have ended."""

    import_id: str  # its place among the imports; empty where nothing was kept
    rows: int
    markets: tuple[str, ...]  # ascending
    withdrawn: tuple[WithdrawnRows, ...]  # by market, house and kind
    changes: tuple[CellChange, ...]  # the first cells of which an earlier row, or nothing, holds now
    validate_only: bool  # nothing was written
    warnings: tuple[str, ...] = ()


def _to_pandas(frame: "pl.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    # not Polars' own way, which needs PyArrow
    return pd.DataFrame({column.name: column.to_numpy() for column in frame.get_columns()})
