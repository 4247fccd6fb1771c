"""Sheets written by another hand than the reader's: whatever the layout, the numbers come back, or are refused."""

from __future__ import annotations

import itertools
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.brought import read_table, tidy_grid
from forecast.cells import Cell
from forecast.errors import InvalidTable
from forecast.sheet import Reading, understand

QUARTERS = {
    "2020Q3": lambda y, q: f"{y}Q{q}",
    "Q3 2020": lambda y, q: f"Q{q} {y}",
    "3Q20": lambda y, q: f"{q}Q{y % 100:02d}",
    "2020-Q3": lambda y, q: f"{y}-Q{q}",
    "2020q3": lambda y, q: f"{y}q{q}",
    "Q3'20": lambda y, q: f"Q{q}'{y % 100:02d}",
    "2020-09-30": lambda y, q: f"{y}-{3 * q:02d}-{30 if q in (2, 3) else 31}",
    "30.09.2020": lambda y, q: f"{30 if q in (2, 3) else 31}.{3 * q:02d}.{y}",
    "Sep 2020": lambda y, q: f"{('Mar', 'Jun', 'Sep', 'Dec')[q - 1]} {y}",
}
NAMES = ["Acme", "Borealis", "Cygnus", "Dorado", "Others"]


@st.composite
def markets(draw: st.DrawFn) -> list[list[Decimal]]:
    """Shares in tenths of a per cent that sum to 100, a row a quarter."""
    quarters, parts = draw(st.integers(2, 7)), draw(st.integers(2, 5))
    table = []
    for _ in range(quarters):
        cuts = sorted(draw(st.lists(st.integers(20, 980), min_size=parts - 1, max_size=parts - 1)))
        ends = [0, *cuts, 1000]
        table.append([Decimal(b - a) / 10 for a, b in itertools.pairwise(ends)])
    return table


def written(share: Decimal, unit: str, comma: bool) -> str:
    """A share in per cent as text."""
    text = {
        "sign": f"{share:.1f}%",
        "space": f"{share:.1f} %",
        "percent": f"{share:.1f}",
        "fraction": f"{share / 100:.3f}",
    }
    return text[unit].replace(".", ",") if comma else text[unit]


