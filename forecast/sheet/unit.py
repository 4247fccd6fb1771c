"""Whether the numbers of a sheet are fractions, per cents or amounts: by signs, headers, sums and words."""

from collections import defaultdict
from dataclasses import dataclass

from forecast.cells import Cell, Written, quoted
from forecast.errors import InvalidTable
from forecast.headers import is_sum, spoken_of
from forecast.sheet.grid import Table
from forecast.sheet.reading import Reading, Records, Unit

_NEAR = 0.02  # by which shares of a quarter may miss one, beside half a unit of the last printed digit for each


_UNIT_OF: dict[str, Unit] = {"share": "fractions", "percent": "per cent", "amount": "amounts"}


@dataclass(slots=True)
class _Sums:
    """How the numbers without a sign add up in their quarters, sums such as Total left out."""

    one: list[bool]  # near 1
    hundred: list[bool]  # near 100
    over_one: list[bool]  # clearly above 1
    over_hundred: list[bool]
    first: tuple[str, float]  # a quarter and its sum
    least: float
    most: float


def find_unit(
    records: Records,
    times: list[str | None],
    digits: list[str | None],
    written: list[Written | None],
    table: Table,
    options: Reading,
    notes: list[str],
) -> tuple[Unit, dict[int, tuple[str, str, str]]]:
    """What the numbers are: "fractions", "per cent" (where without a sign) or "amounts"; and cells that cannot be."""
    signed = [n for n, value in enumerate(written) if value is not None and value.percent]
    bare = [n for n, value in enumerate(written) if value is not None and not value.percent and digits[n] is not None]
    role = records.measured.role if records.measured is not None else None
    column = quoted(records.columns[0])
    if options.measure is not None:
        return _UNIT_OF[options.measure], {}
    sums = _sums(records, times, digits, bare, written)
    says = spoken_of(records.hints)
    if role == "amount":
        if signed and not bare:
            n = signed[0]
            raise table.refusal(
                "unit_of_measure",
                f"column {column} should hold amounts, but holds per cents: row {records.rows[n]} has "
                f"{quoted(records.numbers[n])}; if they are shares, say so with --measure percent",
                row=records.rows[n],
            )
        if records.columns[0] != "value":
            notes.append(f"column {column} read as amounts")
        hint = "if they are shares, say so with --measure percent"
        return "amounts", dict.fromkeys(signed, ("unit_of_measure", "amounts, without a per cent sign", hint))
    if signed:
        return _beside_signs(signed, bare, digits, records, says)
    if not bare or sums is None:
        return "fractions", {}
    if role == "share":
        return _shares(sums, bare, digits, records, times, table, notes, percent=says == "percent")
    return _open(sums, bare, digits, records, times, table, notes, says)


def _beside_signs(
    signed: list[int], bare: list[int], digits: list[str | None], records: Records, says: str | None
) -> tuple[Unit, dict[int, tuple[str, str, str]]]:
    """Numbers without a sign beside some with one: 34.1 can only be a per cent, and 0.341 can be two things."""
    hint = "write 34.1% or leave the sign away in all cells"
    unfit = {
        n: (
            "unit_of_measure",
            "per cents with their sign, as the other cells",
            f"this may be a fraction or a per cent; {hint}",
        )
        for n in bare
        if (text := digits[n]) is not None and 0 < abs(float(text)) <= 1
    }
    return "per cent", unfit


def _sums(
    records: Records, times: list[str | None], digits: list[str | None], bare: list[int], written: list[Written | None]
) -> _Sums | None:
    totals: dict[tuple[str, str, Cell], float] = defaultdict(float)
    slack: dict[tuple[str, str, Cell], float] = defaultdict(float)
    summed: dict[Cell, bool] = {}
    for n in bare:
        quarter, text, who = times[n], digits[n], records.providers[n]
        if quarter is None or text is None:
            continue
        if who not in summed:
            summed[who] = isinstance(who, str) and is_sum(who)
        if summed[who]:
            continue
        key = (records.markets[n], quarter, records.published[n] if records.published is not None else None)
        totals[key] += float(text)
        slack[key] += 0.5 * 10.0 ** -len(text.partition(".")[2])
    if not totals:
        return None
    one, hundred, over_one, over_hundred = [], [], [], []
    for key, total in totals.items():
        off_one = max(_NEAR, min(slack[key], 0.1))
        off_hundred = max(100 * _NEAR, min(slack[key], 10.0))
        one.append(abs(total - 1) <= off_one + 1e-9)
        hundred.append(abs(total - 100) <= off_hundred + 1e-9)
        over_one.append(total > 1 + off_one + 1e-9)
        over_hundred.append(total > 100 + off_hundred + 1e-9)
    (_, quarter, _), total = next(iter(totals.items()))
    return _Sums(one, hundred, over_one, over_hundred, (quarter, total), min(totals.values()), max(totals.values()))


