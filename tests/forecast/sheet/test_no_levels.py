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
    with pytest.raises(InvalidTable, match=r"speaks of a growth or change, and the quarters sum to 2 to 13\.5; give"):
        vendors(GROWTH, title)
    with pytest.raises(InvalidTable, match="speaks of a growth or change"):
        vendors(GROWTH, corner=title)
    assert vendors(SHARES, title).faults == ()
    assert vendors(GROWTH, title, measure="percent").measure == "share"


@pytest.mark.parametrize("title", ["Market share and growth", "Growing vendors", "Change Healthcare and its rivals"])
def test_a_title_that_only_mentions_growth_refuses_nothing(title: str) -> None:
    short = {**SHARES, "C": ["10%", "10%"]}
    assert vendors(short, title).measure == "share"
