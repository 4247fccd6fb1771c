"""Results as a person reads them in a terminal: shares in per cent, as many providers abreast as there is room for."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from forecast.figures import MarketInfo
from forecast.quarter import Quarter
from forecast.results import Forecast, History, Status, level_name

if TYPE_CHECKING:
    from forecast.events import League
    from forecast.revenue import Revenue

_DASH = "\N{EN DASH}"  # between two bounds, or where there is nothing
_WIDEST_NAME = 14  # characters of a provider's name before it is broken into lines
_GAP = 2  # spaces before a column

_LEGEND = (
    "33.4 reported · 33.4* combined: from a stated sum, rest or amount · ~33.4 inferred from growth, years or quarters "
    f"around · {_DASH} unknown"
)


def print_forecast(console: Console, forecast: Forecast, *, levels: Sequence[float] | None = None) -> None:
    """Print a forecast: a block per quarter, the mean and under it the interval of each level, providers abreast.

    Args:
        console: Where to.
        forecast: What to print.
        levels: Those of the forecast's levels to show; None for all.
    """
    shown = [n for n, level in enumerate(forecast.levels) if levels is None or level in levels]
    first, last = forecast.periods[0], forecast.periods[-1]
    _print_heading(console, forecast.market, forecast.house, f"forecast of {first} to {last}")
    for condition in forecast.given:
        console.print(f"what if: {condition}", style="bold", markup=False)
    _print_data(console, forecast.history, f"origin {forecast.origin}", forecast)
    made = forecast.provenance
    used = ", ".join(f"{name} {weight:.0%}" for name, weight in made.used if name != made.model)
    prior = f", prior {made.prior}" if made.prior else ""
    console.print(
        f"model {made.model}{f' ({used})' if used else ''}{prior}, seed {made.seed}", style="dim", markup=False
    )
    if made.measured_coverage and shown:
        held = ", ".join(f"{level_name(forecast.levels[n])} % held {made.measured_coverage[n]:.0%}" for n in shown)
        console.print(f"Measured on other real markets, intervals of {held}.", style="dim", markup=False)
    console.print("Shares in per cent: the mean, and the interval of each level below it.", style="dim")
    labels = [
        Text("\n").join([Text(str(period)), *(Text(f"{level_name(forecast.levels[n])} %", style="dim") for n in shown)])
        for period in forecast.periods
    ]
    cells = [
        [_forecast_cell(forecast, h, k, shown) for k in range(len(forecast.providers))] for h in range(forecast.horizon)
    ]
    _print_grid(console, labels, forecast.providers, cells, blank_between=bool(shown))
    _print_notes(console, (*made.notes, *forecast.warnings))


def print_revenue(console: Console, revenue: "Revenue") -> None:
    """Print amounts: a block per quarter, the mean, the interval of each level and growth, the market last."""
    console.print(f"{revenue.unit} a quarter: mean, interval of each level, growth over a year.", style="dim")
    used = " and ".join(name.replace("_", " ") for name, _ in revenue.used)
    past = revenue.totals
    span_ = span(past.quarters[0], past.quarters[-1])
    console.print(f"The market's total by {used}, fitted to {span_}.", style="dim", markup=False)
    digits = 1 if revenue.amounts.mean[0, -1] >= 100.0 else 2
    labels = [
        Text("\n").join(
            [
                Text(str(period)),
                *(Text(f"{level_name(level)} %", style="dim") for level in revenue.levels),
                Text("growth", style="dim"),
            ]
        )
        for period in revenue.periods
    ]
    names = (*revenue.providers, "Market")
    cells = [[_revenue_cell(revenue, h, k, digits) for k in range(len(names))] for h in range(len(revenue.periods))]
    _print_grid(console, labels, names, cells, blank_between=True)
    _print_notes(console, revenue.notes)


def print_league(console: Console, league: "League") -> None:
    """Print a row per quarter: concentration with its intervals, then each provider's rank and chance to lead."""
    from forecast.wording import probability_text

    order, index = league.ranks, league.concentration
    console.print(
        "Expected rank, and below it the probability of leading. HHI: sum of squared shares times 10,000, Others left "
        "out, and its intervals.",
        style="dim",
    )
    labels = [Text(str(quarter)) for quarter in (league.origin, *league.periods)]
    cells = [[Text(f"{10_000 * index.latest:,.0f}"), *(Text(f"{rank:.1f}") for rank in order.latest)]]
    for h in range(len(league.periods)):
        bounds = [
            Text(f"{10_000 * index.lower[n, h]:,.0f}{_DASH}{10_000 * index.upper[n, h]:,.0f}", style="dim")
            for n in range(len(index.levels))
        ]
        row = [Text("\n").join([Text(f"{10_000 * index.mean[h]:,.0f}", style="bold"), *bounds])]
        for k in range(len(order.providers)):
            leads = probability_text(float(order.first[h, k]), league.draws)
            row.append(Text("\n").join([Text(f"{order.expected[h, k]:.1f}", style="bold"), Text(leads, style="dim")]))
        cells.append(row)
    _print_grid(console, labels, ("HHI", *order.providers), cells, blank_between=True)


