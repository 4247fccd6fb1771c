"""A comma that may part thousands or decimals: what else the sheet shows decides, and is told; else it is refused."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import Sheet, understand


def read(text: str) -> Sheet:
    return understand([[cell or None for cell in line.split("|")] for line in text.split("\n")], name="x")


@pytest.mark.parametrize(
    ("text", "numbers", "why"),
    [
        ("Quarter|Vendor|Units\n4Q23|A|34,998\n4Q23|B|12,500", [34998, 12500], "'Units' counts whole things"),
        (
            "Quarter|Vendor|Sales|Growth\n4Q23|A|34,998|1.5%\n4Q23|B|12,500|2.5%",
            [34998, 12500],
            "'1.5%' in column 'Growth' has a decimal point",
        ),
        (
            "Quartal|Hersteller|Absatz|Wachstum\n4Q23|A|34,998|1,5%\n4Q23|B|12,500|2,5%",
            [34.998, 12.5],
            "'1,5%' in column 'Wachstum' has a decimal comma",
        ),
        (
            "Vendor|4Q23|3Q23\nA|34,998|33,500\nB|850|900\nTotal|35,848|34,400",
            [34998, 33500, 850, 900, 35848, 34400],
            "the total is the sum of its quarter only so",
        ),
    ],
)
def test_what_else_the_sheet_shows_decides_and_is_told(text: str, numbers: list[float], why: str) -> None:
    sheet = read(text)
    assert sheet.frame["value"].to_list() == numbers
    assert any("read as" in note and f", as {why}" in note for note in sheet.notes)


def test_shares_next_to_amounts_decide_where_only_one_reading_agrees() -> None:
    text = "Quarter|Vendor|Sales|Share\n4Q23|A|34,998|98%\n4Q23|B|850|2%"
    grid = [[cell or None for cell in line.split("|")] for line in text.split("\n")]
    sheet = understand(grid, name="x")
    assert sheet.frame["share"].to_list() == [0.98, 0.02]
    assert "numbers are from 'Share'; 'Sales' agrees with them" in sheet.notes


@pytest.mark.parametrize(
    "text",
    [
        "Vendor|4Q23|3Q23\nA|34,998|33,500\nB|12,500|12,900\nTotal|47,498|46,400",
        "Quartal|Hersteller|St\u00fcck\n4Q23|A|34.998\n4Q23|B|12.500",
        "Quarter|Vendor|Units (thousands)\n4Q23|A|34,998\n4Q23|B|12,500",
        "Quarter|Vendor|Sales|Growth\n4Q23|A|34,998|1.5%\n4Q23|B|12,500|2,5%",
    ],
)
def test_where_both_readings_are_as_good_the_option_is_asked_for(text: str) -> None:
    with pytest.raises(InvalidTable, match="--decimal point or --decimal comma"):
        read(text)
