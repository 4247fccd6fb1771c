import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

Run = Callable[..., Result]

WIDE = "Quarter;Acme;Others\n" + "".join(f"Q{q % 4 + 1} {2020 + q // 4};34,1;65,9\n" for q in range(12))
TWO = "market,period,provider,share\na,2020Q1,A,0.4\na,2020Q1,B,0.6\nb,2020Q1,A,tbd\nb,2020Q1,B,0.6\n"


@pytest.fixture
def files(run: Run) -> None:
    """Two tables in the folder of the command."""
    Path("phones.csv").write_text(WIDE)
    Path("two.csv").write_text(TWO)


@pytest.mark.usefixtures("files")
def test_what_was_understood_is_printed_in_80_columns(run: Run) -> None:
    result = run("read", "phones.csv")
    assert result.exit_code == 0
    text = result.stdout
    assert max(map(len, text.splitlines())) <= 80
    for words in (
        "phones.csv: wide: a column per vendor, header in row 1; numbers are per cent",
        "market phones: 12 quarters from 2020Q1 to 2022Q4, 2 providers",
        "note: cells are set apart by semicolons",
        "note: decimal comma: '34,1' read as 34.1",
    ):
        assert words in text
    (first,) = [line.split() for line in text.splitlines() if line.startswith("2020Q1")]
    assert first == ["2020Q1", "34.10", "%", "65.90", "%"]


@pytest.mark.usefixtures("files")
def test_a_market_with_unfit_cells_is_refused_with_status_3_and_the_others_are_shown(run: Run) -> None:
    result = run("read", "two.csv")
    assert result.exit_code == 3
    assert "refused: b: column share must hold numbers; row 4 has 'tbd'" in " ".join(result.stdout.split())
    assert "40" in result.stdout


@pytest.mark.usefixtures("files")
def test_rows_for_programs_come_with_notes_beside_them(run: Run) -> None:
    result = run("read", "two.csv", "--format", "json")
    rows = json.loads(result.stdout)
    assert [(row["market"], row["share"]) for row in rows] == [("a", 0.4), ("a", 0.6)]
    assert "refused: b: column share must hold numbers; row 4 has 'tbd'" in result.stderr
    run("read", "phones.csv", "--output", "out.parquet")
    assert pl.read_parquet("out.parquet")["share"].unique().sort().to_list() == [0.341, 0.659]


def test_a_table_that_is_not_understood_ends_with_status_2_and_one_sentence(run: Run) -> None:
    Path("open.csv").write_text("Quarter,A,B\nQ1 2020,40,30\n")
    result = run("read", "open.csv")
    assert result.exit_code == 2
    assert "open.csv: the numbers may be per cents or amounts: the quarters sum to 70" in result.stderr
    assert "--measure percent or --measure amount" in result.stderr
    assert "numbers are per cent" in run("read", "open.csv", "--measure", "percent").stdout
    assert "gone.csv does not exist" in run("read", "gone.csv").stderr


def test_every_option_of_reading_reaches_the_table(run: Run) -> None:
    Path("odd.csv").write_text('Quarter,A,B\nQ1 FY21,"1,234","2,345"\n')
    said = ("--decimal", "comma", "--fiscal-year-end", "June", "--market", "mine", "--measure", "amount")
    (first, _) = json.loads(run("read", "odd.csv", *said, "--format", "json").stdout)
    assert (first["market"], first["period"]) == ("mine", "2020Q3")
    assert first["share"] == pytest.approx(1.234 / 3.579)
    Path("dates.csv").write_text("date,vendor,share\n03/06/2020,A,1\n")
    assert "2020Q2" in run("read", "dates.csv", "--date-order", "day-first").stdout
    wrong = run("read", "odd.csv", "--fiscal-year-end", "ju")
    assert wrong.exit_code == 2
    assert "'ju' is no month" in wrong.stderr


def test_nothing_of_a_table_steers_the_terminal(run: Run) -> None:
    Path("bad.csv").write_text("Quarter,A\x1b[31m,B\x07\nQ1 2020,x\x1b[2J,70%\nQ2 2020,30%,70%\n")
    text = run("read", "bad.csv").stdout
    assert "\x1b" not in text
    assert "\x07" not in text