def print_history(console: Console, history: History) -> None:
    """Print a history: a row per quarter, providers abreast, every share marked with how it is known."""
    what = f"history of {history.quarters[0]} to {history.quarters[-1]}" if history.quarters else "history"
    _print_heading(console, history.market, history.house, what)
    _print_data(console, history)
    console.print(f"Shares in per cent: {_LEGEND}", style="dim")
    labels = [Text(str(quarter)) for quarter in history.quarters]
    cells = [
        [_history_cell(float(share), status) for share, status in zip(shares, statuses, strict=True)]
        for shares, statuses in zip(history.share, history.status, strict=True)
    ]
    _print_grid(console, labels, history.providers, cells)
    broken = tuple(f"series break before {quarter}: {change}" for quarter, change in history.breaks)
    _print_notes(console, (*broken, *history.warnings))


def print_markets(console: Console, markets: Sequence[MarketInfo]) -> None:
    """Print the markets, and under each its houses: quarters, number of figures, providers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for name in ("market and house", "quarters", "figures"):
        table.add_column(name, justify="right" if name == "figures" else "left", no_wrap=True)
    table.add_column("providers", overflow="fold")
    for number, info in enumerate(markets):
        if number:
            table.add_row()
        table.add_row(Text(info.market, style="bold"))
        for house in info.houses:
            providers = Text(", ".join(house.providers))
            table.add_row(Text(f"  {house.name}"), span(house.first, house.last), f"{house.figures:,}", providers)
    console.print(table)


def span(first: Quarter | None, last: Quarter | None) -> str:
    """Two quarters as one text; a dash where there is none."""
    return f"{first}{_DASH}{last}" if first is not None and last is not None else _DASH


def _print_heading(console: Console, market: str, house: str, what: str) -> None:
    console.print(f"[bold]{escape(market)}[/bold]{f', {escape(house)}' if house else ''}: {what}")


def _print_data(
    console: Console, history: History | None, first: str | None = None, forecast: Forecast | None = None
) -> None:
    as_of = history.as_of if history is not None else forecast.as_of if forecast is not None else None
    facts = [] if first is None else [first]
    own = history is not None and history.completed is not None
    facts.append(f"as known on {as_of}" if as_of is not None else "as given" if own else "every figure known")
    if history is not None and own:
        facts.append(f"{history.figures_used:,} shares of a table of one's own")
    elif history is not None:
        facts.append(f"{history.figures_used:,} figures, the newest of {history.vintage}")
    console.print(" · ".join(facts), style="dim")
    if history is not None and history.source_line:
        console.print(history.source_line, style="dim", markup=False)


def _print_notes(console: Console, notes: Sequence[str]) -> None:
    for note in notes:
        console.print(f"note: {note}", style="dim", markup=False)


def _print_grid(
    console: Console,
    labels: Sequence[Text],
    providers: Sequence[str],
    cells: Sequence[Sequence[Text]],
    *,
    blank_between: bool = False,
) -> None:
    """Print rows by providers; providers that do not fit the width follow below in a table of their own."""
    label_width = max((_width(label) for label in labels), default=0)
    widths = [
        max(min(len(name), _WIDEST_NAME), *(_width(row[k]) for row in cells), max(map(len, name.split()), default=0))
        for k, name in enumerate(providers)
    ]
    for columns in _abreast(widths, console.width - label_width):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 0), show_edge=False)
        table.add_column("", no_wrap=True)
        for k in columns:
            table.add_column(Text(providers[k]), justify="right", width=widths[k] + _GAP - 1, overflow="fold")
        for number, (label, row) in enumerate(zip(labels, cells, strict=True)):
            if blank_between and number:
                table.add_row()
            table.add_row(label, *(row[k] for k in columns))
        console.print()
        console.print(table)
    console.print()


def _abreast(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    row: list[int] = []
    taken = 0
    for place, width in enumerate(widths):
        if row and taken + width + _GAP > room:
            yield row
            row, taken = [], 0
        row.append(place)
        taken += width + _GAP
    if row:
        yield row


def _forecast_cell(forecast: Forecast, h: int, k: int, levels: Sequence[int]) -> Text:
    mean = Text(_per_cent(forecast.mean[h, k]), style="bold")
    bounds = ((_per_cent(forecast.lower[n, h, k]), _per_cent(forecast.upper[n, h, k])) for n in levels)
    return Text("\n").join([mean, *(Text(f"{lower}{_DASH}{upper}", style="dim") for lower, upper in bounds)])


def _revenue_cell(revenue: "Revenue", h: int, k: int, digits: int) -> Text:
    amounts, growth = revenue.amounts, float(revenue.growths.median[h, k])
    lines = [Text(f"{amounts.mean[h, k]:,.{digits}f}", style="bold")]
    for n in range(len(revenue.levels)):
        lower, upper = amounts.lower[n, h, k], amounts.upper[n, h, k]
        lines.append(Text(f"{lower:,.{digits}f}{_DASH}{upper:,.{digits}f}", style="dim"))
    lines.append(Text(_DASH if math.isnan(growth) else f"{100 * growth:+.0f} %", style="dim"))
    return Text("\n").join(lines)


def _history_cell(share: float, status: Status) -> Text:
    match status:
        case Status.REPORTED:
            return Text(f"{_per_cent(share)} ")  # the space keeps the points under each other beside a *
        case Status.COMBINED:
            return Text(f"{_per_cent(share)}*")
        case Status.INFERRED:
            return Text(f"~{_per_cent(share)} ", style="dim")
        case Status.UNKNOWN:
            return Text(f"{_DASH} ", style="dim")


def _per_cent(share: float) -> str:
    return _DASH if math.isnan(share) else f"{100 * share:.1f}"


def _width(text: Text) -> int:
    return max(len(line) for line in text.plain.split("\n"))
