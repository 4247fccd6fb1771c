"""Ranks before vendors' names are no part of them, and told; a name that begins with a number keeps it."""

from __future__ import annotations

import polars as pl
import pytest

from forecast.brought import read_table
from forecast.sheet import Sheet, understand


def read(text: str) -> Sheet:
    return understand([[cell or None for cell in line.split(",")] for line in text.split("|")], name="x")


@pytest.mark.parametrize(
    ("one", "two"), [("1. ", "2. "), ("1) ", "2) "), ("#1 ", "#2 "), ("T1. ", "T1. "), ("1.", "2.")]
)
def test_a_vendor_whose_rank_changes_is_one_vendor(one: str, two: str) -> None:
    text = (
        f"Quarter,Vendor,Share|2022Q1,{one}A,40%|2022Q1,{two}B,30%|2022Q1,Others,30%|"
        f"2022Q2,{one}B,41%|2022Q2,{two}A,31%|2022Q2,Others,28%"
    )
    sheet = read(text)
    assert set(sheet.frame["provider"]) == {"A", "B", "Others"}
    assert f"ranks before names are no part of them: '{one}A' is 'A'" in sheet.notes


def test_names_of_which_only_some_begin_with_a_number_keep_it() -> None:
    assert set(read("Vendor,2022Q1|1. FC Example,40%|Bolt,60%").frame["provider"]) == {"1. FC Example", "Bolt"}
    assert set(read("Vendor,2022Q1|7-Eleven,40%|3M,60%").frame["provider"]) == {"7-Eleven", "3M"}


def test_ranks_are_no_part_of_names_in_a_table_with_our_own_columns() -> None:
    frame = pl.DataFrame(
        {"period": ["2022Q1", "2022Q1", "2022Q2", "2022Q2"], "provider": ["1. A", "2. B", "1. B", "2. A"],
         "share": [0.6, 0.4, 0.55, 0.45]}
    )  # fmt: skip
    assert set(read_table(frame).shares["provider"]) == {"A", "B"}
