"""What changed in a forecast, as a person reads it in a terminal."""

import math
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from forecast.diff import Effect, ForecastDiff, NewBreak, NewStatement, change_text, is_seen
from forecast.results import level_name
from forecast.wording import points_text, value_text, whom

_DASH = "\N{EN DASH}"
_MEASURES = {
    "share": "of shares",
    "yoy_growth": "of growth",
    "spend_usd_bn": "of spend",
    "units_mn": "of units",
    "amount": "of amounts",
}


def print_diff(console: Console, found: ForecastDiff) -> None:
    """Print both forecasts beside each other, and then the new figures, those that changed most first."""
    heading = Text(found.market, style="bold").append(
        f", {found.house}: what changed in the forecast from {found.earlier} to {found.later}", "not bold"
    )
    console.print(heading)
    console.print(
        f"newest quarter {found.before.origin}, then {found.after.origin} · model {found.after.provenance.model}, "
        f"seed {found.after.provenance.seed}",
        style="dim",
    )
    told = (*found.statements, *found.breaks)
    if not told:
        console.print(f"nothing new: no figure was published in between, and {change_text(found.change)}")
    else:
        new = f"{len(found.statements):,} new {'statement' if len(found.statements) == 1 else 'statements'}"
        breaks = f" and {len(found.breaks)} declared break(s) of the series" if found.breaks else ""
        console.print(f"{new}{breaks}; {change_text(found.change)}")
    _print_forecasts(console, found)
    _print_told(console, found)
    for warning in found.after.warnings:
        console.print(f"note: {warning}", style="dim", markup=False)


def _print_forecasts(console: Console, found: ForecastDiff) -> None:
    levels = [level_name(level) for level in found.after.levels]
    console.print()
    console.print("Mean shares in per cent, the change in points, and the intervals of each day.", style="dim")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("quarter", no_wrap=True)
    table.add_column("provider", overflow="fold")
    several = len(levels) > 1
    one = "interval\n" if several else f"{levels[0]} % " if levels else ""
    intervals = (*(("level",) if several else ()), *((f"{one}before", f"{one}after") if levels else ()))
    for name in ("before", "after", "change", *intervals):
        table.add_column(name, justify="right", no_wrap=True)
    rows = found.to_frame().rows(named=True)
    for number, row in enumerate(rows):
        first = number % len(found.providers) == 0
        if first and number:
            table.add_row()
        bounds = [
            "\n".join(_interval(row[f"lower_{n}_{when}"], row[f"upper_{n}_{when}"]) for n in levels)
            for when in ("before", "after")
            if levels
        ]
        labels = ["\n".join(f"{n} %" for n in levels)] if several else []
        change = "" if row["change"] is None else points_text(row["change"], decimals=1)
        table.add_row(
            row["period"] if first else "",
            Text(row["provider"]),
            _per_cent(row["mean_before"]),
            _per_cent(row["mean_after"]),
            Text(change, style="bold"),
            *labels,
            *bounds,
        )
    console.print(table)


def _print_told(console: Console, found: ForecastDiff) -> None:
    both: tuple[NewStatement | NewBreak, ...] = (*found.breaks, *found.statements)
    effective = [told for told in both if is_seen(told.effect)]
    silent = [told for told in found.statements if not is_seen(told.effect)]
    if found.releases:
        _print_releases(console, found)
    if effective:
        console.print()
        together = (
            "And without each alone, the others staying" if found.releases else "How far it would be off without each"
        )
        console.print(f"{together}: of two that say the same, neither is missed.", style="dim")
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for name in ("mean", "most"):
            table.add_column(name, justify="right", no_wrap=True)
        for name in ("whose", "what was said", "published"):
            table.add_column(name, overflow="fold", no_wrap=name == "published")
        effective.sort(key=lambda told: -math.inf if told.effect is None else -told.effect.mean)
        for told in effective:
            table.add_row(*_effect_cells(told.effect), Text(_said(told)), str(told.published_at))
        console.print(table)
    if silent:
        console.print()
        kinds = Counter(told.measure for told in silent)
        listed = ", ".join(f"{count:,} {_MEASURES.get(measure, measure)}" for measure, count in kinds.most_common())
        more = " more" if effective else ""
        console.print(f"{len(silent):,}{more} changed it by less than 0.01 points: {listed}.")
    quiet = len(found.breaks) - sum(isinstance(told, NewBreak) for told in effective)
    if quiet:
        console.print(f"{quiet} declared break(s) changed it by less than 0.01 points.")


def _print_releases(console: Console, found: ForecastDiff) -> None:
    console.print()
    console.print(
        "How far the forecast would be off without all that came out on one day, in points: on average, and at most "
        "and whose.",
        style="dim",
    )
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("mean", "most"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("whose", "what came out", "published"):
        table.add_column(name, overflow="fold", no_wrap=name == "published")
    for told in found.releases:
        breaks = f" and {told.breaks} declared break(s)" if told.breaks else ""
        table.add_row(*_effect_cells(told.effect), f"{told.statements} statement(s){breaks}", str(told.published_at))
    console.print(table)


def _effect_cells(effect: Effect | None) -> tuple[str, str, Text]:
    if effect is None:
        return "", "", Text("no forecast without it")
    return f"{100 * effect.mean:.2f}", points_text(effect.largest), Text(f"{effect.provider} {effect.quarter}")


def _said(told: NewStatement | NewBreak) -> str:
    if isinstance(told, NewBreak):
        return f"break of the series before {told.period}: {told.description}"
    return f"{told.period} {whom('|'.join(told.providers))}: {_values(told)}{_known(told)}"


def _values(told: NewStatement) -> str:
    texts = [
        value_text(value, told.measure, told.unit, qualifier, decimals) + (f" ({mark})" if mark != "ok" else "")
        for value, qualifier, decimals, mark in zip(
            told.values, told.qualifiers, told.decimals, told.marks, strict=True
        )
    ]
    return ", ".join(texts)


def _known(told: NewStatement) -> str:
    other = [value for value in told.known_values if value not in told.values]
    if not other:
        return ""
    decimals = max(told.decimals)
    return " (before: " + _listed([value_text(v, told.measure, told.unit, "exact", decimals) for v in other]) + ")"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _interval(lower: float | None, upper: float | None) -> str:
    return _DASH if lower is None or upper is None else f"{100 * lower:.1f}{_DASH}{100 * upper:.1f}"


def _per_cent(share: float | None) -> str:
    return _DASH if share is None else f"{100 * share:.1f}"
