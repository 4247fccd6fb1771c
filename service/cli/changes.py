"""What an import or a withdrawal changes, as lines of text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.cli.output import say

if TYPE_CHECKING:
    from service.results import CellChange


def tell_changes(changes: "Sequence[CellChange]", total: int | None = None) -> None:
    """Print cells with what held before and what holds after; `total`: of how many these are the first."""
    for change in changes:
        say(f"  {change}")
    if total is not None and total > len(changes):
        say(f"  and {total - len(changes)} more")
