"""What forecasts and backtests are asked alike: the horizon, the levels, inline shares."""

from forecast.errors import InvalidArgument
from service.convert.parts import INT32, UINT64
from service.queries import BacktestQuery, BatchQuery, DiffQuery, ForecastQuery, ShareRow
from sharecast.v1 import forecast_pb2

NO_HOUSE = "empty beside inline shares, which are no research house's"


def check_question(query: ForecastQuery | BacktestQuery | BatchQuery | DiffQuery) -> None:
    """Refuse what the message cannot carry, or would carry as something else.

    Raises:
        InvalidArgument: the horizon, the seed or the levels are such.
    """
    if query.horizon == 0 or not -INT32 <= query.horizon < INT32:
        raise InvalidArgument("horizon", query.horizon, "1 to 40 quarters")
    if not 0 <= query.seed < UINT64:
        raise InvalidArgument("seed", query.seed, "a whole number from 0 to 2**64 - 1")
    if not query.levels:
        raise InvalidArgument("levels", query.levels, "at least one level in (0, 1)")


def check_model(model: str) -> None:
    """Refuse an empty name, which on the wire stands for the default.

    Raises:
        InvalidArgument: it is one.
    """
    if not model:
        raise InvalidArgument("model", model, "the name of a model")


def shares_message(rows: tuple[ShareRow, ...]) -> forecast_pb2.InlineShares:
    """Write shares that the caller brings.

    Raises:
        InvalidArgument: a row has both a share and a value, or decimals that the message cannot carry.
    """
    return forecast_pb2.InlineShares(rows=[_share_message(row, place) for place, row in enumerate(rows)])


def _share_message(row: ShareRow, place: int) -> forecast_pb2.ShareRow:
    if row.decimals is not None and not -INT32 <= row.decimals < INT32:
        raise InvalidArgument(f"shares.rows[{place}].decimals", row.decimals, "decimals of a percentage, 0 to 6")
    if row.share is not None and row.value is not None:
        raise InvalidArgument(f"shares.rows[{place}].value", row.value, "either a share or a value, not both")
    return forecast_pb2.ShareRow(
        period=row.period, provider=row.provider, share=row.share, value=row.value, decimals=row.decimals
    )


def read_share_row(message: forecast_pb2.ShareRow) -> ShareRow:
    """Read one share that a caller brings."""
    measure = message.WhichOneof("measure")
    return ShareRow(
        period=message.period,
        provider=message.provider,
        share=message.share if measure == "share" else None,
        value=message.value if measure == "value" else None,
        decimals=message.decimals if message.HasField("decimals") else None,
    )
