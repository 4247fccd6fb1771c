"""The figures that a caller asks for."""

import polars as pl

from forecast.listing import select_figures
from service.catalog import Catalog
from service.queries import FiguresQuery


def find_figures(catalog: Catalog, query: FiguresQuery, /) -> pl.DataFrame:
    """Every figure that fits the filters of a query, whatever its page.

    Returns:
        Columns of `forecast.figures.CURATED_SCHEMA`, in the order of `forecast.listing.select_figures`; empty where
        nothing was published by the date or about the quarter asked for.

    Raises:
        NotFound: there is no such market, no such house in it, or nobody there names that provider.
    """
    found = catalog.figures(market=query.market, house=query.house, period=query.quarter, as_of=query.as_of)
    if query.provider is not None:
        found = found.filter(pl.col("providers").str.split("|").list.contains(query.provider))
    if found.is_empty():  # because of a name that nothing has, whatever the date and the quarter?
        select_figures(catalog.figures(), market=query.market, house=query.house, provider=query.provider)
    return select_figures(found)
