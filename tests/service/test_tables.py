import json
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.errors import InvalidArgument
from service.tables import ENDINGS, MOST_CELLS, Format, encode, format_of, read_table

ROWS = pl.DataFrame(
    {
        "market": ["001", "001", 'Zürich, "inner"', "line\nbreak"],
        "period": ["2020Q1", "2020Q2", "2020Q1", "2020Q1"],
        "provider": ["360", "Others", "–", "A|B"],
        "share": [0.1 + 0.2, None, 1 / 3, 5e-324],
        "decimals": [1, 0, None, 2],
    }
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_is_read_as_it_was_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"table[1] a=b{ending}"  # neither a pattern nor a partition
    path.write_bytes(encode(ROWS, format_of(path)))
    assert_frame_equal(read_table(path), ROWS, check_exact=True)


@pytest.mark.parametrize("ending", ENDINGS)
@given(shares=st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=20))
def test_shares_survive_every_format_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, ending: str, shares: list[float | None]
) -> None:
    frame = pl.DataFrame(
        {"market": ["m"] * len(shares), "share": shares}, schema={"market": pl.String, "share": pl.Float64}
    )
    path = tmp_path_factory.mktemp("t") / f"t{ending}"
    path.write_bytes(encode(frame, format_of(path)))
    # A column of nulls alone has no type in text formats.
    assert read_table(path)["share"].to_list() == frame["share"].to_list()


@pytest.mark.parametrize("kind", Format)
def test_the_same_rows_give_the_same_bytes(kind: Format) -> None:
    assert encode(ROWS, kind) == encode(ROWS.clone(), kind)


def test_json_is_an_array_of_rows_without_nan() -> None:
    rows = json.loads(encode(pl.DataFrame({"a": ["x", "y"], "b": [math.nan, 0.25]}), Format.JSON))
    assert rows == [{"a": "x", "b": None}, {"a": "y", "b": 0.25}]


def test_the_ending_counts_whatever_its_case() -> None:
    assert format_of(Path("A.PARQUET")) is Format.PARQUET


def test_an_unknown_ending_is_named_with_those_allowed() -> None:
    with pytest.raises(
        InvalidArgument,
        match=r"^shares\.xlsx ends in '\.xlsx'; give a file ending in \.parquet, \.csv, \.json, \.arrow, ",
    ):
        read_table(Path("shares.xlsx"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"gone\.parquet does not exist$"):
        read_table(tmp_path / "gone.parquet")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").mkdir()
    with pytest.raises(InvalidArgument, match=r"d\.parquet is a folder; give a Parquet file"):
        read_table(tmp_path / "d.parquet")


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_file_is_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"e{ending}"
    path.touch()
    with pytest.raises(InvalidArgument, match=r"is empty; give an? "):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.parquet", b"market,period\n", "is a text file"),
        ("a.parquet", b"\x00\x01\x02\xff", "is no such file"),
        ("a.parquet", b"ARROW1\0\0", "is an Arrow IPC file"),
        ("a.parquet", b"PAR1xxxxxxxxPAR1", "cannot be read, as if damaged"),
        ("a.parquet", encode(ROWS, Format.PARQUET)[:-20], "cannot be read, as if damaged"),
        ("a.arrow", encode(ROWS, Format.PARQUET), "is a Parquet file"),
        ("a.arrow", encode(ROWS, Format.ARROW)[:-20], "cannot be read, as if damaged"),
        ("a.csv", encode(ROWS, Format.PARQUET), "is a Parquet file"),
        ("a.csv", b"PK\x03\x04xx", "is a ZIP file, such as an Excel workbook"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "is a UTF-16 text file"),
        ("a.csv", "märket,b\n1,2\n".encode("latin-1"), "is not UTF-8 text"),
        ("a.csv", b"a,b\n1,2,3\n", "cannot be read, as if damaged or not what its ending says: found more fields"),
        ("a.json", b'{"market": 1}', "is text that does not begin with an array"),
        ("a.json", b"[1, 2]", "cannot be read, as if damaged"),
        ("a.json", b'[{"a": 1}', "cannot be read, as if damaged"),
    ],
)
def test_what_a_file_is_instead_is_said(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgument, match=rf"{name} {found}.*; give an? (Parquet|CSV|JSON|Arrow)"):
        read_table(tmp_path / name)


def test_a_byte_order_mark_and_a_cut_character_are_no_obstacle(tmp_path: Path) -> None:
    # The first look ends after 65,536 bytes, here inside a character of two.
    text = "\ufeffmarkets,share\n" + "ä" * 40_000 + ",0.5\n"
    (tmp_path / "a.csv").write_bytes(text.encode())
    assert read_table(tmp_path / "a.csv").rows() == [("ä" * 40_000, 0.5)]


def test_names_that_look_like_numbers_stay_names_in_csv(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("market,period,provider,share\n007,2020Q1,360,0.5\n")
    assert read_table(tmp_path / "a.csv").rows() == [("007", "2020Q1", "360", 0.5)]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_small_file_of_a_very_large_table_is_refused_before_it_is_read(tmp_path: Path, ending: str) -> None:
    path, rows = tmp_path / f"packed.{ending}", MOST_CELLS // 2 + 1
    table = pl.DataFrame({"share": pl.repeat(0.5, rows, eager=True), "value": pl.repeat(1, rows, eager=True)})
    if ending == "arrow":
        table.write_ipc(path, compression="zstd")
    else:
        table.write_parquet(path)
    assert path.stat().st_size < 2**20
    with pytest.raises(InvalidArgument, match=f"has {rows} rows of 2 columns; split it: {MOST_CELLS // 2} rows at"):
        read_table(path)
