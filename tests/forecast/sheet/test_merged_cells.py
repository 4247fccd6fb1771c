"""A region or market that stands once for several rows, as merged cells are saved: it is that of the rows below too."""

from __future__ import annotations

import pytest

from forecast.sheet import Reading, Sheet, understand

BLOCKS = {
    "a column per quarter": "Region,Vendor,2022Q1,2022Q2|EU,A,30%,31%|,B,70%,69%|US,A,40%,41%|,B,60%,59%",
    "a column per vendor": "Region,Quarter,A,B|EU,2022Q1,30%,70%|,2022Q2,31%,69%|US,2022Q1,40%,60%|,2022Q2,41%,59%",
    "long": (
        "Region,Quarter,Vendor,Share|EU,2022Q1,A,30%|,,B,70%|,2022Q2,A,31%|,,B,69%|"
        "US,2022Q1,A,40%|,,B,60%|,2022Q2,A,41%|,,B,59%|Source: Example Research"
    ),
}


def read(text: str) -> Sheet:
    return understand([[cell or None for cell in line.split(",")] for line in text.split("|")], name="x")


@pytest.mark.parametrize("header", ["Region", "Market", "Product"])
@pytest.mark.parametrize("case", BLOCKS)
def test_a_region_or_market_is_filled_down_and_told(case: str, header: str) -> None:
    sheet = read(BLOCKS[case].replace("Region", header))
    assert sheet.faults == ()
    cells = {tuple(row) for row in sheet.frame.select("market", "period", "provider", "share").iter_rows()}
    shares = {"EU": (0.3, 0.31), "US": (0.4, 0.41)}
    expected = {(where, f"2022Q{q + 1}", "A", mine[q]) for where, mine in shares.items() for q in (0, 1)}
    assert cells == expected | {(where, time, "B", round(1 - share, 2)) for where, time, _, share in expected}
    assert f"empty cells of column '{header}' are read as the one above, as merged cells" in sheet.notes


def test_a_total_that_only_the_last_block_has_is_not_filled_down() -> None:
    text = "Region,Vendor,2022Q1,2022Q2|EU,A,30,31|,B,70,69|US,A,40,41|,B,60,59|,Total,200,201"
    assert "row 6 has nothing; fill it in" in read(text).refused[""][0]
    own = "Region,Vendor,2022Q1,2022Q2|EU,A,30,31|,B,70,69|,Total,100,100|US,A,40,41|,B,60,59|,Total,100,100"
    assert read(own).faults == ()


def test_empty_cells_of_a_column_that_names_every_row_are_not_filled_down() -> None:
    text = "Region,Vendor,2022Q1|EU,A,30%|EU,B,70%|US,A,40%|,B,60%"
    assert "row 5 has nothing; fill it in" in read(text).refused[""][0]


def test_a_year_and_a_quarter_that_stand_once_for_several_vendors_are_filled_down() -> None:
    text = "Year,Quarter,Vendor,Share|2022,Q1,A,30%|,,B,70%|,Q2,A,31%|,,B,69%|,Q3,A,32%|,,B,68%|,Q4,A,33%|,,B,67%"
    cells = read(text).frame.select("period", "provider", "share").rows()
    assert cells[:2] == [("2022Q1", "A", 0.3), ("2022Q1", "B", 0.7)]
    assert cells[-1] == ("2022Q4", "B", 0.67)


def test_a_vendor_of_whom_there_are_only_whole_years_is_refused() -> None:
    times = ("2022Q1", "2022Q2", "2022Q3", "2022Q4", "2022")
    text = "Quarter,Vendor,Share|" + "|".join(f"{time},A,30%" for time in times)
    assert read(text).faults == ()
    assert "row 7 has '2022'; this is a whole year" in str(read(f"{text}|2022,B,70%").faults[0])


@pytest.mark.parametrize("layout", ["quarters", "long"])
def test_totals_of_a_pivot_table_are_told_and_not_used(layout: str) -> None:
    text = (
        "Region,Vendor,2022Q1|EU,A,30|,B,70|EU Total,,100|US,A,40|,B,160|US Total,,200|Grand Total,,300"
        if layout == "quarters"
        else "Region,Vendor,Quarter,Units|EU,A,2022Q1,30|,B,2022Q1,70|EU Total,,2022Q1,100|"
        "US,A,2022Q1,40|,B,2022Q1,160|US Total,,2022Q1,200|Grand Total,,2022Q1,300"
    )
    sheet = understand(
        [[cell or None for cell in line.split(",")] for line in text.split("|")],
        name="x",
        options=Reading(measure="amount"),
    )
    assert sheet.faults == ()
    assert sheet.frame.select("market", "provider", "value").rows() == [
        ("EU", "A", 30), ("EU", "B", 70), ("US", "A", 40), ("US", "B", 160),
    ]  # fmt: skip
    assert any("rows 4 and 7 and 8 are not used, a total over vendors or quarters" in note for note in sheet.notes)


@pytest.mark.parametrize("name", ["Total", "Grand total"])
def test_a_total_over_all_quarters_is_not_that_of_the_last_one(name: str) -> None:
    text = f"Quarter,Vendor,Units|2022Q1,A,30|,B,70|2022Q2,A,140|,B,60|,{name},300"
    sheet = understand(
        [[cell or None for cell in line.split(",")] for line in text.split("|")],
        name="x",
        options=Reading(measure="amount"),
    )
    assert sheet.faults == ()
    assert sheet.frame["provider"].to_list() == ["A", "B", "A", "B"]
    assert any("row 6 is not used, a total over vendors or quarters" in note for note in sheet.notes)
