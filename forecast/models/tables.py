"""Tables that the predictive of the model of record is read from, in place of slow functions.

Both forms of it read the same tables, and so agree to the last bits.
"""

from functools import lru_cache
from math import exp, lgamma, log, pi, sqrt

import numpy as np

from forecast.arrays import FloatArray

HEAVIEST = 2.5  # smallest degrees of freedom in the table
SHAPES = 24  # rows of the table, even in 1 / degrees of freedom
POINTS = 257  # columns, even in z / (1 + z): what is linear between them is off by less than 1e-5
_FINE = 16  # steps of integration a column
PIECES = 128  # of a unit, in the table of powers
LARGEST = 16.0  # end of that table
# A five-point rule for the mean over a normal variable, exact for polynomials up to the ninth degree.
HERMITE = np.polynomial.hermite_e.hermegauss(5)[0]
HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)[1] / sqrt(2.0 * pi)


@lru_cache(maxsize=4)
def widened_t_table(mixture_sd: float, mixture_mean: float) -> FloatArray:
    """Distribution function of a t variable times exp(mixture_mean + mixture_sd * a standard normal).

    Returns:
        Shape (24, 257): row r is for 1 / degrees of freedom = r / 23 / 2.5, column c for z = x / (1 - x) with
        x = c / 256; the last column is one.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(21 if mixture_sd > 0.0 else 1)
    factors, weights = np.exp(mixture_mean + mixture_sd * nodes), weights / weights.sum()
    x = np.linspace(0.0, 1.0, (POINTS - 1) * _FINE + 1)[:-1]
    z, slope = x / (1.0 - x), (1.0 - x) ** -2
    table = np.ones((SHAPES, POINTS))
    for r in range(SHAPES):
        density = np.zeros_like(x)
        for factor, weight in zip(factors, weights, strict=True):
            y2 = (z / factor) ** 2
            if r == 0:
                density += weight / factor * np.exp(-0.5 * y2) / sqrt(2.0 * pi)
            else:
                nu = HEAVIEST * (SHAPES - 1) / r
                constant = exp(lgamma(0.5 * (nu + 1)) - lgamma(0.5 * nu) - 0.5 * log(nu * pi))
                density += weight / factor * constant * (1.0 + y2 / nu) ** (-0.5 * (nu + 1))
        area = density * slope
        # Trapezoids; the last step, to infinity, gets what is missing to one.
        total = np.concatenate([[0.0], np.cumsum(0.5 * (area[1:] + area[:-1]))]) / (len(x))
        table[r, :-1] = 0.5 + total[::_FINE][: POINTS - 1]
    return np.minimum(table, 1.0)


@lru_cache(maxsize=4)
def widening_tables(mixture_sd: float, mixture_mean: float) -> FloatArray:
    """Shape (2, 24, 257): the table of the widened t, and of the t with the constant factor of the same mean square."""
    constant = mixture_sd**2 + mixture_mean
    return np.stack([widened_t_table(mixture_sd, mixture_mean), widened_t_table(0.0, constant)])


@lru_cache(maxsize=4)
def powers_table(power: float) -> FloatArray:
    """Pieces of x ** (1 / power): the inverse of the power transform, up to closure, in place of a slow power.

    Returns:
        Shape (2048, 3): row r has the coefficients of the parabola through three points of r / 128 to (r + 1) / 128,
        in the distance from its lower end.
    """
    width = 1.0 / PIECES
    low = np.arange(LARGEST * PIECES) * width
    first, middle, last = ((low + part * width) ** (1.0 / power) for part in (0.0, 0.5, 1.0))
    second = 2.0 * (first - 2.0 * middle + last) / width**2
    return np.stack([first, (last - first) / width - second * width, second], axis=1)
