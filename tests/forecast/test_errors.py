import pickle

import pytest

from forecast.errors import (
    InvalidArgument,
    InvalidTable,
    ModelFailed,
    NotEnoughData,
    NotFound,
    RowViolation,
    SharecastError,
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
    text = str(InvalidTable("a.csv", (VIOLATION,) * 7))
    assert text.startswith("a.csv: row 3, column share: 1.2 breaks share_in_unit_interval; allowed: 0 to 1")
    assert text.endswith("and 2 more")
