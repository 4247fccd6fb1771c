"""The figures a command works on: those that ship, or the user's own."""

from pathlib import Path

from forecast.figures import load_breaks, prepare_figures
from service.catalog import Catalog
from service.tables import read_table


def open_catalog(figures: Path | None, /) -> Catalog:
    """The catalog of a file of figures, or of the shipped ones.

    The declared series breaks are the shipped ones either way: they are facts about markets and houses, not files.

    Raises:
        InvalidArgument: the file cannot be read.
        InvalidTable: it is no table of figures.
    """
    if figures is None:
        return Catalog.shipped()
    return Catalog(prepare_figures(read_table(figures), table=str(figures)), load_breaks())
