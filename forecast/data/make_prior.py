"""Learn the prior of the model of record from the market series that ship with the project.

    python -m forecast.data.make_prior

writes ``prior.json`` beside this file. Each market becomes a set of windows as a forecaster would have seen them: up to
40 quarters, the eight largest parts at the origin, rounded to a tenth of a per cent. Learned from them: how the size of
a quarterly step depends on the share (least squares on logs), and the probability of each node of the grid
(nonparametric maximum likelihood by EM, every group of markets weighing the same, smoothed towards the uniform).
The few numbers of `SETTINGS` were chosen by leaving out one group of markets at a time on a wider panel.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from forecast.arrays import FloatArray
from forecast.models.base import Series
from forecast.models.dlm import filter_market, summarise_market, usual_composition
from forecast.preparing import complete_rows
from forecast.prior import Prior
from forecast.quarter import Quarter
from forecast.scores import covered

HERE = Path(__file__).parent
PARTS, LONGEST, FEWEST, STRIDE = 8, 40, 12, 8  # of a window: parts, quarters at most and at least, between origins
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)  # whose coverage is measured
SMOOTHING = 0.5  # pseudo-weight of the uniform against that of the data, which is one
EM_ROUNDS = 300
KEPT = 2.0  # a node is kept whose weight is at least so many times what the smoothing alone gives it

# The grid: every combination of
NOISE = (0.001, 0.3, 0.7)  # of an innovation variance of about one; the level has the rest
TRENDS = ((0.0, 0.9), (0.01, 0.95), (0.1, 0.85))  # variance of the slope, damping
SEASONS = (-1.0, 0.02)  # variance of the seasonal step; below zero: no season
DISCOUNTS = (0.98, 0.9, 0.8)  # by which what is known of S fades a quarter
THRESHOLDS = (12.0, math.inf)  # squared standardised innovation per contrast of an event
SPREADS = (0.8,)  # factor on the prior scale of S
SETTINGS = {
    "power": 0.75,
    "initial_variance": np.array([1e4, 0.3, 4.0]),
    "dof": 4.0,
    "event_shift": 0.7,
    "event_penalty": 3.0,
    "mixture_sd": 0.52,
    "mixture_mean": -0.12,
    "small": np.array([0.7, 0.4, 0.02]),
    "stretch": 1.1,
}


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One market as visible at one origin."""

    group: str  # markets of a group move together
    series: Series
    ahead: FloatArray  # (H, K), what came, not rounded; NaN where nothing did; (0, K) where parts were left out


def grid() -> FloatArray:
    """Nodes of the grid, shape (G, 8), in the columns of `forecast.models.kernel.filter_grid`."""
    rows = [
        (noise, max(1.0 - noise, 0.1), slope, season, damping, discount, threshold, spread)
        for discount, noise, (slope, damping), season, threshold, spread in product(
            DISCOUNTS, NOISE, TRENDS, SEASONS, THRESHOLDS, SPREADS
        )
    ]
    return np.array(rows)


