"""A column beside vendors and quarters, such as region, is the market, is told, or is refused: never pooled."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import understand

BOTH = "2020Q1,EU,A,300|2020Q1,EU,B,700|2020Q1,US,A,100|2020Q1,US,C,900"
LONG = f"quarter,region,vendor,units|{BOTH}"


def grid(text: str) -> list[list[str | None]]:
    return [[cell or None for cell in line.split(",")] for line in text.split("|")]


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.replace("region", "Product_category"),
        "region,vendor,2020Q1|EU,A,300|EU,B,700|US,A,100|US,C,900",
        "Country name,vendor,2020Q1,2020Q2|EU,A,30,31|EU,B,70,69|US,C,10,11|US,D,90,89",
        "quarter,region,A,B|2020Q1,EU,300,700|2020Q1,US,400,600",
    ],
)
def test_a_column_that_parts_the_rows_is_the_market_and_told(text: str) -> None:
    sheet = understand(grid(text), name="x")
    assert sheet.faults == ()
    assert sheet.markets == ("EU", "US")
    assert any(note.endswith("read as the market") for note in sheet.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "region,vendor,2020Q1,2020Q2|EU,A,300,310|EU,B,700,690|US,C,100,110|US,D,900,890",
            "column 'region' has 'EU' and 'US', which may be markets or say something of the vendors or quarters; call "
            "the column 'market', or remove it",
        ),
        ("quarter,region,A,B|2020Q1,EU,30%,70%|2020Q2,US,40%,60%", "which may be markets or say something of"),
        (
            f"market,{LONG}".replace("|2020", "|m,2020").replace("region", "segment"),
            "column 'segment' has 'EU' and 'US', beside column 'market'; keep the rows of one of them, or make one "
            "column 'market' of both",
        ),
        (f"market,{LONG}".replace("|2020", "|m,2020"), "column 'region' has 'EU' and 'US', beside column 'market'"),
        (
            "region,product,vendor,2020Q1|EU,P,A,3|EU,P,B,1|US,Q,A,1|US,Q,B,1|EU,Q,A,3|EU,Q,B,2",
            "column 'region' has 'EU' and 'US', beside column 'product'",
        ),
        (
            "quarter,region,vendor,share|2020Q1,EU,A,.2|2020Q1,EU,B,.3|2020Q1,US,A,.1|2020Q1,US,C,.4",
            "which may be markets",
        ),
    ],
)
def test_a_column_that_may_part_the_rows_is_refused_with_the_way_out(text: str, said: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        understand(grid(text), name="x")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "quarter,vendor,share,source,note,url|2020Q1,A,30%,I,x,u|2020Q1,B,70%,G,,v|2020Q2,A,1%,G,y,u|2020Q2,B,99%,I,,",
        "vendor,ticker,listed in,2020Q1,2020Q2|A,a,Rome,300,310|B,b,Rome,700,690|C,c,Oslo,1,1",
        "vendor,region,2020Q1,2020Q2|A,EU,300,310|B,EU,700,690",
        "vendor,model,2020Q1,2020Q2|A,A1,300,310|B,B1,700,690",
        "country,vendor,2020Q1,2020Q2|KR,A,30,31|KR,B,40,39|US,C,10,11|US,D,20,19",
        "market,country,vendor,2020Q1,2020Q2|m,KR,A,30,31|m,KR,B,40,39|m,US,C,10,11|m,US,D,20,19",
        "market,market name,vendor,2020Q1|m,M,A,30|m,M,B,70|n,N,A,10|n,N,B,90",
    ],
)
def test_a_column_that_cannot_part_the_rows_is_not_used_and_told(text: str) -> None:
    sheet = understand(grid(text), name="x")
    assert sheet.faults == ()
    assert any("not used" in note for note in sheet.notes)
    assert not any(note.endswith("read as the market") for note in sheet.notes)
