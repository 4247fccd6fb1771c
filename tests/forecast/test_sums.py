import re
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from forecast.arrays import FloatArray
from forecast.shares import SharesTable, read_shares

TABLES = 300


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


# rows whose name says nothing of a sum


def many(tables: list[FloatArray]) -> SharesTable:
    """Markets m0, m1, ... of amounts, a row a quarter and a column a provider."""
    frames = [
        amounts({f"V{k}": table[:, k].tolist() for k in range(table.shape[1])}, f"m{i}")
        for i, table in enumerate(tables)
    ]
    return read_shares(pl.concat(frames))


def lost(tables: list[FloatArray]) -> list[str]:
    """Markets of which a row was left out."""
    read = many(tables)
    kept = read.shares.group_by("market").agg(pl.col("provider").n_unique())
    sizes = {f"m{i}": table.shape[1] for i, table in enumerate(tables)}
    return [market for market, count in kept.iter_rows() if count < sizes[market]]


def ascending(rng: np.random.Generator) -> FloatArray:
    sizes = np.sort(rng.dirichlet(np.full(8, 2.0)))
    return np.sort(rng.multinomial(50, sizes, size=8), axis=1).astype(float)


def descending(rng: np.random.Generator) -> FloatArray:
    return ascending(rng)[:, ::-1]


def slow(rng: np.random.Generator) -> FloatArray:
    return np.round(50.0 * np.sort(rng.dirichlet(np.full(8, 2.0))) * np.exp(rng.normal(0.0, 0.05, (8, 8))))


def near_half(rng: np.random.Generator) -> FloatArray:
    leader = 0.5 * np.exp(rng.normal(0.0, 0.03, 8))
    second = (1.0 - leader) * np.clip(rng.uniform(0.3, 0.7) + rng.normal(0.0, 0.1, 8), 0.1, 0.9)
    return np.round(20.0 * np.stack([leader, second, 1.0 - leader - second], axis=1))


def steady(rng: np.random.Generator) -> FloatArray:
    return np.repeat(near_half(rng)[:1], 8, axis=0) * rng.integers(1, 1000, (8, 1))


def of_round_shares(rng: np.random.Generator) -> FloatArray:
    second = rng.integers(28, 31, 8)
    shares = np.stack([np.full(8, 50), second, 50 - second], axis=1)
    return np.round(shares * rng.integers(5000, 90000, (8, 1)) / 100.0)


def of_thousands(rng: np.random.Generator) -> FloatArray:
    leader = rng.integers(7, 14, 8)
    second = rng.integers(2, leader - 1)
    return 1e3 * np.stack([leader, second, leader - second], axis=1)


@pytest.mark.parametrize("vendors", [ascending, descending, slow, near_half, steady, of_round_shares, of_thousands])
def test_no_vendor_is_left_out_by_chance(vendors: Callable[[np.random.Generator], FloatArray]) -> None:
    rng = np.random.default_rng(7)
    assert len(lost([vendors(rng) for _ in range(TABLES)])) <= 1


@pytest.mark.parametrize("last", [True, False])
def test_a_sum_of_amounts_of_four_digits_is_found_without_a_name(last: bool) -> None:
    rng = np.random.default_rng(8)
    tables = []
    for _ in range(TABLES):
        size = (int(rng.integers(4, 9)), int(rng.integers(2, 8)))
        parts = np.round(rng.uniform(1e3, 1e4, size[1]) * np.exp(np.cumsum(rng.normal(0.0, 0.05, size), axis=0)))
        whole = parts.sum(axis=1, keepdims=True)
        tables.append(np.hstack([parts, whole] if last else [whole, parts]))
    assert len(lost(tables)) == TABLES


