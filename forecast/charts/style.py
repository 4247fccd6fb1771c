"""How each part of a chart looks, on a light and on a dark page.

One blue for what is forecast, ink for what was published, one orange for what breaks a series: the pair of hues that
people with any colour blindness tell apart (Okabe and Ito 2008, Color Universal Design), and bands differ by lightness.
"""

from dataclasses import dataclass

FONT_FAMILIES = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif'


@dataclass(frozen=True, slots=True)
class Paint:
    """A colour on a light and on a dark page, as #rrggbb."""

    light: str
    dark: str


PAGE = Paint("#ffffff", "#12181f")
INK = Paint("#1b2530", "#e8edf2")
MUTED = Paint("#566370", "#a3b0bc")
PALE = Paint("#8793a0", "#74818e")
GRID = Paint("#dde2e7", "#2d3741")
AXIS = Paint("#a9b3bd", "#55616d")
FAN = Paint("#1f77b4", "#3f9be0")
MEAN = Paint("#0b4a7d", "#b5dcff")
BREAK = Paint("#b65300", "#eaa45b")


@dataclass(frozen=True, slots=True)
class Look:
    """Fill, stroke and lettering of a primitive; lengths in units of the scene."""

    fill: Paint | None = None
    stroke: Paint | None = None
    width: float = 0.0  # of the stroke
    dash: tuple[float, float] | None = None  # drawn, left out
    size: float = 0.0  # of letters
    bold: bool = False
    round_ends: bool = False


LOOKS = {
    "page": Look(fill=PAGE),
    "title": Look(fill=INK, size=20, bold=True),
    "subtitle": Look(fill=MUTED, size=13),
    "provider": Look(fill=INK, size=14, bold=True),
    "headline": Look(fill=MUTED, size=11),
    "note": Look(fill=MUTED, size=11),
    "key": Look(fill=INK, size=11),
    "tick": Look(fill=MUTED, size=11),
    "origin-label": Look(fill=MUTED, size=10.5),
    "end-label": Look(fill=MEAN, size=12, bold=True),
    "last-label": Look(fill=INK, size=12, bold=True),
    "grid": Look(stroke=GRID, width=0.8),
    "axis": Look(stroke=AXIS, width=1),
    "past": Look(stroke=PALE, width=1),
    "mean": Look(stroke=MEAN, width=2, round_ends=True),
    "mean-dot": Look(fill=MEAN),
    "origin": Look(stroke=MUTED, width=1),
    "break": Look(stroke=BREAK, width=1.4, dash=(1.4, 2.6)),
    "reported": Look(fill=INK),
    "combined": Look(fill=PAGE, stroke=INK, width=1.1),
    "inferred": Look(fill=PALE),
    "inferred-bar": Look(stroke=PALE, width=0.9),
}


def band_look(rank: int, of: int, /) -> Look:
    """The look of a band.

    Args:
        rank: 0 for the widest, which is palest.
        of: How many bands there are.
    """
    strength = 0.42 if of == 1 else 0.2 + 0.5 * rank / (of - 1)
    dim = 0.25 + 0.55 * (strength - 0.2) / 0.5  # on a dark page
    return Look(fill=Paint(_mixed(PAGE.light, FAN.light, strength), _mixed(PAGE.dark, FAN.dark, dim)))


def looks(bands: int, /) -> dict[str, Look]:
    """Every look of a sheet with so many bands, by name."""
    return LOOKS | {band_name(rank): band_look(rank, bands) for rank in range(bands)}


def band_name(rank: int, /) -> str:
    """Name of a band's look; 0 is the widest."""
    return f"band-{rank}"


def _mixed(background: str, colour: str, strength: float) -> str:
    pairs = zip(bytes.fromhex(background[1:]), bytes.fromhex(colour[1:]), strict=True)
    return "#" + bytes(round(under + (over - under) * strength) for under, over in pairs).hex()
