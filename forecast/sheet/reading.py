"""What a user says about a sheet, and what is found in it: the tidy table, assumptions, and unfit cells by market."""

from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from forecast.cells import Cell, DecimalMark, printable, quoted
from forecast.errors import InvalidArgument, RowViolation
from forecast.headers import Header
from forecast.sheet.wording import listed, rows_text
from forecast.stamps import DateOrder, Stamp

Unit = Literal["fractions", "per cent", "amounts"]
Beside = dict[str, Cell]  # by the header of another measure: what it says of the same
Place = tuple[int, str, str]  # row of the sheet from 1, header of the column, text found, quoted


@dataclass(frozen=True, slots=True)
class Reading:
    """What a user says about a sheet that the sheet itself leaves open; None: by the sheet."""

    measure: Literal["share", "percent", "amount"] | None = None  # of numbers without a sign; share: a fraction of 1
    decimal: DecimalMark | None = None
    date_order: DateOrder | None = None
    fiscal_year_end: int | None = None  # month, 1 to 12: quarters are of fiscal years, named after the year they end in
    market: str | None = None  # of a sheet that names none

    def __post_init__(self) -> None:
        """Refuse what no option may be."""
        for name, value, allowed in (
            ("measure", self.measure, ("share", "percent", "amount")),
            ("decimal", self.decimal, ("point", "comma")),
            ("date_order", self.date_order, ("day-first", "month-first")),
            ("fiscal_year_end", self.fiscal_year_end, tuple(range(1, 13))),
        ):
            if value is not None and value not in allowed:
                raise InvalidArgument(name, value, f"one of {', '.join(map(str, allowed))}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of unfit cell in one market, however many rows have it."""

    market: str
    rule: str  # name for programs
    cells: tuple[Place, ...]  # in the order of the sheet
    allowed: str  # what would have been accepted, as a phrase
    hint: str = ""  # what to do, as a phrase

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of the sheet, each once, ascending."""
        return tuple(sorted({row for row, _, _ in self.cells}))

    def violation(self) -> RowViolation:
        """The first unfit cell, with the sentence of all."""
        row, column, text = self.cells[0]
        return RowViolation(self.rule, row, column, text, self.allowed, sentence=str(self))

    def __str__(self) -> str:
        columns = list(dict.fromkeys(printable(column) for _, column, _ in self.cells))
        texts = list(dict.fromkeys(text for _, _, text in self.cells))
        place = f"column {columns[0]}" if len(columns) == 1 else f"columns {listed(columns, 3)}"
        has = "has" if len(self.rows) == 1 else "have"
        found = listed(texts, 2)
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place} must hold {self.allowed}; {rows_text(self.rows)} {has} {found}{hint}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as it was understood."""

    name: str
    layout: str  # such as "wide: a column per vendor, header in row 3"
    measure: Literal["share", "value"]  # the column of the frame with the numbers
    unit: Unit  # as the sheet writes its numbers
    frame: pl.DataFrame
    """One row per cell, in the order of the sheet: market, period ("2020Q3"; null where the cell holds no quarter),
    provider, share (a fraction) or value (an amount), null where not reported or unfit; decimals (of the percentage as
    printed, or null), qualifier (less_than, more_than, about, or null), published_at (ISO text or null) where the sheet
    has it, row (of the sheet, from 1), column (its header)."""
    notes: tuple[str, ...]  # what was assumed or left out, a sentence for each kind
    faults: tuple[Fault, ...]  # unfit cells, by kind and market, in the order of the rows

    @property
    def markets(self) -> tuple[str, ...]:
        """Markets in the order of the sheet."""
        return tuple(self.frame["market"].unique(maintain_order=True).to_list())

    @property
    def refused(self) -> dict[str, tuple[str, ...]]:
        """The markets that have faults, and a sentence for each kind of fault."""
        found: dict[str, list[str]] = {}
        for fault in self.faults:
            found.setdefault(fault.market, []).append(str(fault))
        return {market: tuple(sentences) for market, sentences in found.items()}

    @property
    def fit(self) -> pl.DataFrame:
        """The rows of the markets that are not refused."""
        return self.frame.filter(~pl.col("market").is_in(list(self.refused)))


@dataclass(slots=True)
class Records:
    """The cells of a sheet that may hold numbers, each with what it is about: parallel lists."""

    layout: str
    measured: Header | None  # of the one column of numbers; None in a wide sheet
    provider_column: str
    named: bool  # whether the sheet has a column of markets
    hints: list[str]  # titles and headers that may speak of the unit
    titles: list[str]  # of these, what stands above the header
    remarks: list[str] = field(default_factory=list)  # what stands below the table
    rows: list[int] = field(default_factory=list)
    markets: list[str] = field(default_factory=list)
    times: list[Cell | Stamp] = field(default_factory=list)
    said: list[Cell] = field(default_factory=list)  # the time as the sheet has it, for messages
    time_columns: list[str] = field(default_factory=list)
    providers: list[Cell] = field(default_factory=list)
    numbers: list[Cell] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    decimals: list[Cell] | None = None
    qualifiers: list[Cell] | None = None
    published: list[Cell] | None = None

    def add(
        self, row: int, market: str, time: Cell | Stamp, said: Cell, time_column: str, provider: Cell, number: Cell,
        column: str, beside: Beside | None = None,
    ) -> None:  # fmt: skip
        """Take one cell; `row` is its number in messages, `beside` what other measures say of the same."""
        self.rows.append(row)
        self.markets.append(market)
        self.times.append(time)
        self.said.append(said)
        self.time_columns.append(time_column)
        self.providers.append(provider)
        self.numbers.append(number)
        self.columns.append(column)
        self.beside.append(beside or {})

    def drop(self, gone: set[int]) -> None:
        """Leave out some cells, by their places in the lists."""
        for name in (
            "rows", "markets", "times", "said", "time_columns", "providers", "numbers", "columns", "beside",
            "decimals", "qualifiers", "published",
        ):  # fmt: skip
            values = getattr(self, name)
            if values is not None:
                setattr(self, name, [value for n, value in enumerate(values) if n not in gone])

    def place(self, n: int) -> Place:
        """Where the number of a record stands, and what it is."""
        return self.rows[n], self.columns[n], quoted(self.numbers[n])


@dataclass(slots=True)
class Faults:
    """Unfit cells as they are found."""

    found: dict[tuple[str, str, str, str], dict[Place, None]] = field(default_factory=dict)

    def add(self, market: str, rule: str, place: Place, allowed: str, hint: str = "") -> None:
        """Note one cell; the same cell and fault count once."""
        self.found.setdefault((market, rule, allowed, hint), {})[place] = None

    def all(self) -> tuple[Fault, ...]:
        """All of them, by kind and market, in the order of their first rows."""
        faults = (
            Fault(market, rule, tuple(sorted(cells, key=lambda cell: cell[0])), allowed, hint)
            for (market, rule, allowed, hint), cells in self.found.items()
        )
        return tuple(sorted(faults, key=lambda fault: fault.cells[0][0]))
