import io
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, InvalidTable
from forecast.sheet import Reading
from service.batch.source import open_source
from service.sheets import kind_of_file, parse_text, read_leaves, read_shares_file, read_sheet, tidy_file
from service.tables import read_table

SHARES = "".join(
    f"phones,{2021 + q // 4}Q{q % 4 + 1},{name},{share}\n"
    for q in range(4)
    for name, share in (("Acme", 0.341), ("Borealis", 0.18), ("Cygnus", 0.122), ("Others", 0.357))
)
HEADER = "market,period,provider,share\n"
GOOD = HEADER + SHARES


def wide(mark: str = ",", point: str = ".") -> str:
    rows = ["Quarter,Acme,Borealis,Cygnus,Others"] + [f"Q{q} 2021,34.1%,18.0%,12.2%,35.7%" for q in (1, 2, 3, 4)]
    return "\n".join(row.replace(",", mark).replace(".", point) for row in rows) + "\n"


CASES = {  # the kinds of input that users brought
    "good": GOOD,
    "empty rows": GOOD.replace("phones,2021Q3,Acme", ",,,\nphones,2021Q3,Acme") + "\n,,,\n",
    "footnote": GOOD + 'Source: Example Research, 2024\n"* estimated, in part"\n',
    "semicolons and decimal commas": GOOD.replace("0.", "0;").replace(",", "\t").replace(";", ",").replace("\t", ";"),
    "a column per vendor": wide(),
    "a column per vendor, tabs and decimal commas": wide("\t", ","),
    "other headers": GOOD.replace(HEADER, "market,quarter,vendor,market share\n"),
    "per cents": re.sub(r"0\.([0-9]+)", lambda share: f"{float(share[0]):.1%}", GOOD),
    "quarters first": re.sub(r"2021(Q[1-4])", r"\1 2021", GOOD),
    "bars": GOOD.replace(",", "|"),
    "a title": "Smartphones\n\n" + GOOD,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_tables_that_users_bring_are_read_to_the_same_shares(case: str, tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    path.write_text(CASES[case], encoding="utf-8")
    sheet = read_sheet(path)
    assert sheet.faults == ()
    assert sheet.markets == ("phones",)
    shares = sheet.frame.select("period", "provider", "share").rows()
    assert sorted(shares) == sorted(
        (f"2021Q{q}", name, share)
        for q in (1, 2, 3, 4)
        for name, share in (("Acme", 0.341), ("Borealis", 0.18), ("Cygnus", 0.122), ("Others", 0.357))
    )


def test_a_cell_that_was_not_reported_is_null_and_told_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    path.write_text(GOOD.replace("2021Q2,Cygnus,0.122", "2021Q2,Cygnus,n/a"), encoding="utf-8")
    sheet = read_sheet(path)
    assert sheet.faults == ()
    assert "row 8: 'n/a' read as not reported" in sheet.notes
    assert sheet.frame.filter(pl.col("share").is_null())["row"].to_list() == [8]


# --- characters and delimiters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "note"),
    [("utf-8", None), ("utf-8-sig", None), ("utf-16", "UTF-16"), ("cp1252", "Windows-1252")],
)
def test_text_is_read_in_the_encodings_of_spreadsheets(encoding: str, note: str | None) -> None:
    grid, notes = parse_text("Quartal,M\u00fcller\nQ1 2020,1\n".encode(encoding), name="m.csv")
    assert grid == [["Quartal", "M\u00fcller"], ["Q1 2020", "1"]]
    assert note is None if not notes else note is not None and note in notes[0]


def test_a_chinese_text_of_a_spreadsheet_is_read_and_one_of_europe_is_not_taken_for_one() -> None:
    chinese = "\u5b63\u5ea6,\u534e\u4e3a,\u5c0f\u7c73,\u5176\u4ed6\n2020Q1,1,2,3\n"
    grid, notes = parse_text(chinese.encode("gb18030"), name="m.csv")
    assert grid[0] == chinese.splitlines()[0].split(",")
    assert notes == ("the text is no UTF-8 and is read as Chinese (GB 18030)",)
    for european in (
        "Gr\u00f6\u00dfe,\u00dcbrige,\u00c4\u00d6\u00dc\n",
        "Soci\u00e9t\u00e9,Op\u00e9rateur\n",
        "\u00cf\u00f0\u00ee\u00f7\u00e8\u00e5\n",
    ):
        grid, notes = parse_text(f"{european}2020Q1,1\n".encode("cp1252"), name="m.csv")
        assert (grid[0], "Windows-1252" in notes[0]) == (european.strip().split(","), True)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_the_cells_it_makes_alike(mark: str) -> None:
    text = (
        f'A title; with, all | marks\nQuarter{mark}A{mark}B\n2020Q1{mark}"1,5"{mark}"a;b|c"\n2020Q2{mark}"2,5"{mark}x\n'
    )
    grid, notes = parse_text(text.encode(), name="m.csv")
    assert grid[2] == ["2020Q1", "1,5", "a;b|c"]
    assert bool(notes) == (mark != ",")


def test_the_line_by_which_excel_names_the_delimiter_stays_a_row() -> None:
    grid, _ = parse_text(b"sep=;\r\nQuarter;A\r\n2020Q1;1,5\r\n", name="m.csv")
    assert [list(row) for row in grid] == [[], ["Quarter", "A"], ["2020Q1", "1,5"]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'a,b\n"1,2\n3,4\n', "a quotation mark does not close"),
        (b"PAR1\x00\x00", "is no text but a Parquet file"),
        (b"PK\x03\x04\x00\x00", "an Excel workbook or another packed file; name it .xlsx"),
        (b"a,b\n\x00\x01\n", "it holds zero bytes"),
        (b"\xff\xfea", "its UTF-16 text breaks off"),
        (b"a,\x81\n", "neither UTF-8 nor Windows-1252"),
    ],
)
def test_text_that_is_none_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        parse_text(data, name="m.csv")
    assert str(caught.value).startswith("m.csv ")


