import random
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import service.batch.source as reading
from forecast.errors import InvalidArgument, InvalidTable
from service.batch.source import Source, open_source
from service.sheets import read_shares_file
from service.tables import ENDINGS, encode, format_of


def read(source: Source, most_markets: int = 2, most_rows: int = 1000) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All parts one after the other: rows, and the markets refused."""
    parts = [part.read() for part in source.parts(most_markets, most_rows)]
    return pl.concat([part.shares for part in parts]), pl.concat([source.refused, *(part.refused for part in parts)])


def whole(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same by the plain way: read, check, put the rows of a market together."""
    found = read_shares_file(path)
    first = pl.col("row").min().over("market")
    return found.shares.with_row_index("row").sort(first, maintain_order=True).drop("row"), found.refused


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small that markets, records and quotes are cut everywhere."""
    for name, size in (("_LOOK", 7), ("_PIECE", 5), ("_PIECE_BYTES", 11)):
        monkeypatch.setattr(reading, name, size)


names = st.sampled_from(["a", "B", "x,y", 'say "a"', "two\nlines", "Zürich", "007", "", None, " "])
cells = st.tuples(
    st.sampled_from(["2020Q1", "2020Q2", "2020Q3", "2020Q4", "2021Q1", "2020Q5"]),
    names.filter(bool),
    st.sampled_from([0.1, 0.25, None, 0.0, 0.125, 0.2, 0.01, 1.5]),
)
market = st.lists(cells, min_size=1, max_size=6, unique_by=lambda cell: cell[:2])


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=30)
@given(
    markets=st.lists(st.tuples(names, market), min_size=1, max_size=8, unique_by=lambda pair: pair[0]),
    mixed=st.booleans(),
)
def test_part_by_part_gives_what_the_whole_table_gives(
    tmp_path_factory: pytest.TempPathFactory,
    ending: str,
    markets: list[tuple[str | None, list[tuple[str, str, float | None]]]],
    mixed: bool,
) -> None:
    rows = [(name, *row) for name, of_market in markets for row in of_market]
    if mixed:
        random.Random(0).shuffle(rows)
    # A number in every file: a column of nulls alone has no type in text formats.
    rows.append(("last", "2020Q1", "A", 0.5))
    folder = tmp_path_factory.mktemp("in")
    path = folder / f"in{ending}"
    path.write_bytes(
        encode(pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row"), format_of(path))
    )
    (folder / "own").mkdir()
    try:
        expected, expected_refused = whole(path)
    except InvalidTable as error:  # of a unit that nobody can tell: 0.5 in all, and 1.5
        with pytest.raises(InvalidTable, match=re.escape(str(error))):
            open_source(path, folder / "own")
        return
    source = open_source(path, folder / "own")
    shares, refused = read(source)
    assert_frame_equal(shares, expected, check_exact=True)
    assert refused.rows() == expected_refused.rows()
    assert source.markets == expected["market"].n_unique() + expected_refused.height


def test_markets_that_stand_together_are_read_where_they_are(tmp_path: Path, shares: pl.DataFrame) -> None:
    path = tmp_path / "in[1] a=b.parquet"
    shares.write_parquet(path)
    source = open_source(path, tmp_path)
    assert (source.files, source.checked, source.markets) == ((path,), False, 5)
    assert list(tmp_path.iterdir()) == [path]


def test_a_market_that_comes_back_has_the_table_sorted(tmp_path: Path, shares: pl.DataFrame) -> None:
    path = tmp_path / "in.parquet"
    pl.concat([shares[1:], shares[:1]]).write_parquet(path)
    source = open_source(path, tmp_path)
    assert source.checked
    assert_frame_equal(read(source)[0], whole(path)[0], check_exact=True)


def test_parts_keep_to_their_size_and_cut_no_market(tmp_path: Path) -> None:
    sizes = [3, 1, 1, 9, 2, 2, 2]
    rows = [(f"m{n}", f"{2000 + row}Q1", "A", 0.5) for n, size in enumerate(sizes) for row in range(size)]
    pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row").write_parquet(
        tmp_path / "in.parquet"
    )
    parts = list(open_source(tmp_path / "in.parquet", tmp_path).parts(3, 5))
    assert [(part.first, part.count) for part in parts] == [(0, 5), (5, 9), (14, 4), (18, 2)]
    assert str(parts[1]) == f"rows 6 to 14 of {tmp_path / 'in.parquet'}"


def test_a_table_without_a_market_column_is_one_market(tmp_path: Path) -> None:
    frame = pl.DataFrame({"period": ["2020Q1", "2020Q2"], "provider": "A", "share": 0.5})
    frame.write_parquet(tmp_path / "in.parquet")
    assert open_source(tmp_path / "in.parquet", tmp_path).sizes.to_list() == [2]


def test_an_error_deep_in_the_file_names_its_row(tmp_path: Path) -> None:
    rows = [(f"m{n}", "2020Q1", "A", 1.5 if n == 800 else 0.5) for n in range(1000)]
    path = tmp_path / "in.csv"
    path.write_bytes(
        encode(pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row"), format_of(path))
    )
    refused = read(open_source(path, tmp_path), most_markets=64)[1]
    assert refused["market"].to_list() == ["m800"]
    assert refused["message"][0].startswith("row 802: share is 1.5; expected ")


@pytest.mark.usefixtures("small_pieces")
def test_a_market_longer_than_a_look_still_stands_together(tmp_path: Path, shares: pl.DataFrame) -> None:
    shares.write_parquet(tmp_path / "in.parquet")
    source = open_source(tmp_path / "in.parquet", tmp_path)
    assert not source.checked
    assert source.sizes.to_list() == shares["market"].rle().struct.field("len").to_list()


@pytest.mark.usefixtures("small_pieces")
def test_a_lone_quote_in_a_field_does_not_cut_a_record(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    lines = "".join(f'm,{2000 + n}Q1,"5"" disk",0.5\n' for n in range(200))
    path.write_text(f'market,period,provider,share\n{lines}m,1999Q1,"a\n{"b" * 40}",0.5\n')
    (tmp_path / "own").mkdir()
    source = open_source(path, tmp_path / "own")
    assert not source.checked  # read in pieces to the end
    assert_frame_equal(read(source)[0], whole(path)[0], check_exact=True)


def test_an_unfit_cell_late_in_a_csv_file_is_told_as_for_the_whole_table(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    good = "".join(f"m,{2000 + n}Q1,A,0.5\n" for n in range(50))
    path.write_text(f"market,period,provider,share\n{good}m,2049Q1,B,half\nn,2020Q1,A,0.5\n")
    (tmp_path / "own").mkdir()
    source = open_source(path, tmp_path / "own")
    shares, refused = read(source)
    assert shares.rows() == whole(path)[0].rows() == [("n", "2020Q1", "A", 0.5, 0)]
    assert refused.rows() == whole(path)[1].rows()
    ((market, code, message),) = refused.rows()
    assert (market, code) == ("m", "invalid_shares")
    assert message.startswith("column share must hold numbers; row 52 has 'half'; leave the cell empty where")


def test_damage_in_the_middle_of_a_file_is_told_when_it_is_met(tmp_path: Path, shares: pl.DataFrame) -> None:
    path = tmp_path / "in.parquet"
    # The column `share` stands behind `market`, so that the look over the markets does not meet the damage.
    shares.select("market", "share", "period", "provider").write_parquet(path, compression="zstd", statistics=False)
    data = bytearray(path.read_bytes())
    start = len(data) // 5
    data[start : start + 600] = bytes(600)
    path.write_bytes(data)
    with pytest.raises(InvalidArgument, match=r"in\.parquet cannot be read, as if damaged"):
        read(open_source(path, tmp_path))
