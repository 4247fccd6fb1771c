"""Amounts next to shares: shares are read where both say the same, and nothing is read where they do not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import Reading, Sheet, measures, understand
from forecast.sheet.columns import holds_numbers
from forecast.sheet.grid import Table

PRESS = (
    "Top 3 companies, shipments in millions|"
    "Company,4Q23 Shipments,4Q23 Market Share,4Q22 Shipments,4Q22 Market Share,Year-Over-Year Change|"
    "Acme,80.5,40.3%,72.3,37.9%,11.3%|Bolt,53.0,26.5%,58.2,30.5%,-8.9%|Others,66.3,33.2%,60.1,31.5%,10.3%|"
    "Total,199.8,100.0%,190.6,100.0%,4.8%|Source: Example Research"
)
OVER_MEASURES = (
    ",4Q23,,4Q22,,|Company,Shipments,Market Share,Shipments,Market Share,YoY|"
    "Acme,80.5,40.3%,72.3,37.9%,11.3%|Bolt,53.0,26.5%,58.2,30.5%,-8.9%|Others,66.3,33.2%,60.1,31.5%,10.3%"
)
OVER_QUARTERS = (
    ",Shipments,,Market Share,|Company,4Q23,4Q22,4Q23,4Q22|"
    "Acme,80.5,72.3,40.3%,37.9%|Bolt,53.0,58.2,26.5%,30.5%|Others,66.3,60.1,33.2%,31.5%"
)
VENDORS = (
    "Quarter,Acme units,Acme share,Bolt units,Bolt share,Others units,Others share|"
    "4Q23,80.5,40.3%,53.0,26.5%,66.3,33.2%|4Q22,72.3,37.9%,58.2,30.5%,60.1,31.5%"
)
VENDORS_OVER = (
    ",Acme,,Bolt,,Others,|Quarter,Units,Share,Units,Share,Units,Share|"
    "4Q23,80.5,40.3%,53.0,26.5%,66.3,33.2%|4Q22,72.3,37.9%,58.2,30.5%,60.1,31.5%"
)
LONG = (
    "Quarter,Vendor,Units (M),Share,YoY growth|"
    "4Q23,Acme,80.5,40.3%,11.3%|4Q23,Bolt,53.0,26.5%,-8.9%|4Q23,Others,66.3,33.2%,10.3%|"
    "4Q22,Acme,72.3,37.9%,1%|4Q22,Bolt,58.2,30.5%,2%|4Q22,Others,60.1,31.5%,3%"
)
CHINESE = (
    "\u5382\u5546,2023Q4\u51fa\u8d27\u91cf\uff08\u4e07\u53f0\uff09,2023Q4\u5e02\u573a\u4efd\u989d,"
    "2022\u5e74\u7b2c\u56db\u5b63\u5ea6\u51fa\u8d27\u91cf\uff08\u4e07\u53f0\uff09,"
    "2022\u5e74\u7b2c\u56db\u5b63\u5ea6\u5e02\u573a\u4efd\u989d,\u540c\u6bd4\u589e\u5e45|"
    "Acme,80.5,40.3%,72.3,37.9%,11.3%|Bolt,53.0,26.5%,58.2,30.5%,-8.9%|Others,66.3,33.2%,60.1,31.5%,10.3%"
)
SHARE_BEHIND = (
    "Company,4Q23,Share,4Q22,Share,YoY|"
    "Acme,80.5,40.3%,72.3,37.9%,11.3%|Bolt,53.0,26.5%,58.2,30.5%,-8.9%|Others,66.3,33.2%,60.1,31.5%,10.3%"
)
SHARES_APART = (
    "Company,4Q23,4Q22,YoY,Share 4Q23,Share 4Q22|"
    "Acme,80.5,72.3,11.3%,40.3%,37.9%|Bolt,53.0,58.2,-8.9%,26.5%,30.5%|Others,66.3,60.1,10.3%,33.2%,31.5%"
)
SHEETS = {
    "press": PRESS, "quarters over measures": OVER_MEASURES, "measures over quarters": OVER_QUARTERS,
    "vendors": VENDORS, "vendors over measures": VENDORS_OVER, "long": LONG,
    "chinese": CHINESE,
    "a share behind each quarter": SHARE_BEHIND,
    "shares apart from quarters": SHARES_APART,
}  # fmt: skip
SHARES = {
    ("2023Q4", "Acme"): 0.403, ("2023Q4", "Bolt"): 0.265, ("2023Q4", "Others"): 0.332,
    ("2022Q4", "Acme"): 0.379, ("2022Q4", "Bolt"): 0.305, ("2022Q4", "Others"): 0.315,
}  # fmt: skip
UNITS = {
    ("2023Q4", "Acme"): 80.5, ("2023Q4", "Bolt"): 53.0, ("2023Q4", "Others"): 66.3,
    ("2022Q4", "Acme"): 72.3, ("2022Q4", "Bolt"): 58.2, ("2022Q4", "Others"): 60.1,
}  # fmt: skip


def read(text: str, **said: str) -> Sheet:
    grid = [[cell or None for cell in line.split(",")] for line in text.split("|")]
    return understand(grid, name="x", options=Reading(**said))  # type: ignore[arg-type]


def cells(sheet: Sheet) -> dict[tuple[str, str], float]:
    rows = sheet.frame.select("period", "provider", sheet.measure).iter_rows()
    return {(period, provider): number for period, provider, number in rows if provider != "Total"}


@pytest.mark.parametrize("case", SHEETS)
def test_shares_next_to_their_amounts_are_read_and_both_are_told(case: str) -> None:
    sheet = read(SHEETS[case])
    assert sheet.faults == ()
    assert cells(sheet) == SHARES
    assert any("agrees with them" in note and note.startswith("numbers are from '") for note in sheet.notes)
    assert not any("YoY" in name or "Change" in name for name in sheet.frame["provider"])


@pytest.mark.parametrize("case", SHEETS)
def test_amounts_next_to_their_shares_are_read_where_they_are_asked_for(case: str) -> None:
    sheet = read(SHEETS[case], measure="amount")
    assert (sheet.unit, cells(sheet)) == ("amounts", UNITS)
    assert any(note.endswith("is not used") and note.startswith("numbers are from '") for note in sheet.notes)


@pytest.mark.parametrize("case", SHEETS)
def test_a_share_that_is_not_that_of_its_amount_is_refused_by_its_cell(case: str) -> None:
    text = SHEETS[case].replace("26.5%", "28.5%")
    with pytest.raises(InvalidTable, match=r"'28\.5%'.*'53\.0'.*'Bolt' in 2023Q4, of which the amounts make 26\.\d+ %"):
        read(text)
    assert cells(read(text, measure="percent"))["2023Q4", "Bolt"] == 0.285


def test_amounts_that_are_a_part_of_the_market_agree_with_shares_of_the_whole() -> None:
    sheet = read("Company,4Q23 Units,4Q23 Share|Acme,80.5,24.7%|Bolt,53.0,16.3%")
    assert cells(sheet) == {("2023Q4", "Acme"): 0.247, ("2023Q4", "Bolt"): 0.163}


def test_amounts_that_are_asked_for_and_are_a_part_of_the_market_are_told_to_be_one() -> None:
    sheet = read("Company,4Q23 Units,4Q23 Share|Acme,80.5,24.7%|Bolt,53.0,16.3%", measure="amount")
    assert any("by 'Share' the amounts of 2023Q4 are 41 % of their market at most; add" in note for note in sheet.notes)
    assert not any("at most" in note for note in read(PRESS, measure="amount").notes)


def test_a_growth_next_to_a_measure_is_told_and_not_used() -> None:
    assert "column 'Year-Over-Year Change' is not used" in read(PRESS).notes
    assert "column '4Q22 YoY' is not used" in read(OVER_MEASURES).notes
    assert "column 'YoY growth' is not used" in read(LONG).notes


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("Company,4Q23 Shipments,4Q22 Shipments|Acme,80.5,72.3|Bolt,53.0,58.2", "amounts"),
        ("Company,Market Share Q4 2023 (%),Market Share Q4 2022 (%)|Acme,40,30|Bolt,20,30", "per cent"),
    ],
)
def test_quarters_with_one_measure_behind_each_are_read(text: str, unit: str) -> None:
    sheet = read(text)
    assert (sheet.unit, sheet.frame["period"].unique().sort().to_list()) == (unit, ["2022Q4", "2023Q4"])


def test_of_several_amounts_one_must_agree() -> None:
    text = "Quarter,Vendor,Units,Revenue,Share|4Q23,A,10,80,25%|4Q23,B,30,20,75%"
    assert any("'Revenue' is of another measure, and not used" in note for note in read(text).notes)
    with pytest.raises(InvalidTable, match="'40%' in 'Share' and '10' in 'Units'"):
        read(text.replace("75%", "60%").replace("25%", "40%"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Company,4Q23 Units,4Q23 Revenue|A,10,80|B,30,20", "has several measures: 'Units' and 'Revenue'; keep"),
        ("Company,4Q23 Share,4Q23 Units,4Q22 Units|A,25%,10,12|B,75%,30,10", "'Units' for '4Q22' and no 'Share'"),
    ],
)
def test_measures_that_leave_it_open_what_is_read_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidTable, match=said):
        read(text)


BY_ROW = (
    "Vendor,Metric,4Q23,4Q22|Acme,Shipments (M),80.5,72.3|,Market share,40.3%,37.9%|,YoY,11%,2%|"
    "Bolt,Shipments (M),53.0,58.2|,Market share,26.5%,30.5%|,YoY,11%,2%|"
    "Others,Shipments (M),66.3,60.1|,Market share,33.2%,31.5%|,YoY,11%,2%"
)
BY_ROW_LONG = "Quarter,Vendor,Metric,Value|" + "|".join(
    f"{quarter},{vendor},Units,{UNITS[quarter, vendor]}|{quarter},{vendor},Share,{share}"
    for (quarter, vendor), share in SHARES.items()
)


@pytest.mark.parametrize("text", [BY_ROW, BY_ROW_LONG])
def test_of_rows_that_a_column_gives_to_several_measures_those_of_one_are_read(text: str) -> None:
    sheet = read(text)
    assert (sheet.faults, cells(sheet)) == ((), SHARES)
    assert any(note.startswith("rows of '") and "in column 'Metric' are read" in note for note in sheet.notes)
    assert cells(read(text, measure="amount")) == UNITS


def test_rows_of_several_amounts_are_refused() -> None:
    text = "Vendor,Metric,4Q23,3Q23|A,Units sold,10,12|A,Revenue,80,90|B,Units sold,30,10|B,Revenue,20,30"
    with pytest.raises(InvalidTable, match="column 'Metric' has several measures: 'Units sold' and 'Revenue'; keep"):
        read(text)


def test_vendors_with_two_measures_behind_their_names_are_refused() -> None:
    text = "Vendor,4Q23,3Q23|Acme units,80.5,72|Acme share,40.3,41|Bolt units,119.5,110|Bolt share,59.7,59"
    with pytest.raises(InvalidTable, match="'Acme units' and 'Acme share' are two measures of one vendor; keep"):
        read(text)


def test_shares_of_a_part_of_the_vendors_are_read_and_not_their_amounts_over_each_other() -> None:
    sheet = read("Vendor,Shipments 4Q23,Share,Shipments 4Q22,Share|A,80.5,24.7%,72.3,24.1%|B,53.0,16.3%,58.2,19.4%")
    assert sheet.frame["share"].to_list() == [0.247, 0.241, 0.163, 0.194]


def test_a_quarter_of_which_there_are_only_amounts_is_refused() -> None:
    text = "Quarter,Vendor,Units,Share|3Q23,A,10,|3Q23,B,30,|4Q23,A,12,30%|4Q23,B,28,70%"
    with pytest.raises(InvalidTable, match="row 2 has '10' in 'Units', and no row of 2023Q3 has a number in 'Share'"):
        read(text)
    assert read(text, measure="amount").frame["value"].to_list() == [10, 30, 12, 28]


def test_one_measure_behind_all_vendors_is_no_part_of_their_names() -> None:
    sheet = read("Quarter,Acme share,Bolt share,Others share|4Q23,40,26,34|3Q23,39,27,34")
    assert (sheet.unit, sheet.frame["provider"][:3].to_list()) == ("per cent", ["Acme", "Bolt", "Others"])


def test_the_measures_of_a_large_sheet_are_told_by_its_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(table: Table, column: int, rows: Sequence[int], *, unread: bool = False) -> bool:
        seen.append(len(rows))
        return holds_numbers(table, column, rows, unread=unread)

    monkeypatch.setattr(measures, "holds_numbers", counted)
    rows = [f"R{k},{quarter},{name},50%" for k in range(400) for quarter in ("4Q23", "3Q23") for name in "AB"]
    assert read("|".join(["Region,Quarter,Vendor,Market share", *rows])).faults == ()
    assert max(seen, default=0) <= 200
    assert len(seen) < 20
