"""Amounts in several currencies or units cannot be added."""

from __future__ import annotations

import pytest

from forecast.errors import InvalidTable
from forecast.sheet import understand


def grid(text: str) -> list[list[str | None]]:
    return [[cell or None for cell in line.split(",")] for line in text.split("|")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Vendor,2022Q1|A,$5.1B|B,\u20ac4.9B", "row 2 has '$5.1B' and row 3 has '\u20ac4.9B'; give them in one"),
        ("Vendor,Currency,2022Q1|A,USD,510|B,EUR,490", "column 'Currency' gives the amounts several units: 'USD' and"),
        ("Quarter,Vendor,Currency,Revenue|2022Q1,A,USD,510|2022Q1,B,INR,490", "several units: 'USD' and 'INR'"),
        ("Vendor,UoM,2022Q1|A,M,510|B,K,490", "column 'UoM' gives the amounts several units: 'M' and 'K'"),
    ],
)
def test_amounts_in_several_units_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidTable) as caught:
        understand(grid(text), name="x")
    assert said in str(caught.value)


def test_amounts_in_one_currency_and_shares_next_to_several_are_read() -> None:
    assert understand(grid("Vendor,2022Q1|A,$510|B,US$ 490"), name="x").unit == "amounts"
    assert understand(grid("Vendor,Currency,2022Q1|A,USD,51%|B,EUR,49%"), name="x").unit == "per cent"


def test_markets_that_each_have_a_currency_are_read() -> None:
    text = "Market,Vendor,Currency,2022Q1|IN,A,INR,510|IN,B,INR,490|US,A,USD,610|US,B,USD,490"
    assert understand(grid(text), name="x").markets == ("IN", "US")
    signs = "Market,Vendor,2022Q1|EU,A,\u20ac510|EU,B,\u20ac490|US,A,$610|US,B,$490"
    assert understand(grid(signs), name="x").markets == ("EU", "US")
