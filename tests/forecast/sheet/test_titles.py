"""Titles of blocks of a sheet with a column per quarter: markets where nothing else can be meant, else refused."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import Sheet, understand

BLOCKS = "Vendor,2022Q1,2022Q2|EU,,|A,30%,31%|B,70%,69%||US,,|A,40%,41%|Others,60%,59%||Source: Example Research"


def read(text: str) -> Sheet:
    return understand([[cell or None for cell in line.split(",")] for line in text.split("|")], name="x")


def test_titles_above_blocks_with_the_same_vendors_are_their_markets() -> None:
    sheet = read(BLOCKS)
    assert sheet.faults == ()
    assert sheet.frame.filter(period="2022Q1").select("market", "provider", "share").rows() == [
        ("EU", "A", 0.3), ("EU", "B", 0.7), ("US", "A", 0.4), ("US", "Others", 0.6),
    ]  # fmt: skip
    assert "rows 2 and 6 name the market of the rows below: 'EU' and 'US'" in sheet.notes
    assert any("not used, without a number: 'Source: Example Research'" in note for note in sheet.notes)


@pytest.mark.parametrize(
    "text",
    [
        BLOCKS.replace("EU,,|", ""),  # the first block has no title
        BLOCKS.replace("EU,,|", "").replace("||Source", "||Asia,,|A,20%,21%|B,80%,79%||Source"),
        BLOCKS.replace("US,,|A", "US,,|C"),  # groups of vendors of one market, perhaps
        BLOCKS.replace("EU", "Units").replace("US", "Market share"),
        BLOCKS.replace("US,,", "EU,,"),
    ],
)
def test_titles_that_may_stand_for_something_else_are_refused(text: str) -> None:
    with pytest.raises(InvalidTable, match="without a number, between rows of numbers"):
        read(text)
