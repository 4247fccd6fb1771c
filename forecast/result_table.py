"""A result as a table: for a notebook in HTML, for a terminal in text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from forecast.charts.wording import clean, counted

# Written into each element: notebooks drop style sheets of results that are not trusted, and one result must not style
# another. No colour but grey, which reads on any page.
_FAINT = "opacity: 0.7;"
_LINE = "border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.35);"
_CELL = f"{_LINE} padding: 3px 12px 3px 0; vertical-align: top; background: transparent;"
_WHERE = {"left": "text-align: left;", "right": "text-align: right; white-space: nowrap;"}

Cell: TypeAlias = tuple[str, str]  # what it says, and what stands small below it


@dataclass(frozen=True, slots=True)
class ResultTable:
    """Rows under a caption, the first column naming them."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]  # name and cells, one less than there are columns
    sides: Sequence[str] = ()  # "left" or "right" of the first columns of cells; the others stand to the right
    before: Sequence[str] = ()  # lines above the table
    notes: Sequence[str] = ()  # lines below it
    folded: Sequence[str] = ()  # more of them, for who asks

    def html(self) -> str:
        """One self-contained HTML fragment, for light and dark pages."""
        items = "".join(f"<li>{escape(clean(line))}</li>" for line in self.before)
        before = f'<ul style="margin: 6px 0; padding-left: 20px;">{items}</ul>' if items else ""
        return f"{before}{self._html_table()}{_html_notes(self.notes, self.folded)}"

    def text(self) -> str:
        """Lines of text without an end of line after the last; what stands small follows in brackets."""
        cells = [[name, *(f"{said} ({below})" if below else said for said, below in row)] for name, row in self.rows]
        table = [[clean(cell) for cell in row] for row in ([*self.columns], *cells)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        left = [side == "left" for side in ("left", *self._sides)]
        lines = [
            "  ".join(
                cell.ljust(width) if to_left else cell.rjust(width)
                for cell, width, to_left in zip(row, widths, left, strict=True)
            ).rstrip()
            for row in table
        ]
        folded = [counted(len(self.folded), "note")] if self.folded else []
        return "\n".join([clean(self.caption), *map(clean, self.before), *lines, *map(clean, self.notes), *folded])

    @property
    def _sides(self) -> tuple[str, ...]:
        """Of every column of cells."""
        return (*self.sides, *["right"] * (len(self.columns) - 1 - len(self.sides)))

    def _html_table(self) -> str:
        head = "".join(
            f'<th scope="col" style="{_CELL} {_WHERE[side]}">{escape(clean(name))}</th>'
            for name, side in zip(self.columns, ("left", *self._sides), strict=True)
        )
        body = []
        for name, cells in self.rows:
            texts = "".join(
                f'<td style="{_CELL} {_WHERE[side]}">{_cell(cell)}</td>'
                for cell, side in zip(cells, self._sides, strict=True)
            )
            label = f'<th scope="row" style="{_CELL} {_WHERE["left"]} font-weight: 600;">{escape(clean(name))}</th>'
            body.append(f'<tr style="background: transparent;">{label}{texts}</tr>')
        return (
            f'<div style="overflow-x: auto;" tabindex="0" role="region" aria-label="{escape(clean(self.caption))}">'
            '<table style="border-collapse: collapse; border: 0; font-variant-numeric: tabular-nums; margin: 0;">'
            f'<caption style="caption-side: top; text-align: left; color: inherit; padding: 4px 0; font-weight: 600;">'
            f"{escape(clean(self.caption))}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        )


def _cell(cell: Cell) -> str:
    text, below = cell
    small = f'<br><small style="{_FAINT}">{escape(clean(below))}</small>' if below else ""
    return f"{escape(clean(text))}{small}"


def _html_notes(told: Iterable[str], folded: Sequence[str]) -> str:
    """Lines below a table; what is only for who asks is folded away."""
    lines = "".join(f'<p style="margin: 4px 0; font-size: 0.9em; {_FAINT}">{escape(clean(text))}</p>' for text in told)
    if not folded:
        return lines
    items = "".join(f"<li>{escape(clean(text))}</li>" for text in folded)
    return (
        f'{lines}<details style="font-size: 0.9em;"><summary>{counted(len(folded), "note")}</summary>'
        f'<ul style="margin: 4px 0; padding-left: 20px;">{items}</ul></details>'
    )
