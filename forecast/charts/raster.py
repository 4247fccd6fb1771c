"""A sheet as PNG, drawn by matplotlib."""

from functools import lru_cache
from io import BytesIO
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon
from matplotlib.text import Text as Lettering
from matplotlib.transforms import Affine2D, Transform

from forecast.charts.layout import Scene, sheet_scene
from forecast.charts.scene import Area, Dot, Line, Primitive, Text
from forecast.charts.sheet import Sheet
from forecast.charts.style import LOOKS, PAGE, Look, Paint, looks
from forecast.charts.wording import UNPRINTABLE

PIXELS_PER_UNIT = 2
_FONT = "DejaVu Sans"  # comes with matplotlib, so it is always there
_NORMAL, _BOLD = {400, "normal", "regular", "book"}, {700, "bold"}
_NO_OUTLINES = ("Emoji", "Color", "Last Resort", "LastResort")  # bitmaps, and fonts made of boxes
_SIDES: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}
_UNDRAWN = f"Some letters have no font on this machine and show as {UNPRINTABLE}; the SVG and HTML charts carry them."


def png_image(sheet: Sheet, /) -> bytes:
    """The whole sheet as a PNG file without dates."""
    return png_scene(sheet_scene(sheet), bands=len(sheet.levels))


def png_scene(scene: Scene, /, *, bands: int = 0) -> bytes:
    """Anything laid out as a PNG file without dates, with the looks of a sheet with so many bands.

    Only explicit properties and no pyplot: nothing global changes, so threads can draw at the same time.
    """
    families, undrawn = _fonts(frozenset(c for item in scene.items if isinstance(item, Text) for c in item.text))
    if undrawn:
        scene = _with_note(scene)
    figure = Figure(
        figsize=(scene.width / 72, scene.height / 72),  # a unit of the scene is a typographic point
        dpi=72 * PIXELS_PER_UNIT,
        facecolor=PAGE.light,
        edgecolor="none",
        frameon=True,
    )
    canvas = FigureCanvasAgg(figure)
    place = Affine2D().translate(0, -scene.height).scale(PIXELS_PER_UNIT, -PIXELS_PER_UNIT)
    table = looks(bands)
    for order, item in enumerate(scene.items):
        artist = _artist(item, table[item.look], place, families, undrawn)
        artist.set_zorder(order)
        figure.add_artist(artist)
    file = BytesIO()
    canvas.print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return file.getvalue()


def _artist(
    item: Primitive, look: Look, place: Transform, families: tuple[str, ...], undrawn: frozenset[str]
) -> Artist:
    match item:
        case Line(points=points):
            return Line2D(
                [x for x, _ in points],
                [y for _, y in points],
                transform=place,
                color=_colour(look.stroke),
                linewidth=look.width,
                linestyle="-" if look.dash is None else (0, tuple(length / look.width for length in look.dash)),
                marker="none",
                antialiased=True,
                solid_capstyle="round" if look.round_ends else "butt",
                solid_joinstyle="round",
                dash_capstyle="butt",
            )
        case Area(points=points):
            return Polygon(points, closed=True, transform=place, **_filled(look))
        case Dot(centre=centre, radius=radius):
            return Circle(centre, radius, transform=place, **_filled(look))
        case Text(at=(x, y), text=text, anchor=anchor):
            return Lettering(
                x,
                y,
                "".join(UNPRINTABLE if c in undrawn else c for c in text),
                transform=place,
                color=_colour(look.fill),
                horizontalalignment=_SIDES[anchor],
                verticalalignment="baseline",
                fontproperties=_lettering(families, look.size, bold=look.bold),
                parse_math=False,  # a dollar sign in a name is a dollar sign
                usetex=False,
            )


def _filled(look: Look) -> dict[str, object]:
    return {
        "facecolor": _colour(look.fill),
        "edgecolor": _colour(look.stroke),
        "linewidth": look.width,
        "linestyle": "-",
        "antialiased": True,
    }


def _colour(paint: Paint | None) -> str:
    return "none" if paint is None else paint.light


def _lettering(families: tuple[str, ...], size: float, *, bold: bool) -> FontProperties:
    return FontProperties(
        family=list(families),
        size=size,
        weight="bold" if bold else "normal",
        style="normal",
        variant="normal",
        stretch="normal",
    )


def _with_note(scene: Scene) -> Scene:
    last = max((item for item in scene.items if isinstance(item, Text)), key=lambda item: item.at[1])
    step = LOOKS["note"].size * 1.38
    return Scene(
        scene.width, scene.height + step, (*scene.items, Text((last.at[0], last.at[1] + step), _UNDRAWN, "note"))
    )


@lru_cache(maxsize=64)
def _fonts(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Font families that draw the characters together, and the characters that no font of this machine has.

    matplotlib only warns about a missing letter and draws a box, so what is missing is found out before.
    """
    families = [_FONT]
    missing = _not_in(findfont(FontProperties(family=[_FONT])), characters)
    for name, path in _other_fonts() if missing else ():
        left = _not_in(path, missing)
        if left != missing and name not in families:
            families.append(name)
            missing = left
        if not missing:
            break
    return tuple(families), missing


def _not_in(path: str, characters: frozenset[str]) -> frozenset[str]:
    font = get_font(path)
    return frozenset(c for c in characters if not font.get_char_index(ord(c)))


@lru_cache(maxsize=1)
def _other_fonts() -> tuple[tuple[str, str], ...]:
    """Families beside the first and the file of their upright letters, sans serif before others, then by name."""
    upright = [entry for entry in fontManager.ttflist if entry.style == "normal" and entry.stretch == "normal"]
    files = {entry.name: entry.fname for entry in upright if entry.weight in _NORMAL}
    bold = {entry.name for entry in upright if entry.weight in _BOLD}
    usable = (name for name in files if name != _FONT and not any(word in name for word in _NO_OUTLINES))
    # a family without a bold comes late: matplotlib logs each time it takes the normal weight in its place
    ordered = sorted(usable, key=lambda name: (name not in bold, "Sans" not in name, "Mono" in name, name))
    return tuple((name, files[name]) for name in ordered)
