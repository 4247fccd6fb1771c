from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.brought import made_fit, tidy_sheet
from forecast.errors import InvalidArgument, InvalidTable
from forecast.sheet import Reading, Sheet, understand

Grid = list[list[Any]]


def grid_of(text: str, mark: str = "|") -> Grid:
    return [[cell.strip() or None for cell in line.split(mark)] for line in text.strip("\n").split("\n")]


def read(text: str, *, mark: str = "|", **said: Any) -> Sheet:
    return understand(grid_of(text, mark), name="phones", options=Reading(**said))


def refusal(text: str, **said: Any) -> str:
    with pytest.raises(InvalidTable) as caught:
        read(text, **said)
    message = str(caught.value)
    assert message.startswith("phones: ")
    assert "\n" not in message
    return message


def numbers(sheet: Sheet) -> dict[tuple[str, str], float | None]:
    return {
        (period, provider): number
        for period, provider, number in sheet.frame.select("period", "provider", sheet.measure).iter_rows()
    }


# --- the property: a table is read back exactly, however it is written, or it is refused ------------------------------


@dataclass(frozen=True)
class Style:
    """How the independent writer of this test lays a table out."""

    layout: str
    unit: str  # fraction, sign, percent, amount
    comma: bool
    group: str  # between thousands
    quarter: str
    title: bool
    blank: bool
    remark: bool
    total: bool
    missing: str
    typed: bool  # numbers of a program in place of texts


QUARTERS: dict[str, Callable[[int, int], object]] = {
    "2020Q3": lambda y, q: f"{y}Q{q}",
    "Q3 2020": lambda y, q: f"Q{q} {y}",
    "3Q20": lambda y, q: f"{q}Q{y % 100:02}",
    "2020-Q3": lambda y, q: f"{y}-Q{q}",
    "Q3'20": lambda y, q: f"Q{q}'{y % 100:02}",
    "3. Quartal 2020": lambda y, q: f"{q}. Quartal {y}",
    "2020-09-30": lambda y, q: f"{y}-{3 * q:02}-{31 if q in (1, 4) else 30}",
    "30.09.2020": lambda y, q: f"{31 if q in (1, 4) else 30}.{3 * q:02}.{y}",
    "9/30/2020": lambda y, q: f"{3 * q}/{31 if q in (1, 4) else 30}/{y}",
    "01/07/2020": lambda y, q: f"01/{3 * q - 2:02}/{y}",
    "03/09/2020": lambda y, q: f"03/{3 * q:02}/{y}",
    "Sep-20": lambda y, q: f"{('Mar', 'Jun', 'Sep', 'Dec')[q - 1]}-{y % 100:02}",
    "date": lambda y, q: date(y, 3 * q, 30),
    "datetime": lambda y, q: datetime(y, 3 * q - 2, 1),
}
styles = st.builds(
    Style,
    layout=st.sampled_from(["long", "long with years", "vendors", "quarters", "quarters under years"]),
    unit=st.sampled_from(["fraction", "sign", "percent", "amount"]),
    comma=st.booleans(),
    group=st.sampled_from(["", "", "mark", " ", "\N{NARROW NO-BREAK SPACE}", "\N{RIGHT SINGLE QUOTATION MARK}"]),
    quarter=st.sampled_from(sorted(QUARTERS)),
    title=st.booleans(),
    blank=st.booleans(),
    remark=st.booleans(),
    total=st.booleans(),
    missing=st.sampled_from(["", "n/a", "\N{EN DASH}", ".."]),
    typed=st.booleans(),
)


def written(units: int, decimals: int, style: Style) -> object:
    """`units` of the last digit of a number with `decimals` decimals, of a per cent or an amount, as a cell."""
    if style.unit == "fraction":
        decimals += 2
    whole, rest = divmod(units, 10**decimals)
    if style.typed and style.unit != "sign":
        return float(f"{whole}.{rest:0{decimals}}" if decimals else whole)
    head = str(whole)
    if style.group and len(head) > 3 and len(head) <= 6:
        mark = ("." if style.comma else ",") if style.group == "mark" else style.group
        head = f"{head[:-3]}{mark}{head[-3:]}"
    tail = f"{',' if style.comma else '.'}{rest:0{decimals}}" if decimals else ""
    return f"{head}{tail}{'%' if style.unit == 'sign' else ''}"


def lay_out(
    cells: Mapping[tuple[int, int], int | None],
    names: Sequence[str],
    start: int,
    count: int,
    decimals: int,
    style: Style,
) -> Grid:
    """Cells by quarter and vendor in the layout of a style, with titles, empty rows and remarks."""
    spelled = [QUARTERS[style.quarter](*divmod_quarter(start + h)) for h in range(count)]
    value = {
        key: (style.missing or None) if units is None else written(units, decimals, style)
        for key, units in cells.items()
    }
    rows = range(len(names))
    measure = {"fraction": "Share", "sign": "Share", "percent": "Market share (%)", "amount": "Units"}[style.unit]
    grid: Grid
    match style.layout:
        case "long":
            grid = [["Quarter", "Vendor", measure]]
            grid += [[spelled[h], names[k], value[h, k]] for h in range(count) for k in rows]
        case "long with years":
            grid = [["Year", "Quarter", "Vendor", measure]]
            grid += [
                [year, f"Q{quarter}", names[k], value[h, k]]
                for h in range(count)
                for year, quarter in [divmod_quarter(start + h)]
                for k in rows
            ]
        case "vendors":
            grid = [["Quarter", *names], *([spelled[h], *(value[h, k] for k in rows)] for h in range(count))]
        case "quarters":
            grid = [["Vendor", *spelled], *([names[k], *(value[h, k] for h in range(count))] for k in rows)]
        case _:
            years = [divmod_quarter(start + h)[0] for h in range(count)]
            above = [year if h == 0 or year != years[h - 1] else None for h, year in enumerate(years)]
            heads = [f"Q{divmod_quarter(start + h)[1]}" for h in range(count)]
            grid = [[None, *above], ["Vendor", *heads]]
            grid += [[names[k], *(value[h, k] for h in range(count))] for k in rows]
    if style.blank:
        body = 2 if style.layout == "quarters under years" else 1
        grid[body:] = [row for old in grid[body:] for row in (old, [None] * len(grid[0]))]
    if style.title:
        grid = [["Smartphones, world"], [], *grid]
    if style.remark:
        grid += [[], ["Source: Example Research, 2024"]]
    return grid


