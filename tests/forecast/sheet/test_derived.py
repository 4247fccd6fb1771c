"""Numbers made of the others, such as HHI or growth, are no vendors in any layout, and a vendor called alike is one."""

from __future__ import annotations

import pytest

from forecast.brought import read_table
from forecast.cells import Cell
from forecast.errors import InvalidTable
from forecast.sheet import Sheet, understand

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
