"""Growth rates are no shares, and fiscal quarters no calendar quarters, wherever in a sheet it is said."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import Reading, Sheet, understand

GROWTH = {"A": ["3.0%", "3.5%"], "B": ["4.0%", "4.5%"], "C": ["-5.0%", "5.5%"]}
SHARES = {"A": ["30%", "35%"], "B": ["40%", "45%"], "C": ["30%", "20%"]}


def vendors(columns: dict[str, list[str]], *titles: str, corner: str = "Quarter", **said: int | str) -> Sheet:
    rows = [[f"2022Q{q + 1}", *(column[q] for column in columns.values())] for q in (0, 1)]
    grid = [*([title] for title in titles), [corner, *columns], *rows]
    return understand(grid, name="x", options=Reading(**said))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "title", ["YoY growth", "Growth", "Share change (pp)", "Revenue growth YoY (%)", "Change vs. 2021", "Wachstum"]
)
def test_a_long_table_with_no_numbers_but_a_growth_is_refused(title: str) -> None:
    grid = [["Quarter", "Vendor", title], *([f"2022Q{q + 1}", n, c[q]] for q in (0, 1) for n, c in GROWTH.items())]
    with pytest.raises(InvalidTable, match=r"is a growth or change by its name.*give shares or amounts, not their ch"):
        understand(grid, name="x")
    assert understand(grid, name="x", options=Reading(measure="percent")).measure == "share"


def test_a_growth_beside_shares_is_told_and_not_used() -> None:
    grid = [["Quarter", "Vendor", "Share", "Share growth"]]
    grid += [[f"2022Q{q + 1}", n, c[q], "5%"] for q in (0, 1) for n, c in SHARES.items()]
    sheet = understand(grid, name="x")
    assert sheet.frame["share"].to_list() == [0.3, 0.4, 0.3, 0.35, 0.45, 0.2]
    assert "column 'Share growth' is not used" in sheet.notes


@pytest.mark.parametrize(
    "title", ["Year-over-year growth by vendor (%)", "YoY growth", "Growth rates, world", "Change in revenue, %"]
)
def test_a_title_that_speaks_of_growth_refuses_numbers_that_make_no_whole(title: str) -> None:
    with pytest.raises(
        InvalidTable, match=r"speaks of a growth, change or index, and the quarters sum to 2 to 13\.5; give"
    ):
        vendors(GROWTH, title)
    with pytest.raises(InvalidTable, match="speaks of a growth, change or index"):
        vendors(GROWTH, corner=title)
    assert vendors(SHARES, title).faults == ()
    assert vendors(GROWTH, title, measure="percent").measure == "share"


@pytest.mark.parametrize("title", ["Market share and growth", "Growing vendors", "Change Healthcare and its rivals"])
def test_a_title_that_only_mentions_growth_refuses_nothing(title: str) -> None:
    short = {**SHARES, "C": ["10%", "10%"]}
    assert vendors(short, title).measure == "share"


@pytest.mark.parametrize(
    ("titles", "corner", "option"),
    [
        (("Fiscal year ends in March; market share in %",), "Fiscal quarter", "--fiscal-year-end 3 for March"),
        (("By fiscal quarter; fiscal year ends on 30 September",), "Quarter", "--fiscal-year-end 9 for September"),
        (("Fiscal quarters",), "Quarter", "--fiscal-year-end 6 for June"),
        ((), "Fiscal quarter", "--fiscal-year-end 6 for June"),
    ],
)
def test_quarters_that_a_title_or_header_calls_fiscal_need_the_end_of_the_year(
    titles: tuple[str, ...], corner: str, option: str
) -> None:
    with pytest.raises(InvalidTable, match=f"says that the quarters are fiscal.*{option}"):
        vendors(SHARES, *titles, corner=corner)
    sheet = vendors(SHARES, *titles, corner=corner, fiscal_year_end=3)
    assert sheet.frame["period"].unique(maintain_order=True).to_list() == ["2021Q2", "2021Q3"]


@pytest.mark.parametrize(
    "said", ["Fiscal year ends in March", "Note: fiscal years end in March", "FY ends 31 March", "FY ending Mar 31"]
)
def test_a_title_or_remark_of_a_fiscal_year_leaves_calendar_quarters_as_they_are_and_is_told(said: str) -> None:
    quarters = [["Quarter", "A", "B"], ["2022Q1", "30%", "70%"], ["2022Q2", "30%", "70%"]]
    for grid in ([[said], *quarters], [*quarters, [], [said]]):
        sheet = understand(grid, name="x")
        assert sheet.frame["period"].unique(maintain_order=True).to_list() == ["2022Q1", "2022Q2"]
        assert any(said in note and "--fiscal-year-end 3 for March" in note for note in sheet.notes)


def test_a_remark_that_quarters_are_fiscal_needs_the_end_of_the_year() -> None:
    grid = [["Quarter", "A", "B"], ["2022Q1", "30%", "70%"], [], ["Note: quarters are of the fiscal year to March"]]
    with pytest.raises(InvalidTable, match="--fiscal-year-end 3 for March"):
        understand(grid, name="x")


@pytest.mark.parametrize(
    ("header", "year", "quarter"),
    [
        ("Fiscal Year|Fiscal Quarter", "2022", "Q1"),
        ("Fiscal Year|Quarter", "2022", "Q1"),
        ("FY|Quarter", "2022", "1"),
        ("FY|FQ", "2022", "FQ1"),
        ("Year|Quarter", "2022", "FQ1"),
        ("Year|Quarter", "FY22", "Q1"),
        ("Year|Quarter", "Fiscal 2022", "Q1"),
    ],
)
def test_fiscal_years_and_quarters_of_two_columns_need_the_end_of_the_year(
    header: str, year: str, quarter: str
) -> None:
    grid = [[*header.split("|"), "Vendor", "Share"], *([year, quarter, name, "50%"] for name in "AB")]
    with pytest.raises(InvalidTable, match="--fiscal-year-end"):
        understand(grid, name="x")
    sheet = understand(grid, name="x", options=Reading(fiscal_year_end=6))
    assert sheet.frame["period"].to_list() == ["2021Q3", "2021Q3"]
    grid = [[*header.split("|"), "A", "B"], [year, quarter, "50%", "50%"]]
    with pytest.raises(InvalidTable, match="--fiscal-year-end"):
        understand(grid, name="x")


@pytest.mark.parametrize("title", ["Fiscal year ends in December", "Fiscal quarters, calendarised", "FY2022 and later"])
def test_quarters_that_are_those_of_the_calendar_by_the_title_are_read_as_such(title: str) -> None:
    assert vendors(SHARES, title).frame["period"][0] == "2022Q1"


@pytest.mark.parametrize(
    "title", ["Cumulative shipments, M units", "Rolling 12 months", "LTM revenue", "Absatz kumuliert"]
)
def test_numbers_of_several_quarters_each_are_refused_by_the_title_that_says_so(title: str) -> None:
    with pytest.raises(InvalidTable, match="speaks of numbers of several quarters each; give"):
        vendors(SHARES, title)
    assert vendors(SHARES, title, measure="percent").measure == "share"


def test_an_index_is_no_amount() -> None:
    with pytest.raises(InvalidTable, match="'Index, 2022Q1 = 100' speaks of a growth, change or index"):
        vendors({"A": ["100", "103"], "B": ["100", "97"]}, "Index, 2022Q1 = 100")


def test_fractions_with_a_per_cent_sign_by_mistake_are_refused() -> None:
    small = {"A": ["0.300%", "0.310%"], "B": ["0.700%", "0.690%"]}
    with pytest.raises(InvalidTable, match="the quarters sum to 1 %, as fractions of 1 with a sign by mistake do"):
        vendors(small)
    assert vendors(small, measure="percent").frame["share"][0] == 0.003