def divmod_quarter(index: int) -> tuple[int, int]:
    return index // 4, index % 4 + 1


@given(data=st.data(), style=styles)
@settings(max_examples=300)
def test_a_table_is_read_back_to_the_same_numbers_however_it_is_written_or_refused(
    data: st.DataObject, style: Style
) -> None:
    count = data.draw(st.integers(2, 6))
    names = ["Acme", "Borealis", "360", "Others"][: data.draw(st.integers(2, 4))]
    start = data.draw(st.integers(4 * 2001, 4 * 2030))
    decimals = data.draw(st.integers(0, 3))
    cells: dict[tuple[int, int], int | None] = {}
    for h in range(count):
        if style.unit == "amount":
            parts = data.draw(st.lists(st.integers(0, 10 ** (decimals + 5)), min_size=len(names), max_size=len(names)))
        else:
            whole = 100 * 10**decimals
            cuts = sorted(data.draw(st.lists(st.integers(0, whole), min_size=len(names) - 1, max_size=len(names) - 1)))
            parts = [b - a for a, b in zip([0, *cuts], [*cuts, whole], strict=True)]
        cells |= {(h, k): part for k, part in enumerate(parts)}
        if style.total:
            cells[h, len(names)] = sum(parts)
    holes = data.draw(st.sets(st.sampled_from(sorted(cells)), max_size=2))
    cells |= dict.fromkeys(holes)
    names = [*names, "Total"] if style.total else names
    grid = lay_out(cells, names, start, count, decimals, style)
    try:
        sheet = understand(grid, name="phones")
    except InvalidTable:
        return
    scale = decimals if style.unit == "amount" else decimals + 2
    truth = {
        (f"{(start + h) // 4}Q{(start + h) % 4 + 1}", names[k]): None if units is None else float(f"{units}e-{scale}")
        for (h, k), units in cells.items()
    }
    found = numbers(sheet)
    if sheet.measure == "value" and style.unit != "amount":
        truth = {key: None if v is None else float(f"{v * 100:.6f}") for key, v in truth.items()}
        found = {key: None if v is None else float(f"{v:.6f}") for key, v in found.items()}
    if (
        sheet.measure == "share" and style.unit == "amount"
    ):  # as if they were per cents, or fractions: told, and the same
        whole = 100.0 if sheet.unit == "per cent" else 1.0
        sums = [
            sum(cells[h, k] or 0 for k in range(len(names) - style.total)) / 10**decimals
            for h in range(count)
            if not any(cells[h, k] is None for k in range(len(names)))
        ]
        assert style.layout not in ("long", "long with years")
        assert all(abs(total / whole - 1) <= 0.1 for total in sums)
        truth = {key: None if v is None else v / whole for key, v in truth.items()}
        truth, found = ({key: None if v is None else round(v, 9) for key, v in side.items()} for side in (truth, found))
    for key, number in found.items():
        if not sheet.faults or number is not None:
            assert number == truth[key], key
    for key, number in truth.items():
        assert key in found or number is None or sheet.faults, key


@given(style=styles, start=st.integers(4 * 2001, 4 * 2030))
@settings(max_examples=100)
def test_an_ordinary_table_is_read_in_every_layout_spelling_and_unit(style: Style, start: int) -> None:
    parts = [(341, 180, 479), (338, 186, 476), (330, 191, 479), (326, 199, 475), (320, 204, 476), (313, 211, 476)]
    scale = 10 if style.unit == "amount" else 1
    cells = {(h, k): scale * part for h, row in enumerate(parts) for k, part in enumerate(row)}
    grid = lay_out(cells, ["Acme", "Borealis", "Others"], start, len(parts), 1, style)
    sheet = understand(grid, name="phones")
    assert sheet.faults == ()
    assert sheet.frame[sheet.measure].sum() == pytest.approx(6000 if style.unit == "amount" else 6)
    assert sheet.frame["period"].n_unique() == 6
    if style.unit != "amount":
        assert sheet.frame["decimals"].unique().to_list() == [1]