@pytest.mark.parametrize(
    "values",
    [
        {"A": [1.0, 1.0, 2.0], "B": [2.0, 2.0, 2.0], "C": [3.0, 4.0, 5.0], "D": [20.0, 19.0, 22.0]},
        {"A": [50.0] * 3, "B": [30.0] * 3, "C": [20.0] * 3},
        {"A": [500.0, 600.0], "B": [300.0, 360.0], "C": [200.0, 240.0]},
    ],
)
def test_numbers_that_would_match_anyway_leave_every_vendor(values: dict[str, list[float]]) -> None:
    read = read_shares(amounts(values))
    assert read.shares["provider"].unique(maintain_order=True).to_list() == list(values) and read.refused.is_empty()


def test_a_vendor_as_large_as_all_others_is_told() -> None:
    read = read_shares(amounts({"A": [50.0] * 3, "B": [30.0] * 3, "C": [20.0] * 3}))
    assert read.notes["note"].to_list() == [
        "'A' equals the sum of all others and is taken as a provider: if it is their sum, call it Total"
    ]


BIG = {"Big": [100.0, 100.0], "A": [60.0, 61.0], "B": [40.0, 39.0]}
SHORT = {"A": [30012.0, 31207.0], "B": [20417.0, 25033.0], "C": [50429.0, 56240.0], "D": [10233.0, 9750.0]}
RUN = {"A": [31.0, 32.0, 33.0], "B": [20.0, 21.0, 20.0], "C": [51.0, 53.0, 53.0], "D": [39.0, 36.0, 35.0]}


@pytest.mark.parametrize(
    ("values", "name", "called"), [(BIG, "Big", "Total"), (RUN, "C", "Subtotal"), (SHORT, "C", "Subtotal")]
)
def test_a_row_that_may_be_a_sum_or_a_vendor_is_refused_with_a_way_out_for_both(
    values: dict[str, list[float]], name: str, called: str
) -> None:
    (message,) = read_shares(amounts(values)).refused["message"]
    assert f"'{name}' of 2020Q1 at {values[name][0]:g}, which may be the sum of 'A', 'B' or a provider" in message
    assert f"call a sum {called}; beside a provider add a row Total" in message
    as_sum = read_shares(amounts({called if n == name else n: cells for n, cells in values.items()}))
    assert as_sum.refused.is_empty() and called not in as_sum.shares["provider"]
    whole = [sum(cells) for cells in zip(*values.values(), strict=True)]
    as_vendor = read_shares(amounts({**values, "Total": whole}))
    assert as_vendor.refused.is_empty() and set(as_vendor.shares["provider"]) == set(values)
    parts = amounts(values).with_columns(share=pl.col("value") / pl.col("value").sum().over("period")).drop("value")
    assert set(read_shares(parts).shares["provider"]) == set(values)


def test_a_total_says_which_rows_are_sums() -> None:
    rest = [a + b + d for a, b, d in zip(RUN["A"], RUN["B"], RUN["D"], strict=True)]
    read = read_shares(amounts({**RUN, "Total": rest}))
    assert set(read.shares["provider"]) == {"A", "B", "D"} and read.refused.is_empty()


def test_a_sum_is_found_that_the_first_quarter_does_not_have() -> None:
    values = {"A": [3001.0, 3110.0, 3250.0, 3097.0, 3321.0], "B": [2101.0, 2011.0, 1987.0, 2240.0, 2093.0]}
    frame = amounts({**values, "All of it": [a + b for a, b in zip(*values.values(), strict=True)]})
    later = frame.filter((pl.col("provider") != "All of it") | (pl.col("period") != "2020Q1"))
    assert set(read_shares(later).shares["provider"]) == {"A", "B"}


RETAIL = [3123.0, 3250.0, 3311.0, 3402.0, 3390.0, 3555.0]
DIRECT = [1210.0, 1301.0, 1290.0, 1411.0, 1388.0, 1502.0]
REST = {
    "Sella": [2711.0, 2800.0, 2751.0, 2903.0, 3010.0, 2950.0],
    "Tide": [980.0, 1010.0, 1100.0, 1023.0, 1150.0, 1201.0],
}
GROUP = [a + b for a, b in zip(RETAIL, DIRECT, strict=True)]


