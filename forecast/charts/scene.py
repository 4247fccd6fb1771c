"""A sheet laid out: lines, areas, dots and text at places, for any of the formats to draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from forecast.charts.axis import quarter_labels
from forecast.charts.sheet import Fan, Mark, Panel, Sheet
from forecast.charts.style import LOOKS, band_name
from forecast.charts.wording import level_text, per_cent, text_width, wrapped
from forecast.quarter import Quarter
from forecast.results import Status

Point: TypeAlias = tuple[float, float]  # right and down from the top left corner


@dataclass(frozen=True, slots=True)
class Line:
    """An open line."""

    points: tuple[Point, ...]
    look: str


@dataclass(frozen=True, slots=True)
class Area:
    """A closed, filled shape."""

    points: tuple[Point, ...]
    look: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A circle."""

    centre: Point
    radius: float
    look: str


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text, `at` its baseline."""

    at: Point
    text: str
    look: str
    anchor: str = "start"  # start, middle, end


Primitive: TypeAlias = Line | Area | Dot | Text


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a plot lies: shares up, quarters along."""

    left: float
    top: float
    width: float
    height: float
    first: Quarter
    last: Quarter

    @property
    def spacing(self) -> float:
        """Distance between neighbouring quarters."""
        return self.width / (self.last - self.first + 1)

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height

    def x(self, quarter: Quarter, shift: float = 0.0) -> float:
        """Place of a quarter, shifted by a part of a quarter."""
        return self.left + (quarter - self.first + 0.5 + shift) * self.spacing


LEFT, RIGHT = 42.0, 54.0  # room for the share labels and the end label
ABOVE, BELOW = 18.0, 22.0  # room for the origin's label and the years
_PAD = 5.0  # between the outermost grid lines and the frame, so that dots at 0 and 100 per cent stay whole


def panel_scene(sheet: Sheet, panel: Panel, /, *, width: float, height: float) -> tuple[Primitive, ...]:
    """One panel without its heading, from the bottom to the top layer."""
    frame = panel_frame(sheet, width=width, height=height)
    return (
        *_bands(frame, panel),
        *_grid(frame, panel),
        *_breaks(frame, sheet),
        *_origin(frame, sheet),
        *_past(frame, panel, sheet.breaks),
        *_mean(frame, panel),
        *(item for mark in panel.marks for item in _mark(frame, panel, mark)),
        *_quarters(frame),
        *_end_label(frame, panel),
    )


def panel_frame(sheet: Sheet, /, *, width: float, height: float) -> Frame:
    """Where the plot of a panel of this size lies; the same for every panel of a sheet."""
    return Frame(LEFT, ABOVE, width - LEFT - RIGHT, height - ABOVE - BELOW, sheet.first, sheet.last)


def _y(frame: Frame, panel: Panel, share: float) -> float:
    axis = panel.axis
    part = (share - axis.low) / (axis.high - axis.low)
    return frame.bottom - _PAD - min(max(part, 0.0), 1.0) * (frame.height - 2 * _PAD)


def _bands(frame: Frame, panel: Panel) -> Iterator[Primitive]:
    fan = panel.fan
    for rank, band in enumerate(fan.bands if fan else ()):
        xs = _fan_xs(frame, fan)
        upper = [(x, _y(frame, panel, share)) for x, share in zip(xs, _along(band.upper), strict=True)]
        lower = [(x, _y(frame, panel, share)) for x, share in zip(xs, _along(band.lower), strict=True)]
        yield Area((*upper, *reversed(lower)), band_name(rank))


def _fan_xs(frame: Frame, fan: Fan | None) -> list[float]:
    quarters = fan.quarters if fan else ()
    if len(quarters) == 1:  # one quarter ahead of no history: a bar, as a line would have no width
        return [frame.x(quarters[0], -0.3), frame.x(quarters[0], 0.3)]
    return [frame.x(quarter) for quarter in quarters]


def _along(shares: Sequence[float]) -> Sequence[float]:
    return [shares[0], shares[0]] if len(shares) == 1 else shares


def _grid(frame: Frame, panel: Panel) -> Iterator[Primitive]:
    lowest = panel.axis.ticks[0]
    for share in panel.axis.ticks:
        y = _y(frame, panel, share)
        yield Line(((frame.left, y), (frame.right, y)), "axis" if share == lowest else "grid")
        yield Text((frame.left - 6, y + 4), per_cent(share, panel.axis.digits if share < 1 else 0), "tick", "end")


def _breaks(frame: Frame, sheet: Sheet) -> Iterator[Primitive]:
    for quarter in sheet.breaks:
        x = frame.x(quarter, -0.5)
        yield Line(((x, frame.top), (x, frame.bottom)), "break")


def _origin(frame: Frame, sheet: Sheet) -> Iterator[Primitive]:
    if sheet.origin is None:
        return
    shift = 0.0 if sheet.origin >= sheet.first else 0.5  # without a history the line stands at the left edge
    x = frame.x(max(sheet.origin, sheet.first + -1), shift)
    yield Line(((x, frame.top), (x, frame.bottom)), "origin")
    text = f"origin {sheet.origin}"
    half = text_width(text, LOOKS["origin-label"].size) / 2
    centre = min(max(x, frame.left + half), frame.right + RIGHT - half)
    yield Text((centre, frame.top - 5), text, "origin-label", "middle")


