"""Amounts in several currencies or units: they cannot be added, and are refused."""

import re

from forecast.cells import quoted
from forecast.headers import is_unit
from forecast.sheet.grid import Table
from forecast.sheet.reading import Records
from forecast.sheet.wording import listed

_SIGNS = {
    "USD": r"us\$|\$|usd",
    "EUR": r"\u20ac|eur",
    "GBP": r"\u00a3|gbp",
    "CNY or JPY": r"\u00a5|cny|rmb|jpy",
    "INR": r"\u20b9|inr|rs\.?",
    "KRW": r"\u20a9|krw",
    "CHF": r"chf",
}
_CURRENCY = re.compile("|".join(f"(?P<c{k}>{sign})" for k, sign in enumerate(_SIGNS.values())), re.I)


def check_one_unit(records: Records, table: Table) -> None:
    """Refuse amounts with signs of several currencies, or next to a column of several units or currencies.

    Raises:
        InvalidTable: there are several; the sentence names two of them.
    """
    first: dict[tuple[str, str | None], int] = {}
    for n, cell in enumerate(records.numbers):
        if isinstance(cell, str) and (found := _CURRENCY.search(cell)):
            first.setdefault((records.markets[n], found.lastgroup), n)
    for (market, _), one in first.items():
        other = next((n for (where, _), n in first.items() if where == market and n > one), None)
        if other is not None:
            raise table.refusal(
                "one_unit",
                f"the amounts are in several currencies: row {records.rows[one]} has {quoted(records.numbers[one])} "
                f"and row {records.rows[other]} has {quoted(records.numbers[other])}; give them in one, or give shares",
                row=records.rows[other] - 1,
            )
    market_of = dict(zip(records.rows, records.markets, strict=True))
    rows = [n for n in table.below(table.header) if table.number(n) in market_of]
    for c in range(table.width):
        texts: dict[str, dict[str, str]] = {}
        for n in rows:
            if text := table.text(n, c):
                texts.setdefault(market_of[table.number(n)], {})[text.casefold()] = text
        several = next((list(found.values()) for found in texts.values() if len(found) > 1), None)
        if several is not None and all(is_unit(text) for found in texts.values() for text in found):
            raise table.refusal(
                "one_unit",
                f"column {quoted(table.title(table.header, c))} gives the amounts several units: "
                f"{listed([quoted(text) for text in several])}; give them in one, or give shares",
                row=table.header,
            )
