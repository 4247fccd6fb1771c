"""The models a forecast can be asked of, as a caller is told of them."""

from forecast.forecasting import MODELS, OF_RECORD
from forecast.prior import shipped_prior
from service.queries import DEFAULT_MODEL
from service.results import ModelResult

_DESCRIPTIONS = {
    "auto": "The model of record: level, damped slope and season of all shares at once, pooled with `smoothing`.",
    "naive": "Random walk: the last composition stays, steps as large and as correlated as those seen.",
    "smoothing": "A family of exponential smoothings of each share, with half of a line's drift and perhaps a season.",
    "local_level": "Random walk seen through noise, fitted to each contrast.",
    "damped_trend": "Level, slope that dies away and season seen through noise, fitted to each contrast.",
    "ets": "Exponential smoothing of each contrast, its form chosen by AICc.",
    "arima": "ARIMA of each contrast, differenced once, its order chosen by AICc.",
    "theta": "Half the trend of a straight line on exponential smoothing, fitted to each contrast.",
    "var": "Vector autoregression of the quarterly changes with a season, heavily shrunk.",
}


def list_models() -> tuple[ModelResult, ...]:
    """Every model, in the order of `forecast.forecasting.MODELS`: the model of record first."""
    prior = shipped_prior()
    return tuple(
        ModelResult(
            model=name,
            description=_DESCRIPTIONS[name],
            is_default=name == DEFAULT_MODEL,
            prior=prior.version if name == OF_RECORD else "",
            is_measured=name == OF_RECORD,
        )
        for name in MODELS
    )