# --- layouts ----------------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_sheet_and_titles_and_remarks_are_told() -> None:
    sheet = read("""
Smartphones|||
|||
Quarter|Acme|Others|Notes
Q1 2020|34.1%|65.9%|good
|||
Q2 2020|33%|67%|
Source: Example Research|||
""")
    assert sheet.layout == "wide: a column per vendor, header in row 3"
    assert sheet.frame["row"].to_list() == [4, 4, 6, 6]
    assert sheet.frame["column"].to_list() == ["Acme", "Others", "Acme", "Others"]
    assert sheet.frame["decimals"].to_list() == [1, 1, 0, 0]
    assert sheet.notes == (
        "row 1 above the header is not used: 'Smartphones'",
        "column 'Notes' is not used",
        "row 7 is not used, without a number: 'Source: Example Research'",
        "'Q1 2020' read as 2020Q1",
        "the market is called 'phones', as the sheet names none",
    )


def test_quarters_may_stand_under_years_that_are_filled_forward() -> None:
    sheet = read("""
Market share||||
|2020|||2021
Vendor|Q2|Q3|Q4|Q1
Acme|34.1%|33%|32%|31%
Others|65.9%|67%|68%|69%
""")
    assert sheet.layout == "wide: a column per quarter, header in rows 2 and 3"
    assert sheet.frame["period"].to_list()[:4] == ["2020Q2", "2020Q3", "2020Q4", "2021Q1"]


@pytest.mark.parametrize(
    "header",
    ["market|quarter|vendor|market share", "Segment|Date|COMPANY|Share", "Markt|Quartal|Hersteller|Marktanteil",
     "market|period|provider|share", "Market|Time Period|Brand name|Share of shipments"],
)  # fmt: skip
def test_headers_are_known_by_what_they_mean(header: str) -> None:
    sheet = read(f"{header}\nphones|2020Q1|Acme|0.341\nphones|2020Q1|Others|0.659")
    assert numbers(sheet) == {("2020Q1", "Acme"): 0.341, ("2020Q1", "Others"): 0.659}
    assert sheet.markets == ("phones",)
    assert sheet.notes == ()


def test_amounts_are_kept_as_such_and_a_total_stays_a_provider() -> None:
    sheet = read("quarter|vendor|units\n2020Q1|A|1,234\n2020Q1|B|12.5\n2020Q1|Total|1,246.5")
    assert (sheet.measure, sheet.unit) == ("value", "amounts")
    assert sheet.frame["value"].to_list() == [1234.0, 12.5, 1246.5]
    assert sheet.frame["decimals"].to_list() == [None, None, None]


def test_names_are_handed_on_as_written() -> None:
    sheet = understand([["quarter", "vendor", "share"], ["2020Q1", " Acme\N{NO-BREAK SPACE}", 1.0]], name="x")
    assert sheet.frame["provider"].to_list() == [" Acme\N{NO-BREAK SPACE}"]


def test_whole_years_beside_their_quarters_are_told_and_left_out() -> None:
    sheet = read("Vendor|Q1 2020|Q2 2020|Q3 2020|Q4 2020|2020\nA|30%|31%|32%|33%|31.5%\nB|70%|69%|68%|67%|68.5%")
    assert sheet.frame.height == 8
    assert "whole years beside their four quarters are not used: 2020" in sheet.notes


def test_the_days_of_publication_come_as_iso_texts() -> None:
    sheet = read("""
market|period|provider|share|decimals|published_at
m|2020Q1|A|0.4|1|30/04/2020
m|2020Q1|A|0.41|1|05/06/2020
m|2020Q1|B|0.6||
""")
    assert sheet.frame["published_at"].to_list() == ["2020-04-30", "2020-06-05", None]
    assert sheet.frame["decimals"].to_list() == [1, 1, 0]
    assert sheet.faults == ()


# --- units ------------------------------------------------------------------------------------------------------------


def test_per_cents_without_a_sign_are_known_by_their_sums_and_told() -> None:
    sheet = read("Quarter|A|B\nQ1 2020|34.1|65.9\nQ2 2020|33|67")
    assert sheet.frame["share"].to_list() == [0.341, 0.659, 0.33, 0.67]
    assert "read as per cent: the quarters sum to about 100" in sheet.notes


def test_numbers_with_two_readings_are_refused_with_both_and_the_option() -> None:
    text = "Quarter|A|B\nQ1 2020|34.1|30\nQ2 2020|33|30"
    message = refusal(text)
    assert "per cents or amounts: the quarters sum to 63 to 64.1" in message
    assert "--measure percent or --measure amount" in message
    assert read(text, measure="percent").frame["share"][0] == 0.341
    assert read(text, measure="amount").frame["value"][0] == 34.1
    assert read(f"Market share||\n{text}").unit == "per cent"
    over = "Quarter|A|B\nQ1 2020|72.5|30\nQ2 2020|72|30.5"
    assert "per cents or amounts: the quarters sum to 102.5 (2020Q1" in refusal(over)
    assert read(over.replace("72", "172")).unit == "amounts"


@pytest.mark.parametrize(
    ("rows", "unit"),
    [("Q1 2020|0.4|0.6\nQ2 2020|0.3|0.7", "fractions"), ("Q1 2020|400|600\nQ2 2020|30|700", "amounts")],
)
def test_wide_numbers_are_told_by_their_sums(rows: str, unit: str) -> None:
    assert read(f"Quarter|A|B\n{rows}").unit == unit


def test_a_header_that_says_per_cent_does_not_make_a_fraction_a_hundredth_of_it() -> None:
    assert read("quarter|vendor|share (%)\n2020Q1|A|0.3\n2020Q1|B|0.7").frame["share"].to_list() == [0.3, 0.7]
    assert "--measure" in refusal("quarter|vendor|share (%)\n2020Q1|A|0.3\n2020Q1|B|0.2")


