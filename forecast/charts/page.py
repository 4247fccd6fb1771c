"""A sheet as one HTML file that loads nothing: readouts under the pointer, providers to switch, light and dark."""

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape

from forecast.charts.legend import KEY_HEIGHT, KEY_WIDTH, legend
from forecast.charts.page_text import SCRIPT, STYLE
from forecast.charts.scene import panel_frame, panel_scene
from forecast.charts.sheet import Panel, Section, Sheet, Table
from forecast.charts.vector import stylesheet, svg_items
from forecast.charts.wording import clean, counted

_LONG = 28  # characters of a cell, above which it may take several lines
_WIDTH, _HEIGHT = 360.0, 240.0  # of a panel, in CSS pixels before it stretches to its column


def html_page(sheet: Sheet, /, sections: Sequence[Section] = ()) -> bytes:
    """The whole sheet, and sections below it, as an HTML file in UTF-8.

    Its content security policy allows this file's own style and script by their hashes and nothing else, so that
    no text in it can run or fetch anything.
    """
    style = stylesheet(len(sheet.levels)) + STYLE
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(SCRIPT)}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(sheet.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(sheet.title)}</h1>\n<p class="lead">{escape(sheet.subtitle)}</p>\n'
        f"{_switches(sheet)}{_legend(sheet)}"
        f'<div class="panels">\n{"".join(_panel(sheet, panel) for panel in sheet.panels)}</div>\n'
        f"{''.join(_section(section) for section in sections)}{_notes(sheet)}{_table(sheet.table)}</main>\n"
        f'<script type="application/json" id="sheet">{_data(sheet)}</script>\n<script>{SCRIPT}</script>\n'
        "</body>\n</html>\n"
    ).encode()


def bare_page(title: str, style: str, body: str, /) -> bytes:
    """One HTML file in UTF-8 with style and a body of its own; its policy lets it load and run nothing."""
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n"
        "</body>\n</html>\n"
    ).encode()


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _switches(sheet: Sheet) -> str:
    if len(sheet.panels) < 2:
        return ""
    buttons = "".join(
        f'<button type="button" aria-pressed="true">{escape(panel.provider)}</button>\n' for panel in sheet.panels
    )
    return f'<div class="switches" role="group" aria-label="Providers shown">\n{buttons}</div>\n'


def _legend(sheet: Sheet) -> str:
    box = f'viewBox="0 0 {KEY_WIDTH:g} {KEY_HEIGHT:g}" width="{KEY_WIDTH:g}" height="{KEY_HEIGHT:g}"'
    keys = "".join(
        f'<li><svg {box} aria-hidden="true">{svg_items(key.sample)}</svg>{escape(key.text)}</li>\n'
        for key in legend(sheet)
    )
    return f'<ul class="legend">\n{keys}</ul>\n'


def _panel(sheet: Sheet, panel: Panel) -> str:
    frame = panel_frame(sheet, width=_WIDTH, height=_HEIGHT)
    lines = "tall" if len(sheet.levels) > 3 else "low"
    guide = f'<line class="guide" x1="0" x2="0" y1="{frame.top:g}" y2="{frame.bottom:g}" visibility="hidden"/>'
    label = escape(f"{panel.provider}: {panel.headline}")
    plot = svg_items(panel_scene(sheet, panel, width=_WIDTH, height=_HEIGHT))
    return (
        f"<figure>\n<figcaption><h2>{escape(panel.provider)}</h2>"
        f'<p class="readout {lines}">{escape(panel.headline)}</p></figcaption>\n'
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" tabindex="0" role="img" aria-label="{label}">\n'
        f"{plot}{guide}</svg>\n</figure>\n"
    )


def _notes(sheet: Sheet) -> str:
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in sheet.notes)
    doubts = ""
    if sheet.warnings:
        items = "".join(f"<li>{escape(warning)}</li>\n" for warning in sheet.warnings)
        doubts = f"<details><summary>{counted(len(sheet.warnings), 'warning')}</summary><ul>\n{items}</ul></details>\n"
    return f'<div class="notes">\n{notes}</div>\n{doubts}'


def _section(section: Section) -> str:
    paragraphs = "".join(f"<p>{escape(clean(text))}</p>\n" for text in section.paragraphs)
    table = "" if section.table is None else _rows(section.table)
    picture = ""
    if section.picture:
        data = b64encode(section.picture).decode()
        image = f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(section.picture_text)}">'
        picture = f'<div class="scroll" tabindex="0">{image}</div>\n'
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{paragraphs}{table}{picture}</section>\n"


def _table(table: Table) -> str:
    return f"<details><summary>The numbers</summary>\n{_rows(table)}</details>\n"


def _rows(table: Table) -> str:
    head = _cells("th", table.columns)
    rows = "".join(f"<tr>{_cells('td', row)}</tr>\n" for row in table.rows)
    return (
        '<div class="scroll" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}{_long(tag, text)}>{escape(clean(text))}</{tag}>" for text in texts)


def _long(tag: str, text: str) -> str:
    return ' class="long"' if tag == "td" and len(text) > _LONG else ""


def _data(sheet: Sheet) -> str:
    """What the script needs, as JSON that cannot end the element it stands in."""
    frame = panel_frame(sheet, width=_WIDTH, height=_HEIGHT)
    places = [round(frame.x(sheet.first + n), 2) for n in range(sheet.last - sheet.first + 1)]
    data = {"x": places, "readouts": [panel.readouts for panel in sheet.panels]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
