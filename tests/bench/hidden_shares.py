"""How well a hidden share is rebuilt: `python tests/bench/hidden_shares.py`.

Each published share of China cloud from 2020Q2 to 2022Q2 is hidden in turn, from every page that states it; sums,
growth and whole years stay. The history is rebuilt without it and compared with the value that was hidden: of several
printed, the one with most decimals, and of those the one on most pages.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from forecast.figures import load_breaks, load_figures
from forecast.history import reconstruct
from forecast.results import Status

MARKET, HOUSE = "cn-cloud", "canalys"
FIRST, LAST = "2020Q2", "2022Q2"
REACH = 1.96  # sd of a 95 % band


@dataclass(frozen=True, slots=True)
class Hidden:
    """One share that was hidden, fractions."""

    period: str
    provider: str
    truth: float
    rebuilt: float
    sd: float
    status: Status

    @property
    def error(self) -> float:
        """Absolute error."""
        return abs(self.rebuilt - self.truth)

    @property
    def held(self) -> bool:
        """Whether the 95 % band holds the truth."""
        return self.error <= REACH * self.sd


def hidden_shares() -> list[Hidden]:
    """Hide each share in turn and rebuild it."""
    figures, breaks = load_figures(), load_breaks()
    mine = figures.filter(
        pl.col("market") == MARKET,
        pl.col("house") == HOUSE,
        pl.col("measure") == "share",
        pl.col("period").is_between(pl.lit(FIRST), pl.lit(LAST)),
        pl.col("period").str.len_chars() == 6,
        ~pl.col("providers").str.contains("|", literal=True),
        ~pl.col("providers").is_in(["Others", "TOTAL"]),
    )
    found = []
    for (period, provider), told in sorted(mine.group_by("period", "providers"), key=lambda item: item[0]):
        truth = told.sort("decimals", "pages", "value", descending=True)["value"][0]
        rest = figures.join(told, on="figure_id", how="anti")
        history = reconstruct(rest, breaks, market=MARKET, house=HOUSE)
        t = [str(quarter) for quarter in history.quarters].index(str(period))
        k = history.providers.index(str(provider))
        share, sd = float(history.smoothed[t, k]), float(history.smoothed_sd[t, k])
        found.append(Hidden(str(period), str(provider), truth, share, sd, history.status[t][k]))
    return found


def main() -> None:
    """Print every hidden share and the summary."""
    found = hidden_shares()
    print(f"{'quarter':8} {'provider':16} {'hidden':>7} {'rebuilt':>8} {'sd':>5} {'error':>6}  status")
    for one in found:
        outside = "" if one.held else "  outside its band"
        print(
            f"{one.period:8} {one.provider:16} {100 * one.truth:7.1f} {100 * one.rebuilt:8.2f} {100 * one.sd:5.2f} "
            f"{100 * one.error:6.2f}  {one.status}{outside}"
        )
    errors = np.array([one.error for one in found])
    print(
        f"\n{len(found)} shares: mean error {100 * errors.mean():.3f} points, largest {100 * errors.max():.2f}; "
        f"95 % bands hold {np.mean([one.held for one in found]):.1%}; "
        f"reported: {sum(one.status is Status.REPORTED for one in found)}"
    )


if __name__ == "__main__":
    main()
