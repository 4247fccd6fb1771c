"""Compositions: closure, contrasts, and the power transform between shares and unbounded coordinates.

The transform of a composition p of K parts is ``u = (K p^a / sum(p^a) - 1) / a``, the Box-Cox family of compositions:
a = 1 gives the raw shares, a -> 0 the centred log-ratio. On real shares log-ratios lose badly, because small parts
explode; a power in between keeps zeros finite and lets a provider reach zero (Tsagris, Preston & Wood 2011).
"""

from functools import lru_cache
from math import prod

import numpy as np

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument


class InvalidComposition(InvalidArgument):
    """A row is not a composition; `value` names the row and what it holds."""

    def __init__(self, row: int, value: object, allowed: str) -> None:
        self.row = row
        super().__init__(f"parts, row {row}", value, allowed)


def closure(parts: FloatArray, /) -> FloatArray:
    """Scale each row to sum to one.

    Args:
        parts: Shape (n, K), non-negative, any common unit within a row.

    Returns:
        Shape (n, K), proportions.

    Raises:
        InvalidComposition: a part is negative or not finite, or a row is all zero; names the first bad row.

    Source:
        Aitchison (1986), The Statistical Analysis of Compositional Data.

    >>> closure(np.array([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    bad = ~(np.isfinite(parts) & (parts >= 0)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidComposition(row, parts[row].tolist(), "finite parts of at least 0")
    # The largest part first: sums of subnormal parts would otherwise lose every digit.
    largest = parts.max(axis=1, keepdims=True)
    if (largest == 0).any():
        raise InvalidComposition(int(np.flatnonzero(largest[:, 0] == 0)[0]), "all zero", "at least one part above 0")
    scaled = parts / largest
    closed: FloatArray = scaled / scaled.sum(axis=1, keepdims=True)
    return closed


@lru_cache(maxsize=64)
def helmert(parts: int, /) -> FloatArray:
    """Orthonormal contrasts of K parts: columns are orthogonal to the vector of ones and of unit length.

    Returns:
        Shape (K, K - 1), read-only.

    Source:
        Egozcue et al. (2003), Isometric logratio transformations for compositional data analysis.
    """
    basis = np.zeros((parts, parts - 1))
    for j in range(parts - 1):
        basis[: j + 1, j] = 1.0
        basis[j + 1, j] = -(j + 1.0)
        basis[:, j] /= np.sqrt((j + 1.0) * (j + 2.0))
    basis.flags.writeable = False
    return basis


def to_contrasts(shares: FloatArray, power: float, /) -> FloatArray:
    """Power-transform compositions and take their orthonormal contrasts.

    Args:
        shares: Shape (n, K), each row a composition, or all NaN for a quarter without one.
        power: a in [0, 1]; at 0 every share must be above zero.

    Returns:
        Shape (n, K - 1); NaN rows stay NaN.
    """
    parts = shares.shape[1]
    if power == 0.0:
        logs = np.log(shares)
        return np.asarray(logs @ helmert(parts))
    raised = shares**power
    # Contrasts of a constant are zero, so the "- 1" of the transform falls away.
    return np.asarray((parts / power) * (raised / raised.sum(axis=1, keepdims=True)) @ helmert(parts))


def from_contrasts(contrasts: FloatArray, power: float, /) -> FloatArray:
    """Inverse of `to_contrasts`; parts that would be negative are cut to zero and the rest closed.

    Args:
        contrasts: Shape (..., K - 1).
        power: a in [0, 1].

    Returns:
        Shape (..., K), each row a composition.
    """
    parts = contrasts.shape[-1] + 1
    # One row a part: NumPy reduces over few long rows quickly, over many short ones slowly. The product with the
    # contrasts is a running sum, as they are made; a matrix product would wake threads for it.
    at = np.arange(1.0, parts)[:, None]
    scaled = contrasts.reshape(prod(contrasts.shape[:-1]), parts - 1).T / np.sqrt(at * (at + 1.0))
    u = np.zeros((parts, scaled.shape[1]))
    np.cumsum(scaled[::-1], axis=0, out=u[-2::-1])
    u[1:] -= at * scaled
    if power == 0.0:
        shares = np.exp(u - u.max(axis=0))
        shares /= shares.sum(axis=0)
    else:
        u *= power
        u += 1.0
        # Coordinates sum to zero, so at least one part is 1 or more.
        shares = closed_power(np.maximum(u, 0.0, out=u), power)
    return np.ascontiguousarray(shares.T).reshape(*contrasts.shape[:-1], parts)


def closed_power(raised: FloatArray, power: float, /) -> FloatArray:
    """The compositions behind coordinates: closure of ``raised ** (1 / power)``.

    Args:
        raised: Shape (K, ...), 1 + a u of each part's coordinate u, zero where that is below zero, though not for every
            part of a column; overwritten.
        power: a in (0, 1].

    Returns:
        Shape (K, ...), each column a composition.
    """
    # Scaled before the root, which would overflow for draws far out and small powers.
    raised /= raised.max(axis=0)
    shares = raised * np.cbrt(raised) if power == 0.75 else raised ** (1.0 / power)  # the first in a third of the time
    shares /= shares.sum(axis=0)
    return np.asarray(shares)