def test_a_group_above_its_parts_is_left_out_and_told() -> None:
    read = read_shares(amounts({**REST, "Nord Group": GROUP, "Nord Retail": RETAIL, "Nord Direct": DIRECT}))
    assert set(read.shares["provider"]) == {*REST, "Nord Retail", "Nord Direct"}
    assert read.notes["note"].to_list() == [
        "'Nord Group' is the sum of rows below it, not a provider: its rows were left out"
    ]


@pytest.mark.parametrize("mark", ["of which", "- of which", "davon", "o/w"])
def test_rows_called_of_which_are_parts_of_the_row_above_and_told(mark: str) -> None:
    read = read_shares(amounts({"Nord": GROUP, f"{mark} Retail": RETAIL, **REST}))
    assert set(read.shares["provider"]) == {"Nord", *REST}
    assert read.notes["note"].to_list() == [
        f"'{mark} Retail' is a part of 'Nord', not a provider: its rows were left out"
    ]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"Tide": [5.0, 5.0], "of which Retail": [4.0, 6.0]}, "row 4: .*of 2020Q2 at 6, below 'Tide' at 5"),
        ({"of which Retail": [4.0, 6.0], "Tide": [5.0, 5.0]}, "of 2020Q1 at 4, with no row above it"),
    ],
)
def test_a_row_called_of_which_that_is_no_part_is_refused_by_its_row(
    values: dict[str, list[float]], found: str
) -> None:
    (message,) = read_shares(amounts(values)).refused["message"]
    assert re.search(found, message)


@pytest.mark.parametrize("wrong", [0, 2, 5])
@pytest.mark.parametrize("whole", [True, False])
def test_a_sum_without_a_name_of_one_that_is_wrong_in_one_quarter_is_refused_there(wrong: int, whole: bool) -> None:
    parts = {"Retail": RETAIL, "Direct": DIRECT}
    sums = [sum(cells) for cells in zip(*parts.values(), *(REST.values() if whole else ()), strict=True)]
    sums[wrong] += 700.0
    (message,) = read_shares(amounts({"Banks": sums, **parts, **REST})).refused["message"]
    assert f"'Banks' of 202{wrong // 4}Q{wrong % 4 + 1} at {sums[wrong]:.6g}, which is the sum of" in message
    assert "in 5 of 6 quarters" in message and f"here they sum to {sums[wrong] - 700.0:.6g}" in message


@pytest.mark.parametrize("name", ["World", "Worldwide", "Global", "Industry", "Market"])
def test_a_name_of_the_world_is_a_total_where_its_numbers_say_so(name: str) -> None:
    read = read_shares(amounts({"A": [30.0], "B": [70.0], name: [100.0]}))
    assert set(read.shares["provider"]) == {"A", "B"}
    assert read.notes["note"].to_list() == [
        f"{name!r} is the sum of its quarter, not a provider: its rows were left out"
    ]


def test_a_name_of_the_world_is_a_vendor_where_its_numbers_say_nothing_of_a_sum() -> None:
    read = read_shares(amounts({"A": [30.0], "B": [70.0], "World": [45.0]}))
    assert set(read.shares["provider"]) == {"A", "B", "World"} and read.notes.is_empty()


@pytest.mark.parametrize(
    "values",
    [
        {"A": [30.0], "B": [70.0], "World": [100.0], "EMEA": [10.0]},
        {"A": [30.0], "B": [40.0], "World": [100.0]},
        {"A": [1.0], "B": [1.0], "World": [3.0]},
    ],
)
def test_a_name_of_the_world_whose_numbers_allow_both_is_refused(values: dict[str, list[float]]) -> None:
    (message,) = read_shares(amounts(values)).refused["message"]
    assert "'World' of 2020Q1" in message and "which may be the sum of 'A', 'B' or a provider" in message


# shares


def shares(values: dict[str, list[float]]) -> pl.DataFrame:
    """Shares of a market as a list of numbers per provider, quarter by quarter."""
    return amounts(values).rename({"value": "share"})


