"""What a model is: it sees the contrasts of one market and returns joint draws of the quarters ahead."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.composition import to_contrasts

FEWEST_QUARTERS = 2  # with a share, that a market needs


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The reported shares of M markets, n cells in all, those of a market standing together."""

    starts: npt.NDArray[np.int64]  # (M + 1,), where the cells of each market start, and n
    quarter: npt.NDArray[np.int64]  # (n,), `Quarter.index`
    share: FloatArray  # (n,) fraction; NaN where not reported
    resolution: FloatArray  # (M,), half a unit of the printed precision, fraction; a tenth's where nobody says
    rounding: FloatArray  # (n,), by how much rounding may have moved the share, fraction; 0 where nobody says


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The compositions of one market on consecutive quarters, T quarters by K providers."""

    market: str
    shares: FloatArray  # (T, K), each row a composition or all NaN; the first and the last row are observed
    breaks: tuple[int, ...] = ()  # rows at which a declared break lets the level jump
    histories: tuple[FloatArray, ...] = ()  # other (T, K) compositions the past may have been, where it is uncertain
    resolution: float = 0.001  # half a unit of the printed precision: a share below it may be zero, fraction

    @property
    def observed(self) -> npt.NDArray[np.bool_]:
        """Shape (T,): the quarters that have a composition."""
        return np.asarray(np.isfinite(self.shares).all(axis=1))

    def alternatives(self) -> "tuple[Series, ...]":
        """The series with each past it may have had; itself alone where the past is certain."""
        if not self.histories:
            return (self,)
        return tuple(replace(self, shares=shares, histories=()) for shares in self.histories)

    def contrasts(self, power: float) -> FloatArray:
        """Shape (T, K - 1): contrasts of the power-transformed compositions, NaN where there is none."""
        return to_contrasts(self.shares, power)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a model returns."""

    contrasts: FloatArray  # (draw, H, K - 1), on the scale of `Prior.power`
    used: tuple[tuple[str, float], ...]  # models that took part, with weights summing to one
    notes: tuple[str, ...] = ()  # such as a fall-back from a fit that did not converge


class Model(Protocol):
    """A model of the contrasts of one market."""

    def __call__(
        self, series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator
    ) -> Outcome:
        """Draw joint paths of the contrasts.

        Args:
            series: The market.
            power: Power of the transform the contrasts are taken in.
            horizon: H, quarters ahead.
            draws: Number of joint paths.
            rng: Source of randomness.

        Raises:
            ModelFailed: the model cannot be fitted and has nothing to fall back on.
        """
        ...


def correlated_normals(draws: int, horizon: int, covariance: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Independent steps whose parts are correlated.

    Args:
        draws: n.
        horizon: H.
        covariance: Shape (D, D), positive semi-definite; a singular one is meant.
        rng: Source of randomness.

    Returns:
        Shape (n, H, D).
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(rng.standard_normal((draws, horizon, len(covariance))) @ root.T)
