from datetime import date

import polars as pl
import pytest

from forecast.errors import InvalidArgument, InvalidTable
from service.store.incoming import Incoming, Kind, check_incoming, check_request_id, kind_of

TODAY = date(2026, 11, 23)


def figures(**columns: object) -> pl.DataFrame:
    good: dict[str, object] = {
        "market": ["widgets", "widgets"],
        "research_house": ["acme research"] * 2,
        "period": ["2026Q3", "2025Q1"],
        "providers": ["Bolt|Acme", "Acme"],
        "measure": ["share"] * 2,
        "value": [0.7, 0.4],
        "qualifier": ["exact"] * 2,
        "decimals": [0, 0],
        "published": [None, "2025-05-06"],
    }
    return pl.DataFrame({**good, **columns})


def shares(**columns: object) -> pl.DataFrame:
    good: dict[str, object] = {
        "market": ["b", "a"],
        "period": ["2025Q1", "2025Q1"],
        "provider": ["Acme", "Acme"],
        "share": [0.4, None],
    }
    return pl.DataFrame({**good, **columns})


def check(table: pl.DataFrame, kind: Kind, house: str = "own") -> Incoming:
    return check_incoming(table, kind=kind, house=house, name="table", today=TODAY)


def test_a_table_tells_its_kind_by_its_columns() -> None:
    assert kind_of(figures(), name="t") == "figures"
    assert kind_of(shares(), name="t") == "shares"
    with pytest.raises(InvalidTable, match="t: column provider or providers: both are there; expected"):
        kind_of(figures(provider=["A", "B"]), name="t")
    with pytest.raises(InvalidTable, match="neither is among a; expected"):
        kind_of(pl.DataFrame({"a": [1]}), name="t")


def test_an_undated_figure_is_of_today_at_the_latest() -> None:
    found = check(figures(), "figures")
    assert found.statements.sort("period")["published_at"].to_list() == [date(2025, 5, 6), TODAY]
    assert found.statements.sort("period")["published_inferred"].to_list() == [False, True]
    assert found.warnings == ("1 statement(s) bear no exact day of publication: it is inferred",)


def test_days_that_cannot_be_right_are_told_but_kept() -> None:
    found = check(figures(period=["2026Q4", "2025Q1"], published=[None, "2062-05-06"]), "figures")
    assert found.statements.height == 2
    assert "1 row(s) are of periods that had not ended on 2026-11-23" in found.warnings
    assert any("1 statement(s) bear a day of publication after 2026-11-23" in warning for warning in found.warnings)


def test_rows_that_say_nothing_are_counted_and_their_markets_named() -> None:
    found = check(shares(), "shares")
    assert (found.rows, found.statements.height, found.markets) == (2, 1, ("a", "b"))
    assert found.warnings[0].startswith("1 row(s) without a share")


def test_the_hash_is_of_the_rows_the_kind_and_the_house() -> None:
    one = check(shares(), "shares").content_hash
    assert check(shares(), "shares").content_hash == one
    assert check(shares(share=[0.41, None]), "shares").content_hash != one
    assert check(shares(), "shares", house="finance").content_hash != one
    assert check(figures(), "figures").content_hash == check(figures(), "figures", house="finance").content_hash


@pytest.mark.parametrize("request_id", ["", "0b1e", "x" * 128])
def test_an_id_of_visible_characters_or_none_is_taken(request_id: str) -> None:
    check_request_id(request_id)


@pytest.mark.parametrize("request_id", ["x" * 129, "a b", "a\n", "\0", "ä"])
def test_other_ids_are_refused(request_id: str) -> None:
    with pytest.raises(InvalidArgument, match=r"request_id is .*; allowed: 1 to 128 visible ASCII characters"):
        check_request_id(request_id)