Fill = Callable[[xlsxwriter.Workbook], None]


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Write a workbook by a library that shares nothing with the reader."""

    def write(sheets: dict[str, Sequence[Sequence[object]]], name: str = "phones.xlsx") -> Path:
        path = tmp_path / name
        with xlsxwriter.Workbook(str(path)) as workbook:
            day = workbook.add_format({"num_format": "mmm yy"})
            for title, rows in sheets.items():
                page = workbook.add_worksheet(title)
                for n, row in enumerate(rows):
                    for k, cell in enumerate(row):
                        if isinstance(cell, datetime):
                            page.write_datetime(n, k, cell, day)
                        elif isinstance(cell, str) and cell.startswith("="):
                            page.write_formula(n, k, cell, None, "#DIV/0!")
                        elif isinstance(cell, str):
                            page.write_string(n, k, cell)
                        elif cell is not None:
                            page.write(n, k, cell)
        return path

    return write


def test_five_vendors_over_fourteen_quarters_as_texts_are_read(book: Callable[..., Path]) -> None:
    names = ["Acme", "Borealis", "Cygnus", "Dorado", "Others"]
    rows = [[f"Q{q % 4 + 1} {2021 + q // 4}", "30.5%", "20.1%", "19.4%", "10.0%", "20.0%"] for q in range(14)]
    sheet = read_sheet(book({"Data": [["World, smartphones"], [], ["Quarter", *names], *rows]}))
    assert sheet.layout == "wide: a column per vendor, header in row 3"
    assert sheet.frame.height == 70
    assert sheet.frame["share"].to_list()[:5] == [0.305, 0.201, 0.194, 0.1, 0.2]
    assert sheet.frame["row"][0] == 4
    assert sheet.frame["decimals"].unique().to_list() == [1]


def test_the_cells_of_a_workbook_keep_their_types_and_last_digits(book: Callable[..., Path]) -> None:
    third = 1 / 3
    path = book({"Data": [[None, None, "x"], [None, datetime(2020, 9, 1), third], [None, "Q2 2020", "1.234"],
                          [None, 2020, 1.234], [None, 12345678.125, True]]})  # fmt: skip
    ((leaf,), _) = read_leaves(path)
    assert [list(row) for row in leaf.grid] == [
        [None, None, "x"],
        [None, datetime(2020, 9, 1), third],
        [None, "Q2 2020", "1.234"],
        [None, 2020.0, 1.234],
        [None, 12345678.125, True],
    ]


@given(st.lists(st.floats(0, 1e12) | st.text("0123456789.,%<*", min_size=1, max_size=8), min_size=1, max_size=30))
@settings(max_examples=30)
def test_numbers_and_texts_of_one_column_stay_what_they_are(cells: list[float | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.xlsx"
        with xlsxwriter.Workbook(str(path)) as workbook:
            page = workbook.add_worksheet()
            page.write_string(0, 0, "units")
            for n, cell in enumerate(cells, start=1):
                if isinstance(cell, str):
                    page.write_string(n, 0, cell)
                else:
                    page.write_number(n, 0, cell)
        ((leaf,), _) = read_leaves(path)
    written = [float(f"{cell:.16g}") if isinstance(cell, float) else cell for cell in cells]  # as that library writes
    read = [row[0] for row in leaf.grid]
    large = [isinstance(cell, str) and cell.isdigit() and float(cell) > 95e6 for cell in ("units", *written)]
    assert read == [
        float(cell) if long else cell for cell, long in zip(("units", *written), large, strict=True)
    ]  # a long row of digits is the same number as a text


def test_a_formula_that_failed_is_unfit_and_not_a_hole(book: Callable[..., Path]) -> None:
    path = book({"Data": [[None, "Quarter", "A", "B"], [None, "Q1 2020", 0.4, 0.6], [None, "Q2 2020", "=1/0", 0.6]]})
    sheet = read_sheet(path)
    assert sheet.refused["phones"] == (
        "column A must hold numbers; row 3 has '#DIV/0!'; leave the cell empty where nothing was reported",
    )


def test_of_several_sheets_the_only_one_understood_is_read(book: Callable[..., Path]) -> None:
    data = [["Quarter", "A", "B"], ["Q1 2020", 0.4, 0.6]]
    sheet = read_sheet(book({"Cover": [["A report"]], "Data": data, "Empty": []}))
    assert sheet.notes[0] == "of 2 sheets the only one understood was read: sheet 'Data'"
    path = book({"One": data, "Two": data, "Three": [["x"]]})
    with pytest.raises(
        InvalidArgument, match=r"several sheets: 'One', 'Two', 'Three'; 2 of them can be read.*--sheet NAME"
    ):
        read_sheet(path)
    assert read_sheet(path, sheet="two").frame.height == 2
    assert read_sheet(path, sheet="1").frame.height == 2
    with pytest.raises(InvalidTable, match=r"phones\.xlsx: no quarters were found"):
        read_sheet(path, sheet="Three")
    with pytest.raises(InvalidArgument, match="has no sheet 'Four'; it has 'One', 'Two', 'Three'"):
        read_sheet(path, sheet="Four")


def test_a_hidden_sheet_is_read_only_when_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "phones.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        for title in ("Seen", "Hidden"):
            page = workbook.add_worksheet(title)
            page.write_row(0, 0, ["Quarter", "A", "B"])
            page.write_row(1, 0, ["Q1 2020", 0.4, 0.6])
        page.hide()
    assert len(read_leaves(path)[0]) == 1
    assert read_sheet(path, sheet="Hidden").frame.height == 2


def test_a_broken_workbook_is_refused_in_a_sentence(book: Callable[..., Path], tmp_path: Path) -> None:
    whole = book({"Data": [["Quarter", "A"], ["Q1 2020", 1]]}).read_bytes()
    for name, data, words in (
        ("cut.xlsx", whole[:-200], "is a damaged workbook"),
        ("text.xlsx", b"a,b\n", "is no workbook, though it ends in .xlsx"),
        ("secret.xlsx", b"\xd0\xcf\x11\xe0" + bytes(600), "protected by a password"),
        ("old.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "is a damaged workbook"),
        ("empty.xlsx", book({"Data": []}, "e.xlsx").read_bytes(), "has no cell with anything in it"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InvalidArgument, match=words) as caught:
            read_sheet(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


def test_a_workbook_that_unpacks_to_more_than_the_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.sheets.MAX_UNPACKED", 2**20)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2**21))
    with pytest.raises(InvalidArgument, match="unpacks to 2 MiB, and at most 1 MiB are read"):
        read_sheet(path)
    lying = bytearray(path.read_bytes())
    for place in (lying.find(b"PK\x01\x02") + 24, lying.find(b"PK\x03\x04") + 22):  # the unpacked length
        lying[place : place + 4] = (100).to_bytes(4, "little")
    path.write_bytes(bytes(lying))
    with pytest.raises(InvalidArgument, match=r"its part 'xl/worksheets/sheet1\.xml' is broken"):
        read_sheet(path)


def test_what_is_no_file_to_read_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "notes.docx").write_text("x")
    for name, words in (
        ("missing.csv", "missing.csv does not exist"),
        ("pipe.csv", "is a device or a pipe"),
        ("empty.csv", "is an empty file"),
        ("notes.docx", "ends in '.docx', which is no kind of table; known are .csv"),
        ("", "is a folder"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            read_sheet(tmp_path / name)
    with pytest.raises(InvalidArgument, match="is a device"):
        read_sheet(Path("/dev/null"))


def test_files_and_tables_that_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "phones.csv"
    path.write_text(GOOD)
    monkeypatch.setattr("service.sheets.MAX_CELLS", 20)
    with pytest.raises(InvalidArgument, match="and at most 20 are read; keep the rows and columns that matter"):
        read_sheet(path)
    monkeypatch.setattr("service.sheets.MAX_BYTES", 10)
    with pytest.raises(InvalidArgument, match="are read as a sheet"):
        read_sheet(path)


def test_a_table_of_a_program_is_read_too(tmp_path: Path) -> None:
    frame = pl.read_csv(io.BytesIO(GOOD.encode()))
    frame.write_parquet(tmp_path / "a.parquet")
    assert read_sheet(tmp_path / "a.parquet").frame["share"].to_list() == frame["share"].to_list()
    with pytest.raises(InvalidArgument, match="no --sheet"):
        read_sheet(tmp_path / "a.parquet", sheet="1")


def test_the_market_of_a_file_is_its_name_unless_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    path.write_text(wide())
    assert read_sheet(path).markets == ("phones",)
    assert read_sheet(path, options=Reading(market="m")).markets == ("m",)


def test_a_batch_knows_numbers_made_of_the_others_too(tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    rows = [
        f"m,2020Q{q},{name},{value}\n" for q in (1, 2) for name, value in (("A", 300), ("B", 700), ("YoY growth", 5))
    ]
    path.write_text("market,period,provider,value\n" + "".join(rows))
    notes = open_source(path, tmp_path).notes["note"].to_list()
    assert "'YoY growth' is not a vendor but made of the other numbers: rows 4 and 7 not used" in notes


@pytest.mark.parametrize("title", ["value", "units"])
def test_an_amount_that_may_be_a_thousand_has_two_readings_whatever_its_column_is_called(
    title: str, tmp_path: Path
) -> None:
    path = tmp_path / "phones.csv"
    path.write_text(f"period,provider,{title}\n2020Q1,A,1.234\n2020Q1,B,2.345\n2020Q1,C,345\n")
    for read in (read_shares_file, lambda path: open_source(path, tmp_path)):
        with pytest.raises(InvalidTable, match=r"row 2 has '1\.234', which may be 1\.234 or 1234, .* --decimal point"):
            read(path)
    assert tidy_file(path, options=Reading(decimal="comma")).frame["value"].to_list() == [1234.0, 2345.0, 345.0]
    path.write_text(f"period,provider,{title}\n2020Q1,A,1.234\n2020Q1,B,2.3\n2020Q1,C,345\n")
    assert tidy_file(path).frame["value"].to_list() == [1.234, 2.3, 345.0]


def test_a_cell_far_from_the_table_is_refused_before_the_cells_between_fill_the_memory(
    book: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [["Quarter", "A", "B"], ["Q1 2020", 0.4, 0.6], *([[]] * 97), [None] * 51 + ["x"]]
    monkeypatch.setattr("service.sheets.MAX_CELLS", 5199)
    with pytest.raises(InvalidArgument, match="reaches to column AZ and row 100 in sheet 2, which makes 5,200 cells"):
        read_sheet(book({"Data": rows[:2], "Far": rows}), sheet="Data")


def test_a_cell_or_a_row_that_is_too_long_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    for text, words in (
        (f"quarter,{'A' * 200_000},B\n2020Q1,1,2\n", "has a cell of more than 100,000 characters in line 1"),
        (f"quarter,A,B\n2020Q1,{'9' * 200_000},2\n", "has a cell of more than 100,000 characters in line 2"),
        (f"quarter{',A' * 20_000}\n2020Q1,1,2\n", "has 20,001 columns, and at most 16,384 are read"),
        (f"title\nquarter{',A' * 20_000}\n2020Q1,1,2\n", "has 20,001 columns, and at most 16,384 are read"),
    ):
        path.write_text(text)
        for read in (tidy_file, read_sheet):
            with pytest.raises(InvalidArgument, match=words):
                read(path)


def test_a_pipe_is_refused_unopened_by_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    for read in (tidy_file, read_shares_file, read_sheet, kind_of_file, read_table):
        with pytest.raises(InvalidArgument, match=r"is a device or a pipe|is no file"):
            read(path)


@pytest.mark.parametrize("stored", ["<v>0</v>", "<v></v>", "<v/>", ""])
def test_a_formula_without_its_result_is_unfit_and_never_zero(stored: str, tmp_path: Path) -> None:
    path = tmp_path / "phones.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        page = workbook.add_worksheet()
        page.write_row(0, 0, ["Quarter", "A", "B", "Others", "Total"])
        for n in (1, 2):
            page.write_row(n, 0, [f"Q{n} 2020", 30, 20])
            page.write_formula(n, 3, f"=100-SUM(B{n + 1}:C{n + 1})")
            page.write_formula(n, 4, f"=SUM(B{n + 1}:D{n + 1})")
    _in_sheet(path, "</f><v>0</v>", f"</f>{stored}")
    with pytest.raises(
        InvalidTable, match=r"column Others must hold numbers; row 2 has '=100-SUM\(B2:C2\)', a formula w"
    ):
        read_sheet(path)


def test_a_total_of_formulas_without_results_is_told_and_not_used(tmp_path: Path) -> None:
    path = tmp_path / "phones.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        page = workbook.add_worksheet()
        page.write_row(0, 0, ["Quarter", "A", "B", "Total"])
        for n in (1, 2):
            page.write_row(n, 0, [f"Q{n} 2020", 30, 70])
            page.write_formula(n, 3, f"=SUM(B{n + 1}:C{n + 1})")
    sheet = read_sheet(path)
    assert sheet.faults == ()
    assert "rows 2 and 3: '=SUM(B2:C2)' and '=SUM(B3:C3)' read as not reported" in sheet.notes


def test_a_formula_with_its_result_is_a_number_and_zero_among_others_too(tmp_path: Path) -> None:
    path = tmp_path / "phones.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        page = workbook.add_worksheet()
        page.write_row(0, 0, ["Quarter", "A", "B"])
        for n, shares in enumerate([(30, 70), (0, 100)], start=1):
            page.write(n, 0, f"Q{n} 2020")
            for k, share in enumerate(shares, start=1):
                page.write_formula(n, k, "=1+1", None, share)
    assert read_sheet(path).frame["share"].to_list() == [0.3, 0.7, 0.0, 1.0]


def _in_sheet(path: Path, old: str, new: str) -> None:
    """Change the text of a workbook's first sheet."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            is_sheet = name.endswith("sheet1.xml")
            archive.writestr(name, data.replace(old.encode(), new.encode()) if is_sheet else data)


def test_rows_are_the_lines_of_a_text_whichever_way_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "phones.csv"
    path.write_text("market,period,provider,share\nm,2020Q1,A,0.4\n\nm,2020Q1,B,1.7\n")
    assert next(violation.row for violation in read_shares_file(path).violations) == 4
    path.write_text("market,quarter,vendor,share\nm,2020Q1,A,0.4\n\nm,2020Q1,B,1.7x\n")
    assert "row 4 has '1.7x'" in read_sheet(path).refused["m"][0]
