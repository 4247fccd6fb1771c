"""The cells of a sheet by row and column, and the refusal of a sheet as a whole."""

import re
from collections.abc import Iterable, Sequence

from forecast.cells import SCALES, Cell, is_blank, quoted, read_number, tidy
from forecast.errors import InvalidArgument, InvalidTable, RowViolation
from forecast.headers import Header
from forecast.sheet.wording import listed
from forecast.stamps import read_stamp

Row = Sequence[Cell]

_BESIDE = (
    "us usd eur gbp cny rmb jpy chf percent per cent pct pp prozent to bis and und or oder von from between zwischen "
    "less than more about around approx ca circa est prelim e p r f l o i"
)
_BESIDE_NUMBERS = frozenset([*_BESIDE.split(), *SCALES])
_INITIALS = "nm n.m. n.m n/m nmf tbd tba tbc n.s. n.c. confidential undisclosed suppressed withheld pending"
_WITHHELD = frozenset(
    [*_INITIALS.split(), "not disclosed", "not meaningful", "not material", "c", "(c)", "[c]", "x", "[x]"]
)


class Table:
    """The grid with its empty rows known; rows and columns count from 0 in here, and by `number` in messages.

    Args:
        grid: Rows of cells.
        name: What was read.
        market: Name of the market where the sheet names none.
        below_header: Whether rows are counted from the one below a header in the first row, as those of a text file
            or a frame are, and not as a workbook shows them.
    """

    def __init__(self, grid: Sequence[Row], name: str, market: str, *, below_header: bool = False) -> None:
        self._below_header = below_header
        self.header = -1  # row of the header, once it is found
        self.measured: Header | None = None  # what the header calls the measure of all columns of numbers
        self.beside: dict[int, dict[str, int]] = {}  # by column: other measures of the same, and their columns
        self.columns: dict[int, str] = {}  # headers of columns that this table shows without their measure
        self.whole = self  # the table with all columns
        self.name = name
        self.market = market
        self.grid = grid
        self.filled = [n for n, row in enumerate(grid) if any(not is_blank(cell) for cell in row)]
        if not self.filled:
            raise self.refusal("has_rows", "the sheet is empty; it needs a header and at least one row of numbers")
        self.width = max(len(grid[n]) for n in self.filled)

    def with_grid(self, grid: Sequence[Row]) -> "Table":
        """The table with other cells at the same places."""
        table = Table(grid, self.name, self.market, below_header=self._below_header)
        table.whole = self
        return table

    def number(self, row: int) -> int:
        """The number of a row in messages."""
        return row if self._below_header and self.header == 0 else row + 1

    def cell(self, row: int, column: int) -> Cell:
        """A cell; None where there is nothing to see."""
        cells = self.grid[row]
        if column >= len(cells) or is_blank(cells[column]):
            return None
        return cells[column]

    def others(self, row: int, column: int) -> dict[str, Cell]:
        """What other measures say of the vendor and quarter of a cell."""
        return {name: self.whole.cell(row, c) for name, c in self.beside.get(column, {}).items()}

    def text(self, row: int, column: int) -> str:
        """What a cell says, on one line; "" where it is empty."""
        cell = self.cell(row, column)
        return "" if cell is None else tidy(name_of(cell))

    def title(self, header: int, column: int) -> str:
        """The header of a column; its letter where it has none."""
        return self.columns.get(column) or self.text(header, column) or letters(column)

    def titles(self, row: int, columns: Iterable[int] | None = None) -> str:
        """The headers of a row, as messages list them; without `columns`, those that are there."""
        if columns is None:
            columns = [c for c in range(self.width) if self.text(row, c)]
        return listed([quoted(self.text(row, c)) if self.text(row, c) else letters(c) for c in columns])

    def sentence(self, row: int) -> str:
        """All that a row says, quoted."""
        return quoted("; ".join(filter(None, (self.text(row, c) for c in range(self.width)))))

    def below(self, header: int) -> list[int]:
        """The rows below a header that are not empty."""
        return [n for n in self.filled if n > header]

    def above(self, row: int) -> int | None:
        """The next row above that is not empty."""
        return next((n for n in reversed(self.filled) if n < row), None)

    def refusal(
        self, rule: str, sentence: str, *, row: int | None = None, column: str = "", value: str = ""
    ) -> InvalidTable:
        """The error that refuses the sheet as a whole, with one sentence for people and a rule for programs."""
        place = 0 if row is None else self.number(row)
        error = InvalidTable(self.name, (RowViolation(rule, place, column, value or self.name, sentence),))
        error.args = (f"{self.name}: {sentence}",)
        return error


def letters(column: int) -> str:
    """The letters by which a spreadsheet calls a column, from 0 on.

    >>> letters(0), letters(27)
    ('A', 'AB')
    """
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def name_of(cell: Cell) -> str:
    """A cell as a name: a text as written, and 360.0 as 360."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def is_number(cell: Cell) -> bool:
    """Whether a cell holds a number: not nothing, and not something else."""
    try:
        return read_number(cell) is not None
    except InvalidArgument:
        return False


def says_nothing(cell: Cell) -> bool:
    """Whether a cell is empty or says that nothing was reported."""
    try:
        return read_number(cell) is None
    except InvalidArgument:
        return False


def is_like_number(cell: Cell, /) -> bool:
    """Whether a text that `read_number` refuses stands where a number should, and is no remark.

    >>> is_like_number("40-45%"), is_like_number("n.m."), is_like_number("#REF!"), is_like_number("2 new entrants")
    (True, True, True, False)
    """
    if not isinstance(cell, str):
        return False
    text = tidy(cell).casefold()
    if text in _WITHHELD or text.startswith(("=", "#")):
        return True
    words = re.findall(r"[^\W\d_]+", text)
    return any(c.isdigit() for c in text) and read_stamp(cell) is None and _BESIDE_NUMBERS.issuperset(words)