@settings(deadline=None, max_examples=60)
@given(
    markets(),
    st.sampled_from(["long", "vendors", "quarters"]),
    st.sampled_from(list(QUARTERS)),
    st.sampled_from(["sign", "space", "percent", "fraction"]),
    st.booleans(),
    st.integers(0, 2),
    st.booleans(),
    st.integers(2000, 2024),
)
def test_whatever_the_layout_the_numbers_come_back_exactly(
    table: list[list[Decimal]],
    layout: str,
    spelling: str,
    unit: str,
    comma: bool,
    titles: int,
    footnote: bool,
    year: int,
) -> None:
    names = NAMES[: len(table[0])]
    times = [QUARTERS[spelling](year + t // 4, t % 4 + 1) for t in range(len(table))]
    cells = [[written(share, unit, comma) for share in row] for row in table]
    above: list[list[Cell]] = [["Phones, market share"], [None], ["as published"]]
    grid = above[:titles]
    if layout == "long":
        grid.append(["Quarter", "Vendor", "Market share"])
        grid += [[times[t], names[k], cells[t][k]] for t in range(len(table)) for k in range(len(names))]
    elif layout == "vendors":
        grid.append(["Quarter", *names])
        grid += [[times[t], *cells[t]] for t in range(len(table))]
    else:
        grid.append(["Vendor", *times])
        grid += [[names[k], *(cells[t][k] for t in range(len(table)))] for k in range(len(names))]
    grid.append([None, None])
    if footnote:
        grid.append(["Source: Example Research"])
    try:
        found = understand(grid, name="phones").frame
    except InvalidTable as error:
        assert "--" in str(error) or "write" in str(error)  # two readings: both are shown with the way out
        return
    read = {(period, name): share for period, name, share in found.select("period", "provider", "share").iter_rows()}
    expected = {
        (f"{year + t // 4}Q{t % 4 + 1}", names[k]): float(table[t][k] / 100)
        for t in range(len(table))
        for k in range(len(names))
    }
    assert read == pytest.approx(expected, abs=1e-12)


def wide(*rows: list[Cell]) -> list[list[Cell]]:
    return [["Quarter", "Acme", "Others"], *rows]


def test_what_is_not_reported_is_null_and_told_and_a_bound_is_kept_as_one() -> None:
    sheet = understand(wide(["Q1 2020", "n/a", "66%"], ["Q2 2020", "<1%", "99%"], ["Q3 2020", "-", "70%"]), name="x")
    assert sheet.frame.filter(pl.col("provider") == "Acme")["share"].to_list() == [None, 0.01, None]
    assert sheet.frame.filter(pl.col("provider") == "Acme")["qualifier"].to_list() == [None, "less_than", None]
    assert any("'n/a'" in note and "not reported" in note for note in sheet.notes)


def test_one_bad_cell_names_its_row_and_text_and_fails_its_market_alone() -> None:
    header = ["market", "period", "provider", "share"]
    rows = [[m, f"2020Q{q}", p, "0.5"] for m in "ab" for q in (1, 2) for p in ("A", "B")]
    rows[5][3] = "o.5"
    sheet = understand([header, *rows], name="x")
    assert list(sheet.refused) == ["b"]
    assert "row 7 has 'o.5'" in sheet.refused["b"][0]
    read = tidy_grid([header, *rows], table="x", market="x", below_header=True)
    assert "row 6 has 'o.5'" in str(read.faults[0][1])


def test_the_same_fault_in_many_rows_is_one_sentence() -> None:
    rows = [[f"2020Q{q}", "A", "unknown"] for q in (1, 2, 3, 4)] + [[f"2020Q{q}", "B", "0.5"] for q in (1, 2, 3, 4)]
    (fault,) = understand([["quarter", "vendor", "share"], *rows], name="x").faults
    assert str(fault).startswith("column share must hold numbers; rows 2 to 5 have 'unknown'")


@pytest.mark.parametrize(
    ("grid", "options", "said"),
    [
        (wide(["Q1 2020", "40", "30"], ["Q2 2020", "41", "33"]), {"measure": "percent"}, "--measure"),
        ([["Quarter", "Acme revenue"], ["Q1 2020", "1,234"], ["Q2 2020", "2,345"]], {"decimal": "point"}, "--decimal"),
        (
            [["quarter", "vendor", "share"], ["Q1 FY20", "A", "40%"], ["Q1 FY20", "B", "60%"]],
            {"fiscal_year_end": 6},
            "--fiscal-year-end",
        ),
    ],
)
def test_where_two_readings_are_possible_both_are_shown_with_the_flag_that_decides(
    grid: list[list[Cell]], options: dict[str, object], said: str
) -> None:
    try:
        refused = "; ".join(s for told in understand(grid, name="x").refused.values() for s in told)
    except InvalidTable as error:
        refused = str(error)
    assert said in refused
    understand(grid, name="x", options=Reading(**options))  # type: ignore[arg-type]


def test_per_cents_and_fractions_in_one_column_are_refused_by_row() -> None:
    grid: list[list[Cell]] = [["quarter", "vendor", "share"], ["2020Q1", "A", "34.1%"], ["2020Q1", "B", "0.659"]]
    assert "row 3" in understand(grid, name="x").refused["x"][0]


def test_a_frame_of_texts_is_read_and_its_rows_are_those_of_the_frame() -> None:
    frame = pl.DataFrame({"Quarter": ["Q1 2020", "Q2 2020"], "Acme": ["34%", "35%"], "Others": ["66%", "65%"]})
    assert read_table(frame).shares["share"].to_list() == pytest.approx([0.34, 0.66, 0.35, 0.65])
    bad = frame.with_columns(Acme=pl.Series(["34%", "x"]))
    assert "row 2 has 'x'" in read_table(bad).refused["message"][0]


def test_the_first_quarters_of_two_header_rows_are_read_across() -> None:
    grid: list[list[Cell]] = [[None, "2020", None, None, None, "2021"], ["Vendor", "Q1", "Q2", "Q3", "Q4", "Q1"]]
    grid += [["Acme", "30%", "31%", "32%", "33%", "34%"], ["Others", "70%", "69%", "68%", "67%", "66%"]]
    frame = understand(grid, name="x").frame
    assert frame["period"].unique(maintain_order=True).to_list() == ["2020Q1", "2020Q2", "2020Q3", "2020Q4", "2021Q1"]