def _shares(
    sums: _Sums,
    bare: list[int],
    digits: list[str | None],
    records: Records,
    times: list[str | None],
    table: Table,
    notes: list[str],
    *,
    percent: bool,
) -> tuple[Unit, dict[int, tuple[str, str, str]]]:
    """The unit of a column that says it holds shares."""
    large = [n for n in bare if (text := digits[n]) is not None and abs(float(text)) > 1]
    count = len(sums.one)
    header = quoted(records.columns[0])
    if percent and not large and not any(sums.over_one) and not any(sums.one):
        raise _two_readings(
            table,
            f"column {header} says per cent, but its quarters sum to {_span(sums)}, so that {records.columns[0]} may "
            "be fractions or per cents",
            "--measure share or --measure percent",
        )
    if not large and not any(sums.over_one):
        if percent:
            notes.append(f"column {header} read as fractions of 1: the quarters sum to about 1")
        return "fractions", {}
    near_one, near_hundred = sum(sums.one), sum(sums.hundred)
    if near_one and near_one > near_hundred and 2 * near_one >= count:
        hint = "the other quarters hold fractions that sum to 1"
        return "fractions", dict.fromkeys(large, ("share_in_unit_interval", "fractions of 0 to 1", hint))
    if near_one and near_one * 2 < count:
        suspicious = _cells_of(sums, records, times, bare, near=sums.one)
        hint = "the other quarters hold per cents that sum to 100; write 34.1"
        notes.append(_told_percent(sums))
        return "per cent", dict.fromkeys(suspicious, ("unit_of_measure", "per cents as the other quarters", hint))
    if not large:
        # parts up to 1 that sum to more
        return "fractions", {}
    if any(float(digits[n] or 0) > 100 for n in large) and not near_hundred:
        raise table.refusal(
            "share_in_unit_interval",
            f"column {header} should hold shares, but has numbers such as {quoted(records.numbers[large[0]])} that are "
            "no shares; if they are amounts, say so with --measure amount",
            row=records.rows[large[0]],
        )
    notes.append(_told_percent(sums))
    return "per cent", {}


def _told_percent(sums: _Sums) -> str:
    if 2 * sum(sums.hundred) >= len(sums.hundred):
        return "read as per cent: the quarters sum to about 100"
    return "read as per cent: there are shares above 1"


def _cells_of(sums: _Sums, records: Records, times: list[str | None], bare: list[int], near: list[bool]) -> list[int]:
    """The cells of the quarters that a list of flags marks, in the order in which `_sums` met the quarters."""
    order: dict[tuple[str, str, Cell], int] = {}
    found = []
    for n in bare:
        quarter, who = times[n], records.providers[n]
        if quarter is None or (isinstance(who, str) and is_sum(who)):
            continue
        key = (records.markets[n], quarter, records.published[n] if records.published is not None else None)
        if near[order.setdefault(key, len(order))]:
            found.append(n)
    return found


def _open(
    sums: _Sums,
    bare: list[int],
    digits: list[str | None],
    records: Records,
    times: list[str | None],
    table: Table,
    notes: list[str],
    says: str | None,
) -> tuple[Unit, dict[int, tuple[str, str, str]]]:
    """The unit of numbers whose headers do not say it: by their sums, then by the words around them."""
    count = len(sums.one)
    near_one, near_hundred = sum(sums.one), sum(sums.hundred)
    if near_one == count:
        notes.append("read as shares, fractions of 1: the quarters sum to about 1")
        return "fractions", {}
    if near_hundred == count:
        notes.append("read as per cent: the quarters sum to about 100")
        return "per cent", {}
    if says in ("share", "percent"):
        if any(sums.over_hundred) and not near_hundred:
            raise _two_readings(
                table,
                f"the sheet speaks of shares, but its quarters sum to {_span(sums)}: the numbers may be amounts",
                "--measure amount, or --measure percent",
            )
        return _shares(sums, bare, digits, records, times, table, notes, percent=says == "percent")
    if says == "amount" or (all(sums.over_hundred) and not near_hundred):
        why = f"the quarters sum to {_span(sums)}" if says is None else "the words of the sheet say so"
        notes.append(f"read as amounts: {why}")
        return "amounts", {}
    most = "fractions of 1" if not any(sums.over_one) else "per cents"
    flag = "--measure share" if most == "fractions of 1" else "--measure percent"
    raise _two_readings(
        table,
        f"the numbers may be {most} or amounts: the quarters sum to {_span(sums)} (in {sums.first[0]} to "
        f"{sums.first[1]:.6g})",
        f"{flag} or --measure amount",
    )


def _span(sums: _Sums) -> str:
    return f"{sums.least:.6g}" if sums.least == sums.most else f"{sums.least:.6g} to {sums.most:.6g}"


def _two_readings(table: Table, found: str, flags: str) -> InvalidTable:
    return table.refusal("unit_of_measure", f"{found}; say which with {flags}")
