"""Scales of the panels: shares up, quarters along."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from forecast.charts.wording import per_cent
from forecast.quarter import Quarter

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # each divides one, so that a scale can end at 100 per cent
_COMPARABLE = 2.5  # panels whose needs differ by no more than this factor can share one scale and still be read
_LEAST = 0.01  # a constant share still gets a scale of a point


@dataclass(frozen=True, slots=True)
class ShareAxis:
    """The vertical scale of one panel."""

    low: float  # fraction, a multiple of `step`, at least 0
    high: float  # fraction, at most 1
    step: float

    @property
    def ticks(self) -> tuple[float, ...]:
        """Shares with a grid line."""
        first, last = round(self.low / self.step), round(self.high / self.step)
        return tuple(k * self.step for k in range(first, last + 1))

    def tick_text(self, share: float, /) -> str:
        """A tick in per cent, with the decimals it needs."""
        return per_cent(share, 1 if self.step < 0.01 and share < 1 else 0)


@dataclass(frozen=True, slots=True)
class AmountAxis:
    """The vertical scale of a panel of amounts, from zero."""

    high: float  # in the unit of the amounts, a multiple of `step`
    step: float
    low: float = 0.0

    @property
    def ticks(self) -> tuple[float, ...]:
        """Amounts with a grid line."""
        return tuple(k * self.step for k in range(round(self.high / self.step) + 1))

    def tick_text(self, amount: float, /) -> str:
        """A tick as a number, with the decimals it needs."""
        return f"{amount:,.{max(0, -floor(log10(self.step) + 1e-9))}f}"


def amount_axis(high: float, /) -> AmountAxis:
    """A scale from zero that holds an amount in three to six steps of 1, 2 or 5."""
    if not high > 0.0:
        return AmountAxis(1.0, 0.5)
    unit = 10.0 ** floor(log10(high / 5))
    step = next(n * unit for n in (1, 2, 5, 10) if n * unit * 5 >= high * (1 - 1e-9))
    return AmountAxis(ceil(high / step - 1e-9) * step, step)


def share_axes(ranges: Sequence[tuple[float, float]], /) -> tuple[tuple[ShareAxis, ...], bool]:
    """Scales that hold the ranges of all panels.

    Where the ranges are alike in height, every panel spans the same number of points, each around its own level,
    so that slopes and bands compare by eye. Where they are not, a small share would be a flat line, and each panel
    gets its own.

    Returns:
        A scale per range, and whether all span the same number of points.
    """
    needs = [max(high - low, _LEAST) for low, high in ranges]
    alike = max(needs) <= _COMPARABLE * min(needs)
    steps = [_step(max(needs) if alike else need) for need in needs]
    counts = [_cells(low, high, step) for (low, high), step in zip(ranges, steps, strict=True)]
    wanted = [max(2, max(counts) if alike else count) for count in counts]
    return tuple(map(_placed, ranges, steps, wanted)), alike and len(ranges) > 1


def _step(need: float) -> float:
    return next((step for step in _STEPS if step * 4 >= need * (1 - 1e-9)), 0.25)


def _cells(low: float, high: float, step: float) -> int:
    return max(1, ceil(high / step - 1e-9) - floor(low / step + 1e-9))


def _placed(bounds: tuple[float, float], step: float, count: int) -> ShareAxis:
    most = round(1 / step)
    count = min(count, most)
    first = floor(bounds[0] / step + 1e-9) - (count - _cells(*bounds, step)) // 2
    first = min(max(first, 0), most - count)
    return ShareAxis(first * step, (first + count) * step, step)


def quarter_labels(first: Quarter, last: Quarter, /, *, spacing: float, room: float) -> tuple[tuple[Quarter, str], ...]:
    """Quarters to label between two: years where there is more than one, else quarters.

    Args:
        first: First quarter drawn.
        last: Last quarter drawn.
        spacing: Distance between neighbouring quarters.
        room: What the label of one quarter takes, in the unit of `spacing`.
    """
    quarters = [first + n for n in range(last - first + 1)]
    if spacing >= room:
        return tuple((q, str(q)) for q in quarters)
    starts = [q for q in quarters if q.number == 1]
    if len(starts) < 2:
        return (first, str(first)), (last, str(last))
    each = next((n for n in (1, 2, 5, 10, 20, 50) if 4 * spacing * n >= room * 0.8), 100)
    return tuple((q, str(q.year)) for q in starts if q.year % each == 0)
