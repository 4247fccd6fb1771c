"""Whether the numbers of a sheet are fractions, per cents or amounts: by signs, headers, sums and words."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from forecast.cells import Cell, Written, quoted
from forecast.errors import InvalidTable
from forecast.headers import is_market_size, is_sum, speaks_of_growth, speaks_of_several_quarters, spoken_of
from forecast.names import is_subtotal, is_total, is_whole
from forecast.sheet.grid import Table
from forecast.sheet.reading import Reading, Records, Unit
from forecast.sheet.wording import listed

_NEAR = 0.02  # by which the shares of a quarter may miss one, beside half a unit of the last digit of each
_CLOSE = 0.005  # the same, of numbers that may be amounts
_WIDEST = 0.1  # of that allowance
_TOO_MUCH = 150.0  # sum of a quarter from which on its numbers are no per cents with a slip
_FEWEST_QUARTERS = 4  # in which a number must be the sum of those above it, as in `forecast.sums`
_PERCENT_FROM = 10.0  # sum of a quarter below which its numbers are no per cents
_UNITS: dict[str, Unit] = {"share": "fractions", "percent": "per cent", "amount": "amounts"}

Key = tuple[str, str, Cell]  # market, quarter, publication
Unfit = dict[int, tuple[str, str, str]]  # by record: rule, what is allowed, hint


@dataclass(frozen=True, slots=True)
class _Sum:
    """What the numbers of one quarter add up to, rows and columns such as Total left out."""

    quarter: str  # with its market, where there are several
    total: float
    slack: float  # what rounding may have taken or given, of a sum of one
    cells: tuple[int, ...]

    def near(self, whole: float) -> bool:
        return abs(self.total - whole) <= self._allowance(whole)

    def rounds_to(self, whole: float) -> bool:
        """Whether nothing but rounding parts the sum from the whole, so that chance is unlikely."""
        return abs(self.total - whole) <= max(_CLOSE * whole, min(self.slack, _WIDEST * whole)) + 1e-9

    def over(self, whole: float) -> bool:
        return self.total > whole + self._allowance(whole)

    def _allowance(self, whole: float) -> float:
        return max(_NEAR * whole, min(self.slack, _WIDEST * whole)) + 1e-9


def find_unit(
    records: Records,
    times: Sequence[str | None],
    digits: Sequence[str | None],
    written: Sequence[Written | None],
    table: Table,
    options: Reading,
    notes: list[str],
) -> tuple[Unit, Unfit]:
    """What the numbers without a sign are, and which cells cannot be that.

    Raises:
        InvalidTable: two readings are possible.
    """
    signed = [n for n, value in enumerate(written) if value is not None and value.percent]
    bare = [n for n, value in enumerate(written) if value is not None and not value.percent and digits[n] is not None]
    role = records.measured.role if records.measured is not None else None
    if options.measure is not None:
        return _UNITS[options.measure], {}
    _check_level(_whole_sums(records, times, digits, [*signed, *bare]), records, table)
    if role == "amount":
        return _amounts(signed, bare, records, table, notes)
    scaled = role is None and any(value is not None and value.scale for value in written)
    if signed and not bare:
        _check_signs(_whole_sums(records, times, digits, signed), table)
    if signed or scaled:
        return ("amounts", {}) if scaled else _beside_signs(bare, digits)
    sums = _whole_sums(records, times, digits, bare)
    if not sums:
        return "fractions", {}
    says = spoken_of(records.hints)
    if role == "share":
        return _shares(sums, digits, records, table, notes, percent=says == "percent")
    return _open(sums, digits, records, table, notes, says)


def _check_level(sums: Sequence[_Sum], records: Records, table: Table) -> None:
    """Refuse numbers that a title calls those of several quarters, or a growth where they are not shares of a whole."""
    titles = [*records.titles, records.provider_column, *records.time_columns[:1]]
    if several := next(filter(speaks_of_several_quarters, titles), None):
        raise table.refusal(
            "unit_of_measure",
            f"{quoted(several)} speaks of numbers of several quarters each; give the numbers of each quarter alone, or "
            "say that they are so with --measure share, --measure percent or --measure amount",
        )
    title = next(filter(speaks_of_growth, titles), None)
    if title is None or any(spoken_of([hint]) == "share" for hint in titles):
        return
    if not all(found.near(1.0) or found.near(100.0) for found in sums):
        raise table.refusal(
            "unit_of_measure",
            f"{quoted(title)} speaks of a growth, change or index, and the quarters sum to {_span(sums)}; give shares "
            "or amounts, not their change, or say what the numbers are with --measure share, --measure percent or "
            "--measure amount",
        )


def _amounts(
    signed: list[int], bare: list[int], records: Records, table: Table, notes: list[str]
) -> tuple[Unit, Unfit]:
    column = quoted(records.columns[0])
    hint = "if they are shares, say so with --measure percent"
    if signed and not bare:
        n = signed[0]
        raise table.refusal(
            "unit_of_measure",
            f"column {column} should hold amounts, but holds per cents: row {records.rows[n]} has "
            f"{quoted(records.numbers[n])}; {hint}",
            row=records.rows[n] - 1,
        )
    if records.columns[0] != "value":
        notes.append(f"column {column} read as amounts")
    return "amounts", dict.fromkeys(signed, ("unit_of_measure", "amounts, without a per cent sign", hint))


def _beside_signs(bare: list[int], digits: Sequence[str | None]) -> tuple[Unit, Unfit]:
    """Numbers without a sign beside some with one: 34.1 can only be a per cent, and 0.341 can be two things."""
    why = (
        "unit_of_measure",
        "per cents with their sign, as the other cells",
        "without it this may be a fraction or a per cent",
    )
    return "per cent", dict.fromkeys((n for n in bare if 0 < abs(_number(digits, n)) <= 1), why)


def _check_signs(sums: Sequence[_Sum], table: Table) -> None:
    """Refuse per cents that sum to 1: a fraction of which only the sign was added."""
    if sums and all(found.rounds_to(1.0) and len(found.cells) > 1 for found in sums):
        raise table.refusal(
            "unit_of_measure",
            f"the numbers have per cent signs, and the quarters sum to {_span(sums)} %, as fractions of 1 with a sign "
            "by mistake do; write them without the sign, or say that they are so small with --measure percent",
        )


def _number(digits: Sequence[str | None], n: int) -> float:
    return float(digits[n] or 0)


def _whole_sums(
    records: Records, times: Sequence[str | None], digits: Sequence[str | None], bare: list[int]
) -> list[_Sum]:
    """The sums of the quarters without names such as Total; with those of firms, where only they make a whole.

    Total Energies may be a firm and Total Europe a sum: of shares that are whole only with such a name it is a firm's.
    """
    without, with_firms = (_sums(records, times, digits, bare, is_left_out) for is_left_out in (_is_sum, _is_plain_sum))
    for whole in (1.0, 100.0):
        doubled = all(found.rounds_to(whole / 2) for found in without)  # by what may be the sum of the others
        if with_firms and not doubled and all(found.rounds_to(whole) for found in with_firms):
            return with_firms
    return without


def _is_sum(name: str) -> bool:
    return is_sum(name) or is_market_size(name)


def _is_plain_sum(name: str) -> bool:
    return is_market_size(name) or is_total(name) or is_subtotal(name) or is_whole(name)


def _sums(
    records: Records,
    times: Sequence[str | None],
    digits: Sequence[str | None],
    bare: list[int],
    is_left_out: Callable[[str], bool],
) -> list[_Sum]:
    """The sum of each quarter that has all its numbers; of every quarter where none has."""
    members: dict[Key, list[int]] = defaultdict(list)
    holes: set[Key] = set()
    summed: dict[Cell, bool] = {}
    there = set(bare)
    for n, quarter in enumerate(times):
        if quarter is None:
            continue
        key = (records.markets[n], quarter, records.published[n] if records.published is not None else None)
        if n not in there:
            holes.add(key)
            continue
        who = records.providers[n]
        if who not in summed:
            summed[who] = isinstance(who, str) and is_left_out(who)
        if not summed[who]:
            members[key].append(n)
    whole = {key: cells for key, cells in members.items() if key not in holes} or members
    sums = []
    several = len({market for market, _, _ in whole}) > 1
    for (market, quarter, _), cells in whole.items():
        texts = [digits[n] or "0" for n in cells]
        slack = sum(0.5 * 10.0 ** -len(text.partition(".")[2]) for text in texts)
        label = f"{quarter} of {market}" if several else quarter
        sums.append(_Sum(label, sum(map(float, texts)), slack, tuple(cells)))
    return sums


def _shares(
    sums: list[_Sum], digits: Sequence[str | None], records: Records, table: Table, notes: list[str], *, percent: bool
) -> tuple[Unit, Unfit]:
    """The unit of numbers that are called shares."""
    small = [found for found in sums if not found.over(1.0)]
    large = [found for found in sums if found.over(1.0)]
    above = [n for found in sums for n in found.cells if abs(_number(digits, n)) > 1]
    ones = sum(found.near(1.0) for found in sums)
    hundreds = sum(found.near(100.0) for found in sums)
    if not above:
        if percent and not ones:
            raise _two_readings(
                table,
                f"the sheet speaks of per cents, but its quarters sum to {_span(sums)}, so that the numbers may be per "
                "cents or fractions of 1",
                "--measure percent or --measure share",
            )
        if percent:
            notes.append("read as fractions of 1: the quarters sum to about 1")
        return "fractions", {}
    if small and (not percent or ones):
        # some quarters look like fractions, and others do not
        slips = not hundreds and (ones or all(found.total < _PERCENT_FROM for found in large))
        if len(small) > len(large) or (slips and not percent):
            hint = "the other quarters hold fractions of 1"
            return "fractions", dict.fromkeys(above, ("share_in_unit_interval", "fractions of 0 to 1", hint))
        if len(small) < len(large) and hundreds:
            hint = "the other quarters hold per cents, which sum to about 100"
            odd = [n for found in small for n in found.cells]
            notes.append("read as per cent: the quarters sum to about 100")
            return "per cent", dict.fromkeys(odd, ("unit_of_measure", "per cents as the other quarters", hint))
        raise _two_readings(
            table,
            f"the shares may be fractions of 1 or per cents: {small[0].quarter} sums to {small[0].total:.6g} and "
            f"{large[0].quarter} to {large[0].total:.6g}",
            "--measure share or --measure percent",
        )
    if any(_number(digits, n) > 100 for n in above) and not hundreds:
        raise table.refusal(
            "share_in_unit_interval",
            f"the sheet speaks of shares, but {records.columns[above[0]]} has {quoted(records.numbers[above[0]])} in "
            f"row {records.rows[above[0]]}, and its quarters sum to {_span(sums)}; if these are amounts, say so with "
            "--measure amount",
            row=records.rows[above[0]] - 1,
        )
    tiny = next((n for found in sums for n in found.cells if 0 < abs(_number(digits, n)) < 1), None)
    if tiny is not None and not percent and not hundreds:
        raise _two_readings(
            table,
            f"row {records.rows[above[0]]} has {quoted(records.numbers[above[0]])} and row {records.rows[tiny]} has "
            f"{quoted(records.numbers[tiny])}, which may be a fraction of 1 or a per cent",
            "--measure percent, or write all numbers in one way",
        )
    notes.append(
        "read as per cent: the quarters sum to about 100"
        if 2 * hundreds >= len(sums)
        else f"read as per cent: the sheet speaks of shares, and its quarters sum to {_span(sums)}"
    )
    return "per cent", {}


def _open(
    sums: list[_Sum], digits: Sequence[str | None], records: Records, table: Table, notes: list[str], says: str | None
) -> tuple[Unit, Unfit]:
    """The unit of numbers whose headers do not say it: by their sums, then by the words around them."""
    if all(found.rounds_to(1.0) for found in sums):
        notes.append("read as shares, fractions of 1: the quarters sum to about 1")
        return "fractions", {}
    if all(found.rounds_to(100.0) for found in sums):
        notes.append("read as per cent: the quarters sum to about 100")
        return "per cent", {}
    if says in ("share", "percent"):
        return _shares(sums, digits, records, table, notes, percent=says == "percent")
    if summed := _sums_among(sums, digits, records):
        verb = "is the sum of others" if len(summed) == 1 else "are sums of others"
        notes.append(f"read as per cent: the quarters sum to about 100 without {listed(summed)}, which {verb}")
        return "per cent", {}
    if says == "amount":
        notes.append("read as amounts, as the words of the sheet say")
        return "amounts", {}
    if all(found.over(100.0) for found in sums) and max(found.total for found in sums) > _TOO_MUCH:
        notes.append(f"read as amounts: the quarters sum to {_span(sums)}")
        return "amounts", {}
    # a quarter far from 100 in a sheet of per cents is a slip, and in one of amounts a quarter as any other
    is_fraction = not any(found.over(1.0) for found in sums)
    what, flag = ("fractions of 1", "share") if is_fraction else ("per cents", "percent")
    raise _two_readings(
        table,
        f"the numbers may be {what} or amounts: the quarters sum to {_span(sums)} ({sums[0].quarter} to "
        f"{sums[0].total:.6g})",
        f"--measure {flag} or --measure amount",
    )


def _sums_among(sums: Sequence[_Sum], digits: Sequence[str | None], records: Records) -> list[str]:
    """Names whose numbers sum up those right above them, where the quarters sum to about 100 without them only."""
    runs: dict[Cell, bool] = {}
    for found in sums:
        before: list[float] = []
        for n in found.cells:
            own, room = _number(digits, n), found.slack
            parts = [sum(before[k:]) for k in range(len(before) - 1)]
            is_run = any(abs(own - part) <= room and part > 0 for part in parts)
            who = records.providers[n]
            runs[who] = runs.get(who, True) and is_run
            before.append(own)
    summed = [who for who, is_run in runs.items() if is_run]
    rest = [
        (sum(_number(digits, n) for n in found.cells if not runs[records.providers[n]]), found.slack) for found in sums
    ]
    if len(sums) < _FEWEST_QUARTERS or any(abs(total - 100) > max(0.5, slack) for total, slack in rest):
        return []
    return [quoted(who) for who in summed]


def _span(sums: Sequence[_Sum]) -> str:
    least, most = min(found.total for found in sums), max(found.total for found in sums)
    return f"{least:.6g}" if f"{least:.6g}" == f"{most:.6g}" else f"{least:.6g} to {most:.6g}"


def _two_readings(table: Table, found: str, flags: str) -> InvalidTable:
    return table.refusal("unit_of_measure", f"{found}; say which with {flags}")
