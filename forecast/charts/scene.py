"""A panel laid out: lines, areas, dots and text at places, for any of the formats to draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from forecast.charts.axis import quarter_labels
from forecast.charts.sheet import Fan, Mark, Panel, Sheet
from forecast.charts.style import LOOKS, band_name
from forecast.charts.wording import text_width
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
        yield Text((frame.left - 6, y + 4), panel.axis.tick_text(share), "tick", "end")


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
