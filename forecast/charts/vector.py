"""A sheet as SVG, with text as text and a dark look where the reader's system asks for it."""

from collections.abc import Iterable, Sequence
from html import escape

from forecast.charts.layout import Scene, sheet_scene
from forecast.charts.scene import Area, Dot, Line, Point, Primitive, Text
from forecast.charts.sheet import Sheet
from forecast.charts.style import FONT_FAMILIES, Look, Paint, looks


def svg_image(sheet: Sheet, /) -> bytes:
    """The whole sheet as an SVG file in UTF-8."""
    return svg_scene(sheet_scene(sheet), title=sheet.title, bands=len(sheet.levels))


def svg_scene(scene: Scene, /, *, title: str, bands: int = 0) -> bytes:
    """Anything laid out as an SVG file in UTF-8, with the looks of a sheet with so many bands."""
    box = f"0 0 {scene.width:g} {scene.height:g}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{scene.width:g}" height="{scene.height:g}"'
        f' role="img" aria-label="{escape(title)}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{stylesheet(bands)}</style>\n"
        f"{svg_items(scene.items)}</svg>\n"
    ).encode()


def svg_items(items: Iterable[Primitive], /) -> str:
    """SVG elements, one a line, each of the class that is its look's name."""
    return "".join(f"{_element(item)}\n" for item in items)


def stylesheet(bands: int, /) -> str:
    """CSS rules for every look of a sheet with so many bands."""
    named = looks(bands)
    light = "".join(_rule(name, look, dark=False) for name, look in named.items())
    dark = "".join(_rule(name, look, dark=True) for name, look in named.items())
    return (
        f"text {{ font-family: {FONT_FAMILIES}; font-variant-numeric: tabular-nums; }}\n"
        f"{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"
    )


def _element(item: Primitive) -> str:
    match item:
        case Line(points=points, look=look):
            return f'<polyline class="{look}" points="{_points(points)}"/>'
        case Area(points=points, look=look):
            return f'<polygon class="{look}" points="{_points(points)}"/>'
        case Dot(centre=(x, y), radius=radius, look=look):
            return f'<circle class="{look}" cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"/>'
        case Text(at=(x, y), text=text, look=look, anchor=anchor):
            placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
            return f'<text class="{look}" x="{_number(x)}" y="{_number(y)}"{placed}>{escape(text)}</text>'


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _rule(name: str, look: Look, *, dark: bool) -> str:
    def colour(paint: Paint | None) -> str:
        return "none" if paint is None else paint.dark if dark else paint.light

    parts = [f"fill: {colour(look.fill)}", f"stroke: {colour(look.stroke)}"]
    if not dark:
        if look.width:
            parts.append(f"stroke-width: {look.width:g}")
        if look.dash:
            parts.append(f"stroke-dasharray: {look.dash[0]:g} {look.dash[1]:g}")
        if look.round_ends:
            parts.append("stroke-linecap: round; stroke-linejoin: round")
        if look.size:
            parts.append(f"font-size: {look.size:g}px; font-weight: {700 if look.bold else 400}")
    return f".{name} {{ {'; '.join(parts)}; }}\n"