def windows(panel: pl.DataFrame) -> list[Window]:
    """Cut every market of the panel into windows.

    Args:
        panel: Columns group, market, period, provider, share.
    """
    found: list[Window] = []
    for (group, market), rows in panel.sort("group", "market").group_by("group", "market", maintain_order=True):
        wide = rows.pivot(on="provider", index="period", values="share", aggregate_function="first").sort("period")
        quarters = [Quarter.parse(p) for p in wide["period"]]
        table = np.full((quarters[-1] - quarters[0] + 1, wide.width - 1), np.nan)
        table[[q - quarters[0] for q in quarters]] = wide.drop("period").to_numpy()
        for end in range(len(table), FEWEST, -STRIDE):
            seen = table[max(0, end - LONGEST) : end]
            size = np.nan_to_num(seen[-STRIDE:]).mean(axis=0)
            largest = np.sort(np.argsort(-size, kind="stable")[: PARTS - 1])
            named = np.round(seen[:, largest], 3)
            rest = np.where(np.isfinite(seen).any(axis=1), np.maximum(1.0 - np.nansum(named, axis=1), 0.0), np.nan)
            shares, _, _ = complete_rows(np.column_stack([named, rest]), ("",) * (len(largest) + 1), 0.005)
            observed = np.flatnonzero(np.isfinite(shares[:, 0]))
            if len(observed) >= FEWEST:
                future = table[end : end + STRIDE]
                left = np.where(np.isfinite(future).any(axis=1), 1.0 - np.nansum(future[:, largest], axis=1), np.nan)
                ahead = np.column_stack([future[:, largest], left])
                if shares.shape[1] < ahead.shape[1]:
                    ahead = np.zeros((0, shares.shape[1]))
                series = Series(str(market), shares[observed[0] : observed[-1] + 1])
                # Quarters ahead are counted from the origin, the last quarter observed.
                found.append(Window(str(group), series, ahead if observed[-1] == len(seen) - 1 else ahead[:0]))
    return found


def group_weights(cases: Sequence[Window]) -> FloatArray:
    """Shape (n,), summing to one, every group the same."""
    names = [w.group for w in cases]
    weights = np.array([1.0 / names.count(name) for name in names])
    return np.asarray(weights / weights.sum())


def learn_scale(cases: Sequence[Window]) -> FloatArray:
    """Coefficients (3,) of a log step on 1, log share and log(1 - share); outliers are clipped at 4 medians."""
    rows: list[tuple[float, float]] = []
    weights: list[float] = []
    for window, weight in zip(cases, group_weights(cases), strict=True):
        usual = usual_composition(window.series)
        steps = np.abs(np.diff(window.series.shares[window.series.observed], axis=0))
        bound = 4.0 * np.median(steps, axis=0) + 1e-4
        sd = np.sqrt((np.minimum(steps, bound) ** 2).mean(axis=0) + (0.2 * window.series.resolution) ** 2)
        rows += zip(usual.tolist(), sd.tolist(), strict=True)
        weights += [weight / len(usual)] * len(usual)
    share, sd = np.array(rows).T
    root = np.sqrt(weights)
    design = np.stack([np.ones_like(share), np.log(share), np.log1p(-np.minimum(share, 0.99))], axis=1)
    return np.asarray(np.linalg.lstsq(design * root[:, None], np.log(sd) * root, rcond=None)[0])


def learn_weights(log_likelihood: FloatArray, weights: FloatArray) -> FloatArray:
    """Probability of each node by EM.

    Args:
        log_likelihood: Shape (n, G), of each window under each node.
        weights: Shape (n,), of the windows.

    Returns:
        Shape (G,).

    Source:
        Kiefer & Wolfowitz (1956); Laird (1978), Nonparametric maximum likelihood estimation of a mixing distribution.
    """
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    nodes = likelihood.shape[1]
    p = np.full(nodes, 1.0 / nodes)
    for _ in range(EM_ROUNDS):
        share = likelihood * p
        share /= share.sum(axis=1, keepdims=True)
        p = (weights @ share + SMOOTHING / nodes) / (1.0 + SMOOTHING)
    return p


def learn(cases: Sequence[Window], version: str) -> Prior:
    """Learn a prior from windows of markets."""
    start = _flat(learn_scale(cases), version)
    return _pruned(start, learn_weights(_likelihoods(cases, start), group_weights(cases)))


def learn_many(cases: Sequence[Window], leaving_out: Sequence[str]) -> dict[str, Prior]:
    """A prior for each group left out, of the windows of all other groups.

    The step scale that the likelihoods are taken under is that of all windows, so that they are computed once; the
    prior's own scale has not seen the group.
    """
    likelihoods = _likelihoods(cases, _flat(learn_scale(cases), "all"))
    priors: dict[str, Prior] = {}
    for group in leaving_out:
        seen = [n for n, window in enumerate(cases) if window.group != group]
        rest = [cases[n] for n in seen]
        start = _flat(learn_scale(rest), f"without {group}")
        priors[group] = _pruned(start, learn_weights(likelihoods[seen], group_weights(rest)))
    return priors


