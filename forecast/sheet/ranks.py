"""Vendors' names without the ranks that press tables put before them, such as 1. Acme."""

from forecast.cells import Cell, quoted, tidy
from forecast.headers import is_sum
from forecast.names import is_residual, without_rank
from forecast.sheet.grid import name_of
from forecast.sheet.reading import Records

_FEWEST = 2  # names by which ranks are known as such


def drop_ranks(records: Records, notes: list[str]) -> None:
    """Take ranks from before names where every vendor but Others and sums has one."""
    names = {who: tidy(name_of(who)) for who in dict.fromkeys(records.providers) if who is not None}
    ranked: dict[Cell, str] = {who: bare for who, name in names.items() if (bare := without_rank(name))}
    rest = [name for who, name in names.items() if who not in ranked]
    if len(ranked) < _FEWEST or not all(is_residual(name) or is_sum(name) for name in rest):
        return
    first = next(iter(ranked))
    notes.append(f"ranks before names are no part of them: {quoted(first)} is {quoted(ranked[first])}")
    records.providers = [ranked.get(who, who) for who in records.providers]
