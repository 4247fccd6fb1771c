"""A backtest as a picture: do intervals hold what comes as often as their level says, and how far ahead?

A column per model. Above, measured coverage against the nominal level; below, coverage by quarters ahead, each level
beside a line of its own.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from forecast.charts.layout import SHEET_WIDTH, Scene, moved
from forecast.charts.scene import Area, Dot, Line, Point, Primitive, Text
from forecast.charts.style import FONT_FAMILIES, INK, LOOKS, PAGE
from forecast.charts.vector import stylesheet, svg_items, svg_scene
from forecast.charts.wording import EN_DASH, HOUSE_NAMES, MARKET_NAMES, clean, counted, level_text, wrapped
from forecast.errors import InvalidArgument
from forecast.scorecard import REFERENCE, Backtest, Score
from forecast.shown import CHART_FORMATS, ChartFormat

_MARGIN, _GAP = 22.0, 26.0
_LEFT, _RIGHT = 40.0, 40.0  # room for the labels of a plot
_UPPER, _LOWER, _BETWEEN = 200.0, 170.0, 54.0  # heights of the two plots, and from one to the other
_LEADING = 1.38
_LABEL_APART = 12.0  # least distance of two labels one above the other
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def calibration_chart(found: Backtest, *, format: ChartFormat, title: str | None = None) -> bytes:  # noqa: A002
    """Draw nominal level against measured coverage, and coverage by quarters ahead, for every model of a backtest.

    Args:
        found: The backtest; all its markets together.
        format: ``png`` (1760 pixels wide), ``svg``, or ``html`` (one file that loads nothing).
        title: In place of the one made of market and origins.

    Returns:
        The file's bytes; the same bytes for the same input, versions and installed fonts.

    Raises:
        InvalidArgument: the format is none of the three.
    """
    heading = _title(found) if title is None else clean(title)
    scene = calibration_scene(found, heading)
    match format:
        case "png":
            from forecast.charts.raster import png_scene  # here, as matplotlib takes half a second

            return png_scene(scene)
        case "svg":
            return svg_scene(scene, title=heading)
        case "html":
            return _page(found, scene, heading)
        case _:
            raise InvalidArgument("format", format, ", ".join(CHART_FORMATS))


def calibration_scene(found: Backtest, title: str, /) -> Scene:
    """The picture laid out: heading, a column per model, legend and notes."""
    inner = SHEET_WIDTH - 2 * _MARGIN
    items: list[Primitive] = []
    y = _paragraph(items, title, "title", (_MARGIN, _MARGIN), inner)
    y = _paragraph(items, _SUBTITLE, "subtitle", (_MARGIN, y + 2), inner) + 14
    columns = min(3, len(found.models))
    wide = (inner - (columns - 1) * _GAP) / columns
    for start in range(0, len(found.models), columns):
        below = y
        for n, model in enumerate(found.models[start : start + columns]):
            left = _MARGIN + n * (wide + _GAP)
            top = _paragraph(items, clean(model), "provider", (left, y), wide, 2)
            top = _paragraph(items, _headline(found, model), "headline", (left, top), wide, 2) + 10
            items += [moved(item, left, top) for item in _column(found, model, wide)]
            below = max(below, top + _UPPER + _BETWEEN + _LOWER + 36)
        y = below + 8
    y = _keys(items, y) + 12
    for note in _notes(found):
        y = _paragraph(items, note, "note", (_MARGIN, y), inner)
    height = float(round(y + _MARGIN - 6))
    page = Area(((0.0, 0.0), (SHEET_WIDTH, 0.0), (SHEET_WIDTH, height), (0.0, height)), "page")
    return Scene(SHEET_WIDTH, height, (page, *items))


_SUBTITLE = (
    "How often prediction intervals held what came, in per cent of cases. Above the thin line intervals are wider than "
    "they say, below it narrower."
)


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where a plot lies: coverage up, from 0 to 1; something from 0 to 1 along."""

    top: float
    width: float
    height: float

    def at(self, along: float, coverage: float) -> Point:
        """Place of a point."""
        return _LEFT + along * self.width, self.top + (1.0 - coverage) * self.height


def _column(found: Backtest, model: str, wide: float) -> Iterator[Primitive]:
    width = wide - _LEFT - _RIGHT
    yield from _by_level(found, model, _Plot(0.0, width, _UPPER))
    yield from _by_horizon(found, model, _Plot(_UPPER + _BETWEEN, width, _LOWER))


def _by_level(found: Backtest, model: str, plot: _Plot) -> Iterator[Primitive]:
    yield from _grid(plot)
    for tick in _TICKS:
        x, y = plot.at(tick, 0.0)
        yield Text((x, y + 16), f"{100 * tick:.0f}", "tick", "middle")
    yield Text((plot.at(0.5, 0.0)[0], plot.at(0.0, 0.0)[1] + 32), "nominal level, %", "tick", "middle")
    yield Line((plot.at(0.0, 0.0), plot.at(1.0, 1.0)), "origin")
    for measure, look, radius in (("simultaneous_coverage", "combined", 3.6), ("coverage", "mean-dot", 4.0)):
        scores = [found.find(measure, model=model, level=level) for level in found.levels]
        points = tuple(plot.at(s.level, s.value) for s in scores if s is not None and s.level is not None)
        if measure == "coverage" and len(points) > 1:
            yield Line(points, "mean")
        for point in points:
            yield Dot(point, radius, look)


