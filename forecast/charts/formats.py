"""The formats of charts."""

from typing import Literal, TypeAlias, get_args

ChartFormat: TypeAlias = Literal["png", "svg", "html"]
CHART_FORMATS: tuple[str, ...] = get_args(ChartFormat)
