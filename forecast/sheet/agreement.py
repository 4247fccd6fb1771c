"""Shares next to the amounts that they are made of: both must say the same, to the digits that are printed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from forecast.cells import SCALES, Cell, DecimalMark, Written, quoted, read_number
from forecast.errors import InvalidArgument, InvalidTable
from forecast.headers import is_sum
from forecast.sheet.grid import Table, is_number, name_of
from forecast.sheet.reading import Reading, Records
from forecast.sheet.wording import listed

_ROOM = 1.0  # units of the last digit by which a share may miss that of its amount
_WHOLE = 0.98  # of a market, from which on amounts are all of it
_EXACT = 1e-9  # of a number, by which a program's may differ


@dataclass(frozen=True, slots=True)
class _Pair:
    """A share and an amount of one vendor and quarter, with the totals of which the amount is that share."""

    n: int  # of the record
    share: float
    amount: float
    least: float
    most: float


def check_agreement(
    records: Records,
    times: Sequence[str | None],
    written: Sequence[Written | None],
    mark: DecimalMark,
    table: Table,
    options: Reading,
    notes: list[str],
) -> None:
    """Compare the numbers with those of other measures that the sheet has next to them, and say what was found.

    Raises:
        InvalidTable: a number contradicts the one beside it, and `options` does not say which is to be read.
    """
    names = list(dict.fromkeys(name for beside in records.beside for name in beside))
    if not names or records.measured is None:
        return
    read = records.columns[0] if len(set(records.columns)) == 1 else records.measured.base
    listed_names = listed([quoted(name) for name in names])
    if options.measure is not None:
        notes.append(f"numbers are from {quoted(read)}; {listed_names} {_are(names)} not used")
        if records.measured.role == "amount":
            _tell_part(records, times, written, mark, names[0], notes)
        return
    _check_holes(records, times, written, names, read, table)
    odd = {name: odd_share(records, times, written, mark, name) for name in names}
    first = odd[names[0]]
    agreeing = [name for name in names if odd[name] is None]
    if first is not None and not agreeing:
        raise _contradiction(records, times, names[0], first, table)
    left = [name for name in names if name not in agreeing]
    rest = f"; {listed([quoted(name) for name in left])} {_are(left)} of another measure, and not used" if left else ""
    verb = "agrees" if len(agreeing) == 1 else "agree"
    notes.append(
        f"numbers are from {quoted(read)}; {listed([quoted(name) for name in agreeing])} {verb} with them{rest}"
    )


def _check_holes(
    records: Records,
    times: Sequence[str | None],
    written: Sequence[Written | None],
    names: Sequence[str],
    read: str,
    table: Table,
) -> None:
    """Refuse a quarter that only another measure has."""
    first: dict[tuple[str, str | None], int] = {}
    there: set[tuple[str, str | None]] = set()
    for n, quarter in enumerate(zip(records.markets, times, strict=True)):
        if written[n] is not None:
            there.add(quarter)
        elif any(is_number(records.beside[n].get(name)) for name in names):
            first.setdefault(quarter, n)
    for quarter, n in first.items():
        if quarter in there:
            continue
        name = next(name for name in names if is_number(records.beside[n].get(name)))
        raise table.refusal(
            "share_or_value",
            f"row {records.rows[n]} has {quoted(records.beside[n][name])} in {quoted(name)}, and no row of {times[n]} "
            f"has a number in {quoted(read)}; fill it in, or say which is to be read with --measure share, --measure "
            "percent or --measure amount",
            row=records.rows[n] - 1,
        )


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def odd_share(
    records: Records, times: Sequence[str | None], written: Sequence[Written | None], mark: DecimalMark, name: str
) -> tuple[_Pair, float] | None:
    """The first share that is not made of its amount as the others of its quarter are, and the total of these."""
    for quarter in _pairs(records, times, written, mark, name).values():
        if max(pair.least for pair in quarter) <= min(pair.most for pair in quarter):
            continue
        totals = [total for pair in quarter for total in (pair.least, pair.most)]
        fits = [sum(pair.least <= total <= pair.most for pair in quarter) for total in totals]
        alone = max(fits) == 1  # no two of them agree
        total = sum(pair.amount for pair in quarter) if alone else totals[fits.index(max(fits))]
        return next(pair for pair in quarter if not pair.least <= total <= pair.most), total
    return None


def _pairs(
    records: Records, times: Sequence[str | None], written: Sequence[Written | None], mark: DecimalMark, name: str
) -> dict[tuple[str, str, Cell], list[_Pair]]:
    """The shares and amounts of each quarter, whichever of the two is read."""
    are_amounts = records.measured is not None and records.measured.role == "amount"
    pairs: dict[tuple[str, str, Cell], list[_Pair]] = defaultdict(list)
    for n, (own, time) in enumerate(zip(written, times, strict=True)):
        try:
            other = read_number(records.beside[n].get(name))
        except InvalidArgument:
            continue
        if time is None or own is None or other is None or own.qualifier or other.qualifier:
            continue
        share, amount = (other, own) if are_amounts else (own, other)
        if pair := _pair(n, share, amount, mark):
            published = records.published[n] if records.published is not None else None
            pairs[records.markets[n], time, published].append(pair)
    return pairs


def _tell_part(
    records: Records, times: Sequence[str | None], written: Sequence[Written | None], mark: DecimalMark, name: str,
    notes: list[str],
) -> None:  # fmt: skip
    """Say of amounts that were asked for where the shares next to them say that they are not the whole market."""
    for (_, time, _), quarter in _pairs(records, times, written, mark, name).items():
        vendors = [pair for pair in quarter if not is_sum(name_of(records.providers[pair.n]))]
        least = max(pair.least for pair in quarter)
        total = sum(pair.amount for pair in vendors)
        if len(vendors) == len(quarter) and least <= min(pair.most for pair in quarter) and total < _WHOLE * least:
            notes.append(
                f"by {quoted(name)} the amounts of {time} are {100 * total / least:.0f} % of their market at most; add "
                "a row Others or Total, else they are read as all of it"
            )
            return


def _pair(n: int, share: Written, other: Written, mark: DecimalMark) -> _Pair | None:
    """A share and the amount beside it; None where either is negative."""
    part, size = _value(share, mark), _value(other, mark)
    if part is None or size is None or part[0] < 0 or size[0] < 0:
        return None
    (of_one, unit), (amount, step) = part, size
    low, high = of_one - _ROOM * unit, of_one + _ROOM * unit
    least = (amount - 0.5 * step) / high * (1 - _EXACT) if high > 0 else 0.0
    most = (amount + 0.5 * step) / low * (1 + _EXACT) if low > 0 else float("inf")
    return _Pair(n, of_one, amount, least, most)


def _value(written: Written, mark: DecimalMark) -> tuple[float, float] | None:
    """A number and the unit of its last digit."""
    text = written.digits(mark) or written.point or written.comma
    if text is None:
        return None
    factor = 0.01 if written.percent else 10.0 ** SCALES[written.scale] if written.scale else 1.0
    return float(text) * factor, factor * 10.0 ** -len(text.partition(".")[2])


def _contradiction(
    records: Records, times: Sequence[str | None], name: str, odd: tuple[_Pair, float], table: Table
) -> InvalidTable:
    """The refusal of a share that is not that of the amount beside it."""
    pair, total = odd
    n = pair.n
    scale = 100.0 if str(records.numbers[n]).rstrip().endswith("%") else 1.0
    sign = " %" if scale > 1 else ""
    return table.refusal(
        "share_or_value",
        f"row {records.rows[n]} has {quoted(records.numbers[n])} in {quoted(records.columns[n])} and "
        f"{quoted(records.beside[n][name])} in {quoted(name)} for {quoted(records.providers[n])} in {times[n]}, of "
        f"which the amounts make {scale * pair.amount / total:.4g}{sign}; correct one of them, or say "
        "which is to be read with --measure share, --measure percent or --measure amount",
        row=records.rows[n] - 1,
        column=records.columns[n],
        value=quoted(records.numbers[n]),
    )
