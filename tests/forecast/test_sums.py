import polars as pl

from forecast.shares import read_shares


def amounts(values: dict[str, list[float]], market: str = "m") -> pl.DataFrame:
    """Amounts of a market as a list of numbers per provider, quarter by quarter."""
    rows = [
        (market, f"{2020 + t // 4}Q{t % 4 + 1}", name, cells[t])
        for t in range(len(next(iter(values.values()))))
        for name, cells in values.items()
    ]
    return pl.DataFrame(rows, schema=["market", "period", "provider", "value"], orient="row")


def test_a_market_of_nothing_but_sums_is_refused_by_name() -> None:
    sums = amounts({"Top 1": [0.0] * 3, "Top 2": [0.0] * 3, "Top 1 + Top 2": [0.0] * 3})
    read = read_shares(pl.concat([sums, amounts({"A": [3.0], "B": [4.0]}, "n")]))
    assert read.shares["market"].unique().to_list() == ["n"]
    assert read.refused["market"].to_list() == ["m"]
    assert "nothing but 'Top 1', 'Top 2', 'Top 1 + Top 2'" in read.refused["message"][0]
