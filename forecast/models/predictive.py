"""The distribution of each share under the dynamic linear model, without simulation.

A coordinate u of the power transform is, under each node, a t variable times the lognormal factor that widens its path;
over the nodes it is a mixture. A share is a function of all coordinates. It is followed along the line on which the
other coordinates keep to their regression on the share's own, with what they claim on average around it, so that the
distribution of the coordinate gives that of the share. A test holds this against draws.
"""

from dataclasses import dataclass

import numpy as np

from forecast.arrays import FloatArray
from forecast.composition import helmert
from forecast.models.dlm import Filtered, transition
from forecast.models.tables import (
    HEAVIEST,
    HERMITE,
    HERMITE_WEIGHTS,
    LARGEST,
    PIECES,
    POINTS,
    SHAPES,
    powers_table,
    widening_tables,
)
from forecast.prior import Prior

KEPT_WEIGHT, MOST_COMPONENTS = 0.95, 8  # of the mixture
COMPONENTS_OF_A_PAST = 4


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The C components of a mixture that matter."""

    nodes: FloatArray  # (C, 6), the grid's row of each
    weights: FloatArray  # (C,), summing to one
    mean: FloatArray  # (C, 5, D), states at the origin
    cov: FloatArray  # (C, 5, 5), their covariance relative to S
    scale: FloatArray  # (C, D, D), posterior scale matrix of S
    dof: float  # posterior degrees of freedom


def components_of(filtered: Filtered, prior: Prior) -> Components:
    """The heaviest nodes of a market, of each of its pasts."""
    B = len(filtered.weights)
    most = MOST_COMPONENTS if B == 1 else COMPONENTS_OF_A_PAST
    node = np.argsort(-filtered.weights, axis=1, kind="stable")[:, :most]
    past = np.repeat(np.arange(B), node.shape[1])
    weights = np.take_along_axis(filtered.weights, node, axis=1)
    weights = (weights / weights.sum(axis=1, keepdims=True) if B > 1 else weights).ravel() / B
    order = np.argsort(-weights, kind="stable")
    order = order[: int((np.cumsum(weights[order]) < KEPT_WEIGHT).sum()) + 1]
    past, node, weights = past[order], node.ravel()[order], weights[order]
    return Components(
        prior.nodes[node],
        weights / weights.sum(),
        filtered.mean[past, node],
        filtered.cov[past, node],
        filtered.scale[past, node],
        filtered.dof,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Predictive:
    """Distributions of K shares over H quarters; x is a share's own coordinate u."""

    power: float
    weights: FloatArray  # (C,), of the components
    shapes: FloatArray  # (2, 257), rows of the tables: widened t, and t of the same mean square
    centre: FloatArray  # (H, K, C)
    per_spread: FloatArray  # (H, K, C), one over the unit of the t
    peaked: FloatArray  # (H, K), weight of the first table
    middle: FloatArray  # (H, K), mean of x
    sd: FloatArray  # (H, K), of x
    further: FloatArray  # (H, K), how much further a share moves than along its line, since others move it too
    slope: FloatArray  # (H, K, K), of coordinate j on that of share k
    rest: FloatArray  # (H, K, K), what is left of coordinate j: its standard deviation times the root of three

    def distribution(self, x: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density of the coordinates at x, shape (H, K, n)."""
        z = (x[..., None] - self.centre[:, :, None]) * self.per_spread[:, :, None]
        far = np.abs(z)
        inverse = 1.0 / (1.0 + far)
        at = far * inverse * (POINTS - 1)
        column = np.minimum(at.astype(np.int64), POINTS - 2)
        value, density = np.zeros(x.shape), np.zeros(x.shape)
        for shape, part in zip(self.shapes, (self.peaked, 1.0 - self.peaked), strict=True):
            low = shape[column]
            step = shape[column + 1] - low
            above = low + (at - column) * step
            value += part[:, :, None] * (np.where(z >= 0.0, above, 1.0 - above) @ self.weights)
            height = step * (POINTS - 1) * inverse * inverse * self.per_spread[:, :, None]
            density += part[:, :, None] * (height @ self.weights)
        return value, density

    def along(self, x: FloatArray, /) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Where a share stands as its coordinate is x, shape (H, K, n).

        Returns:
            Each of shape (H, K, n): 1 + a u of the share's own coordinate u; its power 1 / a, zero where it is below
            zero; the sum of these over all parts, of which the share is its part; and the slope of that sum in x.
        """
        a = self.power
        away = self.further[:, :, None] * (x - self.middle[:, :, None])
        own = 1.0 + a * (self.middle[:, :, None] + away)
        base = 1.0 + a * (self.middle[:, None, :, None] + self.slope[..., None] * away[:, :, None])  # (H, k, j, n)
        wide = a * self.rest[..., None]
        part, part_slope = raised(base, a)
        # What others claim on average is more than at their mean: the inverse is convex and cut at zero. Half of its
        # second derivative is over three, as `rest` is widened.
        with np.errstate(divide="ignore", invalid="ignore"):
            convex = part * (1.0 + (1.0 / a - 1.0) / (6.0 * a) * (wide / base) ** 2)
        cut = (4.0 * part + raised(base - wide, a)[0] + raised(base + wide, a)[0]) / 6.0
        claimed = np.where(wide < base, convex, np.where(wide > 0.0, cut, part))
        others = ~np.eye(self.middle.shape[1], dtype=bool)[:, :, None]
        mine, own_slope = raised(own, a)
        total = mine + np.where(others, claimed, 0.0).sum(axis=2)
        moving = own_slope + np.where(others, self.slope[..., None] * part_slope, 0.0).sum(axis=2)
        return own, mine, total, a * self.further[:, :, None] * moving

    def share(self, x: FloatArray, /) -> FloatArray:
        """Shape (H, K, n): the shares whose coordinates are x."""
        _, mine, total, _ = self.along(x)
        return np.where(total > 0.0, mine / np.where(total > 0.0, total, 1.0), 1.0)

    def mean(self) -> FloatArray:
        """Shape (H, K): expected shares, closed to sum to one."""
        means = self.share(self.middle[:, :, None] + self.sd[:, :, None] * HERMITE) @ HERMITE_WEIGHTS
        return np.asarray(means / means.sum(axis=1, keepdims=True))


def raised(base: FloatArray, power: float) -> tuple[FloatArray, FloatArray]:
    """max(base, 0) ** (1 / power) and its derivative."""
    table = powers_table(power)
    inside = np.clip(base, 0.0, LARGEST * (1.0 - 1e-9))
    row = (inside * PIECES).astype(np.int64)
    beyond = inside - row * (1.0 / PIECES)
    first, second, third = np.moveaxis(table[row], -1, 0)
    value = np.where(base > 0.0, first + beyond * (second + beyond * third), 0.0)
    slope = np.where(base > 0.0, second + 2.0 * beyond * third, 0.0)
    large = base >= LARGEST
    if large.any():
        value[large] = base[large] ** (1.0 / power)
        slope[large] = base[large] ** (1.0 / power - 1.0) / power
    return value, slope


def predict(components: Components, prior: Prior, horizon: int) -> Predictive:
    """Distributions of the shares of the next quarters."""
    a, basis = prior.power, helmert(components.mean.shape[2] + 1)
    w, dof = components.weights, components.dof
    square, product = prior.widened_moments
    centre, variance = _coordinates(components, basis, horizon)
    spread = basis @ components.scale @ basis.T  # (C, K, K)
    middle = centre @ w
    # Second moment of the widened t; where it has none, that of the heaviest tail of the table.
    wide = w * variance * square / max(dof - 2.0, HEAVIEST - 2.0)
    joint = np.tensordot(wide, spread, axes=1)
    joint = np.where(np.eye(len(basis), dtype=bool), joint, joint * (product / square))
    away = centre - middle[..., None]
    joint = joint + (w * away) @ away.swapaxes(1, 2)
    own_variance = np.diagonal(joint, axis1=1, axis2=2)
    sd = np.maximum(np.sqrt(own_variance), 1e-12)
    slope = joint / (sd * sd)[..., None]
    rest = np.sqrt(np.maximum(3.0 * (own_variance[:, None] - slope * joint), 0.0))
    peaked, further = _shape_of_shares(middle, joint, sd, a)
    row = min(HEAVIEST / dof, 1.0) * (SHAPES - 1)
    low = min(int(row), SHAPES - 2)
    tables = widening_tables(prior.mixture_sd, prior.mixture_mean)
    shapes = (1.0 - row + low) * tables[:, low] + (row - low) * tables[:, low + 1]
    unit = np.sqrt(variance[:, None] * np.diagonal(spread, axis1=1, axis2=2).T / dof)
    return Predictive(a, w, shapes, centre, 1.0 / np.maximum(unit, 1e-14), peaked, middle, sd, further, slope, rest)


def _coordinates(components: Components, basis: FloatArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Mean of the coordinates (H, K, C) and their variance relative to S (H, C)."""
    nodes = components.nodes
    phi = nodes[:, 4]
    m = np.moveaxis(components.mean @ basis.T, 0, 2)  # (5, K, C)
    P = np.moveaxis(components.cov, 0, 2).copy()
    centre, variance = [], []
    for _ in range(horizon):
        transition(m, phi)
        transition(P, phi)
        transition(P.swapaxes(0, 1), phi)
        P[[0, 1, 2], [0, 1, 2]] += np.maximum(nodes[:, 1:4], 0.0).T
        centre.append(m[0] + m[2])
        variance.append(P[0, 0] + 2.0 * P[0, 2] + P[2, 2] + nodes[:, 0])
    return np.array(centre), np.array(variance)


def _shape_of_shares(middle: FloatArray, joint: FloatArray, sd: FloatArray, a: float) -> tuple[FloatArray, FloatArray]:
    """How peaked each share is, and how much further it moves than along its line; both (H, K)."""
    base = 1.0 + a * middle
    part = raised(base, a)[0]
    alive = base > 1e-3
    inverse = 1.0 / np.where(base == 0.0, 1.0, base)
    # Close to the middle, the share moves with own * u_k - the sum of pull_j * u_j of the others.
    pull = np.where(alive, part * inverse / part.sum(axis=1, keepdims=True), 0.0)
    own = inverse - pull
    variance = np.diagonal(joint, axis1=1, axis2=2)
    pulled = (joint @ pull[..., None])[..., 0]
    along = inverse * variance - pulled
    whole = inverse * (inverse * variance - 2.0 * pulled) + (pulled * pull).sum(axis=1, keepdims=True)
    moves = (pull > 0.0) & (along > 1e-6 * sd)
    further = np.sqrt(np.maximum(whole, 0.0)) * sd / np.where(moves, along, 1.0)
    # A sum of parts that are widened each by a factor of its own is less peaked than one of them.
    before, instead = pull * pull * variance, own * own * variance
    every = before.sum(axis=1, keepdims=True) + instead - before
    fourth = (before * before).sum(axis=1, keepdims=True) + instead * instead - before * before
    sums = (pull > 0.0) & (every > 1e-12)
    peaked = np.where(sums, fourth / np.where(sums, every, 1.0) ** 2, 1.0)
    return peaked, np.where(moves, np.clip(further, 1.0, 2.0), 1.0)
