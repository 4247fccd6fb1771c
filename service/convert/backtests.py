"""Backtests."""

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from forecast.scorecard import Backtest, BacktestProgress, Score, Skipped
from service.convert.parts import INT32, quarter_text, read_market, read_quarter
from service.convert.questions import NO_HOUSE, check_question, read_share_row, shares_message
from service.queries import (
    DEFAULT_BACKTEST_LEVELS,
    DEFAULT_BACKTEST_MODELS,
    DEFAULT_HORIZON,
    DEFAULT_ORIGINS,
    BacktestQuery,
)
from sharecast.v1 import backtest_pb2
from sharecast.v1.forecast_service_pb2 import BacktestRequest, BacktestResponse


def backtest_request(query: BacktestQuery, /) -> BacktestRequest:
    """Write a query.

    Raises:
        InvalidArgument: as `forecast_request`, and likewise for origins and models.
    """
    check_question(query)
    if query.origins == 0 or not -INT32 <= query.origins < INT32:
        raise InvalidArgument("origins", query.origins, "1 to 400")
    if not query.models:
        raise InvalidArgument("models", query.models, "at least one model, each once")
    request = BacktestRequest(
        market=query.market,
        house=query.house,
        origins=query.origins,
        horizon=query.horizon,
        levels=query.levels,
        models=query.models,
        seed=query.seed,
    )
    if query.shares is not None:
        request.shares.CopyFrom(shares_message(query.shares))
    return request


def backtest_query(request: BacktestRequest, /) -> BacktestQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, or a house beside inline shares.
    """
    inline = request.WhichOneof("data") == "shares"
    if inline and request.house:
        raise InvalidArgument("house", request.house, NO_HOUSE)
    return BacktestQuery(
        market=read_market(request.market),
        house=request.house,
        shares=tuple(read_share_row(row) for row in request.shares.rows) if inline else None,
        origins=request.origins or DEFAULT_ORIGINS,
        horizon=request.horizon or DEFAULT_HORIZON,
        levels=tuple(request.levels) or DEFAULT_BACKTEST_LEVELS,
        models=tuple(request.models) or DEFAULT_BACKTEST_MODELS,
        seed=request.seed,
    )


def backtest_response(step: BacktestProgress | Backtest, /) -> BacktestResponse:
    """Write a step of a backtest."""
    if isinstance(step, BacktestProgress):
        progress = backtest_pb2.BacktestProgress(
            market=step.market, origin=str(step.origin), done=step.done, total=step.total
        )
        return BacktestResponse(progress=progress)
    return BacktestResponse(
        scores=backtest_pb2.BacktestScores(
            markets=step.markets,
            house=step.house,
            models=step.models,
            levels=step.levels,
            horizon=step.horizon,
            seed=step.seed,
            forecasts_count=step.forecasts,
            first_origin=str(step.first_origin),
            last_origin=str(step.last_origin),
            scores=[
                backtest_pb2.Score(
                    market=score.market,
                    model=score.model,
                    measure=score.measure,
                    level=score.level,
                    horizon=score.horizon,
                    value=score.value,
                    count=score.count,
                )
                for score in step.scores
            ],
            skipped=[
                backtest_pb2.SkippedOrigin(
                    market=skipped.market, origin=quarter_text(skipped.origin), reason=skipped.reason
                )
                for skipped in step.skipped
            ],
            notes=step.notes,
        )
    )


def backtest_step(response: BacktestResponse, /) -> BacktestProgress | Backtest:
    """Read a step of a backtest; `Backtest` is the last one."""
    if response.WhichOneof("event") == "progress":
        progress = response.progress
        return BacktestProgress(
            progress.market, Quarter.parse(progress.origin, "origin"), progress.done, progress.total
        )
    found = response.scores
    return Backtest(
        markets=tuple(found.markets),
        house=found.house,
        models=tuple(found.models),
        levels=tuple(found.levels),
        horizon=found.horizon,
        seed=found.seed,
        forecasts=found.forecasts_count,
        first_origin=Quarter.parse(found.first_origin, "first_origin"),
        last_origin=Quarter.parse(found.last_origin, "last_origin"),
        scores=tuple(
            Score(
                market=score.market if score.HasField("market") else None,
                model=score.model,
                measure=score.measure,
                level=score.level if score.HasField("level") else None,
                horizon=score.horizon if score.HasField("horizon") else None,
                value=score.value,
                count=score.count,
            )
            for score in found.scores
        ),
        skipped=tuple(Skipped(s.market, read_quarter(s.origin), s.reason) for s in found.skipped),
        notes=tuple(found.notes),
    )
