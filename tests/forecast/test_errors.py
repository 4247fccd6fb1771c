import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import (
    InvalidArgument,
    InvalidTable,
    ModelFailed,
    NotEnoughData,
    NotFound,
    RowViolation,
    SharecastError,
    rows_text,
)

VIOLATION = RowViolation("share_in_unit_interval", 3, "share", "1.2", "0 to 1")


@pytest.mark.parametrize(
    "error",
    [
        InvalidArgument("horizon", 41, "1 to 40"),
        InvalidTable("a.csv", (VIOLATION,), 9),
        NotFound("market", "mars", ("cn-cloud",)),
        NotEnoughData("m", 1, 2, "as of 2019-01-01"),
        ModelFailed("ets", "no form converged"),
    ],
)
def test_an_error_keeps_its_fields_from_one_process_to_another(error: SharecastError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error) and vars(again) == vars(error)


def test_a_table_error_shows_the_first_rows_and_how_many_more() -> None:
    several = tuple(replace(VIOLATION, row=row, value=f"1.{row}") for row in range(1, 8))
    text = str(InvalidTable("a.csv", several))
    assert text.startswith("a.csv: row 1: share is 1.1; expected 0 to 1\n  row 2: share is 1.2; expected 0 to 1\n")
    assert text.endswith("and 2 more")


def test_the_same_fault_in_many_rows_is_one_sentence() -> None:
    missing = RowViolation("column_type", 0, "share", "'n/a'", "a number", "leave the cell empty")
    rows = tuple(replace(missing, row=row) for row in (*range(2, 50), 52))
    assert str(InvalidTable("a.csv", rows)) == (
        "a.csv: rows 2 to 49 and 52: share is 'n/a'; expected a number; leave the cell empty"
    )
    assert str(InvalidTable("a.csv", rows, 60)).endswith("\n  and 11 more")
    assert str(missing) == "share is 'n/a'; expected a number; leave the cell empty"


@given(st.sets(st.integers(1, 60), min_size=1, max_size=11))
def test_a_list_of_rows_names_each_row(rows: set[int]) -> None:
    text = rows_text(sorted(rows)).removeprefix("rows ").removeprefix("row ")
    named: set[int] = set()
    for part in text.replace(" and ", ", ").split(", "):
        if part.endswith(" more"):
            assert len(rows) - len(named) == int(part.removesuffix(" more"))
            return
        first, _, last = part.partition(" to ")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == rows


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InvalidArgument("horizon", 99, "1 to 40 quarters"), "horizon is 99; allowed: 1 to 40 quarters"),
        (InvalidArgument("a.csv", "missing", "", "does not exist"), "a.csv does not exist"),
        (InvalidArgument("a.csv", "x", "give a CSV file", "is empty"), "a.csv is empty; give a CSV file"),
        (InvalidArgument("levels", 9, "3 at most", "are 9").within("batch"), "batch.levels are 9; 3 at most"),
        (
            NotFound("market", "cn-clod", ("cn-cloud", "phones")),
            "market 'cn-clod' is not known; did you mean cn-cloud? known: cn-cloud, phones",
        ),
        (NotFound("market", "mars", ("cn-cloud",)), "market 'mars' is not known; known: cn-cloud"),
        (
            NotEnoughData("m", 1, 2, "as of 2019-01-01"),
            "market 'm' has too few quarters with data (as of 2019-01-01): 1, and at least 2 are needed",
        ),
    ],
)
def test_an_error_is_a_sentence(error: SharecastError, text: str) -> None:
    assert str(error) == text