def _by_horizon(found: Backtest, model: str, plot: _Plot) -> Iterator[Primitive]:
    yield from _grid(plot)
    last = max((score.horizon or 0 for score in found.scores), default=1) or 1
    every = 1 + (last - 1) // 10
    for horizon in range(1, last + 1):
        if (horizon - 1) % every == 0:
            x, y = plot.at((horizon - 0.5) / last, 0.0)
            yield Text((x, y + 16), str(horizon), "tick", "middle")
    yield Text((plot.at(0.5, 0.0)[0], plot.at(0.0, 0.0)[1] + 32), "quarters ahead", "tick", "middle")
    lowest = float("inf")  # of the labels so far, which come from the top down
    for level in reversed(found.levels):
        yield Line((plot.at(0.0, level), plot.at(1.0, level)), "origin")
        scores = [found.find("coverage", model=model, level=level, horizon=h) for h in range(1, last + 1)]
        points = tuple(
            plot.at((s.horizon - 0.5) / last, s.value) for s in scores if s is not None and s.horizon is not None
        )
        if len(points) > 1:
            yield Line(points, "mean")
        for point in points:
            yield Dot(point, 2.6, "mean-dot")
        x, y = plot.at(1.0, level)
        y = y if lowest == float("inf") else max(y, lowest + _LABEL_APART)
        lowest = y
        yield Text((x + 4, y + 4), level_text(level), "tick")


def _grid(plot: _Plot) -> Iterator[Primitive]:
    for tick in _TICKS:
        yield Line((plot.at(0.0, tick), plot.at(1.0, tick)), "axis" if tick == 0.0 else "grid")
        x, y = plot.at(0.0, tick)
        yield Text((x - 6, y + 4), f"{100 * tick:.0f}", "tick", "end")


def _keys(items: list[Primitive], y: float) -> float:
    """Add the legend below a height; returns where the next thing can start."""
    x = _MARGIN + _LEFT
    for sample, text, room in (
        (Dot((8.0, 7.0), 4.0, "mean-dot"), "single intervals", 150.0),
        (Dot((8.0, 7.0), 3.6, "combined"), "simultaneous bands: all of a forecast at once", 330.0),
        (Line(((0.0, 7.0), (16.0, 7.0)), "origin"), "as often as the level says", 0.0),
    ):
        items += [moved(sample, x, y), Text((x + 24, y + 11), text, "key")]
        x += room
    return y + 18


def _paragraph(items: list[Primitive], text: str, look: str, at: Point, width: float, most: int = 100) -> float:
    size = LOOKS[look].size
    y = at[1]
    for line in wrapped(text, width, size, bold=LOOKS[look].bold, most=most):
        items.append(Text((at[0], y + size), line, look))
        y += size * _LEADING
    return y


def _title(found: Backtest) -> str:
    if len(found.markets) == 1:
        market = clean(MARKET_NAMES.get(found.markets[0], found.markets[0])) or "Market"
    else:
        market = counted(len(found.markets), "market")
    return f"{market}: calibration over {counted(found.forecasts, 'origin')}"


def _headline(found: Backtest, model: str) -> str:
    wis, skill = found.find("wis", model=model), found.find("wis_skill", model=model)
    parts = [] if wis is None else [f"WIS {wis.value:.2f} points"]
    if skill is not None and model != REFERENCE:
        parts.append(clean(f"skill {round(100 * skill.value)} % against {REFERENCE}"))
    return ", ".join(parts)


def _notes(found: Backtest) -> Iterator[str]:
    scored = found.find("coverage", model=found.models[0], level=found.levels[0])
    cells = 0 if scored is None else scored.count
    house = f" {clean(HOUSE_NAMES.get(found.house, found.house))} figures." if found.house else ""
    yield (
        f"Origins {found.first_origin}{EN_DASH}{found.last_origin}, up to {counted(found.horizon, 'quarter')} ahead, "
        f"{cells:,} shares that came.{house} Forecasts of neighbouring origins share what came, so their hits and "
        "misses go together."
    )
    if found.skipped:
        yield f"{counted(len(found.skipped), 'origin')} left out, as a model could not forecast."
    yield from (clean(note[:1].upper() + note[1:]) for note in found.notes)


_STYLE = f"""\
{stylesheet(0)}body {{ margin: 0 auto; max-width: 980px; padding: 12px; font: 14px/1.4 {FONT_FAMILIES};
  color: {INK.light}; background: {PAGE.light}; }}
@media screen and (prefers-color-scheme: dark) {{ body {{ color: {INK.dark}; background: {PAGE.dark}; }} }}
.chart {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
td, th {{ padding: 2px 12px 2px 0; text-align: right; }}
td:first-child, th:first-child {{ text-align: left; }}
"""


def _page(found: Backtest, scene: Scene, title: str) -> bytes:
    """One HTML file: the picture and its numbers; its policy lets it load and run nothing."""
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in _numbers(found))
    head = "".join(f"<th>{name}</th>" for name in ("model", "nominal level", "coverage", "all at once", "shares"))
    digest = b64encode(sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<svg class="chart" viewBox="0 0 {scene.width:g} {scene.height:g}" role="img" '
        f'aria-label="{escape(title)}">\n{svg_items(scene.items)}</svg>\n'
        f"<details><summary>The numbers</summary>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>"
        "</table></details>\n</main>\n</body>\n</html>\n"
    ).encode()


def _numbers(found: Backtest) -> Iterator[tuple[str, ...]]:
    for model in found.models:
        for level in found.levels:
            single = found.find("coverage", model=model, level=level)
            whole = found.find("simultaneous_coverage", model=model, level=level)
            count = "0" if single is None else f"{single.count:,}"
            yield escape(clean(model)), level_text(level), _per_cent(single), _per_cent(whole), count


def _per_cent(score: Score | None) -> str:
    return EN_DASH if score is None else clean(f"{100 * score.value:.1f} %")