def test_a_fraction_beside_per_cents_with_a_sign_is_refused_by_its_row() -> None:
    sheet = read("quarter|vendor|share\n2020Q1|A|34.1%\n2020Q1|B|0.659\n2020Q2|A|34%\n2020Q2|B|66")
    assert sheet.refused == {
        "phones": (
            "column share must hold per cents with their sign, as the other cells; row 3 has '0.659'; without it this "
            "may be a fraction or a per cent",
        )
    }
    assert sheet.frame["share"].to_list() == [0.341, None, 0.34, 0.66]


def test_one_per_cent_among_fractions_never_makes_them_all_per_cents() -> None:
    rows = "".join(f"\n2020Q{q}|A|0.3\n2020Q{q}|B|0.4" for q in (1, 2, 3))
    sheet = read(f"quarter|vendor|share{rows}\n2020Q4|A|34.1\n2020Q4|B|0.4")
    assert sheet.frame["share"].to_list() == [0.3, 0.4] * 3 + [None, 0.4]
    assert "row 8 has '34.1'" in sheet.refused["phones"][0]


def test_amounts_of_one_vendor_beside_its_shares_need_a_choice() -> None:
    assert "two measures" in refusal("Quarter|Acme units|Acme share\n2020Q1|12|30%\n2020Q2|13|31%")


def test_a_bad_cell_elsewhere_does_not_hide_the_unit() -> None:
    sheet = read("Market|Quarter|A|B\nEU|Q1 2020|30|70\nUS|Q1 2020|40|60\nUS|Q2 2020|40|abc")
    assert sheet.unit == "per cent"
    assert list(sheet.refused) == ["US"]
    assert sheet.fit["market"].unique().to_list() == ["EU"]


# --- decimal marks and dates ------------------------------------------------------------------------------------------


def test_a_decimal_comma_is_read_where_the_sheet_shows_it() -> None:
    sheet = read("Quartal;Hersteller;Absatz\n1. Quartal 2020;A;1.234,5\n1. Quartal 2020;B;2.345", mark=";")
    assert sheet.frame["value"].to_list() == [1234.5, 2345.0]
    assert "decimal comma: '1.234,5' read as 1234.5" in sheet.notes


def test_an_ambiguous_decimal_mark_is_refused_with_both_readings() -> None:
    text = "quarter|vendor|revenue\n2020Q1|A|1,234\n2020Q1|B|2,345"
    message = refusal(text)
    assert "'1,234', which may be 1234 or 1.234" in message
    assert "--decimal point or --decimal comma" in message
    assert read(text, decimal="comma").frame["value"].to_list() == [1.234, 2.345]
    assert "with a decimal point" in refusal("quarter|vendor|units\n2020Q1|A|1,5\n2020Q1|B|2.5")


def test_the_order_of_day_and_month_is_what_the_table_allows() -> None:
    days = "date|vendor|share\n{}|A|1.0\n{}|A|1.0"
    assert set(read(days.format("01/04/2020", "01/07/2020")).frame["period"]) == {"2020Q2", "2020Q3"}
    assert set(read(days.format("3/31/2020", "6/30/2020")).frame["period"]) == {"2020Q1", "2020Q2"}
    text = days.format("03/06/2020", "06/09/2020")
    assert "2020-06-03 (day first) or 2020-03-06 (month first)" in refusal(text)
    assert "--date-order" in refusal(text)
    assert read(text, date_order="day-first").frame["period"].to_list() == ["2020Q2", "2020Q3"]


def test_fiscal_quarters_need_the_month_in_which_their_year_ends() -> None:
    text = "Quarter|A|B\nQ1 FY21|30%|70%\nQ2 FY21|30%|70%"
    assert "--fiscal-year-end" in refusal(text)
    sheet = read(text, fiscal_year_end=6)
    assert sheet.frame["period"].unique(maintain_order=True).to_list() == ["2020Q3", "2020Q4"]
    assert "years that end in June" in sheet.notes[0]
    assert "side by side" in refusal("Quarter|A|B\nQ1 FY21|30%|70%\nQ2 2021|30%|70%")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["Jan 2020", "Feb 2020", "Mar 2020", "Apr 2020"], "monthly"),
        (
            [f"2020-{m:02}-01" for m in range(1, 8)],
            "the dates are monthly: row 3 has '2020-02-01'; quarters are wanted",
        ),
        (["202001", "202002"], "row 2 has '202001'; this looks like a month, in which case write its quarter"),
        (["2020-1", "2020-2"], "quarter 1 or month 1"),
        (["22-1", "22-2"], "this may be a quarter or a month"),
        (["Mar 31", "Jun 30"], "row 2 has 'Mar 31'; this may be a day without its year"),
        (
            ["Dec-Feb 2020", "Mar-May 2020"],
            "row 2 has 'Dec-Feb 2020'; these months are not those of one calendar quarter",
        ),
        (["2020-08-31", "2020-11-30"], "dates lie in August and November"),
        (["2019", "2020"], "years, not quarters"),
        (["H1 2020", "H2 2020"], "half-years"),
        (["Q1", "Q2"], "quarters without a year"),
        (["3/2020", "4/2020"], "quarter 3 or month 3"),
        (["2020-03-31", "2020-04-01"], "some dates end quarters and some begin them"),
        (["spring", "summer"], "row 2 has 'spring'; write it such as 2020Q3"),
    ],
)
def test_times_that_are_no_quarters_are_refused_by_name(cells: list[str], words: str) -> None:
    assert words in refusal("Quarter|A|B\n" + "\n".join(f"{cell}|30%|70%" for cell in cells))