def _past(frame: Frame, panel: Panel, breaks: Sequence[Quarter]) -> Iterator[Primitive]:
    """A thin line through shares that follow each other, broken where a series breaks."""
    run: list[Mark] = []
    for mark in panel.marks:
        if run and (mark.quarter - run[-1].quarter > 1 or mark.quarter in breaks):
            yield from _thread(frame, panel, run)
            run = []
        run.append(mark)
    yield from _thread(frame, panel, run)


def _thread(frame: Frame, panel: Panel, run: Sequence[Mark]) -> Iterator[Primitive]:
    if len(run) > 1:
        yield Line(tuple((frame.x(mark.quarter), _y(frame, panel, mark.share)) for mark in run), "past")


def _mean(frame: Frame, panel: Panel) -> Iterator[Primitive]:
    if panel.fan is None:
        return
    ys = [_y(frame, panel, share) for share in _along(panel.fan.mean)]
    yield Line(tuple(zip(_fan_xs(frame, panel.fan), ys, strict=True)), "mean")
    yield Dot((frame.x(panel.fan.quarters[-1]), ys[-1]), 2.6, "mean-dot")


def _mark(frame: Frame, panel: Panel, mark: Mark) -> Iterator[Primitive]:
    centre = frame.x(mark.quarter), _y(frame, panel, mark.share)
    yield from mark_scene(
        mark.status,
        centre,
        radius=min(2.8, max(1.2, 0.4 * frame.spacing)),
        bar=(_y(frame, panel, mark.high), _y(frame, panel, mark.low)),
    )


def mark_scene(status: Status, centre: Point, /, *, radius: float, bar: tuple[float, float]) -> tuple[Primitive, ...]:
    """The sign of a status: a solid dot, an open dot, a small pale dot with a bar, or nothing."""
    match status:
        case Status.REPORTED:
            return (Dot(centre, radius, "reported"),)
        case Status.COMBINED:
            return (Dot(centre, radius * 0.95, "combined"),)
        case Status.INFERRED:
            x = centre[0]
            return Line(((x, bar[0]), (x, bar[1])), "inferred-bar"), Dot(centre, radius * 0.7, "inferred")
        case Status.UNKNOWN:
            return ()


def _quarters(frame: Frame) -> Iterator[Primitive]:
    room = text_width("2020Q4", LOOKS["tick"].size) + 8
    labelled = quarter_labels(frame.first, frame.last, spacing=frame.spacing, room=room)
    by_year = all("Q" not in text for _, text in labelled)
    if by_year and frame.spacing >= 3:
        for n in range(frame.last - frame.first + 1):
            x = frame.x(frame.first + n)
            yield Line(((x, frame.bottom), (x, frame.bottom + 2.5)), "axis")
    for quarter, text in labelled:
        x = frame.x(quarter)
        yield Line(((x, frame.bottom), (x, frame.bottom + 5)), "axis")
        half = text_width(text, LOOKS["tick"].size) / 2
        centre = min(max(x, half), frame.right + RIGHT - half)
        yield Text((centre, frame.bottom + 17), text, "tick", "middle")


def _end_label(frame: Frame, panel: Panel) -> Iterator[Primitive]:
    if not panel.end_label:
        return
    share, look = (panel.fan.mean[-1], "end-label") if panel.fan else (panel.marks[-1].share, "last-label")
    yield Text((frame.right + 3, _y(frame, panel, share) + 4), panel.end_label, look)


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend."""

    sample: tuple[Primitive, ...]  # in a box of KEY_WIDTH by KEY_HEIGHT
    text: str


KEY_WIDTH, KEY_HEIGHT = 26.0, 14.0
_STATUS_TEXT = {
    Status.REPORTED: "reported",
    Status.COMBINED: "combined: out of a published sum, or the rest",
    Status.INFERRED: "inferred, with its 95\N{NO-BREAK SPACE}% bar",
    Status.UNKNOWN: "no dot: nothing published",
}


def legend(sheet: Sheet, /) -> tuple[Key, ...]:
    """What the signs on a sheet mean: only those that occur."""
    middle = KEY_HEIGHT / 2
    across = (0.0, middle), (KEY_WIDTH, middle)
    upright = (KEY_WIDTH / 2, 0.0), (KEY_WIDTH / 2, KEY_HEIGHT)
    box = (0.0, 1.0), (KEY_WIDTH, 1.0), (KEY_WIDTH, KEY_HEIGHT - 1), (0.0, KEY_HEIGHT - 1)
    keys = [
        Key(mark_scene(status, (KEY_WIDTH / 2, middle), radius=3.0, bar=(1.0, KEY_HEIGHT - 1)), _STATUS_TEXT[status])
        for status in sheet.statuses
    ]
    if sheet.levels:
        keys.append(Key((Line(across, "mean"),), "mean forecast"))
    ranked = list(enumerate(sheet.levels))
    keys += [Key((Area(box, band_name(rank)),), f"{level_text(level)} interval") for rank, level in reversed(ranked)]
    if sheet.origin is not None:
        keys.append(Key((Line(upright, "origin"),), "origin: the last quarter the model saw"))
    if sheet.breaks:
        keys.append(Key((Line(upright, "break"),), "declared series break"))
    return tuple(keys)


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
