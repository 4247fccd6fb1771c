"""Rows and columns of sheets that are sums of others: the same shares whichever way the sheet is laid out."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from forecast import forecast_markets
from service.sheets import read_shares_file

LAYOUTS = ("long", "a column per vendor", "a column per quarter")

Amounts = Mapping[str, Sequence[float | str]]


def laid_out(values: Amounts, layout: str) -> str:
    """A sheet of a list of numbers per provider, from 2020Q1 on."""
    quarters = [f"{2020 + t // 4}Q{t % 4 + 1}" for t in range(len(next(iter(values.values()))))]
    names = [f'"{name}"' for name in values]
    cells = list(zip(*values.values(), strict=True))
    if layout == "long":
        head = "quarter,vendor,units"
        rows = [
            f"{q},{name},{cell}"
            for q, row in zip(quarters, cells, strict=True)
            for name, cell in zip(names, row, strict=True)
        ]
    elif layout == "a column per vendor":
        head = f"quarter,{','.join(names)}"
        rows = [f"{q},{','.join(map(str, row))}" for q, row in zip(quarters, cells, strict=True)]
    else:
        head = f"vendor,{','.join(quarters)}"
        rows = [f"{name},{','.join(map(str, row))}" for name, row in zip(names, values.values(), strict=True)]

    return "\n".join([head, *rows]) + "\n"


VENDORS: Amounts = {
    "A": [30012, 30144, 31207, 31958, 30873],
    "B": [20417, 25120, 25033, 24018, 26541],
    "Others": [10233, 10871, 9750, 11118, 10067],
}


def summed(*names: str) -> list[float]:
    return [sum(float(VENDORS[name][t]) for name in names) for t in range(5)]


SUMS: dict[str, Amounts] = {
    "total": {**VENDORS, "Total": summed("A", "B", "Others")},
    "total first": {"Grand total": summed("A", "B", "Others"), **VENDORS},
    "two totals": {**VENDORS, "Total": summed("A", "B", "Others"), "Gesamt": summed("A", "B", "Others")},
    "subtotal": {"A": VENDORS["A"], "B": VENDORS["B"], "Subtotal": summed("A", "B"), "Others": VENDORS["Others"]},
    "top": {**VENDORS, "Top 2": summed("A", "B")},
    "joined": {**VENDORS, "A + B": summed("A", "B")},
    "sum without a name": {**VENDORS, "Everybody": summed("A", "B", "Others")},
    "run without a name": {"A": VENDORS["A"], "B": VENDORS["B"], "Asia": summed("A", "B"), "Others": VENDORS["Others"]},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", SUMS)
def test_a_sum_is_left_out_and_every_other_cell_stays(case: str, layout: str, tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    path.write_text(laid_out(SUMS[case], layout))
    read = read_shares_file(path)
    assert read.refused.is_empty()
    found = {(q, name): share for q, name, share in read.shares.select("period", "provider", "share").iter_rows()}
    whole = summed(*VENDORS)
    assert found == {
        (q, name): pytest.approx(float(VENDORS[name][t]) / whole[t])
        for t, q in enumerate(("2020Q1", "2020Q2", "2020Q3", "2020Q4", "2021Q1"))
        for name in VENDORS
    }
    assert all(any(name in note for note in read.notes["note"]) for name in SUMS[case] if name not in VENDORS)
    made = forecast_markets(pl.read_csv(io.StringIO(path.read_text()), infer_schema=False), horizon=1)
    assert not made.failures
    assert set(made.table["provider"]) == set(VENDORS)
