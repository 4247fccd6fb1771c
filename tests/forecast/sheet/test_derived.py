"""Numbers made of the others, such as HHI or growth, are no vendors in any layout, and a vendor called alike is one."""

from __future__ import annotations

import pytest

from forecast.brought import read_table
from forecast.cells import Cell
from forecast.errors import InvalidTable
from forecast.sheet import Reading, Sheet, understand

NAMES = ("A", "B", "C")


def sheets(columns: dict[str, list[str]]) -> list[Sheet]:
    """The same numbers of two quarters in the three layouts."""
    times = ("2020Q1", "2020Q2")
    long: list[list[Cell]] = [["quarter", "vendor", "x"]]
    long += [[t, n, c[k]] for k, t in enumerate(times) for n, c in columns.items()]
    vendors: list[list[Cell]] = [["quarter", *columns]]
    vendors += [[t, *(c[k] for c in columns.values())] for k, t in enumerate(times)]
    quarters: list[list[Cell]] = [["vendor", *times]]
    quarters += [[n, *c] for n, c in columns.items()]
    grids = (long, vendors, quarters)
    return [understand(grid, name="x") for grid in grids]


SHARES = {"A": ["50", "40"], "B": ["30", "40"], "C": ["20", "20"]}
AMOUNTS = {"A": ["500", "400"], "B": ["300", "400"], "C": ["200", "200"]}


@pytest.mark.parametrize("others", [SHARES, AMOUNTS])
@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("HHI", ["3800", "3600"]),
        ("hhi", ["0.38", "0.36"]),
        ("Average", ["33.3", "33.3"]),
        ("YoY growth", ["5", "6"]),
        ("y/y (%)", ["5%", "-6%"]),
        ("Growth %", ["5", "6"]),
        ("Market growth", ["5", "6"]),
        ("Change (pp)", ["1", "2"]),
        ("Change vs. 2019", ["1", "2"]),
        ("Change", ["-1", "2"]),
    ],
)
def test_numbers_made_of_the_others_are_no_vendor_in_any_layout(
    others: dict[str, list[str]], name: str, numbers: list[str]
) -> None:
    for sheet in sheets({**others, name: numbers}):
        assert sheet.faults == ()
        assert set(sheet.frame["provider"]) == set(NAMES)
        assert any(note.startswith(f"'{name}' is not a vendor but made of the other numbers") for note in sheet.notes)


@pytest.mark.parametrize(
    "name",
    ["Delta Air Lines", "Delta Electronics", "Max Mara", "Mean Well", "Rank Group", "Change Healthcare", "Average Joe"],
)
def test_a_vendor_whose_name_begins_as_that_of_a_growth_or_rank_is_one(name: str) -> None:
    for numbers in (SHARES, AMOUNTS):
        for sheet in sheets({name: numbers["A"], "B": numbers["B"], "C": numbers["C"]}):
            assert set(sheet.frame["provider"]) == {name, "B", "C"}


@pytest.mark.parametrize("name", ["Delta", "Growth", "Rank", "HHI", "Average"])
def test_a_name_without_which_the_quarters_do_not_add_up_is_a_vendor(name: str) -> None:
    for sheet in sheets({name: SHARES["A"], "B": SHARES["B"], "C": SHARES["C"]}):
        assert set(sheet.frame["provider"]) == {name, "B", "C"}


def test_a_name_beside_quarters_that_add_up_without_it_is_no_vendor() -> None:
    for sheet in sheets({**SHARES, "Growth": ["1", "2"], "Rank": ["7", "8"]}):
        assert set(sheet.frame["provider"]) == set(NAMES)


