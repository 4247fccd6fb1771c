"""Numbers that are no vendor's but stand among them, such as growth, a rank, a price or a market's size: not used."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from forecast.cells import Cell, Written, quoted, read_number, tidy
from forecast.errors import InvalidArgument
from forecast.headers import (
    derived_name,
    has_scale,
    is_made_of_one,
    is_market_size,
    is_of_another_kind,
    is_sum,
    measure_of,
    numbers_rows,
    read_header,
    spoken_of,
)
from forecast.sheet.grid import Table, name_of
from forecast.sheet.reading import Reading, Records
from forecast.sheet.wording import rows_text

_YEARS = (range(1900, 2201),)
_TIMES = (range(1, 54), *_YEARS, range(20_000, 80_000), range(190_001, 220_013))  # weeks, days of spreadsheets, months
_NEAR = 0.02  # by which the shares of a whole may miss it, of it
_TOO_MUCH = 150.0  # from which on a total of shares is none
_MADE = 0.01  # by which a number may miss what it is made of, of it


def drop_derived(records: Records, table: Table, options: Reading, notes: list[str]) -> None:
    """Leave out the records whose name says that their numbers are made of others, unless they are a vendor's.

    They are a vendor's where the quarters add up to 1 or 100 with them only. The size of a market next to shares is
    left out too.

    Raises:
        InvalidTable: a name such as Growth may be that of a vendor, and the numbers do not tell.
    """
    names: dict[Cell, str] = {who: name_of(who) for who in dict.fromkeys(records.providers) if who is not None}
    _check_one_measure(records, names, table)
    kinds: dict[Cell, str | None] = {who: derived_name(name) for who, name in names.items()}
    beside = _beside(records, names)
    kinds.update(dict.fromkeys(beside | _of_one(names), "sure"))
    sizes = _sizes(records, names, kinds, options)
    kinds.update(dict.fromkeys(sizes, "sure"))
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
        if cells and _whole(total) and not _whole(without) and who not in sizes:
            continue
        odd = any(_value(written) < 0 or (written.percent and not signs) for written in cells.values())
        if kind == "sure" or not cells or odd or _whole(without) or _is_made(cells, parts):
            gone.update(mine)
            rows = sorted({records.rows[n] for n in mine})
            where = rows_text(rows) if records.columns[mine[0]] != name_of(who) else "its column"
            other = who in beside or is_of_another_kind(names[who])
            what = "of another kind, such as a year, a count or a price" if other else "made of the other numbers"
            what = "the size of the market, next to shares" if who in sizes else what
            notes.append(f"{quoted(who)} is not a vendor but {what}: {where} not used")
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


def _check_one_measure(records: Records, names: dict[Cell, str], table: Table) -> None:
    """Refuse names of which two are one vendor's with two measures, such as Acme units and Acme share."""
    seen: dict[str, tuple[str, str]] = {}
    for name in names.values():
        vendor, measure = measure_of(name)
        if measure is None:
            continue
        other, first = seen.setdefault(vendor, (measure, name))
        if other != measure:
            raise table.refusal(
                "share_or_value",
                f"{quoted(first)} and {quoted(name)} are two measures of one vendor; keep the rows of one measure, or "
                "name it in a column of its own",
                column=records.provider_column,
                value=quoted(name),
            )


def _sizes(records: Records, names: dict[Cell, str], kinds: dict[Cell, str | None], options: Reading) -> set[Cell]:
    """Names of totals whose numbers are no shares, where those of the vendors are."""
    totals = [who for who, name in names.items() if is_sum(name) or is_market_size(name)]
    if not totals:
        return set()
    vendors: dict[Hashable, list[Written]] = defaultdict(list)
    own: dict[Cell, list[Written]] = {who: [] for who in totals}
    for n, who in enumerate(records.providers):
        if (written := _number(records.numbers[n])) is None or who is None:
            continue
        if who in own:
            own[who].append(written)
        elif kinds[who] is None:
            vendors[records.markets[n], records.times[n]].append(written)
    cells = [written for quarter in vendors.values() for written in quarter]
    signed = bool(cells) and all(written.percent for written in cells)
    whole = _whole([sum(map(_value, quarter)) for quarter in vendors.values()])
    said = options.measure in ("share", "percent")
    spoken = options.measure is None and spoken_of(records.titles) in ("share", "percent")
    if not (signed or whole or said or spoken):
        return set()
    return {
        who
        for who, mine in own.items()
        if mine
        and not any(written.percent for written in mine)
        and not _whole([_value(written) for written in mine])
        and (signed or whole or said or has_scale(names[who]))
        and (signed or is_market_size(names[who]) or all(_value(written) > _TOO_MUCH for written in mine))
    }


def _of_one(names: dict[Cell, str]) -> set[Cell]:
    """Names that are another name with a word such as growth behind it."""
    stems = {tidy(name).casefold() for name in names.values()}
    found: set[Cell] = set()
    for who, name in names.items():
        words = tidy(name).casefold().split()
        if any(
            " ".join(words[:k]) in stems and is_made_of_one(" ".join(words[k:])) for k in range(1, len(words))
        ):  # fmt: skip
            found.add(who)
    return found


def _beside(records: Records, names: dict[Cell, str]) -> set[Cell]:
    """Names that by their numbers too are those of years, of months or of a count of the rows."""
    timed = {who: role for who, name in names.items() if (role := read_header(name).role) in ("period", "year")}
    texts: dict[Cell, list[str]] = {who: [] for who, name in names.items() if who in timed or numbers_rows(name)}
    for who, cell in zip(records.providers, records.numbers, strict=True):
        if who in texts and cell is not None:
            texts[who].append(name_of(cell))
    found: set[Cell] = set()
    for who, cells in texts.items():
        counted = any(cells == [str(k + start) for k in range(len(cells))] for start in (0, 1))
        spans = _YEARS if timed.get(who) == "year" else _TIMES
        times = all(text.isdecimal() and any(int(text) in span for span in spans) for text in cells)
        if cells and (times if who in timed else counted):
            found.add(who)
    return found


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
