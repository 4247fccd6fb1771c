"""A calendar quarter as a value."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from forecast.errors import InvalidArgument

_TEXT = re.compile(r"([0-9]{4})Q([1-4])", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1900, 2200  # outside lies a typing error, not a market


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Quarter:
    """A quarter, counted from year 0: `Quarter.parse("2020Q3") + 1` is 2020Q4.

    >>> str(Quarter.parse("2020Q3") + 2), Quarter.parse("2021Q1") - Quarter.parse("2020Q3")
    ('2021Q1', 2)
    """

    index: int  # 4 * year + (quarter of the year - 1)

    @classmethod
    def parse(cls, text: str, /, field: str = "period") -> Self:
        """Read ``2020Q3``.

        Raises:
            InvalidArgument: the text is not a quarter of the years 1900 to 2200.
        """
        match = _TEXT.fullmatch(text)
        if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
            raise InvalidArgument(field, text, f"a quarter such as 2020Q3, years {FIRST_YEAR} to {LAST_YEAR}")
        return cls(4 * int(match[1]) + int(match[2]) - 1)

    @staticmethod
    def is_text(text: str, /) -> bool:
        """Whether a text is a quarter as `parse` reads it.

        >>> Quarter.is_text("2020Q3"), Quarter.is_text("Q3 2020")
        (True, False)
        """
        match = _TEXT.fullmatch(text)
        return match is not None and FIRST_YEAR <= int(match[1]) <= LAST_YEAR

    @property
    def year(self) -> int:
        """Calendar year."""
        return self.index // 4

    @property
    def number(self) -> int:
        """Quarter of the year, 1 to 4."""
        return self.index % 4 + 1

    @property
    def last_day(self) -> date:
        """Last day of the quarter."""
        following = self + 1
        return date(following.year, 3 * following.number - 2, 1) - timedelta(days=1)

    def __add__(self, quarters: int) -> "Quarter":
        return Quarter(self.index + quarters)

    def __sub__(self, other: "Quarter") -> int:
        return self.index - other.index

    def __repr__(self) -> str:
        return f"Quarter({str(self)!r})"

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"