@pytest.mark.parametrize("name", ["Delta", "Growth", "HHI"])
def test_a_name_that_may_be_a_vendor_or_not_is_refused_with_both_readings(name: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        sheets({**AMOUNTS, name: ["5", "6"]})
    assert f"'{name}' may be a vendor or a number made of the others: row 5 has '5'" in str(caught.value)


def test_a_table_of_our_own_columns_knows_them_too() -> None:
    rows = [
        {"period": f"2020Q{q}", "provider": name, "value": value}
        for q in (1, 2, 3)
        for name, value in (("A", 300.0 + q), ("B", 700.0), ("YoY growth", 5.0))
    ]
    read = read_table(rows)
    assert set(read.shares["provider"]) == {"A", "B"}
    assert any("'YoY growth' is not a vendor" in note for note in read.notes["note"])


def test_a_sheet_of_nothing_but_growth_is_refused() -> None:
    with pytest.raises(InvalidTable, match="only some made of others"):
        understand([["quarter", "YoY growth"], ["2020Q1", "5"], ["2020Q2", "6"]], name="x")


@pytest.mark.parametrize(
    "name",
    [
        "Market size",
        "Total market",
        "Total shipments (M units)",
        "Market size (USD bn)",
        "Total",
        "Gesamtmarkt",
        "Total (USD bn)",
    ],
)
@pytest.mark.parametrize("sign", ["", "%"])
def test_the_size_of_a_market_next_to_shares_is_no_vendor_and_told(name: str, sign: str) -> None:
    shares = {who: [f"{cell}{sign}" for cell in cells] for who, cells in SHARES.items()}
    for sheet in sheets({**shares, name: ["226.3", "240"]}):
        assert sheet.frame.sort("period", "provider")["share"].to_list() == [0.5, 0.3, 0.2, 0.4, 0.4, 0.2]
        assert sheet.faults == ()
        assert set(sheet.frame["provider"]) == {"A", "B", "C"}
        assert any(f"'{name}' is not a vendor but the size of the market" in note for note in sheet.notes)


@pytest.mark.parametrize("name", ["Total market", "Market size", "Market size (USD m)", "Total (USD m)"])
def test_the_size_of_a_market_beside_shares_that_are_not_whole_is_told_by_the_measure_that_is_said(name: str) -> None:
    grid: list[list[Cell]] = [["vendor", "2020Q1", "2020Q2"], ["A", "30", "31"], ["B", "20", "21"]]
    grid += [[name, "226.3", "240"]]
    with pytest.raises(InvalidTable, match="--measure percent"):
        understand(grid, name="x")
    assert set(understand(grid, name="x", options=Reading(measure="percent")).frame["provider"]) == {"A", "B"}


def test_a_total_of_shares_or_of_amounts_stays_a_sum() -> None:
    for columns in ({**SHARES, "Total": ["100", "100"]}, {**AMOUNTS, "Total market": ["1000", "1000"]}):
        for sheet in sheets(columns):
            assert not any("size of the market" in note for note in sheet.notes)
            assert len(set(sheet.frame["provider"])) == 4


def test_the_size_of_a_market_in_a_column_of_its_own_of_a_long_sheet_is_not_compared_with_shares() -> None:
    grid: list[list[Cell]] = [["Quarter", "Vendor", "Share", "Total shipments (M)"]]
    grid += [["2020Q1", "A", "60%", "226.3"], ["2020Q1", "B", "40%", "226.3"]]
    sheet = understand(grid, name="x")
    assert sheet.frame["share"].to_list() == [0.6, 0.4]
    assert "column 'Total shipments (M)' is not used" in sheet.notes


@pytest.mark.parametrize("name", ["Gross margin", "Market penetration", "Churn rate", "Installed base share"])
def test_a_rate_of_another_kind_next_to_shares_is_no_vendor(name: str) -> None:
    for sheet in sheets({"A": ["50%", "40%"], "B": ["30%", "40%"], name: ["12%", "13%"]}):
        assert set(sheet.frame["provider"]) == {"A", "B"}
        assert any(f"'{name}' is not a vendor but of another kind" in note for note in sheet.notes)


def test_the_size_of_a_market_below_a_title_of_shares_is_no_vendor_though_these_are_not_whole() -> None:
    grid: list[list[Cell]] = [["Market share (%)"], ["Quarter", "A", "B", "TAM ($bn)"]]
    grid += [["2020Q1", "50", "30", "20.5"], ["2020Q2", "48", "31", "21"]]
    assert set(understand(grid, name="x").frame["provider"]) == {"A", "B"}


def test_a_total_of_shares_that_are_not_whole_is_not_the_size_of_the_market() -> None:
    grid: list[list[Cell]] = [["Market share (%)"], ["Quarter", "A", "B", "Total market"]]
    grid += [["2020Q1", "50", "30", "80"], ["2020Q2", "48", "31", "79"]]
    sheet = understand(grid, name="x")
    assert not any("size of the market" in note for note in sheet.notes)
    assert set(sheet.frame["provider"]) == {"A", "B", "Total market"}
