"""A sheet as analysts have it, brought to one tidy table; what was assumed is said, and nothing is guessed.

The layouts are: long (a row per quarter and vendor), wide with a column per vendor, wide with a column per quarter. A
sheet with two possible readings is refused with both of them and the option that decides. Begin in `tidying.py`.
"""

from forecast.sheet.reading import Fault, Reading, Sheet
from forecast.sheet.tidying import understand

__all__ = ["Fault", "Reading", "Sheet", "understand"]
