"""How much work the history of a market is, told from its figures before it is made."""

import polars as pl

from forecast.errors import InvalidArgument

MOST_CELLS = 1_000_000  # providers * providers * quarters of a history made from figures: some 300 MB and a second
_WIDE_CELLS, _WIDE_ROWS = 100_000, 5_000  # beyond either a history takes more than a twentieth of a second


def is_wide(figures: pl.DataFrame, /) -> bool:
    """Whether a history takes so long that others' work of milliseconds must not wait for it.

    Args:
        figures: Curated, of one market and house.
    """
    if figures.height > _WIDE_ROWS:
        return True
    providers, quarters = _extent(figures)
    return not _is_table(figures) and providers**2 * quarters > _WIDE_CELLS


def check_extent(figures: pl.DataFrame, /, field: str) -> None:
    """Refuse figures whose history would take the memory of the machine.

    A table of shares holds as it is, and takes no more room than it has cells. Where figures are weighed against each
    other, room grows with the square of the providers.

    Args:
        figures: Curated, of one market and house.
        field: What brought them, for the message.

    Raises:
        InvalidArgument: they have more than `MOST_CELLS`.
    """
    if _is_table(figures):
        return
    providers, quarters = _extent(figures)
    if providers**2 * quarters > MOST_CELLS:
        problem = f"have too many cells: {providers} providers over {quarters} quarters"
        fit = max(int((MOST_CELLS / quarters) ** 0.5), 1)
        raise InvalidArgument(field, providers, f"{fit} providers at most over so many quarters", problem)


def _is_table(figures: pl.DataFrame) -> bool:
    return "kind" in figures.columns and bool((figures["kind"] == "shares").all())


def _extent(figures: pl.DataFrame) -> tuple[int, int]:
    """Providers, and quarters from the first year to the last."""
    if figures.is_empty():
        return 0, 0
    providers = figures["providers"].unique().str.split("|").explode().n_unique()
    years = figures["period"].str.slice(0, 4).cast(pl.Int32)
    first, last = years.min(), years.max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    return providers, 4 * (last - first + 1)
