"""Numbers made of the others, such as growth, a rank or HHI, that stand among the vendors: told, and not used."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from forecast.cells import Cell, Written, quoted, read_number
from forecast.errors import InvalidArgument
from forecast.headers import derived_name, is_sum
from forecast.sheet.grid import Table, name_of
from forecast.sheet.reading import Records
from forecast.sheet.wording import rows_text

_NEAR = 0.02  # by which the shares of a whole may miss it, of it
_MADE = 0.01  # by which a number may miss what it is made of, of it


def drop_derived(records: Records, table: Table, notes: list[str]) -> None:
    """Leave out the records whose name says that their numbers are made of others, unless they are a vendor's.

    They are a vendor's where the quarters add up to 1 or 100 with them only.

    Raises:
        InvalidTable: a name such as Growth may be that of a vendor, and the numbers do not tell.
    """
    kinds = {who: derived_name(name_of(who)) for who in set(records.providers) if who is not None}
    found = {who: kind for who, kind in kinds.items() if kind is not None}
    if not found:
        return
    numbers = [_number(cell) for cell in records.numbers]
    others: dict[Hashable, list[float]] = defaultdict(list)
    signs = False
    for n, who in enumerate(records.providers):
        written = numbers[n]
        if written is not None and who is not None and kinds[who] is None and not is_sum(name_of(who)):
            others[records.markets[n], records.times[n]].append(_value(written))
            signs = signs or written.percent
    gone: set[int] = set()
    for who, kind in found.items():
        mine = [n for n, other in enumerate(records.providers) if other == who]
        cells = {n: written for n in mine if (written := numbers[n]) is not None}
        parts = {n: others[records.markets[n], records.times[n]] for n in cells}
        without = [sum(part) for part in parts.values()]
        total = [sum(part) + _value(cells[n]) for n, part in parts.items()]
        if cells and _whole(total) and not _whole(without):
            continue
        odd = any(_value(written) < 0 or (written.percent and not signs) for written in cells.values())
        if kind == "sure" or not cells or odd or _whole(without) or _is_made(cells, parts):
            gone.update(mine)
            rows = sorted({records.rows[n] for n in mine})
            where = rows_text(rows) if records.columns[mine[0]] != name_of(who) else "its column"
            notes.append(f"{quoted(who)} is not a vendor but made of the other numbers: {where} not used")
            continue
        row = records.rows[mine[0]]
        raise table.refusal(
            "provider_or_derived",
            f"{quoted(who)} may be a vendor or a number made of the others: row {row} has "
            f"{quoted(records.numbers[mine[0]])}; write the vendor's name in full, or remove it",
            row=row - 1,
            column=records.columns[mine[0]],
            value=quoted(who),
        )
    if len(gone) == len(records.rows):
        raise table.refusal("has_rows", "the sheet has no vendor's numbers, only some made of others, such as growth")
    records.drop(gone)


def _number(cell: Cell) -> Written | None:
    try:
        return read_number(cell)
    except InvalidArgument:
        return None


def _value(written: Written) -> float:
    return float(written.point or written.comma or 0)


def _whole(sums: Sequence[float]) -> bool:
    """Whether sums are those of the shares of a whole."""
    return any(all(abs(total / whole - 1) <= _NEAR for total in sums) for whole in (1.0, 100.0))


def _is_made(cells: dict[int, Written], parts: dict[int, list[float]]) -> bool:
    """Whether numbers are means, bounds or an index of the concentration of the others, in every quarter."""
    made = []
    for n, written in cells.items():
        part, total = sorted(parts[n]), sum(parts[n])
        if len(part) < 2 or not total:
            return False
        middle = (part[(len(part) - 1) // 2] + part[len(part) // 2]) / 2
        index = sum((x / total) ** 2 for x in part)
        forms = (total / len(part), middle, part[0], part[-1], index, 1e4 * index)
        made.append({k for k, form in enumerate(forms) if abs(_value(written) - form) <= _MADE * abs(form)})
    return bool(set.intersection(*made))
