"""How much room an answer takes, told before it is worked out: most clients take no message beyond 4 MiB."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from forecast.errors import InvalidArgument
from forecast.forecasting import DRAWS
from forecast.scorecard import DISTANCES
from service.queries import PLAIN_BYTES, BacktestQuery
from sharecast.v1.batch_pb2 import MarketForecast
from sharecast.v1.forecast_service_pb2 import ForecastResponse
from sharecast.v1.market_service_pb2 import GetHistoryResponse

_BESIDE_BYTES = 256 * 2**10  # of those, for what an answer says beside its numbers: provenance, warnings, events
_PROVIDER_BYTES, _LEVEL_BYTES, _NUMBER_BYTES, _FLOAT_BYTES = 24, 24, 8, 4  # the most, with their tags and lengths
BESIDE_OUTCOME = 16 * 2**10  # what a message says beside the outcome of one market: its name, a job and why it failed
MOST_AHEAD = 6_000_000  # providers * providers * quarters of a market that is forecast: some 800 MB and 5 s
_QUARTER_BYTES = 8  # such as "2020Q3"
_SCORE_BYTES, _SCORE_LEVEL_BYTES = 23, 9  # of a score the most that it takes beside its texts and its level
_PLAIN_SCORES = (*DISTANCES, *(f"{name}_skill" for name in DISTANCES))  # that have no level
_ASKED_AS = {  # a field of an answer that the words of a question fill: what asks for it
    "providers": "levels",
    "history": "include_history",
    "events": "events",
    "conditions": "conditions",
    "league": "include_league",
    "revenue": "revenue",
    "draws": "include_draws",
}


def answer_bytes(providers: Collection[str], /, *, horizon: int, levels: int) -> int:
    """The most bytes that the numbers of a forecast take in a message.

    Args:
        providers: Their names.
        horizon: Quarters ahead.
        levels: How many there are.
    """
    column = horizon * _NUMBER_BYTES
    each = _PROVIDER_BYTES + 2 * column + levels * (_LEVEL_BYTES + 2 * column)
    return len(providers) * each + _name_bytes(providers)


def league_bytes(providers: Collection[str], /, *, horizon: int, levels: int) -> int:
    """The same of ranks, leaders and concentration."""
    column = horizon * _NUMBER_BYTES
    ranks = len(providers) * (_PROVIDER_BYTES + _NUMBER_BYTES + 2 * column) + _name_bytes(providers)
    concentration = _PROVIDER_BYTES + _NUMBER_BYTES + 2 * column + levels * (_LEVEL_BYTES + 2 * column)
    return ranks + concentration


def revenue_bytes(providers: Collection[str], /, *, horizon: int, levels: int, past: int) -> int:
    """The same of revenue.

    Args:
        providers: Their names, and so are the others as of `answer_bytes`.
        horizon: Quarters ahead.
        levels: How many there are.
        past: Quarters of the past that have a total.
    """
    column = horizon * _NUMBER_BYTES
    each = _PROVIDER_BYTES + 3 * column + past * _NUMBER_BYTES + 2 * levels * (_LEVEL_BYTES + 2 * column)
    market = each + _PROVIDER_BYTES + past * (_QUARTER_BYTES + _NUMBER_BYTES)
    return len(providers) * each + _name_bytes(providers) + market


def draws_bytes(providers: Collection[str], /, *, horizon: int) -> int:
    """The same of joint draws."""
    return (DRAWS * horizon * _FLOAT_BYTES + _NUMBER_BYTES) * len(providers) + _PROVIDER_BYTES


def scores_bytes(query: BacktestQuery, /) -> int:
    """The most bytes that the scores of a backtest take in a message."""
    levels, each = len(query.levels), query.horizon + 1  # quarters ahead, and all of them together
    name = _name_bytes([query.market])
    size = 0
    for model in query.models:
        for place in (0, name + 3):  # all markets together, and the one
            row = _SCORE_BYTES + place + _name_bytes([model])
            covered = row + _SCORE_LEVEL_BYTES
            size += each * levels * (covered + len("coverage")) + levels * (covered + len("simultaneous_coverage"))
            size += each * sum(row + len(measure) for measure in _PLAIN_SCORES)
    return size


def check_scores_room(query: BacktestQuery, /) -> None:
    """Refuse a backtest whose scores no message has room for.

    Raises:
        InvalidArgument: it is one; names the levels where fewer of them would do, else the models.
    """
    most = PLAIN_BYTES - _BESIDE_BYTES
    if scores_bytes(query) <= most:
        return
    none, one = (scores_bytes(replace(query, levels=levels)) for levels in ((), (0.5,)))
    levels, models = len(query.levels), len(query.models)
    asked = f"{levels} levels of {models} models, {query.horizon} quarters ahead"
    fit = (most - none) // (one - none)
    if fit >= 1:
        raise InvalidArgument("levels", levels, f"{fit} at most", f"are too many for one answer: {asked}")
    raise InvalidArgument("models", models, "ask for fewer", f"are too many for one answer: {asked}")


@dataclass(frozen=True, slots=True)
class Beside:
    """What is to come with a forecast."""

    history: int = 0  # bytes of it
    league: bool = False  # ranks, leaders and concentration
    past: int | None = None  # quarters of the past that have a total, where revenue is to come
    draws: bool = False


def check_ahead(providers: Collection[str], quarters: int, /) -> None:
    """Refuse to forecast a market so wide that a forecast takes the memory of the machine.

    Args:
        providers: Their names.
        quarters: Of its past.

    Raises:
        InvalidArgument: it is one.
    """
    if len(providers) ** 2 * quarters <= MOST_AHEAD:
        return
    fit = int((MOST_AHEAD / quarters) ** 0.5)
    problem = f"is too wide to be forecast here: {len(providers)} providers over {quarters} quarters"
    allowed = f"{fit} providers at most over so many quarters: add the smallest up as Others"
    raise InvalidArgument("market", len(providers), allowed, problem)


def check_room(providers: Collection[str], /, *, horizon: int, levels: int, beside: Beside | None = None) -> None:
    """Refuse a forecast that no message has room for.

    Args:
        providers: Their names, and so are the next two as of `answer_bytes`.
        horizon: Quarters ahead.
        levels: How many there are.
        beside: What is to come with it; None: nothing.

    Raises:
        InvalidArgument: it is one; names the levels where fewer of them would do for the forecast itself, else the
            horizon; else the largest of what is to come with it.
    """
    most = PLAIN_BYTES - _BESIDE_BYTES
    whole = answer_bytes(providers, horizon=horizon, levels=levels)
    asked = f"{levels} levels of {len(providers)} providers, {horizon} quarters ahead"
    if whole > most:
        none = answer_bytes(providers, horizon=horizon, levels=0)
        fit = (most - none) // (answer_bytes(providers, horizon=horizon, levels=1) - none)
        if fit >= 1:
            raise InvalidArgument("levels", levels, f"{fit} at most", f"are too many for one answer: {asked}")
        raise InvalidArgument("horizon", horizon, "ask for fewer quarters", f"is too long for one answer: {asked}")
    beside = beside or Beside()
    past = beside.past
    sizes = {
        "include_history": beside.history,
        "include_league": league_bytes(providers, horizon=horizon, levels=levels) if beside.league else 0,
        "revenue": 0 if past is None else revenue_bytes(providers, horizon=horizon, levels=levels, past=past),
        "include_draws": draws_bytes(providers, horizon=horizon) if beside.draws else 0,
    }
    if whole + sum(sizes.values()) <= most:
        return
    field = max(sizes, key=lambda name: sizes[name])
    left = most - whole - sum(sizes.values()) + sizes[field]
    alone = field == "include_history"
    remedy = "leave it out, or ask for it alone by GetHistory" if alone else "ask for fewer levels, or leave it out"
    if field == "include_draws":
        remedy = "ask for fewer quarters, or leave it out"
    problem = f"is too large for one answer: {sizes[field]} bytes beside {asked}"
    raise InvalidArgument(field, sizes[field], f"{max(left, 0)} bytes at most: {remedy}", problem)


def check_answer(answer: ForecastResponse | MarketForecast, /, *, beside: int = 0) -> None:
    """Refuse an answer that is too large after all: what the words of a question lead to is not known before.

    Args:
        answer: The answer.
        beside: Bytes that its message has beside it.

    Raises:
        InvalidArgument: it is one; names what asked for the largest part of it.
    """
    size = answer.ByteSize() + beside
    if size <= PLAIN_BYTES:
        return
    parts = dict.fromkeys(_ASKED_AS, 0)
    for field, value in answer.ListFields():
        if field.name in parts:  # messages, one or many
            parts[field.name] = sum(each.ByteSize() for each in ([value] if isinstance(value, Message) else value))
    largest = max(parts, key=lambda name: parts[name])
    raise InvalidArgument(
        _ASKED_AS[largest],
        parts[largest],
        f"ask for less of it: {PLAIN_BYTES} bytes in all",
        f"is too large for one answer: {parts[largest]} bytes of {size}",
    )


def check_history(answer: GetHistoryResponse, /, most_bytes: int) -> None:
    """Refuse a history that its caller cannot take.

    Args:
        answer: The answer.
        most_bytes: Of it, as its caller says.

    Raises:
        InvalidArgument: it has more.
    """
    size = answer.ByteSize()
    if size > most_bytes:
        raise InvalidArgument("most_bytes", most_bytes, f"{size} or more for this history, of a client that takes them")


def _name_bytes(providers: Collection[str]) -> int:
    return sum(len(name.encode(errors="surrogatepass")) for name in providers)
