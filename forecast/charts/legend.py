"""What the signs on a sheet mean."""

from dataclasses import dataclass

from forecast.charts.scene import Area, Line, Primitive, mark_scene
from forecast.charts.sheet import Sheet
from forecast.charts.style import band_name
from forecast.charts.wording import level_text
from forecast.results import Status


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend."""

    sample: tuple[Primitive, ...]  # in a box of KEY_WIDTH by KEY_HEIGHT
    text: str


KEY_WIDTH, KEY_HEIGHT = 26.0, 14.0


_STATUS_TEXT = {
    Status.REPORTED: "reported",
    Status.COMBINED: "combined: out of a published sum, the rest, or an amount",
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
    if sheet.past_text:
        sample = mark_scene(Status.REPORTED, (KEY_WIDTH / 2, middle), radius=3.0, bar=(middle, middle))
        keys.append(Key(sample, sheet.past_text))
    if any(panel.fan is not None for panel in sheet.panels):
        keys.append(Key((Line(across, "mean"),), sheet.line_text))
    ranked = list(enumerate(sheet.levels))
    keys += [Key((Area(box, band_name(rank)),), f"{level_text(level)} interval") for rank, level in reversed(ranked)]
    if sheet.origin is not None:
        keys.append(Key((Line(upright, "origin"),), "origin: the last quarter the model saw"))
    if sheet.breaks:
        keys.append(Key((Line(upright, "break"),), "declared series break"))
    return tuple(keys)
