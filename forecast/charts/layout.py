"""A whole sheet laid out: heading, panels, legend and notes, one under the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from forecast.charts.legend import KEY_HEIGHT, KEY_WIDTH, legend
from forecast.charts.scene import LEFT, Area, Dot, Line, Point, Primitive, Text, panel_scene
from forecast.charts.sheet import Panel, Sheet
from forecast.charts.style import LOOKS
from forecast.charts.wording import text_width, wrapped


def moved(item: Primitive, dx: float, dy: float, /) -> Primitive:
    """The same primitive at another place."""
    match item:
        case Dot(centre=(x, y)):
            return replace(item, centre=(x + dx, y + dy))
        case Text(at=(x, y)):
            return replace(item, at=(x + dx, y + dy))
        case Line() | Area():
            return replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))


SHEET_WIDTH = 880.0


_MARGIN, _GAP = 22.0, 20.0


_NAME_LINES = 3  # of a provider's name, before it is cut


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole sheet laid out."""

    width: float
    height: float
    items: tuple[Primitive, ...]


def sheet_scene(sheet: Sheet, /) -> Scene:
    """Lay out heading, panels, legend and notes, one under the other."""
    inner = SHEET_WIDTH - 2 * _MARGIN
    items: list[Primitive] = []
    y = _paragraph(items, sheet.title, "title", (_MARGIN, _MARGIN), inner)
    y = _paragraph(items, sheet.subtitle, "subtitle", (_MARGIN, y + 2), inner) + 14
    count = len(sheet.panels)
    columns = 2 if count in {2, 4} else min(3, count)
    wide = (inner - (columns - 1) * _GAP) / columns
    high = 190.0 if columns == 3 else 230.0
    for start in range(0, count, columns):
        y = _row(items, sheet, sheet.panels[start : start + columns], y, wide, high)
    spare = columns - count % columns if count % columns else 0
    if spare and count > columns:  # the empty place in the last row holds the legend
        left = _MARGIN + (columns - spare) * (wide + _GAP)
        top = y - high - _GAP
        y = max(y, _keys(items, sheet, left + LEFT, top, SHEET_WIDTH - _MARGIN) + 10)
    else:
        y = _keys(items, sheet, _MARGIN, y, SHEET_WIDTH - _MARGIN) + 10
    for note in sheet.notes:
        y = _paragraph(items, note, "note", (_MARGIN, y), inner)
    height = float(round(y + _MARGIN - 6))
    page = Area(((0.0, 0.0), (SHEET_WIDTH, 0.0), (SHEET_WIDTH, height), (0.0, height)), "page")
    return Scene(SHEET_WIDTH, height, (page, *items))


def _paragraph(items: list[Primitive], text: str, look: str, at: Point, width: float, most: int = 100) -> float:
    """Add lines of text below a point; returns where the next thing can start."""
    size, bold = LOOKS[look].size, LOOKS[look].bold
    y = at[1]
    for line in wrapped(text, width, size, bold=bold, most=most):
        items.append(Text((at[0], y + size), line, look))
        y += size * 1.38
    return y


def _row(items: list[Primitive], sheet: Sheet, panels: Sequence[Panel], y: float, wide: float, high: float) -> float:
    lines = [
        len(wrapped(panel.provider, wide, LOOKS["provider"].size, bold=True, most=_NAME_LINES)) for panel in panels
    ]
    below = y
    for n, panel in enumerate(panels):
        left = _MARGIN + n * (wide + _GAP)
        top = y + (max(lines) - lines[n]) * LOOKS["provider"].size * 1.38  # names end on one line across the row
        top = _paragraph(items, panel.provider, "provider", (left, top), wide, _NAME_LINES)
        top = _paragraph(items, panel.headline, "headline", (left, top), wide) + 4
        items += [moved(item, left, top) for item in panel_scene(sheet, panel, width=wide, height=high)]
        below = max(below, top + high)
    return below + _GAP


def _keys(items: list[Primitive], sheet: Sheet, left: float, y: float, right: float) -> float:
    """Add the legend, as many entries side by side as fit."""
    size = LOOKS["key"].size
    x = left
    for key in legend(sheet):
        lines = wrapped(key.text, right - left - KEY_WIDTH - 8, size)
        width = KEY_WIDTH + 8 + max(text_width(line, size) for line in lines)
        if x > left and x + width > right:
            x, y = left, y + KEY_HEIGHT + 6
        items += [moved(item, x, y) for item in key.sample]
        for n, line in enumerate(lines):
            items.append(Text((x + KEY_WIDTH + 8, y + KEY_HEIGHT / 2 + 4 + n * size * 1.3), line, "key"))
        if len(lines) > 1:
            x, y = right, y + (len(lines) - 1) * size * 1.3
        else:
            x += width + 18
    return y + KEY_HEIGHT + 6
