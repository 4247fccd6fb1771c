"""Style and script of the HTML page, as they stand in it."""

from forecast.charts.style import AXIS, BREAK, FAN, FONT_FAMILIES, GRID, INK, MUTED, PAGE, Paint


def _colours(name: str, paint: Paint, *, dark: bool) -> str:
    return f"--{name}: {paint.dark if dark else paint.light}; "


_NAMED = {"page": PAGE, "ink": INK, "muted": MUTED, "grid": GRID, "axis": AXIS, "fan": FAN, "break": BREAK}
_LIGHT = "".join(_colours(name, paint, dark=False) for name, paint in _NAMED.items())
_DARK = "".join(_colours(name, paint, dark=True) for name, paint in _NAMED.items())

STYLE = f"""
:root {{ {_LIGHT}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK}}} }}
""" + """
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.45;
  font-family: FAMILIES; font-size: 15px; -webkit-text-size-adjust: 100%; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 40px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
p { margin: 0; }
.lead { color: var(--muted); margin-top: 4px; }
.switches { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 16px; }
.switches button { font: inherit; font-size: .87rem; color: var(--ink); background: var(--page); max-width: 100%;
  overflow-wrap: anywhere; text-align: start;
  border: 1px solid var(--axis); border-radius: 14px; padding: 3px 12px; cursor: pointer; }
.switches button[aria-pressed="false"] { color: var(--muted); border-style: dashed; text-decoration: line-through; }
button:focus-visible, svg:focus-visible, summary:focus-visible, .scroll:focus-visible {
  outline: 2px solid var(--fan); outline-offset: 2px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px;
  padding: 0; margin: 16px 0 0; font-size: .8rem; }
.legend li { display: flex; align-items: center; gap: 8px; }
.legend svg { flex: none; }
.panels { display: grid; gap: 24px; margin: 20px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
figure { margin: 0; min-width: 0; display: flex; flex-direction: column; justify-content: flex-end;
  break-inside: avoid; }
figure[hidden] { display: none; }
figure svg { display: block; width: 100%; height: auto; touch-action: pan-y; cursor: crosshair; }
.readout { color: var(--muted); font-size: .8rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.readout.low { min-height: 2.7em; }
.readout.tall { min-height: 4.05em; }
.guide { stroke: var(--ink); stroke-width: 1; stroke-opacity: .55; pointer-events: none; }
.notes { color: var(--muted); font-size: .8rem; overflow-wrap: anywhere; }
section { margin: 28px 0; font-size: .87rem; break-inside: avoid; }
section p { max-width: 70em; margin-top: 4px; overflow-wrap: anywhere; }
section img { display: block; width: 100%; min-width: 600px; max-width: 880px; height: auto; margin-top: 10px;
  background: #fff; }
details { margin-top: 14px; font-size: .85rem; }
details ul { color: var(--muted); overflow-wrap: anywhere; }
summary { cursor: pointer; }
.scroll { overflow-x: auto; margin-top: 8px; }
.scroll:has(table) {  /* a shade at each side that more can be scrolled to */
  background: linear-gradient(to right, var(--page) 40%, transparent) left / 36px 100% no-repeat local,
    linear-gradient(to left, var(--page) 40%, transparent) right / 36px 100% no-repeat local,
    linear-gradient(to right, var(--axis), transparent) left / 7px 100% no-repeat scroll,
    linear-gradient(to left, var(--axis), transparent) right / 7px 100% no-repeat scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--grid); white-space: nowrap;
  vertical-align: top; }
td.long { white-space: normal; min-width: 11em; }
@media print {
  :root { font-size: 12px; }
  body { font-size: 12px; }
  details:not([open]) { display: none; }
  main { padding: 0; max-width: none; }
  .switches { display: none; }
  section img { min-width: 0; }
  .scroll, .scroll:has(table) { overflow: visible; background: none; }
  td, th { white-space: normal; min-width: 0; }
  tr { break-inside: avoid; }
  .panels { grid-template-columns: repeat(3, 1fr); gap: 14px; }
}
""".replace("FAMILIES", FONT_FAMILIES)

SCRIPT = """
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("sheet").textContent);
  const buttons = [...document.querySelectorAll(".switches button")];
  const panels = [...document.querySelectorAll("figure")].map((figure, n) => {
    const readout = figure.querySelector(".readout");
    return { figure, readout, headline: readout.textContent, plot: figure.querySelector("svg"),
             guide: figure.querySelector(".guide"), texts: data.readouts[n] };
  });
  let shown = null;

  function show(place) {
    shown = place;
    for (const { readout, headline, guide, texts } of panels) {
      const text = place === null ? headline : texts[place] || "nothing known";
      if (readout.textContent !== text) readout.textContent = text;
      guide.setAttribute("visibility", place === null ? "hidden" : "visible");
      if (place !== null) {
        guide.setAttribute("x1", data.x[place]);
        guide.setAttribute("x2", data.x[place]);
      }
    }
  }

  function nearest(plot, event) {
    const box = plot.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * plot.viewBox.baseVal.width;
    let best = 0;
    data.x.forEach((place, n) => { if (Math.abs(place - x) < Math.abs(data.x[best] - x)) best = n; });
    return best;
  }

  for (const { plot } of panels) {
    plot.addEventListener("pointermove", event => show(nearest(plot, event)));
    plot.addEventListener("pointerdown", event => show(nearest(plot, event)));
    plot.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") show(null); });
    plot.addEventListener("blur", () => show(null));
    plot.addEventListener("keydown", event => {
      const last = data.x.length - 1;
      const from = shown === null ? last + 1 : shown;
      const moves = { ArrowLeft: Math.max(from - 1, 0), ArrowRight: Math.min(from + 1, last), Home: 0, End: last };
      const to = moves[event.key];
      if (event.key === "Escape") show(null);
      else if (to !== undefined) { event.preventDefault(); show(to); }
    });
  }

  buttons.forEach((button, n) => button.addEventListener("click", () => {
    const hide = !panels[n].figure.hidden;
    if (hide && panels.filter(panel => !panel.figure.hidden).length === 1) return;  // an empty page would say nothing
    panels[n].figure.hidden = hide;
    button.setAttribute("aria-pressed", String(!hide));
  }));
})();
"""
