"""One table in a sheet: rows without a number are the header again or remarks, or they begin another table."""

from collections.abc import Sequence

from forecast.headers import is_remark, read_header
from forecast.sheet.columns import first_filled
from forecast.sheet.grid import Table, is_number, says_nothing
from forecast.stamps import read_stamp

_APART = "put each table on a sheet or in a file of its own"
_ROLES = frozenset({"period", "year", "provider", "share", "amount", "market"})


def part_silent(
    table: Table, header: int, silent: Sequence[int], numbered: Sequence[int], *, down: bool = True
) -> tuple[list[int], list[int]]:
    """Part the rows below a header that hold no number of the table into the header again and remarks.

    Args:
        table: The sheet.
        header: Row of the header.
        silent: Rows without a number, ascending.
        numbered: Rows with a number, ascending.
        down: Whether quarters run down the rows; if not, a row may be a vendor without numbers, and the header again
            may begin other vendors of another market.

    Raises:
        InvalidTable: one of the rows begins a second table or a part of the table, so that nothing says whether the
            numbers below it are of the first header.
    """
    hint = "" if down else "; if it is a vendor of whom nothing was reported, write n/a in its cells"
    repeated: list[int] = []
    remarks: list[int] = []
    for n in silent:
        _check_beside(table, n)
        cells = [c for c in range(table.width) if table.cell(n, c) is not None]
        same = all(table.text(n, c).casefold() == table.text(header, c).casefold() for c in range(table.width))
        between = bool(numbered) and numbered[0] < n < numbered[-1]
        above = table.above(n)
        titled = above in remarks and not all(says_nothing(c) for c in table.grid[above or 0])
        if same and not (between and (titled or not down)):
            repeated.append(n)
        elif not between or is_remark(table.text(n, first_filled(table, n))) or all(
            says_nothing(table.cell(n, c)) for c in cells
        ):  # fmt: skip
            remarks.append(n)
        elif len(cells) > 1:
            raise table.refusal(
                "one_table",
                f"row {table.number(n)} is a second header, between rows of numbers: {table.sentence(n)}; {_APART}"
                f"{', or remove it where it is the first one again' if same else ''}",
                row=n,
                value=table.sentence(n),
            )
        else:
            raise table.refusal(
                "one_table",
                f"row {table.number(n)} has {table.sentence(n)} without a number, between rows of numbers; if a "
                f"second table or market begins there, {_APART}, or name the market of each row in a column 'market'; "
                f"if it is a remark, move it below the table{hint}",
                row=n,
                value=table.sentence(n),
            )
    return repeated, remarks


def _check_beside(table: Table, row: int) -> None:
    """Refuse a quarter and a number that stand in other columns than those of the table."""
    if _is_of_a_table(table, row):
        raise table.refusal(
            "one_table",
            f"row {table.number(row)} has a quarter and a number in other columns than the table above it: "
            f"{table.sentence(row)}; {_APART}",
            row=row,
            value=table.sentence(row),
        )


def check_above(table: Table, header: int, keep: int | None = None) -> None:
    """Refuse a table of quarters above the header that was found; `keep` is a row of years."""
    for n in table.filled:
        if n >= header:
            return
        if n != keep and _is_of_a_table(table, n):
            raise table.refusal(
                "one_table",
                f"row {n + 1} has a quarter and a number above the header in row {header + 1}: {table.sentence(n)}; "
                f"{_APART}",
                row=n,
                value=table.sentence(n),
            )


def _is_of_a_table(table: Table, row: int) -> bool:
    """Whether a row has a number and a quarter, or begins with a date, as those of a table do."""
    cells = [cell for c in range(table.width) if (cell := table.cell(row, c)) is not None]
    stamps = [read_stamp(cell) for cell in cells]
    timed = any(stamp is not None and stamp.kind in ("quarter", "fiscal") for stamp in stamps)
    timed = timed or (stamps[0] is not None and stamps[0].kind not in ("year", "bare") and not is_number(cells[0]))
    return timed and any(is_number(cell) and stamp is None for cell, stamp in zip(cells, stamps, strict=True))


def names_columns(table: Table, row: int) -> bool:
    """Whether a row has two cells or more that name columns, such as quarter and vendor."""
    return sum(read_header(table.text(row, c)).role in _ROLES for c in range(table.width)) > 1
