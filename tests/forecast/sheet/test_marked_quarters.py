"""Quarters with a mark: an estimate is used and told, a forecast is no measurement, and is told and not used."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import Sheet, understand


def sheets(last: str, before: str = "2022Q2") -> list[Sheet]:
    """Three quarters in the three layouts."""
    times = ("2022Q1", before, last)
    quarters = f"Vendor,{','.join(times)}|A,30%,31%,32%|B,70%,69%,68%"
    vendors = "Quarter,A,B|" + "|".join(f"{t},{30 + k}%,{70 - k}%" for k, t in enumerate(times))
    long = "Quarter,Vendor,Share|" + "|".join(f"{t},A,{30 + k}%|{t},B,{70 - k}%" for k, t in enumerate(times))
    return [read(text) for text in (quarters, vendors, long)]


def read(text: str) -> Sheet:
    return understand([[cell or None for cell in line.split(",")] for line in text.split("|")], name="x")


@pytest.mark.parametrize("last", ["2022Q3E", "3Q22 est.", "Q3 2022 (prelim.)", "2022Q3 r", "2022Q3 revised"])
def test_an_estimate_is_used_and_told(last: str) -> None:
    for sheet in sheets(last):
        assert sheet.faults == ()
        assert sheet.frame["period"].unique().sort().to_list() == ["2022Q1", "2022Q2", "2022Q3"]
        told = f"'{last}': numbers that are marked as estimated, preliminary or revised are used as any other"
        assert told in sheet.notes


@pytest.mark.parametrize("last", ["2022Q3F", "3Q22 F", "Q3 2022 (F)", "2022Q3 forecast", "2022Q3 (projected)"])
def test_a_forecast_is_told_by_its_place_and_not_used(last: str) -> None:
    for sheet, place in zip(sheets(last), ("", " (row 4)", " (rows 6 and 7)"), strict=True):
        assert sheet.faults == ()
        assert sheet.frame["period"].unique().sort().to_list() == ["2022Q1", "2022Q2"]
        assert f"'{last}'{place} is a forecast by its mark, not measured, and not used" in sheet.notes


def test_an_estimate_next_to_actual_numbers_is_a_forecast() -> None:
    for sheet in sheets("2022Q3E", "2022Q2A"):
        assert sheet.frame["period"].unique().sort().to_list() == ["2022Q1", "2022Q2"]
        assert any(note.startswith("'2022Q3E'") and "is a forecast" in note for note in sheet.notes)


@pytest.mark.parametrize(
    "text",
    [
        ",Actual,,Forecast|Vendor,2022Q1,2022Q2,2022Q3|A,30%,31%,32%|B,70%,69%,68%",
        "Vendor,2022Q1,2022Q2,2022Q3|,A,A,F|A,30%,31%,32%|B,70%,69%,68%",
        "Quarter,Type,A,B|2022Q1,Actual,30%,70%|2022Q2,Actual,31%,69%|2022Q3,Forecast,32%,68%",
        "Quarter,Vendor,Share,Status|2022Q1,A,30%,Actual|2022Q1,B,70%,Actual|2022Q2,A,31%,Actual|2022Q2,B,69%,Actual|"
        "2022Q3,A,32%,Forecast|2022Q3,B,68%,Forecast",
    ],
)
def test_a_row_or_column_may_say_which_numbers_are_forecasts(text: str) -> None:
    sheet = read(text)
    assert sheet.faults == ()
    assert sheet.frame["period"].unique().sort().to_list() == ["2022Q1", "2022Q2"]
    assert any("is a forecast by its mark" in note for note in sheet.notes)


def test_letters_in_a_column_of_another_name_are_no_marks() -> None:
    text = "Quarter,Vendor,Tier,Share|2022Q1,A,F,30%|2022Q1,B,A,70%|2022Q2,A,F,31%|2022Q2,B,A,69%"
    assert read(text).frame.height == 4
    assert read(text.replace("Tier", "Status").replace("2022Q2,B,A", "2022Q2,B,F")).frame.height == 1


def test_estimates_next_to_actual_numbers_in_a_column_are_forecasts() -> None:
    text = "Quarter,Vendor,Share,Status|2022Q1,A,30%,Actual|2022Q1,B,70%,Actual|2022Q2,A,31%,Est.|2022Q2,B,69%,Est."
    assert read(text).frame["period"].unique().to_list() == ["2022Q1"]


def test_a_mark_that_may_be_preliminary_or_projected_is_refused_by_its_cell() -> None:
    (fault,) = read("Quarter,A,B|2022Q1,30%,70%|2022Q2P,31%,69%").faults
    assert "row 3 has '2022Q2P'; P may mean preliminary or projected" in str(fault)


def test_nothing_but_forecasts_is_refused() -> None:
    with pytest.raises(InvalidTable, match="nothing but forecasts by their marks: '2022Q1F' and '2022Q2F'"):
        read("Quarter,A,B|2022Q1F,30%,70%|2022Q2F,31%,69%")


def test_letters_over_the_same_quarters_twice_are_no_marks() -> None:
    with pytest.raises(InvalidTable, match="are a header of two levels: 'A' and 'F' each stand over"):
        read(",A,,F,|Vendor,2022Q1,2022Q2,2022Q1,2022Q2|X,30%,31%,40%,41%|Y,70%,69%,60%,59%")
    sheet = read(",A,F|Vendor,2022Q1,2022Q1|X,30%,40%|Y,70%,60%")
    assert "given" in str(sheet.faults) or "twice" in str(sheet.faults[0])