@pytest.mark.parametrize(
    ("cell", "quarter"),
    [
        ("Jan-Mar 2022", "2022Q1"),
        ("Apr\N{EN DASH}Jun 22", "2022Q2"),
        ("Juli bis September 2022", "2022Q3"),
        ("2022 Oct - Dec", "2022Q4"),
        ("JFM 2022", "2022Q1"),
        ("CY22Q1", "2022Q1"),
        ("1CQ22", "2022Q1"),
        ("Q3 CY2022", "2022Q3"),
        ("2024Q4 (revised)", "2024Q4"),
        ("Q4 2024 (prelim.)", "2024Q4"),
        ("Mar 20", "2020Q1"),
        ("2022K3", "2022Q3"),
    ],
)
def test_quarters_are_read_as_houses_write_them(cell: str, quarter: str) -> None:
    sheet = read(f"Quarter|A|B\n{cell}|30%|70%")
    assert sheet.frame["period"].to_list() == [quarter] * 2
    assert f"'{cell}' read as {quarter}" in sheet.notes


def test_a_fiscal_year_of_two_numbers_is_named_after_the_second() -> None:
    for cell in ("Q1 FY2022-23", "Q1 2022/23", "2022-23 Q1"):
        assert "--fiscal-year-end" in refusal(f"Quarter|A|B\n{cell}|30%|70%")
        assert read(f"Quarter|A|B\n{cell}|30%|70%", fiscal_year_end=3).frame["period"][0] == "2022Q2"


def test_years_of_two_digits_far_from_today_are_told() -> None:
    sheet = read("Quarter|A|B\nQ1 69|30%|70%\nQ2 71|30%|70%")
    assert "years of two digits are those from 1970 to 2069: 'Q1 69' read as 2069Q1" in sheet.notes
    assert "years of two digits are those from 1970 to 2069: 'Q2 71' read as 1971Q2" in sheet.notes


def test_two_dates_of_one_quarter_are_a_fault_of_their_market() -> None:
    sheet = read(
        "m|date|vendor|share".replace("m|", "market|") + "\na|2020-03-31|A|1\na|2020-03-30|B|1\nb|2020-03-31|A|1"
    )
    assert list(sheet.refused) == ["a"]
    assert "2020-03-31 (row 2) is in 2020Q1 too" in sheet.refused["a"][0]


# --- faults -----------------------------------------------------------------------------------------------------------


def test_one_bad_cell_names_its_row_and_text_and_fails_its_market_only() -> None:
    sheet = read("""
market|quarter|vendor|share
a|2020Q1|A|0.3
a|2020Q1|B|tbd
b|2020Q1|A|0.4
b|2020Q5|B|0.6
c|2020Q1|A|n/a
""")
    assert sheet.refused == {
        "a": ("column share must hold numbers; row 3 has 'tbd'; leave the cell empty where nothing was reported",),
        "b": ("column quarter must hold quarters; row 5 has '2020Q5'; write it such as 2020Q3",),
    }
    assert sheet.markets == ("a", "b", "c")
    assert sheet.frame["share"].to_list() == [0.3, None, 0.4, 0.6, None]
    assert "row 6: 'n/a' read as not reported" in sheet.notes
    assert sheet.faults[0].rows == (3,)


def test_the_same_fault_in_many_rows_is_one_sentence() -> None:
    rows = "\n".join(f"{2000 + n // 4}Q{n % 4 + 1}|A|x" for n in range(48))
    sheet = read(f"quarter|vendor|share\n{rows}\n2020Q1|A|0.5")
    (sentence,) = sheet.refused["phones"]
    assert sentence.startswith("column share must hold numbers; rows 2 to 49 have 'x'")


def test_a_share_beyond_its_range_and_a_negative_amount_are_faults() -> None:
    assert "row 2 has '134%'" in read("quarter|vendor|share\n2020Q1|A|134%\n2020Q1|B|5%").refused["phones"][0]
    assert "amounts of 0 or more" in read("quarter|vendor|units\n2020Q1|A|-3\n2020Q1|B|5").refused["phones"][0]


def test_a_vendor_given_twice_for_a_quarter_is_a_fault() -> None:
    sheet = read("quarter|region|vendor|share\n2020Q1|EU|A|0.3\n2020Q1|US|A|0.2")
    assert "row 3 has 'A' in 2020Q1 again (row 2); if the rows are of several markets" in sheet.refused["phones"][0]


def test_control_characters_of_a_sheet_never_reach_a_message() -> None:
    sheet = read("Quarter|A\x1b[31m|B\nQ1 2020|x\x1b[31m|70\nQ2 2020|30|70")
    assert all(text.isprintable() for sentences in sheet.refused.values() for text in sentences)


def test_bounds_and_rough_numbers_are_marked() -> None:
    sheet = read("Quarter|A|B|C\nQ1 2020|<1%|~16%|more than 40%")
    assert sheet.frame.select("share", "qualifier").rows() == [
        (0.01, "less_than"), (0.16, "about"), (0.4, "more_than"),
    ]  # fmt: skip