def measure_coverage(cases: Sequence[Window], priors: Mapping[str, Prior]) -> tuple[tuple[float, float], ...]:
    """Level and how often its intervals held what came, each group forecast with its own prior, that has not seen it.

    Every group weighs the same, as does every cell within it.
    """
    hits: dict[str, list[FloatArray]] = {group: [] for group in priors}
    for window in cases:
        if len(window.ahead):
            made = summarise_market(window.series, priors[window.group], len(window.ahead), LEVELS)
            inside = covered(made.lower - 1e-9, made.upper + 1e-9, np.broadcast_to(window.ahead, made.lower.shape))
            hits[window.group].append(inside.reshape(len(LEVELS), -1))
    shares = [np.nanmean(np.concatenate(found, axis=1), axis=1) for found in hits.values() if found]
    return tuple(zip(LEVELS, (round(float(x), 3) for x in np.mean(shares, axis=0)), strict=True))


def _pruned(prior: Prior, weights: FloatArray) -> Prior:
    """Keep the nodes that the data ask for: a third of the grid forecasts as well as all, in a third of the time."""
    kept = weights >= KEPT * SMOOTHING / (1.0 + SMOOTHING) / len(weights)
    return replace(prior, nodes=prior.nodes[kept], weights=weights[kept] / weights[kept].sum())


def _flat(scale: FloatArray, version: str) -> Prior:
    nodes = grid()
    flat = np.full(len(nodes), 1.0 / len(nodes))
    return Prior(version=version, nodes=nodes, weights=flat, scale=scale, **SETTINGS)  # type: ignore[arg-type]  # settings are named as the fields


def _likelihoods(cases: Sequence[Window], prior: Prior) -> FloatArray:
    return np.stack([filter_market(window.series, prior).log_likelihood for window in cases])


def as_content(prior: Prior) -> dict[str, object]:
    """The content of the prior's file, rounded to what the data can tell."""
    return {
        "version": prior.version,
        "power": prior.power,
        "dof": prior.dof,
        "scale": [round(float(c), 4) for c in prior.scale],
        "initial_variance": prior.initial_variance.tolist(),
        "small": prior.small.tolist(),
        **{name: SETTINGS[name] for name in SETTINGS if name.startswith(("event", "mixture", "stretch"))},
        "measured": [list(pair) for pair in prior.measured],
        "nodes": [
            {
                "variances": node[:4].tolist(),
                "damping": float(node[4]),
                "discount": float(node[5]),
                "threshold": float(node[6]) if math.isfinite(node[6]) else None,
                "spread": float(node[7]),
                "weight": float(f"{weight:.3g}"),
            }
            for node, weight in zip(prior.nodes, prior.weights, strict=True)
        ],
    }


def render(content: dict[str, object]) -> str:
    """JSON with one node a line, so that a new version reads as a diff."""
    nodes = content["nodes"]
    assert isinstance(nodes, list)
    head = json.dumps({k: v for k, v in content.items() if k != "nodes"}, indent=1)
    return head[:-2] + ',\n "nodes": [\n' + ",\n".join("  " + json.dumps(node) for node in nodes) + "\n ]\n}\n"


def main() -> None:
    """Write ``prior.json`` from ``panel.parquet``."""
    cases = windows(pl.read_parquet(HERE / "panel.parquet"))
    priors = learn_many(cases, sorted({window.group for window in cases}))
    prior = replace(
        learn(cases, version="2026-11"),
        measured=measure_coverage(cases, priors),
    )
    (HERE / "prior.json").write_text(render(as_content(prior)), encoding="utf-8")


if __name__ == "__main__":
    main()
