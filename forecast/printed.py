"""Printed numbers, what they stand for, and how to reckon with them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

STATED_SHIFTS = {"exact": 0.0, "about": 0.0, "more_than": 0.5, "less_than": -0.5}
"""By how many units of its last printed digit what a number stands for lies above it on average, by qualifier."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a printed number stands for, in its own unit."""

    value: float  # expected
    variance: float
    half: float  # half the width of the interval it stands for


def printed(value: float, qualifier: str, unit: float, /) -> Printed:
    """Read a printed number.

    Args:
        value: As printed.
        qualifier: exact, about, more_than or less_than.
        unit: One unit of its last printed digit.

    Returns:
        A printed number stands for its rounding interval, "about" for one twice as wide, "more than 40" for 40 to 40
        plus one unit: of five such statements with a known truth all were.
    """
    shift = STATED_SHIFTS[qualifier] * unit
    width = 2.0 * unit if qualifier == "about" else unit
    return Printed(value + shift, width**2 / 12.0, width / 2.0)


def grown(growth: Printed, /) -> Printed:
    """What 1 has become after growth, given as a fraction."""
    return Printed(1.0 + growth.value, growth.variance, growth.half)


def ratio_of(part: Printed, whole: Printed, /) -> Printed:
    """A ratio of two printed numbers, its variance by the delta method."""
    value = part.value / whole.value
    variance = (part.variance + value**2 * whole.variance) / whole.value**2
    return Printed(value, variance, (part.half + abs(value) * whole.half) / whole.value)


def inverse_of(ratio: Printed, /) -> Printed:
    """One over a printed number, its variance by the delta method."""
    return Printed(1.0 / ratio.value, ratio.variance / ratio.value**4, ratio.half / ratio.value**2)


def combined(numbers: Sequence[Printed], /) -> Printed:
    """What several numbers, the finest first, say of the same quantity: each counts by its precision."""
    if len(numbers) == 1:
        return numbers[0]
    precision = math.fsum(1.0 / number.variance for number in numbers)
    value = math.fsum(number.value / number.variance for number in numbers) / precision
    return Printed(value, 1.0 / precision, numbers[0].half)