# --- what is not understood -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello|world\nfoo|bar", "no quarters were found; row 1 has 'hello' and 'world'"),
        ("2020Q1|Acme|.3\n2020Q2|Acme|.7", "there is no header above the first quarter in row 1"),
        ("quarter|share\n2020Q1|0.3", "no column of vendors was found"),
        ("quarter|vendor|x|y\n2020Q1|A|1|2", "'x' and 'y' hold numbers; call the column 'share' or 'value'"),
        ("quarter|vendor|company|share\n2020Q1|A|B|1", "'vendor' and 'company' (row 1) could all be the vendor"),
        ("Region|Firm Size|Q1 2020|Q2 2020\nEU|Acme|1|2", ""),
        ("One|Two|Q1 2020|Q2 2020\nEU|Acme|1|2", "call the one with the vendors 'vendor'"),
        (
            "Quarter|A||Quarter|B\nQ1 2020|4||Q1 2020|3",
            "columns A and D both hold quarters, as two tables side by side",
        ),
        ("quarter|vendor|unit|value\n2020Q1|A|%|4\n2020Q1|B|units|4", "several units: '%' and 'units'"),
        ("date|vendor|share\n44104|A|1", "format the column as dates"),
        ("date|vendor|share\n9/30/20|A|1", "write the year with four digits"),
        ("Quarter|A|A\nQ1 2020|1|2", "columns B and C are all called 'A'"),
        ("Quarter|A|\nQ1 2020|1|2", "column C holds numbers, but the header in row 1 has no name"),
        ("market|research_house|period|providers|measure|value\nm|h|2020Q1|A|share|1", "a table of figures"),
    ],
)
def test_a_sheet_that_is_not_understood_is_refused_in_one_sentence(text: str, words: str) -> None:
    if words:
        assert words in refusal(text)


@pytest.mark.parametrize("grid", [[], [[]], [[None, " "], ["\N{NO-BREAK SPACE}"]]])
def test_an_empty_sheet_is_refused(grid: Grid) -> None:
    with pytest.raises(InvalidTable, match="the sheet is empty"):
        understand(grid, name="x")


def test_a_column_of_units_says_what_the_numbers_are() -> None:
    sheet = read("quarter|vendor|unit|value\n2020Q1|A|%|40\n2020Q1|B|%|30")
    assert sheet.frame["share"].to_list() == [0.4, 0.3]


def test_one_quarter_beside_names_is_a_sheet_too() -> None:
    assert numbers(read("|Q1 2020\nA|60%\nB|40%")) == {("2020Q1", "A"): 0.6, ("2020Q1", "B"): 0.4}


def test_a_total_is_no_part_of_the_sum_by_which_the_unit_is_told() -> None:
    assert read("Quarter|A|B|Total\nQ1 2020|40|60|100").unit == "per cent"
    assert read("Vendor|Q1 2020|Q2 2020\nA|0.4|0.3\nB|0.6|0.7\nGrand total|1|1").unit == "fractions"


def test_one_quarter_above_100_among_per_cents_does_not_make_amounts_of_them() -> None:
    assert "sum to 100 to 130" in refusal("Quarter|A|B\nQ1 2020|40|60\nQ2 2020|60|70\nQ3 2020|41|59")


def test_a_share_of_three_decimals_is_no_thousand() -> None:
    assert read("quarter|vendor|share\n2020Q1|A|34.100\n2020Q1|B|65.900").frame["share"].to_list() == [0.341, 0.659]
    assert read("quarter|vendor|share\n2020Q1|A|34,100\n2020Q1|B|65,900").frame["share"].to_list() == [0.341, 0.659]


def test_a_quarter_under_no_year_has_none() -> None:
    sheet = read("|2020||Plan\nVendor|Q1|Q2|Q1\nA|60%|55%|50%\nB|40%|45%|50%")
    assert sheet.frame["period"].to_list()[:3] == ["2020Q1", "2020Q2", None]
    assert "quarter without a year" in sheet.refused["phones"][0]


def test_rows_of_sums_and_remarks_are_told_and_left_out() -> None:
    sheet = read("Quarter|A|B\nQ1 2020|40|60\nQ2 2020|50|50\nAverage|45|55")
    assert sheet.frame["row"].to_list() == [2, 2, 3, 3]
    assert "row 4 is not used, a sum or a change over quarters: 'Average; 45; 55'" in sheet.notes
    sheet = read("market|quarter|vendor|share\nm|2020Q1|A|0.4\nm|2020Q1||\nm|2020Q1|B|0.6")
    assert sheet.frame["row"].to_list() == [2, 4]
    assert any(note.startswith("row 3 is not used") for note in sheet.notes)


def test_the_plainest_of_two_headers_of_one_kind_is_taken_and_the_other_told() -> None:
    sheet = read("period|quarter|provider|share\n2020Q1|x|A|1")
    assert sheet.frame["period"].to_list() == ["2020Q1"]
    assert sheet.notes[0] == "column 'quarter' is not used"


@pytest.mark.parametrize(
    "names",
    [
        ("Our company", "Competitor X share"),
        ("The Boeing Company", "Airbus"),
        ("Ford Motor Company", "Others"),
        ("Ford Motor Company", "GM Sales", "Tesla"),
        ("Vendor A", "Vendor B", "Vendor C", "Others"),
        ("Company 1", "Company 2"),
    ],
)
def test_a_vendor_with_a_word_for_vendors_in_its_name_is_one(names: tuple[str, ...]) -> None:
    rows = "\n".join(f"2020Q{q}|{'|'.join(str(100 * q + k) for k in range(len(names)))}" for q in (1, 2, 3))
    sheet = read(f"quarter|{'|'.join(names)}\n{rows}")
    assert sheet.layout.startswith("wide: a column per vendor")
    assert sheet.frame["provider"].to_list() == [*names] * 3
    assert sheet.frame["value"].to_list() == [100 * q + k for q in (1, 2, 3) for k in range(len(names))]


