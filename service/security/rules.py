"""Which role each method needs: one table. A method without a row may be called by nobody."""

from types import MappingProxyType
from typing import Final

from service.security.caller import Role

_FORECASTS, _MARKETS, _JOBS = (f"/sharecast.v1.{name}/" for name in ("ForecastService", "MarketService", "JobService"))

RULES: Final = MappingProxyType(
    {
        f"{_FORECASTS}Forecast": Role.READ,
        f"{_FORECASTS}StreamForecasts": Role.READ,
        f"{_FORECASTS}Backtest": Role.READ,
        f"{_FORECASTS}DiffForecasts": Role.READ,
        f"{_FORECASTS}RenderReport": Role.READ,
        f"{_FORECASTS}ListModels": Role.READ,
        f"{_MARKETS}ListMarkets": Role.READ,
        f"{_MARKETS}GetMarket": Role.READ,
        f"{_MARKETS}GetHistory": Role.READ,
        f"{_MARKETS}ListFigures": Role.READ,
        f"{_MARKETS}ImportFigures": Role.WRITE,
        f"{_MARKETS}WithdrawFigures": Role.WRITE,
        # Jobs are kept and found by tenant; see the handlers.
        f"{_JOBS}CreateForecastJob": Role.WRITE,
        f"{_JOBS}GetForecastJob": Role.READ,
        f"{_JOBS}ListForecastJobs": Role.READ,
        f"{_JOBS}CancelForecastJob": Role.WRITE,
        f"{_JOBS}WatchForecastJob": Role.READ,
        # Load balancers have no keys, and the answer is one word. None: whoever reaches the port.
        "/grpc.health.v1.Health/Check": None,
        "/grpc.health.v1.Health/List": None,
        "/grpc.health.v1.Health/Watch": None,
        # What can be asked is no secret, but only of use to those who may ask.
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Role.READ,
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Role.READ,
    }
)
"""The least role that may call each method; None: no key is asked for."""
