"""A backtest as a person reads it in a terminal."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from forecast.results import level_name
from forecast.scorecard import REFERENCE, Backtest, Score

_DASH = "\N{EN DASH}"  # where there was nothing to measure
_ABREAST = 10  # quarters ahead, or models, side by side
_MOST_MARKETS = 30  # told one by one
_WIDEST_MARKET = 24  # characters
_T = TypeVar("_T")


def print_backtest(console: Console, found: Backtest) -> None:
    """Print a backtest: a row per model, then by quarters ahead, then by market where there are several."""
    _print_heading(console, found)
    _print_models(console, found)
    _print_horizons(console, found)
    if len(found.markets) > 1:
        _print_markets(console, found)
    for note in (*(f"left out: {skipped}" for skipped in found.skipped), *found.notes):
        console.print(f"note: {note}", style="dim", markup=False)


def _print_heading(console: Console, found: Backtest) -> None:
    one = len(found.markets) == 1
    name = found.markets[0] if one else f"{len(found.markets):,} markets"
    house = f", {found.house}" if found.house else ""
    heading = Text(name, style="bold").append(
        f"{house}: backtest of {found.forecasts:,} {'origin' if found.forecasts == 1 else 'origins'}, "
        f"{found.first_origin} to {found.last_origin}",
        style="not bold",
    )
    console.print(heading)
    scored = found.find("wis", model=found.models[0])
    cells = 0 if scored is None else scored.count
    console.print(
        f"up to {found.horizon} quarters ahead, from what was known then · {cells:,} shares to compare with · "
        f"seed {found.seed}",
        style="dim",
    )
    skill = f" Skill: 1 less the ratio of WIS to that of {REFERENCE}." if REFERENCE in found.models else ""
    console.print(f"WIS, energy score and MAE in points of share, smaller is better.{skill}", style="dim")
    levels = " / ".join(map(level_name, found.levels))
    console.print(
        f"Coverage: how often intervals of {levels} % held what came, in per cent; at once: how often the simultaneous "
        "bands held all of a forecast.",
        style="dim",
    )
    if not one:
        console.print("Every market has the same weight.", style="dim")


def _print_models(console: Console, found: Backtest) -> None:
    table = _table("model", "WIS", "skill", "energy", "MAE", "coverage", "at once")
    for model in found.models:

        def of(measure: str, level: float | None = None, model: str = model) -> Score | None:
            return found.find(measure, model=model, level=level)

        table.add_row(
            Text(model, style="bold"),
            _points(of("wis")),
            _DASH if model == REFERENCE else _per_cent(of("wis_skill"), " %"),
            _points(of("energy")),
            _points(of("mae")),
            " / ".join(_per_cent(of("coverage", level)) for level in found.levels),
            " / ".join(_per_cent(of("simultaneous_coverage", level)) for level in found.levels),
        )
    console.print()
    console.print(table)


def _print_horizons(console: Console, found: Backtest) -> None:
    reached = max((score.horizon or 0 for score in found.scores), default=0)
    for horizons in _parts(range(1, reached + 1), _ABREAST):
        table = _table("quarters ahead", *map(str, horizons))
        for model in found.models:

            def row(
                label: str,
                text: Callable[[Score | None], str],
                measure: str,
                level: float | None = None,
                model: str = model,
                horizons: Sequence[int] = horizons,
            ) -> tuple[str, ...]:
                found_here = (found.find(measure, model=model, level=level, horizon=h) for h in horizons)
                return (label, *map(text, found_here))

            table.add_row(Text(model, style="bold"))
            table.add_row(*row("  WIS", _points, "wis"))
            for level in found.levels:
                table.add_row(*row(f"  held {level_name(level)} %", _per_cent, "coverage", level))
        console.print()
        console.print(table)
    console.print()


def _print_markets(console: Console, found: Backtest) -> None:
    for models in _parts(found.models, 5):
        table = _table("WIS by market", *models)
        for market in found.markets[:_MOST_MARKETS]:
            shown = market if len(market) <= _WIDEST_MARKET else f"{market[: _WIDEST_MARKET - 1]}…"
            table.add_row(Text(shown), *(_points(found.find("wis", model=model, market=market)) for model in models))
        console.print(table)
    if len(found.markets) > _MOST_MARKETS:
        console.print(f"and {len(found.markets) - _MOST_MARKETS:,} more: --format csv has them all", style="dim")
    console.print()


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        # Coverages of many levels go on in a second line.
        table.add_column(Text(name), justify="right", no_wrap=name not in ("coverage", "at once"))
    return table


def _parts(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _points(score: Score | None) -> str:
    return _DASH if score is None else f"{score.value:.2f}"


def _per_cent(score: Score | None, sign: str = "") -> str:
    return _DASH if score is None else f"{round(100 * score.value)}{sign}"