def test_vendors_with_numbers_for_names_need_more_than_one_number_a_quarter() -> None:
    sheet = read("quarter|vendor|share\n2020Q1|360|.4\n2020Q1|3|.6\n2020Q2|360|.5\n2020Q2|3|.5")
    assert numbers(sheet)["2020Q2", "360"] == 0.5
    assert read("quarter|Company name|share\n2020Q1|360|.4\n2020Q1|A|.6").layout.startswith("long")
    for text in (
        "quarter|Carrier|Trane\n2020Q1|30|70\n2020Q2|31|69",
        "quarter|Carrier|Trane\n2020Q1|30%|70%\n2020Q1|2|3",
    ):
        assert "'Carrier' is called as one of vendors is, but holds numbers: row 2 has '30" in refusal(text)
    assert "column 'Vendor code' is not used" in read("Vendor name|Vendor code|2020Q1\nA|1|30%\nB|2|70%").notes


def test_amounts_near_two_thousand_are_no_years() -> None:
    sheet = read("Quarter|A|B|C\nQ1 2020|1950|2010|2100\nQ2 2020|1990|2020|2050")
    assert sheet.frame["value"].to_list() == [1950, 2010, 2100, 1990, 2020, 2050]


def test_what_a_user_may_say_is_checked() -> None:
    with pytest.raises(InvalidArgument, match="fiscal_year_end is 13"):
        Reading(fiscal_year_end=13)


def test_a_long_table_of_typed_cells_is_read_as_it_is() -> None:
    frame = pl.DataFrame({"period": ["2020Q1"] * 2, "provider": ["A", "B"], "value": [3, 1]})
    sheet = understand([frame.columns, *map(list, frame.rows())], name="x")
    assert sheet.frame["value"].to_list() == [3.0, 1.0]


def test_subtotals_among_per_cents_do_not_make_amounts_of_them() -> None:
    rows = {"A": (31, 32, 33, 35), "B": (22, 21, 23, 20), "European vendors": (53, 53, 56, 55), "C": (25, 26, 21, 30),
            "D": (12, 13, 11, 9), "Asian vendors": (37, 39, 32, 39), "Others": (10, 8, 12, 6)}  # fmt: skip
    text = "Vendor|2022Q1|2022Q2|2022Q3|2022Q4\n" + "\n".join(f"{n}|{'|'.join(map(str, c))}" for n, c in rows.items())
    sheet = read(text)
    assert sheet.unit == "per cent"
    note = next(note for note in sheet.notes if note.startswith("read as per cent"))
    assert "'European vendors'" in note
    assert "'Asian vendors'" in note
    made = made_fit(tidy_sheet(sheet))
    assert made.refused.is_empty()
    assert set(made.shares["provider"]) == {"A", "B", "C", "D", "Others"}
    assert read(text.replace("|10|", "|100|")).unit == "amounts"


def test_a_quarter_missing_in_the_middle_is_told() -> None:
    sheet = read("Quarter|A|B\nQ1 2020|30%|70%\nQ3 2020|30%|70%\nQ1 2021|30%|70%")
    assert "quarters missing between the first and the last: 2020Q2 and 2020Q4" in sheet.notes
    sheet = read("market|quarter|vendor|share\na|2020Q1|A|1\na|2020Q3|A|1\nb|2020Q1|A|1\nb|2020Q2|A|1")
    assert "quarters missing between the first and the last of 'a': 2020Q2" in sheet.notes
    assert not any("'b'" in note for note in sheet.notes)


@pytest.mark.parametrize("unit", ["(USD m)", "(%)", "[EUR bn]"])
def test_a_unit_behind_all_vendors_is_no_part_of_their_names(unit: str) -> None:
    sheet = read(f"Quarter|Nordbank {unit}|Kestrel {unit}|Total\nQ1 2020|30|70|100\nQ2 2020|40|60|100")
    assert set(sheet.frame["provider"]) == {"Nordbank", "Kestrel", "Total"}
    assert f"a unit behind all names is no part of them: 'Nordbank {unit}' is 'Nordbank'" in sheet.notes
    assert "several units" in refusal(f"Quarter|Nordbank {unit}|Kestrel (units)\nQ1 2020|30|70\nQ2 2020|40|60")
    kept = read(f"Quarter|Nordbank {unit}|Kestrel\nQ1 2020|30%|70%")
    assert set(kept.frame["provider"]) == {f"Nordbank {unit}", "Kestrel"}


def test_a_slip_in_one_market_and_a_bad_quarter_in_another_refuse_these_two_alone() -> None:
    for good in ("c|2020Q1|A|0.4\nc|2020Q1|B|0.6", "c|2020Q1|A|0.4"):
        text = "market|quarter|vendor|share\na|2020Q5|A|0.4\na|2020Q1|B|0.6\nb|2020Q1|A|1.2\nb|2020Q1|B|0.5\n"
        sheet = read(text + good)
        assert set(sheet.refused) == {"a", "b"}
        assert sheet.fit["share"].to_list()[:1] == [0.4]


