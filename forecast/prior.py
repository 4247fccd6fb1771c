"""What is learned across markets: the prior of the model of record, read from its versioned file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from forecast.arrays import FloatArray
from forecast.composition import helmert


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Everything the model of record knows before it sees a market. Made by `forecast.data.make_prior`."""

    version: str
    power: float  # a of the power transform
    nodes: FloatArray  # (G, 8), as `forecast.models.kernel.filter_grid` takes them
    weights: FloatArray  # (G,), prior probability of each node
    initial_variance: FloatArray  # (3,): variance of the first level, slope and season relative to S
    dof: float  # of the inverse-Wishart prior of S, Dawid's delta
    scale: FloatArray  # (3,): log sd of a share's quarterly step = c0 + c1 log p + c2 log(1 - p)
    event_shift: float  # part of an event's excess variance that goes into the level
    event_penalty: float  # log-likelihood paid per event
    mixture_sd: float  # of the log of the factor that widens the whole path of a part
    mixture_mean: float  # of that log
    stretch: float  # factor that simultaneous bands of the draws lack
    # (3,): weight of the variance that rounding leaves in a share; and of b and c in 1 - b / (1 + (p / c)^2), the
    # factor on the standard deviation of a share p.
    small: FloatArray
    measured: tuple[tuple[float, float], ...] = ()  # level, how often its intervals held on groups left out; ascending

    def coverage(self, levels: Sequence[float], /) -> tuple[float, ...]:
        """How often intervals of each level held the truth on groups of markets left out of learning.

        Interpolated between the levels measured; empty where none was.
        """
        if not self.measured:
            return ()
        at, held = zip((0.0, 0.0), *self.measured, (1.0, 1.0), strict=True)
        return tuple(np.interp(levels, at, held).tolist())

    def scale_matrix(self, share: FloatArray, /) -> FloatArray:
        """Prior scale matrix of S for a market whose usual composition is `share`.

        The plain form of what `forecast.models.kernel.ready_market` computes, which a test holds equal to it.

        Args:
            share: Shape (K,), all above zero.

        Returns:
            Shape (K - 1, K - 1): `dof` times the expected step covariance of the contrasts.
        """
        p = share / share.sum()
        step = np.exp(self.scale @ np.stack([np.ones_like(p), np.log(p), np.log1p(-np.minimum(p, 0.99))]))
        # d u / d p of the power transform, with the other parts held.
        step *= len(p) * p ** (self.power - 1.0) / (p**self.power).sum()
        basis = helmert(len(p))
        return np.asarray(self.dof * (basis.T * step**2) @ basis)


def prior_from(content: Mapping[str, Any], /) -> Prior:
    """Build a prior from the content of its file."""
    rows = np.array([_row(node) for node in content["nodes"]])
    weights = np.array([node["weight"] for node in content["nodes"]])
    return Prior(
        version=content["version"],
        power=content["power"],
        nodes=rows,
        weights=weights / weights.sum(),
        initial_variance=np.array(content["initial_variance"]),
        dof=content["dof"],
        scale=np.array(content["scale"]),
        small=np.array(content["small"]),
        measured=tuple((level, held) for level, held in content.get("measured", ())),
        **{name: content[name] for name in _NUMBERS},
    )


def _row(node: Mapping[str, Any]) -> list[float]:
    # JSON has no infinity: a node without events has a null threshold.
    threshold = math.inf if node["threshold"] is None else node["threshold"]
    return [*node["variances"], node["damping"], node["discount"], threshold, node["spread"]]


_NUMBERS = ("event_shift", "event_penalty", "mixture_sd", "mixture_mean", "stretch")


@lru_cache(maxsize=1)
def shipped_prior() -> Prior:
    """The prior that ships with this version."""
    return prior_from(json.loads(files("forecast.data").joinpath("prior.json").read_text(encoding="utf-8")))
