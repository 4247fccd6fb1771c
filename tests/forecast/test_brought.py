from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from forecast.brought import frame_of, is_canonical, read_table
from forecast.errors import InvalidArgument
from forecast.forecasting import forecast_shares

COLUMNS = {"quarter": ["2020Q1", "2020Q2"], "A": [0.5, None]}


@pytest.mark.parametrize(
    "given",
    [
        pl.DataFrame(COLUMNS),
        pl.DataFrame(COLUMNS).lazy(),
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).set_index("quarter"),
        [{"quarter": "2020Q1", "A": Decimal("0.5")}, {"quarter": "2020Q2"}],
        pd.DataFrame({"quarter": pd.PeriodIndex(["2020Q1", "2020Q2"], freq="Q"), "A": [0.5, None]}),
        [{"quarter": "2020Q1", "A": np.float32(0.5)}, {"quarter": "2020Q2", "A": np.nan}],
    ],
)
def test_frames_and_rows_become_one_frame(given: Any) -> None:
    assert frame_of(given).rows() == [("2020Q1", 0.5), ("2020Q2", None)]


def test_days_stay_days() -> None:
    found = frame_of(pd.DataFrame({"date": [pd.Timestamp("2020-03-31"), pd.NaT]}))
    assert found["date"].to_list() == [datetime(2020, 3, 31), None]


@pytest.mark.parametrize("given", ["text", 7, ["a"], {"a": 1}])
def test_what_is_no_table_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="a frame of Polars or pandas, or rows"):
        frame_of(given)


def test_only_our_own_columns_types_and_quarters_pass_unread() -> None:
    frame = pl.DataFrame({"period": ["2020Q1"], "provider": ["A"], "share": [1.0]})
    assert is_canonical(frame)
    for column, cells in (("period", ["Q1 2020"]), ("share", ["100%"]), ("vendor", ["A"])):
        assert not is_canonical(frame.with_columns(pl.Series(column, cells)))


def test_a_frame_with_days_as_text_has_the_right_origin() -> None:
    rows = [
        (f"{year}-{end}", name, 0.5)
        for year in (2022, 2023)
        for end in ("03-31", "06-30", "09-30", "12-31")
        for name in "AB"
    ]
    frame = pl.DataFrame(rows, schema=["period", "provider", "share"], orient="row")
    made = forecast_shares(frame, horizon=1)
    assert str(made.origin) == "2023Q4" and any("2022-03-31" in note for note in made.warnings)
    assert read_table(frame).shares.height == 16


def test_two_markets_and_contradicting_rows_are_refused() -> None:
    rows = [(m, f"2020Q{q}", p, 0.5) for m in "ab" for q in (1, 2) for p in "AB"]
    frame = pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row")
    with pytest.raises(InvalidArgument, match="forecast_markets takes many"):
        forecast_shares(frame)
    one = frame.filter(pl.col("market") == "a")
    with pytest.raises(Exception, match="given before"):
        forecast_shares(pl.concat([one, one.head(1).with_columns(share=pl.lit(0.2))]))