def test_names_that_stand_once_for_several_rows_are_read_in_all_of_them_and_told() -> None:
    sheet = read("vendor|quarter|share\nA|2020Q1|0.4\n|2020Q2|0.5\nB|2020Q1|0.6\n|2020Q2|0.5")
    assert numbers(sheet) == {("2020Q1", "A"): 0.4, ("2020Q2", "A"): 0.5, ("2020Q1", "B"): 0.6, ("2020Q2", "B"): 0.5}
    assert "empty cells of column 'vendor' are read as the one above, as merged cells" in sheet.notes
    sheet = read("market|quarter|vendor|share\nm|2020Q1|A|0.4\n||B|0.6\n|2020Q2|A|0.5\n||B|0.5")
    assert sheet.faults == ()
    assert sheet.frame["period"].to_list() == ["2020Q1", "2020Q1", "2020Q2", "2020Q2"]
    assert sheet.markets == ("m",)


def test_one_name_that_is_missing_is_a_fault_of_one_sentence_and_not_filled() -> None:
    sheet = read("vendor|quarter|share\nA|2020Q1|0.4\nA|2020Q2|0.5\n|2020Q1|0.6\nB|2020Q2|0.5")
    ((_, _, message),) = made_fit(tidy_sheet(sheet)).refused.rows()
    assert message == "column vendor must hold the name of a vendor in every row; row 4 has nothing; fill it in"


def test_a_column_that_checks_the_sum_is_no_vendor() -> None:
    sheet = read("Quarter|A|B|Check\n2020Q1|0.4|0.6|1\n2020Q2|0.3|0.7|1")
    assert sheet.unit == "fractions"
    assert set(made_fit(tidy_sheet(sheet)).shares["provider"]) == {"A", "B"}


@pytest.mark.parametrize("firm", ["Total Energies", "Total Wireless"])
@pytest.mark.parametrize(("rows", "unit"), [("61|22|17\n2020Q2|60|22|18", "per cent"), ("0.61|0.22|0.17", "fractions")])
def test_a_firm_called_total_is_counted_where_only_with_it_the_shares_are_whole(
    firm: str, rows: str, unit: str
) -> None:
    sheet = read(f"Quarter|{firm}|Shell|BP\n2020Q1|{rows}")
    assert sheet.unit == unit
    assert numbers(sheet)["2020Q1", firm] == pytest.approx(0.61)


def test_a_sum_of_a_region_is_no_firm_where_the_shares_are_whole_without_it() -> None:
    sheet = read("Quarter|A|B|Total Europe\n2020Q1|40|60|100\n2020Q2|30|70|100")
    assert sheet.unit == "per cent"
    for name in ("Total", "Total EMEA"):
        found = refusal(f"Quarter|A|B|{name}\n2020Q1|20|30|50\n2020Q2|15|35|50")
        assert "may be per cents or amounts: the quarters sum to 50" in found


@pytest.mark.parametrize(
    "header",
    [
        "Trimestre|Operador|Cuota",
        "date|retailer|value_share",
        "Trimestre|Op\u00e9rateur|Part de march\u00e9",
        "Trimestre|Operatore|Quota di mercato",
        "Trimestre|Operadora|Participa\u00e7\u00e3o",
        "kwartaal|merk|marktaandeel",
    ],
)
def test_vendors_and_shares_are_called_so_in_several_languages(header: str) -> None:
    sheet = read(f"{header}\n2020Q1|Nordbank|30\n2020Q1|Kestrel|70\n2020Q2|Nordbank|40\n2020Q2|Kestrel|60")
    assert sheet.unit == "per cent"
    assert numbers(sheet)["2020Q2", "Nordbank"] == 0.4


def test_a_retailer_beside_a_vendor_is_not_the_vendor() -> None:
    sheet = read("Quarter|Retailer|Vendor|Units\n2020Q1|X|A|3000\n2020Q1|X|B|2000\n2020Q2|X|A|3100\n2020Q2|X|B|2000")
    assert set(sheet.frame["provider"]) == {"A", "B"}
    assert "column 'Retailer' is not used" in sheet.notes


def test_quarters_across_with_their_years_in_a_column_are_read() -> None:
    for text in (
        "Vendor|Year|Q1|Q2|Q3|Q4\nA|2022|30%|31%|32%|33%\nA|2023|34%|35%|36%|37%\n"
        "B|2022|70%|69%|68%|67%\nB|2023|66%|65%|64%|63%",
        "Year|Vendor|Q1|Q2|Q3|Q4\n2022|A|30%|31%|32%|33%\n|B|70%|69%|68%|67%\n"
        "2023|A|34%|35%|36%|37%\n|B|66%|65%|64%|63%",
    ):
        frame = read(text).frame.filter(pl.col("provider") == "A").sort("period")
        assert frame["period"].to_list() == [f"{year}Q{q}" for year in (2022, 2023) for q in (1, 2, 3, 4)]
        assert frame["share"].to_list() == pytest.approx([0.3, 0.31, 0.32, 0.33, 0.34, 0.35, 0.36, 0.37])


def test_a_row_of_a_pivot_table_without_a_name_is_passed_over() -> None:
    sheet = read("Row Labels|2022Q1|2022Q2\nA|30|31\nB|70|69\n(blank)||\nGrand Total|100|100")
    assert "row 4 is not used, without a number: '(blank)'" in sheet.notes
