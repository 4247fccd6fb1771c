import warnings
from typing import cast

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.brought import read_table
from service import convert
from service.client import InvalidArgument
from service.client.tables import batch_queries, one_batch, share_rows
from service.convert.batches import MOST_MARKETS
from service.queries import BatchQuery

LARGEST_MESSAGE = 4 * 2**20  # bytes that a server takes


def queries(markets: list[str], rows: list[dict[str, object]], events: dict[str, list[str]]) -> tuple[BatchQuery, ...]:
    return batch_queries(
        markets,
        shares=rows or None,
        house=None,
        as_of=None,
        horizon=8,
        levels=(0.8,),
        model="auto",
        seed=0,
        events=events,
    )


def table(name: str) -> list[dict[str, object]]:
    return [{"market": name, "period": "2020Q1", "provider": who, "share": 0.5} for who in ("A", "B")]


def test_markets_are_divided_into_messages_that_a_server_takes() -> None:
    many = ["A" * 450 + f" leads by 2027Q{n % 4 + 1}" for n in range(99)]
    stored, brought = [f"m{n}" for n in range(400)], [f"t{n}" for n in range(60)]
    events = dict.fromkeys((*stored[:100], *brought), many)
    made = queries(stored, [row for name in brought for row in table(name)], events)
    assert len(made) == 3
    assert all(convert.stream_request(query).ByteSize() < LARGEST_MESSAGE for query in made)
    assert [name for query in made for name in query.markets] == stored
    assert [table.market for query in made for table in query.shares] == brought
    asked = {name: own for query in made for name, own in zip(query.markets, query.own_events, strict=False) if own}
    asked |= {table.market: table.events for query in made for table in query.shares}
    assert asked == {name: tuple(texts) for name, texts in events.items()}


@settings(max_examples=6)
@given(st.integers(1, 3), st.text(min_size=1, max_size=3))
def test_no_message_has_more_markets_than_a_server_takes(times: int, name: str) -> None:
    made = queries([name] * (times * MOST_MARKETS), [], {})
    assert max(len(query.markets) for query in made) <= MOST_MARKETS
    assert sum(len(query.markets) for query in made) == times * MOST_MARKETS


def test_a_job_is_one_message_or_refused() -> None:
    made = one_batch(queries(["a", "b"], [*table("c"), *table("d")], {"b": ["top 1 changes"], "d": ["A leads"]}))
    assert (made.markets, made.own_events) == (("a", "b"), ((), ("top 1 changes",)))
    assert [(table.market, table.events) for table in made.shares] == [("c", ()), ("d", ("A leads",))]
    half = {"a": ["x" * 500] * 3_500, "c": ["x" * 500] * 3_500}
    with pytest.raises(InvalidArgument, match=r"markets take 35[0-9]{5} bytes; 3200000 at most: start"):
        one_batch(queries(["a"], table("c"), half))


def test_a_pivot_of_pandas_is_read_as_the_library_reads_it() -> None:
    pivot = pd.DataFrame(
        {"A": ["60 %", "58 %"], "B": ["40 %", "42 %"]}, index=pd.Index(["2024Q1", "2024Q2"], name="Quarter")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the caller knows the name of the market
        rows = share_rows(cast("pl.DataFrame", pivot), "phones")
    ours = read_table(pivot, market="phones").shares
    assert [(row.period, row.provider, row.share) for row in rows] == ours.select("period", "provider", "share").rows()