@pytest.mark.parametrize(
    "values",
    [
        {"A": [0.9], "B": [0.5], "C": [0.4]},
        {"A": [0.8, 0.81], "B": [0.4, 0.4], "C": [0.4, 0.41]},
        {"A": [13.0], "B": [13.0], "C": [13.0], "D": [13.0], "E": [51.0]},
        {"A": [1.0], "B": [1.0], "C": [0.0]},
    ],
)
def test_shares_that_are_the_sum_of_others_and_not_1_are_refused_by_their_quarter(
    values: dict[str, list[float]],
) -> None:
    read = read_shares(shares(values))
    assert read.shares.is_empty() and {v.rule for v in read.violations} == {"quarter_sums_to_one_at_most"}


def test_a_share_of_1_beside_others_that_sum_to_it_is_their_sum() -> None:
    read = read_shares(shares({"All of it": [1.0, 1.0], "B": [0.61, 0.58], "C": [0.4, 0.42]}))
    assert set(read.shares["provider"]) == {"B", "C"} and read.refused.is_empty()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"Total": [0.5, 0.5], "BP": [0.3, 0.31], "Shell": [0.2, 0.19]}, "Total"),
        ({"Total": [0.5], "BP": [0.31], "Shell": [0.2]}, "Total"),
        ({"Total": [0.1, 0.12], "BP": [0.5, 0.48], "Shell": [0.4, 0.4]}, "Total"),
        ({"A & B": [0.3, 0.3], "A": [0.2, 0.2], "B": [0.1, 0.1], "C": [0.4, 0.4]}, "A & B"),
        ({"A & B": [0.2, 0.2], "A": [0.2, 0.2], "B": [0.2, 0.2], "C": [0.4, 0.4]}, "A & B"),
        ({"Top 10": [0.3, 0.2], "A": [0.2, 0.4], "B": [0.5, 0.4]}, "Top 10"),
    ],
)
def test_a_name_of_a_sum_that_the_quarters_need_to_add_up_is_a_provider_and_told(
    values: dict[str, list[float]], name: str
) -> None:
    read = read_shares(shares(values))
    assert set(read.shares["provider"]) == set(values) and read.refused.is_empty()
    assert f"{name!r} is taken as a provider, not a sum: the shares of its quarters add up with it" in read.notes_of(
        "m"
    )


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"Total": [0.9, 0.92], "BP": [0.5, 0.5], "Shell": [0.4, 0.42]}, "Total"),
        ({"Total": [1.0, 1.0], "BP": [0.5, 0.5], "Shell": [0.4, 0.42]}, "Total"),
        ({"Total": [1.0, 1.0], "BP": [0.0, 0.0], "Shell": [0.0, 0.0]}, "Total"),
        ({"A & B": [0.01], "A": [0.01], "B": [0.0], "C": [0.99]}, "A & B"),
        ({"A & B": [0.6, 0.55], "A": [0.3, 0.3], "B": [0.3, 0.25], "C": [0.4, 0.45]}, "A & B"),
    ],
)
def test_a_name_of_a_sum_that_is_one_is_left_out(values: dict[str, list[float]], name: str) -> None:
    read = read_shares(shares(values))
    assert set(read.shares["provider"]) == set(values) - {name} and read.refused.is_empty()


def test_a_total_above_the_others_is_the_whole_market_and_told() -> None:
    read = read_shares(amounts({"Total": [60.0], "BP": [20.0], "Shell": [15.0]}))
    assert read.shares["share"].to_list() == [20.0 / 60.0, 0.25]
    assert "'Total' is the whole market, of which the other rows are a part" in read.notes["note"][0]


def test_two_totals_that_differ_are_refused() -> None:
    (message,) = read_shares(amounts({"Total": [60.0], "BP": [20.0], "Grand total": [80.0]})).refused["message"]
    assert "'Grand total' of 2020Q1 at 80, beside rows that sum to 60" in message
